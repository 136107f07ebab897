//! `cargo xtask bench instructions`: Valgrind counts what the functions take through which every record
//! goes (`crates/testkit/benches/instructions.rs`), and what takes more than was accepted is refused.
//!
//! A count is of one machine code: another compiler, another Valgrind, or another processor (the
//! cryptography chooses its code by what Valgrind passes on of it) has other counts. There nothing is
//! refused, and the command says why.

use crate::{
    root::{root, target},
    run::{command, output, run, run_lines},
    setup,
};
use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, fs, path::PathBuf};

/// The same version as the library in the root's `Cargo.toml`; a test looks.
const RUNNER: &str = "gungraun-runner@=0.18.2";
const ACCEPTED: &str = "crates/testkit/benches/instructions/accepted.json";
/// A count that has grown by more, in per mille, is refused.
const GROWN_PER_MILLE_MAX: u64 = 30;
/// What Valgrind passes on of a processor, as the kernel calls it.
const FEATURES: [&str; 11] = [
    "pclmulqdq",
    "aes",
    "ssse3",
    "sse4_2",
    "avx",
    "avx2",
    "bmi2",
    "abm",
    "f16c",
    "rdrand",
    "rdseed",
];

type Counts = BTreeMap<String, u64>;

/// Counts, and compares with what was accepted; `--accept` accepts what is counted now.
pub(crate) fn count(arguments: &[&str]) -> Result<()> {
    let accept = match arguments {
        [] => false,
        ["--accept"] => true,
        _ => bail!("instructions takes --accept, or nothing"),
    };
    set_up()?;
    let (here, counts) = (conditions()?, counted()?);
    let file = root().join(ACCEPTED);
    if accept {
        let text = serde_json::to_string_pretty(&json!({ "of": here, "counts": counts }))?;
        fs::write(file, text + "\n")?;
        println!("   {} counts are accepted in {ACCEPTED}", counts.len());
        return Ok(());
    }
    let text = fs::read_to_string(file).context("no counts are accepted: run it with --accept")?;
    let accepted: Value = serde_json::from_str(&text)?;
    let known: Counts =
        serde_json::from_value(accepted.get("counts").cloned().unwrap_or_default())?;
    println!("\n{}", table(&known, &counts));
    let found = findings(&known, &counts);
    let of = accepted.get("of").and_then(Value::as_object);
    if let Some(other) = differences(of, &here) {
        println!("Nothing is refused: the accepted counts are of other conditions ({other}).");
        println!("`--accept` writes those of this machine.");
        return Ok(());
    }
    if found.is_empty() {
        println!("   no count has grown by more than {GROWN_PER_MILLE_MAX} per mille");
        return Ok(());
    }
    for finding in &found {
        println!("   {finding}");
    }
    bail!(
        "{} count(s) differ; `--accept` accepts them, in a commit that says why",
        found.len()
    )
}

/// Valgrind, and the runner of the version that the library has.
fn set_up() -> Result<()> {
    if setup::find("valgrind").is_none() {
        println!("   missing: valgrind (counts instructions)");
        setup::apt_install(&["valgrind"])?;
    }
    let stamp = target().join("tools/gungraun-runner.version");
    if runner().is_file() && fs::read_to_string(&stamp).is_ok_and(|had| had == RUNNER) {
        return Ok(());
    }
    println!("   missing: {RUNNER} (a few minutes, into target/tools)");
    run(
        "cargo",
        &[
            "install",
            "--quiet",
            "--locked",
            "--force",
            "--root",
            "target/tools",
            RUNNER,
        ],
    )?;
    Ok(fs::write(stamp, RUNNER)?)
}

fn runner() -> PathBuf {
    target().join("tools/bin/gungraun-runner")
}

/// What the counts depend on beside the code.
fn conditions() -> Result<Map<String, Value>> {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = cpu.lines().find(|line| line.starts_with("flags"));
    let has = |feature: &&&str| flags.is_some_and(|f| f.split(' ').any(|word| word == **feature));
    let features: Vec<&str> = FEATURES.iter().filter(has).copied().collect();
    let all = [
        ("architecture", json!(std::env::consts::ARCH)),
        ("processor", json!(features.join(" "))),
        (
            "valgrind",
            json!(output("valgrind", &["--version"])?.trim()),
        ),
        ("rustc", json!(output("rustc", &["--version"])?.trim())),
    ];
    Ok(all
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect())
}

/// Which conditions are others than those of the accepted counts.
fn differences(accepted: Option<&Map<String, Value>>, here: &Map<String, Value>) -> Option<String> {
    let other = |(name, value): (&String, &Value)| {
        let was = accepted.and_then(|a| a.get(name));
        (was != Some(value))
            .then(|| format!("{name}: {} then, {value} now", was.unwrap_or(&Value::Null)))
    };
    let others: Vec<String> = here.iter().filter_map(other).collect();
    (!others.is_empty()).then(|| others.join("; "))
}

/// Builds as it is shipped, but for what linking optimises (that would be minutes), and counts.
fn counted() -> Result<Counts> {
    let bench = [
        "bench",
        "--quiet",
        "--locked",
        "--profile",
        "instructions",
        "--package",
        "denizen-testkit",
        "--bench",
        "instructions",
        "--",
        "--output-format=json",
    ];
    let mut bench = command("cargo", &bench);
    bench.env("GUNGRAUN_RUNNER", runner());
    let (mut counts, mut lines) = (Counts::new(), 0);
    run_lines(bench, |line| {
        if line.starts_with('{') {
            lines += 1;
            counts.extend(count_of(line));
        }
    })?;
    if counts.is_empty() || counts.len() != lines {
        bail!(
            "{lines} lines of gungraun-runner have {} counts",
            counts.len()
        );
    }
    Ok(counts)
}

/// Name and count of a line of gungraun-runner.
fn count_of(line: &str) -> Option<(String, u64)> {
    let line: Value = serde_json::from_str(line).ok()?;
    let text = |member: &str| line.get(member)?.as_str();
    let name = format!("{} {}", text("function_name")?, text("id")?);
    let metrics = line.pointer("/profiles/0/summaries/total/summary/Callgrind/Ir/metrics")?;
    // Alone, or beside that of the run before.
    let new = metrics.get("Left").or_else(|| metrics.pointer("/Both/0"))?;
    let count = new.get("Int").unwrap_or(new).as_u64()?;
    Some((name.replace('_', " "), count))
}

/// How much more than before, in per mille.
fn grown_per_mille(before: u64, now: u64) -> u64 {
    now.saturating_sub(before).saturating_mul(1000) / before.max(1)
}

/// What is refused: what grew, and what is counted but not accepted, or the other way round.
fn findings(accepted: &Counts, counts: &Counts) -> Vec<String> {
    let mut findings = Vec::new();
    for (name, now) in counts {
        match accepted.get(name) {
            None => findings.push(format!("{name}: no count is accepted")),
            Some(before) if grown_per_mille(*before, *now) > GROWN_PER_MILLE_MAX => {
                findings.push(format!("{name}: {before} instructions are {now}"));
            }
            Some(_) => (),
        }
    }
    let gone = accepted.keys().filter(|name| !counts.contains_key(*name));
    findings.extend(gone.map(|name| format!("{name}: accepted, and not counted")));
    findings
}

fn table(accepted: &Counts, counts: &Counts) -> String {
    let mut table = format!(
        "{:<48} {:>12} {:>12} {:>9}\n",
        "instructions", "accepted", "now", "change"
    );
    for (name, now) in counts {
        let Some(before) = accepted.get(name) else {
            table += &format!("{name:<48} {:>12} {now:>12}\n", "-");
            continue;
        };
        let sign = if now < before { '-' } else { '+' };
        let (low, high) = (before.min(now), before.max(now));
        let hundredths = (high - low).saturating_mul(10_000) / (*before).max(1);
        let change = format!("{sign}{}.{:02} %", hundredths / 100, hundredths % 100);
        table += &format!("{name:<48} {before:>12} {now:>12} {change:>9}\n");
    }
    table
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn counts(of: &[(&str, u64)]) -> Counts {
        of.iter()
            .map(|(name, n)| ((*name).to_owned(), *n))
            .collect()
    }

    #[test]
    fn what_grew_by_more_than_its_share_is_refused_and_what_shrank_is_not() {
        let accepted = counts(&[("a", 1000), ("b", 1000), ("c", 1000)]);
        let now = counts(&[("a", 1030), ("b", 1031), ("c", 10)]);
        assert_eq!(findings(&accepted, &now), ["b: 1000 instructions are 1031"]);
    }

    #[test]
    fn a_count_on_one_side_alone_is_refused() {
        let found = findings(&counts(&[("a", 1)]), &counts(&[("b", 1)]));
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn other_conditions_are_named() {
        let here = [("processor", "avx2"), ("valgrind", "3.19")];
        let here = here.map(|(name, value)| (name.to_owned(), json!(value)));
        let here: Map<String, Value> = here.into_iter().collect();
        assert_eq!(differences(Some(&here), &here), None);
        let mut other = here.clone();
        other.insert("processor".to_owned(), json!("sse2"));
        let said = differences(Some(&other), &here).unwrap();
        assert!(said.starts_with("processor: \"sse2\" then"), "{said}");
    }

    #[test]
    fn the_runner_has_the_version_of_the_library() {
        let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
        let version = RUNNER.split_once('@').unwrap().1;
        assert!(manifest.contains(&format!("gungraun = \"{version}\"")));
    }
}
