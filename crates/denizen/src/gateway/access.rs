//! What the organisation's own systems may do, where they are told, and what they did.

use super::{GatewayFolder, open};
use crate::shell::Shell;
use anyhow::bail;
use denizen_gateway::{EventKind, Scope, TokenRequest};
use denizen_model::UnixTime;
use std::path::{Path, PathBuf};

/// Arguments of `gateway token`.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct TokenArguments {
    /// The gateway's folder
    dir: Option<PathBuf>,
    /// What you call the system that will have it: letters, digits, hyphens
    #[arg(long, value_name = "NAME", required = true)]
    name: Option<String>,
    /// In which role it acts, as people are told
    #[arg(long, value_name = "TEXT", required = true)]
    role: Option<String>,
    /// What it may: scopes or groups of them, with commas between
    #[arg(long, value_name = "SCOPES", value_delimiter = ',', required = true)]
    may: Vec<String>,
    /// For how many days it counts
    #[arg(long, value_name = "N", default_value_t = 365)]
    days: u16,
}

/// Commands on tokens.
#[derive(clap::Subcommand)]
pub(crate) enum TokensCommand {
    /// List the tokens
    List(GatewayFolder),
    /// End a token at once
    Revoke {
        #[command(flatten)]
        folder: GatewayFolder,
        /// Its name in the list
        name: String,
    },
    /// List what was done with tokens, newest first
    Audit {
        #[command(flatten)]
        folder: GatewayFolder,
        /// How many lines
        #[arg(long, value_name = "N", default_value_t = 100)]
        lines: u32,
    },
}

/// Commands on hooks.
#[derive(clap::Subcommand)]
pub(crate) enum HookCommand {
    /// Add a hook; its secret is shown this once
    Add {
        #[command(flatten)]
        folder: GatewayFolder,
        /// What you call it: letters, digits, hyphens
        name: String,
        /// Where it is told: https, or http on this machine
        url: String,
        /// Of what it is told, with commas between; of everything if you say nothing
        #[arg(long, value_name = "TYPES", value_delimiter = ',')]
        events: Vec<String>,
    },
    /// List the hooks
    List(GatewayFolder),
    /// Remove a hook, and what it has not been told
    Remove {
        #[command(flatten)]
        folder: GatewayFolder,
        /// Its name in the list
        name: String,
    },
    /// Tell a hook again that failed for too long
    Enable {
        #[command(flatten)]
        folder: GatewayFolder,
        /// Its name in the list
        name: String,
    },
}

/// Makes a token.
pub(super) fn make(shell: &Shell, arguments: TokenArguments) -> anyhow::Result<()> {
    let (Some(dir), Some(label), Some(role)) = (arguments.dir, arguments.name, arguments.role)
    else {
        bail!("a token needs the gateway's folder, --name and --role");
    };
    let mut scopes = Vec::new();
    for name in &arguments.may {
        let meant = Scope::parse(name.trim());
        if meant.is_empty() {
            let all: Vec<_> = Scope::ALL.iter().map(|s| s.name()).collect();
            bail!("there is no scope {name}: there are {}", all.join(", "));
        }
        scopes.extend(
            meant
                .into_iter()
                .filter(|s| !scopes.contains(s))
                .collect::<Vec<_>>(),
        );
    }
    let request = TokenRequest {
        label,
        role,
        scopes,
        ttl_s: i64::from(arguments.days) * UnixTime::DAY_S,
    };
    let token = open(shell, &dir)?.make_token(request, shell.now(), &mut shell.rng())?;
    println!("{token}");
    eprintln!(
        "This is shown once, and only its hash is kept: store it where that system reads it."
    );
    Ok(())
}

/// Runs a command on tokens.
pub(super) fn tokens(shell: &Shell, command: TokensCommand) -> anyhow::Result<()> {
    match command {
        TokensCommand::List(folder) => list_tokens(shell, &folder.dir),
        TokensCommand::Revoke { folder, name } => {
            open(shell, &folder.dir)?.revoke_token(&name, shell.now())?;
            println!("Token {name} counts no more.");
            Ok(())
        }
        TokensCommand::Audit { folder, lines } => audit(shell, &folder.dir, lines),
    }
}

fn list_tokens(shell: &Shell, dir: &Path) -> anyhow::Result<()> {
    let tokens = open(shell, dir)?.tokens()?;
    if tokens.is_empty() {
        println!("No token.");
    }
    for token in tokens {
        let state = match token.revoked {
            Some(at) => format!("revoked {}", at.date()),
            None if token.expires <= shell.now() => format!("ended {}", token.expires.date()),
            None => format!("until {}", token.expires.date()),
        };
        let scopes: Vec<_> = token.scopes.iter().map(|s| s.name()).collect();
        println!("{}  {}  {state}", token.label, token.role);
        println!("  may {}", scopes.join(", "));
    }
    Ok(())
}

fn audit(shell: &Shell, dir: &Path, lines: u32) -> anyhow::Result<()> {
    for row in open(shell, dir)?.audit(lines)? {
        let subject = row.subject.unwrap_or_default();
        let outcome = match row.outcome {
            0 => "not ended".to_owned(),
            status => status.to_string(),
        };
        println!(
            "{}  {}  {}  {}  {subject}  {outcome}",
            row.at.to_rfc3339(),
            row.token,
            row.role,
            row.operation
        );
    }
    Ok(())
}

/// Runs a command on hooks.
pub(super) fn hooks(shell: &Shell, command: HookCommand) -> anyhow::Result<()> {
    match command {
        HookCommand::Add {
            folder,
            name,
            url,
            events,
        } => {
            let kinds = kinds(&events)?;
            let mut gateway = open(shell, &folder.dir)?;
            let secret = gateway.add_hook((&name, &url), &kinds, &mut shell.rng())?;
            println!("{secret}");
            eprintln!("The receiver checks signatures with this secret. It is shown once.");
        }
        HookCommand::List(folder) => {
            let hooks = open(shell, &folder.dir)?.hooks()?;
            if hooks.is_empty() {
                println!("No hook.");
            }
            for hook in hooks {
                let state = match (hook.disabled, hook.failing_since) {
                    (Some(at), _) => format!("DISABLED {}", at.date()),
                    (None, Some(at)) => format!("failing since {}", at.to_rfc3339()),
                    (None, None) => "good".to_owned(),
                };
                let kinds = if hook.kinds.is_empty() {
                    "everything".to_owned()
                } else {
                    hook.kinds.join(", ")
                };
                println!("{}  {state}  {kinds}", hook.label);
            }
        }
        HookCommand::Remove { folder, name } => {
            open(shell, &folder.dir)?.remove_hook(&name)?;
            println!("Hook {name} is removed.");
        }
        HookCommand::Enable { folder, name } => {
            open(shell, &folder.dir)?.enable_hook(&name)?;
            println!("Hook {name} is told again, from where it stopped.");
        }
    }
    Ok(())
}

fn kinds(names: &[String]) -> anyhow::Result<Vec<EventKind>> {
    let kind = |name: &String| match EventKind::parse(name.trim()) {
        Some(kind) => Ok(kind),
        None => {
            let all: Vec<_> = EventKind::ALL.iter().map(|k| k.name()).collect();
            bail!("there is no event {name}: there are {}", all.join(", "))
        }
    };
    names.iter().map(kind).collect()
}
