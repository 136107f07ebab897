//! The words of Denizen: what hub, gateway and holder must agree on before they speak.
//!
//! Scope: identifiers, keys by purpose, the objects that go over a wire or into a file (statement,
//! admission, pass, key statement, invitation, envelope header, message, leaf and receipt), the
//! state that a directory log adds up to, and the catalogue. Formats are specified in
//! `docs/spec/`; each module names its page.
//!
//! Not in scope: encryption (`denizen-seal`), the log itself (`denizen-tlog`), credentials
//! (`denizen-credential`), HTTP (`denizen-api`). No I/O, no clock, no randomness: `now` and `rng`
//! are arguments.

pub mod base45;
pub mod catalogue;
pub mod cbor;
pub mod commit;
pub mod deposit;
pub mod directory;
pub mod envelope;
pub mod id;
pub mod invitation;
pub mod key;
pub mod link;
pub mod mandate;
pub mod message;
pub mod object;
pub mod pass;
pub mod statement;
pub mod time;

pub use denizen_jose as jose;
pub use id::{AddressId, CopyRef, DepositId, HubId, LogSafe, MessageId, Nonce, OrgId, Sha256Hash};
pub use key::{KeyPurpose, PublicKeyFor, SecretKeyFor};
pub use time::{Clock, UnixTime};
