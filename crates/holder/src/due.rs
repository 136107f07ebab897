//! Dates to keep: papers that end, appeals, answers that offices owe or wait for, paid periods. What
//! a date means is said in words; nothing is decided by it (D10, D21).

use crate::{
    Holder, RecordView,
    profile::{Application, Dispute},
};
use denizen_credential::Status;
use denizen_model::{
    MessageId, OrgId, Sha256Hash, UnixTime,
    message::{ApplicationState, Notice, Sensitivity},
};
use denizen_rules::{Nearness, coverage, days_between, nearness};
use jiff::civil::Date;
use serde_json::Value;
use std::collections::BTreeMap;

/// For so many days after its end a date is still told, as over.
const TOLD_AFTER_DAYS: i64 = 30;
/// Kinds that the office renews or replaces by itself: their end asks nothing of her.
const RENEWED_BY_OFFICE: [&str; 2] = ["application-filed", "decision"];
/// States of an adverse record in which nothing is held against her any more.
const OVER: [&str; 3] = ["lifted", "cancelled", "expunged"];
/// The kind of payments that keep a permit alive.
const PAYMENT: &str = "tax-payment";
/// The kind of permit that payments keep alive.
const PERMIT: &str = "work-permit";

/// What a date is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TaskKind {
    /// A paper counts until then.
    PaperEnds,
    /// A record against her, or a refusal, can be appealed until then.
    Appeal,
    /// An office answers her dispute until then.
    DisputeAnswer,
    /// An office waits for more papers until then.
    PapersAsked,
    /// An office decides until then.
    Decision,
    /// What was paid for a permit covers until then: the next payment is due before.
    PaymentDue,
    /// From then on nothing covers a time of a permit, until [`Task::until`] or until now.
    PaymentMissed,
}

impl TaskKind {
    /// A stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PaperEnds => "paper-ends",
            Self::Appeal => "appeal",
            Self::DisputeAnswer => "dispute-answer",
            Self::PapersAsked => "papers-asked",
            Self::Decision => "decision",
            Self::PaymentDue => "payment-due",
            Self::PaymentMissed => "payment-missed",
        }
    }

    /// Whether she has something to do; else an office has.
    #[must_use]
    pub fn is_hers(self) -> bool {
        !matches!(self, Self::DisputeAnswer | Self::Decision)
    }
}

/// A date to keep.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Task {
    /// The day.
    pub on: Date,
    /// What it is about.
    pub kind: TaskKind,
    /// The last day, of a time that is a task as a whole.
    pub until: Option<Date>,
    /// The record that it is about.
    pub record: Option<Sha256Hash>,
    /// The record's kind, or the name of the application's service.
    pub about: String,
    /// The organisation.
    pub org: Option<OrgId>,
    /// The application or dispute.
    pub thread: Option<MessageId>,
    /// It is about a paper of a special category: a title that others may see does not name it.
    pub special: bool,
    /// How near it is.
    pub near: Nearness,
}

/// Where the dates are told from.
#[derive(Clone, Copy)]
struct Today {
    day: Date,
    soon_days: u32,
}

impl Today {
    /// Over for long: nobody is told any more.
    fn is_past(self, on: Date) -> bool {
        days_between(on, self.day) > TOLD_AFTER_DAYS
    }

    fn near(self, on: Date) -> Nearness {
        nearness(on, self.day, self.soon_days)
    }

    /// A date of a record.
    fn of(self, view: &RecordView, on: Date, kind: TaskKind) -> Task {
        Task {
            on,
            kind,
            until: None,
            record: Some(view.kept),
            about: view.vct.clone(),
            org: Some(view.issuer),
            thread: None,
            special: view.held.sensitivity == Sensitivity::Special,
            near: self.near(on),
        }
    }
}

impl Holder {
    /// The dates to keep, the nearest first: papers that end within `soon_days`; every appeal, answer
    /// and payment ahead whenever it is. What was over more than 30 days ago is left out, but a time
    /// that a permit was not paid for stays as long as the permit.
    #[must_use]
    pub fn due(&self, soon_days: u32, now: UnixTime) -> Vec<Task> {
        self.due_of(&self.records(now), soon_days, now)
    }

    /// The same, of all records as [`Holder::records`] gave them now.
    #[must_use]
    pub fn due_of(&self, records: &[RecordView], soon_days: u32, now: UnixTime) -> Vec<Task> {
        let today = Today {
            day: now.date(),
            soon_days,
        };
        let records: Vec<_> = records.iter().filter(|v| is_in_force(v)).collect();
        let mut tasks = Vec::new();
        for view in &records {
            tasks.extend(self.paper_ends(view, today));
            if is_over(view) {
                continue;
            }
            let changed = view.held.changes.iter().filter_map(|c| c.notice.as_ref());
            let notices = view.held.notice.iter().chain(changed);
            tasks
                .extend(notices.map(|n: &Notice| today.of(view, n.appeal_until, TaskKind::Appeal)));
        }
        tasks.extend(payments(&records, today));
        for dispute in self.profile.disputes.iter().filter(|d| d.is_open()) {
            tasks.extend(self.dispute_answer(dispute, today));
        }
        let applications = self.profile.applications.iter();
        tasks.extend(applications.filter_map(|a| self.of_application(a, today)));
        tasks.retain(|t| t.kind == TaskKind::PaymentMissed || !today.is_past(t.on));
        tasks.sort();
        tasks.dedup();
        tasks
    }

    fn paper_ends(&self, view: &RecordView, today: Today) -> Option<Task> {
        let kind = self.catalogue.kind(&view.vct)?;
        let name = kind.name.as_str();
        if RENEWED_BY_OFFICE.contains(&name) || name == PAYMENT {
            return None;
        }
        let task = today.of(view, view.expires?, TaskKind::PaperEnds);
        (!matches!(task.near, Nearness::Later(_))).then_some(task)
    }

    fn dispute_answer(&self, dispute: &Dispute, today: Today) -> Option<Task> {
        let on = dispute.events.iter().rev().find_map(|e| e.due)?;
        let mut records = self.profile.records.iter();
        let record = records.find(|r| r.kept_hash == dispute.open.kept);
        Some(Task {
            on,
            kind: TaskKind::DisputeAnswer,
            until: None,
            record: Some(dispute.open.kept),
            about: record.map(|r| r.vct.clone()).unwrap_or_default(),
            org: self.profile.link(dispute.link).map(|l| l.org),
            thread: Some(dispute.id),
            special: record.is_some_and(|r| r.sensitivity == Sensitivity::Special),
            near: today.near(on),
        })
    }

    fn of_application(&self, application: &Application, today: Today) -> Option<Task> {
        if application.withdrawn {
            return None;
        }
        let kind = match application.events.last()?.state {
            ApplicationState::MoreNeeded => TaskKind::PapersAsked,
            ApplicationState::Filed | ApplicationState::InReview => TaskKind::Decision,
            ApplicationState::Decided => TaskKind::Appeal,
            _ => return None,
        };
        // An event that only tells of a look at the papers names no day: the one before it stands.
        let on = match kind {
            TaskKind::Decision => application.events.iter().rev().find_map(|e| e.due),
            _ => application.events.last()?.due,
        }?;
        Some(Task {
            on,
            kind,
            until: None,
            record: None,
            about: application.submit.purpose.clone(),
            org: self.profile.link(application.link).map(|l| l.org),
            thread: Some(application.id),
            special: false,
            near: today.near(on),
        })
    }
}

impl Holder {
    /// What a date means, in her language: which paper or procedure, of whom.
    #[must_use]
    pub fn task_text(&self, task: &Task) -> String {
        let words = self.words();
        let org = task.org.map(|o| self.name_of(&o)).unwrap_or_default();
        let service = self.catalogue.service(&task.about);
        let about = match service.and_then(|s| words.known(&s.title_key)) {
            Some(title) => title,
            None => words.kind(&task.about),
        };
        let until = task.until.map(|d| d.to_string());
        let key = match (task.kind, &until) {
            (TaskKind::PaymentMissed, None) => "due-payment-missed-open".to_owned(),
            (kind, _) => format!("due-{}", kind.name()),
        };
        let until = until.unwrap_or_default();
        let slots = [("about", about.as_str()), ("org", &org), ("until", &until)];
        words.text(&key, &slots)
    }

    /// How near a date is, in her language.
    #[must_use]
    pub fn nearness_text(&self, near: Nearness) -> String {
        let (key, days) = match near {
            Nearness::Today => ("due-today", 0),
            Nearness::Over(days) => ("due-over", days),
            Nearness::Soon(days) | Nearness::Later(days) => ("due-days-left", days),
        };
        self.words().text(key, &[("days", &days.to_string())])
    }
}

/// What is held against her no longer is: nothing is left to appeal.
fn is_over(view: &RecordView) -> bool {
    let state = view.claims.get("state").and_then(Value::as_str);
    state.is_some_and(|state| OVER.contains(&state))
}

/// A record whose dates still matter.
fn is_in_force(view: &RecordView) -> bool {
    view.is_current() && view.status.status != Status::Invalid
}

/// Payments for the same permit, or the same region where none is named.
type Permit = (String, String);

/// What payments cover of the time of their permits.
fn payments(records: &[&RecordView], today: Today) -> Vec<Task> {
    let mut paid: BTreeMap<Permit, Vec<(Date, Date, &RecordView)>> = BTreeMap::new();
    for view in records.iter().filter(|v| is_of(v, PAYMENT)) {
        let text = |name: &str| view.claims.get(name).and_then(Value::as_str);
        let day = |name: &str| text(name).and_then(|t| t.parse::<Date>().ok());
        let advance = text("tax") == Some("permit-advance");
        if let (true, Some(from), Some(until)) = (advance, day("covers_from"), day("covers_until"))
        {
            let permit = |name: &str| text(name).unwrap_or_default().to_owned();
            let key = match permit("permit_number") {
                number if number.is_empty() => (number, permit("region")),
                number => (number, String::new()),
            };
            paid.entry(key).or_default().push((from, until, view));
        }
    }
    let mut tasks = Vec::new();
    for ((number, _), mut periods) in paid {
        let ends = permit_ends(records, &number);
        let over = |ends: Date| ends < today.day;
        if ends.is_some_and(over) {
            continue;
        }
        periods.sort_by_key(|(from, until, _)| (*until, *from));
        let Some((_, _, newest)) = periods.last() else {
            continue;
        };
        let days: Vec<_> = periods.iter().map(|(a, b, _)| (*a, *b)).collect();
        let covered = coverage(&days);
        let Some(until) = covered.until else { continue };
        for (from, to) in covered.gaps {
            let task = today.of(newest, from, TaskKind::PaymentMissed);
            tasks.push(Task {
                until: Some(to),
                ..task
            });
        }
        // What is paid to the permit's own end asks for no further payment.
        if ends.is_some_and(|ends| until >= ends) {
            continue;
        }
        if until >= today.day {
            tasks.push(today.of(newest, until, TaskKind::PaymentDue));
        } else if ends.is_some() || !today.is_past(until) {
            let from = until.tomorrow().unwrap_or(until);
            tasks.push(today.of(newest, from, TaskKind::PaymentMissed));
        }
    }
    tasks
}

/// The last day of the permit with this number, if she has it.
fn permit_ends(records: &[&RecordView], number: &str) -> Option<Date> {
    let same = |v: &&&RecordView| {
        is_of(v, PERMIT) && v.claims.get("number").and_then(Value::as_str) == Some(number)
    };
    records.iter().filter(same).filter_map(|v| v.expires).max()
}

fn is_of(view: &RecordView, kind: &str) -> bool {
    // Most are of another kind, which their ends say soonest.
    let named = view.vct.rsplit_once(':').map_or("", |(named, _)| named);
    named.ends_with(kind) && view.vct.split(':').nth(3) == Some(kind)
}
