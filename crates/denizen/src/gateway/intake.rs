//! Taking in an office's files.

use super::{lock_intake, open_with_directory};
use crate::shell::Shell;
use anyhow::{Context as _, anyhow};
use denizen_gateway::{BAD_ROWS_HEADER, BadRow, IntakeReport, Mapping, check_file};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    cell::Cell,
    fs::File,
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
    time::Duration,
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
    /// Only say what of it would be taken
    #[arg(long)]
    check: bool,
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
    if arguments.check {
        let judged = check_file(file, &mapping, gateway.catalogue(), shell.now());
        let judged = judged.with_context(|| format!("{shown} cannot be taken in"))?;
        println!(
            "{shown}: {} good rows, {} bad; nothing was taken in",
            judged.good,
            judged.bad.len()
        );
        for row in &judged.bad {
            println!("  line {}, {}: {}", row.line, row.column, row.reason);
        }
        return Ok(());
    }
    let _lock = lock_intake(&arguments.dir)?;
    let size = file.metadata().map_or(0, |m| m.len());
    let progress = Progress::of(size);
    let input = progress.bar.wrap_read(file);
    let mut bad = BadRows::at(
        arguments
            .bad
            .clone()
            .unwrap_or_else(|| default_path(arguments)),
    );
    let mut follow = |report: &mut IntakeReport| {
        progress.show(report.rows());
        bad.write(&report.take_bad())
    };
    let (now, mut rng) = (shell.now(), shell.rng());
    let report = gateway.intake_followed(input, &mapping, &mut follow, now, &mut rng);
    progress.bar.finish_and_clear();
    let report = report.with_context(|| {
        format!("{shown} was not taken in, or not to its end (rows before that are kept; give it again when put right)")
    })?;
    println!("{shown}: {} rows, run {}", report.rows(), report.run);
    println!("  {} on their way to their person", report.taken);
    println!(
        "  {} wait, encrypted, until their person is linked",
        report.waiting
    );
    println!("  {} had been taken before", report.repeated);
    println!("  {} bad", report.bad_count());
    if bad.file.is_some() {
        println!(
            "Bad rows, by line, column and reason, are listed in {}.",
            bad.path.display()
        );
        println!("Correct them and take the file in again: nothing is sent twice.");
    }
    Ok(())
}

/// How far a file is: on a terminal a bar, otherwise a line of the log now and then.
struct Progress {
    bar: ProgressBar,
    size: u64,
    logged: Cell<Duration>,
}

/// Time between two lines of the log.
const LOGGED_EVERY: Duration = Duration::from_secs(10);

impl Progress {
    fn of(size: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(size), ProgressDrawTarget::stderr());
        let style = "{wide_bar} {percent}%  {msg}, {eta} left";
        let style = ProgressStyle::with_template(style);
        Self {
            bar: bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())),
            size,
            logged: Cell::new(Duration::ZERO),
        }
    }

    fn show(&self, rows: u64) {
        let elapsed = self.bar.elapsed();
        let rate = rows / elapsed.as_secs().max(1);
        self.bar
            .set_message(format!("{rows} rows, {rate} a second"));
        if self.bar.is_hidden() && elapsed.saturating_sub(self.logged.get()) >= LOGGED_EVERY {
            self.logged.set(elapsed);
            let percent = self.bar.position() * 100 / self.size.max(1);
            let left_s = self.bar.eta().as_secs();
            tracing::info!(rows, rate, percent, left_s, "intake goes on");
        }
    }
}

/// A list of bad rows that is written as they come; there is none before the first.
struct BadRows {
    path: PathBuf,
    file: Option<BufWriter<File>>,
}

impl BadRows {
    fn at(path: PathBuf) -> Self {
        Self { path, file: None }
    }

    fn write(&mut self, rows: &[BadRow]) -> io::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                if let Some(folder) = self.path.parent() {
                    std::fs::create_dir_all(folder)?;
                }
                let mut file = BufWriter::new(File::create(&self.path)?);
                file.write_all(BAD_ROWS_HEADER.as_bytes())?;
                none.insert(file)
            }
        };
        for row in rows {
            file.write_all(row.csv().as_bytes())?;
        }
        file.flush()
    }
}

/// Writes the list of bad rows; `false` if there are none.
pub(super) fn write_bad_rows(path: &Path, report: &IntakeReport) -> anyhow::Result<bool> {
    let mut list = BadRows::at(path.to_owned());
    list.write(&report.bad)
        .with_context(|| format!("{} could not be written", path.display()))?;
    Ok(list.file.is_some())
}

fn default_path(arguments: &Arguments) -> PathBuf {
    let name = arguments.file.file_name().unwrap_or_default();
    let name = Path::new(name).with_extension("bad.csv");
    arguments.dir.join("bad-rows").join(name)
}
