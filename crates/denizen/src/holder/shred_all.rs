//! `denizen shred-all`: everything is deleted, at every hub and here.

use super::{FolderArg, Open};
use crate::{shell::Shell, transport::HttpTransport};
use anyhow::bail;
use denizen_holder::LinkState;

/// `denizen shred-all`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    at: FolderArg,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Give up what a hub still has that does not answer: nobody can delete it there afterwards
    #[arg(long)]
    without_rest: bool,
}

/// What it means, in this order.
const MEANS: [&str; 4] = [
    "portal-leave-hub",
    "portal-leave-kit",
    "portal-leave-open",
    "portal-leave-undo",
];

/// Deletes everything; what a hub still has that is away is told, and goes with the next try.
pub(super) async fn run(shell: &Shell, asked: Arguments) -> anyhow::Result<()> {
    let mut at = Open::of(shell, asked.at)?;
    if at.keeper.is_some() {
        bail!("a child's profile is its owner's: give it up with `denizen ward forget`");
    }
    tell(&at);
    if !asked.yes && !at.say.ask("cli-shred-all-confirm", &[])? {
        return Ok(());
    }
    let over = shred(&mut at, asked.without_rest).await;
    at.save()?;
    let left = at.holder.shred_left();
    let (done, all) = left.as_ref().map_or((0, 0), |left| (left.done, left.all));
    let (done, all) = (done.to_string(), all.to_string());
    let slots = [("done", done.as_str()), ("all", &all)];
    at.say.line("portal-leave-progress", &slots);
    if over? {
        at.folder.forget()?;
        at.say.line("portal-leave-gone", &[]);
        at.say.line("portal-leave-done", &[]);
        return Ok(());
    }
    for (hub, orgs) in left.map(|left| left.hubs).unwrap_or_default() {
        let orgs: Vec<String> = orgs.iter().map(|org| at.holder.name_of(org)).collect();
        let slots = [("orgs", orgs.join(", ")), ("hub", hub)];
        let slots = slots.each_ref().map(|(name, text)| (*name, text.as_str()));
        at.say.indented("portal-leave-left", &slots);
    }
    bail!(at.say.text("cli-shred-all-again", &[]))
}

/// What it means, and who keeps what.
fn tell(at: &Open<'_>) {
    let profile = at.holder.profile();
    let with = |l: &&denizen_holder::Link| l.state != LinkState::Refused;
    let links = profile.links.iter().filter(with);
    let mut orgs: Vec<String> = links.map(|l| at.holder.name_of(&l.org)).collect();
    orgs.sort();
    orgs.dedup();
    if !orgs.is_empty() {
        let orgs = orgs.join(", ");
        at.say.line("portal-leave-keep", &[("orgs", &orgs)]);
    }
    for key in MEANS {
        at.say.line(key, &[]);
    }
    if !profile.wards.is_empty() {
        at.say.line("portal-leave-children", &[]);
    }
}

async fn shred(at: &mut Open<'_>, without_rest: bool) -> anyhow::Result<bool> {
    let transport = HttpTransport::unlinkable()?;
    let (now, mut rng) = (at.now(), at.shell.rng());
    let begun = at
        .holder
        .begin_shred_all(without_rest, &transport, now, &mut rng)
        .await;
    at.save()?;
    let mut all = begun.map_err(|e| at.say.error(&e))?;
    loop {
        let now = at.now();
        let more = at
            .holder
            .shred_next(&mut all, &transport, now, &mut rng)
            .await;
        at.save()?;
        if !more.map_err(|e| at.say.error(&e))? {
            return Ok(all.is_over());
        }
    }
}
