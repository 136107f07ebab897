//! The leaf that a deposit leaves in the log, its opening, and what a receipt carries. Specified in
//! `docs/spec/deposit.md`.
//!
//! leaf = SHA-256("denizen/v1/deposit" || CBOR[type, addr_c, pos, time, envelope_hash, commit, nonce]),
//! addr_c = SHA-256("denizen/v1/addr" || address || nonce_a). Both nonces are drawn by the hub for
//! each leaf and never derived, so that erasing them leaves a leaf that says nothing (R25).

use crate::{AddressId, Nonce, Sha256Hash, UnixTime, cbor, cbor::Item, jose::Object};
use minicbor::Decoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What a leaf stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LeafType {
    /// An envelope.
    Envelope,
    /// An attachment object.
    Object,
}

/// The commitment to an address in a leaf.
#[must_use]
pub fn address_commitment(address: &AddressId, nonce_a: &Nonce) -> Sha256Hash {
    let hash = Sha256::new()
        .chain_update(b"denizen/v1/addr")
        .chain_update(address.as_bytes())
        .chain_update(nonce_a.as_bytes());
    Sha256Hash::new(hash.finalize().into())
}

/// Everything a leaf commits to: the `extra` line of a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafOpening {
    /// Envelope or object.
    pub leaf_type: LeafType,
    /// Commitment to the address.
    pub addr_c: Sha256Hash,
    /// Gap-free number within the address, from 0.
    pub pos: u64,
    /// Hub time of the deposit; never decreases with the index.
    pub time: UnixTime,
    /// SHA-256 of the envelope's bytes.
    pub envelope_hash: Sha256Hash,
    /// The envelope's `commit`.
    pub commit: Sha256Hash,
    /// Random, drawn by the hub for this leaf.
    pub nonce: Nonce,
}

impl LeafOpening {
    /// Deterministic CBOR of the opening.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        cbor::array(&[
            Item::U64(match self.leaf_type {
                LeafType::Envelope => 0,
                LeafType::Object => 1,
            }),
            Item::Bytes(self.addr_c.as_bytes()),
            Item::U64(self.pos),
            Item::U64(self.time.0.max(0).unsigned_abs()),
            Item::Bytes(self.envelope_hash.as_bytes()),
            Item::Bytes(self.commit.as_bytes()),
            Item::Bytes(self.nonce.as_bytes()),
        ])
    }

    /// Reads an opening; `None` for any other encoding.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut d = Decoder::new(bytes);
        cbor::array_head(&mut d, 7)?;
        let leaf_type = match d.u64().ok()? {
            0 => LeafType::Envelope,
            1 => LeafType::Object,
            _ => return None,
        };
        let opening = Self {
            leaf_type,
            addr_c: cbor::hash(&mut d)?,
            pos: d.u64().ok()?,
            time: UnixTime(i64::try_from(d.u64().ok()?).ok()?),
            envelope_hash: cbor::hash(&mut d)?,
            commit: cbor::hash(&mut d)?,
            nonce: Nonce::new(*cbor::hash(&mut d)?.as_bytes()),
        };
        (opening.encode() == bytes).then_some(opening)
    }

    /// The 32 bytes that are the log's entry.
    #[must_use]
    pub fn leaf(&self) -> Sha256Hash {
        let hash = Sha256::new()
            .chain_update(b"denizen/v1/deposit")
            .chain_update(self.encode());
        Sha256Hash::new(hash.finalize().into())
    }
}

/// A receipt as depositor and recipient keep it: a C2SP `tlog-proof` whose `extra` line is the
/// [`LeafOpening`], and beside it the address's nonce, so that the proof alone can be shown without
/// the address. Unverified: `denizen-api` checks it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The tlog-proof text.
    pub proof: String,
    /// Opens `addr_c`.
    pub nonce_a: Nonce,
}

/// What the hub's head key signs at each fetch: type [`HEAD_TYP`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The address.
    pub address: AddressId,
    /// Highest position, or none in an empty address.
    pub pos_max: Option<u64>,
    /// SHA-256 over the concatenated CBOR arrays `[pos, index]` of its tombstones, in order of pos.
    pub tombstones_hash: Sha256Hash,
    /// SHA-256 of the newest checkpoint note.
    pub checkpoint_hash: Sha256Hash,
    /// Hub time.
    pub time: UnixTime,
}

/// `typ` of a signed head.
pub const HEAD_TYP: &str = "denizen-head+json";

/// The hash over an address's tombstones: (pos, leaf index) in order of pos.
#[must_use]
pub fn tombstones_hash(tombstones: impl IntoIterator<Item = (u64, u64)>) -> Sha256Hash {
    let mut hash = Sha256::new();
    for (pos, index) in tombstones {
        hash.update(cbor::array(&[Item::U64(pos), Item::U64(index)]));
    }
    Sha256Hash::new(hash.finalize().into())
}

/// What an erased envelope leaves: its place, and the holder's signed request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tombstone {
    /// The position that was erased.
    pub pos: u64,
    /// Its leaf's index in the log.
    pub index: u64,
}

/// The signed head of an address.
#[must_use]
pub fn sign_head(head: &Head, key: &crate::SecretKeyFor<crate::key::Head>, kid: &str) -> Object {
    let payload = serde_json::to_vec(head).expect("a head is JSON");
    Object::sign(key.signer(), kid, HEAD_TYP, &payload)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn an_opening_has_one_encoding_and_every_field_changes_the_leaf() {
        let opening = LeafOpening {
            leaf_type: LeafType::Envelope,
            addr_c: Sha256Hash::new([1; 32]),
            pos: 7,
            time: UnixTime(1_790_000_000),
            envelope_hash: Sha256Hash::new([2; 32]),
            commit: Sha256Hash::new([3; 32]),
            nonce: Nonce::new([4; 32]),
        };
        let bytes = opening.encode();
        assert_eq!(LeafOpening::parse(&bytes).unwrap(), opening);
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert!(LeafOpening::parse(&other).is_none_or(|o| o.leaf() != opening.leaf()));
        }
    }
}
