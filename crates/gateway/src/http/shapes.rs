//! What is asked and answered, as JSON.

use super::problem::{Refusal, RestProblem};
use crate::{
    Agreement, Answer, Appeal, CaseState, CaseSummary, CaseView, Counts, DisputeKind,
    DisputeSummary, DisputeView, Gateway, Grant, HookSummary, InviteRequest, LinkView, NoteView,
    PendingLink, RecordRequest, RecordState, RecordView, Verdict, issuer::single::is_reference,
};
use denizen_credential::Status;
use denizen_model::{MessageId, Sha256Hash, UnixTime, message::StatusChange};
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Most lines of one page.
const PAGE_MAX: u32 = 200;
/// Lines of a page if nothing else is asked.
const PAGE: u32 = 50;
/// Longest text for a person, in bytes.
const TEXT_SIZE_BYTES_MAX: usize = 8 << 10;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRecord {
    pub(crate) case_reference: String,
    kind: String,
    claims: Map<String, Value>,
    #[serde(default)]
    unique: Vec<Value>,
}

impl From<NewRecord> for RecordRequest {
    fn from(new: NewRecord) -> Self {
        Self {
            case_reference: new.case_reference,
            kind: new.kind,
            claims: new.claims,
            unique: new.unique,
        }
    }
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Changes {
    Suspended,
    Revoked,
    Corrected,
    Reinstated,
}

impl From<Changes> for StatusChange {
    fn from(change: Changes) -> Self {
        match change {
            Changes::Suspended => Self::Suspended,
            Changes::Revoked => Self::Revoked,
            Changes::Corrected => Self::Corrected,
            Changes::Reinstated => Self::Reinstated,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    pub(crate) change: Changes,
    pub(crate) reason: String,
    pub(crate) role: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Open {
    pub(crate) role: String,
    pub(crate) purpose: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AskMore {
    pub(crate) text: String,
    due: String,
    pub(crate) role: String,
}

impl AskMore {
    pub(crate) fn due(&self) -> Result<Date, Refusal> {
        date(&self.due)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantedRecord {
    kind: String,
    claims: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Where {
    until: String,
    to: String,
    #[serde(default)]
    how: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refuse {
    reason: String,
    appeal: Where,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decision {
    pub(crate) role: String,
    #[serde(default)]
    grant: Option<Vec<GrantedRecord>>,
    #[serde(default)]
    refuse: Option<Refuse>,
}

impl Decision {
    pub(crate) fn verdict(self) -> Result<Verdict, Refusal> {
        match (self.grant, self.refuse) {
            (Some(grants), None) => {
                let grant = |g: GrantedRecord| Grant {
                    vct: g.kind,
                    claims: g.claims,
                };
                Ok(Verdict::Granted(grants.into_iter().map(grant).collect()))
            }
            (None, Some(refuse)) => Ok(Verdict::Refused {
                reason: said(&refuse.reason)?.to_owned(),
                appeal: Appeal {
                    until: date(&refuse.appeal.until)?,
                    to: said(&refuse.appeal.to)?.to_owned(),
                    how: refuse.appeal.how,
                },
            }),
            _ => Err(either("grant", "refuse")),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewNote {
    pub(crate) text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenDispute {
    pub(crate) role: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    claims: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reply {
    pub(crate) role: String,
    #[serde(default)]
    reject: Option<Reason>,
    #[serde(default)]
    uphold: Option<Claims>,
}

impl Reply {
    pub(crate) fn answer(self) -> Result<Answer, Refusal> {
        match (self.reject, self.uphold) {
            (Some(Reason { reason }), None) => Ok(Answer::Reject {
                reason: said(&reason)?.to_owned(),
            }),
            (None, Some(Claims { claims })) => Ok(Answer::Uphold { claims }),
            _ => Err(either("reject", "uphold")),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Clear {
    pub(crate) role: String,
    #[serde(default)]
    case_reference: Option<String>,
}

impl Clear {
    pub(crate) fn case_reference(&self) -> Result<Option<&str>, Refusal> {
        self.case_reference.as_deref().map(reference).transpose()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Invite {
    purpose: String,
    #[serde(default)]
    sends: Vec<String>,
    #[serde(default)]
    asks: Vec<String>,
    #[serde(default)]
    case_reference: Option<String>,
    #[serde(default = "one")]
    uses: u32,
    #[serde(default = "thirty")]
    days: u16,
}

fn one() -> u32 {
    1
}

fn thirty() -> u16 {
    30
}

impl Invite {
    pub(crate) fn request(self) -> Result<InviteRequest, Refusal> {
        if self.asks.iter().any(|service| !service.starts_with("urn:")) {
            let why = "`asks` takes full names, such as urn:denizen:service:work-permit";
            return Err(Refusal::because(RestProblem::Refused, why));
        }
        self.case_reference.as_deref().map(reference).transpose()?;
        Ok(InviteRequest {
            purpose: said(&self.purpose)?.to_owned(),
            sends: self.sends,
            asks: self.asks,
            case_reference: self.case_reference,
            uses: self.uses,
            ttl_s: i64::from(self.days) * UnixTime::DAY_S,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Digits {
    pub(crate) digits: String,
    pub(crate) role: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Close {
    pub(crate) reason: String,
    pub(crate) role: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    #[serde(default)]
    pub(crate) after: i64,
    limit: Option<u32>,
}

impl PageQuery {
    pub(crate) fn limit(&self) -> Result<u32, Refusal> {
        limit(self.limit)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CaseQuery {
    pub(crate) service: Option<String>,
    state: Option<String>,
    after: Option<String>,
    limit: Option<u32>,
}

impl CaseQuery {
    pub(crate) fn limit(&self) -> Result<u32, Refusal> {
        limit(self.limit)
    }

    pub(crate) fn state(&self) -> Result<Option<CaseState>, Refusal> {
        let state = self.state.as_deref().map(CaseState::parse);
        match state {
            Some(None) => Err(RestProblem::Malformed.into()),
            state => Ok(state.flatten()),
        }
    }

    /// The line after which the page begins.
    pub(crate) fn after(&self) -> Result<Option<(UnixTime, String)>, Refusal> {
        let Some(text) = &self.after else {
            return Ok(None);
        };
        let parts = text.split_once('.');
        let parts = parts.and_then(|(due, case)| Some((due.parse().ok()?, case.to_owned())));
        let (due, case) = parts.ok_or(RestProblem::Malformed)?;
        Ok(Some((UnixTime(due), case)))
    }
}

/// Where a page of cases ends.
pub(crate) fn case_cursor(case: &CaseSummary) -> String {
    format!("{}.{}", case.due.0, case.case_reference)
}

fn limit(asked: Option<u32>) -> Result<u32, Refusal> {
    let limit = asked.unwrap_or(PAGE);
    if (1..=PAGE_MAX).contains(&limit) {
        Ok(limit)
    } else {
        Err(RestProblem::Malformed.into())
    }
}

/// Up to `limit` of these lines, and where the next page begins if there are more.
pub(crate) fn page<T>(
    lines: &[T],
    limit: u32,
    shape: impl Fn(&T) -> Value,
    cursor: impl Fn(&T) -> String,
) -> Value {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let items: Vec<_> = lines.iter().take(limit).map(shape).collect();
    let mut page = json!({ "items": items });
    if let (true, Some(last)) = (lines.len() > limit, lines.get(limit.saturating_sub(1))) {
        page["next"] = json!(cursor(last));
    }
    page
}

/// Words for a person, without spaces around them; never none.
pub(crate) fn said(text: &str) -> Result<&str, Refusal> {
    let text = text.trim();
    if text.is_empty() || text.len() > TEXT_SIZE_BYTES_MAX || text.contains('\0') {
        let why = "say why, or what, in 1 to 8192 bytes: the person reads it";
        return Err(Refusal::because(RestProblem::Refused, why));
    }
    Ok(text)
}

fn reference(text: &str) -> Result<&str, Refusal> {
    if is_reference(text) {
        return Ok(text);
    }
    let why = "a case reference is 1 to 256 bytes, without unseen characters or spaces at its ends";
    Err(Refusal::because(RestProblem::Refused, why))
}

fn date(text: &str) -> Result<Date, Refusal> {
    let strict = text.len() == 10;
    let parsed = text.parse().ok().filter(|_| strict);
    parsed.ok_or_else(|| Refusal::because(RestProblem::Refused, "a date is written YYYY-MM-DD"))
}

fn either(one: &str, other: &str) -> Refusal {
    let why = format!("it has either `{one}` or `{other}`");
    Refusal::because(RestProblem::Refused, why)
}

/// A record by its id, or by the hash of its kept copy.
pub(crate) fn find(gateway: &Gateway, name: &str) -> Result<RecordView, Refusal> {
    if let Ok(id) = MessageId::parse(name) {
        return Ok(gateway.asked_record(&id)?);
    }
    let kept = Sha256Hash::parse(name).map_err(|_| RestProblem::NotFound)?;
    Ok(gateway.issued_record(&kept)?)
}

pub(crate) fn record(view: &RecordView) -> Value {
    let (state, extra) = match &view.state {
        RecordState::WaitingForLink => ("waiting-for-link", None),
        RecordState::Queued => ("queued", None),
        RecordState::Delivered(receipt) => {
            let receipt = receipt.as_ref();
            let receipt = receipt.map(|r| {
                (
                    "receipt",
                    json!({"proof": r.proof, "nonce_a": r.nonce_a.to_text()}),
                )
            });
            ("delivered", receipt)
        }
        RecordState::Refused(problem) => ("refused", Some(("problem", json!(problem)))),
        RecordState::Issued => ("issued", None),
        RecordState::Undone => ("undone", None),
    };
    let status = match view.status {
        Status::Invalid => "invalid",
        Status::Suspended => "suspended",
        _ if view.contested => "contested",
        _ => "valid",
    };
    let mut out = json!({"state": state, "status": status});
    if let Some(id) = &view.id {
        out["id"] = json!(id.to_text());
    }
    if let Some(kept) = &view.record {
        out["record"] = json!(kept.to_text());
    }
    if let Some((name, value)) = extra {
        out[name] = value;
    }
    out
}

pub(crate) fn case(case: &CaseSummary) -> Value {
    json!({
        "case_reference": case.case_reference,
        "service": case.service,
        "state": case.state.name(),
        "filed": case.filed_at.to_rfc3339(),
        "due": case.due.to_rfc3339(),
        "flagged": case.flagged,
    })
}

pub(crate) fn papers(view: &CaseView) -> Value {
    let items = view.evidence.iter().zip(&view.issuers);
    let evidence = items.map(|(item, issuer_name)| {
        json!({
            "query": item.query(),
            "kind": item.vct(),
            "issuer": item.issuer().to_text(),
            "issuer_name": issuer_name,
            "claims": item.claims(),
            "freshness": item.freshness().to_text(),
            "contested": item.is_contested(),
            "superseded": item.is_superseded(),
            "correction": item.is_correction(),
            "claim": item.is_claim(),
            "reply": item.reply(),
        })
    });
    let subjects = view.subjects.iter().map(|row| {
        let agreement = match row.agreement {
            Agreement::Agree => "agree",
            Agreement::Differ => "differ",
            Agreement::Renewed => "renewed",
            Agreement::NotShown => "not-shown",
        };
        let shown = row.shown.iter();
        let shown = shown.map(|(query, value)| json!({"query": query, "value": value}));
        json!({"part": row.part, "agreement": agreement, "shown": shown.collect::<Vec<_>>()})
    });
    let earlier = view.earlier.iter().map(|at| at.to_rfc3339());
    json!({
        "case": case(&view.summary),
        "answers": view.answers,
        "evidence": evidence.collect::<Vec<_>>(),
        "subjects": subjects.collect::<Vec<_>>(),
        "earlier": earlier.collect::<Vec<_>>(),
    })
}

pub(crate) fn dispute(dispute: &DisputeSummary) -> Value {
    let kind = match dispute.kind {
        DisputeKind::Wrong => "wrong",
        DisputeKind::NotMine => "not-mine",
    };
    json!({
        "number": dispute.number,
        "kind": kind,
        "state": dispute.progress.name(),
        "received": dispute.received.to_rfc3339(),
        "due": dispute.due.to_rfc3339(),
    })
}

/// The list's line of one dispute.
pub(crate) fn dispute_of(gateway: &Gateway, number: i64) -> Result<Value, Refusal> {
    let disputes = gateway.disputes()?;
    let found = disputes.iter().find(|d| d.number == number);
    Ok(dispute(found.ok_or(RestProblem::NotFound)?))
}

pub(crate) fn disputed(view: &DisputeView) -> Value {
    let evidence = view.evidence.iter();
    let evidence = evidence.map(|(kind, data)| json!({"media_type": kind, "data": data}));
    json!({
        "dispute": dispute(&view.summary),
        "kind": view.vct,
        "record": view.record,
        "claims": view.claims,
        "text": view.text,
        "evidence": evidence.collect::<Vec<_>>(),
    })
}

pub(crate) fn note(note: &NoteView) -> Value {
    json!({
        "number": note.number,
        "case_reference": note.case_reference,
        "at": note.at.to_rfc3339(),
        "text": note.text,
    })
}

pub(crate) fn invitation(
    gateway: &Gateway,
    name: &MessageId,
    text: Option<String>,
) -> Result<Value, Refusal> {
    let state = gateway.invitation(name)?.ok_or(RestProblem::NotFound)?;
    let mut out = json!({
        "id": name.to_text(),
        "case_reference": state.case_reference,
        "uses_left": state.uses_left,
        "expires": state.expires.to_rfc3339(),
    });
    if let Some(text) = text {
        out["invitation"] = json!(text);
    }
    Ok(out)
}

/// A link that waits: never its digits, which the clerk learns from the person alone.
pub(crate) fn pending((_, link): &(i64, PendingLink)) -> Value {
    json!({
        "case_reference": link.case_reference,
        "state": if link.code.is_some() { "waiting-for-digits" } else { "waiting-for-client" },
        "tries_left": link.tries_left,
    })
}

pub(crate) fn link(view: &LinkView) -> Value {
    let records = view.records.iter().map(|(kind, view)| {
        let mut record = record(view);
        record["kind"] = json!(kind);
        record
    });
    json!({
        "case_reference": view.case_reference,
        "state": view.state,
        "waiting": view.waiting,
        "records": records.collect::<Vec<_>>(),
    })
}

pub(crate) fn hooks(hooks: &[HookSummary]) -> Value {
    let hook = |hook: &HookSummary| {
        json!({
            "name": hook.label,
            "types": hook.kinds,
            "failing_since": hook.failing_since.map(UnixTime::to_rfc3339),
            "disabled_since": hook.disabled.map(UnixTime::to_rfc3339),
        })
    };
    json!({"items": hooks.iter().map(hook).collect::<Vec<_>>()})
}

pub(crate) fn outbox(counts: &Counts) -> Value {
    json!({
        "waiting_for_link": counts.waiting,
        "queued": counts.outgoing,
        "parked_addresses": counts.parked,
        "settled": counts.settled,
    })
}

/// Counts alone, as Prometheus reads them.
pub(crate) fn metrics(counts: &Counts) -> String {
    let mut out = String::new();
    let mut gauge = |name: &str, help: &str, count: u64| {
        out.push_str(&format!(
            "# HELP denizen_gateway_{name} {help}\n# TYPE denizen_gateway_{name} gauge\n\
             denizen_gateway_{name} {count}\n"
        ));
    };
    gauge(
        "rows_waiting",
        "Rows without a confirmed link.",
        counts.waiting,
    );
    gauge("outbox", "Envelopes on their way.", counts.outgoing);
    gauge(
        "parked",
        "Addresses that take nothing at present.",
        counts.parked,
    );
    gauge("alarms", "Alarms, ever.", counts.alarms);
    gauge(
        "hooks_due",
        "Events that hooks have not been told.",
        counts.hooks_due,
    );
    let settled: u64 = counts.settled.values().sum();
    gauge("settled", "Envelopes that the hub has answered.", settled);
    out
}
