//! `denizen gateway backup`: the database as it is at one moment, while others work on it.

use crate::{files::copy_database, shell::Shell};
use anyhow::bail;
use denizen_store::{Database, gateway::GatewayStore};
use std::path::PathBuf;

/// Arguments of `gateway backup`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The gateway's folder; it may be serving
    dir: PathBuf,
    /// A new file for the copy
    file: PathBuf,
}

/// Copies the database and checks the copy.
pub(super) fn run(shell: &Shell, arguments: &Arguments) -> anyhow::Result<()> {
    let (dir, file) = (&arguments.dir, &arguments.file);
    if !dir.join("gateway.json").is_file() {
        bail!(
            "{} is no gateway's folder: nothing was copied",
            dir.display()
        );
    }
    copy_database(&dir.join("gateway.sqlite"), file)?;
    // A copy in the place of its original would use numbers twice: only `restore` puts it back.
    GatewayStore::mark_copy(file, shell.now())?;
    let copy = Database::open_reader(file)?;
    if !copy.is_whole()? {
        bail!("the copy is damaged: delete it, and look at the disk");
    }
    println!("A backup was written to {}, and checked.", file.display());
    println!("  size: {} bytes", copy.size_bytes()?);
    println!(
        "Its bodies are encrypted: keys.json opens them and is not in it. Keep a copy of keys.json"
    );
    println!("and gateway.json, apart from this file; without keys.json nobody can read it again.");
    println!("To put it back: `denizen gateway restore`.");
    println!(
        "Papers whose retention ends from now on are still in it: keep it for days, not years."
    );
    Ok(())
}
