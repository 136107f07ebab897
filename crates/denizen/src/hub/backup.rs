//! `denizen hub backup` and `restore`. A restored backup is a rollback (R12): it is put back only if
//! nothing that the hub has signed is missing in it.

use super::{
    folder::{Folder, Operator},
    last::kept_elsewhere,
};
use crate::files::{copy_database, hex};
use anyhow::{Context as _, bail};
use denizen_hub::{Ends, HubConfig, NewestKnown, read_ends};
use denizen_store::hub::{Location, Readers};
use std::path::{Path, PathBuf};

/// Arguments of `hub backup`.
#[derive(clap::Args)]
pub(crate) struct BackupArguments {
    /// The hub's folder; the hub may be serving
    dir: PathBuf,
    /// A new file for the copy
    file: PathBuf,
}

/// Arguments of `hub restore`.
#[derive(clap::Args)]
pub(crate) struct RestoreArguments {
    /// The hub's folder; the hub must be stopped
    dir: PathBuf,
    /// The backup
    file: PathBuf,
    /// A checkpoint of this hub that somebody else kept (a client, a mirror, a witness); may be
    /// repeated. Needed where the folder has no `last-checkpoint`
    #[arg(long = "checkpoint", value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
    /// Say what going back would mean for everybody. It is refused all the same: a log that lost
    /// leaves can only be followed by a new one
    #[arg(long)]
    accept_rollback: bool,
}

/// Copies the database as it is at one moment.
pub(crate) fn backup(arguments: &BackupArguments) -> anyhow::Result<()> {
    let folder = Folder::new(&arguments.dir);
    let mut config = folder.hub_config(&folder.operator()?)?;
    in_a_file(&config)?;
    copy_database(&folder.database(), &arguments.file)?;
    config.database = arguments.file.clone().into();
    let ends =
        checked(&config).context("the copy is no backup: delete it, and look at the disk")?;
    let shown = arguments.file.display();
    println!("A backup was written to {shown}, and checked.");
    println!(
        "  size:      {} bytes",
        std::fs::metadata(&arguments.file)?.len()
    );
    print_ends(&ends);
    println!("Keys and statement are not in it: keep a copy of them, apart from this file.");
    println!(
        "Envelopes that people erase from now on are still in it: keep it for days, not years."
    );
    Ok(())
}

/// Puts a backup in the database's place, if it lacks nothing that was signed.
pub(crate) fn restore(arguments: &RestoreArguments) -> anyhow::Result<()> {
    let folder = Folder::new(&arguments.dir);
    let operator = folder.operator()?;
    let Some(_lock) = folder.lock()? else {
        bail!("a hub serves this folder: stop it first; nothing was changed");
    };
    let mut config = folder.hub_config(&operator)?;
    in_a_file(&config)?;
    config.database = arguments.file.clone().into();
    let shown = arguments.file.display();
    let ends = checked(&config)
        .with_context(|| format!("{shown} is no whole backup of this hub: nothing was changed"))?;
    println!("{shown} is a whole backup of this hub.");
    print_ends(&ends);
    for known in known(&folder, &operator, arguments)? {
        let lost = [
            lost("deposits", ends.deposits.0, known.deposits.as_ref()),
            lost("directory", ends.directory.0, known.directory.as_ref()),
        ];
        let lost: Vec<String> = lost.into_iter().flatten().collect();
        if !lost.is_empty() {
            return refuse(&lost, arguments.accept_rollback);
        }
        config.newest_known = known;
        read_ends(&config).context("nothing was changed")?;
    }
    put_in_place(&arguments.file, &folder.database())?;
    println!(
        "It is in place. Next: `denizen hub serve {}`.",
        arguments.dir.display()
    );
    Ok(())
}

/// A server's database is copied by the server's own tools.
fn in_a_file(config: &HubConfig) -> anyhow::Result<()> {
    match &config.database {
        Location::File(_) => Ok(()),
        _ => bail!(
            "this hub's rows lie in a database server: back up and restore there (docs/operate/postgresql.md)"
        ),
    }
}

/// The ends of both logs, if every page of the database is whole.
fn checked(config: &HubConfig) -> anyhow::Result<Ends> {
    if !Readers::open(&config.database)?.with(|db| db.is_whole())? {
        bail!("the database is damaged");
    }
    Ok(read_ends(config)?)
}

fn print_ends(ends: &Ends) {
    for (name, (size, root)) in [
        ("deposits: ", ends.deposits),
        ("directory:", ends.directory),
    ] {
        println!("  {name} {size} leaves, root {}", hex(&root));
    }
}

/// What is known to have been signed, from everywhere.
fn known(
    folder: &Folder,
    operator: &Operator,
    arguments: &RestoreArguments,
) -> anyhow::Result<Vec<NewestKnown>> {
    let (origins, keys) = (operator.origins()?, folder.keys()?);
    let last = folder.last_checkpoint()?;
    if !last.is_there() && arguments.checkpoints.is_empty() {
        bail!(
            "nothing says what this hub has signed since: the folder has no `last-checkpoint`. Give the \
             newest checkpoint that somebody kept with --checkpoint FILE; nothing was changed"
        );
    }
    let mut known = vec![last.verified(&origins, &keys)?];
    for file in &arguments.checkpoints {
        known.push(kept_elsewhere(file, &origins, &keys)?);
    }
    // The database that is there may be newer than the file beside it, by what a crash left.
    match read_ends(&folder.hub_config(operator)?) {
        Ok(there) => known.push(NewestKnown::of(&origins, &there)),
        Err(_) => println!("The database that is there cannot be read, and is not compared."),
    }
    Ok(known)
}

fn lost(log: &str, has: u64, known: Option<&denizen_tlog::Checkpoint>) -> Option<String> {
    let size = known?.size;
    let lost = size.checked_sub(has).filter(|lost| *lost > 0)?;
    Some(format!("{lost} leaves of the {log} log ({has} of {size})"))
}

fn refuse(lost: &[String], accept: bool) -> anyhow::Result<()> {
    let lost = lost.join(" and ");
    if accept {
        println!("Going back would lose {lost}. What everybody would see:");
        println!(
            "  People and organisations hold receipts for deposits that the hub does not have."
        );
        println!(
            "  Every program that has seen the newer log refuses this hub: it is smaller, and"
        );
        println!(
            "  soon another history. Their programs show an alarm, and they cannot turn it off."
        );
        println!(
            "  Only a new log with a name of its own, announced by the operator's identity key,"
        );
        println!("  can follow a log that lost leaves; this version cannot begin one.");
    }
    bail!(
        "the backup lacks {lost}: it is older than what this hub has signed. It was not put in place, \
         and nothing may be signed on it (R12): bring back the newest database"
    )
}

/// Puts the backup in the database's place; what was there stays beside it.
fn put_in_place(backup: &Path, database: &Path) -> anyhow::Result<()> {
    let beside = |ending: &str| {
        let mut name = database.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let (new, old) = (beside(".restored"), beside(".before-restore"));
    if old.exists() {
        bail!(
            "{} is still there from another restore: move it away; nothing was changed",
            old.display()
        );
    }
    copy_database(backup, &new)?;
    for ending in ["-shm", "-wal", ""] {
        let (from, mut to) = (beside(ending), old.clone().into_os_string());
        to.push(ending);
        if from.exists() {
            std::fs::rename(&from, &to)
                .with_context(|| format!("{} cannot be moved", from.display()))?;
        }
    }
    std::fs::rename(&new, database)?;
    crate::files::sync_folder_of(database)?;
    println!("What was there is in {}.", old.display());
    Ok(())
}
