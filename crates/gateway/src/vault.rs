//! Encryption of the database's bodies (R27), and keyed hashes of the office's own references.

use crate::GatewayError;
use denizen_model::Sha256Hash;
use denizen_seal::LocalKey;
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

/// The key of a gateway's database.
pub(crate) struct Vault(LocalKey);

impl Vault {
    pub(crate) fn new(key: LocalKey) -> Self {
        Self(key)
    }

    /// Encrypts a value for one place, `context`.
    pub(crate) fn seal<T: Serialize>(
        &self,
        context: &[u8],
        value: &T,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Vec<u8> {
        let json = serde_json::to_vec(value).expect("bodies are JSON");
        self.seal_bytes(context, &json, rng)
    }

    /// Decrypts a value of one place.
    pub(crate) fn open<T: DeserializeOwned>(
        &self,
        context: &[u8],
        bytes: &[u8],
    ) -> Result<T, GatewayError> {
        let json = self.open_bytes(context, bytes)?;
        serde_json::from_slice(&json).map_err(|_| GatewayError::Damaged("database"))
    }

    pub(crate) fn seal_bytes(
        &self,
        context: &[u8],
        bytes: &[u8],
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Vec<u8> {
        let mut rng = rng;
        self.0.encrypt(context, bytes, &mut rng)
    }

    pub(crate) fn open_bytes(&self, context: &[u8], bytes: &[u8]) -> Result<Vec<u8>, GatewayError> {
        let plain = self.0.decrypt(context, bytes);
        Ok(plain
            .map_err(|_| GatewayError::Damaged("database"))?
            .to_vec())
    }

    /// A keyed hash: equal parts are found again, and nobody without the key can guess them.
    pub(crate) fn keyed(&self, what: &str, parts: &[&str]) -> Sha256Hash {
        let mut inner = Sha256::new();
        inner.update(self.0.danger_bytes());
        for part in [what].iter().chain(parts) {
            inner.update((part.len() as u64).to_be_bytes());
            inner.update(part);
        }
        let outer = Sha256::new()
            .chain_update(self.0.danger_bytes())
            .chain_update(inner.finalize());
        Sha256Hash::new(outer.finalize().into())
    }
}

/// The context of a body that belongs to one key of one table.
pub(crate) fn context(table: &str, key: &[u8]) -> Vec<u8> {
    [b"denizen/v1/gateway/", table.as_bytes(), b"\0", key].concat()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails loudly")]
mod tests {
    use super::*;
    use denizen_testkit::Rng;
    use rand_core::SeedableRng as _;

    #[test]
    fn a_body_opens_in_its_place_alone_and_parts_do_not_run_into_one_another() {
        let mut rng = Rng::seed_from_u64(1);
        let vault = Vault::new(LocalKey::make(&mut rng));
        let other = Vault::new(LocalKey::make(&mut rng));
        let sealed = vault.seal(&context("link", b"1"), &"body", &mut rng);
        let opened: String = vault.open(&context("link", b"1"), &sealed).unwrap();
        assert_eq!(opened, "body");
        assert!(
            vault
                .open::<String>(&context("link", b"2"), &sealed)
                .is_err()
        );
        assert!(
            other
                .open::<String>(&context("link", b"1"), &sealed)
                .is_err()
        );
        let hash = vault.keyed("case", &["ab", "c"]);
        assert_eq!(hash, vault.keyed("case", &["ab", "c"]));
        assert_ne!(hash, vault.keyed("case", &["a", "bc"]));
        assert_ne!(hash, vault.keyed("row", &["ab", "c"]));
        assert_ne!(hash, other.keyed("case", &["ab", "c"]));
    }
}
