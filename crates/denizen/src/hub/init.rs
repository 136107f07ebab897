//! `denizen hub init`: a new operator with its two logs, the directory begun.

use super::{
    config::example_for,
    folder::{Folder, Operator, has_hub},
    kinds::{self, sign},
    migrate::StoreArguments,
};
use crate::{files::write_public, shell::Shell};
use anyhow::{Context as _, bail};
use denizen_hub::{Hub, OperatorIdentity, make_operator};
use denizen_model::{HubId, catalogue::Catalogue, directory::Directory, statement::Origins};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

/// Arguments of `hub init`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A new folder for keys and database
    dir: PathBuf,
    /// The operator's name in English; people see it
    #[arg(long)]
    name: String,
    /// Where it will answer, as https://hub.example.org
    #[arg(long)]
    url: String,
    #[command(flatten)]
    store: StoreArguments,
    /// Name of its logs, for ever [default: host and port of the URL]
    #[arg(long)]
    origin: Option<String>,
}

/// Makes the hub.
pub(crate) async fn run(shell: &Shell, arguments: &Arguments) -> anyhow::Result<()> {
    let place = Place::of(&arguments.url)?;
    let origin = arguments.origin.as_deref().unwrap_or(&place.authority);
    let origins = Origins {
        deposits: format!("{origin}/deposits"),
        directory: format!("{origin}/directory"),
    };
    let names = BTreeMap::from([("en".to_owned(), arguments.name.clone())]);
    let (now, rng) = (shell.now(), &mut shell.rng());
    let (id, identity, keys, statement) = make_operator(names, &arguments.url, origins, now, rng);
    let folder = Folder::new(&arguments.dir);
    if let Some(at) = arguments.store.location()? {
        denizen_store::hub::open(&at)?;
        if has_hub(&at)? {
            bail!("that database has a hub already: nothing was made; choose a new one");
        }
    }
    folder.write(&identity, &keys, &statement)?;
    let settings = arguments.store.named_in(&example_for(place.listen()))?;
    write_public(&folder.config(), settings.as_bytes())?;
    let mut entries = vec![statement.into_bytes()];
    entries.extend(kind_entries(&shell.catalogue, &id, &identity)?);
    let kinds = entries.len() - 1;
    append(shell, &folder, &folder.operator()?, |_| Ok(entries)).await?;
    let dir = arguments.dir.display();
    println!("A hub was made in {dir}.");
    println!("  id:       {}", id.to_text());
    println!("  URL:      {}", arguments.url.trim_end_matches('/'));
    println!("  logs:     {origin}/deposits, {origin}/directory");
    println!("  kinds:    {kinds} record kinds are in its directory");
    println!(
        "  identity: {} - keep it offline, with a copy",
        folder.identity().display()
    );
    println!(
        "Next: read {}, then `denizen hub serve {dir}`.",
        folder.config().display()
    );
    Ok(())
}

/// Appends entries to the directory of a hub that nobody serves; `choose` sees what it has.
pub(super) async fn append(
    shell: &Shell,
    folder: &Folder,
    operator: &Operator,
    choose: impl FnOnce(&Directory) -> anyhow::Result<Vec<Vec<u8>>>,
) -> anyhow::Result<()> {
    let mut last = folder.last_checkpoint()?;
    let (mut config, keys) = (folder.hub_config(operator)?, folder.keys()?);
    config.newest_known = last.verified(&operator.origins()?, &keys)?;
    let (hub, sequencer) = Hub::open(config, keys, Arc::new(shell.clock), Box::new(shell.rng()))?;
    let appended = match choose(&hub.directory()) {
        Ok(entries) if entries.is_empty() => Ok(Ok(0)),
        Ok(entries) => Ok(hub.append_entries(entries).await),
        Err(error) => Err(error),
    };
    let published = hub.checkpoints();
    drop(hub);
    sequencer.join()?;
    last.remember(&published)?;
    match appended? {
        Ok(_) => Ok(()),
        Err(kind) => bail!("the directory refused: {}", kind.title()),
    }
}

/// One entry for each kind of the catalogue.
fn kind_entries(
    catalogue: &Catalogue,
    hub: &HubId,
    identity: &OperatorIdentity,
) -> anyhow::Result<Vec<Vec<u8>>> {
    let carried = crate::catalogue::embedded()?;
    let entry = |kind| sign(&kinds::entry(kind, catalogue, &carried)?, hub, &identity.0);
    catalogue.kinds().map(entry).collect()
}

/// What the URL says of the place.
struct Place {
    authority: String,
    port: u16,
    loopback: Option<IpAddr>,
}

impl Place {
    fn of(url: &str) -> anyhow::Result<Self> {
        let uri: http::Uri = url
            .parse()
            .with_context(|| format!("--url {url} is no URL"))?;
        let (Some(host), Some(authority)) = (uri.host(), uri.authority()) else {
            bail!("--url {url} is not whole: write it as https://hub.example.org");
        };
        let bare = host.trim_matches(['[', ']']);
        let ip = if bare == "localhost" {
            Some(Ipv4Addr::LOCALHOST.into())
        } else {
            bare.parse().ok()
        };
        let loopback = ip.filter(IpAddr::is_loopback);
        match (uri.scheme_str(), loopback) {
            (Some("https"), _) | (Some("http"), Some(_)) => {}
            (Some("http"), None) => {
                bail!("--url {url} is in clear: only https, or http on loopback")
            }
            _ => bail!("--url {url} is neither https nor http"),
        }
        if !matches!(
            uri.path_and_query().map(|p| p.as_str()),
            None | Some("/" | "")
        ) {
            bail!("--url {url} has a path: a hub has a host of its own");
        }
        let usual = if uri.scheme_str() == Some("https") {
            443
        } else {
            80
        };
        Ok(Self {
            authority: authority.to_string(),
            port: uri.port_u16().unwrap_or(usual),
            loopback: loopback.filter(|_| uri.scheme_str() == Some("http")),
        })
    }

    /// Where a new hub listens: at its URL if that is on loopback, else behind a proxy, until its
    /// configuration names a certificate.
    fn listen(&self) -> SocketAddr {
        match self.loopback {
            Some(ip) => SocketAddr::new(ip, self.port),
            None => SocketAddr::from(([127, 0, 0, 1], 7700)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn a_url_in_clear_is_only_for_loopback() {
        assert!(Place::of("http://hub.example.org").is_err());
        assert!(Place::of("ftp://127.0.0.1").is_err());
        assert!(Place::of("hub.example.org").is_err());
        assert!(Place::of("https://hub.example.org/a").is_err());
        let place = Place::of("http://127.0.0.1:4321/").expect("is taken");
        assert_eq!(place.listen().to_string(), "127.0.0.1:4321");
        let place = Place::of("https://hub.example.org").expect("is taken");
        assert_eq!(
            (
                place.listen().to_string().as_str(),
                place.authority.as_str()
            ),
            ("127.0.0.1:7700", "hub.example.org")
        );
    }
}
