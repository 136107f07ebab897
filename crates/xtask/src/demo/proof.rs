//! The end: exported files are checked by a process that talks to nobody; one flipped byte is found.

use super::{
    person::Person,
    processes::{Place, show},
    say,
};
use anyhow::{Context as _, Result, bail, ensure};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Exports, checks, and checks that damage is found in every file.
pub(crate) fn check(place: &Place, aziza: &Person<'_>, records: usize) -> Result<()> {
    let export = place.path("export");
    aziza.export(&export)?;
    let said = place.denizen(&["verify", &export])?;
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
    ensure!(!files.is_empty(), "nothing was exported");
    for file in &files {
        let good = fs::read(file)?;
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        if let Some(byte) = bad.get_mut(middle) {
            *byte ^= 1;
        }
        fs::write(file, &bad)?;
        let (succeeded, _, error) = place.output(&["verify", &export], "")?;
        fs::write(file, &good)?;
        let name = file
            .strip_prefix(&export)
            .unwrap_or(file)
            .display()
            .to_string();
        if succeeded {
            bail!("one byte of {name} was flipped, and the check did not see it");
        }
        say(&format!("One byte flipped in {name}: refused."));
        show(error.lines().next().unwrap_or_default());
    }
    place.quietly(&["verify", &export]).map(drop)
}

/// All files of a folder and below it.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
