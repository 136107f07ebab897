//! Encryption of a program's own files and rows: outboxes, case evidence, a profile directory.
//!
//! ChaCha20-Poly1305 with a random 96-bit nonce and a key that has seen far fewer than 2^32
//! messages; `context` (what the bytes are and where they lie) is the AAD, so that one row cannot
//! stand in for another (R5, R27).

use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit,
    aead::{Aead, Payload},
};
use std::ops::Deref;
use zeroize::{ZeroizeOnDrop, optimization_barrier};

/// A symmetric key for data at rest, wiped when dropped.
#[derive(Clone, ZeroizeOnDrop)]
pub struct LocalKey([u8; 32]);

/// What was decrypted. It is wiped when it is dropped, and at once: `Zeroizing` writes byte after byte, which
/// takes a browser about as long as the cipher.
pub struct Plain(Vec<u8>);

impl Deref for Plain {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        self.0.fill(0);
        // Or a compiler could leave it out, since nobody reads it.
        optimization_barrier(self.0.as_slice());
    }
}

impl std::fmt::Debug for Plain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Plain(..)")
    }
}

/// Data at rest that this key does not open in this place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("stored data does not open: damaged, moved, or of another key")]
pub struct LocalKeyError;

impl LocalKey {
    /// Wraps a key.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A fresh random key.
    #[must_use]
    pub fn make(rng: &mut impl rand_core::CryptoRng) -> Self {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The key's bytes, to store it encrypted under another.
    #[must_use]
    pub fn danger_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Encrypts: 12-byte nonce, ciphertext, 16-byte tag.
    #[must_use]
    pub fn encrypt(
        &self,
        context: &[u8],
        plaintext: &[u8],
        rng: &mut impl rand_core::CryptoRng,
    ) -> Vec<u8> {
        let mut nonce = [0; 12];
        rng.fill_bytes(&mut nonce);
        self.encrypt_under(nonce, context, plaintext)
    }

    /// Generic in nothing: so it is compiled here, as fast as this crate is, and not with its callers.
    fn encrypt_under(&self, nonce: [u8; 12], context: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let payload = Payload {
            msg: plaintext,
            aad: context,
        };
        let ct = ChaCha20Poly1305::new(&self.0.into())
            .encrypt(&nonce.into(), payload)
            .expect("a file is below the cipher's limit of 256 GiB");
        [&nonce[..], &ct].concat()
    }

    /// Decrypts what [`LocalKey::encrypt`] made under the same context.
    ///
    /// # Errors
    /// [`LocalKeyError`].
    pub fn decrypt(&self, context: &[u8], bytes: &[u8]) -> Result<Plain, LocalKeyError> {
        let (nonce, ct) = bytes.split_first_chunk::<12>().ok_or(LocalKeyError)?;
        ChaCha20Poly1305::new(&self.0.into())
            .decrypt(
                &(*nonce).into(),
                Payload {
                    msg: ct,
                    aad: context,
                },
            )
            .map(Plain)
            .map_err(|_| LocalKeyError)
    }
}
