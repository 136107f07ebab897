//! Wrapped roots and the printed kit: they give back 32 bytes and know nothing of envelopes.
//! Specified in `docs/spec/recovery.md`.

mod kit;
mod prf;
mod stored;
mod wrap;

pub use kit::{Kit, KitError};
pub use prf::{unwrap_prf, wrap_prf};
pub use stored::{STORED_SIZE_BYTES, derive_locator, open_stored, seal_stored};
pub use wrap::{
    ARGON2_FLOOR, Argon2Cost, DeviceSecret, WrapError, unwrap_passphrase, wrap_passphrase,
};
