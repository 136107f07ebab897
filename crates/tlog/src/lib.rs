//! C2SP transparency log formats. Specified for Denizen in `docs/spec/log.md`.
//!
//! Scope: signed notes, checkpoints, cosignatures, tiles, Merkle proofs (RFC 6962 hashing) and the
//! `tlog-proof` text. Everything works on bytes: no I/O, no clock, no randomness.
//!
//! Not in scope: where tiles lie (`denizen-store`), who sequences (`denizen-hub`), what a leaf means
//! (`denizen-model`), ML-DSA cosignatures (they come with the witness).
//!
//! # Example
//!
//! ```
//! use denizen_tlog::{MemoryTiles, hash_leaf, prove_inclusion, verify_inclusion};
//!
//! let mut log = MemoryTiles::default();
//! let root = log.append(&[hash_leaf(b"one"), hash_leaf(b"two"), hash_leaf(b"three")]);
//! let proof = prove_inclusion(&log, 1, 3).expect("the tiles are there");
//! assert!(verify_inclusion(&hash_leaf(b"two"), 1, 3, &proof, &root).is_ok());
//! ```

mod checkpoint;
mod cosignature;
mod note;
mod proof;
mod tile;
mod tree;

pub use checkpoint::{Checkpoint, CheckpointError, open_checkpoint, sign_checkpoint};
pub use cosignature::{CosignatureVerifier, WitnessPolicy, cosign};
pub use note::{
    NOTE_SIZE_BYTES_MAX, NoteError, NoteSigner, NoteVerifier, SIGNATURES_MAX, SignatureLine,
    UnverifiedNote,
};
pub use proof::{LastCheckpoint, Level, ProofError, TlogProof, UnverifiedProof};
pub use tile::{
    ENTRY_SIZE_BYTES_MAX, MemoryTiles, RightEdge, TILE_HEIGHT, TILE_WIDTH, Tile, TileError,
    TilePath, TileReader, TileTree, decode_bundle, encode_bundle,
};
pub use tree::{
    Hash, VerifyError, empty_root, hash_children, hash_leaf, prove_consistency, prove_inclusion,
    verify_consistency, verify_inclusion,
};
