//! The end: exported files are checked by a process that talks to nobody; one flipped byte is found.

use super::{person::Person, processes::Place, say};
use crate::root::files_below;
use anyhow::{Context as _, Result, bail, ensure};
use std::{fs, path::Path};

/// Lines of a long answer that are shown.
const SHOWN_LINES: usize = 8;

/// Exports, checks, and checks that damage is found in every file.
pub(crate) fn check(place: &Place, hub_id: &str, aziza: &Person<'_>, records: usize) -> Result<()> {
    let export = place.path("export");
    aziza.export(&export)?;
    let said = place.quietly(&["verify", &export, "--hub-id", hub_id])?;
    place.show_command(&["verify", &export, "--hub-id", hub_id]);
    let lines: Vec<&str> = said.lines().collect();
    let end = lines.len().saturating_sub(SHOWN_LINES);
    place.show(&format!("... {end} lines more ..."));
    place.show(&lines.get(end..).unwrap_or_default().join("\n"));
    let good = aziza
        .text("cli-verify-good")?
        .replace("{records}", &records.to_string());
    let (good, _) = good
        .split_once("{receipts}")
        .context("the text names no receipts")?;
    ensure!(
        said.contains(good),
        "not all {records} records were checked"
    );

    let files = files_below(Path::new(&export))?;
    ensure!(
        files.len() > records,
        "fewer files than records were exported"
    );
    for file in &files {
        let refusal = with_one_byte_flipped(place, &export, file)?;
        if file == files.last().unwrap_or(file) {
            place.show(&refusal);
        }
    }
    say(&format!(
        "In each of the {} files in turn one byte was flipped, seen, and put back.",
        files.len()
    ));
    place.quietly(&["verify", &export]).map(drop)
}

/// Exports and checks the profile of her child.
pub(crate) fn check_whole(place: &Place, child: &Person<'_>) -> Result<()> {
    let export = place.path("export-of-child");
    child.export(&export)?;
    place.quietly(&["verify", &export]).map(drop)
}

/// Flips one byte in the middle of a file, and puts it back; gives what the check said.
fn with_one_byte_flipped(place: &Place, export: &str, file: &Path) -> Result<String> {
    let good = fs::read(file)?;
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    if let Some(byte) = bad.get_mut(middle) {
        *byte ^= 1;
    }
    fs::write(file, &bad)?;
    let checked = place.output(&["verify", export], "");
    fs::write(file, &good)?;
    let (succeeded, _, refusal) = checked?;
    if succeeded {
        let name = file.strip_prefix(export).unwrap_or(file).display();
        bail!("one byte of {name} was flipped, and the check did not see it");
    }
    Ok(refusal)
}
