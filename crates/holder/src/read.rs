//! Credentials as they were read, so that nobody reads one twice: what a text says under a key that
//! signed it never changes. Which key counts is asked each time.

use crate::{
    Holder,
    checked::Naming,
    profile::HeldRecord,
    records::{RecordError, issuer_key},
};
use denizen_credential::{UnverifiedCredential, VerifiedCredential};
use denizen_jose::PublicKey;
use denizen_model::Sha256Hash;
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

/// Kept copies that were read since the profile was opened, by the hash that names them.
#[derive(Debug, Default)]
pub(crate) struct Read(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    known: BTreeMap<Sha256Hash, (String, Known)>,
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
        self.with(|memory| memory.known.retain(|kept, _| there(kept)));
    }

    fn with<T>(&self, work: impl FnOnce(&mut Memory) -> T) -> T {
        // What a panicking thread left is a set of true statements.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Holder {
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
        let hub = self.hub_of(record);
        let directory = hub.and_then(|hub| self.trust.directory(&hub));
        let directory = &directory.ok_or(RecordError::IssuerKey)?.directory;
        let key = |iss: &str, kid: &str| {
            issuer_key(directory, &record.issuer, (iss, kid), record.received)
        };
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
