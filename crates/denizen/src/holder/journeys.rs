//! What comes after a record: dispute it, return it, take an application back, freeze, move, shred.

use super::{FolderArg, Open, folder::PassphraseArg, show};
use crate::{attach::AttachArg, shell::Shell, transport::HttpTransport};
use anyhow::{Context as _, bail};
use denizen_holder::{HolderError, Paper};
use denizen_model::{MessageId, Sha256Hash};
use std::path::{Path, PathBuf};

/// Commands on what a person already has.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List the links with their numbers
    Links(FolderArg),
    /// Say that a record is wrong, and what is right
    Dispute {
        #[command(flatten)]
        at: FolderArg,
        /// Its number in the list, or the beginning of its name
        #[arg(allow_hyphen_values = true)]
        record: String,
        /// A claim that is wrong, as `checkpoint.name`; several are possible
        #[arg(long)]
        claim: Vec<String>,
        /// What is right
        #[arg(long)]
        text: String,
        /// A file that shows it (text)
        #[arg(long)]
        paper: Vec<PathBuf>,
        #[command(flatten)]
        files: AttachArg,
    },
    /// Return a record that is not about you; its sender's address is frozen
    NotMine {
        #[command(flatten)]
        at: FolderArg,
        /// Its number in the list, or the beginning of its name
        #[arg(allow_hyphen_values = true)]
        record: String,
        /// A word to the office
        #[arg(long, default_value = "")]
        text: String,
    },
    /// Say something to a record that is a claim of a private body, or to a paper that you showed
    Reply {
        #[command(flatten)]
        at: FolderArg,
        /// Your words; empty ones take back what you said to a record
        text: String,
        /// The record: its number in the list, or the beginning of its name
        #[arg(
            long,
            conflicts_with = "application",
            required_unless_present = "application"
        )]
        record: Option<String>,
        /// The application in which you showed the paper, as `follow` names it
        #[arg(long, requires = "paper")]
        application: Option<String>,
        /// Which paper of it: the name of the query that it answered
        #[arg(long)]
        paper: Option<String>,
    },
    /// Take an application back
    Withdraw {
        #[command(flatten)]
        at: FolderArg,
        /// The beginning of its name, as `follow` shows it
        application: String,
        /// Why; may be empty
        #[arg(long, default_value = "")]
        text: String,
    },
    /// Let only status changes and answers to disputes in on a link
    Freeze(LinkArg),
    /// Let everything in again
    Unfreeze(LinkArg),
    /// End a link; its records stay yours
    Close(LinkArg),
    /// Move a link to a fresh address, after a lost or stolen device
    Move(LinkArg),
    /// Destroy a link with its records: neither this profile nor the kit brings them back
    Shred {
        #[command(flatten)]
        at: LinkArg,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Ask an organisation to destroy what it keeps
    Erase {
        #[command(flatten)]
        at: LinkArg,
        /// Only of this application
        #[arg(long)]
        about: Option<String>,
    },
    /// Write a note to an organisation
    Note {
        #[command(flatten)]
        at: LinkArg,
        /// The note
        text: String,
        #[command(flatten)]
        files: AttachArg,
    },
}

/// One link of a profile.
#[derive(Debug, clap::Args)]
pub(crate) struct LinkArg {
    /// The profile's folder
    folder: PathBuf,
    /// The link's number, as `links` shows it
    link: u32,
    #[command(flatten)]
    passphrase: PassphraseArg,
}

impl LinkArg {
    fn open<'a>(&self, shell: &'a Shell) -> anyhow::Result<Open<'a>> {
        Open::new(shell, self.folder.clone(), &self.passphrase)
    }
}

/// Runs a command, then sends what it queued.
pub(crate) async fn run(shell: &Shell, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Links(at) => show::links(&Open::of(shell, at)?),
        Command::Dispute {
            at,
            record,
            claim,
            text,
            paper,
            files,
        } => {
            let files = files.read()?;
            let mut at = Open::of(shell, at)?;
            let kept = super::pick::find_record(&at, &record)?;
            let claims = claim
                .iter()
                .map(|c| c.split('.').map(str::to_owned).collect());
            let papers = paper
                .iter()
                .map(|p| read_paper(p))
                .collect::<Result<Vec<_>, _>>()?;
            let attached = at.holder.attach(files);
            attached.map_err(|e| at.say.error(&e))?;
            let (now, mut rng) = (at.now(), at.shell.rng());
            let with = (now, &mut rng as &mut dyn rand_core::CryptoRng);
            let done = at
                .holder
                .dispute(&kept, claims.collect(), &text, &papers, with);
            send(&mut at, done).await
        }
        Command::NotMine { at, record, text } => {
            let mut at = Open::of(shell, at)?;
            let kept = super::pick::find_record(&at, &record)?;
            let (now, mut rng) = (at.now(), at.shell.rng());
            let done = at.holder.not_mine(&kept, &text, now, &mut rng);
            send(&mut at, done).await
        }
        Command::Withdraw {
            at,
            application,
            text,
        } => {
            let mut at = Open::of(shell, at)?;
            let id = find_application(&at, &application)?;
            let (now, mut rng) = (at.now(), at.shell.rng());
            let done = at.holder.withdraw(&id, &text, now, &mut rng);
            send(&mut at, done).await
        }
        Command::Reply {
            at,
            text,
            record,
            application,
            paper,
        } => {
            let mut at = Open::of(shell, at)?;
            let to = (record, application.zip(paper));
            let done = reply(&mut at, &text, to)?;
            send(&mut at, done).await
        }
        command => run_link(shell, command).await,
    }
}

/// Replies to a record, or to a paper of an application.
fn reply(
    at: &mut Open<'_>,
    text: &str,
    (record, shown): (Option<String>, Option<(String, String)>),
) -> anyhow::Result<Result<(), HolderError>> {
    let (now, mut rng) = (at.now(), at.shell.rng());
    match (record, shown) {
        (Some(record), _) => {
            let kept = super::pick::find_record(at, &record)?;
            Ok(at.holder.reply_to_record(&kept, text, now, &mut rng))
        }
        (None, Some((application, paper))) => {
            let id = find_application(at, &application)?;
            let done = at.holder.reply(&id, &paper, text, now, &mut rng);
            Ok(done.map(drop))
        }
        (None, None) => bail!("a reply is to a record, or to a paper of an application"),
    }
}

async fn run_link(shell: &Shell, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Freeze(link) => freeze(shell, &link, true).await,
        Command::Unfreeze(link) => freeze(shell, &link, false).await,
        Command::Close(link) => {
            let mut at = link.open(shell)?;
            let (now, mut rng) = (at.now(), at.shell.rng());
            let done = at.holder.close_link(link.link, "", now, &mut rng);
            send(&mut at, done).await
        }
        Command::Move(link) => {
            let mut at = link.open(shell)?;
            let mut rng = at.shell.rng();
            let done = at.holder.move_link(link.link, "", &mut rng);
            send(&mut at, done).await
        }
        Command::Shred { at: link, yes } => shred(&mut link.open(shell)?, link.link, yes).await,
        Command::Erase { at: link, about } => {
            let mut at = link.open(shell)?;
            let about = about.map(|a| find_application(&at, &a)).transpose()?;
            let (now, mut rng) = (at.now(), at.shell.rng());
            let done = at.holder.request_erasure(link.link, about, now, &mut rng);
            send(&mut at, done).await
        }
        Command::Note {
            at: link,
            text,
            files,
        } => {
            let files = files.read()?;
            let mut at = link.open(shell)?;
            at.holder.attach(files).map_err(|e| at.say.error(&e))?;
            let (now, mut rng) = (at.now(), at.shell.rng());
            let done = at.holder.note(link.link, None, &text, now, &mut rng);
            send(&mut at, done).await
        }
        _ => bail!("this command is of no link"),
    }
}

async fn send<T>(at: &mut Open<'_>, done: Result<T, HolderError>) -> anyhow::Result<()> {
    done.map_err(|e| at.say.error(&e))?;
    let events = at.sync_once(0).await?;
    show::sent(at, "cli-sent");
    if !events.is_empty() {
        show::events(at, &events);
    }
    Ok(())
}

async fn freeze(shell: &Shell, link: &LinkArg, frozen: bool) -> anyhow::Result<()> {
    let mut at = link.open(shell)?;
    let done = at.holder.freeze(link.link, frozen);
    send(&mut at, done).await
}

async fn shred(at: &mut Open<'_>, link: u32, yes: bool) -> anyhow::Result<()> {
    at.say.line("cli-shred-means", &[]);
    if !yes && !at.say.ask("cli-shred-confirm", &[])? {
        return Ok(());
    }
    at.sync_once(0).await?;
    let (now, mut rng) = (at.now(), at.shell.rng());
    let transport = HttpTransport::unlinkable()?;
    let done = at.holder.shred(link, &transport, now, &mut rng).await;
    send(at, done).await
}

fn read_paper(path: &Path) -> anyhow::Result<Paper> {
    let data = std::fs::read_to_string(path)
        .with_context(|| format!("{} cannot be read as text", path.display()))?;
    Ok(Paper {
        media_type: "text/plain".to_owned(),
        data,
    })
}

pub(super) fn find_application(at: &Open<'_>, asked: &str) -> anyhow::Result<MessageId> {
    let all = &at.holder.profile().applications;
    let found: Vec<_> = all
        .iter()
        .filter(|a| a.id.to_text().starts_with(asked))
        .collect();
    match found.as_slice() {
        [one] => Ok(one.id),
        _ => bail!(at.say.text("cli-application-unknown", &[])),
    }
}

/// The record of a number or of the beginning of a name.
pub(super) fn named(at: &Open<'_>, kept: &Sha256Hash) -> String {
    let view = at.holder.record(kept, at.now());
    view.map_or_else(String::new, |v| at.say.kind(&v.vct))
}
