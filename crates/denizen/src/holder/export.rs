//! `denizen export`: everything as readable files.

use super::{Open, folder};
use std::path::Path;

/// Writes everything to a folder.
pub(super) fn export(at: &Open<'_>, out: &Path) -> anyhow::Result<()> {
    let files = at.holder.export(at.now());
    folder::write_all(out, &files)?;
    at.say
        .line("cli-export-done", &[("folder", &out.display().to_string())]);
    Ok(())
}
