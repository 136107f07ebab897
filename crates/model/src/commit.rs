//! The `commit` of an envelope: a Merkle root over salted attachments, so that delivery of one
//! credential can be proved without showing the others. Specified in `docs/spec/envelope.md`.
//!
//! leaf_i = SHA-256(0x00 || SHA-256(salt_i || attachment_i)), node = SHA-256(0x01 || l || r), shape
//! of RFC 9162 section 2.1.1. A message without attachments commits to one empty attachment under
//! a random salt, so that the hub does not learn which messages carry a credential.

use crate::{Nonce, Sha256Hash};
use sha2::{Digest, Sha256};

/// One attachment's side of the commitment: SHA-256(salt || attachment).
#[must_use]
pub fn attachment_hash(salt: &Nonce, attachment: &[u8]) -> Sha256Hash {
    Sha256Hash::new(
        Sha256::new()
            .chain_update(salt.as_bytes())
            .chain_update(attachment)
            .finalize()
            .into(),
    )
}

/// The commitment over attachment hashes in their order. For none, give the hash of one empty
/// attachment under a fresh salt.
#[must_use]
pub fn commit(hashes: &[Sha256Hash]) -> Sha256Hash {
    match hashes {
        [] => Sha256Hash::new(Sha256::digest([]).into()),
        [one] => leaf(one),
        _ => {
            let (left, right) = hashes.split_at(split(hashes.len()));
            node(&commit(left), &commit(right))
        }
    }
}

/// The path that proves `index` under [`commit`]; `None` if there is no such attachment.
#[must_use]
pub fn prove(hashes: &[Sha256Hash], index: usize) -> Option<Vec<Sha256Hash>> {
    if index >= hashes.len() {
        return None;
    }
    if hashes.len() == 1 {
        return Some(Vec::new());
    }
    let k = split(hashes.len());
    let (left, right) = hashes.split_at(k);
    let (mut path, sibling) = if index < k {
        (prove(left, index)?, commit(right))
    } else {
        (prove(right, index - k)?, commit(left))
    };
    path.push(sibling);
    Some(path)
}

/// The paths of all of them, in their order: what [`prove`] gives of each, with every node computed once.
#[must_use]
pub fn prove_all(hashes: &[Sha256Hash]) -> Vec<Vec<Sha256Hash>> {
    let mut paths = vec![Vec::new(); hashes.len()];
    let _root = climb(hashes, &mut paths);
    paths
}

/// The commitment over these; writes down the path of each up to it.
fn climb(hashes: &[Sha256Hash], paths: &mut [Vec<Sha256Hash>]) -> Sha256Hash {
    if hashes.len() < 2 {
        return commit(hashes);
    }
    let k = split(hashes.len());
    let ((left, right), (to_left, to_right)) = (hashes.split_at(k), paths.split_at_mut(k));
    let (left, right) = (climb(left, to_left), climb(right, to_right));
    to_left.iter_mut().for_each(|path| path.push(right));
    to_right.iter_mut().for_each(|path| path.push(left));
    node(&left, &right)
}

/// Checks that `hash` is attachment `index` of `count` under `root`.
#[must_use]
pub fn verify(
    root: &Sha256Hash,
    hash: &Sha256Hash,
    index: usize,
    count: usize,
    path: &[Sha256Hash],
) -> bool {
    rebuild(hash, index, count, path).as_ref() == Some(root)
}

fn rebuild(
    hash: &Sha256Hash,
    index: usize,
    count: usize,
    path: &[Sha256Hash],
) -> Option<Sha256Hash> {
    if index >= count {
        return None;
    }
    if count == 1 {
        return path.is_empty().then(|| leaf(hash));
    }
    let (sibling, rest) = path.split_last()?;
    let k = split(count);
    if index < k {
        Some(node(&rebuild(hash, index, k, rest)?, sibling))
    } else {
        Some(node(sibling, &rebuild(hash, index - k, count - k, rest)?))
    }
}

/// The largest power of two below `n`, for n >= 2.
fn split(n: usize) -> usize {
    1 << (n - 1).ilog2()
}

fn leaf(hash: &Sha256Hash) -> Sha256Hash {
    Sha256Hash::new(
        Sha256::new()
            .chain_update([0])
            .chain_update(hash.as_bytes())
            .finalize()
            .into(),
    )
}

fn node(left: &Sha256Hash, right: &Sha256Hash) -> Sha256Hash {
    let hash = Sha256::new()
        .chain_update([1])
        .chain_update(left.as_bytes());
    Sha256Hash::new(hash.chain_update(right.as_bytes()).finalize().into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn every_attachment_proves_itself_and_no_other() {
        for count in 1..20 {
            let hashes: Vec<_> = (0..count).map(|i| Sha256Hash::of(&[i as u8])).collect();
            let root = commit(&hashes);
            let all = prove_all(&hashes);
            assert_eq!(all.len(), count);
            for i in 0..count {
                let path = prove(&hashes, i).unwrap();
                assert_eq!(all[i], path);
                assert!(verify(&root, &hashes[i], i, count, &path));
                assert!(!verify(
                    &root,
                    &hashes[i],
                    (i + 1) % count.max(2),
                    count,
                    &path
                ));
                assert!(!verify(&root, &Sha256Hash::of(b"x"), i, count, &path));
            }
        }
    }

    #[test]
    fn a_count_that_no_message_has_is_refused() {
        let hash = Sha256Hash::of(b"x");
        for count in [0, 1 << (usize::BITS - 1), usize::MAX] {
            for path in [&[][..], &[hash; 3], &[hash; 64]] {
                assert!(!verify(&hash, &hash, 0, count, path));
                assert!(!verify(&hash, &hash, usize::MAX - 1, count, path));
            }
        }
    }
}
