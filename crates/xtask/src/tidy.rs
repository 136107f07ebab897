//! House rules that no lint knows. Each check gives findings; all are listed at once.

mod layers;
mod links;
mod profiles;
mod sizes;
mod spread;
mod sql;
mod words;

use crate::{root::root, run::output};
use anyhow::{Context as _, Result, bail};
use std::path::PathBuf;

pub(crate) use layers::{Graph, findings as layer_findings};

/// A file of the work tree: its path from the top, and its text.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// Whether it is Rust of a crate's product code.
    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs") && self.path.contains("/src/")
    }

    /// The crate that it is of.
    pub(crate) fn krate(&self) -> Option<&str> {
        self.path.strip_prefix("crates/")?.split('/').next()
    }

    /// Numbered lines of code before the tests at the bottom, without comments and empty lines.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let numbered = self
            .text
            .lines()
            .enumerate()
            .map(|(at, line)| (at + 1, line));
        numbered
            .take_while(|(_, line)| *line != "#[cfg(test)]")
            .filter(|(_, line)| {
                let line = line.trim_start();
                !line.is_empty() && !line.starts_with("//")
            })
    }
}

/// Runs all checks.
pub(crate) fn check_all() -> Result<()> {
    let sources = sources()?;
    let checks = [
        ("file sizes", sizes::findings(&sources)),
        ("SQL only in store", sql::findings(&sources)),
        ("SQL that can be spread", spread::findings(&sources)),
        ("words", words::findings(&sources)),
        ("links of documents", links::findings(&sources)),
        ("packages of profiles", profiles::findings(&sources)),
        ("who may name whom", layer_findings(&Graph::of_workspace()?)),
    ];
    let mut found = 0;
    for (check, findings) in checks {
        println!(
            "   {check}: {}",
            if findings.is_empty() {
                "good"
            } else {
                "findings"
            }
        );
        for finding in &findings {
            println!("      {finding}");
        }
        found += findings.len();
    }
    if found == 0 {
        return Ok(());
    }
    bail!("{found} finding(s) are listed above")
}

/// The text files that are, or are about to be, under version control.
fn sources() -> Result<Vec<Source>> {
    let list = output(
        "git",
        &[
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ],
    );
    let list = list.context("tidy reads the list of files from git")?;
    let mut sources = Vec::new();
    for path in list.split_terminator('\0') {
        let file: PathBuf = root().join(path);
        // A file that was deleted and not yet committed, or one that is no text.
        if let Ok(text) = std::fs::read_to_string(file) {
            sources.push(Source {
                path: path.to_owned(),
                text,
            });
        }
    }
    Ok(sources)
}
