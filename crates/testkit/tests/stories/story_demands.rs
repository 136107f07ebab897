//! What people suffer from today, one story a line that no other file tells. `docs/demands.md` names
//! the test of each line.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_credential::Status;
use denizen_holder::{Event, Freshness, verify_export};
use denizen_model::{
    catalogue::LANGUAGES,
    message::ApplicationState::{Filed, InReview},
};
use denizen_testkit::{
    AZIZA, Play, catalogue,
    catalogue::{demo_file, repository},
    persona::NINO,
    play::{BORDER, CLINIC, IMMIGRATION, OfficeKind, TEST_CENTRE, WORK_PERMIT, vct},
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

const OFFICES: [OfficeKind; 4] = [BORDER, TEST_CENTRE, CLINIC, IMMIGRATION];
const PERSON: &str = "urn:denizen:kind:person:1";
const AGE_CHECK: &str = "urn:denizen:service:age-check";

const REGISTER: OfficeKind = OfficeKind {
    name: "population-register",
    title: "Population Register",
    kinds: &[PERSON],
    services: &[],
    files: &[],
};

/// A shop that only asks for age.
const SHOP: OfficeKind = OfficeKind {
    name: "shop",
    title: "Wine Shop",
    kinds: &[],
    services: &[AGE_CHECK],
    files: &[],
};

#[tokio::test]
async fn d1_d2_a_year_without_any_server_changes_no_record_and_says_how_old_the_news_is() {
    let mut play = Play::settled(281, AZIZA, &OFFICES).await;
    play.hours(2).await;
    let files = play.export("aziza");
    play.world.stop_hub(0);
    play.world.clock.advance_s(365 * 86_400);
    let now = play.world.now();
    let holder = play.holder("aziza");
    for record in holder.records(now) {
        assert_eq!(record.status.status, Status::Valid, "no signed change came");
        let (word, age) = holder.words().status(&record);
        assert!(!word.is_empty());
        // The news is old, and that is said: no bare failure, and no silence.
        match record.status.freshness {
            Freshness::Fresh => assert!(age.is_none()),
            Freshness::Stale(_) => assert!(age.unwrap().contains("36"), "days are counted"),
            Freshness::Ahead | Freshness::Unknown => assert!(age.is_some()),
        }
        assert_ne!(record.status.freshness, Freshness::Fresh);
    }
    let report = verify_export(&files, now).unwrap();
    assert_eq!(report.records.len(), holder.records(now).len());
    play.world.restart_hub(0);
    play.canary().await;
}

#[tokio::test]
async fn d16_a_shop_that_asks_for_age_sees_that_she_is_over_18_and_nothing_else() {
    let mut play = Play::with(282, &[REGISTER, SHOP]).await;
    play.arrive(NINO).await;
    play.link("nino", &REGISTER).await;
    play.link_open("nino", &SHOP).await;
    let person = json!({
        "subject": {"names": {"original": "ნინო ბერიძე"}, "birth_date": "1990-02-28"},
        "family_name": "Beridze",
        "given_name": "Nino",
        "sex": "F",
        "age_over_14": true,
        "age_over_16": true,
        "age_over_18": true,
        "recorded_on": "2026-02-03"
    });
    let mut person = person;
    person["nationalities"] = json!(["GEO"]);
    play.row("population-register", "nino", PERSON, person)
        .await;
    let preview = play.preview("nino", AGE_CHECK, json!({})).unwrap();
    let leaves: Vec<_> = preview
        .leaving
        .iter()
        .flat_map(|l| &l.offer.values)
        .collect();
    assert_eq!(leaves, [&("age_over_18".to_owned(), json!(true))]);
    play.apply("nino", &preview).unwrap();
    play.settle().await;
    let view = play.look("shop").await;
    let mut only = Map::new();
    only.insert("age_over_18".into(), json!(true));
    assert_eq!(
        *view.evidence[0].claims(),
        only,
        "no name, no birth date, no nationality"
    );
    play.end().await;
}

#[tokio::test]
async fn d17_no_paper_is_opened_unseen_however_often_and_by_whom() {
    let mut play = Play::settled(283, AZIZA, &OFFICES).await;
    let id = play.apply_for_permit("aziza").await;
    let case = play.open_case_reference("immigration");
    // The queue is all that an office sees without opening: nothing of a person is in it.
    let queue = format!("{:?}", play.gateway("immigration").queue().unwrap());
    for value in ["1994", "Karimova", "Каримова", "FA1204563"] {
        assert!(!queue.contains(value));
    }
    play.people.get_mut("aziza").unwrap().events.clear();
    for role in ["case officer", "supervisor", "auditor"] {
        let opened = play.at_office("immigration", |g, now, rng| {
            g.open_case(&case, role, now, rng)
        });
        opened.await.unwrap();
    }
    let notices = &play.holder("aziza").profile().notices;
    let roles: Vec<_> = notices.iter().map(|n| n.notice.role.as_str()).collect();
    assert_eq!(roles, ["case officer", "supervisor", "auditor"]);
    let claims = &notices[0].notice.claims;
    assert!(
        claims.contains(&"travel_document: subject.birth_date".to_owned()),
        "{claims:?}"
    );
    let events = &play.people["aziza"].events;
    let told = events
        .iter()
        .filter(|e| matches!(e, Event::PapersOpened(_)));
    assert_eq!(told.count(), 3, "she is told each time");
    assert_eq!(play.follow("aziza", &id)[0], (Filed, None));
    play.end().await;
}

#[tokio::test]
async fn d18_what_the_log_shows_everybody_tells_of_nobody() {
    let mut play = Play::settled(284, AZIZA, &[BORDER]).await;
    let file = String::from_utf8(demo_file("border/crossings.csv")).unwrap();
    let rows: Vec<_> = file.lines().take(2).collect();
    for day in ["01.02.2026", "02.02.2026", "03.02.2026"] {
        let file = rows.join("\n").replace("12.03.2026", day);
        let taken = play.intake("border", file.as_bytes(), "border/mapping.toml");
        assert_eq!(taken.taken, 1);
        play.settle().await;
    }
    // Records that came together have one leaf.
    let holder = play.holder("aziza");
    let records = play.records("aziza");
    let leaf = |r: &denizen_holder::RecordView| {
        let index = holder.log_index(&r.held).unwrap();
        (index, holder.receipt(&r.held).unwrap().opening)
    };
    let openings: BTreeMap<_, _> = records.iter().map(leaf).collect();
    let openings: Vec<_> = openings.into_values().collect();
    assert!(openings.len() >= 4);
    // Of one address, from one office, on one day: the public cannot tell that they belong together.
    let addresses: BTreeSet<_> = openings.iter().map(|o| o.addr_c).collect();
    assert_eq!(
        addresses.len(),
        openings.len(),
        "each leaf blinds the address anew"
    );
    let leaves: BTreeSet<_> = openings.iter().map(|o| *o.leaf().as_bytes()).collect();
    assert_eq!(leaves.len(), openings.len());
    // Nor does the directory name a person: the canary looks for her in all that hubs keep and say.
    play.end().await;
}

#[test]
fn d22_every_problem_says_what_happened_and_what_to_do_next_in_five_languages() {
    let catalogue = catalogue();
    let path = repository().join("catalogue/locales/en.json");
    let texts: Map<String, Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let codes: Vec<_> = texts
        .keys()
        .filter_map(|k| k.strip_prefix("err-"))
        .collect();
    assert!(codes.len() > 40, "{}", codes.len());
    for language in LANGUAGES {
        let locale = catalogue.locale(language).unwrap();
        for code in &codes {
            for key in [format!("err-{code}"), format!("rec-{code}")] {
                assert!(locale.has(&key), "{language}: {key}");
            }
        }
    }
}

#[tokio::test]
async fn d25_two_devices_that_change_one_application_overwrite_nothing() {
    let mut play = Play::settled(285, AZIZA, &OFFICES).await;
    let id = play.apply_for_permit("aziza").await;
    play.join("aziza", "tablet").await;
    for (device, months) in [("aziza", 6), ("tablet", 9)] {
        let mut answers = AZIZA.answers();
        answers["months"] = json!(months);
        let preview = play.preview(device, WORK_PERMIT, answers).unwrap();
        let confirmed = denizen_holder::Confirmed {
            special: preview.special(),
            linkable: false,
        };
        let now = play.world.now();
        let holder = &mut play.people.get_mut(device).unwrap().holder;
        holder
            .amend(&id, &preview, &confirmed, now, &mut play.world.rng)
            .unwrap();
    }
    play.settle().await;
    let view = play.look("immigration").await;
    assert_eq!(
        view.earlier.len(),
        2,
        "the first version, and the one that came before the other"
    );
    let months = view.answers["months"].as_i64().unwrap();
    assert!([6, 9].contains(&months));
    for device in ["aziza", "tablet"] {
        let profile = play.holder(device).profile();
        let application = profile.applications.iter().find(|a| a.id == id).unwrap();
        assert_eq!(application.amendments.len(), 2, "{device} has both");
        let codes: Vec<_> = play
            .follow(device, &id)
            .into_iter()
            .map(|(_, code)| code)
            .collect();
        let amended = codes.iter().filter(|c| c.as_deref() == Some("amended"));
        assert_eq!(
            amended.count(),
            2,
            "{device}: the office took both, one after the other"
        );
    }
    let states: Vec<_> = play
        .follow("aziza", &id)
        .into_iter()
        .map(|(state, _)| state)
        .collect();
    assert!(states.iter().all(|s| [Filed, InReview].contains(s)));
    assert!(play.kinds("aziza").contains(&vct::FILED.to_owned()));
    play.end().await;
}
