//! Dates to keep: told after a sync, in the list, on their own, and as a calendar file (D10, D21).

use super::{FolderArg, Open, folder};
use crate::shell::Shell;
use anyhow::Context as _;
use denizen_holder::Task;
use std::path::PathBuf;

/// A paper that ends within so many days is told.
const SOON_DAYS: u32 = 60;

/// `denizen due`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    at: FolderArg,
    /// Tell papers that end within so many days
    #[arg(long, default_value_t = SOON_DAYS)]
    days: u32,
    /// Write the dates to this calendar file too; it is readable
    #[arg(long, value_name = "FILE")]
    ics: Option<PathBuf>,
}

/// Lists the dates, and writes them as a calendar.
pub(super) fn run(shell: &Shell, asked: Arguments) -> anyhow::Result<()> {
    let at = &Open::of(shell, asked.at)?;
    let tasks = at.holder.due(asked.days, at.now());
    if tasks.is_empty() {
        at.say.line("cli-due-none", &[]);
    }
    print(at, &tasks);
    let Some(file) = &asked.ics else {
        return Ok(());
    };
    let calendar = at.holder.calendar(&tasks, at.now());
    folder::write_secret(file, calendar.as_bytes()).context("the calendar was not written")?;
    let (shown, count) = (file.display().to_string(), tasks.len().to_string());
    let slots = [("file", shown.as_str()), ("count", &count)];
    at.say.line("cli-due-calendar", &slots);
    Ok(())
}

/// What is near, under its title; nothing if nothing is.
pub(super) fn remind(at: &Open<'_>) {
    let tasks = at.holder.due(SOON_DAYS, at.now());
    if !tasks.is_empty() {
        at.say.line("cli-due-title", &[]);
        print(at, &tasks);
    }
}

fn print(at: &Open<'_>, tasks: &[Task]) {
    for task in tasks {
        let near = at.holder.nearness_text(task.near);
        let text = at.holder.task_text(task);
        at.say.plain(&format!("  {}  {text} ({near})", task.on));
    }
}
