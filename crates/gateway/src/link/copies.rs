//! Keys that a person sent ahead for one-time copies. They lie apart from the link, which is read and
//! written with every letter, and are read when copies are made.

use super::{COPY_KEYS_MAX, Link};
use crate::{Gateway, GatewayError, vault::context};
use denizen_model::{
    CopyRef,
    jose::{Alg, PublicKey},
    message::CopyKey,
};

/// Bytes of a name, and of a name with its P-256 point.
const REF_SIZE_BYTES: usize = 16;
const ENTRY_SIZE_BYTES: usize = REF_SIZE_BYTES + 65;

/// Keys that are not used yet, in the order in which they came: each its name and its point.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CopyKeys(Vec<u8>);

impl CopyKeys {
    fn len(&self) -> usize {
        self.0.len() / ENTRY_SIZE_BYTES
    }

    /// Adds those whose name is new. Only a P-256 key can be shown.
    pub(super) fn add(&mut self, keys: &[CopyKey]) {
        for CopyKey { copy_ref, key } in keys {
            let name = copy_ref.as_bytes().as_slice();
            let mut entries = self.0.chunks_exact(ENTRY_SIZE_BYTES);
            let known = entries.any(|entry| entry.starts_with(name));
            if !known && key.alg() == Alg::Es256 && self.len() < COPY_KEYS_MAX {
                self.0.extend_from_slice(name);
                self.0.extend_from_slice(key.as_bytes());
            }
        }
    }

    /// Takes up to `count` keys out; `None` if what was stored is none.
    fn take(&mut self, count: usize) -> Option<Vec<CopyKey>> {
        let rest = self.0.split_off(count.min(self.len()) * ENTRY_SIZE_BYTES);
        let taken = std::mem::replace(&mut self.0, rest);
        let key = |entry: &[u8]| {
            let (name, point) = entry.split_at_checked(REF_SIZE_BYTES)?;
            Some(CopyKey {
                copy_ref: CopyRef::from_slice(name).ok()?,
                key: PublicKey::from_sec1(point).ok()?,
            })
        };
        taken.chunks_exact(ENTRY_SIZE_BYTES).map(key).collect()
    }
}

impl Gateway {
    /// The keys of a link, read if they were not.
    fn copy_keys<'l>(&self, link: &'l mut Link) -> Result<&'l mut CopyKeys, GatewayError> {
        let keys = match link.copy_keys.take() {
            Some(keys) => keys,
            None => match self.store.copy_keys(&link.address)? {
                Some(body) => {
                    let context = context("link_copies", link.address.as_bytes());
                    CopyKeys(self.vault.open_bytes(&context, &body)?)
                }
                None => CopyKeys::default(),
            },
        };
        Ok(link.copy_keys.insert(keys))
    }

    /// Keeps keys that came; the caller saves the link.
    pub(crate) fn add_copy_keys(
        &self,
        link: &mut Link,
        keys: &[CopyKey],
    ) -> Result<(), GatewayError> {
        self.copy_keys(link)?.add(keys);
        Ok(())
    }

    /// Takes up to `count` keys, each once; the caller saves the link.
    pub(crate) fn take_copy_keys(
        &self,
        link: &mut Link,
        count: usize,
    ) -> Result<Vec<CopyKey>, GatewayError> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let taken = self.copy_keys(link)?.take(count);
        taken.ok_or(GatewayError::Damaged("database"))
    }

    /// Drops all keys, and says how many there were; the caller saves the link.
    pub(crate) fn drop_copy_keys(&self, link: &mut Link) -> Result<usize, GatewayError> {
        let dropped = std::mem::take(self.copy_keys(link)?);
        Ok(dropped.len())
    }

    /// Writes the keys, if they were read.
    pub(super) fn save_copy_keys(
        &self,
        link: &Link,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let Some(CopyKeys(bytes)) = &link.copy_keys else {
            return Ok(());
        };
        let context = context("link_copies", link.address.as_bytes());
        let body = self.vault.seal_bytes(&context, bytes, rng);
        Ok(self.store.put_copy_keys(&link.address, &body)?)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails loudly")]
mod tests {
    use super::*;
    use denizen_model::jose::{SecretKey, Signer as _};
    use denizen_testkit::Rng;
    use rand_core::SeedableRng as _;

    fn key(alg: Alg, rng: &mut Rng) -> CopyKey {
        CopyKey {
            copy_ref: CopyRef::make(rng),
            key: SecretKey::make(alg, rng).public(),
        }
    }

    #[test]
    fn keys_come_out_once_and_in_their_order_and_a_name_counts_once() {
        let mut rng = Rng::seed_from_u64(1);
        let sent: Vec<_> = (0..3).map(|_| key(Alg::Es256, &mut rng)).collect();
        let mut keys = CopyKeys::default();
        keys.add(&sent);
        let again = CopyKey {
            key: key(Alg::Es256, &mut rng).key,
            ..sent.first().unwrap().clone()
        };
        keys.add(&[again, key(Alg::Ed25519, &mut rng)]);
        assert_eq!(keys.len(), 3);
        assert_eq!(keys.take(2).unwrap(), sent.get(..2).unwrap());
        assert_eq!(keys.take(2).unwrap(), sent.get(2..).unwrap());
        assert_eq!(keys.take(2).unwrap(), []);
    }

    #[test]
    fn no_more_are_kept_than_may_be_and_a_damaged_one_is_none() {
        let mut rng = Rng::seed_from_u64(2);
        let key = key(Alg::Es256, &mut rng);
        let mut keys = CopyKeys::default();
        for _ in 0..=COPY_KEYS_MAX {
            let copy_ref = CopyRef::make(&mut rng);
            let key = key.key.clone();
            keys.add(&[CopyKey { copy_ref, key }]);
        }
        assert_eq!(keys.len(), COPY_KEYS_MAX);
        *keys.0.last_mut().unwrap() ^= 1;
        assert!(keys.take(COPY_KEYS_MAX).is_none());
    }
}
