//! What is answered, as JSON.

use super::{
    asked::PageQuery,
    problem::{Refusal, RestProblem},
};
use crate::{
    Acting, Agreement, CaseSummary, CaseView, Counts, DisputeKind, DisputeSummary, DisputeView,
    Gateway, HookSummary, LinkView, NoteView, PendingLink, RecordState, RecordView, freshness_text,
};
use denizen_credential::Status;
use denizen_model::{MessageId, Sha256Hash, UnixTime, invitation::to_qr_text};
use serde_json::{Value, json};

/// Adds a member to an object.
fn add(object: &mut Value, name: &str, member: Value) {
    if let Value::Object(members) = object {
        members.insert(name.to_owned(), member);
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
        add(&mut page, "next", json!(cursor(last)));
    }
    page
}

/// A page of lines that have numbers: those after the last one that was seen.
pub(crate) fn numbered<T>(
    mut lines: Vec<T>,
    query: &PageQuery,
    number: impl Fn(&T) -> i64,
    shape: impl Fn(&T) -> Value,
) -> Result<Value, Refusal> {
    lines.sort_by_key(|line| number(line));
    lines.retain(|line| number(line) > query.after);
    let cursor = |line: &T| number(line).to_string();
    Ok(page(&lines, query.limit()?, shape, cursor))
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
        add(&mut out, "id", json!(id.to_text()));
    }
    if let Some(kept) = &view.record {
        add(&mut out, "record", json!(kept.to_text()));
    }
    if let Some((name, value)) = extra {
        add(&mut out, name, value);
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
            "freshness": freshness_text(item.freshness()),
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
        "acting": view.acting.as_ref().map(acting),
    })
}

/// Who acts for the applicant, proved by the key of a mandate.
fn acting(acting: &Acting) -> Value {
    let mandate = acting.mandate();
    json!({
        "query": acting.query(),
        "name": mandate.delegate.name,
        "role": mandate.role,
        "from": mandate.valid_from,
        "until": mandate.valid_until,
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
        if let Some(qr) = to_qr_text(&text) {
            add(&mut out, "qr", json!(qr));
        }
        add(&mut out, "invitation", json!(text));
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
        add(&mut record, "kind", json!(kind));
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

/// Where a page of cases ends.
pub(crate) fn case_cursor(case: &CaseSummary) -> String {
    format!("{}.{}", case.due.0, case.case_reference)
}
