//! `denizen device`: a second device by a link that is good once, also for the portal in a browser.

use super::{
    Open, Say, finish_restore,
    folder::{self, Folder, PassphraseArg},
    show::on_screen,
};
use crate::{shell::Shell, transport::HttpTransport, visible::in_line};
use anyhow::Context as _;
use denizen_holder::{Device, DeviceClock, DeviceLink, Holder, HolderError, Way, WayKind};
use denizen_model::UnixTime;
use std::{fs, path::PathBuf, sync::Arc};

/// Commands of a first and of a second device.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// On the first: leave the root at the hub, wrapped, and print the link as a QR code
    Offer {
        /// The profile's folder
        folder: PathBuf,
        /// Read the link's passphrase from this file's first line instead of asking
        #[arg(long, value_name = "FILE")]
        link_passphrase_file: Option<PathBuf>,
        #[command(flatten)]
        passphrase: PassphraseArg,
    },
    /// List the devices that have the profile
    List {
        /// The profile's folder
        folder: PathBuf,
        #[command(flatten)]
        passphrase: PassphraseArg,
    },
    /// Give this device a name
    Name {
        /// The profile's folder
        folder: PathBuf,
        /// The name
        name: String,
        #[command(flatten)]
        passphrase: PassphraseArg,
    },
    /// Take the profile away from another device: it forgets it when it next connects
    Revoke {
        /// The profile's folder
        folder: PathBuf,
        /// Its number in the list
        number: usize,
        #[command(flatten)]
        passphrase: PassphraseArg,
    },
    /// On the second: take the profile into a new folder
    Take {
        /// Folder to make
        folder: PathBuf,
        /// File with the link, `denizen:device#...`
        link: PathBuf,
        /// Read the link's passphrase from this file's first line instead of asking
        #[arg(long, value_name = "FILE")]
        link_passphrase_file: Option<PathBuf>,
        /// Language of texts
        #[arg(long, default_value = "en")]
        language: String,
        #[command(flatten)]
        passphrase: PassphraseArg,
    },
}

/// Runs a command.
pub(super) async fn run(shell: &Shell, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Offer {
            folder,
            link_passphrase_file,
            passphrase,
        } => {
            let at = Open::new(shell, folder, &passphrase)?;
            offer(&at, link_passphrase_file).await
        }
        Command::List { folder, passphrase } => {
            list(&Open::new(shell, folder, &passphrase)?);
            Ok(())
        }
        Command::Name {
            folder,
            name,
            passphrase,
        } => {
            let mut at = Open::new(shell, folder, &passphrase)?;
            let (now, mut rng) = (shell.now(), shell.rng());
            let named = at.holder.name_device(&name, now, &mut rng);
            named.map_err(|e| at.say.error(&e))?;
            at.sync_once(0).await?;
            list(&at);
            Ok(())
        }
        Command::Revoke {
            folder,
            number,
            passphrase,
        } => revoke(&mut Open::new(shell, folder, &passphrase)?, number).await,
        Command::Take {
            folder,
            link,
            link_passphrase_file,
            language,
            passphrase,
        } => {
            let say = Say::new(shell, &language)?;
            let text = fs::read_to_string(&link)
                .with_context(|| format!("{} cannot be read", link.display()))?;
            let link = DeviceLink::parse(&text).map_err(|e| say.error(&e))?;
            let given = link_passphrase(&say, link_passphrase_file)?;
            let folder = Folder::make(folder)?;
            let own = passphrase.ask_twice(&say)?;
            let words = (language.as_str(), Arc::clone(&shell.catalogue));
            let transport = HttpTransport::unlinkable()?;
            let (now, mut rng) = (shell.now(), shell.rng());
            let taken = Holder::take_device(&link, &given, words, &transport, now, &mut rng).await;
            let holder = taken.map_err(|e| say.error(&e))?;
            finish_restore(shell, &say, (&folder, &own), holder).await
        }
    }
}

/// Writes down that a passphrase opens the profile on this device, and in which week it last did
/// (`docs/decisions/0011-who-can-get-in.md`).
pub(super) fn tell_way(
    holder: &mut Holder,
    now: UnixTime,
    rng: &mut dyn rand_core::CryptoRng,
) -> Result<(), HolderError> {
    // A device that was ended makes itself no entry, and a clock that is wrong gives no week.
    if holder.is_ended() || holder.clock(now) != DeviceClock::Plausible {
        return Ok(());
    }
    let mut ways = holder.device().into_iter().flat_map(|d| &d.ways);
    let known = ways.find(|w| w.kind == WayKind::Passphrase).map(|w| w.id);
    match known {
        Some(way) => holder.use_way(&way, now, rng),
        None => {
            let added = holder.add_way((WayKind::Passphrase, ""), now, rng);
            added.map(drop)
        }
    }
}

/// What a device is called.
fn name_of(at: &Open<'_>, device: &Device) -> String {
    match device.name.as_str() {
        "" => at.say.text("portal-ways-no-name", &[]),
        name => name.to_owned(),
    }
}

/// What a way in is called.
fn way_name(at: &Open<'_>, way: &Way) -> String {
    match (way.kind, way.name.as_str()) {
        (WayKind::Passphrase, _) => at.say.text("portal-pass-title", &[]),
        (WayKind::Passkey, "") => at.say.text("portal-ways-passkey", &[]),
        (WayKind::Passkey, name) => name.to_owned(),
    }
}

fn times(at: &Open<'_>, (added, used): (UnixTime, UnixTime)) -> String {
    let (added, used) = (at.say.date(added), at.say.date(used));
    let weeks = [("added", added.as_str()), ("used", used.as_str())];
    at.say.text("portal-ways-times", &weeks)
}

/// Devices, and under each what opens the profile there.
fn list(at: &Open<'_>) {
    let here = at.holder.device().map(|d| d.id);
    for (number, device) in at.holder.devices().into_iter().enumerate() {
        let here = if Some(device.id) == here {
            format!(" ({})", at.say.text("cli-device-here", &[]))
        } else {
            String::new()
        };
        let name = name_of(at, device);
        at.say.plain(&format!("{:>3}  {name}{here}", number + 1));
        let used = times(at, (device.added, device.used));
        at.say.plain(&format!("    {used}"));
        for way in &device.ways {
            let (name, used) = (way_name(at, way), times(at, (way.added, way.used)));
            at.say.plain(&format!("      {}: {used}", in_line(&name)));
        }
    }
}

async fn revoke(at: &mut Open<'_>, number: usize) -> anyhow::Result<()> {
    // As it was listed: a sync first could give the number to another.
    let devices = at.holder.devices();
    let device = number.checked_sub(1).and_then(|at| devices.get(at));
    let device = device.context("no device has this number: see `denizen device list`")?;
    let (id, name) = (device.id, name_of(at, device));
    let (now, mut rng) = (at.now(), at.shell.rng());
    let transport = HttpTransport::unlinkable()?;
    let ended = at.holder.end_device(&id, &transport, now, &mut rng).await;
    at.save()?;
    ended.map_err(|e| at.say.error(&e))?;
    at.sync_once(0).await?;
    at.say.line("cli-device-ended", &[("name", &name)]);
    Ok(())
}

fn link_passphrase(say: &Say, file: Option<PathBuf>) -> anyhow::Result<zeroize::Zeroizing<String>> {
    match file {
        Some(file) => folder::first_line(&file),
        None => folder::prompt(say, "cli-device-passphrase"),
    }
}

async fn offer(at: &Open<'_>, file: Option<PathBuf>) -> anyhow::Result<()> {
    let given = link_passphrase(&at.say, file)?;
    let transport = HttpTransport::unlinkable()?;
    let offered = at
        .holder
        .offer_device(&given, &transport, &mut at.shell.rng())
        .await;
    let link = offered.map_err(|e| at.say.error(&e))?;
    at.say.line("cli-device-offered", &[]);
    let page = format!("{}/#/device/{}", link.hub_url, link.to_data());
    if let Some(code) = on_screen(&page) {
        at.say.plain(&code);
    }
    at.say.plain(&page);
    at.say.plain(&link.to_text());
    Ok(())
}
