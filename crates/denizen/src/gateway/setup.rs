//! Making a gateway, its statement, its services.

use super::open;
use crate::{files::make_folder, shell::Shell, transport::HttpTransport};
use anyhow::{Context as _, bail};
use denizen_gateway::{Gateway, GatewaySetup};
use denizen_model::{HubId, catalogue::Service};
use std::{
    collections::BTreeMap,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Arguments of `gateway init`.
#[derive(clap::Args)]
pub(crate) struct InitArguments {
    /// Folder to make
    dir: PathBuf,
    /// The organisation's name in English
    #[arg(long)]
    name: String,
    /// Its name in another language, such as `ru=...`
    #[arg(long = "name-in", value_name = "LANGUAGE=NAME")]
    names: Vec<String>,
    /// The id of the hub, as its operator publishes it
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    hub_id: String,
    /// Where the hub answers
    #[arg(long, value_name = "URL")]
    hub_url: String,
}

/// Makes a gateway.
pub(super) fn init(shell: &Shell, arguments: InitArguments) -> anyhow::Result<()> {
    let InitArguments {
        dir,
        name,
        names: others,
        hub_id,
        hub_url,
    } = arguments;
    let hub = HubId::parse(&hub_id)
        .context("--hub-id is no hub's id: copy it from the operator's page")?;
    if !hub_url.starts_with("https://") && !hub_url.starts_with("http://") {
        bail!("--hub-url begins with https:// (or http:// on one machine)");
    }
    let mut names = BTreeMap::from([("en".to_owned(), name)]);
    for other in others {
        let Some((language, name)) = other.split_once('=') else {
            bail!("--name-in is LANGUAGE=NAME, such as ru=...");
        };
        names.insert(language.to_owned(), name.to_owned());
    }
    make_folder(&dir)?;
    let setup = GatewaySetup {
        names,
        hub,
        hub_url,
    };
    let catalogue = Arc::clone(&shell.catalogue);
    let gateway = Gateway::make(&dir, setup, catalogue, shell.now(), &mut shell.rng())?;
    let shown = dir.display();
    println!("Made the gateway in {shown}.");
    println!("id:   {}", gateway.id().to_text());
    println!("Next: denizen gateway statement {shown} > statement");
    println!("      and give that file to the hub's operator, who admits you with it.");
    println!(
        "Keep {shown}/identity/ offline: its key signs later statements, and nothing else needs it."
    );
    Ok(())
}

/// Writes the statement's bytes.
pub(super) fn statement(shell: &Shell, dir: &Path) -> anyhow::Result<()> {
    let statement = open(shell, dir)?.statement();
    let mut out = std::io::stdout().lock();
    out.write_all(&statement)?;
    Ok(out.flush()?)
}

/// Declares a service.
pub(super) async fn publish(shell: &Shell, dir: &Path, file: &Path) -> anyhow::Result<()> {
    let shown = file.display();
    let bytes = std::fs::read(file).with_context(|| format!("{shown} cannot be read"))?;
    let service: Service =
        serde_json::from_slice(&bytes).with_context(|| format!("{shown} is no service"))?;
    let (name, version) = (service.service.clone(), service.version);
    let mut gateway = open(shell, dir)?;
    let transport = HttpTransport::pooled()?;
    let (now, mut rng) = (shell.now(), shell.rng());
    let hash = gateway
        .publish_service(&transport, service, now, &mut rng)
        .await?;
    println!("Declared {name}, version {version}, in the hub's directory.");
    println!("hash: {}", hash.to_text());
    Ok(())
}
