//! Foreign implementations beside ours, and the vectors of `docs/spec/vectors/`.
//!
//! Scope: one generator and one reader of the vectors ([`vectors`]), and what the tests need to
//! run a peer in another language ([`peer`]). Tests only: this crate is outside the default
//! members, so no product binary has its dependencies.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines, // tables of data
)]

pub mod peer;
pub mod vectors;
