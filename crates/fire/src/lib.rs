//! Faults that nobody makes on purpose: of disks, of power, of processes and of networks. What must
//! hold through all of them is in [`Observer`] (R23); the faults are real ones, below SQLite
//! ([`shim`], [`disk`]), or those of the contract of a database ([`Faulty`]).
//!
//! Scope: the pieces. Each campaign is one file under `tests/fire/` here, or `fire_*` of the binary's
//! tests where whole processes are needed; `cargo xtask campaign` runs many times as much of each as a
//! commit does, and `docs/campaigns.md` has the counts and seeds of the last long run.
//!
//! Not in scope: a hub or an organisation that lies (`denizen-evil`).
//!
//! This is test code: it fails loudly where a product crate would return an error.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a fault that cannot be made is a failed test"
)]

mod direct;
pub mod disk;
mod faulty;
mod leaves;
mod observer;
mod scene;
pub mod shim;

pub use direct::Direct;
pub use faulty::{Fault, Faulty, Lever, Point};
pub use leaves::Leaves;
pub use observer::{Broken, Observer, Seen};
pub use scene::{Scene, fast_folder};
pub use shim::Shim;
