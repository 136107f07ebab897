//! What the person sees: invitations, records, services, applications.

mod people;

pub(super) use people::{answers, helpers, terms};

use super::{
    Open, Say,
    pick::{Which, find_record},
    sides,
};
use anyhow::bail;
use denizen_holder::{Event, Freshness, InvitationPreview, Link, LinkState, RecordView};
use denizen_model::{
    OrgId, UnixTime,
    catalogue::{Catalogue, ClaimMetadata},
    message::{ApplicationEvent, ApplicationState, DisputeEvent, DisputeState, Sensitivity},
    statement::{Quality, ServiceEntry},
};
use denizen_recovery::Kit;
use denizen_tlog::Level;
use serde_json::{Map, Value};

/// Characters of a record's name in lists.
const SHORT: usize = 8;
/// Claims of a record in lists.
const SUMMARY_CLAIMS: usize = 2;

/// The kit as words and as a QR code.
pub(super) fn kit(say: &Say, kit: &Kit) {
    say.line("cli-kit-title", &[]);
    say.plain("");
    let text = kit.to_text();
    say.plain(&text);
    if let Ok(code) = fast_qr::QRBuilder::new(text.as_bytes()).build() {
        say.plain(&code.to_str());
    }
    say.line("cli-kit-explain", &[]);
}

/// Who asks, since when it is known, for what, and what it may send and ask.
pub(super) fn invitation(at: &Open<'_>, preview: &InvitationPreview) {
    let say = &at.say;
    let invitation = preview.invitation();
    say.line("cli-link-who", &[("org", &preview.name)]);
    say.line("cli-link-since", &[("date", &say.date(preview.since))]);
    say.line("cli-link-purpose", &[("purpose", &invitation.purpose)]);
    say.line("cli-link-sends", &[]);
    for (vct, quality) in &preview.sends {
        let mark = match quality {
            Some(Quality::Authority) => String::new(),
            Some(Quality::Claim) => format!(" ({})", say.text("cli-claim", &[])),
            None => format!(" ({})", say.text("err-not-admitted", &[])),
        };
        say.plain(&format!("  - {}{mark}", say.kind(vct)));
    }
    if !invitation.asks.is_empty() {
        say.line("cli-link-asks", &[]);
        for service in &invitation.asks {
            say.plain(&format!("  - {}", service_title(at, service)));
        }
    }
}

fn service_title(at: &Open<'_>, service: &str) -> String {
    let title = at
        .holder
        .catalogue()
        .service(service)
        .map(|s| s.title_key.clone());
    let title = title.and_then(|key| at.say.known(&key));
    title.unwrap_or_else(|| service.to_owned())
}

/// The digits of links that wait.
pub(super) fn codes(at: &Open<'_>) -> anyhow::Result<()> {
    for link in &at.holder.profile().links {
        code(at, link);
    }
    Ok(())
}

/// Where one link stands; its digits if they can be read out.
pub(super) fn code(at: &Open<'_>, link: &Link) {
    let name = at.holder.name_of(&link.org);
    match link.state {
        LinkState::CodeReady => {
            let code = at.holder.code(link.index).unwrap_or_default();
            at.say.plain(&name);
            at.say.indented("cli-link-code", &[("code", &code)]);
        }
        LinkState::Opening | LinkState::Accepted => {
            at.say.plain(&name);
            at.say.indented("cli-link-waiting", &[]);
        }
        LinkState::Confirmed => at.say.line("cli-link-stands", &[("org", &name)]),
        LinkState::Refused => at.say.line("cli-link-refused", &[("org", &name)]),
        _ => {}
    }
}

/// What a sync brought.
pub(super) fn events(at: &Open<'_>, events: &[Event]) {
    let say = &at.say;
    if events.is_empty() {
        return say.line("cli-nothing-new", &[]);
    }
    let is_record = |e: &&Event| matches!(e, Event::RecordReceived { .. });
    let records = events.iter().filter(is_record).count();
    let others = (events.len() - records).to_string();
    let records = records.to_string();
    say.line(
        "cli-sync-done",
        &[("records", &records), ("events", &others)],
    );
    let org_of = |index: u32| {
        let link = at.holder.profile().link(index);
        link.map(|l| at.holder.name_of(&l.org)).unwrap_or_default()
    };
    for event in events {
        match event {
            Event::LinkCode { link, code } => {
                say.plain(&org_of(*link));
                say.indented("cli-link-code", &[("code", code)]);
            }
            Event::LinkConfirmed { link } => {
                say.line("cli-link-stands", &[("org", &org_of(*link))])
            }
            Event::LinkRefused { link, code } => {
                say.line("cli-link-refused", &[("org", &org_of(*link))]);
                say.plain(&say.refusal(code).to_string());
            }
            Event::RecordReceived { kept } => {
                if let Some(view) = at.holder.record(kept, at.now()) {
                    heading(at, &view, None);
                    notice(say, &view);
                }
            }
            Event::RecordRefused { code, .. } | Event::Alarm { code } => {
                say.plain(&say.refusal(code).to_string());
            }
            Event::PapersOpened(notice) => {
                let entries = &at.holder.profile().notices;
                let entry = entries.iter().rfind(|n| n.notice == *notice);
                let org = entry.map(|n| org_of(n.link)).unwrap_or_default();
                let date = say.date(notice.at);
                let slots = [
                    ("role", notice.role.as_str()),
                    ("org", &org),
                    ("date", &date),
                ];
                say.line(people::opened_key(notice), &slots);
            }
            Event::FileReceived { link } => {
                say.line("cli-file-came", &[("org", &org_of(*link))]);
            }
            _ => {}
        }
    }
    for application in &at.holder.profile().applications {
        if let Some(event) = application.events.last() {
            state(say, event);
        }
    }
}

/// The records, numbered, newest first.
pub(super) fn list(at: &Open<'_>, which: &Which) -> anyhow::Result<()> {
    let views = which.of(at)?;
    if views.is_empty() {
        at.say.line("cli-list-empty", &[]);
    }
    for (number, view) in &views {
        heading(at, view, Some(*number));
        notice(&at.say, view);
    }
    for refused in &at.holder.profile().refused {
        at.say.plain(&at.say.refusal(&refused.code).to_string());
    }
    super::import::list(at);
    super::due::remind(at);
    Ok(())
}

fn heading(at: &Open<'_>, view: &RecordView, number: Option<usize>) {
    let say = &at.say;
    let short: String = view.kept.to_text().chars().take(SHORT).collect();
    let number = number.map_or_else(String::new, |n| format!("{n:>3}  "));
    let special = match view.held.sensitivity {
        Sensitivity::Special => format!("  ({})", say.text("cli-special", &[])),
        Sensitivity::Ordinary => String::new(),
    };
    say.plain(&format!(
        "{number}{}  [{short}]{special}",
        say.kind(&view.vct)
    ));
    let summary = summary(at, view);
    if !summary.is_empty() {
        say.plain(&format!("    {summary}"));
    }
    let org = at.holder.name_of(&view.issuer);
    let date = view.issued.map_or_else(String::new, |t| say.date(t));
    say.indented("cli-record-issued-by", &[("org", &org), ("date", &date)]);
    if view.superseded {
        say.indented("cli-superseded", &[]);
    }
    people::shared_contact(at, view);
    if view.returned {
        say.indented("cli-returned", &[]);
    }
    sides::claim(at, view);
    say.plain(&format!("    {}", status(say, view)));
    if let Some(expires) = view.expires {
        let over = expires < at.now().date();
        let key = if over { "cli-expired" } else { "cli-expires" };
        say.indented(key, &[("date", &expires.to_string())]);
    }
    if view.showing {
        say.indented(
            "cli-copies-left",
            &[("count", &view.copies_left.to_string())],
        );
    }
}

/// Its first plain claims, so that two records of one kind are told apart.
fn summary(at: &Open<'_>, view: &RecordView) -> String {
    let Some(kind) = at.holder.catalogue().kind(&view.vct) else {
        return String::new();
    };
    let top = ordered(at.holder.catalogue(), &kind.name, &[], &view.claims);
    let plain = top
        .into_iter()
        .filter(|(_, v)| !v.is_object() && !v.is_array());
    let text = plain.take(SUMMARY_CLAIMS).map(|(claim, value)| {
        let key = format!("{}-{claim}", kind.name);
        let label = at.say.known(&format!("claim-{key}"));
        let label = label.unwrap_or_else(|| claim.clone());
        format!("{label}: {}", value_text(&at.say, &key, value))
    });
    text.collect::<Vec<_>>().join("; ")
}

/// Members of a claim in the order in which the kind lists them.
fn ordered<'a>(
    catalogue: &Catalogue,
    kind: &str,
    path: &[String],
    members: &'a Map<String, Value>,
) -> Vec<(&'a String, &'a Value)> {
    let kind = catalogue.kinds().find(|k| k.name == kind);
    let place = |name: &String| {
        let claims = kind.into_iter().flat_map(|k| &k.claims);
        let wanted: Vec<&str> = path.iter().chain([name]).map(String::as_str).collect();
        let same = |c: &ClaimMetadata| {
            c.path
                .iter()
                .map(Value::as_str)
                .eq(wanted.iter().map(|w| Some(*w)))
        };
        claims.into_iter().position(same).unwrap_or(usize::MAX)
    };
    let mut all: Vec<_> = members.iter().collect();
    all.sort_by_key(|(name, _)| place(name));
    all
}

fn status(say: &Say, view: &RecordView) -> String {
    use denizen_credential::Status;
    let word = match view.status.status {
        Status::Valid => "valid",
        Status::Invalid => "invalid",
        Status::Suspended => "suspended",
        Status::Contested => "contested",
    };
    let word = say.text(&format!("cli-record-status-{word}"), &[]);
    let known = match view.status.freshness {
        Freshness::Fresh => return word,
        Freshness::Stale(late_s) => {
            let days = (late_s / UnixTime::DAY_S).to_string();
            say.text("cli-status-stale", &[("days", &days)])
        }
        Freshness::Unknown => say.text("cli-status-unknown", &[]),
    };
    format!("{word}. {known}")
}

/// The notice of an adverse record, before everything else of it (D10).
fn notice(say: &Say, view: &RecordView) {
    let Some(notice) = &view.held.notice else {
        return;
    };
    let until = notice.appeal_until.to_string();
    let effect = effect_text(say, view, &notice.effect);
    for (key, value) in [
        ("cli-notice-who", notice.who.as_str()),
        ("cli-notice-ground", &notice.ground),
        ("cli-notice-law", &notice.legal_basis),
        ("cli-notice-effect", &effect),
        ("cli-notice-appeal-until", &until),
        ("cli-notice-appeal-where", &notice.appeal_where),
    ] {
        say.indented(key, &[("value", value)]);
    }
}

/// The effect of a notice in her words, where it is one of the kind's own codes.
fn effect_text(say: &Say, view: &RecordView, effect: &str) -> String {
    let kind = view.vct.split(':').nth(3).unwrap_or_default();
    let keys = ["effect", "penalty-type"].map(|claim| format!("value-{kind}-{claim}-{effect}"));
    let known = keys.iter().find_map(|key| say.known(key));
    known.unwrap_or_else(|| effect.to_owned())
}

/// The links with their numbers.
pub(super) fn links(at: &Open<'_>) -> anyhow::Result<()> {
    for link in &at.holder.profile().links {
        let name = at.holder.name_of(&link.org);
        let frozen = if link.frozen {
            format!("  ({})", at.say.text("cli-link-frozen", &[]))
        } else {
            String::new()
        };
        at.say.plain(&format!("{:>3}  {name}{frozen}", link.index));
        let key = match link.state {
            LinkState::Confirmed => continue,
            LinkState::Refused => ("cli-link-refused", name.as_str()),
            LinkState::Closed | LinkState::Moved => ("cli-link-ended", name.as_str()),
            _ => ("cli-link-waiting", name.as_str()),
        };
        at.say.indented(key.0, &[("org", key.1)]);
    }
    Ok(())
}

/// One record in full.
pub(super) fn record(at: &Open<'_>, asked: &str) -> anyhow::Result<()> {
    if super::import::show(at, asked) {
        return Ok(());
    }
    let kept = find_record(at, asked)?;
    let view = at.holder.record(&kept, at.now());
    let Some(view) = &view else {
        bail!(at.say.text("cli-record-unknown", &[]));
    };
    heading(at, view, None);
    sides::renewed(at, view, &at.holder.renewals(at.now()));
    notice(&at.say, view);
    let name = at
        .holder
        .catalogue()
        .kind(&view.vct)
        .map(|k| k.name.clone());
    let name = name.unwrap_or_default();
    for (claim, value) in ordered(at.holder.catalogue(), &name, &[], &view.claims) {
        print_claim(at, &name, std::slice::from_ref(claim), value, 1);
    }
    sides::as_i_say(at, view, &name);
    if let Some(law) = &view.held.legal_basis {
        at.say.indented("cli-notice-law", &[("value", law)]);
    }
    let receipt = at.holder.receipt(&view.held);
    let key = match &receipt {
        Some(receipt) if receipt.level == Level::Witnessed => "cli-receipt-witnessed",
        Some(_) => "cli-receipt-durable",
        None => "cli-receipt-bad",
    };
    at.say.line(key, &[]);
    if let Some(receipt) = &receipt {
        let time = receipt.opening.time.to_rfc3339();
        at.say.plain(&format!("    {time}  #{}", receipt.index));
    }
    Ok(())
}

/// One claim under its label, with everything below it.
pub(super) fn print_claim(at: &Open<'_>, kind: &str, path: &[String], value: &Value, depth: usize) {
    let say = &at.say;
    let space = "  ".repeat(depth);
    let key = format!("{kind}-{}", path.join("-"));
    let label = say.known(&format!("claim-{key}"));
    let label = label.unwrap_or_else(|| path.last().cloned().unwrap_or_default());
    match value {
        Value::Object(members) => {
            say.plain(&format!("{space}{label}:"));
            for (name, value) in ordered(at.holder.catalogue(), kind, path, members) {
                let path = [path, std::slice::from_ref(name)].concat();
                print_claim(at, kind, &path, value, depth + 1);
            }
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|v| value_text(say, &key, v)).collect();
            say.plain(&format!("{space}{label}: {}", items.join(", ")));
        }
        other => say.plain(&format!("{space}{label}: {}", value_text(say, &key, other))),
    }
}

fn value_text(say: &Say, key: &str, value: &Value) -> String {
    match value {
        Value::Bool(yes) => say.text(if *yes { "value-true" } else { "value-false" }, &[]),
        Value::String(text) => say
            .known(&format!("value-{key}-{text}"))
            .or_else(|| say.known(&format!("value-country-{text}")))
            .unwrap_or_else(|| text.clone()),
        other => other.to_string(),
    }
}

/// The services of the directories.
pub(super) fn services(at: &Open<'_>) -> anyhow::Result<()> {
    for (_, ServiceEntry { org, service, .. }) in at.holder.services() {
        let title = at.say.known(&service.title_key);
        let title = title.unwrap_or_else(|| service.service.clone());
        let name = short_service(&service.service);
        at.say
            .plain(&format!("{name}: {title} ({})", at.holder.name_of(&org)));
        if let Some(purpose) = at.say.known(&service.purpose_key) {
            at.say.plain(&format!("    {purpose}"));
        }
    }
    Ok(())
}

pub(super) fn short_service(service: &str) -> &str {
    service.rsplit(':').next().unwrap_or(service)
}

/// Applications with what the offices said, and who opened what.
pub(super) fn follow(at: &Open<'_>) -> anyhow::Result<()> {
    let say = &at.say;
    let profile = at.holder.profile();
    if profile.applications.is_empty() {
        say.line("cli-nothing-new", &[]);
    }
    let org_of = |index: u32| -> Option<OrgId> { profile.link(index).map(|l| l.org) };
    for application in &profile.applications {
        let org = org_of(application.link).map(|o| at.holder.name_of(&o));
        let title = service_title(at, &application.submit.purpose);
        let date = say.date(application.sent);
        let short: String = application.id.to_text().chars().take(SHORT).collect();
        say.plain(&format!(
            "{date}  {title}, {}  [{short}]",
            org.unwrap_or_default()
        ));
        for event in &application.events {
            state(say, event);
        }
        for reply in &application.replies {
            say.indented("cli-reply-sent", &[("text", &reply.reply.text)]);
        }
        if application.withdrawn {
            say.indented("cli-application-withdrawn", &[]);
        }
    }
    disputes(at);
    for entry in &profile.notices {
        let org = org_of(entry.link)
            .map(|o| at.holder.name_of(&o))
            .unwrap_or_default();
        let date = say.date(entry.notice.at);
        let slots = [
            ("role", entry.notice.role.as_str()),
            ("org", &org),
            ("date", &date),
        ];
        say.line(people::opened_key(&entry.notice), &slots);
        for claim in &entry.notice.claims {
            say.plain(&format!("    {claim}"));
        }
    }
    for note in &profile.notes {
        say.plain(&format!("{}  {}", say.date(note.at), note.text));
    }
    Ok(())
}

/// Disputes with their answers, and what offices destroyed.
fn disputes(at: &Open<'_>) {
    let say = &at.say;
    for dispute in &at.holder.profile().disputes {
        let kind = super::journeys::named(at, &dispute.open.kept);
        say.line(
            "cli-dispute",
            &[("kind", &kind), ("date", &say.date(dispute.sent))],
        );
        for event in &dispute.events {
            dispute_state(say, event);
        }
    }
    for erasure in &at.holder.profile().erasures {
        let Some(done) = &erasure.done else { continue };
        say.line("cli-erased", &[("what", &done.destroyed.join(", "))]);
        for kept in &done.kept {
            let until = kept.until.to_string();
            let slots = [
                ("what", kept.what.as_str()),
                ("law", &kept.legal_basis),
                ("date", &until),
            ];
            say.indented("cli-kept-by-law", &slots);
        }
    }
}

fn dispute_state(say: &Say, event: &DisputeEvent) {
    let key = match event.state {
        DisputeState::Received => "cli-dispute-received",
        DisputeState::Upheld => "cli-dispute-upheld",
        DisputeState::Rejected => "cli-dispute-rejected",
    };
    let due = event.due.map_or_else(String::new, |d| d.to_string());
    say.indented(key, &[("date", &due)]);
    if !event.text.is_empty() {
        say.plain(&format!("    {}", event.text));
    }
}

fn state(say: &Say, event: &ApplicationEvent) {
    let case = event.case_reference.clone().unwrap_or_default();
    match event.state {
        ApplicationState::Filed => say.indented("cli-application-filed", &[("case", &case)]),
        ApplicationState::InReview => say.indented("cli-application-in-review", &[]),
        ApplicationState::MoreNeeded => say.indented("cli-application-more-needed", &[]),
        ApplicationState::Decided => say.indented("cli-application-decided", &[]),
        // Said above, as soon as she took it back.
        ApplicationState::Withdrawn => {}
        ApplicationState::Refused => {
            let code = event.code.clone().unwrap_or_default();
            let reason = say.known(&format!("err-{code}")).unwrap_or(code);
            say.indented("cli-application-refused", &[("reason", &reason)]);
        }
    }
    if !event.text.is_empty() {
        say.plain(&format!("    {}", event.text));
    }
}
