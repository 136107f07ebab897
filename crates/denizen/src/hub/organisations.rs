//! `denizen hub organisations`: who is in the directory, which everybody can read.

use super::folder::Folder;
use crate::shell::Shell;
use denizen_hub::read_directory;
use denizen_model::{UnixTime, directory::Organisation, statement::Quality};
use std::path::Path;

/// Lists the organisations, as the database has them now.
pub(crate) fn run(shell: &Shell, dir: &Path) -> anyhow::Result<()> {
    let folder = Folder::new(dir);
    let operator = folder.operator()?;
    let directory = read_directory(&folder.hub_config(&operator)?)?;
    for org in directory.organisations() {
        print(org, shell.now());
    }
    match directory.organisations().count() {
        0 => println!("No organisation is admitted: `denizen hub admit` admits one."),
        count => {
            println!("{count} organisation(s). The directory is public: anybody can read this.")
        }
    }
    Ok(())
}

fn print(org: &Organisation, now: UnixTime) {
    let name = org.statement.names.get("en").map_or("", String::as_str);
    println!("{name}");
    println!("  id:     {}", org.id.to_text());
    let state = match &org.suspension {
        Some(suspension) if suspension.from <= now => format!("suspended: {}", suspension.reason),
        Some(suspension) => format!("will be suspended: {}", suspension.reason),
        None if org.is_active(now) => "admitted".to_owned(),
        None => "not admitted".to_owned(),
    };
    println!("  state:  {state}");
    for kind in org.admission.iter().flat_map(|a| &a.kinds) {
        let quality = match kind.quality {
            Quality::Authority => "as authority",
            Quality::Claim => "as claim",
        };
        println!("  issues: {} {quality}", kind.vct);
    }
}
