//! `denizen hub`: make an operator, admit organisations, serve.

mod admit;
mod config;
mod folder;
mod init;
mod serve;

use crate::shell::Shell;
use std::path::PathBuf;

/// Commands of an operator.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Make a hub: its identity, keys, statement and database
    Init(init::Arguments),
    /// Admit an organisation: the kinds that it may issue, signed with the operator's identity key
    Admit(admit::Arguments),
    /// Serve until SIGTERM or ctrl-c
    Serve {
        /// The hub's folder
        dir: PathBuf,
        /// Configuration [default: hub.toml in the hub's folder]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Print a configuration with every setting explained
    ExampleConfig,
}

/// Runs a command.
pub(crate) async fn run(shell: &Shell, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Init(arguments) => init::run(shell, &arguments).await,
        Command::Admit(arguments) => admit::run(shell, &arguments).await,
        Command::Serve { dir, config } => serve::run(shell, &dir, config.as_deref()).await,
        Command::ExampleConfig => {
            print!("{}", config::EXAMPLE);
            Ok(())
        }
    }
}
