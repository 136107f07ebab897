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
    let folder =
        "a file of the bundle has a path of this machine: `cargo xtask campaign` builds it twice";
    steps.step("portal, from any folder", folder, web::names_no_folder)?;
    let failed = "the first `failed` above names the test; `cargo test -p CRATE NAME` repeats it";
    let (mut passed, mut ignored) = steps.step("tests", failed, || cargo_test(&WORKSPACE))?;
    let held =
        "an attack that must succeed without its check did not, or one with it did: see above";
    let more = steps.step("attacks, with switches", held, || cargo_test(&SWITCHES))?;
    (passed, ignored) = (passed + more.0, ignored + more.1);
    let page = "see the first failure above; `npm test` in web/ repeats it";
    let more = steps.step("portal's own logic", page, || web_tests("test"))?;
    (passed, ignored) = (passed + more.0, ignored + more.1);
    let browser = "see the first failure above, and its picture under target/e2e/failures; \
                   `npm run e2e` in web/ repeats it";
    let more = steps.step("portal in a browser", browser, browser_tests)?;
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

/// The portal in Chromium, against a hub and gateways as real processes.
fn browser_tests() -> Result<(u64, u64)> {
    web::build_program()?;
    let liar = ["--package", "denizen-evil", "--bins"];
    run(
        "cargo",
        &[&["build", "--quiet", "--locked"], &liar[..]].concat(),
    )?;
    let counted = web_tests("e2e")?;
    println!("   pictures of every screen are in target/e2e/screens");
    Ok(counted)
}

/// Runs a script of the pages' workspace that tests; gives how many passed and were left out.
fn web_tests(script: &str) -> Result<(u64, u64)> {
    let mut npm = web::npm(&["run", "--silent", script]);
    // The program that the tests start carries the bundle.
    npm.env("NO_COLOR", "1").env("CI", "1");
    npm.env("DENIZEN_EMBEDDED", "1");
    let (mut passed, mut skipped) = (0, 0);
    run_lines(npm, |line| {
        println!("{line}");
        passed += count_web(line, "passed");
        skipped += count_web(line, "skipped");
    })?;
    if passed == 0 {
        bail!("no test ran");
    }
    Ok((passed, skipped))
}

/// The number before a word in the summary of Playwright (`12 passed (3.1m)`) or Vitest
/// (`Tests  12 passed | 1 skipped (13)`).
fn count_web(line: &str, word: &str) -> u64 {
    let line = line.trim();
    let counts = line.strip_prefix("Tests ").unwrap_or(line);
    let counts = counts.split('(').next().unwrap_or_default();
    let part = counts.split('|').find_map(|p| p.trim().strip_suffix(word));
    part.and_then(|n| n.trim().parse().ok()).unwrap_or(0)
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
    use super::{SWITCHES, count, count_web};
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

    #[test]
    fn results_of_the_pages_tests_are_counted() {
        let vitest = "      Tests  411 passed | 2 skipped (413)";
        assert_eq!(count_web(vitest, "passed"), 411);
        assert_eq!(count_web(vitest, "skipped"), 2);
        assert_eq!(count_web(" Test Files  2 passed (2)", "passed"), 0);
        assert_eq!(count_web("  24 passed (3.9m)", "passed"), 24);
        assert_eq!(count_web("the 24 passed", "passed"), 0);
    }
}
