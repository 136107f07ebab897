//! What a browser fetches first: makes and unwraps a root, and opens what is kept for the home screen.
//!
//! Scope: roots as 32 bytes, what opens them, the kit's text, QR codes, and short texts that are sealed
//! under a root. With it a person begins, or unlocks and sees her home screen, before the module with
//! the rest (`denizen-portal`) is there (`docs/decisions/0014-first-module.md`).
//!
//! Not in scope: profiles, messages, the hub. It knows no JSON, so that it stays small: what it throws
//! is a stable code, as text.

mod home;
mod root;
mod square;

pub use home::{seal, unseal};
pub use root::{
    Wrapped, kit_text, make_root, unwrap_passphrase, unwrap_prf, wrap_passphrase, wrap_prf,
};
pub use square::{Square, square};
