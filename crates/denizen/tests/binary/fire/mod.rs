//! Faults of whole processes: kills under load, and disks that fail below them. A commit runs a slice of
//! each campaign; `cargo xtask campaign` many times as much.

mod disk;
mod disk_gateway;
pub(crate) mod kills;
mod kills_gateway;
mod line;
mod network;

use std::io::Write as _;

/// A line of results that is seen although the test passes.
fn say(line: &str) {
    let line = format!("   {line}\n");
    std::io::stderr()
        .write_all(line.as_bytes())
        .expect("standard error is there");
}
