//! Credentials as they were read, so that nobody reads one twice: what a text says under a key that
//! signed it never changes. Which key counts is asked each time.

use denizen_credential::VerifiedCredential;
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
