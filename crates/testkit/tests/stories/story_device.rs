//! A second device by a link that is good once (D6): what it brings, and what it does not give away.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_holder::{DeviceLink, Holder, HolderError};
use denizen_testkit::{
    AZIZA, Play,
    catalogue::catalogue,
    play::{BORDER, OfficeKind, TEST_CENTRE},
};

const OFFICES: [OfficeKind; 2] = [BORDER, TEST_CENTRE];
const PASSPHRASE: &str = "three warm apricots";

async fn offer(play: &mut Play) -> DeviceLink {
    let holder = &play.people["aziza"].holder;
    let (wire, rng) = (&play.world.wire, &mut play.world.rng);
    let link = holder.offer_device(PASSPHRASE, wire, rng).await.unwrap();
    // It goes as a page's address, photographed from the first screen.
    let page = format!("https://portal.example/#/device/{}", link.to_data());
    DeviceLink::parse(&page).unwrap()
}

async fn take(play: &mut Play, link: &DeviceLink, given: &str) -> Result<Holder, HolderError> {
    let now = play.world.now();
    let words = ("ru", catalogue());
    let (wire, rng) = (&play.world.wire, &mut play.world.rng);
    Holder::take_device(link, given, words, wire, now, rng).await
}

#[tokio::test]
async fn a_link_brings_everything_to_a_second_device_once() {
    let mut play = Play::settled(171, AZIZA, &OFFICES).await;
    let link = offer(&mut play).await;
    let second = take(&mut play, &link, PASSPHRASE).await.unwrap();
    let kept = |holder: &Holder, play: &Play| {
        let records = holder.records(play.world.now());
        let mut kept: Vec<_> = records.iter().map(|r| r.kept).collect();
        kept.sort();
        kept
    };
    assert_eq!(kept(&second, &play), kept(play.holder("aziza"), &play));
    assert!(!second.records(play.world.now()).is_empty());
    assert_eq!(second.kit().to_text(), play.holder("aziza").kit().to_text());
    let again = take(&mut play, &link, PASSPHRASE).await;
    assert_eq!(again.unwrap_err(), HolderError::DeviceLink);
    play.end().await;
}

#[tokio::test]
async fn a_link_without_its_passphrase_opens_nothing_and_stays_good() {
    let mut play = Play::settled(172, AZIZA, &OFFICES).await;
    let link = offer(&mut play).await;
    for guess in ["", "three warm apricot", "Three warm apricots"] {
        let refused = take(&mut play, &link, guess).await;
        assert_eq!(refused.unwrap_err(), HolderError::WrongPassphrase);
    }
    assert!(take(&mut play, &link, PASSPHRASE).await.is_ok());
    play.end().await;
}

#[tokio::test]
async fn another_links_secret_opens_nothing() {
    let mut play = Play::settled(173, AZIZA, &OFFICES).await;
    let (first, second) = (offer(&mut play).await, offer(&mut play).await);
    // The hub swaps what lies under the two locators: their secrets do not fit.
    let data = (first.to_data(), second.to_data());
    assert_ne!(data.0, data.1);
    let bytes = |data: &str| denizen_model::jose::base64url_decode(data).unwrap();
    let (one, other) = (bytes(&data.0), bytes(&data.1));
    // Version and hub of both, locator of the first, secret and URL of the second.
    let mixed = [&one[..65], &other[65..]].concat();
    let mixed = DeviceLink::parse(&denizen_model::jose::base64url_encode(mixed)).unwrap();
    let refused = take(&mut play, &mixed, PASSPHRASE).await;
    assert_eq!(refused.unwrap_err(), HolderError::DeviceLink);
    play.end().await;
}
