//! `cargo xtask bench`: the measurements of `crates/testkit/src/bin/bench.rs`, in a release build.

use crate::run::run;
use anyhow::Result;

/// Builds and runs it; arguments go through.
pub(crate) fn measure(arguments: &[&str]) -> Result<()> {
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
