//! A restored client on two devices, a root left at the hub.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_recovery::{WrapError, unwrap_passphrase};
use denizen_testkit::{
    AZIZA, Play,
    play::{BORDER, CLINIC, IMMIGRATION, TEST_CENTRE, permit, vct},
};
use zeroize::Zeroizing;

#[tokio::test]
async fn a_root_at_the_hub_opens_with_passphrase_and_device_together_alone() {
    let mut play = Play::with(2, &[CLINIC]).await;
    play.arrive(AZIZA).await;
    let (passphrase, device) = ("тёплый хлеб на Кольцевой", *b"a device's bytes");
    let locator = play.wrap_root("aziza", passphrase, device).await;
    let wrapped = play.world.client().root(&locator).await.unwrap().wrapped.0;
    let device = Zeroizing::new(device);
    let root = unwrap_passphrase(&wrapped, passphrase, &device).unwrap();
    assert_eq!(*root, *play.holder("aziza").danger_root().danger_bytes());
    let other = Zeroizing::new(*b"another device's");
    let refused = unwrap_passphrase(&wrapped, passphrase, &other);
    assert_eq!(refused.unwrap_err(), WrapError::WrongPassphrase);
    play.end().await;
}

#[tokio::test]
async fn a_restored_device_shows_no_old_copy_and_asks_for_fresh_ones() {
    let mut play = Play::with(3, &[CLINIC]).await;
    play.arrive(AZIZA).await;
    play.link("aziza", &CLINIC).await;
    play.fill(&CLINIC).await;
    let before = play.record("aziza", vct::MEDICAL);
    assert_eq!(before.copies_left, 4);
    play.restore_from_kit("aziza").await;
    let after = play.record("aziza", vct::MEDICAL);
    assert_eq!(after.kept, before.kept);
    assert!(
        after.copies_left >= 4,
        "fresh ones came: {}",
        after.copies_left
    );
    let old: Vec<_> = before.held.copies.iter().map(|c| c.copy_ref).collect();
    let profile = play.holder("aziza").profile();
    assert!(
        old.iter().all(|r| !profile.is_unspent(r)),
        "nobody knows what the lost one showed"
    );
    play.end().await;
}

#[tokio::test]
async fn two_devices_of_one_person_live_side_by_side() {
    let mut play = Play::with(4, &[BORDER, CLINIC, TEST_CENTRE, IMMIGRATION]).await;
    play.arrive(AZIZA).await;
    for office in [&BORDER, &CLINIC, &TEST_CENTRE] {
        play.link("aziza", office).await;
        play.fill(office).await;
    }
    play.link_open("aziza", &IMMIGRATION).await;
    play.second_device("aziza", "tablet").await;
    assert_eq!(play.kinds("tablet"), play.kinds("aziza"));
    let application = play.apply_for_permit("tablet").await;
    play.look("immigration").await;
    play.decide("immigration", permit()).await.unwrap();
    for device in ["tablet", "aziza"] {
        assert_eq!(play.follow(device, &application).len(), 2, "{device}");
        assert!(
            play.kinds(device).contains(&vct::PERMIT.to_owned()),
            "{device}"
        );
    }
    // A copy that one device has shown is shown by no other.
    let spent = |device: &str| play.holder(device).profile().spent.clone();
    assert_eq!(spent("tablet"), spent("aziza"));
    // The first device links on; the index is its own.
    let text = play.invite(&IMMIGRATION, None);
    play.accept("aziza", &text).await;
    let text = play.invite(&BORDER, None);
    play.accept("tablet", &text).await;
    play.settle().await;
    let addresses = |device: &str| -> std::collections::BTreeSet<_> {
        let links = &play.holder(device).profile().links;
        links.iter().map(|l| l.address).collect()
    };
    assert_eq!(addresses("aziza"), addresses("tablet"));
    assert_eq!(
        addresses("aziza").len(),
        6,
        "each device took an index of its own"
    );
    play.end().await;
}
