//! A helper's files: the card that the two compare in person, the mandate with what may be read, the
//! draft that comes back, the question at an office.

use super::{MandateClaims, MandateError};
use crate::{
    MessageId, OrgId, PublicKeyFor, SecretKeyFor, Sha256Hash, UnixTime,
    catalogue::Service,
    id::Bytes,
    jose::{Object, PublicKey, Unverified, Verifier},
    key::{Delegate, KeyPurpose, Mandate},
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// `typ` of a helper's card.
pub const CARD_TYP: &str = "denizen-helper+json";
/// `typ` of a mandate that a person gives a helper.
pub const GIVEN_TYP: &str = "denizen-mandate+json";
/// `typ` of a helper's draft.
pub const DRAFT_TYP: &str = "denizen-draft+json";
/// `typ` of a helper's question at an office.
pub const ASK_TYP: &str = "denizen-ask+json";
/// The version of all of them.
pub const GIVEN_V: u8 = 1;
/// Bytes of an X-Wing public key.
const KEM_SIZE_BYTES: usize = 1216;
/// Groups of four digits that the two compare: 79 bits, so that nobody searches for another card with
/// the same ones.
const DIGIT_GROUPS: usize = 6;

/// Why a file between a person and her helper is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a whole file between a person and her helper, or changed on the way")]
pub struct MandateFileError;

/// What a helper hands over first: a name for people, and two keys of this one relation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HelperCard {
    /// Version, 1.
    pub v: u8,
    /// How the helper wants to be called.
    pub name: String,
    /// Signs drafts and questions; the mandate names its thumbprint.
    pub key: PublicKeyFor<Delegate>,
    /// X-Wing public key to which the mandate is sealed.
    pub kem: Bytes,
}

/// What a helper may read of a record: plain values that prove nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Excerpt {
    /// Its name within this file: says nothing outside of it.
    pub name: String,
    /// Its kind.
    pub vct: String,
    /// Who issued it.
    pub issuer: String,
    /// The values that the person chose.
    pub claims: Map<String, Value>,
    /// The last day on which it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Date>,
}

/// A service that the helper may prepare for, as its office declared it in public.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferedService {
    /// Hash of its directory entry.
    pub hash: Sha256Hash,
    /// The office's name.
    pub office: String,
    /// The declaration.
    pub service: Service,
}

/// An application of which the helper may ask the state at the office.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenApplication {
    /// The office.
    pub org: OrgId,
    /// Its name.
    pub office: String,
    /// The office's case reference.
    pub case_reference: String,
    /// The service.
    pub service: String,
}

/// A mandate with what goes with it, signed by the person's key for this helper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// Version, 1.
    pub v: u8,
    /// Names the mandate.
    pub id: MessageId,
    /// The person's key for this helper.
    pub key: PublicKeyFor<Mandate>,
    /// X-Wing public key to which drafts are sealed.
    pub kem: Bytes,
    /// When it was made; a newer file replaces an older one.
    pub made: UnixTime,
    /// The claims of a mandate, as the kind has them.
    pub claims: Map<String, Value>,
    /// What may be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read: Vec<Excerpt>,
    /// What may be prepared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<OfferedService>,
    /// What may be asked at offices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receive: Vec<GivenApplication>,
}

/// What a helper prepared. It files nothing: the person looks at it and files herself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HelperDraft {
    /// Version, 1.
    pub v: u8,
    /// The helper's key.
    pub key: PublicKeyFor<Delegate>,
    /// The mandate.
    pub mandate: MessageId,
    /// Random name of the draft.
    pub id: MessageId,
    /// When it was made.
    pub made: UnixTime,
    /// Hash of the service's directory entry.
    pub service: Sha256Hash,
    /// Answers to the service's questions.
    pub answers: Value,
    /// Records to add where the service leaves the choice, by their names in the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<String>,
    /// A word to the person.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// A helper's question about the state of one case, shown at the office.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// Version, 1.
    pub v: u8,
    /// The helper's key.
    pub key: PublicKeyFor<Delegate>,
    /// The mandate.
    pub mandate: MessageId,
    /// Random: a question is answered once.
    pub id: MessageId,
    /// The office.
    pub org: OrgId,
    /// The office's case reference.
    pub case_reference: String,
    /// When it was made.
    pub made: UnixTime,
}

/// The digits that person and helper read to each other.
#[must_use]
pub fn card_digits(card: &[u8]) -> String {
    let hash = Sha256::new()
        .chain_update(b"denizen/v1/helper-code")
        .chain_update(card)
        .finalize();
    let groups = hash.chunks(4).take(DIGIT_GROUPS).map(|chunk| {
        let number = chunk.iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
        format!("{:04}", number % 10_000)
    });
    groups.collect::<Vec<_>>().join(" ")
}

fn sign<T: Serialize, P: KeyPurpose>(value: &T, key: &SecretKeyFor<P>, typ: &str) -> Vec<u8> {
    let payload = serde_json::to_vec(value).expect("a mandate's file is JSON");
    Object::sign(key.signer(), P::NAME, typ, &payload).into_bytes()
}

/// Reads an object that is signed by the key that it names: whose key that is, the caller asks next.
fn read<T: DeserializeOwned>(
    bytes: &[u8],
    typ: &str,
    key: impl Fn(&T) -> (u8, &PublicKey),
    verifier: &dyn Verifier,
) -> Result<T, MandateFileError> {
    let object = Unverified::parse(bytes).map_err(|_| MandateFileError)?;
    let value: T = serde_json::from_slice(object.danger_payload()).map_err(|_| MandateFileError)?;
    let (v, key) = key(&value);
    if v != GIVEN_V {
        return Err(MandateFileError);
    }
    object
        .verify(verifier, key, typ)
        .map_err(|_| MandateFileError)?;
    Ok(value)
}

impl HelperCard {
    /// Signs.
    #[must_use]
    pub fn sign(&self, key: &SecretKeyFor<Delegate>) -> Vec<u8> {
        sign(self, key, CARD_TYP)
    }

    /// Reads a card that is signed by its own key. Whose it is, the digits tell.
    ///
    /// # Errors
    /// [`MandateFileError`].
    pub fn read(bytes: &[u8], verifier: &dyn Verifier) -> Result<Self, MandateFileError> {
        let card: Self = read(bytes, CARD_TYP, |c: &Self| (c.v, c.key.key()), verifier)?;
        if card.kem.0.len() == KEM_SIZE_BYTES && !card.name.trim().is_empty() {
            Ok(card)
        } else {
            Err(MandateFileError)
        }
    }
}

impl Given {
    /// Signs.
    #[must_use]
    pub fn sign(&self, key: &SecretKeyFor<Mandate>) -> Vec<u8> {
        sign(self, key, GIVEN_TYP)
    }

    /// Reads a mandate that is signed by the key that it names.
    ///
    /// # Errors
    /// [`MandateFileError`].
    pub fn read(bytes: &[u8], verifier: &dyn Verifier) -> Result<Self, MandateFileError> {
        read(bytes, GIVEN_TYP, |g: &Self| (g.v, g.key.key()), verifier)
    }

    /// What of it is judged.
    ///
    /// # Errors
    /// [`MandateError::Missing`].
    pub fn mandate(&self) -> Result<MandateClaims, MandateError> {
        MandateClaims::read(&self.claims)
    }
}

impl HelperDraft {
    /// Signs.
    #[must_use]
    pub fn sign(&self, key: &SecretKeyFor<Delegate>) -> Vec<u8> {
        sign(self, key, DRAFT_TYP)
    }

    /// Reads a draft that is signed by the key that it names.
    ///
    /// # Errors
    /// [`MandateFileError`].
    pub fn read(bytes: &[u8], verifier: &dyn Verifier) -> Result<Self, MandateFileError> {
        read(bytes, DRAFT_TYP, |d: &Self| (d.v, d.key.key()), verifier)
    }
}

impl Ask {
    /// Signs.
    #[must_use]
    pub fn sign(&self, key: &SecretKeyFor<Delegate>) -> Vec<u8> {
        sign(self, key, ASK_TYP)
    }

    /// Reads a question that is signed by the key that it names.
    ///
    /// # Errors
    /// [`MandateFileError`].
    pub fn read(bytes: &[u8], verifier: &dyn Verifier) -> Result<Self, MandateFileError> {
        read(bytes, ASK_TYP, |a: &Self| (a.v, a.key.key()), verifier)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::jose::Portable;

    fn card(seed: u8) -> (HelperCard, SecretKeyFor<Delegate>) {
        let key = SecretKeyFor::from_seed(&[seed; 32]).unwrap();
        let card = HelperCard {
            v: 1,
            name: "Nargis".to_owned(),
            key: key.public_for(),
            kem: Bytes(vec![7; KEM_SIZE_BYTES]),
        };
        (card, key)
    }

    #[test]
    fn a_card_is_signed_by_its_own_key_and_every_flipped_byte_is_refused_or_shown() {
        let (card, key) = card(1);
        let bytes = card.sign(&key);
        assert_eq!(HelperCard::read(&bytes, &Portable), Ok(card.clone()));
        let digits = card_digits(&bytes);
        assert_eq!(digits.len(), 29);
        for at in 0..bytes.len() {
            let mut bent = bytes.clone();
            bent[at] ^= 1;
            assert!(HelperCard::read(&bent, &Portable).is_err(), "{at}");
            assert_ne!(card_digits(&bent), digits);
        }
        let other = super::tests::card(2).1;
        assert!(HelperCard::read(&card.sign(&other), &Portable).is_err());
    }

    #[test]
    fn one_file_does_not_stand_for_another() {
        let (card, key) = card(1);
        let ask = Ask {
            v: 1,
            key: card.key.clone(),
            mandate: MessageId::new([1; 16]),
            id: MessageId::new([2; 16]),
            org: OrgId::new([3; 32]),
            case_reference: "A-1".to_owned(),
            made: UnixTime(1),
        };
        assert_eq!(Ask::read(&ask.sign(&key), &Portable), Ok(ask.clone()));
        let swapped = sign(&ask, &key, DRAFT_TYP);
        assert!(Ask::read(&swapped, &Portable).is_err());
        let newer = sign(&Ask { v: 2, ..ask }, &key, ASK_TYP);
        assert!(Ask::read(&newer, &Portable).is_err());
    }
}
