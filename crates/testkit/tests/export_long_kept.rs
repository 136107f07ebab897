//! Exports that were kept for long.
#![allow(clippy::unwrap_used)]

use denizen_holder::verify_export;
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
