//! A disk fails or is full below a gateway: the command ends with an error, and when it is given again each
//! row reaches the person once.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests of real processes"
)]

use super::{kills_gateway::Border, say};
use crate::support::{HubFolder, denizen, text};
use denizen_fire::Shim;

/// Rows of one file.
const ROWS: usize = 12;
/// What fails below a command: at its first commit, or later.
const FAULTS: [&str; 4] = [
    "eio:sync:-wal:1",
    "eiodone:sync:-wal:2",
    "enospc:write:-wal:1+",
    "short:write:-wal:3",
];

/// Runs a command of the gateway on a disk that fails.
fn fails(border: &Border, fault: &str, command: &str, rest: &[&str]) {
    let shim = Shim {
        faults: vec![fault.to_owned()],
        ..Shim::below("gateway.sqlite")
    };
    let mut gateway = denizen();
    gateway.args(["gateway", command, text(&border.office)]);
    gateway.args(rest);
    shim.put_below(&mut gateway);
    let output = gateway.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        output.status.code(),
        Some(1),
        "{fault} below {command}: {said}"
    );
    assert!(
        !said.contains("panicked"),
        "{fault} below {command}: {said}"
    );
}

#[test]
fn whatever_fails_below_a_gateway_each_row_arrives_once() {
    let mut border = Border::make(HubFolder::make());
    let hub = border.hub.serve();
    for fault in FAULTS {
        let (file, mapping) = border.file(ROWS);
        let intake = [&*file, "--mapping", &mapping];
        fails(&border, fault, "intake", &intake);
        border.gateway("intake", &intake);
        fails(&border, fault, "sync", &[]);
        border.gateway("sync", &[]);
    }
    drop(hub);
    border.check();
    say(&format!(
        "disk: {} errors below a gateway that takes in and delivers: each ended the command, each row there once",
        2 * FAULTS.len()
    ));
}
