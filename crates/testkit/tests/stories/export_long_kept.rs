//! Exports that were kept for long, and under which hub they are checked.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_holder::{ExportError, verify_export, verify_export_of};
use denizen_model::UnixTime;
use denizen_testkit::{GULAB, Play, play::BORDER};

#[tokio::test]
async fn an_export_verifies_after_the_hub_s_keys_have_ended() {
    let mut play = Play::with(912, &[BORDER]).await;
    play.arrive(GULAB).await;
    play.link("gulab", &BORDER).await;
    play.fill(&BORDER).await;
    let files = play.export("gulab");
    let records = verify_export(&files, play.world.now()).unwrap().records;
    assert!(!records.is_empty());
    let later = play.world.now().plus_s(11 * 366 * UnixTime::DAY_S);
    assert_eq!(verify_export(&files, later).unwrap().records, records);
}

#[tokio::test]
async fn an_export_of_another_hub_than_the_pinned_is_refused() {
    let mut play = Play::with(913, &[BORDER]).await;
    play.arrive(GULAB).await;
    play.link("gulab", &BORDER).await;
    play.fill(&BORDER).await;
    let (files, now) = (play.export("gulab"), play.world.now());
    let hub = play.world.house().id;
    let report = verify_export_of(&files, &[hub], now).unwrap();
    assert_eq!(report.hubs, [hub]);
    assert!(report.sent > 0 && files.keys().any(|name| name.starts_with("statuses/")));
    let other = play.world.build_hub().await;
    let other = play.world.houses[other].id;
    let refused = verify_export_of(&files, &[other], now).unwrap_err();
    assert!(matches!(refused, ExportError::OtherHub(_)));
}
