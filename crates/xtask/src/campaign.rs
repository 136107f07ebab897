//! `cargo xtask campaign`: checks that take long or need more than a build machine has.

use crate::{
    bench, deny,
    run::{Steps, command, run_command},
    web,
};
use anyhow::{Context as _, Result, bail};

/// How many times as many bent inputs and pairs of worlds as for a commit.
const TIMES: &str = "20";
/// What is added to every seed: other random bytes than those of a commit.
const SEEDS: [&str; 2] = ["1000003", "2000003"];

/// A campaign of faults: its name, what it is, the test that is a slice of it, and how many times as much
/// of it is done. Each prints its counts and seeds in one line.
struct Faults {
    name: &'static str,
    title: &'static str,
    package: &'static str,
    tests: [&'static str; 2],
    times: u32,
}

/// Those below the hub in one process: `crates/fire/tests/fire`.
const fn below(name: &'static str, title: &'static str, times: u32) -> Faults {
    Faults {
        name,
        title,
        package: "denizen-fire",
        tests: ["fire", name],
        times,
    }
}

/// Those of whole processes: `crates/denizen/tests/binary/fire`.
const fn process(
    name: &'static str,
    title: &'static str,
    test: &'static str,
    times: u32,
) -> Faults {
    Faults {
        name,
        title,
        package: "denizen",
        tests: ["binary", test],
        times,
    }
}

/// All of them; `docs/campaigns.md` has the results of the last long run.
const FAULTS: [Faults; 7] = [
    below("power", "power cuts", 50),
    below("commit_path", "the commit path, call by call", 1),
    below("flips", "flipped bits", 20),
    below("simulation", "the simulation, from many seeds", 100),
    process("kills", "kills under load", "fire::kills", 10),
    process("network", "a line that breaks", "fire::network", 20),
    process("disk", "disks that fail or are full", "fire::disk", 5),
];

/// Runs one campaign of faults: many times as much as for a commit, or `times` as much, with seeds moved
/// by `seed`.
pub(crate) fn run_one(name: &str, rest: &[&str]) -> Result<()> {
    let names = || FAULTS.map(|f| f.name).join(", ");
    let faults = FAULTS.iter().find(|f| f.name == name);
    let faults =
        faults.with_context(|| format!("no such campaign: {name}; there are {}", names()))?;
    let (times, seed) = match rest {
        [] => (faults.times, 0),
        [times] => (times.parse()?, 0),
        [times, seed] => (times.parse()?, seed.parse()?),
        _ => bail!("a campaign takes how many times, and what is added to its seeds"),
    };
    inject(faults, times, seed)
}

fn inject(faults: &Faults, times: u32, seed: u32) -> Result<()> {
    println!("   {times} times as much as for a commit, seeds moved by {seed}");
    let [program, test] = faults.tests;
    let package = ["test", "--locked", "--package", faults.package];
    let tests = ["--test", program, test];
    let mut tests = command("cargo", &[&package[..], &tests].concat());
    tests.env("DENIZEN_CAMPAIGN_TIMES", times.to_string());
    tests.env("DENIZEN_CAMPAIGN_SEED", seed.to_string());
    run_command(tests)
}

/// Runs all; stops at the first that fails.
pub(crate) fn run_long() -> Result<()> {
    let mut steps = Steps::default();
    for faults in &FAULTS {
        let what = "the line above names what is broken, and the seed";
        steps.step(faults.title, what, || inject(faults, faults.times, 0))?;
    }
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
    let grown = "a count of instructions that grew is named above; or what else failed is";
    steps.step("instructions, then bench", grown, || bench::measure(&[]))?;
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
