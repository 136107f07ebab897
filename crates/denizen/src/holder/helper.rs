//! Helpers: a person gives a limited mandate, and a helper works with it. Files go from hand to hand:
//! no server knows that the two know each other.

mod files;
mod own;

use super::{FolderArg, Open, apply, folder::PassphraseArg, pick, show};
use crate::shell::Shell;
use anyhow::Context as _;
use denizen_holder::{Digits, HelperTerms, card_of};
use denizen_model::mandate::{ALL_SERVICES, CARD_TYP, DRAFT_TYP, GIVEN_TYP, Scope, card_digits};
pub(crate) use files::read_file as read_helper_file;
use files::{read_file, write_file};
use jiff::civil::Date;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Commands of a person who is helped, and of a helper.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Begin a mandate: from a helper's card, whose digits the helper reads to you from their own device
    Add(AddArguments),
    /// Make the file for a helper: the mandate, and what may be read. It replaces the file before it
    Give {
        #[command(flatten)]
        at: HelperArg,
        /// Let this record be read: its number in the list, its kind, or the beginning of its name;
        /// `3:number,valid_until` lets only these claims be read
        #[arg(long, value_name = "RECORD[:CLAIMS]")]
        read: Vec<String>,
        /// Do not ask a second time about papers of a special category
        #[arg(long)]
        confirm_special: bool,
        /// The file to write
        #[arg(long)]
        out: PathBuf,
    },
    /// Tell an office that a helper may ask there for the state of one application
    Tell {
        #[command(flatten)]
        at: HelperArg,
        /// The beginning of its name, as `follow` shows it
        application: String,
    },
    /// Look at a helper's draft, and file the application yourself after a yes
    File(FileArguments),
    /// End a mandate, and tell every office that was told of it
    End(HelperArg),
    /// List your helpers with everything that was done
    List(FolderArg),
    #[command(flatten)]
    Own(own::Command),
}

/// Arguments of `helper add`.
#[derive(Debug, clap::Args)]
pub(crate) struct AddArguments {
    #[command(flatten)]
    at: HelperArg,
    /// The helper's card
    card: PathBuf,
    /// The digits that the helper's device shows, as the helper reads them out
    #[arg(long)]
    digits: String,
    /// What the helper may do: read, receive, prepare
    #[arg(long, value_enum, required = true)]
    may: Vec<May>,
    /// For which service: `work-permit`, its full name, or `all`
    #[arg(long, required = true)]
    service: Vec<String>,
    /// The last day, YYYY-MM-DD
    #[arg(long)]
    until: Date,
    /// The first day [default: today]
    #[arg(long)]
    from: Option<Date>,
    /// The record whose names the mandate says [default: the first that has names]
    #[arg(long)]
    names: Option<String>,
}

/// Arguments of `helper file`.
#[derive(Debug, clap::Args)]
pub(crate) struct FileArguments {
    /// Your profile's folder
    folder: PathBuf,
    /// The helper's draft
    draft: PathBuf,
    /// Do not ask whether to send
    #[arg(long)]
    yes: bool,
    /// Do not ask a second time about papers of a special category
    #[arg(long)]
    confirm_special: bool,
    /// Accept that a paper without one-time copies left can be linked
    #[arg(long)]
    linkable: bool,
    #[command(flatten)]
    passphrase: PassphraseArg,
}

/// What a helper may be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum May {
    /// Read what you choose
    Read,
    /// Be told the state of an application
    Receive,
    /// Prepare an application that you file
    Prepare,
}

/// A profile and a helper.
#[derive(Debug, clap::Args)]
pub(crate) struct HelperArg {
    /// Your profile's folder
    folder: PathBuf,
    /// What you call the helper
    name: String,
    #[command(flatten)]
    passphrase: PassphraseArg,
}

impl HelperArg {
    fn open(self, shell: &Shell) -> anyhow::Result<(Open<'_>, String)> {
        let at = Open::new(shell, self.folder, &self.passphrase)?;
        Ok((at, self.name))
    }
}

/// Runs a command.
pub(super) async fn run(shell: &Shell, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Add(asked) => add(shell, asked).await,
        Command::Give {
            at,
            read,
            confirm_special,
            out,
        } => {
            let (mut at, name) = at.open(shell)?;
            give(&mut at, &name, (&read, confirm_special), &out).await
        }
        Command::Tell { at, application } => {
            let (mut at, name) = at.open(shell)?;
            let id = super::journeys::find_application(&at, &application)?;
            let (now, mut rng) = (at.now(), shell.rng());
            let told = at.holder.tell_office(&name, &id, now, &mut rng);
            told.map_err(|e| at.say.error(&e))?;
            at.sync_once(0).await?;
            at.say.line("cli-helper-told", &[("name", &name)]);
            at.say.line("cli-helper-told-means", &[]);
            Ok(())
        }
        Command::File(asked) => file(shell, asked).await,
        Command::End(at) => {
            let (mut at, name) = at.open(shell)?;
            let (now, mut rng) = (at.now(), shell.rng());
            let ended = at.holder.end_helper(&name, now, &mut rng);
            ended.map_err(|e| at.say.error(&e))?;
            at.sync_once(0).await?;
            at.say.line("cli-helper-ended", &[("name", &name)]);
            Ok(())
        }
        Command::List(at) => {
            show::helpers(&Open::of(shell, at)?);
            Ok(())
        }
        Command::Own(command) => own::run(shell, command).await,
    }
}

async fn add(shell: &Shell, asked: AddArguments) -> anyhow::Result<()> {
    let (mut at, name) = asked.at.open(shell)?;
    let card = read_file(&asked.card, CARD_TYP)?;
    let shown = card_of(&card).map_err(|e| at.say.error(&e))?;
    at.say
        .line("cli-helper-card", &[("name", shown.name.as_str())]);
    let digits = card_digits(&card);
    at.say
        .line("cli-helper-digits", &[("digits", digits.as_str())]);
    let subject = names(&at, asked.names.as_deref())?;
    let may = |may: &May| match may {
        May::Read => Scope::Read,
        May::Receive => Scope::Receive,
        May::Prepare => Scope::Prepare,
    };
    let mut scope: Vec<Scope> = asked.may.iter().map(may).collect();
    scope.sort_unstable();
    scope.dedup();
    let terms = HelperTerms {
        subject,
        scope,
        services: asked.service.iter().map(|s| service_name(s)).collect(),
        from: asked.from.unwrap_or_else(|| at.now().date()),
        until: asked.until,
        may_pass_on: false,
    };
    let read_out = Digits::typed(&asked.digits);
    let (now, mut rng) = (at.now(), shell.rng());
    let begun = at
        .holder
        .add_helper((&card, &read_out), &name, &terms, now, &mut rng);
    begun.map_err(|e| at.say.error(&e))?;
    at.sync_once(0).await?;
    let until = terms.until.to_string();
    let slots = [("name", name.as_str()), ("date", &until)];
    at.say.line("cli-helper-begun", &slots);
    Ok(())
}

fn service_name(asked: &str) -> String {
    match asked {
        "all" => ALL_SERVICES.to_owned(),
        asked if asked.contains(':') => asked.to_owned(),
        asked => format!("urn:denizen:service:{asked}"),
    }
}

/// The names that the mandate says: those of one record.
fn names(at: &Open<'_>, record: Option<&str>) -> anyhow::Result<Value> {
    let names = |claims: &serde_json::Map<String, Value>| {
        let names = claims.get("subject")?.get("names")?.clone();
        Some(json!({ "names": names }))
    };
    let views = at.holder.records(at.now());
    let found = match record {
        Some(asked) => {
            let kept = pick::find_record(at, asked)?;
            views.iter().find(|v| v.kept == kept)
        }
        None => views.iter().find(|v| names(&v.claims).is_some()),
    };
    let found = found.and_then(|v| names(&v.claims));
    found.with_context(|| at.say.text("cli-helper-no-names", &[]))
}

async fn give(
    at: &mut Open<'_>,
    name: &str,
    (read, confirmed): (&[String], bool),
    out: &std::path::Path,
) -> anyhow::Result<()> {
    at.sync_once(0).await?;
    let mut readings = Vec::new();
    for asked in read {
        let (record, claims) = asked.split_once(':').unwrap_or((asked, ""));
        let claims = claims.split(',').filter(|c| !c.is_empty());
        readings.push(denizen_holder::Reading {
            kept: pick::find_record(at, record)?,
            claims: claims.map(str::to_owned).collect(),
        });
    }
    let special = confirmed || confirm_special(at, &readings)?;
    let (now, mut rng) = (at.now(), at.shell.rng());
    let given = at.holder.give(name, &readings, special, now, &mut rng);
    let given = given.map_err(|e| at.say.error(&e))?;
    at.save()?;
    write_file(out, GIVEN_TYP, &given)?;
    at.sync_once(0).await?;
    let shown = out.display().to_string();
    let slots = [("name", name), ("file", shown.as_str())];
    at.say.line("cli-helper-given", &slots);
    at.say.line("cli-helper-given-means", &[]);
    Ok(())
}

/// A second yes for papers of a special category (R28).
fn confirm_special(at: &Open<'_>, readings: &[denizen_holder::Reading]) -> anyhow::Result<bool> {
    use denizen_model::message::Sensitivity;
    let views = at.holder.records(at.now());
    let special = views.iter().filter(|v| {
        v.held.sensitivity == Sensitivity::Special && readings.iter().any(|r| r.kept == v.kept)
    });
    for view in special {
        let kind = at.say.kind(&view.vct);
        if !at.say.ask("cli-helper-special", &[("kind", &kind)])? {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn file(shell: &Shell, asked: FileArguments) -> anyhow::Result<()> {
    let mut at = Open::new(shell, asked.folder, &asked.passphrase)?;
    let bytes = read_file(&asked.draft, DRAFT_TYP)?;
    at.sync_once(0).await?;
    let (now, mut rng) = (at.now(), shell.rng());
    let view = at.holder.read_draft(&bytes, now, &mut rng);
    at.save()?;
    let view = view.map_err(|e| at.say.error(&e))?;
    let made = at.say.date(view.draft.made);
    let slots = [("name", view.helper.as_str()), ("date", &made)];
    at.say.line("cli-helper-draft", &slots);
    if !view.draft.text.is_empty() {
        at.say.plain(&format!("    {}", view.draft.text));
    }
    at.say.line("cli-helper-answers", &[]);
    show::answers(&at, &view.draft.answers);
    let preview = at.holder.preview_draft(&view, now);
    let preview = preview.map_err(|e| at.say.error(&e))?;
    let asked = apply::Asked {
        service: String::new(),
        answers: None,
        include: Vec::new(),
        yes: asked.yes,
        confirm_special: asked.confirm_special,
        linkable: asked.linkable,
        amend: None,
        files: Vec::new(),
    };
    if apply::show_and_file(&mut at, &preview, &asked).await? {
        let (now, mut rng) = (at.now(), shell.rng());
        let done = at
            .holder
            .draft_filed((&view.draft.mandate, &view.draft.id), now, &mut rng);
        done.map_err(|e| at.say.error(&e))?;
        at.sync_once(0).await?;
    }
    Ok(())
}
