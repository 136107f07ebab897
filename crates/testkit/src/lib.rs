//! A whole world in one process: hubs with real databases, an organisation's keys, people, a wire that
//! remembers everything, a clock that stands still, and randomness from a seed.
//!
//! Scope: what tests of several crates share. Stories are under `tests/`, a few lines each. After every
//! story [`World::assert_no_mark`] looks for the marked values of its people in everything that a hub
//! or a network could keep: the canary.
//!
//! Not in scope: sockets (the demo runs real processes) and crash tests of single crates.
//!
//! This is test code: it fails loudly where a product crate would return an error.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a world that cannot be built is a failed test"
)]

mod brake;
pub mod campaign;
pub mod canary;
pub mod catalogue;
mod clock;
mod desk;
mod evil;
mod logs;
pub mod office;
pub mod person;
pub mod persona;
pub mod play;
pub mod rest;
mod wire;
mod world;

pub use brake::Brake;
pub use canary::{Found, Marks};
pub use catalogue::catalogue;
pub use clock::{MockClock, START};
pub use desk::Desk;
pub use evil::{EvilLog, make_receipt};
pub use logs::captured_logs;
pub use office::Office;
pub use person::Person;
pub use persona::{AIBEK, AZIZA, GULAB, GULMIRA, GURGEN, NURAI, NURLAN, Persona};
pub use play::Play;
pub use wire::{Exchange, Fault, Wire};
pub use world::{House, World};

/// The randomness of a world: ChaCha20 from a seed.
pub type Rng = rand_chacha::ChaCha20Rng;
