//! The browser face of a person's profile: conversions only.
//!
//! Scope: [`Session`] is [`denizen_holder::Holder`] with values that a page can show. It runs in a web
//! worker, which alone has the root secret; it keeps no file and opens no connection of its own: the
//! worker stores [`Session::encrypt`]'s bytes and gives a `fetch`.
//!
//! Not in scope: any decision. What may be shown, sent, trusted or refused is decided in the crates
//! below.

mod ahead;
mod net;
mod runtime;
mod schema;
mod session;
pub mod view;

pub use ahead::set_check_ahead;
pub use schema::set_validate;
pub use session::{
    At, Attached, AttachedFiles, Files, GivenFile, Overview, Packed, Services, Session,
};
