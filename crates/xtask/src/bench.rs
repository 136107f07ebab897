//! `cargo xtask bench`: CPU of each step of a record's way (`crates/testkit/src/bin/bench.rs`, in a
//! release build), then a hub's process under load (`crates/testkit/src/bin/bench_hub.rs`), then a profile
//! in a browser (`web/e2e/bench`, with the bundle as it is shipped), then what others do that is near to it
//! (`crates/testkit/src/bin/bench_peers.rs`).

use crate::{
    root::root,
    run::{run, run_command},
    setup, web,
};
use anyhow::Result;

/// Measures all four, or `hub` (with a number of records), `browser` or `peers` alone; other arguments go to
/// the first.
pub(crate) fn measure(arguments: &[&str]) -> Result<()> {
    match arguments {
        ["browser"] => browser(),
        ["peers"] => peers(),
        ["hub", rest @ ..] => hub(rest),
        [] => {
            steps(&[])?;
            hub(&[])?;
            browser()?;
            peers()
        }
        _ => steps(arguments),
    }
}

/// Others beside us: they are installed for it first.
fn peers() -> Result<()> {
    setup::node("crates/oracles/node")?;
    setup::node("crates/oracles/solid")?;
    testkit("bench_peers", &[&program()?])
}

/// The program as it is shipped.
fn program() -> Result<String> {
    let program = ["build", "--release", "--locked", "--package", "denizen"];
    run("cargo", &program)?;
    let program = root().join("target/release/denizen");
    Ok(program.to_string_lossy().into_owned())
}

/// The storage beside plain inserts, then a hub's process.
fn hub(arguments: &[&str]) -> Result<()> {
    let program = program()?;
    let stores = [
        "bench",
        "--locked",
        "--package",
        "denizen-store",
        "--bench",
        "raw",
    ];
    run("cargo", &stores)?;
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
