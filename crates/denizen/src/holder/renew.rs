//! Renew: a profile goes to a new root. A child of age takes hers; whoever lost a kit gets away from it.

use super::{
    Open,
    folder::{Folder, PassphraseArg, write_secret},
    show,
};
use crate::{shell::Shell, transport::HttpTransport};
use anyhow::{Context as _, bail};
use denizen_holder::Holder;
use std::{path::PathBuf, sync::Arc};
use zeroize::Zeroizing;

/// `denizen renew`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder of the profile as it is
    folder: PathBuf,
    /// The folder of the profile with the new root; the same command again goes on
    new: PathBuf,
    /// Read the new profile's passphrase from this file's first line instead of asking
    #[arg(long)]
    new_passphrase_file: Option<PathBuf>,
    /// Write the new kit to this file instead of showing it
    #[arg(long)]
    kit: Option<PathBuf>,
    /// Shred the old addresses once everything is moved
    #[arg(long)]
    shred: bool,
    #[command(flatten)]
    passphrase: PassphraseArg,
}

/// Runs it.
pub(super) async fn run(shell: &Shell, asked: Arguments) -> anyhow::Result<()> {
    let mut old = Open::new(shell, asked.folder.clone(), &asked.passphrase)?;
    old.sync_once(0).await?;
    let mut new = open_new(&old, &asked)?;
    let transport = HttpTransport::unlinkable()?;
    new.holder.plan_over(&old.holder, &mut shell.rng());
    new.save()?;
    let (now, mut rng) = (shell.now(), shell.rng());
    let moved = new
        .holder
        .take_over(&mut old.holder, &transport, now, &mut rng)
        .await;
    // The old one first: then what it sends is never drawn a second time.
    old.save()?;
    new.save()?;
    moved.map_err(|e| new.say.error(&e))?;
    let sent = new.holder.send(&transport, now).await;
    new.save()?;
    sent.map_err(|e| new.say.error(&e))?;
    let sent = old.holder.send(&transport, now).await;
    old.save()?;
    sent.map_err(|e| old.say.error(&e))?;
    new.sync_once(0).await?;
    tell(&new, &old);
    if asked.shred {
        shred(&mut old, &new).await?;
    }
    Ok(())
}

/// The new profile: made now, or gone on with.
fn open_new<'a>(old: &Open<'a>, asked: &Arguments) -> anyhow::Result<Open<'a>> {
    let shell = old.shell;
    if Folder::is_profile(&asked.new) {
        let folder = Folder::open(asked.new.clone())?;
        let root = folder.unwrap_root(&passphrase(old, asked, false)?)?;
        let bytes = folder.read_profile()?;
        let holder = Holder::open(root, &bytes, Arc::clone(&shell.catalogue), shell.now())?;
        return Open::over(shell, folder, holder, (None, Vec::new()));
    }
    let passphrase = passphrase(old, asked, true)?;
    let mut rng = shell.rng();
    let holder = old.holder.renewed(&mut rng);
    let folder = Folder::make(asked.new.clone())?;
    folder.wrap_root(holder.danger_root(), &passphrase, &mut rng)?;
    folder.write_profile(&holder.encrypt(&mut rng))?;
    old.say.line("cli-profile-made", &[]);
    match &asked.kit {
        Some(file) => write_secret(file, holder.kit().to_text().as_bytes())?,
        None => show::kit(&old.say, &holder.kit()),
    }
    Open::over(shell, folder, holder, (None, Vec::new()))
}

fn passphrase(old: &Open<'_>, asked: &Arguments, new: bool) -> anyhow::Result<Zeroizing<String>> {
    if let Some(file) = &asked.new_passphrase_file {
        let text = std::fs::read_to_string(file);
        let text = Zeroizing::new(text.context("the new passphrase file cannot be read")?);
        let line = text.lines().next().unwrap_or_default();
        if line.is_empty() {
            bail!("the new passphrase file is empty: write the passphrase in its first line");
        }
        return Ok(Zeroizing::new(line.to_owned()));
    }
    let ask = |key: &str| {
        let text = rpassword::prompt_password(format!("{} ", old.say.text(key, &[])));
        text.map(Zeroizing::new)
            .context("no terminal to ask for the passphrase: use --new-passphrase-file")
    };
    let first = ask("cli-passphrase-ask")?;
    if new && *first != *ask("cli-passphrase-again")? {
        bail!(old.say.text("cli-passphrase-differ", &[]));
    }
    Ok(first)
}

fn tell(new: &Open<'_>, old: &Open<'_>) {
    let moved = new.holder.taken_over(&old.holder).len().to_string();
    let waiting = new.holder.not_taken_over(&old.holder);
    new.say.line("cli-renew-moved", &[("count", &moved)]);
    for index in &waiting {
        let org = old.holder.org_of(*index);
        let org = org.map(|org| old.holder.name_of(&org)).unwrap_or_default();
        new.say.indented("cli-renew-waits", &[("org", &org)]);
    }
    if !waiting.is_empty() {
        new.say.line("cli-renew-again", &[]);
    }
    new.say.line("cli-renew-means", &[]);
    let known = old.holder.profile();
    if !known.wards.is_empty() || !known.helpers.is_empty() {
        new.say.line("cli-renew-people", &[]);
    }
}

/// Shreds what lies at the old addresses, once nothing waits any more.
async fn shred(old: &mut Open<'_>, new: &Open<'_>) -> anyhow::Result<()> {
    if !new.holder.not_taken_over(&old.holder).is_empty() {
        return Ok(());
    }
    old.say.line("cli-shred-means", &[]);
    let transport = HttpTransport::unlinkable()?;
    for index in new.holder.taken_over(&old.holder) {
        let (now, mut rng) = (old.now(), old.shell.rng());
        let done = old.holder.shred(index, &transport, now, &mut rng).await;
        old.save()?;
        done.map_err(|e| old.say.error(&e))?;
    }
    old.sync_once(0).await.map(drop)
}
