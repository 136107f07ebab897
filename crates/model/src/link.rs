//! What a link rests on: the key statement of an address, the six-digit code, the key-binding nonce
//! and the audience. Specified in `docs/spec/link.md`.

use crate::{
    AddressId, HubId, MessageId, Nonce, OrgId, PublicKeyFor, SecretKeyFor, Sha256Hash, cbor,
    cbor::Item,
    envelope::SUITE_1,
    id::Bytes,
    jose::{Object, ObjectError, Unverified, Verifier, base64url_encode},
    key::{Auth, Cnf, Deposit, Sign},
};
use denizen_guard::{Check, holds};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// `typ` of a key statement.
pub const KEYS_TYP: &str = "denizen-keys+json";

/// The keys of an address, stated under it by its `auth` key (R2). The hub is given `auth` only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyStatement {
    /// Version, 1.
    pub v: u8,
    /// The hub of the address.
    pub hub: HubId,
    /// The address.
    pub address: AddressId,
    /// Suite, 1.
    pub suite: u16,
    /// Its id is the hash of this key.
    pub auth: PublicKeyFor<Auth>,
    /// Signs messages.
    pub sign: PublicKeyFor<Sign>,
    /// Binds kept copies.
    pub cnf: PublicKeyFor<Cnf>,
    /// X-Wing public key, 1216 bytes.
    pub kem: Bytes,
    /// Signs deposits at the organisation's hub.
    pub deposit: PublicKeyFor<Deposit>,
}

/// Why a key statement is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyStatementError {
    /// Not signed by the address's own `auth` key.
    #[error("keys are not stated by their own address")]
    Signature(#[source] ObjectError),
    /// Another version, suite, or a key of wrong length.
    #[error("key statement is not understood")]
    Malformed,
    /// The address id is not the hash of `auth`.
    #[error("address is not the hash of its key")]
    OtherAddress,
}

impl KeyStatement {
    /// Signs the statement.
    #[must_use]
    pub fn sign_with(&self, auth: &SecretKeyFor<Auth>) -> Object {
        let payload = serde_json::to_vec(self).expect("a key statement is JSON");
        Object::sign(auth.signer(), "auth", KEYS_TYP, &payload)
    }

    /// Checks that the address itself states these keys.
    ///
    /// # Errors
    /// [`KeyStatementError`].
    pub fn verify(bytes: &[u8], verifier: &dyn Verifier) -> Result<Self, KeyStatementError> {
        let object = Unverified::parse(bytes).map_err(KeyStatementError::Signature)?;
        let claimed: Self = serde_json::from_slice(object.danger_payload())
            .map_err(|_| KeyStatementError::Malformed)?;
        let same = AddressId::of(&claimed.auth) == claimed.address;
        if !holds(Check::AddressIsHash, same) {
            return Err(KeyStatementError::OtherAddress);
        }
        object
            .verify(verifier, claimed.auth.key(), KEYS_TYP)
            .map_err(KeyStatementError::Signature)?;
        if claimed.v != 1 || claimed.suite != SUITE_1 || claimed.kem.0.len() != 1216 {
            return Err(KeyStatementError::Malformed);
        }
        Ok(claimed)
    }
}

/// The commitment to the holder's challenge that `link/accept` carries.
#[must_use]
pub fn code_commitment(holder_challenge: &Nonce) -> Sha256Hash {
    let hash = Sha256::new().chain_update(b"denizen/v1/code-commit");
    Sha256Hash::new(
        hash.chain_update(holder_challenge.as_bytes())
            .finalize()
            .into(),
    )
}

/// The six digits that both sides show: over the hash of the signed `link/accept`, the holder's
/// challenge (committed to in it, revealed after) and the organisation's challenge. Whoever scans
/// an invitation first cannot make his digits equal somebody else's.
#[must_use]
pub fn confirmation_code(
    accept_hash: &Sha256Hash,
    holder_challenge: &Nonce,
    org_challenge: &Nonce,
) -> String {
    let hash = Sha256::new()
        .chain_update(b"denizen/v1/code")
        .chain_update(accept_hash.as_bytes())
        .chain_update(holder_challenge.as_bytes())
        .chain_update(org_challenge.as_bytes())
        .finalize();
    let number = hash
        .iter()
        .take(8)
        .fold(0u64, |n, b| n << 8 | u64::from(*b));
    format!("{:06}", number % 1_000_000)
}

/// The nonce of a key-binding JWT: binds a presentation to one message to one organisation for one
/// purpose under one service version.
#[must_use]
pub fn kb_nonce(
    org: &OrgId,
    purpose: &str,
    service: Option<&Sha256Hash>,
    message: &MessageId,
) -> String {
    let bytes = cbor::array(&[
        Item::Text("denizen/v1/kb"),
        Item::Bytes(org.as_bytes()),
        Item::Text(purpose),
        service.map_or(Item::Null, |s| Item::Bytes(s.as_bytes())),
        Item::Bytes(message.as_bytes()),
    ]);
    base64url_encode(Sha256::digest(bytes))
}

/// The audience of a key-binding JWT.
#[must_use]
pub fn kb_audience(org: &OrgId) -> String {
    format!("denizen:{}", org.to_text())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use denizen_jose::Portable;

    #[test]
    fn keys_stated_for_another_address_are_refused() {
        let auth = SecretKeyFor::<Auth>::from_seed(&[1; 32]).unwrap();
        let other = SecretKeyFor::<Auth>::from_seed(&[2; 32]).unwrap();
        let statement = KeyStatement {
            v: 1,
            hub: HubId::new([0; 32]),
            address: AddressId::of(&auth.public_for()),
            suite: SUITE_1,
            auth: auth.public_for(),
            sign: SecretKeyFor::from_seed(&[3; 32]).unwrap().public_for(),
            cnf: SecretKeyFor::from_seed(&[4; 32]).unwrap().public_for(),
            kem: Bytes(vec![0; 1216]),
            deposit: SecretKeyFor::from_seed(&[5; 32]).unwrap().public_for(),
        };
        assert_eq!(
            KeyStatement::verify(statement.sign_with(&auth).as_bytes(), &Portable).unwrap(),
            statement
        );
        assert!(KeyStatement::verify(statement.sign_with(&other).as_bytes(), &Portable).is_err());
        let moved = KeyStatement {
            address: AddressId::of(&other.public_for()),
            ..statement
        };
        assert_eq!(
            KeyStatement::verify(moved.sign_with(&auth).as_bytes(), &Portable).unwrap_err(),
            KeyStatementError::OtherAddress
        );
    }

    #[test]
    fn a_code_is_six_digits_and_changes_with_each_part() {
        let (a, h, o) = (
            Sha256Hash::new([1; 32]),
            Nonce::new([2; 32]),
            Nonce::new([3; 32]),
        );
        let code = confirmation_code(&a, &h, &o);
        assert!(code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()));
        assert_ne!(code, confirmation_code(&a, &h, &Nonce::new([4; 32])));
        assert_ne!(code, confirmation_code(&a, &Nonce::new([4; 32]), &o));
        assert_ne!(code, confirmation_code(&Sha256Hash::new([4; 32]), &h, &o));
    }
}
