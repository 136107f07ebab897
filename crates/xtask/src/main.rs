//! Set-up, test, demo, bench, tidy: everything that a contributor runs.
//!
//! `cargo xtask test` and `cargo xtask demo` work on a fresh machine: they install what is missing and
//! say so. Nothing here is in the product.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool for people at a terminal"
)]

mod bench;
mod campaign;
mod demo;
mod deny;
mod fuzz;
mod instructions;
mod root;
mod run;
mod setup;
mod test;
mod tidy;
mod wasm;
mod web;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask COMMAND

  test       set-up, format, lints, licences and privacy wrappers, all tests, tidy
  demo       one person's way through four offices, with real processes; --keep leaves them running
  tidy       house rules that no lint knows (sizes, SQL, who may name whom, links)
  wasm       the portal's two modules: the crates of a person's client, for a browser
  web        the portal's bundle under web/dist, with the module
  bench      CPU per record of each step, a hub under load, a browser; `bench hub [RECORDS]` alone;
             `bench instructions [--accept]` refuses what takes more instructions than was accepted
  fuzz       every parser of bytes from outside under libFuzzer: [--seconds N] [--keep] [TARGET...]
  campaign   the long checks: faults, more bent inputs, other seeds, bench, advisories; one campaign of
             faults by its NAME (power, commit_path, flips, simulation, kills, network, disk), with how many TIMES
             as much as for a commit, and what is added to its SEED
  setup      only installs what is missing";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["test"] => test::run_all(),
        ["tidy"] => tidy::check_all(),
        ["demo", rest @ ..] => demo::run_demo(rest),
        ["bench", rest @ ..] => bench::measure(rest),
        ["fuzz", rest @ ..] => fuzz::run_targets(rest),
        ["campaign"] => campaign::run_long(),
        ["campaign", name, rest @ ..] => campaign::run_one(name, rest),
        ["wasm"] => wasm::build(),
        ["web"] => web::build(),
        ["setup"] => setup::set_up(),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => Err(anyhow::anyhow!("no such command\n\n{USAGE}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
