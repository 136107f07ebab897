//! What happened: applications, disputes, alarms.

use super::{
    FileRow, RecordRow, day,
    link::org_name,
    people::file_rows_of,
    record::record_row,
    service::{flat, questions, short, title},
};
use denizen_holder::{Application, Dispute, FiledPaper, Holder};
use denizen_model::{
    MessageId, UnixTime,
    catalogue::Service,
    message::{ApplicationState, DisputeState},
};
use serde::Serialize;
use serde_json::Value;
use tsify::Tsify;

/// What an office said about an application.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct EventRow {
    /// `filed`, `in-review`, `more-needed`, `decided`, `refused`, `withdrawn`.
    pub state: String,
    /// The office's case reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case_reference: Option<String>,
    /// Why it was refused, in her language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The office's words.
    pub text: String,
    /// Until when she should act.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<String>,
}

/// An application.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationRow {
    /// Names it.
    pub id: String,
    /// The service.
    pub title: String,
    /// The office.
    pub org: String,
    /// The day it was sent.
    pub sent: String,
    /// The newest state; `sent` before the office has answered.
    pub state: String,
    /// It can still be changed or taken back.
    pub open: bool,
    /// What the office said, oldest first.
    pub events: Vec<EventRow>,
    /// How often it was changed.
    pub amendments: usize,
    /// The service's exact version.
    pub service: String,
    /// Its answers, as JSON text.
    pub answers: String,
}

/// A paper as it was shown.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct PaperRow {
    /// The credential query that it answered.
    pub query: String,
    /// The record.
    pub kept: String,
    /// Its kind.
    pub title: String,
    /// Its issuer.
    pub issuer: String,
    /// Exactly what was shown: label and value.
    pub values: Vec<[String; 2]>,
    /// What she said to it.
    pub said: Vec<String>,
}

/// An application as it was sent, in its newest version.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationPage {
    /// What a list shows of it.
    pub row: ApplicationRow,
    /// The law; none if the service is not in the directory any more.
    pub legal_basis: Option<String>,
    /// Days that the claims are kept after the decision.
    pub retention_days: Option<u32>,
    /// Answers: question and what she answered.
    pub answered: Vec<[String; 2]>,
    /// The papers that went with it.
    pub papers: Vec<PaperRow>,
    /// Files that went with it, and those that came.
    pub files: Vec<FileRow>,
    /// The record that proves that it was filed.
    pub filed: Option<RecordRow>,
}

/// A dispute.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct DisputeRow {
    /// The record.
    pub kept: String,
    /// Its issuer.
    pub org: String,
    /// The day it was sent.
    pub sent: String,
    /// What she said.
    pub text: String,
    /// No answer yet.
    pub open: bool,
    /// What the issuer answered: state, words, due date.
    pub events: Vec<DisputeStep>,
}

/// One answer to a dispute.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct DisputeStep {
    /// `received`, `upheld`, `rejected`.
    pub state: String,
    /// The issuer's words.
    pub text: String,
    /// Until when it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<String>,
}

/// A note or a decision that she has not looked at yet.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct NewsRow {
    /// `note`, or the application's state: `decided`, `refused`.
    pub what: &'static str,
    /// The day of a note, or on which the application was sent.
    pub day: String,
    /// The organisation.
    pub org: String,
    /// The service of a decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
}

/// An alarm.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct AlarmRow {
    /// Stable code.
    pub code: String,
    /// What happened.
    pub what: String,
    /// What to do.
    pub next: String,
    /// The day.
    pub day: String,
    /// The organisation, if it is about a link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub org: Option<String>,
}

/// A hub from which the last fetch brought nothing.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct AwayRow {
    /// Its URL.
    pub hub: String,
    /// Names of the organisations there, or its URL if none is known.
    pub orgs: Vec<String>,
    /// The day since when.
    pub since: String,
}

/// Other hubs from which the last fetch brought nothing.
pub(crate) fn away_rows(holder: &Holder) -> Vec<AwayRow> {
    let row = |away: denizen_holder::HubAway| {
        let orgs = away.orgs.iter().map(|org| holder.name_of(org));
        let unknown = away.orgs.is_empty().then(|| away.hub_url.clone());
        AwayRow {
            orgs: orgs.chain(unknown).collect(),
            hub: away.hub_url,
            since: day(away.since),
        }
    };
    holder.hubs_away().into_iter().map(row).collect()
}

/// All applications, newest first.
pub(crate) fn application_rows(holder: &Holder) -> Vec<ApplicationRow> {
    let all = holder.profile().applications.iter().rev();
    all.map(|a| application_row(holder, a)).collect()
}

fn application_row(holder: &Holder, application: &Application) -> ApplicationRow {
    let words = holder.words();
    let events: Vec<EventRow> = application
        .events
        .iter()
        .map(|e| EventRow {
            state: state_name(e.state).to_owned(),
            case_reference: e.case_reference.clone(),
            reason: e.code.as_ref().map(|c| words.problem(c).0),
            text: e.text.clone(),
            due: e.due.map(|d| d.to_string()),
        })
        .collect();
    let state = match (application.withdrawn, events.last()) {
        (true, _) => "withdrawn".to_owned(),
        (false, Some(event)) => event.state.clone(),
        (false, None) => "sent".to_owned(),
    };
    ApplicationRow {
        id: application.id.to_text(),
        title: title(holder, &application.submit.purpose),
        org: org_name(holder, application.link),
        sent: day(application.sent),
        open: !matches!(state.as_str(), "decided" | "refused" | "withdrawn"),
        state,
        events,
        amendments: application.amendments.len(),
        service: application.submit.service.to_text(),
        answers: application.submit.answers.to_string(),
    }
}

/// What came and she has not looked at: decisions, then notes, newest first.
pub(crate) fn news_rows(holder: &Holder) -> Vec<NewsRow> {
    let decisions = holder.unread_decisions().map(|a| NewsRow {
        what: a.events.last().map_or("decided", |e| state_name(e.state)),
        day: day(a.sent),
        org: org_name(holder, a.link),
        title: Some(title(holder, &a.submit.purpose)),
        thread: Some(a.id.to_text()),
    });
    let notes = holder.unread_notes().map(|n| NewsRow {
        what: "note",
        day: day(n.at),
        org: org_name(holder, n.link),
        title: None,
        thread: None,
    });
    decisions.chain(notes).collect()
}

/// One application in full.
pub(crate) fn application_page(
    holder: &Holder,
    id: &MessageId,
    now: UnixTime,
) -> Option<ApplicationPage> {
    let mut all = holder.profile().applications.iter();
    let application = all.find(|a| a.id == *id)?;
    let request = holder.request(&application.submit.service).ok();
    let service = request.as_ref().map(|r| &r.service);
    // An amendment's files take the place of the earlier version's.
    let mut versions = vec![application.id];
    versions.extend(&application.amendments);
    versions.pop();
    let files = holder.files().iter().enumerate();
    let files = files.filter(|(_, f)| f.thread == *id && !versions.contains(&f.message));
    let files: Vec<usize> = files.map(|(number, _)| number).collect();
    let filed = holder.filed_record(application, now);
    let papers = holder.filed_papers(application);
    Some(ApplicationPage {
        row: application_row(holder, application),
        legal_basis: service.map(|s| holder.words().law(s)),
        retention_days: service.map(|s| s.retention_days),
        answered: service.map_or_else(Vec::new, |s| answered(holder, s, application)),
        papers: papers.iter().map(|p| paper_row(holder, p)).collect(),
        files: file_rows_of(holder, &files),
        filed: filed.map(|view| record_row(holder, &view, now)),
    })
}

/// The questions that she answered, each with her answer in words.
fn answered(holder: &Holder, service: &Service, application: &Application) -> Vec<[String; 2]> {
    let words = holder.words();
    let questions = questions(holder, short(&service.service), service);
    let answered = questions.into_iter().filter_map(|question| {
        let choices = question.choices;
        let text = |value: &Value| match value {
            Value::Bool(yes) => words.text(&format!("value-{yes}"), &[]),
            Value::String(text) => {
                let chosen = choices.iter().find(|[value, _]| value == text);
                chosen.map_or(text, |[_, label]| label).clone()
            }
            other => other.to_string(),
        };
        let answer = match application.submit.answers.get(&question.name)? {
            Value::Array(several) => several.iter().map(text).collect::<Vec<_>>().join(", "),
            one => text(one),
        };
        Some([question.label, answer])
    });
    answered.collect()
}

fn paper_row(holder: &Holder, paper: &FiledPaper) -> PaperRow {
    let words = holder.words();
    let lines = words.claims(&paper.vct, &paper.claims);
    PaperRow {
        query: paper.query.clone(),
        kept: paper.kept.to_text(),
        title: words.kind(&paper.vct),
        issuer: holder.name_of(&paper.issuer),
        values: lines.iter().flat_map(flat).collect(),
        said: paper.said.clone(),
    }
}

/// All disputes, newest first.
pub(crate) fn dispute_rows(holder: &Holder) -> Vec<DisputeRow> {
    let all = holder.profile().disputes.iter().rev();
    all.map(|d| dispute_row(holder, d)).collect()
}

/// One dispute.
pub(super) fn dispute_row(holder: &Holder, dispute: &Dispute) -> DisputeRow {
    let events = dispute.events.iter().map(|e| DisputeStep {
        state: match e.state {
            DisputeState::Received => "received",
            DisputeState::Upheld => "upheld",
            DisputeState::Rejected => "rejected",
        }
        .to_owned(),
        text: e.text.clone(),
        due: e.due.map(|d| d.to_string()),
    });
    DisputeRow {
        kept: dispute.open.kept.to_text(),
        org: org_name(holder, dispute.link),
        sent: day(dispute.sent),
        text: dispute.open.text.clone(),
        open: dispute.is_open(),
        events: events.collect(),
    }
}

/// Alarms that need her, newest first.
pub(crate) fn alarm_rows(holder: &Holder) -> Vec<AlarmRow> {
    let words = holder.words();
    let row = holder.profile().open_alarms().map(|a| {
        let (what, next) = words.problem(&a.code);
        AlarmRow {
            code: a.code.clone(),
            what,
            next,
            day: day(a.at),
            org: a.link.map(|l| org_name(holder, l)),
        }
    });
    let mut rows: Vec<_> = row.collect();
    rows.reverse();
    rows
}

fn state_name(state: ApplicationState) -> &'static str {
    match state {
        ApplicationState::Filed => "filed",
        ApplicationState::InReview => "in-review",
        ApplicationState::MoreNeeded => "more-needed",
        ApplicationState::Decided => "decided",
        ApplicationState::Refused => "refused",
        ApplicationState::Withdrawn => "withdrawn",
    }
}
