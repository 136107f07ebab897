//! `cargo xtask test`: everything that must be true of a commit.

use crate::{
    demo, deny,
    run::{Steps, command, run, run_lines},
    setup, tidy, web,
};
use anyhow::{Result, bail};

/// Runs all steps; stops at the first that fails.
pub(crate) fn run_all() -> Result<()> {
    let mut steps = Steps::default();
    let online = "see the lines above; the machine needs its package registries";
    steps.step("set-up", online, setup::set_up)?;
    steps.step("format", "run `cargo fmt --all`", || {
        run("cargo", &["fmt", "--all", "--check"])
    })?;
    let lints = "mend what clippy says above; `cargo clippy --workspace --all-targets` repeats it";
    steps.step("lints", lints, || {
        let all = [
            "clippy",
            "--quiet",
            "--workspace",
            "--all-targets",
            "--locked",
        ];
        run("cargo", &[&all[..], &["--", "--deny", "warnings"]].concat())
    })?;
    let wrappers =
        "a crate names what it may not see, or has another licence: `deny.toml` says why";
    steps.step("licences and privacy wrappers", wrappers, deny::check_all)?;
    steps.step("tidy", "mend what is listed above", tidy::check_all)?;
    let web = "a crate of the person's client uses what a browser does not have, or a page has a \
               mistake: see above; `cargo xtask web` repeats it";
    steps.step("portal", web, web::build)?;
    let failed = "the first `failed` above names the test; `cargo test -p CRATE NAME` repeats it";
    let (mut passed, mut ignored) = steps.step("tests", failed, || cargo_test(&WORKSPACE))?;
    let held =
        "an attack that must succeed without its check did not, or one with it did: see above";
    let more = steps.step("attacks, with switches", held, || cargo_test(&SWITCHES))?;
    (passed, ignored) = (passed + more.0, ignored + more.1);
    let demo = "the step above is not true; `cargo xtask demo` repeats it";
    steps.step("demo", demo, || demo::run_demo(&[]))?;
    steps.print_times();
    println!("\n{passed} passed, 0 failed, {ignored} skipped");
    Ok(())
}

/// Unit tests, documentation, vectors, stories and interop.
const WORKSPACE: [&str; 4] = ["test", "--workspace", "--locked", "--no-fail-fast"];

/// Each attack again with its checks off: a build of its own, since cargo unifies features.
const SWITCHES: [&str; 9] = [
    "test",
    "--package",
    "denizen-evil",
    "--package",
    "denizen-guard",
    "--features",
    "denizen-evil/switches",
    "--locked",
    "--no-fail-fast",
];

/// Runs tests; gives how many passed and were ignored.
fn cargo_test(arguments: &[&str]) -> Result<(u64, u64)> {
    let (mut passed, mut ignored) = (0, 0);
    run_lines(command("cargo", arguments), |line| {
        println!("{line}");
        passed += count(line, "passed");
        ignored += count(line, "ignored");
    })?;
    if passed == 0 {
        bail!("no test ran");
    }
    Ok((passed, ignored))
}

/// The number before a word in cargo's `test result` line.
fn count(line: &str, word: &str) -> u64 {
    let Some(counts) = line.strip_prefix("test result: ") else {
        return 0;
    };
    let part = counts
        .split([';', '.'])
        .find_map(|p| p.trim().strip_suffix(word));
    part.and_then(|n| n.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{SWITCHES, count};
    use crate::run::output;

    #[test]
    fn no_build_but_that_of_the_attacks_can_switch_a_check_off() {
        let features = |of: &[&str]| {
            let tree = ["tree", "--locked", "--edges", "features"];
            let inverted = ["--invert", "denizen-guard"];
            let all = [&tree[..], &inverted, of].concat();
            output("cargo", &all).expect("cargo tells features")
        };
        let word = "danger-switches";
        for of in [&["--workspace"][..], &["--package", "denizen"]] {
            let tree = features(of);
            assert!(tree.contains("denizen-guard") && !tree.contains(word));
        }
        let attacks = features(&["--package", SWITCHES[2], SWITCHES[5], SWITCHES[6]]);
        assert!(
            attacks.contains(word),
            "the switches are gone: nothing is shown"
        );
    }

    #[test]
    fn results_of_all_test_programs_are_counted() {
        let line = "test result: ok. 12 passed; 0 failed; 3 ignored; 0 measured; finished in 0.1s";
        assert_eq!((count(line, "passed"), count(line, "ignored")), (12, 3));
        assert_eq!(count("test a::b ... ok", "passed"), 0);
    }
}
