//! She deletes everything: her hub has tombstones, the offices a farewell, and no kit or device brings it back.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_api::{Transport as _, client::ClientError, wire::Fetched};
use denizen_gateway::{CaseState, Gateway};
use denizen_holder::{Holder, HolderError, PrfOutput, ShredLeft, WayKind};
use denizen_model::{SecretKeyFor, key::Auth};
use denizen_recovery::Kit;
use denizen_seal::{AddressIndex, RootSecret};
use denizen_testkit::{
    AZIZA, Fault, Marks, Play, World, catalogue,
    play::{BORDER, CLINIC, IMMIGRATION, OfficeKind, TEST_CENTRE},
};
use denizen_tlog::{MemoryTiles, Tile, TilePath, decode_bundle, hash_leaf, open_checkpoint};

const OFFICES: [OfficeKind; 4] = [BORDER, TEST_CENTRE, CLINIC, IMMIGRATION];

/// One try to delete everything, which may be cut off after so many steps.
async fn delete_all(
    play: &mut Play,
    without_rest: bool,
    steps_max: usize,
) -> Result<bool, HolderError> {
    let now = play.world.now();
    let (wire, rng) = (&play.world.wire, &mut play.world.rng);
    let holder = &mut play.people.get_mut("aziza").unwrap().holder;
    let mut all = holder.begin_shred_all(without_rest, wire, now, rng).await?;
    for _ in 0..steps_max {
        if !holder.shred_next(&mut all, wire, now, rng).await? {
            break;
        }
    }
    Ok(all.is_over())
}

fn left(play: &Play) -> ShredLeft {
    play.holder("aziza").shred_left().unwrap()
}

/// Her keys of address 0 and of every address after it.
fn keys(holder: &Holder) -> Vec<SecretKeyFor<Auth>> {
    let count = holder.profile().next_index;
    let derive = |index| holder.danger_root().derive_auth(AddressIndex(index));
    (0..count).map(derive).collect()
}

/// Pieces of every envelope at her addresses, and their salts.
async fn contents(play: &Play) -> Marks {
    let mut marks = Marks::default();
    let (now, holder) = (play.world.now(), play.holder("aziza"));
    for house in 0..play.world.houses.len() {
        let client = play.world.client_of(house);
        for auth in keys(holder) {
            let Ok(state) = client.address(&auth, now).await else {
                continue;
            };
            if let Some(salt) = state.salt {
                marks.add("salt", salt.as_bytes());
            }
            let mut after = None;
            loop {
                let page = client.fetch(&auth, after, 0, now).await.unwrap().items;
                for item in &page {
                    after = Some(item.pos());
                    if let Fetched::Envelope { envelope, .. } = item {
                        marks.add("envelope", &envelope[2000..2100]);
                    }
                }
                if page.is_empty() {
                    break;
                }
            }
        }
    }
    marks
}

/// How often what was at her addresses is still in the files of hubs.
fn kept(play: &Play, marks: &Marks) -> usize {
    let found = play.world.find_marks_in(marks, &play.world.folder("."));
    let of_hub = found.iter().filter(|f| f.place.contains("hub-"));
    of_hub.count()
}

async fn get(world: &World, path: &TilePath) -> Vec<u8> {
    let uri = format!("{}/log/deposits/{path}", world.house().url);
    let request = http::Request::builder().uri(uri).body(Vec::new()).unwrap();
    world.wire.send(request).await.unwrap().into_body()
}

/// Every entry of the deposit log leads to its signed checkpoint.
async fn check_log(world: &World) {
    let directory = world.directory(0).await;
    let note = world.fetch_text(0, "/log/deposits/checkpoint").await;
    let checkpoint = open_checkpoint(&note, &directory.trust.deposits).unwrap();
    let mut log = MemoryTiles::default();
    for index in 0..checkpoint.size.div_ceil(256) {
        let width = usize::try_from((checkpoint.size - index * 256).min(256)).unwrap();
        let at = |level| TilePath {
            level,
            index,
            width,
        };
        let hashes = Tile::decode_hashes(&get(world, &at(Some(0))).await).unwrap();
        let bundle = at(None);
        let bundle = get(world, &bundle).await;
        let entries = decode_bundle(&bundle).unwrap();
        let leaves: Vec<_> = entries.iter().map(|e| hash_leaf(e)).collect();
        assert_eq!(leaves, hashes);
        log.append(&hashes);
    }
    assert_eq!(log.root(), checkpoint.root);
}

/// Restores her from her paper, on a device that has nothing.
async fn restore(play: &mut Play, paper: &str) -> Result<Holder, HolderError> {
    let kit = Kit::parse(paper).unwrap();
    let root = RootSecret::from_bytes(*kit.root);
    let at = (play.world.house().id, play.world.house().url.clone());
    let (now, with) = (play.world.now(), ("ru", catalogue()));
    let (wire, rng) = (&play.world.wire, &mut play.world.rng);
    Holder::restore(root, (at.0, &at.1), with, wire, now, rng).await
}

/// A passkey of hers whose root lies at the hub.
async fn passkey(play: &mut Play, prf: &PrfOutput) {
    let now = play.world.now();
    let (wire, rng) = (&play.world.wire, &mut play.world.rng);
    let holder = &mut play.people.get_mut("aziza").unwrap().holder;
    let way = holder.add_way((WayKind::Passkey, "My key"), now, rng);
    let way = way.unwrap();
    holder.plan_root(&way, prf, now, rng).unwrap();
    let done = holder.leave_root(&way, prf, wire, now, rng).await;
    done.unwrap();
    play.settle().await;
}

async fn take_passkey(play: &mut Play, prf: &PrfOutput) -> Result<(), HolderError> {
    let (now, url) = (play.world.now(), play.world.house().url.clone());
    let at = (play.world.house().id, url.as_str());
    let words = ("ru", catalogue());
    let (wire, rng) = (&play.world.wire, &mut play.world.rng);
    let taken = Holder::take_passkey(prf, at, words, wire, now, rng).await;
    taken.map(drop)
}

#[tokio::test]
async fn everything_goes_and_neither_kit_nor_passkey_nor_device_brings_it_back() {
    let mut play = Play::settled(631, AZIZA, &OFFICES).await;
    play.apply_for_permit("aziza").await;
    let border = play.holder("aziza").profile().links[0].index;
    play.move_link("aziza", border).await;
    let prf = PrfOutput::new([42; 32]);
    passkey(&mut play, &prf).await;
    play.join("aziza", "tablet").await;
    let (marks, paper) = (
        contents(&play).await,
        play.holder("aziza").kit().to_text().to_string(),
    );
    assert!(kept(&play, &marks) > 10);
    assert_eq!(play.holder("aziza").shred_left(), None);

    assert_eq!(delete_all(&mut play, false, usize::MAX).await, Ok(true));
    // Four links, the address before the move, a passkey's root, her own address.
    let (done, all, hubs) = (7, 7, Vec::new());
    assert_eq!(left(&play), ShredLeft { done, all, hubs });
    assert_eq!(kept(&play, &marks), 0, "the hub has tombstones");
    let (client, now) = (play.world.client(), play.world.now());
    for auth in keys(play.holder("aziza")) {
        let gone = client.address(&auth, now).await.unwrap_err();
        let closed = ClientError::Problem(denizen_api::ProblemKind::Closed);
        assert_eq!(gone, closed);
    }
    check_log(&play.world).await;
    // Asked again it says so again, without harm.
    assert_eq!(delete_all(&mut play, false, usize::MAX).await, Ok(true));

    play.people.remove("aziza").unwrap();
    let deleted = Err(HolderError::ProfileDeleted);
    assert_eq!(restore(&mut play, &paper).await.map(drop), deleted);
    let unknown = Err(HolderError::PasskeyUnknown);
    assert_eq!(take_passkey(&mut play, &prf).await, unknown);
    let tablet = &mut play.people.get_mut("tablet").unwrap().holder;
    let (wire, rng) = (&play.world.wire, &mut play.world.rng);
    let told = tablet.sync(wire, 0, now, rng).await;
    assert_eq!(told.map(drop), deleted, "her other device is told");
    play.people.remove("tablet").unwrap();

    play.settle().await;
    let queue = play.gateway("immigration").queue().unwrap();
    assert_eq!(queue[0].state, CaseState::Withdrawn);
    // The office's word that it took the withdrawal in comes too late: it is told so.
    let late = play.office_alarms(IMMIGRATION.name);
    assert!(late.iter().all(|code| code == "deposit-closed"), "{late:?}");
    for office in [BORDER, TEST_CENTRE, CLINIC] {
        assert_eq!(play.office_alarms(office.name), [] as [String; 0]);
    }
    play.canary().await;
}

/// Aziza with the border service at her own hub and the test centre at another one.
async fn two_hubs(seed: u64) -> (Play, usize) {
    let mut play = Play::make(seed).await;
    let abroad = play.world.build_hub().await;
    play.open_at(&BORDER, 0).await;
    play.open_at(&TEST_CENTRE, abroad).await;
    play.arrive(AZIZA).await;
    for office in [&BORDER, &TEST_CENTRE] {
        play.link("aziza", office).await;
        play.fill(office).await;
    }
    (play, abroad)
}

fn leave(play: &mut Play, abroad: usize) -> Gateway {
    play.world.stop_hub(abroad);
    play.gateways.remove(TEST_CENTRE.name).unwrap()
}

#[tokio::test]
async fn what_a_hub_has_that_is_away_is_told_and_goes_once_it_answers() {
    let (mut play, abroad) = two_hubs(632).await;
    let marks = contents(&play).await;
    let office = leave(&mut play, abroad);
    let (org, url) = (office.id(), play.world.houses[abroad].url.clone());
    for _ in 0..2 {
        assert_eq!(delete_all(&mut play, false, usize::MAX).await, Ok(false));
        let hubs = vec![(url.clone(), vec![org])];
        let (done, all) = (1, 3);
        assert_eq!(left(&play), ShredLeft { done, all, hubs });
    }
    // Until then the kit knows of the rest, and of nothing else.
    play.restore_from_kit("aziza").await;
    assert_eq!(play.kinds("aziza"), [] as [String; 0]);
    assert_eq!(play.alarms("aziza"), [] as [String; 0]);
    assert_eq!(delete_all(&mut play, false, usize::MAX).await, Ok(false));
    play.world.start_hub(abroad).unwrap();
    play.gateways.insert(TEST_CENTRE.name, office);
    assert_eq!(delete_all(&mut play, false, usize::MAX).await, Ok(true));
    assert_eq!(kept(&play, &marks), 0);
    play.people.remove("aziza").unwrap();
    play.settle().await;
    check_log(&play.world).await;
    play.end().await;
}

#[tokio::test]
async fn what_a_hub_has_that_never_comes_back_is_given_up_if_she_says_so() {
    let (mut play, abroad) = two_hubs(633).await;
    let marks = contents(&play).await;
    let paper = play.holder("aziza").kit().to_text().to_string();
    leave(&mut play, abroad);
    assert_eq!(delete_all(&mut play, true, usize::MAX).await, Ok(true));
    let rest = kept(&play, &marks);
    assert!(rest > 0, "the other hub has what it had");
    let deleted = Err(HolderError::ProfileDeleted);
    assert_eq!(restore(&mut play, &paper).await.map(drop), deleted);
}

#[tokio::test]
async fn a_device_that_dies_midway_goes_on_with_what_it_kept_last() {
    for steps in 0..6 {
        let (mut play, _) = two_hubs(634).await;
        let marks = contents(&play).await;
        // It kept nothing since it began.
        let now = play.world.now();
        let (wire, rng) = (&play.world.wire, &mut play.world.rng);
        let holder = &mut play.people.get_mut("aziza").unwrap().holder;
        let begun = holder.begin_shred_all(false, wire, now, rng).await;
        begun.unwrap();
        let kept_bytes = holder.encrypt(rng);
        let root = holder.danger_root().clone();
        let done = delete_all(&mut play, false, steps).await.unwrap();
        assert_eq!(done, steps >= 3, "{steps}");
        let holder = Holder::open(root, &kept_bytes, catalogue(), now).unwrap();
        play.people.get_mut("aziza").unwrap().holder = holder;
        assert_eq!(delete_all(&mut play, false, usize::MAX).await, Ok(true));
        assert_eq!(kept(&play, &marks), 0, "{steps}");
        play.people.remove("aziza").unwrap();
        play.settle().await;
        play.end().await;
    }
}

#[tokio::test]
async fn a_lost_answer_loses_nothing_and_the_next_try_goes_on() {
    let mut failed = 0;
    for fault in [Fault::LoseAnswer, Fault::LoseRequest] {
        for number in 0.. {
            let (mut play, _) = two_hubs(635).await;
            let marks = contents(&play).await;
            play.world.wire.fault_at(number, fault);
            let first = delete_all(&mut play, false, usize::MAX).await;
            let sent = play.world.wire.sent();
            play.world.wire.calm();
            failed += usize::from(first != Ok(true));
            assert_eq!(delete_all(&mut play, false, usize::MAX).await, Ok(true));
            assert_eq!(kept(&play, &marks), 0, "{fault:?} at {number}");
            play.people.remove("aziza").unwrap();
            play.settle().await;
            play.end().await;
            if sent <= number {
                break;
            }
        }
    }
    assert!(failed > 4, "{failed}");
}
