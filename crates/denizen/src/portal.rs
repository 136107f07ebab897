//! `denizen portal`: the portal's pages from this program, on this machine alone, for whoever does not
//! want to take code from a hub. Decided in `docs/decisions/0010-local-portal.md`.

mod bundle;
mod forward;

pub(crate) use bundle::bundle;

use crate::{shell::Shell, signal, transport::HttpTransport};
use anyhow::{Context as _, bail, ensure};
use axum::Router;
use axum_server::Handle;
use denizen_api::{
    HubClient,
    directory::{VerifyDirectoryError, verify},
};
use denizen_hub::{About, Bundle, MANIFEST_FILE, with_portal};
use denizen_model::{HubId, directory::Directory, jose::VERIFIER};
use denizen_tlog::WitnessPolicy;
use std::{
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener},
    path::PathBuf,
    pin::pin,
    time::Duration,
};

/// Arguments of `portal`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Id of the hub where a new profile has its own address, as its operator publishes it
    #[arg(long, allow_hyphen_values = true)]
    hub_id: String,
    /// Where that hub answers
    #[arg(long)]
    hub_url: String,
    /// Another hub at which organisations of yours are; may be given several times
    #[arg(long, value_name = "URL")]
    other_hub: Vec<String>,
    /// The port on this machine. What the browser keeps belongs to it: stay with one
    #[arg(long, default_value_t = 7717)]
    port: u16,
    /// A bundle's folder [default: the bundle in this program]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Say on each screen that everything here is made up
    #[arg(long)]
    synthetic: bool,
}

/// Serves until SIGTERM or ctrl-c.
pub(crate) async fn run(shell: &Shell, asked: Arguments) -> anyhow::Result<()> {
    let hub = HubId::parse(&asked.hub_id)
        .context("--hub-id is not a hub's id: copy it from the operator's page")?;
    let hubs = hubs(&asked.hub_url, &asked.other_hub)?;
    let [own, ..] = hubs.as_slice() else {
        bail!("--hub-url names no hub");
    };
    let mut stop = pin!(signal::listen()?);
    let transport = HttpTransport::unlinkable()?;
    let directory = tokio::select! {
        directory = directory(shell, &transport, (hub, own)) => directory?,
        // The hub may take long to answer.
        _ = &mut stop => return Ok(()),
    };
    let named = directory.as_ref().and_then(Directory::operator);
    let name = named.and_then(|o| o.names.get("en").or(o.names.values().next()));
    let about = About {
        hub_id: hub.to_text(),
        hub_url: own.clone(),
        name: name.unwrap_or(own).clone(),
        synthetic: asked.synthetic,
        through: hubs.clone(),
    };
    let Some(bundle) = bundle::bundle(asked.folder.as_deref(), &about)? else {
        bail!(
            "this program carries no bundle: name its folder with --folder, or build the program with \
             `--features embed-web`"
        );
    };
    let listeners = listen(asked.port)?;
    println!("Open http://localhost:{} in your browser.", asked.port);
    println!("  hubs:    {}", hubs.join(", "));
    println!("  pages:   {}", compared(directory.as_ref(), &bundle));
    println!("Stop it with SIGTERM or ctrl-c.");
    let app = forward::only_here(
        with_portal(forward::routes(transport, hubs), &bundle),
        asked.port,
    );
    serve(listeners, app, stop).await
}

/// The hubs' URLs without what follows the host: the first is that of new profiles.
fn hubs(own: &str, others: &[String]) -> anyhow::Result<Vec<String>> {
    let mut hubs: Vec<String> = Vec::new();
    for url in std::iter::once(own).chain(others.iter().map(String::as_str)) {
        let url = url.trim_end_matches('/');
        let parsed: http::Uri = url.parse().with_context(|| format!("{url} is no URL"))?;
        let host = parsed.host().unwrap_or_default();
        let here = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        let scheme = parsed.scheme_str();
        ensure!(
            scheme == Some("https") || (scheme == Some("http") && here),
            "{url} is not taken: a hub that is not on this machine is reached over https"
        );
        if !hubs.iter().any(|known| known == url) {
            hubs.push(url.to_owned());
        }
    }
    Ok(hubs)
}

/// The hub's directory; none if the hub does not answer, since what is kept is read without it too.
async fn directory(
    shell: &Shell,
    transport: &HttpTransport,
    (hub, url): (HubId, &str),
) -> anyhow::Result<Option<Directory>> {
    let Ok(answer) = HubClient::new(transport, hub, url).directory().await else {
        return Ok(None);
    };
    let policy = WitnessPolicy::default();
    match verify(answer, &hub, None, policy, VERIFIER, shell.now()) {
        Ok(verified) => Ok(Some(verified.directory)),
        Err(VerifyDirectoryError::OtherHub) => bail!(
            "another hub than --hub-id says answers at {url}: copy both from the operator's page"
        ),
        Err(error) => Err(error).context("the hub's directory is refused: nothing is served"),
    }
}

/// Whether the hub serves the same pages, for whoever compares.
fn compared(directory: Option<&Directory>, bundle: &Bundle) -> &'static str {
    let Some(directory) = directory else {
        return "this program's own; the hub does not answer now";
    };
    let manifest = bundle.file(MANIFEST_FILE);
    match directory.bundles().last() {
        None => "this program's own; the hub's directory names none",
        Some(named) if Some(named.manifest.as_bytes()) == manifest => {
            "this program's own, the same as the hub's directory names"
        }
        Some(_) => "this program's own; the hub's directory names others",
    }
}

/// Both addresses that `localhost` may stand for: nobody else on this machine has the other one.
fn listen(port: u16) -> anyhow::Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    for ip in [
        IpAddr::from(Ipv4Addr::LOCALHOST),
        IpAddr::from(Ipv6Addr::LOCALHOST),
    ] {
        match TcpListener::bind((ip, port)) {
            Ok(listener) => {
                listener.set_nonblocking(true)?;
                listeners.push(listener);
            }
            // A machine without IPv6 has one address.
            Err(error) if ip.is_ipv6() && error.kind() != ErrorKind::AddrInUse => {}
            Err(error) => {
                let why = format!("port {port} of this machine is taken: stop what has it");
                return Err(error).context(why);
            }
        }
    }
    Ok(listeners)
}

async fn serve(
    listeners: Vec<TcpListener>,
    app: Router,
    stop: impl Future<Output = &'static str>,
) -> anyhow::Result<()> {
    let handle = Handle::new();
    let mut servers = tokio::task::JoinSet::new();
    for listener in listeners {
        let server = axum_server::from_tcp(listener)?.handle(handle.clone());
        servers.spawn(server.serve(app.clone().into_make_service()));
    }
    tokio::select! {
        Some(ended) = servers.join_next() => ended??,
        _ = stop => {
            handle.graceful_shutdown(Some(Duration::from_secs(2)));
            while let Some(ended) = servers.join_next().await {
                ended??;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_elsewhere_is_reached_over_https_only() {
        let taken = hubs(
            "https://hub.example/",
            &["http://127.0.0.1:7700".into(), "https://hub.example".into()],
        );
        let expected = ["https://hub.example", "http://127.0.0.1:7700"];
        assert_eq!(taken.expect("are taken"), expected);
        for refused in ["http://hub.example", "hub.example", "ftp://localhost", ""] {
            assert!(hubs(refused, &[]).is_err(), "{refused}");
        }
    }
}
