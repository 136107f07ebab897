//! `cargo xtask bench`: CPU of each step of a record's way (`crates/testkit/src/bin/bench.rs`, in a
//! release build), then a hub's process under load (`crates/testkit/src/bin/bench_hub.rs`), then a profile
//! in a browser (`web/e2e/bench`, with the bundle as it is shipped).

use crate::{
    run::{run, run_command},
    web,
};
use anyhow::Result;

/// Measures all three, or `hub` (with a number of records) or `browser` alone; other arguments go to the
/// first.
pub(crate) fn measure(arguments: &[&str]) -> Result<()> {
    match arguments {
        ["browser"] => browser(),
        ["hub", rest @ ..] => hub(rest),
        [] => {
            steps(&[])?;
            hub(&[])?;
            browser()
        }
        _ => steps(arguments),
    }
}

/// The storage beside plain inserts, then a hub's process.
fn hub(arguments: &[&str]) -> Result<()> {
    let program = ["build", "--release", "--locked", "--package", "denizen"];
    run("cargo", &program)?;
    let stores = [
        "bench",
        "--locked",
        "--package",
        "denizen-store",
        "--bench",
        "raw",
    ];
    run("cargo", &stores)?;
    let program = crate::root::root().join("target/release/denizen");
    let program = program.to_string_lossy();
    testkit("bench_hub", &[&[&*program], arguments].concat())
}

fn steps(arguments: &[&str]) -> Result<()> {
    testkit("bench", arguments)
}

/// Runs one of the testkit's programs as it is shipped.
fn testkit(program: &str, arguments: &[&str]) -> Result<()> {
    let package = [
        "run",
        "--release",
        "--locked",
        "--package",
        "denizen-testkit",
    ];
    let program = ["--bin", program, "--"];
    run("cargo", &[&package[..], &program, arguments].concat())
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
