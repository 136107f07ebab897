//! Laws of the tree, against a naive implementation of RFC 6962.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_tlog::{
    Hash, MemoryTiles, RightEdge, TilePath, hash_children, hash_leaf, prove_consistency,
    prove_inclusion, verify_consistency, verify_inclusion,
};

fn leaf(n: u64) -> Hash {
    hash_leaf(&n.to_be_bytes())
}

/// MTH of RFC 6962 section 2.1, word by word.
fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => denizen_tlog::empty_root(),
        [one] => *one,
        _ => {
            let k = leaves.len().next_power_of_two() / 2;
            hash_children(&naive_root(&leaves[..k]), &naive_root(&leaves[k..]))
        }
    }
}

/// PATH of RFC 6962 section 2.1.1, word by word.
fn naive_path(m: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let k = leaves.len().next_power_of_two() / 2;
    let (mut path, rest) = if m < k {
        (naive_path(m, &leaves[..k]), naive_root(&leaves[k..]))
    } else {
        (naive_path(m - k, &leaves[k..]), naive_root(&leaves[..k]))
    };
    path.push(rest);
    path
}

fn log(size: u64) -> (MemoryTiles, Vec<Hash>) {
    let leaves: Vec<_> = (0..size).map(leaf).collect();
    let mut log = MemoryTiles::default();
    log.append(&leaves);
    (log, leaves)
}

#[test]
fn proofs_from_tiles_are_those_of_the_rfc_at_every_small_size_and_at_tile_edges() {
    let sizes = (1..70).chain([255, 256, 257, 511, 513, 1000]);
    for size in sizes {
        let (log, leaves) = log(size);
        let root = naive_root(&leaves);
        assert_eq!(log.root(), root, "size {size}");
        for index in (0..size).step_by(1 + usize::try_from(size).unwrap() / 16) {
            let proof = prove_inclusion(&log, index, size).unwrap();
            assert_eq!(proof, naive_path(usize::try_from(index).unwrap(), &leaves));
            verify_inclusion(&leaf(index), index, size, &proof, &root).unwrap();
            assert!(verify_inclusion(&leaf(index + 1), index, size, &proof, &root).is_err());
            assert!(
                verify_inclusion(&leaf(index), index + 1, size, &proof, &root).is_err()
                    || size == 1
            );
            let longer = [proof.clone(), vec![[0; 32]]].concat();
            assert!(verify_inclusion(&leaf(index), index, size, &longer, &root).is_err());
        }
    }
}

#[test]
fn consistency_holds_between_all_prefixes_and_for_no_other_root() {
    for size in (1..40).chain([255, 256, 257, 600]) {
        let (full, leaves) = log(size);
        for old in (0..=size).step_by(1 + usize::try_from(size).unwrap() / 40) {
            let old_root = naive_root(&leaves[..usize::try_from(old).unwrap()]);
            let proof = prove_consistency(&full, old, size).unwrap();
            verify_consistency(old, &old_root, size, &full.root(), &proof).unwrap();
            assert!(verify_consistency(old, &[7; 32], size, &full.root(), &proof).is_err());
            assert!(
                verify_consistency(old, &old_root, size, &[7; 32], &proof).is_err() || old == 0
            );
        }
    }
}

#[test]
fn a_log_grown_in_batches_and_reloaded_at_each_edge_has_the_same_root() {
    for edge in [255u64, 256, 257, 65_535, 65_536, 65_537] {
        let (mut whole, leaves) = log(edge);
        let mut grown = MemoryTiles::default();
        for batch in leaves.chunks(1000) {
            grown.append(batch);
        }
        assert_eq!(grown.root(), whole.root(), "size {edge}");
        let mut reloaded = RightEdge::load(&grown, edge).unwrap();
        assert_eq!(reloaded.root(), whole.root(), "size {edge}");
        let _ = reloaded.append(&[leaf(edge)]);
        assert_eq!(
            reloaded.root(),
            whole.append(&[leaf(edge)]),
            "size {edge} + 1"
        );
        let proof = prove_inclusion(&whole, edge, edge + 1).unwrap();
        verify_inclusion(&leaf(edge), edge, edge + 1, &proof, &whole.root()).unwrap();
        let proof = prove_consistency(&whole, edge, edge + 1).unwrap();
        verify_consistency(edge, &grown.root(), edge + 1, &whole.root(), &proof).unwrap();
    }
}

#[test]
fn hostile_sizes_and_proofs_are_refused_without_panic() {
    let hash = [0; 32];
    for (index, size) in [
        (0, 0),
        (1, 1),
        (u64::MAX, u64::MAX),
        (0, u64::MAX),
        (1 << 62, 1 << 63),
    ] {
        for len in [0, 1, 63, 64, 200] {
            assert!(verify_inclusion(&hash, index, size, &vec![hash; len], &[1; 32]).is_err());
            let proof = vec![hash; len];
            let _ = verify_consistency(index, &hash, size, &[1; 32], &proof);
        }
    }
}

#[test]
fn tile_paths_are_those_of_the_specification() {
    for (level, index, width, path) in [
        (Some(0), 1_234_067, 256, "tile/0/x001/x234/067"),
        (Some(1), 0, 7, "tile/1/000.p/7"),
        (None, 67, 256, "tile/entries/067"),
        (None, 1_000, 1, "tile/entries/x001/000.p/1"),
    ] {
        let tile = TilePath {
            level,
            index,
            width,
        };
        assert_eq!(tile.to_string(), path);
        assert_eq!(TilePath::parse(path), Some(tile));
    }
    for bad in [
        "tile/0/67",
        "tile/0/x001",
        "tile/0/000.p/256",
        "tile/0/000.p/0",
        "tile/9/000",
        "tile/0/1000",
        "tile//000",
        "tile/0/+01",
    ] {
        assert_eq!(TilePath::parse(bad), None, "{bad}");
    }
}
