//! The wire contract of the hub. Specified in `docs/spec/hub.md`.
//!
//! Scope: routes, bodies, request signatures (RFC 9421, RFC 9530), problem kinds (RFC 9457), and a
//! typed client over a [`Transport`] that checks what a hub answers: receipts, heads, the directory
//! against its log. Nothing here takes an attribute of a person or lists across addresses (R29).
//!
//! Not in scope: sockets (the binary has a `Transport` over TLS, the tests one in memory) and
//! opening envelopes.

pub mod client;
pub mod directory;
pub mod problem;
pub mod receipt;
pub mod signature;
pub mod transport;
pub mod wire;

pub use client::{ClientError, HubClient};
pub use problem::{Problem, ProblemKind};
pub use transport::{Transport, TransportError};
