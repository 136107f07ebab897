//! Merkle tree hashing and proofs. Source: RFC 6962 section 2.1, RFC 9162 sections 2.1.3 and 2.1.4.

use crate::tile::{TILE_HEIGHT, TILE_WIDTH, TileError, TileReader};
use sha2::{Digest, Sha256};

/// A SHA-256 hash of the tree.
pub type Hash = [u8; 32];

/// A proof that does not verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// Index or size cannot be.
    #[error("index or size of a proof cannot be")]
    OutOfRange,
    /// Too few or too many hashes for index and size.
    #[error("proof has another number of hashes than its index and size ask for")]
    Length,
    /// The hashes do not lead to the root.
    #[error("proof does not lead to the signed root")]
    Root,
}

/// Hash of a leaf: SHA-256(0x00 || entry).
#[must_use]
pub fn hash_leaf(entry: &[u8]) -> Hash {
    Sha256::new()
        .chain_update([0])
        .chain_update(entry)
        .finalize()
        .into()
}

/// Hash of a node: SHA-256(0x01 || left || right).
#[must_use]
pub fn hash_children(left: &Hash, right: &Hash) -> Hash {
    Sha256::new()
        .chain_update([1])
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

/// Root of the empty tree: SHA-256 of nothing.
#[must_use]
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// Root over a power-of-two number of hashes of one level.
pub(crate) fn perfect_root(hashes: &[Hash]) -> Hash {
    let mut level = hashes.to_vec();
    while level.len() > 1 {
        let pairs = level.chunks_exact(2).map(|pair| match pair {
            [left, right] => hash_children(left, right),
            _ => empty_root(),
        });
        level = pairs.collect();
    }
    level.first().copied().unwrap_or_else(empty_root)
}

/// Largest power of two below `n`, for n >= 2.
fn split(n: u64) -> u64 {
    1 << (63 - (n - 1).leading_zeros())
}

/// Root of the leaves `lo..hi` of a log whose tiles cover `size` leaves.
fn range_root(tiles: &impl TileReader, size: u64, lo: u64, hi: u64) -> Result<Hash, TileError> {
    let n = hi - lo;
    if n.is_power_of_two() && lo % n == 0 {
        let level = n.trailing_zeros();
        return subtree(tiles, size, level, lo >> level);
    }
    let k = split(n);
    let left = range_root(tiles, size, lo, lo + k)?;
    Ok(hash_children(&left, &range_root(tiles, size, lo + k, hi)?))
}

/// Hash at a binary level and index, from the tile that holds it.
fn subtree(tiles: &impl TileReader, size: u64, level: u32, index: u64) -> Result<Hash, TileError> {
    let tile_level = level / TILE_HEIGHT;
    let within = level % TILE_HEIGHT;
    let first = index << within;
    let tile_index = first / TILE_WIDTH as u64;
    let covered = size >> (tile_level * TILE_HEIGHT);
    let width = (covered - (tile_index * TILE_WIDTH as u64).min(covered)).min(TILE_WIDTH as u64);
    let width = usize::try_from(width).unwrap_or(TILE_WIDTH);
    let at = usize::try_from(first % TILE_WIDTH as u64).map_err(|_| TileError::Missing)?;
    tiles.node((tile_level, tile_index, width), at, within)
}

/// The inclusion proof of leaf `index` in the tree of `size` leaves, from its tiles.
///
/// # Errors
/// [`TileError::Missing`] if `index` is not below `size` or a tile is not there.
pub fn prove_inclusion(
    tiles: &impl TileReader,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, TileError> {
    if index >= size {
        return Err(TileError::Missing);
    }
    let (mut lo, mut hi) = (0, size);
    let mut proof = Vec::new();
    while hi - lo > 1 {
        let mid = lo + split(hi - lo);
        if index < mid {
            proof.push(range_root(tiles, size, mid, hi)?);
            hi = mid;
        } else {
            proof.push(range_root(tiles, size, lo, mid)?);
            lo = mid;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// The proof that the tree of `old` leaves is a prefix of the tree of `size` leaves.
///
/// # Errors
/// [`TileError::Missing`] if `old` is above `size` or a tile is not there.
pub fn prove_consistency(
    tiles: &impl TileReader,
    old: u64,
    size: u64,
) -> Result<Vec<Hash>, TileError> {
    if old > size {
        return Err(TileError::Missing);
    }
    if old == 0 || old == size {
        return Ok(Vec::new());
    }
    let (mut lo, mut hi) = (0, size);
    let mut proof = Vec::new();
    let mut whole = true;
    // RFC 9162 section 2.1.4.1, SUBPROOF as a loop: the old tree's border is `old`.
    while old != hi {
        let mid = lo + split(hi - lo);
        if old <= mid {
            proof.push(range_root(tiles, size, mid, hi)?);
            hi = mid;
        } else {
            proof.push(range_root(tiles, size, lo, mid)?);
            lo = mid;
            whole = false;
        }
    }
    if !whole {
        proof.push(range_root(tiles, size, lo, hi)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Checks an inclusion proof.
///
/// # Errors
/// [`VerifyError`].
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), VerifyError> {
    if index >= size {
        return Err(VerifyError::OutOfRange);
    }
    let (mut fnode, mut snode) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in proof {
        if snode == 0 {
            return Err(VerifyError::Length);
        }
        if fnode & 1 == 1 || fnode == snode {
            hash = hash_children(sibling, &hash);
            while fnode & 1 == 0 && fnode != 0 {
                fnode >>= 1;
                snode >>= 1;
            }
        } else {
            hash = hash_children(&hash, sibling);
        }
        fnode >>= 1;
        snode >>= 1;
    }
    if snode != 0 {
        return Err(VerifyError::Length);
    }
    if hash == *root {
        Ok(())
    } else {
        Err(VerifyError::Root)
    }
}

/// Checks a consistency proof.
///
/// # Errors
/// [`VerifyError`].
pub fn verify_consistency(
    old: u64,
    old_root: &Hash,
    size: u64,
    root: &Hash,
    proof: &[Hash],
) -> Result<(), VerifyError> {
    if old > size {
        return Err(VerifyError::OutOfRange);
    }
    if old == 0 || old == size {
        let same = if old == 0 {
            *old_root == empty_root()
        } else {
            old_root == root
        };
        if !proof.is_empty() {
            return Err(VerifyError::Length);
        }
        return if same { Ok(()) } else { Err(VerifyError::Root) };
    }
    let (first, rest) = if old.is_power_of_two() {
        (*old_root, proof)
    } else {
        let (first, rest) = proof.split_first().ok_or(VerifyError::Length)?;
        (*first, rest)
    };
    let shift = (old - 1).trailing_ones();
    let (mut fnode, mut snode) = ((old - 1) >> shift, (size - 1) >> shift);
    let (mut old_hash, mut new_hash) = (first, first);
    for sibling in rest {
        if snode == 0 {
            return Err(VerifyError::Length);
        }
        if fnode & 1 == 1 || fnode == snode {
            old_hash = hash_children(sibling, &old_hash);
            new_hash = hash_children(sibling, &new_hash);
            while fnode & 1 == 0 && fnode != 0 {
                fnode >>= 1;
                snode >>= 1;
            }
        } else {
            new_hash = hash_children(&new_hash, sibling);
        }
        fnode >>= 1;
        snode >>= 1;
    }
    if snode != 0 {
        return Err(VerifyError::Length);
    }
    if old_hash == *old_root && new_hash == *root {
        Ok(())
    } else {
        Err(VerifyError::Root)
    }
}
