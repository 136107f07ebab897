//! Import: an export goes into a profile, without any server.

use super::{
    Open, folder::Folder, folder::PassphraseArg, folder::read_export, parse_hub, say::Say, show,
};
use crate::shell::Shell;
use anyhow::Context as _;
use denizen_holder::{EarlierView, Holder, ImportError, ImportReport};
use denizen_recovery::Kit;
use denizen_seal::RootSecret;
use std::{io::Read as _, path::PathBuf, sync::Arc};

/// `denizen import`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The exported folder, or the file that the portal saved
    export: PathBuf,
    /// The profile's folder; a new one is made from the kit, read from standard input
    folder: PathBuf,
    /// The export is of an earlier profile of yours: keep its records as history
    #[arg(long)]
    earlier: bool,
    /// Language of texts of a new profile
    #[arg(long, default_value = "en")]
    language: String,
    #[command(flatten)]
    passphrase: PassphraseArg,
}

/// Takes in an export.
pub(super) fn run(shell: &Shell, asked: Arguments) -> anyhow::Result<()> {
    let files = read_export(&asked.export)?;
    let now = shell.now();
    if Folder::is_profile(&asked.folder) {
        let mut at = Open::new(shell, asked.folder, &asked.passphrase)?;
        let report = at.holder.import(&files, asked.earlier, now);
        let report = report.map_err(|e| refused(&at.say, &e))?;
        at.save()?;
        tell(&at.say, &report);
        return Ok(());
    }
    let say = Say::new(shell, &asked.language)?;
    let mut text = zeroize::Zeroizing::new(String::new());
    std::io::stdin()
        .read_to_string(&mut text)
        .context("the kit is read from standard input")?;
    let kit = Kit::parse(&text)?;
    let hub = parse_hub(&kit.hub)?;
    let folder = Folder::prepare(&asked.folder)?;
    let passphrase = asked.passphrase.ask_twice(&say)?;
    let mut rng = shell.rng();
    let words = (asked.language.as_str(), Arc::clone(&shell.catalogue));
    let root = RootSecret::from_bytes(*kit.root);
    let mut holder = Holder::for_import(root, (hub, &kit.hub_url), words, &mut rng);
    let report = holder.import(&files, asked.earlier, now);
    let report = report.map_err(|e| refused(&say, &e))?;
    folder.wrap_root(holder.danger_root(), &passphrase, &mut rng)?;
    folder.write_profile(&holder.encrypt(&mut rng))?;
    folder.take_place(&asked.folder)?;
    tell(&say, &report);
    say.line("cli-import-then-sync", &[]);
    Ok(())
}

fn refused(say: &Say, error: &ImportError) -> anyhow::Error {
    let code = say.refusal(error.code());
    match error {
        ImportError::Export(at) => code.context(say.text("cli-verify-bad", &[("file", at.file())])),
        _ => code,
    }
}

fn tell(say: &Say, report: &ImportReport) {
    let count = |n: usize| n.to_string();
    let [records, repeated, others] = [report.records, report.repeated, report.others].map(count);
    let slots = [
        ("records", records.as_str()),
        ("repeated", &repeated),
        ("others", &others),
    ];
    say.line("cli-import-done", &slots);
    for hub in &report.hubs {
        say.line("cli-verify-hub", &[("hub", &hub.to_text())]);
    }
    if !report.own {
        say.line("cli-earlier-means", &[]);
    }
    for left in &report.left_out {
        let reason = say.text(left.code(), &[]);
        let slots = [("file", left.file()), ("reason", reason.as_str())];
        say.line("cli-import-left-out", &slots);
    }
}

/// The history of earlier profiles, numbered `E1`, `E2`, ...
pub(super) fn list(at: &Open<'_>) {
    let earlier = at.holder.earlier();
    if earlier.is_empty() {
        return;
    }
    at.say.line("cli-earlier-title", &[]);
    for (number, view) in earlier.iter().enumerate() {
        heading(at, view, number + 1);
    }
    at.say.line("cli-earlier-means", &[]);
}

fn heading(at: &Open<'_>, view: &EarlierView, number: usize) {
    let say = &at.say;
    say.plain(&format!(" E{number}  {}", say.kind(view.vct())));
    let date = say.date(view.held.record.received);
    let slots = [("org", view.issuer_name.as_str()), ("date", &date)];
    say.indented("cli-record-issued-by", &slots);
}

/// One record of an earlier profile in full; `false` if the name is of none.
pub(super) fn show(at: &Open<'_>, asked: &str) -> bool {
    let number = asked
        .strip_prefix(['E', 'e'])
        .and_then(|n| n.parse::<usize>().ok());
    let earlier = at.holder.earlier();
    let Some(view) = number.and_then(|n| earlier.get(n.checked_sub(1)?)) else {
        return false;
    };
    heading(at, view, number.unwrap_or_default());
    let say = &at.say;
    for line in at.holder.words().claims(view.vct(), &view.claims) {
        show::claim(say, &line, 1);
    }
    let made = say.date(view.held.made);
    let owner = view.held.owner.address.to_text();
    say.indented("cli-earlier-owner", &[("date", &made), ("profile", &owner)]);
    let key = if view.receipt.is_some() {
        "cli-receipt-durable"
    } else {
        "cli-receipt-bad"
    };
    say.line(key, &[]);
    say.line("cli-earlier-means", &[]);
    true
}
