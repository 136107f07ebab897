//! Fifteen years in the country, five hundred records: what it costs is bounded, and nothing is lost.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_credential::Status;
use denizen_gateway::Mapping;
use denizen_holder::{Holder, verify_export};
use denizen_model::HubId;
use denizen_recovery::Kit;
use denizen_seal::RootSecret;
use denizen_testkit::{
    Play, catalogue,
    persona::RUSTAM,
    play::{OfficeKind, vct},
};
use serde_json::json;

const RECORDS: usize = 500;

const BORDER: OfficeKind = OfficeKind {
    name: "border",
    title: "Border Service",
    kinds: &[vct::CROSSING],
    services: &[],
    files: &[],
};

/// One file with all his crossings.
fn file() -> String {
    let mut rows = String::new();
    for number in 0..RECORDS {
        let (year, month, day) = (2011 + number / 36, 1 + number / 3 % 12, 1 + number % 3 * 9);
        let row = json!({
            "case": RUSTAM.case("border"),
            "row": number.to_string(),
            "names": "Сафаров Рустам Далерович",
            "direction": if number % 2 == 0 { "entry" } else { "exit" },
            "at": format!("{year}-{month:02}-{day:02}T08:{:02}:00+03:00", number % 60),
            "checkpoint": "Domodedovo"
        });
        rows.push_str(&format!("{row}\n"));
    }
    rows
}

const MAPPING: &str = r#"
kind = "urn:denizen:kind:border-crossing:1"
format = "ndjson"
encoding = "utf-8"
case_reference = "/case"
unique = ["/row"]
[[claim]]
path = ["subject", "names", "original"]
column = "/names"
[[claim]]
path = ["direction"]
column = "/direction"
[[claim]]
path = ["date_time"]
column = "/at"
[[claim]]
path = ["checkpoint", "name"]
column = "/checkpoint"
"#;

/// Requests that an action takes.
async fn requests<R>(play: &mut Play, act: impl AsyncFnOnce(&mut Play) -> R) -> (usize, R) {
    play.world.wire.plan(|_, _| None);
    let done = act(play).await;
    (play.world.wire.sent(), done)
}

#[tokio::test]
async fn five_hundred_records_cost_a_bounded_number_of_requests_and_go_in_and_out_whole() {
    let mut play = Play::with(271, &[BORDER]).await;
    let me = "rustam";
    play.arrive(RUSTAM).await;
    let link = play.link(me, &BORDER).await;
    let mapping = Mapping::parse(MAPPING, &catalogue()).unwrap();
    let now = play.world.now();
    let border = play.gateways.get_mut("border").unwrap();
    let report = border
        .intake(file().as_bytes(), &mapping, now, &mut play.world.rng)
        .unwrap();
    assert_eq!(report.taken as usize, RECORDS);
    let (filled, ()) = requests(&mut play, async |p: &mut Play| p.settle().await).await;
    assert_eq!(play.records(me).len(), RECORDS);
    assert!(
        filled <= 80,
        "in batches and pages, not one by one: {filled}"
    );

    // A quiet day costs no more than it did with three records.
    let (quiet, ()) = requests(&mut play, async |p: &mut Play| p.settle().await).await;
    assert!(quiet <= 16, "{quiet}");

    // A kept profile opens, and every record verifies again.
    let bytes = play.people[me].holder.encrypt(&mut play.world.rng);
    let root = play.holder(me).danger_root().clone();
    let opened = Holder::open(root, &bytes, catalogue(), now).unwrap();
    assert_eq!(opened.records(now).len(), RECORDS);
    assert!(bytes.len() < RECORDS * 12_000, "{} bytes", bytes.len());

    // Out, in, and back from the paper kit.
    let files = play.export(me);
    assert_eq!(verify_export(&files, now).unwrap().records.len(), RECORDS);
    let kit = Kit::parse(&play.holder(me).kit().to_text()).unwrap();
    let hub = (HubId::parse(&kit.hub).unwrap(), kit.hub_url.as_str());
    let root = RootSecret::from_bytes(*kit.root);
    let mut fresh = Holder::for_import(root, hub, ("ru", catalogue()), &mut play.world.rng);
    let imported = fresh.import(&files, false, now).unwrap();
    assert_eq!((imported.records, imported.left_out.len()), (RECORDS, 0));
    let (restored, ()) =
        requests(&mut play, async |p: &mut Play| p.restore_from_kit(me).await).await;
    assert_eq!(play.records(me).len(), RECORDS);
    assert!(restored <= 60, "{restored}");

    // A move issues all of them again; the old ones are told apart at once.
    play.move_link(me, link).await;
    play.hours(2).await;
    let records = play.records(me);
    assert_eq!(records.len(), 2 * RECORDS);
    let in_force = records
        .iter()
        .filter(|r| !r.superseded && r.status.status == Status::Valid);
    assert_eq!(in_force.count(), RECORDS);
    assert!(play.holder(me).due(60, play.world.now()).is_empty());
    play.end().await;
}
