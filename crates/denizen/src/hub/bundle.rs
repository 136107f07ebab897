//! `denizen hub bundle`: what the portal serves becomes a statement of the directory, so that giving one
//! person other pages cannot be done quietly (R14).

use super::{
    admit::{enter, identity_key},
    config::Config,
    folder::Folder,
    portal,
};
use crate::shell::Shell;
use anyhow::{Context as _, bail};
use denizen_hub::MANIFEST_FILE;
use denizen_model::{
    directory::Directory,
    statement::{BUNDLE_TYP, BundleEntry, full_kid, sign_entry},
};
use std::path::PathBuf;

/// Arguments of `hub bundle`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The hub's folder
    dir: PathBuf,
    /// Configuration [default: hub.toml in the hub's folder]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The operator's identity key [default: in the hub's folder]
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
}

/// Logs the bundle that the configuration names, unless it is the newest one already.
pub(crate) async fn run(shell: &Shell, arguments: &Arguments) -> anyhow::Result<()> {
    let folder = Folder::new(&arguments.dir);
    let operator = folder.operator()?;
    let config = match &arguments.config {
        Some(file) => Config::read(file)?,
        None if folder.config().is_file() => Config::read(&folder.config())?,
        None => Config::default(),
    };
    let Some(bundle) = portal::bundle(&operator, &config.portal)? else {
        bail!(
            "there is no bundle: name its folder in the configuration, under [portal], or build the \
             program with `--features embed-web`"
        );
    };
    let manifest = bundle
        .file(MANIFEST_FILE)
        .context("a bundle has its manifest")?;
    let manifest = String::from_utf8(manifest.to_vec()).context("the manifest is no text")?;
    let identity = identity_key(&folder, arguments.identity.as_deref())?;
    let kid = full_kid(&operator.id.into(), "identity");
    let mut known = false;
    let choose = |directory: &Directory| {
        known = directory
            .bundles()
            .last()
            .is_some_and(|b| b.manifest == manifest);
        let entry = BundleEntry {
            v: 1,
            manifest: manifest.clone(),
            made: shell.now(),
        };
        let signed = sign_entry(&entry, BUNDLE_TYP, identity.signer(), &kid).into_bytes();
        Ok(if known { Vec::new() } else { vec![signed] })
    };
    enter(shell, &folder, &operator, choose).await?;
    if known {
        println!("The directory names this bundle already.");
    } else {
        println!("The bundle is in the directory.");
    }
    println!(
        "Anybody checks it with: denizen audit bundle URL --hub-id {}",
        operator.id.to_text()
    );
    Ok(())
}
