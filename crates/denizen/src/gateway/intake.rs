//! Taking in an office's files.

use super::open_with_directory;
use crate::shell::Shell;
use anyhow::{Context as _, anyhow};
use denizen_gateway::{IntakeReport, Mapping};
use indicatif::{ProgressBar, ProgressDrawTarget};
use std::{
    fs::File,
    path::{Path, PathBuf},
};

/// Arguments of `gateway intake`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The gateway's folder
    dir: PathBuf,
    /// The office's file
    file: PathBuf,
    /// How its columns become claims
    #[arg(long, value_name = "FILE")]
    mapping: PathBuf,
    /// Where to write the list of bad rows [default: bad-rows in the gateway's folder]
    #[arg(long, value_name = "FILE")]
    bad: Option<PathBuf>,
}

/// Takes in a file.
pub(super) async fn run(shell: &Shell, arguments: &Arguments) -> anyhow::Result<()> {
    let shown = arguments.mapping.display();
    let text = std::fs::read_to_string(&arguments.mapping)
        .with_context(|| format!("{shown} cannot be read as UTF-8"))?;
    let mut gateway = open_with_directory(shell, &arguments.dir).await?;
    let mapping = Mapping::parse(&text, gateway.catalogue());
    let mapping = mapping.map_err(|error| anyhow!("{shown}: {error}"))?;
    let shown = arguments.file.display();
    let file = File::open(&arguments.file).with_context(|| format!("{shown} cannot be read"))?;
    let size = file.metadata().map_or(0, |m| m.len());
    let bar = ProgressBar::with_draw_target(Some(size), ProgressDrawTarget::stderr());
    let input = bar.wrap_read(file);
    let progress = |_: &IntakeReport| bar.tick();
    let (now, mut rng) = (shell.now(), shell.rng());
    let report = gateway.intake_with_progress(input, &mapping, &mut { progress }, now, &mut rng);
    bar.finish_and_clear();
    let report = report.with_context(|| {
        format!("{shown} was not taken in, or not to its end (rows before that are kept; give it again when put right)")
    })?;
    let bad = write_bad(arguments, &report)?;
    println!("{shown}: {} rows, run {}", report.rows(), report.run);
    println!("  {} on their way to their person", report.taken);
    println!(
        "  {} wait, encrypted, until their person is linked",
        report.waiting
    );
    println!("  {} had been taken before", report.repeated);
    println!("  {} bad", report.bad.len());
    if let Some(bad) = bad {
        println!(
            "Bad rows, by line, column and reason, are listed in {}.",
            bad.display()
        );
        println!("Correct them and take the file in again: nothing is sent twice.");
    }
    Ok(())
}

fn write_bad(arguments: &Arguments, report: &IntakeReport) -> anyhow::Result<Option<PathBuf>> {
    let path = arguments
        .bad
        .clone()
        .unwrap_or_else(|| default_path(arguments));
    Ok(write_bad_rows(&path, report)?.then_some(path))
}

/// Writes the list of bad rows; `false` if there are none.
pub(super) fn write_bad_rows(path: &Path, report: &IntakeReport) -> anyhow::Result<bool> {
    if report.bad.is_empty() {
        return Ok(false);
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, report.bad_rows_csv())
        .with_context(|| format!("{} could not be written", path.display()))?;
    Ok(true)
}

fn default_path(arguments: &Arguments) -> PathBuf {
    let name = arguments.file.file_name().unwrap_or_default();
    let name = Path::new(name).with_extension("bad.csv");
    arguments.dir.join("bad-rows").join(name)
}
