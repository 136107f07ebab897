//! A record against a person: she learns of it at once, with the ground, the effect and where to appeal.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_credential::Status;
use denizen_gateway::{Answer, Mapping};
use denizen_model::message::DisputeState;
use denizen_testkit::{AZIZA, Play, catalogue, play::OfficeKind};
use serde_json::{Value, json};

const OFFENCE: &str = "urn:denizen:kind:administrative-offence:1";

/// The police, which knows her under the case reference that the border service uses.
const POLICE: OfficeKind = OfficeKind {
    name: "border",
    title: "Police Department 3",
    kinds: &[OFFENCE],
    services: &[],
    files: &[],
};

fn mapping() -> Mapping {
    let mut text = format!(
        "kind = \"{OFFENCE}\"\nformat = \"ndjson\"\nencoding = \"utf-8\"\n\
         case_reference = \"/case\"\nunique = [\"/decision_number\"]\n"
    );
    for path in [
        "subject/names/original",
        "subject/birth_date",
        "authority",
        "decision_number",
        "decided_on",
        "article",
        "penalty/type",
        "state",
        "state_on",
        "appeal/until",
        "appeal/to",
    ] {
        let parts: Vec<_> = path.split('/').map(|p| format!("\"{p}\"")).collect();
        let parts = parts.join(", ");
        text.push_str(&format!(
            "[[claim]]\npath = [{parts}]\ncolumn = \"/{path}\"\n"
        ));
    }
    Mapping::parse(&text, &catalogue()).unwrap()
}

fn row(number: &str) -> Value {
    json!({
        "case": AZIZA.case("border"),
        "subject": {
            "names": {"original": "Каримова Азиза Бахтиёровна"},
            "birth_date": "1994-03-17"
        },
        "authority": "Отдел полиции № 3, Тверь",
        "decision_number": number,
        "decided_on": "2026-11-20",
        "article": "КоАП РФ, статья 18.8, часть 1.1",
        "penalty": {"type": "warning"},
        "state": "not-in-force",
        "state_on": "2026-11-20",
        "appeal": {"until": "2026-12-04", "to": "Заволжский районный суд города Твери"}
    })
}

#[tokio::test]
async fn d10_she_is_told_at_once_of_what_is_held_against_her_and_where_to_appeal() {
    let mut play = Play::with(81, &[POLICE]).await;
    play.arrive(AZIZA).await;
    play.link("aziza", &POLICE).await;
    let mut silent = row("69 АП 118205");
    silent.as_object_mut().unwrap().remove("appeal");
    let file = format!("{}\n{silent}\n", row("69 АП 118204"));
    let report = play
        .at_office("border", |g, now, rng| {
            g.intake(file.as_bytes(), &mapping(), now, rng)
        })
        .await
        .unwrap();
    assert_eq!((report.taken, report.bad.len()), (1, 1));
    assert!(report.bad[0].reason.contains("appeal"), "{report:?}");
    let record = play.record("aziza", OFFENCE);
    let notice = record.held.notice.clone().unwrap();
    assert_eq!(notice.who, "Отдел полиции № 3, Тверь");
    assert_eq!(notice.appeal_until.to_string(), "2026-12-04");
    assert!(!notice.appeal_where.is_empty() && !notice.ground.is_empty());
    // In short: why, what it does, until when it can be appealed.
    let holder = play.holder("aziza");
    let short = holder.words().notice_in_short(OFFENCE, &notice);
    let whole = holder.words().notice(OFFENCE, &notice);
    assert_eq!(
        short,
        [whole[1].as_str(), whole[3].as_str(), whole[4].as_str()]
    );
    assert!(short[0].contains(&notice.ground) && short[2].contains("2026-12-04"));

    // It is wrong; the corrected record comes with a notice of its own.
    let claims = vec![vec!["article".to_owned()]];
    let text = "I was registered in time.";
    let done = play.person("aziza", |h, with| {
        h.dispute(&record.kept, claims, text, &[], with)
    });
    done.await.unwrap();
    play.hours(2).await;
    let contested = play.record("aziza", OFFENCE).status.status;
    assert_eq!(contested, Status::Contested);
    let view = play.at_office("border", |g, now, rng| {
        g.open_dispute(1, "registrar", now, rng)
    });
    let mut claims = view.await.unwrap().record;
    claims.insert("state".into(), "cancelled".into());
    let upheld = Answer::Uphold { claims };
    let done = play.at_office("border", |g, now, rng| {
        g.answer_dispute(1, &upheld, now, rng)
    });
    done.await.unwrap();
    let new = play.record("aziza", OFFENCE);
    assert_eq!(new.held.supersedes, [record.kept]);
    assert_eq!(new.claims["state"], "cancelled");
    assert!(new.held.notice.is_some());
    let events = &play.holder("aziza").profile().disputes[0].events;
    assert_eq!(events[1].state, DisputeState::Upheld);
    // The office's next file has the corrected row: nothing is sent twice.
    let mut corrected = row("69 АП 118204");
    corrected["state"] = json!("cancelled");
    let again = play.at_office("border", |g, now, rng| {
        g.intake(corrected.to_string().as_bytes(), &mapping(), now, rng)
    });
    let again = again.await.unwrap();
    assert_eq!((again.repeated, again.rows()), (1, 1), "{again:?}");
    play.end().await;
}
