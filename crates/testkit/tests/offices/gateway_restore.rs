//! A gateway is put back from a backup: what its original used since is used by nobody again.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_credential::Status;
use denizen_gateway::{Gateway, GatewayError, IntakeError, Mapping, RestoreReport, Scope};
use denizen_holder::RecordView;
use denizen_model::message::StatusChange;
use denizen_store::{Database, gateway::GatewayStore};
use denizen_testkit::{
    AZIZA, Play, catalogue,
    catalogue::demo_file,
    play::{BORDER, vct},
    rest::{Api, token},
};
use rand_core::SeedableRng as _;
use serde_json::json;
use std::{collections::BTreeSet, fs, path::Path};

const RESTORED: &str = "gateway-border-restored";

fn entries(folder: &Path) -> BTreeSet<(u32, u64)> {
    let store = GatewayStore::open(&folder.join("gateway.sqlite")).unwrap();
    store.drawn_indexes().unwrap().into_iter().collect()
}

/// A backup of the border's gateway in a folder of its own, as `gateway backup` makes it.
fn back_up(play: &Play) {
    let (from, to) = (
        play.world.folder("gateway-border"),
        play.world.folder(RESTORED),
    );
    fs::create_dir_all(&to).unwrap();
    for file in ["gateway.json", "keys.json"] {
        fs::copy(from.join(file), to.join(file)).unwrap();
    }
    let copy = to.join("gateway.sqlite");
    let there = Database::open_reader(&from.join("gateway.sqlite")).unwrap();
    there.copy_to(&copy).unwrap();
    GatewayStore::mark_copy(&copy, play.world.now()).unwrap();
}

async fn take_over(play: &mut Play) -> (Gateway, RestoreReport) {
    let folder = play.world.folder(RESTORED);
    assert!(matches!(
        Gateway::open(&folder, catalogue()),
        Err(GatewayError::IsBackup)
    ));
    let mut backup = Gateway::open_backup(&folder, catalogue()).unwrap();
    let now = play.world.now();
    let report = backup
        .take_over(&play.world.wire, now, &mut play.world.rng)
        .await;
    let report = report.unwrap();
    drop(backup);
    (Gateway::open(&folder, catalogue()).unwrap(), report)
}

async fn write(play: &mut Play, text: &str) {
    let link = play.holder("aziza").profile().links[0].index;
    let done = play.person("aziza", |h, (now, rng)| h.note(link, None, text, now, rng));
    done.await.unwrap();
}

/// A world in which the original went on after its backup: it took in another file, suspended a
/// record, and was written to.
async fn gone_on(seed: u64) -> Play {
    let mut play = Play::settled(seed, AZIZA, &[BORDER]).await;
    back_up(&play);
    let kept = play.record("aziza", vct::CROSSING).kept;
    let done = play.at_office("border", |g, now, rng| {
        g.change_status(&kept, StatusChange::Suspended, "being checked", now, rng)
    });
    done.await.unwrap();
    let api = Api::of(&mut play, "border");
    let path = denizen_testkit::catalogue::repository()
        .join("catalogue/examples/border-crossing/valid.json");
    let claims: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let case = play.people["aziza"].persona.case("border");
    let body = json!({"case_reference": case, "kind": vct::CROSSING, "claims": claims});
    api.deposit("\"since\"", &body).await.done();
    play.settle().await;
    write(&mut play, "Where are my papers?").await;
    play.hours(2).await;
    play
}

#[tokio::test]
async fn the_original_stops_and_no_index_chain_key_or_token_is_used_twice() {
    let mut play = gone_on(631).await;
    let before = entries(&play.world.folder(RESTORED));
    let (restored, report) = take_over(&mut play).await;
    assert_eq!(report.generation, 1);
    assert!(report.statuses >= 1, "a suspension and decoys: {report:?}");
    assert_eq!(report.links, 1);
    assert!(report.copy_keys > 0);
    assert_eq!(
        (report.inbox_new, report.inbox_erased),
        (0, 1),
        "her note was read and erased"
    );
    assert_eq!(report.list, 3);

    play.world.clock.advance_s(61);
    let now = play.world.now();
    let original = play.gateways.get_mut("border").unwrap();
    let stopped = original
        .sync(&play.world.wire, 0, now, &mut play.world.rng)
        .await;
    assert!(
        matches!(stopped, Err(GatewayError::Superseded)),
        "{stopped:?}"
    );
    let again = original
        .start(&play.world.wire, now, &mut play.world.rng)
        .await;
    assert!(matches!(again, Err(GatewayError::Superseded)));
    let used = entries(&play.world.folder("gateway-border"));

    play.gateways.insert("border", restored);
    play.settle().await;
    write(&mut play, "Anybody?").await;
    let case = play.people["aziza"].persona.case("border");
    assert_eq!(
        play.gateway("border").lacking().unwrap(),
        [case],
        "her `seen` says so"
    );
    play.gateway("border").end_hold().unwrap();
    let records = play.records("aziza");
    let known = |r: &&RecordView| r.status.status == Status::Suspended;
    let known = records.iter().find(known).unwrap().kept;
    let since = play.record("aziza", vct::CROSSING).kept;
    for (kept, is_known) in [(known, true), (since, false)] {
        let done = play.at_office("border", |g, now, rng| {
            g.change_status(&kept, StatusChange::Revoked, "was wrong", now, rng)
        });
        let done = done.await;
        assert_eq!(done.is_ok(), is_known);
        assert!(is_known || matches!(done, Err(GatewayError::RecordUnknown)));
    }
    // Another record: its indexes are of a list that the original never had.
    let text = String::from_utf8(demo_file("border/mapping.toml")).unwrap();
    let mapping = Mapping::parse(&text, &catalogue()).unwrap();
    let file = String::from_utf8(demo_file("border/crossings.csv")).unwrap();
    let file = file.replace("12.03.2026 06:40", "13.03.2026 06:40");
    let taken = play.at_office("border", |g, now, rng| {
        g.intake(file.as_bytes(), &mapping, now, rng)
    });
    assert!(taken.await.unwrap().taken > 0);
    let since: BTreeSet<_> = entries(&play.world.folder(RESTORED));
    let fresh: BTreeSet<_> = since.difference(&before).copied().collect();
    let drawn: BTreeSet<_> = fresh.iter().filter(|e| e.0 >= report.list).collect();
    assert!(drawn.len() > 1, "{fresh:?}");
    assert!(used.iter().all(|e| e.0 < report.list));
    assert!(
        play.alarms("aziza").is_empty(),
        "{:?}",
        play.alarms("aziza")
    );
    play.canary().await;
}

#[tokio::test]
async fn what_was_published_since_the_backup_stays_as_it_is() {
    let mut play = gone_on(632).await;
    let suspended = play.records("aziza");
    let suspended = suspended
        .iter()
        .find(|r| r.status.status == Status::Suspended);
    let kept = suspended.unwrap().kept;
    let (restored, _) = take_over(&mut play).await;
    play.gateways.insert("border", restored);
    play.hours(3).await;
    let records = play.records("aziza");
    let same = records.iter().find(|r| r.kept == kept).unwrap();
    assert_eq!(same.status.status, Status::Suspended);
    assert!(play.alarms("aziza").is_empty());
}

#[tokio::test]
async fn nothing_new_is_issued_until_an_operator_has_compared() {
    let mut play = Play::settled(633, AZIZA, &[BORDER]).await;
    let old = token(&mut play, "border", "old", Scope::ALL);
    back_up(&play);
    let (restored, report) = take_over(&mut play).await;
    assert_eq!(report.tokens, 1);
    play.gateways.insert("border", restored);
    let text = String::from_utf8(demo_file("border/mapping.toml")).unwrap();
    let mapping = Mapping::parse(&text, &catalogue()).unwrap();
    let take = |g: &mut Gateway, now, rng: &mut denizen_testkit::Rng| {
        g.intake(
            demo_file("border/crossings.csv").as_slice(),
            &mapping,
            now,
            rng,
        )
    };
    let held = play.at_office("border", take).await;
    assert!(matches!(
        held,
        Err(IntakeError::Gateway(GatewayError::Held))
    ));
    let folder = play.world.folder(RESTORED);
    let clock = std::sync::Arc::new(play.world.clock.clone());
    let rng = Box::new(denizen_testkit::Rng::seed_from_u64(1));
    let gateway = Gateway::open(&folder, catalogue()).unwrap();
    let desk = denizen_gateway::http::Desk::new(gateway, clock, rng, 100);
    let api = Api::at(&desk).token(Some(&old));
    assert_eq!(
        api.get("/v1/health").await.problem(),
        "unauthorized",
        "tokens are ended"
    );
    let new = token(&mut play, "border", "new", Scope::ALL);
    let api = api.token(Some(&new));
    let body = json!({"case_reference": "x", "kind": vct::CROSSING, "claims": {}});
    assert_eq!(api.deposit("\"k\"", &body).await.problem(), "held");
    play.gateway("border").end_hold().unwrap();
    assert_eq!(
        api.deposit("\"k\"", &body).await.problem(),
        "record-rejected"
    );
    let taken = play.at_office("border", take).await.unwrap();
    assert!(taken.repeated > 0 && taken.taken == 0);
    play.end().await;
}

#[tokio::test]
async fn a_hub_that_shows_another_status_list_lets_nothing_take_over() {
    let mut play = gone_on(634).await;
    play.world.wire.lie(|exchange| {
        let path = exchange.path();
        (path.contains("/v1/status/") && path.ends_with("/1")).then(|| b"a.b.c".to_vec())
    });
    let folder = play.world.folder(RESTORED);
    let mut backup = Gateway::open_backup(&folder, catalogue()).unwrap();
    let now = play.world.now();
    let refused = backup
        .take_over(&play.world.wire, now, &mut play.world.rng)
        .await;
    assert!(
        matches!(refused, Err(GatewayError::StatusNotOurs(_))),
        "{refused:?}"
    );
    drop(backup);
    assert!(matches!(
        Gateway::open(&folder, catalogue()),
        Err(GatewayError::IsBackup)
    ));
    play.world.wire.calm();
    take_over(&mut play).await;
}
