//! `denizen gateway restore`: a backup takes the place of a gateway that was lost.

use super::lock;
use crate::{
    files::{copy_database, sync_folder_of},
    shell::Shell,
    transport::HttpTransport,
};
use anyhow::{Context as _, bail};
use denizen_gateway::{Gateway, RestoreReport};
use denizen_store::{Database, gateway::GatewayStore};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Arguments of `gateway restore`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The gateway's folder: with gateway.json and keys.json, without a database
    dir: PathBuf,
    /// The backup; leave it out to go on where an earlier attempt did not reach the hub
    file: Option<PathBuf>,
}

/// Arguments of `gateway restored`.
#[derive(clap::Args)]
pub(crate) struct RestoredArguments {
    /// The gateway's folder
    dir: PathBuf,
    /// You have compared it with your own files: new records are issued again
    #[arg(long)]
    compared: bool,
}

/// Puts a backup back and lets it take over.
pub(super) async fn run(shell: &Shell, arguments: &Arguments) -> anyhow::Result<()> {
    let dir = &arguments.dir;
    for file in ["gateway.json", "keys.json"] {
        if !dir.join(file).is_file() {
            bail!(
                "{} has no {file}: bring it back from its copy first; nothing was changed",
                dir.display()
            );
        }
    }
    let _lock = lock(dir)?;
    if let Some(file) = &arguments.file {
        put_back(shell, dir, file)?;
    }
    let opened = Gateway::open_backup(dir, Arc::clone(&shell.catalogue));
    let mut gateway = opened.with_context(|| format!("{} cannot be opened", dir.display()))?;
    let transport = HttpTransport::pooled()?;
    let mut rng = shell.rng();
    let taken = gateway.take_over(&transport, shell.now(), &mut rng).await;
    let report = taken.with_context(|| {
        format!(
            "the backup is in its place but has not taken over: when the hub is reached, run \
             `denizen gateway restore {}` without a file",
            dir.display()
        )
    })?;
    say(dir, &report);
    Ok(())
}

/// Copies the backup into its place, and marks it so that nothing else works on it.
fn put_back(shell: &Shell, dir: &Path, file: &Path) -> anyhow::Result<()> {
    let database = dir.join("gateway.sqlite");
    for name in ["gateway.sqlite", "gateway.sqlite-wal", "gateway.sqlite-shm"] {
        if dir.join(name).exists() {
            bail!(
                "{} is there: move it away first, and keep it; nothing was changed",
                dir.join(name).display()
            );
        }
    }
    if !Database::open_reader(file)?.is_whole()? {
        bail!("{} is damaged: take another backup", file.display());
    }
    copy_database(file, &database)?;
    GatewayStore::mark_copy(&database, shell.now())?;
    Ok(sync_folder_of(&database)?)
}

fn say(dir: &Path, report: &RestoreReport) {
    if let Some(copied) = report.copied {
        println!("The backup of {} has taken over.", copied.to_rfc3339());
    }
    println!(
        "Whatever else runs with these keys stops when it next asks the hub, within a minute."
    );
    println!("What the hub shows of the time since:");
    println!(
        "  {} message(s) came to the inbox and are taken in again",
        report.inbox_new
    );
    println!(
        "  {} message(s) were erased there: what was done with them is not in this database",
        report.inbox_erased
    );
    println!(
        "  {} status(es) were taken over as published",
        report.statuses
    );
    println!("Used by nobody again:");
    println!(
        "  status indexes: new ones come out of list {}",
        report.list
    );
    println!(
        "  message chains: those of {} link(s) begin anew",
        report.links
    );
    println!(
        "  keys of one-time copies: {} count as used; people's programs send others",
        report.copy_keys
    );
    println!("  tokens: {} are ended; make new ones", report.tokens);
    println!(
        "{} envelope(s) go unchanged; the hub knows those that it has.",
        report.outbox
    );
    println!("No new record is issued until you have compared with your own files:");
    println!("  denizen gateway restored {}", dir.display());
}

/// Says what a restored gateway lacks, as far as people have written since; or ends the hold.
pub(super) fn restored(shell: &Shell, arguments: &RestoredArguments) -> anyhow::Result<()> {
    let mut gateway = super::open(shell, &arguments.dir)?;
    let Some(since) = gateway.held_since()? else {
        println!("Nothing is held: records are issued.");
        return Ok(());
    };
    let lacking = gateway.lacking()?;
    println!("Restored {}: no new record is issued.", since.to_rfc3339());
    if lacking.is_empty() {
        println!("No person has shown, so far, that she has letters which this database lacks.");
    }
    for case in lacking {
        println!("  {case}: the person has letters that this database does not know");
    }
    if arguments.compared {
        gateway.end_hold()?;
        println!("New records are issued again.");
    } else {
        println!(
            "Compare with your own files what was sent since the backup. A file that was taken in"
        );
        println!("since then gives its people second records if you take it in again. Then:");
        println!(
            "  denizen gateway restored {} --compared",
            arguments.dir.display()
        );
    }
    Ok(())
}
