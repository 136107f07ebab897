//! `denizen device`: a second device by a link that is good once, also for the portal in a browser.

use super::{
    Open, Say, finish_restore,
    folder::{self, Folder, PassphraseArg},
};
use crate::{shell::Shell, transport::HttpTransport};
use anyhow::Context as _;
use denizen_holder::{DeviceLink, Holder};
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
    if let Ok(code) = fast_qr::QRBuilder::new(page.as_bytes()).build() {
        at.say.plain(&code.to_str());
    }
    at.say.plain(&page);
    at.say.plain(&link.to_text());
    Ok(())
}
