//! Commands of the gateway.

use crate::shell::Shell;

/// Commands of the gateway.
#[derive(clap::Subcommand)]
pub(crate) enum Command {}

/// Runs a command.
pub(crate) async fn run(_: &Shell, command: Command) -> anyhow::Result<()> {
    match command {}
}
