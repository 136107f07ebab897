//! A hub that does not take an envelope has told nobody: it waits, nothing is lost, nothing changes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_api::wire::{DepositOutcome, decode_batch, decode_outcomes, encode_outcomes};
use denizen_credential::Status;
use denizen_model::{DepositId, Sha256Hash, envelope::Envelope, message::StatusChange};
use denizen_store::gateway::GatewayStore;
use denizen_testkit::{
    AZIZA, Play,
    play::{BORDER, vct},
};

fn published(play: &Play, kept: &Sha256Hash) -> u8 {
    let folder = play.world.folder("gateway-border");
    let store = GatewayStore::open(&folder.join("gateway.sqlite")).unwrap();
    store.status_of(kept).unwrap().0
}

/// The hub refuses what goes to her link, or only one deposit, for `problem`.
fn refuse(play: &Play, problem: &'static str, only: Option<DepositId>) {
    let link = play.holder("aziza").profile().links[0].address;
    play.world.wire.lie(move |exchange| {
        if !exchange.path().contains("/v1/deposits") {
            return None;
        }
        let items = decode_batch(&exchange.request)?;
        let mut outcomes = decode_outcomes(&exchange.answer)?;
        for (item, outcome) in items.iter().zip(&mut outcomes) {
            let to = Envelope::parse(&item.envelope).ok()?.header().to;
            if to == link && only.is_none_or(|id| id == item.deposit_id) {
                *outcome = DepositOutcome::Refused(problem.to_owned());
            }
        }
        Some(encode_outcomes(&outcomes))
    });
}

async fn suspend(play: &mut Play, kept: &Sha256Hash) {
    let done = play.at_office("border", |g, now, rng| {
        g.change_status(kept, StatusChange::Suspended, "being checked", now, rng)
    });
    done.await.unwrap();
}

#[tokio::test]
async fn a_status_changes_only_once_she_is_told_and_the_envelope_goes_on_waiting() {
    for (seed, problem) in [
        (71, "quota"),
        (72, "not-accepted"),
        (73, "envelope-refused"),
    ] {
        let mut play = Play::settled(seed, AZIZA, &[BORDER]).await;
        let kept = play.record("aziza", vct::CROSSING).kept;
        refuse(&play, problem, None);
        suspend(&mut play, &kept).await;
        play.hours(5).await;
        assert_eq!(published(&play, &kept), Status::Valid as u8, "{problem}");
        assert_eq!(play.gateway("border").backlog().unwrap().1, 1);
        let alarm = format!("deposit-{problem}");
        assert_eq!(play.office_alarms("border"), [alarm], "once");

        play.world.wire.calm();
        play.hours(48).await;
        assert_eq!(published(&play, &kept), Status::Suspended as u8);
        assert_eq!(play.gateway("border").backlog().unwrap().1, 0);
    }
}

#[tokio::test]
async fn an_envelope_that_the_hub_refuses_holds_up_no_other() {
    let mut play = Play::settled(74, AZIZA, &[BORDER]).await;
    let records: Vec<_> = play.records("aziza").iter().map(|r| r.kept).collect();
    let now = play.world.now();
    let gateway = play.gateways.get_mut("border").unwrap();
    for kept in &records[..2] {
        let to = StatusChange::Suspended;
        let rng = &mut play.world.rng;
        gateway
            .change_status(kept, to, "being checked", now, rng)
            .unwrap();
    }
    let folder = play.world.folder("gateway-border");
    let store = GatewayStore::open(&folder.join("gateway.sqlite")).unwrap();
    let first = store.outgoing((1, 1), now).unwrap()[0].deposit_id;
    drop(store);
    refuse(&play, "envelope-refused", Some(first));
    play.settle().await;
    assert_eq!(published(&play, &records[0]), Status::Valid as u8);
    assert_eq!(published(&play, &records[1]), Status::Suspended as u8);
    assert_eq!(play.gateway("border").backlog().unwrap().1, 1);
}
