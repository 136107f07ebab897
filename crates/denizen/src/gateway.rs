//! `denizen gateway`: an organisation issues records, receives applications, verifies, decides.
//!
//! While `serve` runs, the other commands work on the same database; `serve` sends what they queued.

mod access;
mod backup;
mod config;
mod desk;
pub(crate) mod doctor;
mod helper;
mod intake;
mod journeys;
mod links;
mod pull;
mod rest;
mod restore;
mod serve;
mod setup;

use crate::{files::FolderLock, shell::Shell, transport::HttpTransport};
use anyhow::{Context as _, bail};
use denizen_gateway::{Gateway, GatewayError};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Commands of an organisation.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Make a gateway: keys, database and the statement that the hub's operator admits
    Init(setup::InitArguments),
    /// Write the statement to standard output, for `denizen hub admit`
    Statement(GatewayFolder),
    /// Serve until SIGTERM or ctrl-c: send what waits, take in what comes. It needs no open port
    Serve(GatewayFolder),
    /// Declare a service in the hub's directory
    Publish {
        #[command(flatten)]
        folder: GatewayFolder,
        /// The service, as in `catalogue/services/`
        service: PathBuf,
    },
    /// Make an invitation: a link, and a QR code in a terminal
    Invite(links::InviteArguments),
    /// List the links that wait for their six digits
    Links(GatewayFolder),
    /// Confirm a link with the six digits that the person reads out
    Confirm {
        #[command(flatten)]
        folder: GatewayFolder,
        /// The office's case reference
        case: String,
        /// The six digits
        digits: String,
    },
    /// Take in a file of the office, CSV or NDJSON
    Intake(intake::Arguments),
    /// Take in what an endpoint of the office has, page by page
    Pull(pull::Arguments),
    /// Send what waits and take in what came, once
    Sync(GatewayFolder),
    /// List the cases by their due date
    Queue(GatewayFolder),
    /// Open a case: its evidence, as verified. The person is told
    Show(desk::ShowArguments),
    /// Decide a case: grant with records, or refuse with a reason
    Decide(desk::DecideArguments),
    /// Answer a person's helper: the state of a case, and nothing that is in it. The person is told
    Helper(helper::Arguments),
    /// Copy the database as it is at one moment, while others work on it
    Backup(backup::Arguments),
    /// Put a backup back: it takes over, and its original stops
    Restore(restore::Arguments),
    /// After a restore: say what the database lacks, and let new records be issued again
    Restored(restore::RestoredArguments),
    /// Change the status of an issued record, with a reason that the person reads
    Status(desk::StatusArguments),
    /// Make a token for one of your own systems; it is shown this once
    Token(access::TokenArguments),
    /// List and end tokens, and what was done with them
    #[command(subcommand)]
    Tokens(access::TokensCommand),
    /// Where your own systems are told what happens
    #[command(subcommand)]
    Hook(access::HookCommand),
    /// Write an explained `gateway.toml` to standard output
    ExampleConfig,
    #[command(flatten)]
    Journeys(journeys::Command),
}

/// The folder of a gateway.
#[derive(clap::Args)]
pub(crate) struct GatewayFolder {
    /// The gateway's folder
    dir: PathBuf,
}

/// Runs a command.
pub(crate) async fn run(shell: &Shell, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Init(arguments) => setup::init(shell, arguments),
        Command::Statement(folder) => setup::statement(shell, &folder.dir),
        Command::Serve(folder) => serve::run(shell, &folder.dir).await,
        Command::Publish { folder, service } => setup::publish(shell, &folder.dir, &service).await,
        Command::Invite(arguments) => links::invite(shell, arguments).await,
        Command::Links(folder) => links::list(shell, &folder.dir),
        Command::Confirm {
            folder,
            case,
            digits,
        } => links::confirm(shell, &folder.dir, &case, &digits),
        Command::Intake(arguments) => intake::run(shell, &arguments).await,
        Command::Pull(arguments) => pull::run(shell, &arguments).await,
        Command::Sync(folder) => serve::sync_once(shell, &folder.dir).await,
        Command::Queue(folder) => desk::queue(shell, &folder.dir),
        Command::Show(arguments) => desk::show(shell, &arguments),
        Command::Decide(arguments) => desk::decide(shell, &arguments),
        Command::Helper(arguments) => helper::run(shell, &arguments),
        Command::Backup(arguments) => backup::run(shell, &arguments),
        Command::Restore(arguments) => restore::run(shell, &arguments).await,
        Command::Restored(arguments) => restore::restored(shell, &arguments),
        Command::Status(arguments) => desk::status(shell, &arguments),
        Command::Token(arguments) => access::make(shell, arguments),
        Command::Tokens(command) => access::tokens(shell, command),
        Command::Hook(command) => access::hooks(shell, command),
        Command::ExampleConfig => {
            print!("{}", config::EXAMPLE);
            Ok(())
        }
        Command::Journeys(command) => journeys::run(shell, command),
    }
}

/// Opens the gateway of a folder.
fn open(shell: &Shell, dir: &Path) -> anyhow::Result<Gateway> {
    Gateway::open(dir, Arc::clone(&shell.catalogue))
        .with_context(|| format!("{} is no gateway that can be opened", dir.display()))
}

/// Takes a gateway's folder for serving or restoring; other commands work beside that.
fn lock(dir: &Path) -> anyhow::Result<FolderLock> {
    match FolderLock::take(&dir.join("gateway.lock"))? {
        Some(lock) => Ok(lock),
        None => bail!(
            "{} is served by another process: stop it first",
            dir.display()
        ),
    }
}

/// Takes what one process at a time may do that takes in rows: a second one would go on with the run of
/// the first.
fn lock_intake(dir: &Path) -> anyhow::Result<FolderLock> {
    match FolderLock::take(&dir.join("intake.lock"))? {
        Some(lock) => Ok(lock),
        None => bail!(
            "another process takes in rows for {}: wait until it has ended, then give the command again",
            dir.display()
        ),
    }
}

/// Opens a gateway with the newest directory; a hub that is away leaves the one known before.
async fn open_with_directory(shell: &Shell, dir: &Path) -> anyhow::Result<Gateway> {
    let mut gateway = open(shell, dir)?;
    let transport = HttpTransport::pooled()?;
    match gateway
        .refresh_directory(&transport, shell.now(), &mut shell.rng())
        .await
    {
        Ok(()) => {}
        Err(GatewayError::Client(_)) => {
            eprintln!("The hub cannot be reached: going on with the directory as last seen.");
        }
        Err(error) => return Err(error.into()),
    }
    Ok(gateway)
}
