//! What follows after a record or an application: disputes, more papers, notes, the end of a link, the
//! undoing of a wrong intake.

use super::{GatewayFolder, open};
use crate::{attach::AttachArg, shell::Shell};
use anyhow::{Context as _, bail};
use denizen_gateway::{Answer, DisputeKind, DisputeView, FileView, Gateway, GatewayError};
use jiff::civil::Date;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// Commands on what an office already has in hand.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Ask an applicant for more, until a date
    AskMore {
        #[command(flatten)]
        folder: GatewayFolder,
        /// The case reference, as in the queue
        case: String,
        /// What is missing, in words that the person reads
        text: String,
        /// Until when, YYYY-MM-DD
        #[arg(long, value_name = "DATE")]
        due: Date,
    },
    /// List disputes and returned records by their due date
    Disputes(GatewayFolder),
    /// Open a dispute: the record, what the person says, the counter-evidence. The person is told
    Dispute {
        #[command(flatten)]
        folder: GatewayFolder,
        /// Its number in the list
        number: i64,
        /// In which role you open it: the person is told
        #[arg(long, default_value = "registrar")]
        role: String,
    },
    /// Answer a dispute: the record stays, or a corrected one takes its place
    Answer {
        #[command(flatten)]
        folder: GatewayFolder,
        /// Its number in the list
        number: i64,
        /// The record stays, with a reason that the person reads
        #[arg(
            long,
            value_name = "REASON",
            conflicts_with = "uphold",
            required_unless_present = "uphold"
        )]
        reject: Option<String>,
        /// A file with all claims of the corrected record, as JSON
        #[arg(long, value_name = "FILE")]
        uphold: Option<PathBuf>,
        #[command(flatten)]
        files: AttachArg,
    },
    /// A returned record's case reference is put right: what waited for that link may go again
    Clear {
        #[command(flatten)]
        folder: GatewayFolder,
        /// Its number in the list
        number: i64,
        /// The link itself had the wrong case reference: this is the right one
        #[arg(long, value_name = "REF")]
        case: Option<String>,
    },
    /// List the notes that came
    Notes(GatewayFolder),
    /// Write a note to the person of a case
    Note {
        #[command(flatten)]
        folder: GatewayFolder,
        /// The case reference, of the queue or your own
        case: String,
        /// The note
        text: String,
        #[command(flatten)]
        files: AttachArg,
    },
    /// List the files that came with a case, a dispute or a note
    Files {
        #[command(flatten)]
        folder: GatewayFolder,
        #[command(flatten)]
        of: FilesOf,
    },
    /// Write one of those files to a new file. The person is told
    Save {
        #[command(flatten)]
        folder: GatewayFolder,
        /// Its number in that list
        number: i64,
        /// The new file to write
        out: PathBuf,
        /// In which role you open it: the person is told
        #[arg(long, default_value = "registrar")]
        role: String,
    },
    /// End a link; records that were issued stay the person's
    Close {
        #[command(flatten)]
        folder: GatewayFolder,
        /// The case reference, of the queue or your own
        case: String,
        /// Why, in words that the person reads
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// List the runs of intake
    Runs(GatewayFolder),
    /// Undo a run of intake: what it issued is withdrawn, what waits is dropped
    Undo {
        #[command(flatten)]
        folder: GatewayFolder,
        /// Its number in the list
        run: i64,
        /// Why, in words that every person concerned reads
        #[arg(long)]
        reason: String,
    },
}

/// What files belong to.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct FilesOf {
    /// A case, by its reference in the queue
    #[arg(long, value_name = "REF")]
    case: Option<String>,
    /// A dispute, by its number
    #[arg(long, value_name = "NUMBER")]
    dispute: Option<i64>,
    /// A note, by its number
    #[arg(long, value_name = "NUMBER")]
    note: Option<i64>,
}

/// Runs a command.
pub(super) fn run(shell: &Shell, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Disputes(folder) => disputes(&open(shell, &folder.dir)?),
        Command::Notes(folder) => notes(&open(shell, &folder.dir)?),
        Command::Files { folder, of } => files(&open(shell, &folder.dir)?, &of),
        Command::Runs(folder) => runs(&open(shell, &folder.dir)?),
        command @ (Command::Dispute { .. } | Command::Answer { .. } | Command::Clear { .. }) => {
            act_on_dispute(shell, command)
        }
        command => act(shell, command),
    }
}

fn act_on_dispute(shell: &Shell, command: Command) -> anyhow::Result<()> {
    let (now, mut rng) = (shell.now(), shell.rng());
    match command {
        Command::Dispute {
            folder,
            number,
            role,
        } => {
            let mut gateway = open(shell, &folder.dir)?;
            let view = gateway.open_dispute(number, &role, now, &mut rng)?;
            print_dispute(&view);
            print_files(&gateway.dispute_files(number)?);
            println!("The person is told that a {role} opened this.");
        }
        Command::Answer {
            folder,
            number,
            reject,
            uphold,
            files,
        } => {
            let answer = read_answer(reject, uphold.as_deref())?;
            let mut gateway = open(shell, &folder.dir)?;
            gateway.attach(files.read()?)?;
            fit(gateway.answer_dispute(number, &answer, now, &mut rng))?;
            println!("The answer to dispute {number} goes to the person.");
        }
        Command::Clear {
            folder,
            number,
            case,
        } => {
            let mut gateway = open(shell, &folder.dir)?;
            gateway.clear_returned(number, case.as_deref(), now, &mut rng)?;
            println!("{number} is cleared. Take your corrected file in again.");
        }
        _ => {}
    }
    Ok(())
}

fn act(shell: &Shell, command: Command) -> anyhow::Result<()> {
    let (now, mut rng) = (shell.now(), shell.rng());
    match command {
        Command::AskMore {
            folder,
            case,
            text,
            due,
        } => {
            open(shell, &folder.dir)?.ask_more(&case, &text, due, now, &mut rng)?;
            println!("The person of {case} is asked until {due}.");
        }
        Command::Note {
            folder,
            case,
            text,
            files,
        } => {
            let mut gateway = open(shell, &folder.dir)?;
            gateway.attach(files.read()?)?;
            gateway.write_note(&case, &text, now, &mut rng)?;
            println!("The note goes to the person of {case}.");
        }
        Command::Close {
            folder,
            case,
            reason,
        } => {
            open(shell, &folder.dir)?.close_link(&case, &reason, now, &mut rng)?;
            println!("The link of {case} is closed. The person is told.");
        }
        Command::Undo {
            folder,
            run,
            reason,
        } => {
            let mut gateway = open(shell, &folder.dir)?;
            let (withdrawn, dropped) = gateway.undo_run(run, &reason, now, &mut rng)?;
            println!("Run {run} is undone: {withdrawn} record(s) are withdrawn, {dropped} row(s)");
            println!("that waited are dropped. The file may be taken in again.");
        }
        Command::Save {
            folder,
            number,
            out,
            role,
        } => {
            let mut gateway = open(shell, &folder.dir)?;
            let (_, content) = gateway.open_file(number, &role, now, &mut rng)?;
            crate::attach::save(&out, &content)?;
            println!("File {number} is written to {}.", out.display());
            println!("The person is told that a {role} opened it.");
        }
        _ => {}
    }
    Ok(())
}

fn files(gateway: &Gateway, of: &FilesOf) -> anyhow::Result<()> {
    let files = match (&of.case, of.dispute, of.note) {
        (Some(case), ..) => gateway.case_files(case)?,
        (_, Some(number), _) => gateway.dispute_files(number)?,
        (.., Some(number)) => gateway.note_files(number)?,
        _ => bail!("say of what: --case, --dispute or --note"),
    };
    if files.is_empty() {
        println!("No file.");
    }
    print_files(&files);
    Ok(())
}

/// Names and types are what the sender says.
pub(super) fn print_files(files: &[FileView]) {
    for file in files {
        let size = crate::attach::size_text(file.size);
        let here = if file.here { "" } else { "  never came" };
        let name = crate::visible::in_line(&file.name);
        println!(
            "  file {}  {name}  {}  {size}{here}",
            file.number, file.media_type
        );
    }
}

fn disputes(gateway: &Gateway) -> anyhow::Result<()> {
    let disputes = gateway.disputes()?;
    if disputes.is_empty() {
        println!("No dispute.");
    }
    for dispute in disputes {
        println!(
            "{}  {}  {}  came {}  due {}",
            dispute.number,
            kind(dispute.kind),
            dispute.progress.name(),
            dispute.received.date(),
            dispute.due.date()
        );
    }
    Ok(())
}

fn kind(kind: DisputeKind) -> &'static str {
    match kind {
        DisputeKind::Wrong => "wrong",
        DisputeKind::NotMine => "not mine",
    }
}

fn print_dispute(view: &DisputeView) {
    let summary = &view.summary;
    println!(
        "{}  {}  due {}",
        summary.number,
        kind(summary.kind),
        summary.due.date()
    );
    println!("  {}", view.vct);
    super::desk::print_members(&view.record, 4);
    for claim in &view.claims {
        println!("  said to be wrong: {}", claim.join("."));
    }
    println!("  in the person's words: {}", view.text);
    for (media_type, paper) in &view.evidence {
        println!("  counter-evidence ({media_type}):");
        println!("{paper}");
    }
}

fn read_answer(reject: Option<String>, uphold: Option<&Path>) -> anyhow::Result<Answer> {
    match (reject, uphold) {
        (Some(reason), None) => Ok(Answer::Reject { reason }),
        (None, Some(path)) => {
            let shown = path.display();
            let bytes = std::fs::read(path).with_context(|| format!("{shown} cannot be read"))?;
            let claims: Map<String, Value> = serde_json::from_slice(&bytes)
                .with_context(|| format!("{shown} is not a JSON object of claims"))?;
            Ok(Answer::Uphold { claims })
        }
        _ => bail!("an answer either rejects or upholds"),
    }
}

fn fit<T>(done: Result<T, GatewayError>) -> anyhow::Result<T> {
    match done {
        Err(GatewayError::Rejected(rejection)) => {
            let (pointer, rule) = rejection.first();
            bail!("the corrected record does not fit its kind: {pointer} {rule}")
        }
        other => Ok(other?),
    }
}

fn notes(gateway: &Gateway) -> anyhow::Result<()> {
    let notes = gateway.notes()?;
    if notes.is_empty() {
        println!("No note.");
    }
    for note in notes {
        let case = note.case_reference.as_deref().unwrap_or("no case");
        println!("{}  {case}  {}", note.number, note.at.date());
        println!("  {}", note.text);
        print_files(&gateway.note_files(note.number)?);
    }
    Ok(())
}

fn runs(gateway: &Gateway) -> anyhow::Result<()> {
    let runs = gateway.runs()?;
    if runs.is_empty() {
        println!("No run of intake.");
    }
    for run in runs {
        println!(
            "{}  {}  {}  {} taken, {} bad",
            run.number,
            run.at.date(),
            run.vct,
            run.taken,
            run.bad
        );
        if !run.ended {
            println!("  cut off: give its file again, and the run goes on");
        }
        if let Some(reason) = run.undone {
            println!("  undone: {reason}");
        }
    }
    Ok(())
}
