//! Deterministic CBOR (RFC 8949 section 4.2.1) of the few shapes that Denizen writes.
//!
//! Reading goes through `minicbor`; every reader re-encodes and compares, so that one value has
//! one encoding.

use crate::Sha256Hash;
use minicbor::{Decoder, Encoder};

/// One item of a flat array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// An unsigned integer.
    U64(u64),
    /// A byte string.
    Bytes(&'a [u8]),
    /// A text string.
    Text(&'a str),
    /// null.
    Null,
}

/// Encodes a flat array.
#[must_use]
pub fn array(items: &[Item<'_>]) -> Vec<u8> {
    let mut e = Encoder::new(Vec::with_capacity(16 + items.len() * 40));
    e.array(items.len() as u64).expect(MEMORY);
    for item in items {
        match item {
            Item::U64(n) => e.u64(*n),
            Item::Bytes(b) => e.bytes(b),
            Item::Text(t) => e.str(t),
            Item::Null => e.null(),
        }
        .expect(MEMORY);
    }
    e.into_writer()
}

/// Why writing to memory is expected to succeed.
pub const MEMORY: &str = "writing to memory does not fail";

/// Reads the head of an array of exactly `len` items.
#[must_use]
pub fn array_head(d: &mut Decoder<'_>, len: u64) -> Option<()> {
    (d.array().ok()?? == len).then_some(())
}

/// Reads a byte string of 32 bytes.
#[must_use]
pub fn hash(d: &mut Decoder<'_>) -> Option<Sha256Hash> {
    Sha256Hash::from_slice(d.bytes().ok()?).ok()
}
