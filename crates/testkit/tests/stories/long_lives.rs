//! What must still be true later: after another admission, after a key was stolen, after a device
//! died at the wrong moment, at a hub that denies a part.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_api::wire::{DepositOutcome, decode_batch, encode_outcomes};
use denizen_holder::{Holder, verify_export};
use denizen_jose::Unverified;
use denizen_model::{
    MessageId, Nonce, Sha256Hash, UnixTime,
    envelope::{Envelope, SUITE_1},
    message::{ApplicationState::Filed, Body, Chain, From, Message, Text, To},
    statement::{SERVICE_TYP, ServiceEntry, Statement, full_kid, sign_entry},
};
use denizen_seal::{AddressIndex, KemPublic, RootSecret};
use denizen_testkit::{
    AZIZA, Desk, Play, World, catalogue,
    catalogue::demo_file,
    office::{deposit_of, header_of, seal},
    play::{BORDER, CLINIC, EMPLOYER, IMMIGRATION, TEST_CENTRE, WORK_PERMIT, vct},
};

async fn arrived(seed: u64) -> Play {
    let offices = [BORDER, TEST_CENTRE, CLINIC, IMMIGRATION];
    let mut play = Play::with(seed, &offices).await;
    play.arrive(AZIZA).await;
    for office in &offices[..3] {
        play.link(AZIZA.name, office).await;
        play.fill(office).await;
    }
    play.link_open(AZIZA.name, &IMMIGRATION).await;
    play
}

#[tokio::test]
async fn records_outlive_another_admission_of_their_issuer() {
    let mut play = arrived(911).await;
    let before = play.kinds("aziza");
    // A day later the operator admits the border service for one kind more, and not for the others.
    play.world.clock.advance_s(UnixTime::DAY_S);
    let statement = play.gateway("border").statement();
    let other = play
        .world
        .house()
        .admission(&statement, &[vct::MEDICAL], play.world.now());
    let hub = play.world.house().hub();
    hub.append_entries(vec![other]).await.unwrap();
    play.settle().await;
    let export = verify_export(&play.export("aziza"), play.world.now()).unwrap();
    assert_eq!(export.records.len(), before.len());
    play.restore_from_kit("aziza").await;
    assert_eq!(play.kinds("aziza"), before);
}

#[tokio::test]
async fn nothing_is_shown_whose_spent_mark_address_0_did_not_take() {
    let mut play = arrived(913).await;
    let preview = play.preview("aziza", WORK_PERMIT, AZIZA.answers()).unwrap();
    let id = play.apply("aziza", &preview).unwrap();
    let root = play.holder("aziza").danger_root();
    let own = root.derive_address(AddressIndex::SELF, None).address();
    play.world.wire.lie(move |e| {
        if !e.path().contains("/v1/deposits") {
            return None;
        }
        let items = decode_batch(&e.request)?;
        let to = |envelope: &[u8]| Envelope::parse(envelope).unwrap().header().to;
        let refused = DepositOutcome::Refused("quota".into());
        items
            .iter()
            .all(|i| to(&i.envelope) == own)
            .then(|| encode_outcomes(&vec![refused; items.len()]))
    });
    let now = play.world.now();
    let holder = &mut play.people.get_mut("aziza").unwrap().holder;
    assert!(holder.send(&play.world.wire, now).await.is_err());
    play.world.wire.calm();
    assert_eq!(play.follow("aziza", &id), []);
    assert!(play.alarms("aziza").contains(&"quota".to_owned()));
    // The hub takes it later: then everything goes, in order.
    play.settle().await;
    assert_eq!(play.follow("aziza", &id), [(Filed, None)]);
}

#[tokio::test]
async fn a_restore_from_which_the_hub_leaves_out_a_link_is_told() {
    let mut play = arrived(914).await;
    let victim = play.holder("aziza").profile().links[0].address.to_text();
    let bare = br#"{"accepts":[],"version":0,"frozen":false}"#;
    play.world.wire.lie(move |e| {
        let asked = e.path() == format!("/v1/addresses/{victim}");
        asked.then(|| bare.to_vec())
    });
    play.restore_from_kit("aziza").await;
    assert!(play.alarms("aziza").contains(&"other-salt".to_owned()));
}

#[tokio::test]
async fn a_hub_that_she_only_looked_at_admits_nobody_for_her() {
    let mut play = Play::with(920, &[BORDER]).await;
    play.arrive(AZIZA).await;
    play.link("aziza", &BORDER).await;
    let documents = demo_file("border/documents.ndjson");
    play.intake("border", &documents, "border/documents-mapping.toml");
    let statement = play.gateway("border").statement();
    let other = play.world.build_hub().await;
    play.world.admit(other, &statement, &[vct::TRAVEL]).await;
    play.open_at(&EMPLOYER, other).await;
    let text = play.invite(&EMPLOYER, None);
    play.read("aziza", &text).await.unwrap();
    // Meanwhile the operator of her own hub withdraws the kind.
    let now = play.world.now();
    let narrow = play
        .world
        .house()
        .admission(&statement, &[vct::CROSSING], now);
    let hub = play.world.house().hub();
    hub.append_entries(vec![narrow]).await.unwrap();
    play.settle().await;
    assert!(play.kinds("aziza").is_empty());
    assert_eq!(play.holder("aziza").profile().refused.len(), 1);
}

#[tokio::test]
async fn a_move_that_was_interrupted_goes_on() {
    let mut play = Play::with(942, &[BORDER]).await;
    play.arrive(AZIZA).await;
    let link = play.link("aziza", &BORDER).await;
    let now = play.world.now();
    let holder = &mut play.people.get_mut("aziza").unwrap().holder;
    let new = holder.move_link(link, "", &mut play.world.rng).unwrap();
    let kept = holder.encrypt(&mut play.world.rng);
    let root = RootSecret::from_bytes(*holder.danger_root().danger_bytes());
    holder
        .sync(&play.world.wire, 0, now, &mut play.world.rng)
        .await
        .unwrap();
    // The device dies here: what it kept is from before the address was registered.
    *holder = Holder::open(root, &kept, catalogue(), now).unwrap();
    assert_eq!(
        holder.move_link(link, "", &mut play.world.rng).unwrap(),
        new
    );
    play.settle().await;
    let links = &play.holder("aziza").profile().links;
    assert_eq!(links[1].state, denizen_holder::LinkState::Confirmed);
}

async fn linked(seed: u64) -> (World, Desk, Holder) {
    let mut world = World::make(seed).await;
    let mut desk = Desk::open(&mut world, "Office").await;
    let (id, url) = (world.house().id, world.house().url.clone());
    let mut holder = Holder::make(id, &url, "en", catalogue(), &mut world.rng);
    let now = world.now();
    holder.begin(&world.wire, now).await.unwrap();
    let text = desk.invite(&mut world, |_| ());
    let preview = holder
        .preview_invitation(&text, &world.wire, now)
        .await
        .unwrap();
    holder.accept_invitation(preview, &mut world.rng).unwrap();
    holder
        .sync(&world.wire, 0, now, &mut world.rng)
        .await
        .unwrap();
    holder.send(&world.wire, now).await.unwrap();
    desk.confirm(&mut world).await;
    holder
        .sync(&world.wire, 0, now, &mut world.rng)
        .await
        .unwrap();
    (world, desk, holder)
}

/// The office withdraws its stolen message key.
async fn withdraw_message_key(world: &mut World, desk: &Desk) {
    world.clock.advance_s(UnixTime::DAY_S);
    let first = &desk.office.statement;
    let object = Unverified::parse(first).unwrap();
    let mut statement: Statement = serde_json::from_slice(object.danger_payload()).unwrap();
    statement.id = Some(Sha256Hash::of(first));
    statement.prev = Some(Sha256Hash::of(first));
    statement.created = world.now();
    for key in statement.keys.iter_mut().filter(|k| k.kid == "message-1") {
        key.revoked_from = Some(world.now());
    }
    let signed = statement.sign(desk.office.identity.signer()).into_bytes();
    world
        .house()
        .hub()
        .append_entries(vec![signed])
        .await
        .unwrap();
    world.clock.advance_s(UnixTime::DAY_S);
}

#[tokio::test]
async fn a_withdrawn_message_key_is_not_heard_however_its_message_is_dated() {
    let (mut world, desk, mut holder) = linked(940).await;
    withdraw_message_key(&mut world, &desk).await;
    let keys = desk.keys.clone().unwrap();
    let message = Message {
        id: MessageId::make(&mut world.rng),
        thid: None,
        from: From::Org(desk.office.id),
        to: To {
            hub: keys.hub,
            address: keys.address,
            suite: SUITE_1,
        },
        created_time: world.now().plus_s(-3 * UnixTime::DAY_S / 2),
        expires_time: None,
        chain: Chain {
            id: MessageId::make(&mut world.rng),
            seq: 0,
            prev: None,
            follows: vec![],
        },
        seen: vec![],
        body: Body::Note(Text {
            text: "pay here".into(),
        }),
        attachments: vec![],
        commit_salt: Some(Nonce::make(&mut world.rng)),
    };
    let signed = desk.office.sign(&message);
    let kem = KemPublic::from_bytes(&keys.kem.0).unwrap();
    let envelope = seal(&signed, &header_of(&message), &kem, &mut world.rng);
    let item = deposit_of(&envelope, &mut world.rng);
    world.deposit(&desk.office, &[item]).await.unwrap();
    let now = world.now();
    holder
        .sync(&world.wire, 0, now, &mut world.rng)
        .await
        .unwrap();
    assert!(holder.profile().notes.is_empty());
    assert_eq!(holder.profile().alarms.len(), 1);
}

#[tokio::test]
async fn a_withdrawn_message_key_declares_no_service_however_it_is_dated() {
    let (mut world, desk, _) = linked(941).await;
    let before = world.now();
    withdraw_message_key(&mut world, &desk).await;
    for created in [before, world.now()] {
        let mut service = catalogue().service(WORK_PERMIT).unwrap().clone();
        service.version = 99;
        let entry = ServiceEntry {
            v: 1,
            org: desk.office.id,
            service,
            created,
        };
        let kid = full_kid(&desk.office.id.into(), "message-1");
        let signer = desk.office.message.signer();
        let signed = sign_entry(&entry, SERVICE_TYP, signer, &kid).into_bytes();
        assert!(world.client().post_entries(&[&signed]).await.is_err());
    }
}
