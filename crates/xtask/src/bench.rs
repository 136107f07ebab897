//! `cargo xtask bench`: CPU of each step of a record's way (`crates/testkit/src/bin/bench.rs`, in a
//! release build), then of a profile in a browser (`web/e2e/bench`, with the bundle as it is shipped).

use crate::{
    run::{run, run_command},
    web,
};
use anyhow::Result;

/// Measures both, or `browser` alone; other arguments go to the first.
pub(crate) fn measure(arguments: &[&str]) -> Result<()> {
    if arguments != ["browser"] {
        steps(arguments)?;
    }
    if arguments.is_empty() || arguments == ["browser"] {
        browser()?;
    }
    Ok(())
}

fn steps(arguments: &[&str]) -> Result<()> {
    let bench = [
        "run",
        "--release",
        "--locked",
        "--package",
        "denizen-testkit",
        "--bin",
        "bench",
        "--",
    ];
    run("cargo", &[&bench[..], arguments].concat())
}

/// Hub and organisation are other processes: how they were built does not count.
fn browser() -> Result<()> {
    web::build()?;
    run(
        "cargo",
        &["build", "--quiet", "--locked", "--package", "denizen"],
    )?;
    run_command(web::npm(&["run", "--silent", "bench"]))
}
