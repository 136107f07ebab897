//! `denizen hub`: make an operator, admit organisations, serve.

mod admit;
mod backup;
mod bundle;
mod config;
mod connection;
pub(crate) mod doctor;
mod folder;
mod init;
mod kinds;
mod last;
mod migrate;
mod organisations;
mod portal;
mod serve;
mod suspend;

use crate::shell::Shell;
use anyhow::Context as _;
use std::path::PathBuf;

/// Commands of an operator.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Make a hub: its identity, keys, statement and database
    Init(init::Arguments),
    /// Admit an organisation: the kinds that it may issue, signed with the operator's identity key
    Admit(admit::Arguments),
    /// Suspend an organisation from now: the hub takes nothing of it, nothing new of it counts
    Suspend(suspend::SuspendArguments),
    /// Lift a suspension: the organisation is admitted again for the kinds that it had
    Reinstate(suspend::Whom),
    /// Log the record kinds of a catalogue (`--catalogue DIR`) that are new or changed
    Kinds(kinds::Arguments),
    /// Log the portal's bundle: what is served to browsers, by the hash of every file
    Bundle(bundle::Arguments),
    /// List the organisations of the public directory, with their state and kinds
    Organisations {
        /// The hub's folder
        dir: PathBuf,
    },
    /// Copy the database as it is at one moment, while the hub serves
    Backup(backup::BackupArguments),
    /// Put a backup in the database's place, if it lacks nothing that the hub has signed
    Restore(backup::RestoreArguments),
    /// Move a hub's rows from hub.db into a database of a PostgreSQL server
    Migrate(migrate::Arguments),
    /// Serve until SIGTERM or ctrl-c
    Serve {
        /// The hub's folder
        #[arg(required_unless_present = "example")]
        dir: Option<PathBuf>,
        /// Configuration [default: hub.toml in the hub's folder]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Print a configuration with every setting explained, and end
        #[arg(long)]
        example: bool,
    },
    /// Print a configuration with every setting explained
    ExampleConfig,
}

/// Runs a command.
pub(crate) async fn run(shell: &Shell, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Init(arguments) => init::run(shell, &arguments).await,
        Command::Admit(arguments) => admit::run(shell, &arguments).await,
        Command::Suspend(arguments) => suspend::suspend(shell, &arguments).await,
        Command::Reinstate(whom) => suspend::reinstate(shell, &whom).await,
        Command::Kinds(arguments) => kinds::run(shell, &arguments).await,
        Command::Bundle(arguments) => bundle::run(shell, &arguments).await,
        Command::Organisations { dir } => organisations::run(shell, &dir),
        Command::Backup(arguments) => backup::backup(&arguments),
        Command::Restore(arguments) => backup::restore(&arguments),
        Command::Migrate(arguments) => migrate::run(&arguments),
        Command::Serve { example: true, .. } | Command::ExampleConfig => {
            print!("{}", config::EXAMPLE);
            Ok(())
        }
        Command::Serve { dir, config, .. } => {
            let dir = dir.context("the hub's folder is missing")?;
            serve::run(shell, &dir, config.as_deref()).await
        }
    }
}
