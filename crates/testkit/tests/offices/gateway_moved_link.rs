//! A link that moves is told at its old address too: nobody takes it away unseen.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_store::gateway::GatewayStore;
use denizen_testkit::{AZIZA, Play, play::BORDER};

#[tokio::test]
async fn the_old_address_hears_of_a_move_and_of_each_copy_that_ends() {
    let mut play = Play::settled(91, AZIZA, &[BORDER]).await;
    let (link, old) = {
        let link = &play.holder("aziza").profile().links[0];
        (link.index, link.address)
    };
    let records = play.records("aziza").len();
    let folder = play.world.folder("gateway-border");
    let stored = || {
        let store = GatewayStore::open(&folder.join("gateway.sqlite")).unwrap();
        let sent = store.sent_to(&old).unwrap();
        sent.iter().filter(|s| s.receipt.is_some()).count()
    };
    let before = stored();
    play.move_link("aziza", link).await;
    play.hours(2).await;
    assert_eq!(stored() - before, records + 1, "each copy, and a note");
    let current = play.records("aziza").into_iter().filter(|r| !r.superseded);
    assert_eq!(current.count(), records);
    assert_eq!(play.alarms("aziza"), [] as [String; 0]);
    assert_eq!(play.office_alarms("border"), [] as [String; 0]);
}
