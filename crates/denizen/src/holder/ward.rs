//! Wards: a guardian keeps the profile of a child. It is the child's own: own root, own kit, own
//! addresses. Every command works on it with `--ward NAME`.

use super::{
    FolderArg, Open,
    folder::{Folder, PassphraseArg, write_secret},
    parse_hub, show,
};
use crate::{shell::Shell, transport::HttpTransport};
use anyhow::{Context as _, bail};
use denizen_holder::{Holder, HolderError, Ward};
use denizen_recovery::Kit;
use denizen_seal::RootSecret;
use std::{io::Read as _, path::PathBuf, sync::Arc};

/// Commands of a guardian.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make a profile for a child, and keep it in yours
    Add {
        #[command(flatten)]
        at: WardArg,
        /// Language of the child's texts [default: yours]
        #[arg(long)]
        language: Option<String>,
        /// Write the child's kit to this file instead of showing it
        #[arg(long)]
        kit: Option<PathBuf>,
    },
    /// Keep the profile of a child that another guardian made, from its kit, read from standard input
    Join(WardArg),
    /// Bring a child's profile back after you restored your own
    Restore(WardArg),
    /// List your wards, each with the thumbprint of the key that goes into the mandate
    List(FolderArg),
    /// Show a child's kit: it alone restores the child's profile
    Kit {
        #[command(flatten)]
        at: WardArg,
        /// Write it to this file instead of showing it
        #[arg(long)]
        kit: Option<PathBuf>,
    },
    /// Destroy your copy of a child's profile, here and at the hub
    Forget {
        #[command(flatten)]
        at: WardArg,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// A guardian's folder and a ward.
#[derive(Debug, clap::Args)]
pub(crate) struct WardArg {
    /// Your profile's folder
    folder: PathBuf,
    /// What you call the child; said to nobody
    name: String,
    #[command(flatten)]
    passphrase: PassphraseArg,
}

/// Runs a command.
pub(super) async fn run(shell: &Shell, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Add { at, language, kit } => add(shell, at, language, kit).await,
        Command::Join(at) => join(shell, at).await,
        Command::Restore(at) => restore(shell, at).await,
        Command::List(at) => list(&Open::of(shell, at)?),
        Command::Kit { at, kit } => {
            let (at, ward) = known(shell, at)?;
            give_kit(&at, &ward, kit)
        }
        Command::Forget { at, yes } => forget(shell, at, yes).await,
    }
}

impl WardArg {
    /// Opens the guardian's profile.
    fn keeper(self, shell: &Shell) -> anyhow::Result<(Open<'_>, String)> {
        if self.passphrase.ward().is_some() {
            bail!("a ward has no wards: leave --ward out");
        }
        let at = Open::new(shell, self.folder, &self.passphrase)?;
        Ok((at, self.name))
    }
}

fn known(shell: &Shell, at: WardArg) -> anyhow::Result<(Open<'_>, Ward)> {
    let (at, name) = at.keeper(shell)?;
    let ward = at.holder.ward(&name).cloned();
    let ward = ward.map_err(|e| at.say.error(&e))?;
    Ok((at, ward))
}

/// Opens the profile of a ward, with the guardian's key for her.
pub(super) fn open<'a>(
    shell: &'a Shell,
    (keeper, guardian): (Folder, &Holder),
    name: &str,
) -> anyhow::Result<Open<'a>> {
    let say = super::Say::over(guardian.catalogue(), &guardian.profile().language)?;
    let ward = guardian.ward(name).map_err(|e| say.error(&e))?;
    let path = keeper.ward_folder(&ward.id);
    if !Folder::is_profile(&path) {
        return Err(say.refusal("ward-not-here"));
    }
    let folder = Folder::open(path)?;
    let root = ward.danger_root().map_err(|e| say.error(&e))?;
    let bytes = folder.read_profile()?;
    let now = shell.now();
    let mut holder = Holder::open(root, &bytes, Arc::clone(&shell.catalogue), now)?;
    holder.act_as(guardian.ward_key(ward));
    let contacts = guardian.contacts(now);
    Open::over(shell, folder, holder, (Some(keeper), contacts))
}

/// The contacts of the wards that are on this device.
pub(super) fn contacts(shell: &Shell, keeper: &Folder, guardian: &Holder) -> Vec<String> {
    let now = shell.now();
    let wards = guardian.profile().wards.iter();
    let opened = wards.filter_map(|ward| {
        let bytes = keeper.read_ward(&ward.id)?;
        let root = ward.danger_root().ok()?;
        let holder = Holder::open(root, &bytes, Arc::clone(&shell.catalogue), now);
        Some(holder.ok()?.contacts(now))
    });
    opened.flatten().collect()
}

/// Keeps a child's profile: its root in the guardian's profile, its own in a folder beside.
fn keep(at: &mut Open<'_>, name: &str, child: &Holder) -> anyhow::Result<Ward> {
    let (now, mut rng) = (at.now(), at.shell.rng());
    let ward = at.holder.add_ward(name, child, now, &mut rng);
    let ward = ward.map_err(|e| at.say.error(&e))?;
    let folder = Folder::make(at.folder.ward_folder(&ward.id))?;
    folder.write_profile(&child.encrypt(&mut rng))?;
    at.save()?;
    Ok(ward)
}

async fn add(
    shell: &Shell,
    at: WardArg,
    language: Option<String>,
    kit: Option<PathBuf>,
) -> anyhow::Result<()> {
    let (mut at, name) = at.keeper(shell)?;
    let profile = at.holder.profile();
    let (hub, url) = (profile.hub, profile.hub_url.clone());
    let language = language.unwrap_or_else(|| profile.language.clone());
    let catalogue = Arc::clone(&shell.catalogue);
    let child = Holder::make(hub, &url, &language, catalogue, &mut shell.rng());
    let ward = keep(&mut at, &name, &child)?;
    at.say.line("cli-ward-made", &[("name", &name)]);
    give_kit(&at, &ward, kit)?;
    thumbprint(&at, &ward);
    begin(&mut at, &ward, child).await
}

/// Registers the child's own address, then writes the guardian's state: in two steps, each of its own.
async fn begin(at: &mut Open<'_>, ward: &Ward, mut child: Holder) -> anyhow::Result<()> {
    let transport = HttpTransport::unlinkable()?;
    let begun = child.begin(&transport, at.now()).await;
    let folder = Folder::open(at.folder.ward_folder(&ward.id))?;
    folder.write_profile(&child.encrypt(&mut at.shell.rng()))?;
    drop(folder);
    begun.map_err(|e| at.say.error(&e))?;
    at.sync_once(0).await.map(drop)
}

async fn join(shell: &Shell, at: WardArg) -> anyhow::Result<()> {
    let (mut at, name) = at.keeper(shell)?;
    let mut text = zeroize::Zeroizing::new(String::new());
    std::io::stdin()
        .read_to_string(&mut text)
        .context("the kit is read from standard input")?;
    let kit = Kit::parse(&text)?;
    let hub = parse_hub(&kit.hub)?;
    let root = RootSecret::from_bytes(*kit.root);
    let child = rebuild(&at, root, (hub, &kit.hub_url), true).await?;
    let ward = keep(&mut at, &name, &child)?;
    at.say.line("cli-ward-made", &[("name", &name)]);
    thumbprint(&at, &ward);
    begin(&mut at, &ward, child).await
}

/// A child's profile out of what the hub has. The other guardian's device goes on beside it.
async fn rebuild(
    at: &Open<'_>,
    root: RootSecret,
    hub: (denizen_model::HubId, &str),
    beside: bool,
) -> anyhow::Result<Holder> {
    let (now, mut rng) = (at.now(), at.shell.rng());
    let language = at.holder.profile().language.clone();
    let words = (language.as_str(), Arc::clone(&at.shell.catalogue));
    let transport = HttpTransport::unlinkable()?;
    let child = if beside {
        Holder::join(root, hub, words, &transport, now, &mut rng).await
    } else {
        Holder::restore(root, hub, words, &transport, now, &mut rng).await
    };
    child.map_err(|e| at.say.error(&e))
}

async fn restore(shell: &Shell, at: WardArg) -> anyhow::Result<()> {
    let (mut at, ward) = known(shell, at)?;
    let path = at.folder.ward_folder(&ward.id);
    if Folder::is_profile(&path) {
        return Err(at.say.refusal("ward-here"));
    }
    let root = ward.danger_root().map_err(|e| at.say.error(&e))?;
    let hub = (ward.hub, ward.hub_url.as_str());
    let child = rebuild(&at, root, hub, false).await?;
    let folder = Folder::make(path)?;
    folder.write_profile(&child.encrypt(&mut shell.rng()))?;
    drop(folder);
    let records = child.profile().records.len().to_string();
    let links = child.profile().links.len().to_string();
    begin(&mut at, &ward, child).await?;
    let slots = [("links", links.as_str()), ("records", &records)];
    at.say.line("cli-restore-done", &slots);
    at.say.line("cli-restore-older", &[]);
    Ok(())
}

fn list(at: &Open<'_>) -> anyhow::Result<()> {
    let wards = &at.holder.profile().wards;
    if wards.is_empty() {
        at.say.line("cli-ward-none", &[]);
    }
    for ward in wards {
        at.say.plain(&ward.name);
        thumbprint(at, ward);
        if !Folder::is_profile(&at.folder.ward_folder(&ward.id)) {
            at.say.plain(&at.say.refusal("ward-not-here").to_string());
        }
    }
    Ok(())
}

fn thumbprint(at: &Open<'_>, ward: &Ward) {
    let print = at.holder.ward_thumbprint(ward);
    at.say.indented("cli-ward-key", &[("thumbprint", &print)]);
}

fn give_kit(at: &Open<'_>, ward: &Ward, file: Option<PathBuf>) -> anyhow::Result<()> {
    let root = ward.danger_root().map_err(|e| at.say.error(&e))?;
    let kit = Kit {
        root: zeroize::Zeroizing::new(*root.danger_bytes()),
        hub: ward.hub.to_text(),
        hub_url: ward.hub_url.clone(),
    };
    match file {
        Some(file) => write_secret(&file, kit.to_text().as_bytes()),
        None => {
            show::kit(&at.say, &kit);
            Ok(())
        }
    }
}

async fn forget(shell: &Shell, at: WardArg, yes: bool) -> anyhow::Result<()> {
    let (mut at, ward) = known(shell, at)?;
    at.say.line("cli-ward-forget-means", &[]);
    let slots = [("name", ward.name.as_str())];
    if !yes && !at.say.ask("cli-ward-forget-confirm", &slots)? {
        return Ok(());
    }
    at.sync_once(0).await?;
    let (now, mut rng) = (at.now(), shell.rng());
    let transport = HttpTransport::unlinkable()?;
    let gone = at
        .holder
        .forget_ward(&ward.name, &transport, now, &mut rng)
        .await;
    match gone {
        Ok(()) | Err(HolderError::WardUnknown) => {}
        Err(error) => return Err(at.say.error(&error)),
    }
    at.folder.remove_ward(&ward.id)?;
    at.save()?;
    at.sync_once(0).await?;
    at.say.line("cli-ward-forgotten", &slots);
    Ok(())
}
