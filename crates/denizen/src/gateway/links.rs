//! Invitations and their six digits.

use super::{open, open_with_directory};
use crate::shell::Shell;
use anyhow::bail;
use denizen_gateway::InviteRequest;
use denizen_model::{UnixTime, invitation::to_qr_text};
use fast_qr::{ECL, QRBuilder, QRCode};
use std::{
    io::IsTerminal as _,
    path::{Path, PathBuf},
};

/// Arguments of `gateway invite`.
#[derive(clap::Args)]
pub(crate) struct InviteArguments {
    /// The gateway's folder
    dir: PathBuf,
    /// Why the link is wanted, in words that the person reads
    #[arg(long, value_name = "TEXT")]
    purpose: String,
    /// Kinds of records that you will send
    #[arg(long = "send", value_name = "VCT", num_args = 1..)]
    sends: Vec<String>,
    /// Services for which you will ask for papers
    #[arg(long = "ask", value_name = "SERVICE", num_args = 1..)]
    asks: Vec<String>,
    /// Your case reference: rows of your files with it go to whoever accepts and is confirmed
    #[arg(long, value_name = "REF")]
    case: Option<String>,
    /// An open invitation, such as a poster: so many people may use it; without a case reference
    #[arg(long, value_name = "N", conflicts_with = "case")]
    open: Option<u32>,
    /// For how many days it counts
    #[arg(long, value_name = "N", default_value_t = 30)]
    days: u32,
    /// Show the QR code even if this is no terminal
    #[arg(long)]
    qr: bool,
}

/// Makes an invitation.
pub(super) async fn invite(shell: &Shell, arguments: InviteArguments) -> anyhow::Result<()> {
    let mut gateway = open_with_directory(shell, &arguments.dir).await?;
    for service in &arguments.asks {
        if !service.starts_with("urn:") {
            bail!("--ask takes a service's full name, such as urn:denizen:service:work-permit");
        }
    }
    let request = InviteRequest {
        purpose: arguments.purpose,
        sends: arguments.sends,
        asks: arguments.asks,
        case_reference: arguments.case,
        uses: arguments.open.unwrap_or(1),
        ttl_s: i64::from(arguments.days) * UnixTime::DAY_S,
    };
    let text = gateway.invite(request, shell.now(), &mut shell.rng())?;
    println!("{text}");
    if arguments.qr || std::io::stdout().is_terminal() {
        match square(&text) {
            Some(code) => println!("{}", code.to_str()),
            None => eprintln!("The invitation is too long for a QR code: shorten its purpose."),
        }
    }
    Ok(())
}

/// The QR code. Level L: a letter is clean, and a weak camera needs large modules more than spare ones.
fn square(invitation: &str) -> Option<QRCode> {
    let text = to_qr_text(invitation)?;
    QRBuilder::new(text.as_bytes()).ecl(ECL::L).build().ok()
}

/// Lists the links that wait.
pub(super) fn list(shell: &Shell, dir: &Path) -> anyhow::Result<()> {
    let pending = open(shell, dir)?.pending_links()?;
    if pending.is_empty() {
        println!("No link waits for its six digits.");
    }
    for link in pending {
        let case = link.case_reference;
        match link.code {
            Some(code) => println!("{case}  code {code}"),
            None => println!("{case}  waits for the person's client"),
        }
    }
    Ok(())
}

/// Confirms a link.
pub(super) fn confirm(shell: &Shell, dir: &Path, case: &str, digits: &str) -> anyhow::Result<()> {
    let mut gateway = open(shell, dir)?;
    let before = gateway.backlog()?.0;
    gateway.confirm(case, digits, shell.now(), &mut shell.rng())?;
    let sent = before.saturating_sub(gateway.backlog()?.0);
    println!("The link of {case} stands. {sent} row(s) that waited for it are on their way.");
    Ok(())
}
