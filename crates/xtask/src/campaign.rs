//! `cargo xtask campaign`: checks that take long or need more than a build machine has.

use crate::{
    bench, deny,
    run::{Steps, command, run_command},
    web,
};
use anyhow::Result;

/// How many times as many bent inputs and pairs of worlds as for a commit.
const TIMES: &str = "20";
/// What is added to every seed: other random bytes than those of a commit.
const SEEDS: [&str; 2] = ["1000003", "2000003"];

/// Runs all; stops at the first that fails.
pub(crate) fn run_long() -> Result<()> {
    let mut steps = Steps::default();
    let database = "an advisory is listed above: update the crate; or the database was not reached";
    steps.step(
        "bent inputs and pairs of worlds, many times as many",
        "the failing input and its seed are above",
        || {
            tests(
                &["--test", "hostile", "--", "parsers", "two_worlds"],
                (TIMES, SEEDS[0]),
            )
        },
    )?;
    steps.step(
        "all stories, from other seeds",
        "the failing story is above: run it with the same seed in DENIZEN_CAMPAIGN_SEED",
        || {
            SEEDS
                .iter()
                .try_for_each(|seed| tests(&["--tests"], ("1", seed)))
        },
    )?;
    steps.step(
        "the portal's bundle, from two folders",
        "a path or a time of one build is in a file that is named above",
        web::same_from_two_folders,
    )?;
    steps.step("bench", "see above", || bench::measure(&[]))?;
    steps.step("bench of a hub with a million records", "see above", || {
        bench::measure(&["hub", "1000000"])
    })?;
    steps.step("advisories", database, deny::advisories)?;
    steps.print_times();
    Ok(())
}

/// Tests of a whole world (`crates/testkit/src/campaign.rs` reads how much and from which seed).
fn tests(which: &[&str], (times, seed): (&str, &str)) -> Result<()> {
    println!("   {times} times as much as for a commit, seeds moved by {seed}");
    let package = [
        "test",
        "--locked",
        "--no-fail-fast",
        "--package",
        "denizen-testkit",
    ];
    let mut tests = command("cargo", &[&package[..], which].concat());
    tests.env("DENIZEN_CAMPAIGN_TIMES", times);
    tests.env("DENIZEN_CAMPAIGN_SEED", seed);
    run_command(tests)
}
