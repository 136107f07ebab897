//! Credentials as they were read, so that nobody reads one twice: what a text says under a key that
//! signed it never changes. Which key counts is asked each time.

use crate::{
    Holder,
    checked::Naming,
    pages::Laid,
    profile::HeldRecord,
    records::{RecordError, issuer_key},
};
use denizen_credential::{StatusRef, UnverifiedCredential, VerifiedCredential};
use denizen_jose::{Alg, PublicKey};
use denizen_model::{PublicKeyFor, Sha256Hash, id::Bytes, key::Issuer};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// A kept copy that was read.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) credential: Arc<VerifiedCredential>,
    /// The key that signed it.
    pub(crate) key: PublicKey,
    /// Names the signature, if it was found good.
    pub(crate) named: Option<Sha256Hash>,
}

/// Counts up when credentials are read in another way: what an earlier program read is read anew.
pub(crate) const READING: u8 = b'1';

/// What lists need of a kept copy, as it lies beside it in a page: no list reads a credential twice.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(from = "SaidRow")]
pub(crate) struct Said {
    iss: String,
    kid: String,
    /// The key that signed it, a point of P-256.
    key: Bytes,
    iat: Option<i64>,
    status: Option<StatusRef>,
    claims: Arc<Map<String, Value>>,
}

/// The same as it is written, its members in their order.
type SaidRow = (
    String,
    String,
    Bytes,
    Option<i64>,
    Option<StatusRef>,
    Arc<Map<String, Value>>,
);

impl From<SaidRow> for Said {
    fn from((iss, kid, key, iat, status, claims): SaidRow) -> Self {
        Self {
            iss,
            kid,
            key,
            iat,
            status,
            claims,
        }
    }
}

impl Serialize for Said {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            iss,
            kid,
            key,
            iat,
            status,
            claims,
        } = self;
        (iss, kid, key, iat, status, claims).serialize(serializer)
    }
}

/// What a kept copy says, read now or before.
#[derive(Debug, Clone)]
pub(crate) enum Says {
    Read(Arc<VerifiedCredential>),
    Kept(Arc<Said>),
}

impl Says {
    pub(crate) fn claims(&self) -> &Arc<Map<String, Value>> {
        match self {
            Self::Read(credential) => credential.shared_claims(),
            Self::Kept(said) => &said.claims,
        }
    }

    pub(crate) fn iat(&self) -> Option<i64> {
        match self {
            Self::Read(credential) => credential.iat(),
            Self::Kept(said) => said.iat,
        }
    }

    pub(crate) fn status(&self) -> Option<&StatusRef> {
        match self {
            Self::Read(credential) => credential.status(),
            Self::Kept(said) => said.status.as_ref(),
        }
    }
}

/// Kept copies that were read since the profile was opened, or that a page says were read before, by the
/// hash that names them.
#[derive(Debug, Default)]
pub(crate) struct Read(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    known: BTreeMap<Sha256Hash, (String, Known)>,
    /// Beside the record in its page.
    said: BTreeMap<Sha256Hash, (Arc<Laid>, Arc<Said>)>,
    /// How often a credential was really read.
    count: u64,
}

impl Read {
    /// What this text said, if it was read.
    pub(crate) fn get(&self, kept: &Sha256Hash, text: &str) -> Option<Known> {
        self.with(|memory| {
            let (same, known) = memory.known.get(kept)?;
            (same == text).then(|| known.clone())
        })
    }

    /// Keeps what a kept copy says, under its own hash.
    pub(crate) fn keep(&self, kept: Sha256Hash, text: &str, known: Known) {
        self.with(|memory| memory.known.insert(kept, (text.to_owned(), known)));
    }

    /// Takes in what a page says that this text said, as only this root could seal it, beside a signature
    /// that was good.
    pub(crate) fn danger_remember(&self, laid: &Arc<Laid>, said: Said) {
        let said = (Arc::clone(laid), Arc::new(said));
        self.with(|memory| memory.said.insert(laid.0.kept_hash, said));
    }

    /// What a page may say of this text: as it was read now, or before.
    pub(crate) fn said(&self, kept: &Sha256Hash, text: &str) -> Option<Arc<Said>> {
        self.said_before(kept, text).or_else(|| {
            let Known {
                credential, key, ..
            } = self.get(kept, text)?;
            Some(Arc::new(Said {
                iss: credential.issuer().to_owned(),
                kid: credential.kid().to_owned(),
                key: Bytes(key.as_bytes().to_vec()),
                iat: credential.iat(),
                status: credential.status().cloned(),
                claims: Arc::clone(credential.shared_claims()),
            }))
        })
    }

    /// What a page said of this text.
    fn said_before(&self, kept: &Sha256Hash, text: &str) -> Option<Arc<Said>> {
        self.with(|memory| {
            let (laid, said) = memory.said.get(kept)?;
            is_same(&laid.0.kept, text).then(|| Arc::clone(said))
        })
    }

    /// Whether [`Read::said`] has an answer.
    pub(crate) fn has(&self, kept: &Sha256Hash) -> bool {
        self.with(|memory| memory.said.contains_key(kept) || memory.known.contains_key(kept))
    }

    /// A credential is really read.
    pub(crate) fn counted(&self) {
        self.with(|memory| memory.count += 1);
    }

    /// How many credentials were really read.
    pub(crate) fn count(&self) -> u64 {
        self.with(|memory| memory.count)
    }

    /// Forgets all but these.
    pub(crate) fn retain(&self, there: impl Fn(&Sha256Hash) -> bool) {
        self.with(|memory| {
            memory.known.retain(|kept, _| there(kept));
            memory.said.retain(|kept, _| there(kept));
        });
    }

    fn with<T>(&self, work: impl FnOnce(&mut Memory) -> T) -> T {
        // What a panicking thread left is a set of true statements.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether two texts are one, which mostly lie in one place.
fn is_same(one: &str, other: &str) -> bool {
    std::ptr::eq(one, other) || one == other
}

impl Holder {
    /// What a record's kept copy says under its issuer's key at the time of its delivery, which is looked
    /// up each time.
    pub(crate) fn says(&self, record: &HeldRecord) -> Result<Says, RecordError> {
        if let Some(said) = self.read.said_before(&record.kept_hash, &record.kept) {
            let key = self.issuer_key_of(record, (&said.iss, &said.kid))?;
            let key = key.key();
            if key.alg() == Alg::Es256 && *key.as_bytes() == *said.key.0 {
                return Ok(Says::Kept(said));
            }
        }
        self.credential(record, &record.kept).map(Says::Read)
    }

    /// The key that counts for a record.
    fn issuer_key_of(
        &self,
        record: &HeldRecord,
        named: (&str, &str),
    ) -> Result<PublicKeyFor<Issuer>, RecordError> {
        let hub = self.hub_of(record);
        let directory = hub.and_then(|hub| self.trust.directory(&hub));
        let directory = &directory.ok_or(RecordError::IssuerKey)?.directory;
        issuer_key(directory, &record.issuer, named, record.received)
    }

    /// Verifies a held credential again under its issuer's key at the time of its delivery.
    pub(crate) fn credential(
        &self,
        record: &HeldRecord,
        text: &str,
    ) -> Result<Arc<VerifiedCredential>, RecordError> {
        Ok(self.known(record, text)?.credential)
    }

    /// The same, with the name of the signature. A kept copy is read once, and the key that counts for
    /// it looked up each time.
    pub(crate) fn known(&self, record: &HeldRecord, text: &str) -> Result<Known, RecordError> {
        let key = |iss: &str, kid: &str| self.issuer_key_of(record, (iss, kid));
        if let Some(known) = self.read.get(&record.kept_hash, text) {
            let key = key(known.credential.issuer(), known.credential.kid())?;
            if *key.key() == known.key {
                return Ok(known);
            }
        }
        let unverified = UnverifiedCredential::parse(text)?;
        let (iss, kid) = unverified.danger_issuer()?;
        let key = key(&iss, &kid)?.key().clone();
        let naming = Naming::new(&self.checked);
        let credential = Arc::new(unverified.verify(&naming, &key)?);
        self.read.counted();
        let known = Known {
            credential,
            key,
            named: naming.named(),
        };
        if text == record.kept {
            self.read.keep(record.kept_hash, text, known.clone());
        }
        Ok(known)
    }
}
