//! The desk: the queue, a case, its decision.

use super::open;
use crate::{attach::AttachArg, shell::Shell};
use anyhow::{Context as _, bail};
use denizen_gateway::{
    Acting, Agreement, Appeal, CaseView, Gateway, Grant, Verdict, freshness_text,
};
use denizen_model::{Sha256Hash, mandate::Role, message::StatusChange};
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// Arguments of `gateway show`.
#[derive(clap::Args)]
pub(crate) struct ShowArguments {
    /// The gateway's folder
    dir: PathBuf,
    /// The case reference, as in the queue
    case: String,
    /// In which role you open it: the person is told
    #[arg(long, default_value = "case officer")]
    role: String,
}

/// Arguments of `gateway decide`.
#[derive(clap::Args)]
pub(crate) struct DecideArguments {
    /// The gateway's folder
    dir: PathBuf,
    /// The case reference, as in the queue
    case: String,
    /// Grant, with the records of these files: {"kind": ..., "claims": {...}}
    #[arg(
        long,
        value_name = "FILE",
        num_args = 0..,
        conflicts_with = "refuse",
        required_unless_present = "refuse"
    )]
    grant: Option<Vec<PathBuf>>,
    /// Refuse, with a reason that the person reads
    #[arg(
        long,
        value_name = "REASON",
        requires = "appeal_until",
        requires = "appeal_to"
    )]
    refuse: Option<String>,
    /// Until when a refusal can be appealed, YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    appeal_until: Option<Date>,
    /// Where a refusal can be appealed
    #[arg(long, value_name = "TEXT")]
    appeal_to: Option<String>,
    /// How
    #[arg(long, value_name = "TEXT")]
    appeal_how: Option<String>,
    /// In which role you decide
    #[arg(long, default_value = "case officer")]
    role: String,
    #[command(flatten)]
    files: AttachArg,
}

/// A change of status.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Change {
    Suspended,
    Revoked,
    Corrected,
    Reinstated,
}

/// Arguments of `gateway status`.
#[derive(clap::Args)]
pub(crate) struct StatusArguments {
    /// The gateway's folder
    dir: PathBuf,
    /// Hash of the record's kept copy
    #[arg(allow_hyphen_values = true)]
    record: String,
    /// What changes
    change: Change,
    /// Why, in words that the person reads
    #[arg(long)]
    reason: String,
}

/// Lists the cases.
pub(super) fn queue(shell: &Shell, dir: &Path) -> anyhow::Result<()> {
    let queue = open(shell, dir)?.queue()?;
    if queue.is_empty() {
        println!("No case.");
    }
    for case in queue {
        let flag = if case.flagged { "  something came" } else { "" };
        println!(
            "{}  {}  {}  filed {}  due {}{flag}",
            case.case_reference,
            case.service,
            case.state.name(),
            case.filed_at.date(),
            case.due.date()
        );
    }
    Ok(())
}

/// Opens a case.
pub(super) fn show(shell: &Shell, arguments: &ShowArguments) -> anyhow::Result<()> {
    let mut gateway = open(shell, &arguments.dir)?;
    let (now, mut rng) = (shell.now(), shell.rng());
    let view = gateway.open_case(&arguments.case, &arguments.role, now, &mut rng)?;
    print_case(&view);
    super::journeys::print_files(&gateway.case_files(&arguments.case)?);
    println!(
        "The person is told that a {} opened these papers.",
        arguments.role
    );
    Ok(())
}

fn print_case(view: &CaseView) {
    let summary = &view.summary;
    println!("{}  {}", summary.case_reference, summary.service);
    println!(
        "  filed {}  due {}",
        summary.filed_at.date(),
        summary.due.date()
    );
    for earlier in &view.earlier {
        println!("  an earlier version came {}", earlier.date());
    }
    if let Some(acting) = &view.acting {
        print_acting(view, acting);
    }
    println!("  answers");
    print_value(&view.answers, 4);
    for (item, issuer) in view.evidence.iter().zip(&view.issuers) {
        println!("  {}  {}  issued by {issuer}", item.query(), item.vct());
        let contested = if item.is_contested() {
            "; CONTESTED by its holder"
        } else {
            ""
        };
        if item.is_superseded() {
            println!("    SUPERSEDED: its issuer corrected it since, or it no longer holds");
        }
        if item.is_correction() {
            println!("    the correction of an earlier paper");
        }
        if item.is_claim() {
            println!("    CLAIM of a private body, not confirmed by an authority");
        }
        if let Some(reply) = item.reply() {
            println!("    the person says: {reply}");
        }
        println!(
            "    signature, key binding and issuer verified; {}{contested}",
            freshness_text(item.freshness())
        );
        print_members(item.claims(), 4);
    }
    println!("  subjects side by side (you decide: no program matches people)");
    for row in &view.subjects {
        let word = match row.agreement {
            Agreement::Agree => "agree",
            Agreement::Differ => "differ",
            Agreement::Renewed => {
                "differ, by a renewal: the newer document names the earlier number"
            }
            Agreement::NotShown => "not shown side by side",
        };
        println!("    {}: {word}", row.part);
        for (query, value) in &row.shown {
            println!("      {query}: {}", in_one_line(value));
        }
    }
}

/// Who acts for whom: the one part of the page that is not the applicant's own.
fn print_acting(view: &CaseView, acting: &Acting) {
    let mandate = acting.mandate();
    let mut papers = view.evidence.iter();
    let paper = papers.find(|p| p.query() == acting.query());
    let subject = paper.and_then(|p| p.claims().get("subject")?.get("names"));
    let subject = subject.map_or_else(|| "the applicant".to_owned(), in_one_line);
    let role = match mandate.role {
        Role::Guardian => "parent or guardian",
        Role::Helper => "helper",
        Role::Representative => "representative",
    };
    println!(
        "  ACTS FOR THE APPLICANT: {}, {role}",
        mandate.delegate.name
    );
    println!("    for {subject}");
    println!(
        "    from {} until {}; the key of the mandate agreed to this application",
        mandate.valid_from, mandate.valid_until
    );
    println!("    you compare the person before you with these names: no program does");
}

fn in_one_line(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(k, v)| format!("{k}: {}", in_one_line(v)));
            members.collect::<Vec<_>>().join("; ")
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn print_value(value: &Value, indent: usize) {
    match value {
        Value::Object(members) => print_members(members, indent),
        other => println!("{:indent$}{other}", ""),
    }
}

pub(super) fn print_members(members: &Map<String, Value>, indent: usize) {
    for (name, value) in members {
        match value {
            Value::Object(inner) => {
                println!("{:indent$}{name}", "");
                print_members(inner, indent + 2);
            }
            Value::String(text) => println!("{:indent$}{name}: {text}", ""),
            other => println!("{:indent$}{name}: {other}", ""),
        }
    }
}

/// Decides a case.
pub(super) fn decide(shell: &Shell, arguments: &DecideArguments) -> anyhow::Result<()> {
    let mut gateway = open(shell, &arguments.dir)?;
    let verdict = verdict(arguments)?;
    let granted = matches!(verdict, Verdict::Granted(_));
    let (now, mut rng) = (shell.now(), shell.rng());
    let case = &arguments.case;
    gateway.attach(arguments.files.read()?)?;
    decide_case(&mut gateway, arguments, verdict, now, &mut rng)?;
    let word = if granted { "granted" } else { "refused" };
    println!("{case} is {word}. The decision goes to the person in one envelope.");
    println!("Of the papers only what was used stays, until retention ends.");
    Ok(())
}

fn decide_case(
    gateway: &mut Gateway,
    arguments: &DecideArguments,
    verdict: Verdict,
    now: denizen_model::UnixTime,
    rng: &mut dyn rand_core::CryptoRng,
) -> anyhow::Result<()> {
    let decided = gateway.decide(&arguments.case, verdict, &arguments.role, now, rng);
    match decided {
        Err(denizen_gateway::GatewayError::Rejected(rejection)) => {
            let (pointer, rule) = rejection.first();
            bail!("a record of the decision does not fit its kind: {pointer} {rule}")
        }
        other => Ok(other?),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantFile {
    kind: String,
    claims: Map<String, Value>,
}

fn verdict(arguments: &DecideArguments) -> anyhow::Result<Verdict> {
    if let Some(reason) = &arguments.refuse {
        let (Some(until), Some(to)) = (arguments.appeal_until, &arguments.appeal_to) else {
            bail!("a refusal says until when and where it can be appealed");
        };
        return Ok(Verdict::Refused {
            reason: reason.clone(),
            appeal: Appeal {
                until,
                to: to.clone(),
                how: arguments.appeal_how.clone(),
            },
        });
    }
    let mut grants = Vec::new();
    for path in arguments.grant.iter().flatten() {
        let shown = path.display();
        let bytes = std::fs::read(path).with_context(|| format!("{shown} cannot be read"))?;
        let file: GrantFile = serde_json::from_slice(&bytes)
            .with_context(|| format!("{shown} is not {{\"kind\": ..., \"claims\": ...}}"))?;
        grants.push(Grant {
            vct: file.kind,
            claims: file.claims,
        });
    }
    Ok(Verdict::Granted(grants))
}

/// Changes the status of a record.
pub(super) fn status(shell: &Shell, arguments: &StatusArguments) -> anyhow::Result<()> {
    let kept = Sha256Hash::parse(&arguments.record)
        .context("the record is named by the hash of its kept copy")?;
    let change = match arguments.change {
        Change::Suspended => StatusChange::Suspended,
        Change::Revoked => StatusChange::Revoked,
        Change::Corrected => StatusChange::Corrected,
        Change::Reinstated => StatusChange::Reinstated,
    };
    let mut gateway = open(shell, &arguments.dir)?;
    let (now, mut rng) = (shell.now(), shell.rng());
    gateway.change_status(&kept, change, &arguments.reason, now, &mut rng)?;
    println!("The person is told first; the status list shows the change within the hour.");
    Ok(())
}
