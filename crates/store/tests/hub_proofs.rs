//! Proofs out of stored tiles, whose subtrees are kept, are those that the tree's own code computes.
#![allow(clippy::unwrap_used)]

use denizen_store::hub::{self, LogId, StoredTiles};
use denizen_tlog::{
    Hash, MemoryTiles, RightEdge, hash_leaf, prove_consistency, prove_inclusion, verify_inclusion,
};

fn leaves(from: u64, to: u64) -> Vec<Hash> {
    (from..to).map(|n| hash_leaf(&n.to_be_bytes())).collect()
}

#[test]
fn proofs_from_stored_tiles_are_those_from_memory_also_below_what_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let mut db = hub::open(&folder.path().join("a.db").into()).unwrap();
    let (mut edge, mut memory, mut size) = (RightEdge::default(), MemoryTiles::default(), 0);
    for next in [1, 2, 3, 200, 255, 256, 257, 511, 600, 65_535, 65_537] {
        let new = leaves(size, next);
        memory.append(&new);
        db.begin().unwrap();
        for tile in edge.append(&new) {
            db.put_tile(LogId::Deposits, &tile).unwrap();
        }
        db.commit().unwrap();
        let stored = StoredTiles::new(&*db, LogId::Deposits);
        for of in [next, size].into_iter().filter(|of| *of > 0) {
            for index in (0..of).step_by(usize::try_from(1 + of / 40).unwrap()) {
                let proof = prove_inclusion(&stored, index, of).unwrap();
                assert_eq!(proof, prove_inclusion(&memory, index, of).unwrap());
            }
            let grown = prove_consistency(&stored, of, next).unwrap();
            assert_eq!(grown, prove_consistency(&memory, of, next).unwrap());
        }
        let last = prove_inclusion(&stored, next - 1, next).unwrap();
        let leaf = hash_leaf(&(next - 1).to_be_bytes());
        verify_inclusion(&leaf, next - 1, next, &last, &edge.root()).unwrap();
        assert!(prove_inclusion(&stored, next, next).is_err());
        size = next;
    }
}
