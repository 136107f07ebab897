//! Sealing: HPKE with X-Wing, the key tree from the root secret, padding and shredding.
//!
//! Scope: everything that a root secret or an inbox key can open, in one crate that the hub may
//! not name. Not in scope: who wrote a message (`denizen-model` verifies that after opening), and
//! how a root is kept (`denizen-recovery`).
//!
//! # Example
//!
//! ```
//! use denizen_model::{AddressId, HubId, Sha256Hash, envelope::{Header, SUITE_1}};
//! use denizen_seal::{KemSecret, Portable, Sealer};
//! # struct Zero; // a fixed generator, for the example only
//! # impl rand_core::TryRng for Zero { type Error = core::convert::Infallible;
//! #   fn try_next_u32(&mut self) -> Result<u32, Self::Error> { Ok(4) }
//! #   fn try_next_u64(&mut self) -> Result<u64, Self::Error> { Ok(4) }
//! #   fn try_fill_bytes(&mut self, d: &mut [u8]) -> Result<(), Self::Error> { d.fill(4); Ok(()) } }
//! # impl rand_core::TryCryptoRng for Zero {}
//! # let mut rng = Zero;
//! let key = KemSecret::from_seed([7; 32]);
//! let header = Header {
//!     suite: SUITE_1,
//!     hub: HubId::new([1; 32]),
//!     to: AddressId::new([2; 32]),
//!     commit: Sha256Hash::of(b"nothing attached"),
//! };
//! let envelope = Portable.seal(&key.public(), &header, b"message", &mut rng)?;
//! assert_eq!(Portable.open(&key, &envelope)?, b"message");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod attach;
mod file;
mod kem;
mod kept;
mod local;
#[cfg(not(target_arch = "wasm32"))]
mod native;
mod object;
mod padding;
mod portable;
mod sealer;
mod tree;
mod xwing;

pub use attach::{FileToAttach, attach_file, move_into_objects, open_attachment, reference};
pub use file::{FILE_INFO, FILE_SIZE_BYTES_MAX};
pub use kem::{KemPublic, KemSecret};
pub use kept::Kept;
pub use local::{LocalKey, LocalKeyError, Plain};
#[cfg(not(target_arch = "wasm32"))]
pub use native::Native;
pub use object::{
    ObjectOpenError, ObjectTooLarge, SealedObject, danger_seal_object_under, open_object,
    seal_object,
};
pub use padding::{PaddingError, pad, unpad};
pub use sealer::{MESSAGE_INFO, OpenError, Portable, SealError, Sealer};
pub use tree::{AddressIndex, AddressKeys, PersonKeys, RootSecret};
pub use zeroize::Zeroizing;

/// What this build seals and opens with, in every role: the native implementation, and in a browser,
/// which has none, the one that keeps a key expanded.
pub const SEALER: &dyn Sealer = &Fastest;

#[cfg(target_arch = "wasm32")]
use kept::Kept as Fastest;
#[cfg(not(target_arch = "wasm32"))]
use native::Native as Fastest;
