//! JWS signing and verification: ES256 and Ed25519 behind one trait each.
//!
//! Scope: the two signature algorithms Denizen's suite 1 uses, their keys as JWK, compact JWS
//! (RFC 7515) for SD-JWT and status list tokens, and JWS with an unencoded payload (RFC 7797)
//! in a CBOR array for every other signed object.
//!
//! Not in scope: encryption (`denizen-seal`), algorithm negotiation, X.509, any other algorithm.
//! What a key may be used for is said by the caller's types (`denizen-model`), not here.
//!
//! # Example
//!
//! ```
//! use denizen_jose::{Alg, Object, Portable, SecretKey, Signer, Unverified};
//!
//! let key = SecretKey::from_seed(Alg::Ed25519, &[7; 32]).expect("an Ed25519 seed is any 32 bytes");
//! let object = Object::sign(&key, "k1", "denizen-note+json", b"{}");
//! let read = Unverified::parse(object.as_bytes()).expect("just made");
//! assert_eq!(read.kid(), "k1");
//! let object = read.verify(&Portable, &key.public(), "denizen-note+json").expect("just signed");
//! assert_eq!(object.payload(), b"{}");
//! ```

mod base64url;
mod compact;
mod key;
#[cfg(not(target_arch = "wasm32"))]
mod native;
mod object;

pub use base64url::{decode as base64url_decode, encode as base64url_encode};
pub use compact::{CompactError, UnverifiedCompact, sign_compact};
pub use key::{
    Alg, BadSignature, InvalidKey, Jwk, Portable, PublicKey, SecretKey, Signer, Verifier,
};
#[cfg(not(target_arch = "wasm32"))]
pub use native::Native;
pub use object::{OBJECT_SIZE_BYTES_MAX, Object, ObjectError, Unverified};

/// What this build verifies signatures with, in every role: the native implementation, and in a
/// browser, which has none, the portable one.
#[cfg(not(target_arch = "wasm32"))]
pub const VERIFIER: &dyn Verifier = &Native;
/// What this build verifies signatures with, in every role.
#[cfg(target_arch = "wasm32")]
pub const VERIFIER: &dyn Verifier = &Portable;
