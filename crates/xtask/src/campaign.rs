//! `cargo xtask campaign`: checks that take long or need more than a build machine has.

use crate::{
    bench, deny,
    run::{Steps, command, run_command},
};
use anyhow::Result;

/// Cases of each property: fifty times the usual.
const PROPERTY_CASES: &str = "12800";

/// Runs all; stops at the first that fails.
pub(crate) fn run_long() -> Result<()> {
    let mut steps = Steps::default();
    let database = "an advisory is listed above: update the crate; or the database was not reached";
    steps.step(
        "properties, fifty times the cases",
        "the failing case is above",
        || {
            let mut tests = command("cargo", &["test", "--workspace", "--locked", "--release"]);
            tests.env("PROPTEST_CASES", PROPERTY_CASES);
            run_command(tests)
        },
    )?;
    steps.step("bench", "see above", || bench::measure(&[]))?;
    steps.step("advisories", database, deny::advisories)?;
    steps.print_times();
    Ok(())
}
