//! The attacks, one test each. Their table, by number, is `docs/evil-hub.md`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::too_many_lines
)]

mod collision;
mod copies;
mod desk;
mod envelopes;
mod files;
mod hand_over;
mod inbox;
mod keys;
mod mended;
mod papers;
mod rollback;
mod status;
mod table;
