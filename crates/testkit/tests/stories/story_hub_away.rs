//! Links at two hubs. One does not answer: everything else goes on, and what is there comes once it does.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_api::HubClient;
use denizen_gateway::Gateway;
use denizen_holder::{Holder, HolderError, LinkState, verify_export};
use denizen_model::UnixTime;
use denizen_recovery::Kit;
use denizen_seal::RootSecret;
use denizen_store::hub::Location;
use denizen_testkit::{
    AZIZA, Exchange, Fault, Play, catalogue,
    catalogue::demo_file,
    play::{BORDER, IMMIGRATION, TEST_CENTRE, vct},
};

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Aziza with the border service at her own hub and the test centre at another one.
async fn two_hubs(seed: u64) -> (Play, usize) {
    let mut play = Play::make(seed).await;
    let abroad = play.world.build_hub().await;
    link_at_both(&mut play, abroad).await;
    (play, abroad)
}

async fn link_at_both(play: &mut Play, abroad: usize) {
    play.open_at(&BORDER, 0).await;
    play.open_at(&TEST_CENTRE, abroad).await;
    play.arrive(AZIZA).await;
    for office in [&BORDER, &TEST_CENTRE] {
        play.link("aziza", office).await;
    }
}

/// The other hub goes, and with it whoever is there.
fn leave(play: &mut Play, abroad: usize) -> Gateway {
    play.world.stop_hub(abroad);
    play.gateways.remove(TEST_CENTRE.name).unwrap()
}

async fn come_back(play: &mut Play, abroad: usize, office: Gateway) {
    play.world.start_hub(abroad).unwrap();
    play.gateways.insert(TEST_CENTRE.name, office);
    play.settle().await;
}

/// Where her client says that nothing comes from: URL, since when, how many organisations.
fn away(play: &Play) -> Vec<(String, UnixTime, usize)> {
    let hubs = play.holder("aziza").hubs_away();
    let of = |hub: denizen_holder::HubAway| (hub.hub_url, hub.since, hub.orgs.len());
    hubs.into_iter().map(of).collect()
}

#[tokio::test]
async fn she_and_an_office_may_be_at_different_hubs() {
    let (mut play, abroad) = two_hubs(8).await;
    for office in [&BORDER, &TEST_CENTRE] {
        play.fill(office).await;
    }
    let hubs: Vec<_> = play
        .holder("aziza")
        .profile()
        .links
        .iter()
        .map(|l| l.hub)
        .collect();
    assert_eq!(
        hubs,
        [play.world.houses[0].id, play.world.houses[abroad].id]
    );
    assert!(play.kinds("aziza").contains(&vct::LANGUAGE.to_owned()));
    let report = verify_export(&play.export("aziza"), play.world.now()).unwrap();
    assert_eq!(report.records.len(), 5);
    let kinds = play.kinds("aziza");
    play.restore_from_kit("aziza").await;
    assert_eq!(play.kinds("aziza"), kinds);
    // The other hub is away: what she has stays, and can be shown.
    play.world.stop_hub(abroad);
    let (all, aziza) = (play.records("aziza"), play.holder("aziza"));
    assert!(all.iter().all(|r| aziza.receipt(&r.held).is_some()));
    play.world.start_hub(abroad).unwrap();
    play.end().await;
}

#[tokio::test]
async fn what_comes_from_her_own_hub_comes_and_what_goes_to_the_other_waits() {
    let (mut play, abroad) = two_hubs(1).await;
    play.fill(&TEST_CENTRE).await;
    let url = play.world.houses[abroad].url.clone();
    let office = leave(&mut play, abroad);
    let failed = play.world.now();
    let before = play.kinds("aziza");
    play.fill(&BORDER).await;
    assert!(play.kinds("aziza").len() > before.len());
    assert_eq!(away(&play), [(url.clone(), failed, 1)]);
    // A letter to each of the two: hers goes, the other's waits, and she is not alarmed.
    let now = play.world.now();
    let aziza = &mut play.people.get_mut("aziza").unwrap().holder;
    for link in aziza
        .profile()
        .links
        .iter()
        .map(|l| l.index)
        .collect::<Vec<_>>()
    {
        let text = "When are you open?";
        aziza
            .note(link, None, text, now, &mut play.world.rng)
            .unwrap();
    }
    let sent = aziza.profile().sent.len();
    play.world.clock.advance_s(3600);
    let later = play.world.now();
    for _ in 0..3 {
        play.sync_person("aziza", false).await;
        let aziza = &mut play.people.get_mut("aziza").unwrap().holder;
        aziza.send(&play.world.wire, later).await.unwrap();
    }
    let profile = play.holder("aziza").profile();
    assert!(profile.sent.len() > sent);
    let waits: Vec<_> = profile.outbox.iter().map(|o| o.hub).collect();
    assert_eq!(waits, [play.world.houses[abroad].id]);
    assert_eq!(away(&play), [(url, failed, 1)], "since it first failed");
    come_back(&mut play, abroad, office).await;
    assert!(play.holder("aziza").profile().outbox.is_empty());
    assert_eq!(away(&play), []);
    assert_eq!(play.alarms("aziza"), Vec::<String>::new());
    play.end().await;
}

/// Restores her from her paper kit, on a device that has nothing.
async fn restore(play: &mut Play) -> Holder {
    let paper = play.holder("aziza").kit().to_text().to_string();
    let kit = Kit::parse(&paper).unwrap();
    let root = RootSecret::from_bytes(*kit.root);
    let at = (play.world.house().id, play.world.house().url.clone());
    let (now, with) = (play.world.now(), ("ru", catalogue()));
    let (wire, rng) = (&play.world.wire, &mut play.world.rng);
    let restored = Holder::restore(root, (at.0, &at.1), with, wire, now, rng);
    restored.await.unwrap()
}

#[tokio::test]
async fn a_kit_restores_what_is_there_and_the_rest_once_its_hub_answers() {
    let (mut play, abroad) = two_hubs(2).await;
    play.fill(&BORDER).await;
    play.fill(&TEST_CENTRE).await;
    let (all, old) = (play.kinds("aziza"), play.record("aziza", vct::LANGUAGE));
    let old: Vec<_> = old.held.copies.iter().map(|c| c.copy_ref).collect();
    assert!(!old.is_empty());
    let office = leave(&mut play, abroad);
    let restored = restore(&mut play).await;
    play.people.get_mut("aziza").unwrap().holder = restored;
    let here = play.kinds("aziza");
    assert!(!here.is_empty() && here.len() < all.len());
    assert_eq!(away(&play).len(), 1);
    // It is kept and opened again, and the device writes down what it has.
    let (now, root) = (play.world.now(), play.holder("aziza").danger_root().clone());
    let kept = play.people["aziza"].holder.encrypt(&mut play.world.rng);
    play.people.get_mut("aziza").unwrap().holder =
        Holder::open(root, &kept, catalogue(), now).unwrap();
    play.settle().await;
    // A second loss before the other hub is back.
    let restored = restore(&mut play).await;
    play.people.get_mut("aziza").unwrap().holder = restored;
    assert_eq!(play.kinds("aziza"), here);
    come_back(&mut play, abroad, office).await;
    assert_eq!(play.kinds("aziza"), all);
    let profile = play.holder("aziza").profile();
    assert!(
        old.iter().all(|r| !profile.is_unspent(r)),
        "shown by the lost device, perhaps"
    );
    assert!(
        play.record("aziza", vct::LANGUAGE).copies_left > 0,
        "fresh ones came"
    );
    assert_eq!(away(&play), []);
    assert_eq!(play.alarms("aziza"), Vec::<String>::new());
    play.restore_from_kit("aziza").await;
    assert_eq!(play.kinds("aziza"), all);
    assert_eq!(play.alarms("aziza"), Vec::<String>::new());
    play.end().await;
}

/// Where a hub's database lies.
fn database_of(play: &Play, hub: usize) -> PathBuf {
    match &play.world.houses[hub].config.database {
        Location::File(file) => file.clone(),
        _ => unreachable!("a world's hubs have files"),
    }
}

/// A database of a stopped hub with what belongs to it, in the place of another one.
fn copy_database(from: &Path, to: &Path) {
    // Readers of a hub that was stopped may still end: what they have open is not written to, and the
    // index of the write-ahead log, which they share, is made anew.
    for extension in ["db", "db-wal", "db-shm"] {
        let to = to.with_extension(extension);
        if to.exists() {
            fs::remove_file(&to).unwrap();
        }
        let from = from.with_extension(extension);
        if extension != "db-shm" && from.exists() {
            fs::copy(from, &to).unwrap();
        }
    }
}

#[tokio::test]
async fn an_older_state_of_a_hub_that_was_away_is_found_when_it_is_back() {
    let (mut play, abroad) = two_hubs(3).await;
    let database = database_of(&play, abroad);
    let older = tempfile::tempdir().unwrap();
    play.world.stop_hub(abroad);
    copy_database(&database, &older.path().join("hub.db"));
    play.world.start_hub(abroad).unwrap();
    play.fill(&TEST_CENTRE).await;
    leave(&mut play, abroad);
    let restored = restore(&mut play).await;
    play.people.get_mut("aziza").unwrap().holder = restored;
    // Her device has written down anew what it has, and is lost as well.
    play.settle().await;
    let restored = restore(&mut play).await;
    play.people.get_mut("aziza").unwrap().holder = restored;
    assert_eq!(play.alarms("aziza"), Vec::<String>::new());
    copy_database(&older.path().join("hub.db"), &database);
    play.world.start_hub(abroad).unwrap();
    play.sync_person("aziza", false).await;
    assert_eq!(play.alarms("aziza"), ["restore-older"]);
}

#[tokio::test]
async fn a_link_that_another_device_made_is_not_lost_with_an_answer() {
    let mut play = Play::with(4, &[BORDER, IMMIGRATION]).await;
    play.arrive(AZIZA).await;
    play.link("aziza", &BORDER).await;
    play.second_device("aziza", "tablet").await;
    let root = play.holder("tablet").danger_root().clone();
    let kept = play.people["tablet"].holder.encrypt(&mut play.world.rng);
    let tablet = play.people.remove("tablet").unwrap();
    play.link_open("aziza", &IMMIGRATION).await;
    let (mut number, mut failed) = (0, 0);
    loop {
        let now = play.world.now();
        let mut holder = Holder::open(root.clone(), &kept, catalogue(), now).unwrap();
        let (wire, rng) = (&play.world.wire, &mut play.world.rng);
        wire.fault_at(number, Fault::LoseAnswer);
        let whole = holder.sync(wire, 0, now, rng).await.is_ok();
        failed += usize::from(!whole);
        let untouched = whole && number >= wire.sent();
        wire.calm();
        holder.sync(wire, 0, now, rng).await.unwrap();
        let links = &holder.profile().links;
        let states: Vec<_> = links.iter().map(|l| l.state).collect();
        assert_eq!(states, [LinkState::Confirmed; 2], "request {number}");
        number += 1;
        if untouched {
            break;
        }
    }
    assert!(failed > 3, "{failed} of {number}");
    drop(tablet);
    play.end().await;
}

#[tokio::test]
async fn what_a_hub_denies_at_a_restore_comes_once_it_has_it_again() {
    let mut play = Play::make(5).await;
    let abroad = play.world.build_hub().await;
    play.open_at(&BORDER, 0).await;
    play.open_at(&TEST_CENTRE, abroad).await;
    let database = database_of(&play, abroad);
    let kept = tempfile::tempdir().unwrap();
    let (before, now) = (kept.path().join("before.db"), kept.path().join("now.db"));
    play.world.stop_hub(abroad);
    copy_database(&database, &before);
    play.world.start_hub(abroad).unwrap();
    play.arrive(AZIZA).await;
    play.link("aziza", &TEST_CENTRE).await;
    play.fill(&TEST_CENTRE).await;
    let (all, old) = (play.kinds("aziza"), play.record("aziza", vct::LANGUAGE));
    let office = leave(&mut play, abroad);
    copy_database(&database, &now);
    copy_database(&before, &database);
    play.world.start_hub(abroad).unwrap();
    let restored = restore(&mut play).await;
    play.people.get_mut("aziza").unwrap().holder = restored;
    assert_eq!(play.alarms("aziza"), ["withheld"]);
    assert_eq!(play.kinds("aziza"), Vec::<String>::new());
    play.world.stop_hub(abroad);
    copy_database(&now, &database);
    come_back(&mut play, abroad, office).await;
    assert_eq!(play.kinds("aziza"), all);
    let profile = play.holder("aziza").profile();
    assert_eq!(profile.open_alarms().count(), 0);
    let copies = old.held.copies.iter();
    assert!(copies.into_iter().all(|c| !profile.is_unspent(&c.copy_ref)));
    play.canary().await;
}

#[tokio::test]
async fn the_last_link_whose_hub_answers_is_waited_for() {
    let (mut play, abroad) = two_hubs(9).await;
    let office = leave(&mut play, abroad);
    let link = &play.holder("aziza").profile().links[0];
    assert_eq!(
        link.hub,
        play.world.house().id,
        "the other hub's is the last"
    );
    let address = link.address.to_text();
    // Something is there, so the hub answers at once, however long it is asked to wait.
    let (file, mapping) = BORDER.files[0];
    play.intake(BORDER.name, &demo_file(file), mapping);
    let now = play.world.now();
    let (wire, rng) = (&play.world.wire, &mut play.world.rng);
    let border = play.gateways.get_mut(BORDER.name).unwrap();
    border.sync(wire, 0, now, rng).await.unwrap();
    wire.forget();
    let aziza = &mut play.people.get_mut("aziza").unwrap().holder;
    let report = aziza.sync(wire, 20, now, rng).await.unwrap();
    assert!(!report.events.is_empty());
    let exchanges = wire.exchanges();
    let waited = exchanges.iter().filter(|e| e.path().contains("wait=20"));
    let waited: Vec<_> = waited.map(|e| e.path().contains(&address)).collect();
    assert_eq!(waited, [true]);
    come_back(&mut play, abroad, office).await;
    play.end().await;
}

#[tokio::test]
async fn an_older_state_of_one_hub_at_a_restore_is_told_and_takes_nothing_of_the_other() {
    let (mut play, abroad) = two_hubs(10).await;
    let database = database_of(&play, abroad);
    let kept = tempfile::tempdir().unwrap();
    let (older, now) = (kept.path().join("older.db"), kept.path().join("now.db"));
    play.world.stop_hub(abroad);
    copy_database(&database, &older);
    play.world.start_hub(abroad).unwrap();
    play.fill(&BORDER).await;
    let of_border = play.kinds("aziza");
    play.fill(&TEST_CENTRE).await;
    let all = play.kinds("aziza");
    assert!(!of_border.is_empty() && of_border.len() < all.len());
    let office = leave(&mut play, abroad);
    copy_database(&database, &now);
    copy_database(&older, &database);
    play.world.start_hub(abroad).unwrap();
    let restored = restore(&mut play).await;
    play.people.get_mut("aziza").unwrap().holder = restored;
    assert_eq!(play.alarms("aziza"), ["restore-older"]);
    assert_eq!(play.kinds("aziza"), of_border);
    let (records, aziza) = (play.records("aziza"), play.holder("aziza"));
    assert!(records.iter().all(|r| aziza.receipt(&r.held).is_some()));
    // What it held back comes once it has it again, and the alarm is not said anew.
    play.world.stop_hub(abroad);
    copy_database(&now, &database);
    come_back(&mut play, abroad, office).await;
    assert_eq!(play.kinds("aziza"), all);
    assert_eq!(play.alarms("aziza"), ["restore-older"]);
    play.canary().await;
}

#[tokio::test]
async fn an_older_directory_of_one_hub_at_a_restore_is_told_and_takes_nothing_of_the_other() {
    let mut play = Play::make(11).await;
    let abroad = play.world.build_hub().await;
    let (id, url) = (
        play.world.houses[abroad].id,
        play.world.houses[abroad].url.clone(),
    );
    let older = HubClient::new(&play.world.wire, id, &url).directory().await;
    let older = older.unwrap().encode();
    link_at_both(&mut play, abroad).await;
    play.fill(&BORDER).await;
    let of_border = play.kinds("aziza");
    play.fill(&TEST_CENTRE).await;
    let all = play.kinds("aziza");
    // The office is not in it: it is signed by the hub's keys, and whole.
    let directory = format!("{url}/v1/directory");
    let lie = move |e: &Exchange| (e.uri == directory).then(|| older.clone());
    play.world.wire.lie(lie);
    let restored = restore(&mut play).await;
    play.people.get_mut("aziza").unwrap().holder = restored;
    assert_eq!(play.alarms("aziza"), ["changed-key"]);
    assert_eq!(play.kinds("aziza"), of_border);
    let (records, aziza) = (play.records("aziza"), play.holder("aziza"));
    assert!(records.iter().all(|r| aziza.receipt(&r.held).is_some()));
    play.world.wire.calm();
    play.settle().await;
    assert_eq!(play.kinds("aziza"), all);
    assert_eq!(play.alarms("aziza"), ["changed-key"]);
    play.canary().await;
}

#[tokio::test]
async fn an_index_that_two_devices_took_at_two_hubs_costs_no_link() {
    let mut play = Play::make(6).await;
    let abroad = play.world.build_hub().await;
    for (office, hub) in [(&BORDER, 0), (&IMMIGRATION, 0), (&TEST_CENTRE, abroad)] {
        play.open_at(office, hub).await;
    }
    play.arrive(AZIZA).await;
    play.link("aziza", &BORDER).await;
    play.second_device("aziza", "tablet").await;
    let text = play.invite(&TEST_CENTRE, None);
    play.accept("aziza", &text).await;
    let office = leave(&mut play, abroad);
    play.link_open("tablet", &IMMIGRATION).await;
    let states = |play: &Play, device: &str| -> Vec<_> {
        let links = &play.holder(device).profile().links;
        let mut all: Vec<_> = links.iter().map(|l| (l.index, l.state)).collect();
        all.sort_unstable_by_key(|(index, _)| *index);
        all
    };
    use LinkState::{Confirmed, Opening};
    let expected = [(1, Confirmed), (2, Confirmed), (3, Opening)];
    assert_eq!(states(&play, "aziza"), expected);
    come_back(&mut play, abroad, office).await;
    for device in ["aziza", "tablet"] {
        let expected = [(1, Confirmed), (2, Confirmed), (3, Confirmed)];
        assert_eq!(states(&play, device), expected, "{device}");
    }
    play.end().await;
}

#[tokio::test]
async fn old_keys_are_not_given_up_while_a_link_is_still_to_be_restored() {
    let (mut play, abroad) = two_hubs(7).await;
    leave(&mut play, abroad);
    let mut old = restore(&mut play).await;
    play.people.remove("aziza");
    let now = play.world.now();
    let (wire, rng) = (play.world.wire.clone(), &mut play.world.rng);
    let mut new = old.renewed(rng);
    assert_eq!(new.take_over(&mut old, &wire, now, rng).await.unwrap(), 1);
    for _ in 0..3 {
        new.sync(&wire, 0, now, rng).await.unwrap();
        new.send(&wire, now).await.unwrap();
        old.send(&wire, now).await.unwrap();
        let border = play.gateways.get_mut(BORDER.name).unwrap();
        border.sync(&wire, 0, now, rng).await.unwrap();
    }
    assert_eq!(new.taken_over(&old).len(), 1);
    let waits = new.not_taken_over(&old);
    let waits: Vec<_> = waits.into_iter().map(|index| old.org_of(index)).collect();
    let office = old.hubs_away();
    assert_eq!((waits.len(), office.len()), (1, 1));
    assert!(waits[0].is_some());
    let abandoned = new.abandon(&mut old, &wire, now).await;
    assert_eq!(abandoned.unwrap_err(), HolderError::NotOpen);
}
