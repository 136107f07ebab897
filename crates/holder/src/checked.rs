//! Signatures that were found good once are not checked twice.
//!
//! A signature over given bytes under a given key stays good for ever: only that is remembered, as a
//! hash. Which key counts, for whom and when, what is suspended, withdrawn or over, is computed anew
//! each time from the directory and the lists of now.

use crate::ahead::Signed;
use denizen_jose::{Alg, BadSignature, PublicKey, Verifier};
use denizen_model::Sha256Hash;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

/// Verifies, and remembers what was good. Clones share one memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Checked(Arc<Mutex<Memory>>);

#[derive(Debug, Default)]
struct Memory {
    /// Good, by this process or by the sealed page that said so.
    good: BTreeSet<Sha256Hash>,
    /// Those of them that somebody asked about.
    asked: BTreeSet<Sha256Hash>,
    /// How often a signature was really checked.
    count: u64,
}

impl Checked {
    /// Takes in what was good before, as a page says that only this root could seal, or what was found
    /// good ahead.
    pub(crate) fn danger_remember(&self, good: impl IntoIterator<Item = Sha256Hash>) {
        self.with(|memory| memory.good.extend(good));
    }

    /// The name of a signature that is not known to be good.
    pub(crate) fn unknown(&self, signed: &Signed) -> Option<Sha256Hash> {
        let name = fingerprint(&signed.key, &signed.message, &signed.signature);
        self.with(|memory| !memory.good.contains(&name))
            .then_some(name)
    }

    /// What was good and still asked about; the rest is forgotten when this is kept.
    pub(crate) fn asked(&self) -> Vec<Sha256Hash> {
        self.with(|memory| memory.asked.iter().copied().collect())
    }

    /// How many signatures were checked, and not remembered.
    pub(crate) fn count(&self) -> u64 {
        self.with(|memory| memory.count)
    }

    fn with<T>(&self, work: impl FnOnce(&mut Memory) -> T) -> T {
        // What a panicking thread left is a set of true statements.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Checked {
    /// Verifies; gives the name of the signature.
    fn named(
        &self,
        key: &PublicKey,
        message: &[u8],
        sig: &[u8],
    ) -> Result<Sha256Hash, BadSignature> {
        let name = fingerprint(key, message, sig);
        let known = self.with(|memory| {
            let known = memory.good.contains(&name);
            if known {
                memory.asked.insert(name);
            }
            known
        });
        if known {
            return Ok(name);
        }
        crate::VERIFIER.verify(key, message, sig)?;
        self.with(|memory| {
            memory.good.insert(name);
            memory.asked.insert(name);
            memory.count += 1;
        });
        Ok(name)
    }
}

impl Verifier for Checked {
    fn verify(&self, key: &PublicKey, message: &[u8], sig: &[u8]) -> Result<(), BadSignature> {
        self.named(key, message, sig).map(drop)
    }
}

/// Verifies through a memory, and says of which signature.
pub(crate) struct Naming<'a> {
    checked: &'a Checked,
    named: Mutex<Option<Sha256Hash>>,
}

impl<'a> Naming<'a> {
    pub(crate) fn new(checked: &'a Checked) -> Self {
        let named = Mutex::new(None);
        Self { checked, named }
    }

    /// The signature that was good last.
    pub(crate) fn named(self) -> Option<Sha256Hash> {
        let named = self.named.into_inner();
        named.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Verifier for Naming<'_> {
    fn verify(&self, key: &PublicKey, message: &[u8], sig: &[u8]) -> Result<(), BadSignature> {
        let name = self.checked.named(key, message, sig)?;
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        *named = Some(name);
        Ok(())
    }
}

/// Names a signature: another algorithm, key, message or signature has another name. Key and
/// signature have one length each by their algorithm, and the message has its own beside it.
fn fingerprint(key: &PublicKey, message: &[u8], sig: &[u8]) -> Sha256Hash {
    let alg = match key.alg() {
        Alg::Es256 => b"es256\0\0\0",
        Alg::Ed25519 => b"ed25519\0",
    };
    let lengths = [sig.len() as u64, message.len() as u64];
    let lengths = lengths.map(u64::to_be_bytes).concat();
    Sha256Hash::of(&[&alg[..], key.as_bytes(), &lengths, sig, message].concat())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use denizen_jose::{SecretKey, Signer as _};

    #[test]
    fn what_was_good_is_good_again_and_nothing_else_is() {
        for alg in [Alg::Es256, Alg::Ed25519] {
            let key = SecretKey::from_seed(alg, &[7; 32]).unwrap();
            let other = SecretKey::from_seed(alg, &[8; 32]).unwrap();
            let sig = key.sign(b"a paper");
            let checked = Checked::default();
            for _ in 0..2 {
                checked.verify(&key.public(), b"a paper", &sig).unwrap();
                assert!(checked.verify(&other.public(), b"a paper", &sig).is_err());
                assert!(checked.verify(&key.public(), b"a papeR", &sig).is_err());
                let mut bent = sig.clone();
                *bent.last_mut().unwrap() ^= 1;
                assert!(checked.verify(&key.public(), b"a paper", &bent).is_err());
                let longer = [sig.as_slice(), b"a"].concat();
                assert!(checked.verify(&key.public(), b" paper", &longer).is_err());
            }
            assert_eq!((checked.count(), checked.asked().len()), (1, 1));
        }
    }

    #[test]
    fn what_nobody_asks_about_any_more_is_not_kept() {
        let key = SecretKey::from_seed(Alg::Es256, &[7; 32]).unwrap();
        let before = Checked::default();
        for paper in [&b"one"[..], b"two"] {
            before
                .verify(&key.public(), paper, &key.sign(paper))
                .unwrap();
        }
        let after = Checked::default();
        after.danger_remember(before.asked());
        assert!(after.asked().is_empty());
        after
            .verify(&key.public(), b"two", &key.sign(b"two"))
            .unwrap();
        assert_eq!((after.count(), after.asked().len()), (0, 1));
    }
}
