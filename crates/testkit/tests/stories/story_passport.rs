//! A new passport: what was issued under the old one stays linked with it, and nobody is refused for a
//! number that the issuer itself has changed (D21).
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_credential::Status;
use denizen_gateway::{Agreement, CaseView};
use denizen_holder::TaskKind;
use denizen_model::{
    catalogue::Service,
    message::{ApplicationState::Filed, StatusChange},
};
use denizen_testkit::{
    Play, catalogue,
    persona::DALER,
    play::{OfficeKind, WORK_PERMIT, vct},
};
use serde_json::{Value, json};

const OLD: &str = "403118274";
const NEW: &str = "405992617";

const BORDER: OfficeKind = OfficeKind {
    name: "border",
    title: "Border Service",
    kinds: &[vct::TRAVEL, vct::CROSSING],
    services: &[],
    files: &[],
};

const MIGRATION: OfficeKind = OfficeKind {
    name: "migration",
    title: "Migration Register",
    kinds: &[vct::PERMIT],
    services: &[],
    files: &[],
};

const OFFICE: OfficeKind = OfficeKind {
    name: "office",
    title: "One Office",
    kinds: &[vct::FILED, vct::DECISION],
    services: &[],
    files: &[],
};

fn subject(number: &str) -> Value {
    json!({
        "names": {"original": "Раҳимов Далер Сафарович"},
        "birth_date": "2001-07-08",
        "document_number": number
    })
}

fn passport(number: &str, before: Option<&str>, until: &str) -> Value {
    let mut claims = json!({
        "subject": subject(number),
        "document_type": "passport",
        "document_number": number,
        "issuing_state": "TJK",
        "nationality": "TJK",
        "valid_until": until
    });
    if let Some(before) = before {
        claims["previous_document_number"] = json!(before);
    }
    claims
}

fn work_permit() -> Value {
    json!({
        "subject": subject(OLD),
        "number": "69 2600461422",
        "permit_type": "patent",
        "authority": "Migration Register",
        "may_work": true,
        "region": "RU-TVE",
        "issued_on": "2026-10-01",
        "valid_from": "2026-10-01",
        "valid_until": "2027-09-30"
    })
}

fn crossing() -> Value {
    json!({
        "subject": subject(OLD),
        "direction": "entry",
        "date_time": "2026-09-28T11:20:00+03:00",
        "checkpoint": {"name": "Domodedovo"},
        "document": {"type": "passport", "number": OLD, "issuing_state": "TJK"}
    })
}

/// The passport and the permit, whose numbers are compared; the renewal if she adds it.
fn service() -> Service {
    let mut service = catalogue().service(WORK_PERMIT).unwrap().clone();
    let query = |id: &str, kind: &str, claims: Value| {
        json!({
            "id": id,
            "format": "dc+sd-jwt",
            "meta": {"vct_values": [kind]},
            "claims": claims
        })
    };
    let number = json!({"path": ["subject", "document_number"]});
    service.evidence = json!({
        "credentials": [
            query("travel_document", vct::TRAVEL, json!([number, {"path": ["valid_until"]}])),
            query("permit", vct::PERMIT, json!([number, {"path": ["number"]}])),
            query("renewal", vct::TRAVEL, json!([
                {"path": ["document_number"]},
                {"path": ["previous_document_number"]}
            ])),
        ],
        "credential_sets": [
            {"options": [["travel_document"]]},
            {"options": [["permit"]]},
            {"options": [["renewal"]], "required": false}
        ]
    });
    let queries = ["travel_document", "permit", "renewal"];
    service.issuers = queries
        .map(|q| (q.to_owned(), vec!["admitted".to_owned()]))
        .into();
    service.subject_required = vec!["travel_document".to_owned()];
    service.constraints.retain(|c| c.query == "travel_document");
    service
}

async fn settled(seed: u64) -> Play {
    let mut play = Play::with(seed, &[BORDER, MIGRATION, OFFICE]).await;
    play.publish("office", service()).await;
    play.arrive(DALER).await;
    play.link("daler", &BORDER).await;
    play.link("daler", &MIGRATION).await;
    play.link_open("daler", &OFFICE).await;
    let old = passport(OLD, None, "2027-01-10");
    play.row("border", "daler", vct::TRAVEL, old).await;
    play.row("border", "daler", vct::CROSSING, crossing()).await;
    play.row("migration", "daler", vct::PERMIT, work_permit())
        .await;
    play
}

async fn renewed(play: &mut Play) {
    let new = passport(NEW, Some(OLD), "2036-10-11");
    play.row("border", "daler", vct::TRAVEL, new).await;
    play.hours(2).await;
}

/// Applies, with the renewal or without; gives what the desk sees.
async fn shown(play: &mut Play, renewal: bool) -> CaseView {
    let mut preview = play.preview("daler", WORK_PERMIT, DALER.answers()).unwrap();
    if renewal {
        preview.include("renewal");
    }
    let id = play.apply("daler", &preview).unwrap();
    play.settle().await;
    assert_eq!(
        play.follow("daler", &id)[0],
        (Filed, None),
        "nobody is refused"
    );
    let view = play.look("office").await;
    let done = play.person("daler", |h, (now, rng)| h.withdraw(&id, "", now, rng));
    done.await.unwrap();
    view
}

fn numbers(view: &CaseView) -> Agreement {
    let rows = &view.subjects;
    let row = rows.iter().find(|s| s.part == "document_number");
    row.unwrap().agreement
}

#[tokio::test]
async fn d21_a_new_passport_takes_the_old_ones_place_and_older_records_stay_linked() {
    let mut play = settled(231).await;
    // Told in time: the passport ends within 60 days.
    let now = play.world.now();
    let due = play.holder("daler").due(60, now);
    assert_eq!(due.len(), 1, "{due:?}");
    assert_eq!(
        (due[0].kind, due[0].on.to_string().as_str()),
        (TaskKind::PaperEnds, "2027-01-10")
    );
    let old = play.record("daler", vct::TRAVEL);
    let view = shown(&mut play, false).await;
    assert_eq!(numbers(&view), Agreement::Agree);
    let told = play.apply_for_permit("daler").await;
    play.look("office").await;

    renewed(&mut play).await;
    let new = play.record("daler", vct::TRAVEL);
    assert_eq!(new.held.supersedes, [old.kept]);
    let now = play.world.now();
    let old = play.holder("daler").record(&old.kept, now).unwrap();
    assert!(old.superseded);
    assert_eq!(old.status.status, Status::Invalid);
    assert_eq!(old.changed.unwrap().0, StatusChange::Revoked);
    assert!(
        play.holder("daler")
            .due(60, now)
            .iter()
            .all(|t| t.kind != TaskKind::PaperEnds)
    );

    // What names the old number says so, and stays in force.
    let renewals = play.holder("daler").renewals(now);
    for kind in [vct::CROSSING, vct::PERMIT] {
        let record = play.record("daler", kind);
        assert_eq!(record.status.status, Status::Valid, "{kind}");
        let renewal = renewals.of(&record).unwrap();
        assert_eq!((renewal.old.as_str(), renewal.new.as_str()), (OLD, NEW));
        assert_eq!(renewal.record, new.kept);
    }
    assert!(renewals.of(&new).is_none());

    // The office that was shown the old one learns nothing by itself: it was no correction.
    let queue = play.gateway("office").queue().unwrap();
    assert!(queue.iter().all(|c| !c.flagged), "{queue:?}");
    assert_eq!(play.follow("daler", &told)[0], (Filed, None));
    play.end().await;
}

#[tokio::test]
async fn the_desk_sees_numbers_that_differ_by_a_renewal_if_he_shows_it() {
    let mut play = settled(232).await;
    renewed(&mut play).await;
    let view = shown(&mut play, false).await;
    assert_eq!(numbers(&view), Agreement::Differ, "he did not show why");
    let view = shown(&mut play, true).await;
    assert_eq!(numbers(&view), Agreement::Renewed);
    assert_eq!(view.evidence.len(), 3);

    // A second renewal: the newest names only the one before it, so the chain is not whole.
    let newest = passport("409001188", Some(NEW), "2041-10-11");
    play.row("border", "daler", vct::TRAVEL, newest).await;
    play.hours(2).await;
    let view = shown(&mut play, true).await;
    assert_eq!(numbers(&view), Agreement::Differ);
    let renewals = play.holder("daler").renewals(play.world.now());
    let first = renewals.of_number(OLD).unwrap();
    assert_eq!(first.new, "409001188", "her own client knows both steps");

    // After a move and from the kit alone the chain is still what the issuer recorded.
    let link = play.holder("daler").profile().links[0].index;
    play.move_link("daler", link).await;
    play.hours(2).await;
    play.restore_from_kit("daler").await;
    let renewals = play.holder("daler").renewals(play.world.now());
    assert_eq!(renewals.of_number(NEW).unwrap().new, "409001188");
    assert_eq!(renewals.of_number(OLD).unwrap().new, "409001188");
    play.end().await;
}

#[tokio::test]
async fn a_number_that_names_itself_or_nobodys_document_replaces_nothing() {
    let mut play = settled(233).await;
    let itself = passport(NEW, Some(NEW), "2036-10-11");
    let report = play.try_row("border", "daler", vct::TRAVEL, itself).await;
    assert_eq!((report.taken, report.bad.len()), (0, 1), "{report:?}");
    let unknown = passport(NEW, Some("400000001"), "2036-10-11");
    play.row("border", "daler", vct::TRAVEL, unknown).await;
    play.hours(2).await;
    let records = play.records("daler");
    let passports: Vec<_> = records.iter().filter(|r| r.vct == vct::TRAVEL).collect();
    assert_eq!(passports.len(), 2);
    assert!(
        passports
            .iter()
            .all(|p| p.status.status == Status::Valid && !p.superseded)
    );
    let renewals = play.holder("daler").renewals(play.world.now());
    assert!(renewals.of_number(OLD).is_none());
    play.end().await;
}
