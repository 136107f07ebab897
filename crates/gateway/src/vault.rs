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
