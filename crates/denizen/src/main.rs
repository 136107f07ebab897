//! The binary: one file per subcommand, configuration, the real clock, randomness and network.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people at a terminal"
)]

/// Every line that a command prints goes this way: it may hold what somebody else wrote.
macro_rules! println {
    ($($part:tt)*) => { crate::visible::print_line(&format!($($part)*)) };
}

mod attach;
mod audit;
mod backoff;
mod catalogue;
mod doctor;
mod files;
mod gateway;
mod holder;
mod hub;
mod logging;
mod portal;
mod runtime;
mod shell;
mod signal;
mod tls;
mod transport;
mod visible;

// No check of the product can be switched off: docs/decisions/0007-switches.md.
const _: () = assert!(!denizen_guard::DANGER_SWITCHES);

use clap::{Parser, Subcommand};
use shell::Shell;
use std::{path::PathBuf, process::ExitCode};

/// Records of foreign residents, sealed end to end: they hold them, offices issue and verify them,
/// and a hub carries them without being able to read.
#[derive(Parser)]
#[command(
    name = "denizen",
    version,
    propagate_version = true,
    max_term_width = 100
)]
struct Cli {
    /// Record kinds, services and texts of a deployment [default: those shipped with this program]
    #[arg(long, global = true, value_name = "DIR")]
    catalogue: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Operate a hub: it stores and forwards sealed envelopes and logs that it did
    #[command(subcommand)]
    Hub(hub::Command),
    /// Run an organisation's gateway: issue records, receive applications, verify, decide
    #[command(subcommand)]
    Gateway(gateway::Command),
    /// Say what is well with a hub's, gateway's or profile's folder, what is not, and what to do
    Doctor(doctor::Arguments),
    /// Check from outside what a hub serves
    #[command(subcommand)]
    Audit(audit::Command),
    /// Serve the portal's pages from this program, for the browser on this machine
    Portal(portal::Arguments),
    #[command(flatten)]
    Holder(holder::Command),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("denizen: {}", visible::visible(&format!("{error:#}")));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let shell = Shell::new(cli.catalogue.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match cli.command {
            Command::Hub(command) => hub::run(&shell, command).await,
            Command::Gateway(command) => gateway::run(&shell, command).await,
            Command::Doctor(arguments) => doctor::run(&shell, &arguments).await,
            Command::Audit(command) => audit::run(&shell, command).await,
            Command::Portal(arguments) => portal::run(&shell, arguments).await,
            Command::Holder(command) => holder::run(&shell, command).await,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }
}
