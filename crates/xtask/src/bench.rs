//! `cargo xtask bench`: CPU of each step of a record's way (`crates/testkit/src/bin/bench.rs`, in a
//! release build), then the storage beside plain inserts (`crates/store/benches/raw.rs`), a hub's process
//! under load (`bench_hub.rs`), a long file through a gateway's process (`bench_intake.rs`), then a profile
//! in a browser (`web/e2e/bench`, with the bundle as it is shipped), then what others do that is near to it
//! (`bench_peers.rs`). First of all it counts instructions (`instructions.rs`), which alone is a gate.

use crate::{
    instructions,
    root::root,
    run::{run, run_command},
    setup, web,
};
use anyhow::Result;

/// Measures all of them, or one alone: `store`, `hub` (with a number of records), `intake` (with a number of
/// lines), `browser`, `peers`, `instructions` (with `--accept`); other arguments go to the steps.
pub(crate) fn measure(arguments: &[&str]) -> Result<()> {
    match arguments {
        ["browser"] => browser(),
        ["peers"] => peers(),
        ["instructions", rest @ ..] => instructions::count(rest),
        ["store"] => store(),
        ["hub", rest @ ..] => with_program("bench_hub", rest),
        ["intake", rest @ ..] => with_program("bench_intake", rest),
        [] => {
            instructions::count(&[])?;
            steps(&[])?;
            store()?;
            with_program("bench_hub", &[])?;
            with_program("bench_intake", &[])?;
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
    with_program("bench_peers", &[])
}

/// The storage beside plain inserts, on both engines.
fn store() -> Result<()> {
    let stores = [
        "bench",
        "--locked",
        "--package",
        "denizen-store",
        "--bench",
        "raw",
    ];
    run("cargo", &stores)
}

/// One of the testkit's programs that watches processes of the real one, as it is shipped.
fn with_program(watcher: &str, arguments: &[&str]) -> Result<()> {
    let program = ["build", "--release", "--locked", "--package", "denizen"];
    run("cargo", &program)?;
    let program = root().join("target/release/denizen");
    let program = program.to_string_lossy();
    testkit(watcher, &[&[&*program], arguments].concat())
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
