//! What a helper does: make a card, look at a file, draft, ask at an office.

use super::files::{qr, read_file, write_file};
use crate::{
    holder::{FolderArg, Open, folder::PassphraseArg, show},
    shell::Shell,
};
use anyhow::Context as _;
use denizen_model::mandate::{
    ASK_TYP, CARD_TYP, DRAFT_TYP, GIVEN_TYP, Given, OfferedService, card_digits,
};
use std::path::{Path, PathBuf};

/// Commands of a helper.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// As a helper: make a card for one person, and show the digits that you read to her
    Card {
        #[command(flatten)]
        at: PersonArg,
        /// How you want to be called
        #[arg(long)]
        called: String,
        /// The file to write
        #[arg(long)]
        out: PathBuf,
    },
    /// As a helper: show a file that a person gave you
    Read(GivenArg),
    /// As a helper: prepare an application. It files nothing
    Draft {
        #[command(flatten)]
        at: GivenArg,
        /// The service, as in the file
        service: String,
        /// JSON file with the answers to the service's questions
        #[arg(long)]
        answers: Option<PathBuf>,
        /// Add this record where the service leaves the choice, by its name in the file
        #[arg(long, value_name = "NAME")]
        add: Vec<String>,
        /// A word to the person
        #[arg(long, default_value = "")]
        text: String,
        /// The file to write
        #[arg(long)]
        out: PathBuf,
    },
    /// As a helper: make a question about one case, to show at the office. Good for a day, and once
    Ask {
        #[command(flatten)]
        at: GivenArg,
        /// The case reference, as in the file
        case: String,
        /// The file to write
        #[arg(long)]
        out: PathBuf,
    },
    /// As a helper: list whom you help
    People(FolderArg),
}

/// A helper's profile and a person.
#[derive(Debug, clap::Args)]
pub(crate) struct PersonArg {
    /// Your profile's folder
    folder: PathBuf,
    /// What you call the person
    person: String,
    #[command(flatten)]
    passphrase: PassphraseArg,
}

/// A helper's profile and a file that a person gave.
#[derive(Debug, clap::Args)]
pub(crate) struct GivenArg {
    /// Your profile's folder
    folder: PathBuf,
    /// The file that the person gave you
    given: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseArg,
}

/// Runs a command.
pub(super) async fn run(shell: &Shell, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Card { at, called, out } => {
            let mut open = Open::new(shell, at.folder, &at.passphrase)?;
            card(&mut open, &at.person, (&called, &out)).await
        }
        Command::Read(at) => {
            let (open, name, given) = open_given(shell, at).await?;
            show_given(&open, &name, &given);
            Ok(())
        }
        Command::Draft {
            at,
            service,
            answers,
            add,
            text,
            out,
        } => {
            let (open, _, given) = open_given(shell, at).await?;
            let asked = (service.as_str(), answers.as_deref(), add.as_slice());
            draft(&open, &given, asked, (&text, &out))
        }
        Command::Ask { at, case, out } => {
            let (open, _, given) = open_given(shell, at).await?;
            ask(&open, &given, &case, &out)
        }
        Command::People(at) => {
            let at = Open::of(shell, at)?;
            for helping in &at.holder.profile().helping {
                at.say.plain(&helping.name);
            }
            Ok(())
        }
    }
}

async fn card(at: &mut Open<'_>, person: &str, (called, out): (&str, &Path)) -> anyhow::Result<()> {
    let (now, mut rng) = (at.now(), at.shell.rng());
    let card = at.holder.make_card(person, called, now, &mut rng);
    let card = card.map_err(|e| at.say.error(&e))?;
    at.save()?;
    write_file(out, CARD_TYP, &card)?;
    at.sync_once(0).await?;
    let shown = out.display().to_string();
    let slots = [("name", person), ("file", shown.as_str())];
    at.say.line("cli-helper-card-made", &slots);
    let digits = card_digits(&card);
    at.say
        .line("cli-helper-digits", &[("digits", digits.as_str())]);
    Ok(())
}

/// Opens a file that a person gave. Nothing of what may be read is kept.
async fn open_given(shell: &Shell, at: GivenArg) -> anyhow::Result<(Open<'_>, String, Given)> {
    let bytes = read_file(&at.given, GIVEN_TYP)?;
    let mut open = Open::new(shell, at.folder, &at.passphrase)?;
    let (now, mut rng) = (open.now(), shell.rng());
    let given = open.holder.open_given(&bytes, now, &mut rng);
    let (name, given) = given.map_err(|e| open.say.error(&e))?;
    open.save()?;
    // What is new to keep goes to the hub when it can.
    if !open.holder.profile().outbox.is_empty() {
        match open.sync_once(0).await {
            // Another device took this one out: nothing is made here any more.
            Err(ended) if open.holder.is_ended() => return Err(ended),
            Ok(_) | Err(_) => {}
        }
    }
    Ok((open, name, given))
}

fn show_given(at: &Open<'_>, name: &str, given: &Given) {
    let say = &at.say;
    say.line("cli-helper-from", &[("name", name)]);
    if let Ok(terms) = given.mandate() {
        show::terms(at, &terms);
    }
    for excerpt in &given.read {
        let kind = say.kind(&excerpt.vct);
        say.plain(&format!("{}  {kind}  ({})", excerpt.name, excerpt.issuer));
        for line in at.holder.words().claims(&excerpt.vct, &excerpt.claims) {
            show::claim(say, &line, 2);
        }
    }
    if !given.read.is_empty() {
        say.line("cli-helper-no-proof", &[]);
    }
    for offered in &given.services {
        let title = say.known(&offered.service.title_key);
        let title = title.unwrap_or_else(|| offered.service.service.clone());
        let short = show::short_service(&offered.service.service);
        say.plain(&format!("{short}: {title} ({})", offered.office));
    }
    for about in &given.receive {
        let service = show::short_service(&about.service);
        let (case, office) = (&about.case_reference, &about.office);
        say.plain(&format!("{case}  {service}  ({office})"));
    }
}

fn find<'g>(at: &Open<'_>, given: &'g Given, asked: &str) -> anyhow::Result<&'g OfferedService> {
    let mut services = given.services.iter();
    let found = services.find(|s| {
        let name = s.service.service.as_str();
        name == asked || show::short_service(name) == asked || s.hash.to_text() == asked
    });
    found.ok_or_else(|| at.say.refusal("mandate-service"))
}

fn draft(
    at: &Open<'_>,
    given: &Given,
    (service, answers, add): (&str, Option<&Path>, &[String]),
    (text, out): (&str, &Path),
) -> anyhow::Result<()> {
    let service = find(at, given, service)?.hash;
    let answers = match answers {
        Some(file) => {
            let text = std::fs::read(file).context("the file of answers cannot be read")?;
            serde_json::from_slice(&text).context("the file of answers is not JSON")?
        }
        None => serde_json::json!({}),
    };
    let (now, mut rng) = (at.now(), at.shell.rng());
    let word = (add, text);
    let draft = at
        .holder
        .draft_for(given, &service, answers, word, (now, &mut rng));
    let draft = draft.map_err(|e| at.say.error(&e))?;
    write_file(out, DRAFT_TYP, &draft)?;
    let shown = out.display().to_string();
    at.say
        .line("cli-helper-drafted", &[("file", shown.as_str())]);
    Ok(())
}

fn ask(at: &Open<'_>, given: &Given, case: &str, out: &Path) -> anyhow::Result<()> {
    let (now, mut rng) = (at.now(), at.shell.rng());
    let ask = at.holder.ask_at(given, case, now, &mut rng);
    let ask = ask.map_err(|e| at.say.error(&e))?;
    write_file(out, ASK_TYP, &ask)?;
    if let Some(code) = qr(ASK_TYP, &ask) {
        at.say.plain(&code);
    }
    let shown = out.display().to_string();
    at.say
        .line("cli-helper-asked-made", &[("file", shown.as_str())]);
    Ok(())
}
