//! Attachment objects: what the hub stores of a file, and what a message says of it. Specified in
//! `docs/spec/attachments.md`.
//!
//! An object is a sequence of sealed chunks of one size. Its id is the SHA-256 of the ciphertext; the
//! key that opens it is drawn for it alone and stands in the signed message that refers to it.
//! `denizen-seal` seals and opens; here is what everybody else must know of it.

use crate::{AddressId, HubId, Sha256Hash, cbor};
use minicbor::Encoder;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Plaintext of one chunk in bytes.
pub const CHUNK_SIZE_BYTES: usize = 64 << 10;

/// A chunk as stored: its plaintext and the AEAD's tag.
pub const SEALED_CHUNK_SIZE_BYTES: usize = CHUNK_SIZE_BYTES + crate::envelope::TAG_SIZE_BYTES;

/// Largest padded plaintext of one object in bytes: 16 MiB.
pub const OBJECT_SIZE_BYTES_MAX: usize = 16 << 20;

/// Largest object as stored.
pub const SEALED_SIZE_BYTES_MAX: usize =
    OBJECT_SIZE_BYTES_MAX / CHUNK_SIZE_BYTES * SEALED_CHUNK_SIZE_BYTES;

/// Largest file in one object: its length stands before it.
pub const CONTENT_SIZE_BYTES_MAX: usize = OBJECT_SIZE_BYTES_MAX - LENGTH_SIZE_BYTES;

/// The sealed length before the content: u32 big-endian.
pub const LENGTH_SIZE_BYTES: usize = 4;

/// Most that one request puts or gets of an object: 16 chunks.
pub const PART_SIZE_BYTES_MAX: usize = 16 * SEALED_CHUNK_SIZE_BYTES;

/// `type` in a chunk's AAD, and of the leaf.
const OBJECT_TYPE: u8 = 1;

/// `commit` of an object's leaf: an object has no header that could name one.
pub const OBJECT_COMMIT: Sha256Hash = Sha256Hash::new([0; 32]);

/// Chunks of an object that holds so much content: a power of two, at least 1 (R9). `None` if it is
/// too large.
#[must_use]
pub fn chunks_of(content_size_bytes: u64) -> Option<usize> {
    let content = usize::try_from(content_size_bytes).ok()?;
    if content > CONTENT_SIZE_BYTES_MAX {
        return None;
    }
    let chunks = (content + LENGTH_SIZE_BYTES).div_ceil(CHUNK_SIZE_BYTES);
    Some(chunks.next_power_of_two())
}

/// Bytes of a whole object as stored, by its content's size. `None` if it is too large.
#[must_use]
pub fn sealed_size(content_size_bytes: u64) -> Option<u64> {
    chunks_of(content_size_bytes).map(|chunks| (chunks * SEALED_CHUNK_SIZE_BYTES) as u64)
}

/// Whether some object has this many bytes: what a hub can check of one.
#[must_use]
pub fn is_sealed_size(size_bytes: u64) -> bool {
    let chunk = SEALED_CHUNK_SIZE_BYTES as u64;
    let most = (OBJECT_SIZE_BYTES_MAX / CHUNK_SIZE_BYTES) as u64;
    let chunks = size_bytes / chunk;
    size_bytes % chunk == 0 && chunks.is_power_of_two() && chunks <= most
}

/// For which address an object is sealed: the AAD of every chunk, so that it opens nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectFor {
    /// Cipher suite, [`crate::envelope::SUITE_1`].
    pub suite: u16,
    /// The hub of the address.
    pub hub: HubId,
    /// The address.
    pub to: AddressId,
}

impl ObjectFor {
    /// Deterministic CBOR map {"to", "hub", "type", "suite"}: the AAD of a chunk.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::new(Vec::with_capacity(96));
        e.map(4)
            .and_then(|e| e.str("to")?.bytes(self.to.as_bytes()))
            .and_then(|e| e.str("hub")?.bytes(self.hub.as_bytes()))
            .and_then(|e| e.str("type")?.u8(OBJECT_TYPE))
            .and_then(|e| e.str("suite")?.u16(self.suite))
            .expect(cbor::MEMORY);
        e.into_writer()
    }
}

impl From<&crate::message::To> for ObjectFor {
    fn from(to: &crate::message::To) -> Self {
        Self {
            suite: to.suite,
            hub: to.hub,
            to: to.address,
        }
    }
}

/// The key of one object: 32 random bytes, used for nothing else. Not shown by `Debug`.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ObjectKey(crate::Nonce);

impl ObjectKey {
    /// Wraps the bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(crate::Nonce::new(bytes))
    }

    /// A fresh key.
    #[must_use]
    pub fn make(rng: &mut impl rand_core::CryptoRng) -> Self {
        Self(crate::Nonce::make(rng))
    }

    /// The bytes, for the cipher.
    #[must_use]
    pub const fn danger_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ObjectKey(..)")
    }
}

/// What a message says of an attachment that lies in an object: only whoever opens the message can
/// find and open it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectRef {
    /// SHA-256 of the ciphertext: its name at the hub.
    pub id: Sha256Hash,
    /// Opens it.
    pub key: ObjectKey,
    /// Bytes of the content, without padding.
    pub size: u64,
    /// SHA-256(salt || content), as the envelope commits to it.
    pub hash: Sha256Hash,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_power_of_two_of_chunks_and_nothing_else_is_one() {
        let chunk = SEALED_CHUNK_SIZE_BYTES as u64;
        for (content, chunks) in [
            (0, 1),
            (65_532, 1),
            (65_533, 2),
            (131_068, 2),
            (131_069, 4),
            (1 << 20, 32),
            (CONTENT_SIZE_BYTES_MAX as u64, 256),
        ] {
            assert_eq!(sealed_size(content), Some(chunks * chunk));
            assert!(is_sealed_size(chunks * chunk));
        }
        assert_eq!(sealed_size(CONTENT_SIZE_BYTES_MAX as u64 + 1), None);
        for wrong in [0, 1, chunk - 1, chunk + 1, 3 * chunk, 512 * chunk, u64::MAX] {
            assert!(!is_sealed_size(wrong));
        }
    }
}
