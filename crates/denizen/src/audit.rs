//! `denizen audit`: checks from outside, without any key or profile.

use crate::{shell::Shell, transport::HttpTransport};
use anyhow::{Context as _, bail, ensure};
use clap::Subcommand;
use denizen_api::{HubClient, Transport, directory::verify};
use denizen_model::{HubId, Sha256Hash, jose::VERIFIER};
use denizen_tlog::WitnessPolicy;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Checks.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check that the portal at a URL is the one that its hub's public directory names, file by file
    Bundle {
        /// Where the portal is, `https://...`
        url: String,
        /// The hub's id as its operator publishes it
        #[arg(long)]
        hub_id: String,
    },
}

/// Runs a check.
pub(crate) async fn run(shell: &Shell, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Bundle { url, hub_id } => bundle(shell, &url, &hub_id).await,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    v: u32,
    csp: String,
    files: BTreeMap<String, String>,
}

async fn bundle(shell: &Shell, url: &str, hub_id: &str) -> anyhow::Result<()> {
    let url = url.trim_end_matches('/');
    let hub = HubId::parse(hub_id)
        .context("--hub-id is not a hub's id: copy it from the operator's page")?;
    let transport = HttpTransport::pooled()?;
    let answer = HubClient::new(&transport, hub, url).directory().await?;
    let policy = WitnessPolicy::default();
    let directory = verify(answer, &hub, None, policy, VERIFIER, shell.now())
        .context("the hub's directory is not what its id says: another hub, or a changed log")?;
    let Some(named) = directory.directory.bundles().last() else {
        bail!(
            "the hub's directory names no bundle: its operator logs one with `denizen hub bundle`"
        );
    };
    let manifest: Manifest = serde_json::from_str(&named.manifest)
        .context("the manifest in the directory is of another version than this program reads")?;
    ensure!(
        manifest.v == 1,
        "the manifest in the directory is of another version"
    );
    let mut wrong = Vec::new();
    for (path, expected) in &manifest.files {
        // Packed files are not served under a path of their own.
        if path.ends_with(".gz") {
            continue;
        }
        let shown = if path == "index.html" { "" } else { path };
        let (body, csp) = fetch(&transport, &format!("{url}/{shown}")).await?;
        if Sha256Hash::of(&body).to_text() != *expected {
            wrong.push(format!("{path}: has other bytes than the directory says"));
        }
        if csp.as_deref() != Some(&manifest.csp) {
            wrong.push(format!("{path}: is served under another policy"));
        }
    }
    if !wrong.is_empty() {
        bail!(
            "this portal is not the one that the directory names. Do not unlock a profile there.\n  {}",
            wrong.join("\n  ")
        );
    }
    println!(
        "All {} files are those that the directory names since {}.",
        manifest
            .files
            .keys()
            .filter(|p| !p.ends_with(".gz"))
            .count(),
        named.made.date()
    );
    println!(
        "What was served to this program; whoever serves one person other bytes can be caught by her check alone."
    );
    Ok(())
}

async fn fetch(transport: &HttpTransport, url: &str) -> anyhow::Result<(Vec<u8>, Option<String>)> {
    let request = http::Request::get(url)
        .header("accept-encoding", "identity")
        .body(Vec::new())
        .context("the URL is no URL")?;
    let answer = transport.send(request).await?;
    ensure!(
        answer.status().is_success(),
        "{url} is not there ({})",
        answer.status()
    );
    let csp = answer.headers().get("content-security-policy");
    let csp = csp.and_then(|v| v.to_str().ok()).map(str::to_owned);
    Ok((answer.into_body(), csp))
}
