//! `cargo xtask fuzz`: every parser of bytes from outside under libFuzzer (`fuzz/`, `crates/fuzz`), from
//! samples and kept seeds.
//!
//! The parsers are built by the toolchain of the project with LLVM's coverage counters; no sanitizer is
//! needed, since the workspace has no unsafe code. Corpora, logs and findings are under `target/fuzz`.

use crate::{
    root::root,
    run::{command, output, run_command},
};
use anyhow::{Context as _, Result, bail};
use std::{fs, path::PathBuf, process::Stdio};

/// Seconds for each target, unless said otherwise.
const SECONDS: u32 = 10;
/// Longest input, in bytes.
const INPUT_SIZE_BYTES_MAX: u32 = 1 << 16;
/// libFuzzer's counters: edges, and the operands of comparisons.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                        -Cllvm-args=-sanitizer-coverage-pc-table \
                        -Cllvm-args=-sanitizer-coverage-trace-compares";

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Asked<'a> {
    seconds: u32,
    keep: bool,
    targets: Vec<&'a str>,
}

/// What one target did.
struct Ran {
    name: String,
    executions: u64,
    edges: u64,
}

/// Runs all targets, or those that are named. Fails with the first finding.
pub(crate) fn run_targets(arguments: &[&str]) -> Result<()> {
    let asked = read(arguments)?;
    let folder = root().join("target/fuzz");
    let corpus = folder.join("corpus");
    let all = unpack(&corpus)?;
    let unknown = asked.targets.iter().find(|t| !all.iter().any(|a| a == *t));
    if let Some(unknown) = unknown {
        bail!("no target {unknown}; there are: {}", all.join(", "));
    }
    let named = |name: &&String| asked.targets.is_empty() || asked.targets.contains(&name.as_str());
    let names: Vec<_> = all.iter().filter(named).collect();
    let program = build(&folder)?;
    fs::create_dir_all(folder.join("findings"))?;
    println!("   {} targets, {} s each", names.len(), asked.seconds);
    let mut ran = Vec::new();
    for name in names {
        ran.push(run_one(&program, name, &asked)?);
    }
    let executions: u64 = ran.iter().map(|r| r.executions).sum();
    println!("\n   {:<20} {:>12} {:>8}", "target", "executions", "edges");
    for one in &ran {
        println!(
            "   {:<20} {:>12} {:>8}",
            one.name, one.executions, one.edges
        );
    }
    let seconds = u64::from(asked.seconds) * ran.len() as u64;
    println!("   {executions} executions in {seconds} s: no crash, none over 100 ms or 64 MiB");
    if asked.keep {
        corpora("keep", &corpus)?;
    }
    Ok(())
}

fn read<'a>(arguments: &[&'a str]) -> Result<Asked<'a>> {
    let mut asked = Asked {
        seconds: SECONDS,
        keep: false,
        targets: Vec::new(),
    };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match *argument {
            "--keep" => asked.keep = true,
            "--seconds" => {
                let seconds = arguments.next().and_then(|n| n.parse().ok());
                asked.seconds = seconds.context("--seconds needs a number")?;
            }
            target if target.starts_with('-') => bail!("{target}: only --seconds N and --keep"),
            target => asked.targets.push(target),
        }
    }
    Ok(asked)
}

/// Writes samples and kept seeds into the folders that libFuzzer works in; gives the targets' names.
fn unpack(corpus: &std::path::Path) -> Result<Vec<String>> {
    let names = corpora("unpack", corpus)?;
    Ok(names.lines().map(str::to_owned).collect())
}

fn corpora(what: &str, corpus: &std::path::Path) -> Result<String> {
    let package = ["run", "--quiet", "--locked", "--package", "denizen-fuzz"];
    let corpus = corpus.to_string_lossy();
    let program = ["--bin", "corpus", "--", what, &*corpus];
    output("cargo", &[&package[..], &program].concat())
}

fn build(folder: &std::path::Path) -> Result<PathBuf> {
    let about = output("rustc", &["--version", "--verbose"])?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("rustc does not say what it builds for")?;
    let target = folder.join("build");
    // The versions of the project's own lock, and what libFuzzer adds to them.
    fs::copy(root().join("Cargo.lock"), root().join("fuzz/Cargo.lock"))?;
    // With the target named, build scripts and macros are built without counters.
    let build = [
        "build",
        "--release",
        "--quiet",
        "--manifest-path",
        "fuzz/Cargo.toml",
    ];
    let for_host =
        ["--target", host, "--target-dir", &*target.to_string_lossy()].map(str::to_owned);
    let for_host: Vec<_> = for_host.iter().map(String::as_str).collect();
    let mut cargo = command("cargo", &[&build[..], &for_host].concat());
    cargo.env("RUSTFLAGS", COVERAGE);
    run_command(cargo)?;
    Ok(target.join(host).join("release/parsers"))
}

fn run_one(program: &std::path::Path, name: &str, asked: &Asked<'_>) -> Result<Ran> {
    let folder = root().join("target/fuzz");
    let log = folder.join(format!("{name}.log"));
    let options = [
        format!("-max_total_time={}", asked.seconds),
        format!("-max_len={INPUT_SIZE_BYTES_MAX}"),
        "-timeout=5".to_owned(),
        "-rss_limit_mb=1024".to_owned(),
        "-seed=1".to_owned(),
        "-print_final_stats=1".to_owned(),
        format!(
            "-artifact_prefix={}/{name}-",
            folder.join("findings").display()
        ),
        folder.join("corpus").join(name).display().to_string(),
    ];
    let options: Vec<_> = options.iter().map(String::as_str).collect();
    let mut fuzzer = command(&program.to_string_lossy(), &options);
    fuzzer.env("DENIZEN_FUZZ_TARGET", name).stdin(Stdio::null());
    fuzzer.stdout(Stdio::null()).stderr(fs::File::create(&log)?);
    let status = fuzzer.status()?;
    let said = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    if !status.success() {
        let last: Vec<_> = said.lines().rev().take(40).collect();
        let last: Vec<_> = last.into_iter().rev().collect();
        bail!(
            "{name} has a finding; the input is under target/fuzz/findings:\n{}",
            last.join("\n")
        );
    }
    Ok(Ran {
        name: name.to_owned(),
        executions: number(&said, "stat::number_of_executed_units:").unwrap_or(0),
        edges: said
            .lines()
            .rev()
            .find_map(|l| number(l, " cov:"))
            .unwrap_or(0),
    })
}

/// The number behind a word.
fn number(text: &str, word: &str) -> Option<u64> {
    let (_, rest) = text.split_once(word)?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Asked, number, read};

    #[test]
    fn arguments_and_numbers_are_read() {
        let asked = read(&["--seconds", "60", "kit", "--keep"]).expect("it is well formed");
        let want = Asked {
            seconds: 60,
            keep: true,
            targets: vec!["kit"],
        };
        assert_eq!(asked, want);
        assert!(read(&["--seconds"]).is_err() && read(&["--fast"]).is_err());
        let said = "#512\tpulse  cov: 77 ft: 81 corp: 3/9b\nstat::number_of_executed_units: 812\n";
        assert_eq!(number(said, " cov:"), Some(77));
        assert_eq!(number(said, "stat::number_of_executed_units:"), Some(812));
        assert_eq!(number(said, "crashes:"), None);
    }
}
