//! What the person sees: invitations, records, services, applications.

mod people;

pub(super) use people::{answers, helpers, terms};

use super::{
    Open, Say,
    pick::{Which, find_record},
    sides,
};
use crate::visible::in_line;
use anyhow::bail;
use denizen_holder::{ClaimLine, Event, Holder, InvitationPreview, Link, LinkState, RecordView};
use denizen_model::{
    OrgId,
    message::{ApplicationEvent, ApplicationState, DisputeEvent, DisputeState, Sensitivity},
    statement::{Quality, ServiceEntry},
};
use denizen_recovery::Kit;
use denizen_tlog::Level;
use fast_qr::{ECL, QRBuilder};

/// Characters of a record's name in lists.
const SHORT: usize = 8;

/// A QR code for a screen. Level L: a screen is clean, and a weak camera needs large modules more than
/// spare ones.
pub(super) fn on_screen(text: &str) -> Option<String> {
    let code = QRBuilder::new(text.as_bytes()).ecl(ECL::L).build();
    Some(code.ok()?.to_str())
}

/// The kit as words and as a QR code. Level Q: it may be printed, and lie for years.
pub(super) fn kit(say: &Say, kit: &Kit) {
    say.line("cli-kit-title", &[]);
    say.plain("");
    let text = kit.to_text();
    say.plain(&text);
    if let Ok(code) = QRBuilder::new(text.as_bytes()).ecl(ECL::Q).build() {
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
                    notice(at, &view);
                }
            }
            Event::RecordRefused { code, .. } | Event::Alarm { code } => {
                say.plain(&say.refusal(code).to_string());
            }
            Event::AlarmOver { code } => {
                let what = at.holder.words().problem(code).0;
                say.line("cli-alarm-over", &[("what", &what)]);
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

/// Organisations whose hub does not answer: what goes there waits.
pub(super) fn away(say: &Say, holder: &Holder) {
    for hub in holder.hubs_away() {
        let mut orgs: Vec<String> = hub.orgs.iter().map(|o| holder.name_of(o)).collect();
        if orgs.is_empty() {
            orgs.push(hub.hub_url);
        }
        let slots = [("orgs", orgs.join(", ")), ("date", say.date(hub.since))];
        let slots = slots.each_ref().map(|(name, text)| (*name, text.as_str()));
        say.line("cli-hub-away", &slots);
    }
}

/// That what was asked for was sent; or that a part of it waits for a hub that is away.
pub(super) fn sent(at: &Open<'_>, key: &str) {
    let profile = at.holder.profile();
    let away = |hub| profile.hubs_away.iter().any(|(away, _)| away == hub);
    let waits = profile.outbox.iter().any(|o| away(&o.hub));
    at.say.line(if waits { "cli-sent-later" } else { key }, &[]);
}

/// What is wrong with this device's clock, if something is.
pub(super) fn clock(at: &Open<'_>) {
    if let Some(code) = at.holder.clock(at.now()).code() {
        at.say.plain(&at.say.refusal(code).to_string());
    }
}

/// The records, numbered, newest first.
pub(super) fn list(at: &Open<'_>, which: &Which) -> anyhow::Result<()> {
    clock(at);
    let views = which.of(at)?;
    if views.is_empty() {
        at.say.line("cli-list-empty", &[]);
    }
    for (number, view) in &views {
        heading(at, view, Some(*number));
        notice(at, view);
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
    let words = at.holder.words();
    let summary = words.summary(view);
    if !summary.is_empty() {
        say.plain(&format!("    {}", in_line(&summary)));
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
    let (status, age) = words.status(view);
    let age = age.map_or_else(String::new, |age| format!(". {age}"));
    say.plain(&format!("    {status}{age}"));
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

/// The notice of an adverse record, before everything else of it (D10).
fn notice(at: &Open<'_>, view: &RecordView) {
    let Some(notice) = &view.held.notice else {
        return;
    };
    for line in at.holder.words().notice(&view.vct, notice) {
        at.say.plain(&format!("    {}", in_line(&line)));
    }
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
    notice(at, view);
    for line in at.holder.words().claims(&view.vct, &view.claims) {
        claim(&at.say, &line, 1);
    }
    sides::as_i_say(at, view);
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
pub(super) fn claim(say: &Say, line: &ClaimLine, depth: usize) {
    let space = "  ".repeat(depth);
    let value = line.value.iter().map(|value| format!(" {value}"));
    let text = format!("{}:{}", line.label, value.collect::<String>());
    say.plain(&format!("{space}{}", in_line(&text)));
    for member in &line.members {
        claim(say, member, depth + 1);
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
