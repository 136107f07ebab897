//! Attachments: list the files of all messages, save one.

use super::{FolderArg, Open};
use crate::{attach, shell::Shell};
use denizen_holder::{FileState, HeldFile};
use std::path::PathBuf;

/// Arguments of `save`.
#[derive(Debug, clap::Args)]
pub(crate) struct SaveArguments {
    #[command(flatten)]
    at: FolderArg,
    /// Its number, as `attachments` shows it
    number: usize,
    /// The new file to write
    out: PathBuf,
}

/// Lists the files that went with messages, and those that came.
pub(super) fn list(at: &Open<'_>) -> anyhow::Result<()> {
    let say = &at.say;
    if at.holder.files().is_empty() {
        say.line("cli-attachments-none", &[]);
    }
    for (place, file) in at.holder.files().iter().enumerate() {
        let link = at.holder.profile().link(file.link);
        let org = link.map(|l| at.holder.name_of(&l.org)).unwrap_or_default();
        let (number, date) = ((place + 1).to_string(), say.date(file.at));
        let size = attach::size_text(file.size());
        let key = if file.hers {
            "cli-attachment-sent"
        } else {
            "cli-attachment-came"
        };
        let slots = [
            ("number", number.as_str()),
            ("name", file.name()),
            ("size", &size),
            ("org", &org),
            ("date", &date),
        ];
        say.line(key, &slots);
        if let Some(key) = state(file) {
            say.indented(key, &[]);
        }
    }
    Ok(())
}

fn state(file: &HeldFile) -> Option<&'static str> {
    match file.state {
        FileState::Here => None,
        FileState::Due => Some("cli-attachment-due"),
        FileState::Missing => Some("cli-attachment-missing"),
        FileState::NotKept => Some("cli-attachment-not-kept"),
    }
}

/// Writes one file's content to a new file.
pub(super) fn save(shell: &Shell, asked: SaveArguments) -> anyhow::Result<()> {
    let at = Open::of(shell, asked.at)?;
    let files = at.holder.files();
    let file = asked
        .number
        .checked_sub(1)
        .and_then(|place| files.get(place));
    let file = file.ok_or_else(|| at.say.refusal("no-such-file"))?;
    let content = at.holder.file_content(file);
    let content = content.ok_or_else(|| at.say.refusal("no-such-file"))?;
    attach::save(&asked.out, &content)?;
    let out = asked.out.display().to_string();
    at.say.line("cli-attachment-saved", &[("file", &out)]);
    Ok(())
}
