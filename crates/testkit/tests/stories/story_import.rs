//! An export goes into a profile, without any server: whole, in part, over and over, and when somebody
//! meddled with it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_holder::{EXPORT_TYP, Holder, ImportError, ImportReport, MANIFEST_FILE, verify_export};
use denizen_jose::{Object, Unverified};
use denizen_model::{
    HubId, Sha256Hash, UnixTime,
    message::{ApplicationState::Filed, holder_kid},
};
use denizen_recovery::Kit;
use denizen_seal::{AddressIndex, RootSecret};
use denizen_testkit::{
    AZIZA, GULAB, Persona, Play, catalogue,
    play::{BORDER, CLINIC, IMMIGRATION, OfficeKind, TEST_CENTRE, WORK_PERMIT, vct},
};
use std::collections::BTreeMap;

type Files = BTreeMap<String, Vec<u8>>;

const OFFICES: [OfficeKind; 4] = [BORDER, TEST_CENTRE, CLINIC, IMMIGRATION];

/// A profile that knows nothing, of the kit of a person: no server is asked.
fn empty_of(play: &mut Play, person: &str) -> Holder {
    let kit = Kit::parse(&play.holder(person).kit().to_text()).unwrap();
    let root = RootSecret::from_bytes(*kit.root);
    let hub = (HubId::parse(&kit.hub).unwrap(), kit.hub_url.as_str());
    Holder::for_import(root, hub, ("ru", catalogue()), &mut play.world.rng)
}

fn kinds(holder: &Holder, now: UnixTime) -> Vec<String> {
    let mut kinds: Vec<_> = holder.records(now).into_iter().map(|r| r.vct).collect();
    kinds.sort();
    kinds
}

fn codes(report: &ImportReport) -> Vec<(&str, &str)> {
    let left = report.left_out.iter();
    left.map(|l| (l.file(), l.code())).collect()
}

#[tokio::test]
async fn d6_an_export_and_the_kit_bring_everything_back_while_every_server_is_off() {
    let mut play = Play::settled(201, AZIZA, &OFFICES).await;
    let application = play.apply_for_permit("aziza").await;
    let crossing = play.record("aziza", vct::CROSSING).kept;
    let done = play.person("aziza", |h, with| {
        h.dispute(&crossing, vec![], "I left in May.", &[], with)
    });
    done.await.unwrap();
    play.look("immigration").await;
    let (files, now) = (play.export("aziza"), play.world.now());
    let before = play.holder("aziza").profile().clone();
    let mut fresh = empty_of(&mut play, "aziza");
    play.world.stop_hub(0);

    let report = fresh.import(&files, false, now).unwrap();
    assert!(report.own && report.left_out.is_empty(), "{report:?}");
    assert_eq!((report.records, report.repeated), (before.records.len(), 0));
    // D1: each is verified again, with its issuer, its receipt and its status, and no server.
    assert_eq!(kinds(&fresh, now), play.kinds("aziza"));
    let all = fresh.records(now);
    assert!(all.iter().all(|r| fresh.receipt(&r.held).is_some()));
    assert_eq!(fresh.profile().disputes, before.disputes);
    assert_eq!(fresh.profile().applications, before.applications);
    assert_eq!(fresh.profile().notices, before.notices);
    // Nobody knows what was shown since: no copy is shown twice (R18).
    assert!(fresh.records(now).iter().all(|r| r.copies_left == 0));

    let kept = fresh.encrypt(&mut play.world.rng);
    let root = fresh.danger_root().clone();
    let mut fresh = Holder::open(root, &kept, catalogue(), now).unwrap();
    // A signed status is known without a hub and without a link.
    let known = |h: &Holder| {
        let records = h.records(now).into_iter();
        records.filter(|r| r.status.as_of.is_some()).count()
    };
    assert_eq!(known(&fresh), known(play.holder("aziza")));
    assert!(known(&fresh) >= 6);
    let again = fresh.import(&files, false, now).unwrap();
    assert_eq!((again.records, again.others), (0, 0), "{again:?}");
    assert_eq!(again.repeated, before.records.len());

    // The servers are back: the rest is restored, nothing is there twice, and she goes on.
    play.world.restart_hub(0);
    play.people.get_mut("aziza").unwrap().holder = fresh;
    play.settle().await;
    let after = play.holder("aziza").profile().clone();
    assert_eq!(after.records.len(), before.records.len());
    assert_eq!(after.disputes, before.disputes);
    assert_eq!(after.notices, before.notices);
    assert_eq!(after.links.len(), before.links.len());
    assert_eq!(play.follow("aziza", &application)[0], (Filed, None));
    let preview = play.preview("aziza", WORK_PERMIT, AZIZA.answers()).unwrap();
    let second = play.apply("aziza", &preview).unwrap();
    play.settle().await;
    assert_eq!(play.follow("aziza", &second)[0], (Filed, None));
    play.end().await;
}

#[tokio::test]
async fn a_device_that_was_off_takes_in_the_others_export_and_the_hub_then_doubles_nothing() {
    let mut play = Play::settled(202, AZIZA, &[BORDER, CLINIC]).await;
    play.join("aziza", "tablet").await;
    let mut tablet = play.people.remove("tablet").unwrap();
    let case = AZIZA.case("border");
    let told = play.at_office("border", |g, now, rng| {
        g.write_note(case, "Come in.", now, rng)
    });
    told.await.unwrap();
    let travel = play.record("aziza", vct::TRAVEL).kept;
    let done = play.person("aziza", |h, with| {
        h.dispute(&travel, vec![], "x", &[], with)
    });
    done.await.unwrap();
    let (files, now) = (play.export("aziza"), play.world.now());
    let report = tablet.holder.import(&files, false, now).unwrap();
    assert_eq!((report.records, report.repeated), (0, 6), "{report:?}");
    assert_eq!(tablet.holder.profile().notes.len(), 1);
    assert_eq!(tablet.holder.profile().disputes[0].events.len(), 1);
    play.people.insert("tablet", tablet);
    play.settle().await;
    for device in ["aziza", "tablet"] {
        let profile = play.holder(device).profile();
        assert_eq!(
            profile.notes.len(),
            1,
            "{device}: it came twice, and is there once"
        );
        assert_eq!(profile.disputes.len(), 1, "{device}");
        assert_eq!(profile.disputes[0].events.len(), 1, "{device}");
        assert_eq!(profile.records.len(), 6, "{device}");
    }
    play.end().await;
}

#[tokio::test]
async fn what_was_changed_is_kept_out_with_its_reason_and_the_rest_goes_in() {
    let mut play = Play::settled(203, AZIZA, &[BORDER, CLINIC]).await;
    let (files, now) = (play.export("aziza"), play.world.now());
    let all = play.records("aziza").len();
    for name in files.keys() {
        let mut bent = files.clone();
        let bytes = bent.get_mut(name).unwrap();
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
        let mut fresh = empty_of(&mut play, "aziza");
        let imported = fresh.import(&bent, false, now);
        if name == MANIFEST_FILE || name == "keys.denizen" {
            let refused = imported.unwrap_err();
            assert!(
                matches!(&refused, ImportError::Export(e) if e.file() == name),
                "{name}"
            );
            assert!(fresh.profile().records.is_empty(), "nothing of it went in");
            continue;
        }
        let report = imported.unwrap();
        assert_eq!(codes(&report)[0], (name.as_str(), "import-changed"));
        let lost = if name.starts_with("records/") {
            1
        } else if name.starts_with("directories/") {
            all
        } else {
            0
        };
        assert_eq!(report.records, all - lost, "{name}");
        // A second import, of a good copy, brings what was missing.
        let mended = fresh.import(&files, false, now).unwrap();
        assert_eq!((mended.records, mended.left_out.len()), (lost, 0), "{name}");
        assert_eq!(kinds(&fresh, now), play.kinds("aziza"), "{name}");
    }
    // Names that lead elsewhere, and files of nobody, are no part of it.
    let mut more = files.clone();
    for name in [
        "../../.ssh/authorized_keys",
        "/etc/passwd",
        "records/9999.json",
        "records/",
    ] {
        more.insert(name.to_owned(), b"{}".to_vec());
    }
    let mut fresh = empty_of(&mut play, "aziza");
    let report = fresh.import(&more, false, now).unwrap();
    assert_eq!(report.records, all);
    assert!(
        codes(&report)
            .iter()
            .all(|(_, code)| *code == "import-unknown")
    );
    assert_eq!(report.left_out.len(), 4);
    play.end().await;
}

/// What somebody with her key and a bad intention, or a faulty program, could write.
fn signed_again(holder: &Holder, mut files: Files) -> Files {
    let bytes = files.remove(MANIFEST_FILE).unwrap();
    let object = Unverified::parse(&bytes).unwrap();
    let mut manifest: serde_json::Value = serde_json::from_slice(object.danger_payload()).unwrap();
    let hashes = files.iter().map(|(name, bytes)| {
        let hash = serde_json::to_value(Sha256Hash::of(bytes)).unwrap();
        (name.clone(), hash)
    });
    manifest["files"] = hashes.collect();
    let keys = holder
        .danger_root()
        .derive_address(AddressIndex::SELF, None);
    let payload = serde_json::to_vec(&manifest).unwrap();
    let kid = holder_kid(&keys.address());
    let object = Object::sign(keys.sign.signer(), &kid, EXPORT_TYP, &payload);
    files.insert(MANIFEST_FILE.to_owned(), object.into_bytes());
    files
}

#[tokio::test]
async fn another_persons_records_and_receipts_do_not_become_hers() {
    let mut play = Play::with(204, &[BORDER]).await;
    for persona in [AZIZA, GULAB] {
        play.arrive(persona).await;
        play.link(persona.name, &BORDER).await;
    }
    play.fill(&BORDER).await;
    let now = play.world.now();
    let (hers, his) = (play.export("aziza"), play.export("gulab"));
    let mut mixed = hers.clone();
    // His record whole; his delivery under her record; her copy bound to his record; no JSON at all.
    mixed.insert("records/8000.json".into(), his["records/0000.json"].clone());
    let part = |files: &Files, name: &str| -> serde_json::Value {
        serde_json::from_slice(&files[name]).unwrap()
    };
    let mut foreign = part(&hers, "records/0000.json");
    foreign["delivery"] = part(&his, "records/0000.json")["delivery"].clone();
    mixed.insert(
        "records/8001.json".into(),
        serde_json::to_vec(&foreign).unwrap(),
    );
    let mut later = part(&hers, "records/0000.json");
    later["received"] = serde_json::json!(now.0 - 86_400);
    mixed.insert(
        "records/8002.json".into(),
        serde_json::to_vec(&later).unwrap(),
    );
    let mut moved = part(&hers, "records/0000.json");
    moved["held"]["link"] = serde_json::json!(7);
    mixed.insert(
        "records/8003.json".into(),
        serde_json::to_vec(&moved).unwrap(),
    );
    mixed.insert("records/8004.json".into(), vec![b'['; 100_000]);
    let mut sent = part(&hers, "sent/0000.json");
    sent[1] = serde_json::to_value(Sha256Hash::of(b"something else")).unwrap();
    mixed.insert("sent/8000.json".into(), serde_json::to_vec(&sent).unwrap());
    let mut status = part(&hers, "statuses/0000.json");
    status[0] = serde_json::json!("urn:denizen:status:x:1");
    mixed.insert(
        "statuses/8000.json".into(),
        serde_json::to_vec(&status).unwrap(),
    );
    let mixed = signed_again(play.holder("aziza"), mixed);
    let mut fresh = empty_of(&mut play, "aziza");
    let report = fresh.import(&mixed, false, now).unwrap();
    assert_eq!(report.records, play.records("aziza").len());
    let mut left = codes(&report);
    left.sort_unstable();
    assert_eq!(
        left,
        [
            ("records/8000.json", "import-not-hers"),
            ("records/8001.json", "import-receipt"),
            ("records/8002.json", "import-receipt"),
            ("records/8003.json", "import-not-hers"),
            ("records/8004.json", "import-changed"),
            ("sent/8000.json", "import-receipt"),
            ("statuses/8000.json", "import-status"),
        ]
    );
    assert_eq!(kinds(&fresh, now), play.kinds("aziza"));
    play.end().await;
}

#[tokio::test]
async fn a_shredded_link_does_not_come_back_out_of_an_export() {
    let mut play = Play::settled(205, AZIZA, &[BORDER, CLINIC]).await;
    let files = play.export("aziza");
    let border = play.holder("aziza").profile().links[0].index;
    let (now, wire) = (play.world.now(), play.world.wire.clone());
    let holder = &mut play.people.get_mut("aziza").unwrap().holder;
    holder
        .shred(border, &wire, now, &mut play.world.rng)
        .await
        .unwrap();
    play.settle().await;
    let holder = &mut play.people.get_mut("aziza").unwrap().holder;
    let report = holder.import(&files, false, now).unwrap();
    assert_eq!((report.records, report.repeated), (0, 2), "{report:?}");
    assert!(
        codes(&report)
            .iter()
            .all(|(_, code)| *code == "import-shredded")
    );
    assert_eq!(report.left_out.len(), 4);
    assert_eq!(play.kinds("aziza"), [vct::MEDICAL, vct::VACCINATION]);
    play.canary().await;
}

/// The same person after a theft, with a new root: her clerk sees the same case reference.
const ANEW: Persona = AZIZA.called("anew");

#[tokio::test]
async fn records_of_an_earlier_profile_are_history_until_the_old_links_are_moved() {
    let mut play = Play::settled(206, AZIZA, &[BORDER, CLINIC]).await;
    let (files, now) = (play.export("aziza"), play.world.now());
    play.arrive(ANEW).await;
    let holder = &mut play.people.get_mut("anew").unwrap().holder;
    assert_eq!(
        holder.import(&files, false, now).unwrap_err(),
        ImportError::OtherProfile,
        "somebody else's export is not taken in by mistake"
    );
    let report = holder.import(&files, true, now).unwrap();
    assert!(!report.own && report.left_out.is_empty(), "{report:?}");
    assert_eq!((report.records, report.others), (6, 0));
    let again = holder.import(&files, true, now).unwrap();
    assert_eq!((again.records, again.repeated), (0, 6));
    // Readable and verifiable, and no record of hers: nothing of it can be shown.
    let earlier = holder.earlier();
    assert_eq!(earlier.len(), 6);
    assert!(earlier.iter().all(|e| e.receipt.is_some()));
    assert!(holder.records(now).is_empty());
    // It goes on in her own exports.
    let own = holder.export(now);
    let report = verify_export(&own, now).unwrap();
    assert_eq!((report.records.len(), report.earlier.len()), (0, 6));
    let mut bent = own.clone();
    bent.get_mut("earlier/0000.json").unwrap()[40] ^= 1;
    assert!(verify_export(&bent, now).is_err());

    // With the old kit the old links move to the new root, and the offices issue everything again.
    let mut old = play.people.remove("aziza").unwrap();
    let wire = play.world.wire.clone();
    let rng = &mut play.world.rng;
    let new = &mut play.people.get_mut("anew").unwrap().holder;
    new.take_over(&mut old.holder, &wire, now, rng)
        .await
        .unwrap();
    new.send(&wire, now).await.unwrap();
    old.holder.send(&wire, now).await.unwrap();
    play.settle().await;
    play.hours(2).await;
    assert_eq!(play.records("anew").len(), 6);
    assert_eq!(play.holder("anew").earlier().len(), 6, "the history stays");
    play.canary().await;
}
