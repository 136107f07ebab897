//! Dates to keep: told in time, in words, and as a calendar (D10, D21).
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_credential::Status;
use denizen_gateway::Answer;
use denizen_holder::{Event, Task, TaskKind};
use denizen_rules::Nearness;
use denizen_testkit::{
    Play, catalogue,
    persona::DALER,
    play::{OfficeKind, vct},
};
use serde_json::{Value, json};

const RESTRICTION: &str = "urn:denizen:kind:entry-restriction:1";
const PAYMENT: &str = "urn:denizen:kind:tax-payment:1";
const DAY_S: i64 = 86_400;

const MIGRATION: OfficeKind = OfficeKind {
    name: "migration",
    title: "Migration Register",
    kinds: &[vct::PERMIT, RESTRICTION],
    services: &[],
    files: &[],
};

const TAX: OfficeKind = OfficeKind {
    name: "tax",
    title: "Tax Service",
    kinds: &[PAYMENT],
    services: &[],
    files: &[],
};

fn subject() -> Value {
    json!({"names": {"original": "Раҳимов Далер Сафарович"}, "birth_date": "2001-07-08"})
}

fn restriction() -> Value {
    json!({
        "subject": subject(),
        "authority": "Migration Register, Tver",
        "decision_number": "69/ЗВ-2026-614",
        "decided_on": "2026-11-20",
        "ground": "overstay",
        "legal_basis": "Federal Law 114-FZ of 15 August 1996, Article 26",
        "effect": "no-entry",
        "indefinite": false,
        "valid_from": "2026-11-20",
        "valid_until": "2029-11-19",
        "state": "in-force",
        "state_on": "2026-11-20",
        "appeal": {"until": "2027-02-20", "to": "District court of Tver"}
    })
}

fn permit(number: &str, until: &str) -> Value {
    json!({
        "subject": subject(),
        "number": number,
        "permit_type": "patent",
        "authority": "Migration Register",
        "may_work": true,
        "region": "RU-TVE",
        "issued_on": "2026-10-01",
        "valid_from": "2026-10-01",
        "valid_until": until
    })
}

fn payment(from: &str, until: &str) -> Value {
    json!({
        "subject": subject(),
        "tax": "permit-advance",
        "amount": "8900.00",
        "currency": "RUB",
        "paid_on": from,
        "receipt_number": format!("0026-{from}"),
        "permit_number": "69 2600461422",
        "region": "RU-TVE",
        "covers_from": from,
        "covers_until": until
    })
}

fn due(play: &Play) -> Vec<Task> {
    play.holder("daler").due(30, play.world.now())
}

/// What is told, in short: the day, what it is, and until when.
fn told(play: &Play) -> Vec<(String, TaskKind, Option<String>)> {
    let short = |t: Task| (t.on.to_string(), t.kind, t.until.map(|d| d.to_string()));
    due(play).into_iter().map(short).collect()
}

async fn days(play: &mut Play, days: i64) {
    play.world.clock.advance_s(days * DAY_S);
    play.settle().await;
}

#[tokio::test]
async fn d10_a_restriction_on_entry_is_no_surprise_at_the_border_and_its_appeal_is_a_date() {
    let mut play = Play::with(241, &[MIGRATION]).await;
    play.arrive(DALER).await;
    play.link("daler", &MIGRATION).await;
    play.people.get_mut("daler").unwrap().events.clear();
    play.row("migration", "daler", RESTRICTION, restriction())
        .await;

    // At once: who, ground, effect, where and until when to appeal.
    let record = play.record("daler", RESTRICTION);
    let events = &play.people["daler"].events;
    assert_eq!(events[0], Event::RecordReceived { kept: record.kept });
    let notice = record.held.notice.clone().unwrap();
    assert_eq!(notice.who, "Migration Register, Tver");
    assert_eq!(notice.appeal_where, "District court of Tver");
    let appeal = ("2027-02-20".to_owned(), TaskKind::Appeal, None);
    assert_eq!(
        told(&play),
        std::slice::from_ref(&appeal),
        "long before it is near"
    );

    // In a calendar that others may see nothing of it is named.
    let tasks = due(&play);
    assert!(tasks[0].special);
    let text = play.holder("daler").task_text(&tasks[0]);
    let ics = play.holder("daler").calendar(&tasks, play.world.now());
    assert!(ics.contains("DTSTART;VALUE=DATE:20270220"), "{ics}");
    assert!(!text.is_empty() && !ics.replace("\r\n ", "").contains(&text));

    // He says that it is wrong: the answer is a date too.
    let done = play.person("daler", |h, with| {
        h.dispute(&record.kept, vec![], "I left in time.", &[], with)
    });
    done.await.unwrap();
    let answer = ("2026-12-24".to_owned(), TaskKind::DisputeAnswer, None);
    assert_eq!(told(&play), [answer, appeal]);
    play.hours(2).await;
    assert_eq!(
        play.record("daler", RESTRICTION).status.status,
        Status::Contested
    );

    // Lifted: nothing is left to keep.
    let view = play.at_office("migration", |g, now, rng| {
        g.open_dispute(1, "registrar", now, rng)
    });
    let mut claims = view.await.unwrap().record;
    claims.insert("state".into(), "lifted".into());
    claims.insert("lifted_on".into(), "2026-11-24".into());
    let upheld = Answer::Uphold { claims };
    let done = play.at_office("migration", |g, now, rng| {
        g.answer_dispute(1, &upheld, now, rng)
    });
    done.await.unwrap();
    play.hours(2).await;
    let lifted = play.record("daler", RESTRICTION);
    assert_eq!(lifted.claims["state"], "lifted");
    let old = play
        .holder("daler")
        .record(&record.kept, play.world.now())
        .unwrap();
    assert_eq!((old.superseded, old.status.status), (true, Status::Invalid));
    assert_eq!(told(&play), [], "nothing is left to appeal");
    play.end().await;
}

#[tokio::test]
async fn d21_a_patent_is_kept_alive_by_payments_and_a_missed_month_is_said() {
    let mut play = Play::with(242, &[MIGRATION, TAX]).await;
    play.arrive(DALER).await;
    play.link("daler", &MIGRATION).await;
    play.link("daler", &TAX).await;
    let paid = async |play: &mut Play, from: &str, until: &str| {
        play.row("tax", "daler", PAYMENT, payment(from, until))
            .await;
    };
    let patent = permit("69 2600461422", "2027-09-30");
    play.row("migration", "daler", vct::PERMIT, patent).await;
    paid(&mut play, "2026-10-01", "2026-10-31").await;
    paid(&mut play, "2026-11-01", "2026-11-30").await;
    // It is the 24th: the next payment is due before the month ends.
    let next = |on: &str| (on.to_owned(), TaskKind::PaymentDue, None);
    assert_eq!(told(&play), [next("2026-11-30")]);
    assert_eq!(due(&play)[0].near, Nearness::Soon(6));

    // December passes unpaid. The permit's own date is far off, and that is not the point.
    days(&mut play, 11).await;
    let open = ("2026-12-01".to_owned(), TaskKind::PaymentMissed, None);
    assert_eq!(told(&play), [open]);
    let mut said = Vec::new();
    for language in ["en", "ru", "uz", "tg", "ky"] {
        let task = due(&play)[0].clone();
        let holder = &mut play.people.get_mut("daler").unwrap().holder;
        holder.set_language(language);
        let (text, near) = (holder.task_text(&task), holder.nearness_text(task.near));
        assert!(
            text.contains("Tax Service") && near.contains('4'),
            "{text} {near}"
        );
        said.push(text);
    }
    said.dedup();
    assert_eq!(said.len(), 5);

    // January is paid: December stays a gap, as long as the permit counts.
    days(&mut play, 26).await;
    paid(&mut play, "2027-01-01", "2027-01-31").await;
    let gap = (
        "2026-12-01".to_owned(),
        TaskKind::PaymentMissed,
        Some("2026-12-31".to_owned()),
    );
    assert_eq!(told(&play), [gap.clone(), next("2027-01-31")]);
    days(&mut play, 40).await;
    let open = ("2027-02-01".to_owned(), TaskKind::PaymentMissed, None);
    assert_eq!(
        told(&play),
        [gap, open],
        "long after, while the permit counts"
    );

    // Everything to the permit's end is paid late: only the gap is left; then the permit ends.
    paid(&mut play, "2027-02-01", "2027-09-30").await;
    assert_eq!(told(&play).len(), 1);
    days(&mut play, 210).await;
    let ends = ("2027-09-30".to_owned(), TaskKind::PaperEnds, None);
    assert_eq!(
        told(&play)[1],
        ends,
        "the end of the permit is told in time"
    );
    assert_eq!(told(&play).len(), 2, "the gap, and the end");
    days(&mut play, 60).await;
    assert_eq!(told(&play), [], "over: {:?}", due(&play));
    play.end().await;
}

#[tokio::test]
async fn a_payment_for_no_known_permit_is_told_only_while_it_is_near() {
    let mut play = Play::with(243, &[TAX]).await;
    play.arrive(DALER).await;
    play.link("daler", &TAX).await;
    let mut old = payment("2026-11-01", "2026-11-30");
    old["permit_number"] = json!("69 2500000001");
    play.row("tax", "daler", PAYMENT, old).await;
    assert_eq!(told(&play).len(), 1);
    days(&mut play, 20).await;
    assert_eq!(told(&play)[0].1, TaskKind::PaymentMissed);
    days(&mut play, 60).await;
    assert_eq!(
        told(&play),
        [],
        "of a permit that nobody knows of, nothing is said for ever"
    );
    assert!(catalogue().kind(PAYMENT).is_some());
    play.end().await;
}
