//! The log beside Go's `golang.org/x/mod/sumdb/{tlog,note}`: tiles, checkpoints and proofs, both ways.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use denizen_oracles::peer::go;
use denizen_oracles::say;
use denizen_tlog::{
    Checkpoint, Hash, MemoryTiles, NoteSigner, NoteVerifier, TILE_WIDTH, Tile, TilePath,
    TileReader as _, hash_leaf, open_checkpoint, prove_consistency, prove_inclusion,
    sign_checkpoint, verify_consistency, verify_inclusion,
};
use serde_json::{Value, json};
use std::path::Path;

const ORIGIN: &str = "hub.example/deposits";
/// Full tiles of levels 0 and 1, and a partial tile of levels 0, 1 and 2.
const SIZE: u64 = 70_000;
const OLD: u64 = 65_537;

fn entry(index: u64) -> Vec<u8> {
    hash_leaf(&index.to_be_bytes()).to_vec()
}

fn texts(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(|h| STANDARD.encode(h)).collect()
}

fn hashes(texts: &Value) -> Vec<Hash> {
    let texts: Vec<String> = serde_json::from_value(texts.clone()).unwrap();
    texts
        .iter()
        .map(|t| STANDARD.decode(t).unwrap().try_into().unwrap())
        .collect()
}

/// Writes every tile of a log where C2SP says it lies.
fn write_tiles(log: &MemoryTiles, folder: &Path) -> usize {
    let mut count = 0;
    for level in 0..8u32 {
        let hashes = log.size() >> (8 * level);
        for index in 0..hashes.div_ceil(TILE_WIDTH as u64) {
            let width = usize::try_from(hashes - index * 256)
                .unwrap()
                .min(TILE_WIDTH);
            let tile = log.tile(level, index, width).unwrap();
            let tile = Tile {
                level,
                index,
                hashes: tile[..width].to_vec(),
            };
            let path = folder.join(
                TilePath {
                    level: Some(level),
                    index,
                    width,
                }
                .to_string(),
            );
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, tile.encode()).unwrap();
            count += 1;
        }
    }
    count
}

#[test]
fn go_reads_our_tiles_checkpoints_and_proofs() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = MemoryTiles::default();
    let leaves: Vec<_> = (0..SIZE).map(|i| hash_leaf(&entry(i))).collect();
    let old_root = log.append(&leaves[..usize::try_from(OLD).unwrap()]);
    let root = log.append(&leaves[usize::try_from(OLD).unwrap()..]);
    let written = write_tiles(&log, folder.path());
    let signer = NoteSigner::new(ORIGIN, &[0x11; 32]).unwrap();
    let sign = |size, root| {
        sign_checkpoint(
            &Checkpoint {
                origin: ORIGIN.into(),
                size,
                root,
            },
            &signer,
        )
    };
    let inclusion = [0, 255, 256, 65_535, 65_536, 69_999].map(|index| {
        let proof = prove_inclusion(&log, index, SIZE).unwrap();
        json!({"Index": index, "Entry": STANDARD.encode(entry(index)), "Proof": texts(&proof)})
    });
    let vkey = signer.verifier().to_vkey();
    let read = go(
        "tlog_peer.go",
        &json!({
            "Act": "read", "Folder": folder.path(), "Vkey": vkey,
            "Checkpoint": sign(SIZE, root), "Old": sign(OLD, old_root), "Inclusion": inclusion,
            "Consistent": texts(&prove_consistency(&log, OLD, SIZE).unwrap()),
        }),
    );
    assert_eq!(
        (&read["size"], &read["inclusion"], &read["consistent_from"]),
        (&json!(SIZE), &json!(6), &json!(OLD))
    );
    // The key id is that of C2SP's type 0x01, as in the vkey.
    assert_eq!(vkey.split('+').nth(1), read["key_id"].as_str());
    say!("Go's x/mod read ours ({written} tiles written): {read}");
}

#[test]
fn we_read_the_checkpoints_and_proofs_of_go() {
    let indexes = [0u64, 1, 255, 256, 699, 700];
    let made = go(
        "tlog_peer.go",
        &json!({
            "Act": "write", "Name": "go.example/log", "Seed": STANDARD.encode([0x55; 32]),
            "Size": 701, "OldSize": 300, "Indexes": indexes,
        }),
    );
    let key = NoteVerifier::parse(made["vkey"].as_str().unwrap()).unwrap();
    let open = |name: &str| open_checkpoint(made[name].as_str().unwrap(), &key).unwrap();
    let (checkpoint, old) = (open("checkpoint"), open("old"));
    assert_eq!((checkpoint.size, old.size), (701, 300));
    let mut log = MemoryTiles::default();
    let root = log.append(
        &(0..701u64)
            .map(|i| hash_leaf(i.to_string().as_bytes()))
            .collect::<Vec<_>>(),
    );
    assert_eq!(root, checkpoint.root, "the same entries give the same root");
    for index in indexes {
        let proof = hashes(&made["inclusion"][index.to_string()]);
        let leaf = hash_leaf(index.to_string().as_bytes());
        verify_inclusion(&leaf, index, 701, &proof, &checkpoint.root).unwrap();
        assert_eq!(proof, prove_inclusion(&log, index, 701).unwrap());
        assert!(verify_inclusion(&hash_leaf(b"x"), index, 701, &proof, &checkpoint.root).is_err());
    }
    let proof = hashes(&made["consistent"]);
    verify_consistency(300, &old.root, 701, &checkpoint.root, &proof).unwrap();
    assert!(verify_consistency(299, &old.root, 701, &checkpoint.root, &proof).is_err());
    let seed_is_ours = NoteSigner::new("go.example/log", &[0x55; 32]).unwrap();
    assert_eq!(
        seed_is_ours.verifier(),
        key,
        "one seed, one key, one key id"
    );
    assert_eq!(
        sign_checkpoint(&checkpoint, &seed_is_ours),
        made["checkpoint"].as_str().unwrap()
    );
    say!(
        "we read Go's: {} entries, {} inclusion proofs, consistent from {}, signed by {}",
        checkpoint.size,
        indexes.len(),
        old.size,
        made["vkey"]
    );
}
