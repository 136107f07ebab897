//! What becomes of a record after it was issued: its status, its further copies, its papers' end.
#![expect(clippy::unwrap_used, reason = "a test fails loudly")]

use denizen_gateway::GatewayError;
use denizen_model::{
    Sha256Hash,
    message::{ApplicationState, StatusChange},
};
use denizen_testkit::{
    AZIZA, Play,
    play::{BORDER, CLINIC, IMMIGRATION, TEST_CENTRE, WORK_PERMIT, permit, vct},
};

/// Aziza with everything that a work permit needs.
async fn ready(seed: u64) -> Play {
    let mut play = Play::with(seed, &[BORDER, TEST_CENTRE, CLINIC, IMMIGRATION]).await;
    play.arrive(AZIZA).await;
    for office in [&BORDER, &TEST_CENTRE, &CLINIC] {
        play.link("aziza", office).await;
        play.fill(office).await;
    }
    play.link_open("aziza", &IMMIGRATION).await;
    play
}

fn change(play: &mut Play, kept: &Sha256Hash, to: StatusChange) -> Result<(), GatewayError> {
    let now = play.world.now();
    let gateway = play.gateways.get_mut("border").unwrap();
    gateway.change_status(
        kept,
        to,
        "the document was reported lost",
        now,
        &mut play.world.rng,
    )
}

async fn sync_border(play: &mut Play) {
    let (wire, now) = (play.world.wire.clone(), play.world.now());
    let gateway = play.gateways.get_mut("border").unwrap();
    gateway
        .sync(&wire, 0, now, &mut play.world.rng)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_withdrawn_paper_is_refused_within_the_hour_and_counts_again_once_reinstated() {
    let mut play = ready(31).await;
    let kept = play.record("aziza", vct::TRAVEL).kept;
    let unknown = change(&mut play, &Sha256Hash::new([1; 32]), StatusChange::Revoked);
    assert!(matches!(unknown, Err(GatewayError::RecordUnknown)));
    // She has signed her application before she hears of the change.
    let preview = play.preview("aziza", WORK_PERMIT, AZIZA.answers()).unwrap();
    let early = play.apply("aziza", &preview).unwrap();
    change(&mut play, &kept, StatusChange::Suspended).unwrap();
    sync_border(&mut play).await;
    play.world.clock.advance_s(3600);
    sync_border(&mut play).await;
    play.settle().await;
    let refused = (
        ApplicationState::Refused,
        Some("evidence-suspended".to_owned()),
    );
    assert_eq!(play.follow("aziza", &early), [refused]);
    let changed = play.record("aziza", vct::TRAVEL).changed;
    assert_eq!(changed.unwrap().0, StatusChange::Suspended);

    change(&mut play, &kept, StatusChange::Reinstated).unwrap();
    sync_border(&mut play).await;
    play.world.clock.advance_s(3600);
    play.settle().await;
    play.world.clock.advance_s(3600);
    play.settle().await;
    let again = play.apply_for_permit("aziza").await;
    let states: Vec<_> = play
        .follow("aziza", &again)
        .into_iter()
        .map(|e| e.0)
        .collect();
    assert_eq!(states, [ApplicationState::Filed]);
    play.canary().await;
}

#[tokio::test]
async fn one_time_copies_are_refilled_before_they_run_out() {
    let mut play = ready(32).await;
    let first = play.record("aziza", vct::TRAVEL);
    for _ in 0..first.copies_left + 2 {
        play.apply_for_permit("aziza").await;
        let record = play.record("aziza", vct::TRAVEL);
        assert!(record.copies_left > 0);
        assert_eq!(record.kept, first.kept);
    }
    let record = play.record("aziza", vct::TRAVEL);
    assert!(record.held.copies.len() > first.held.copies.len());
    assert_eq!(play.office_alarms("border"), [] as [String; 0]);
    play.end().await;
}

#[tokio::test]
async fn with_the_decision_the_application_is_erased_at_the_hub() {
    let mut play = ready(33).await;
    let erased = |play: &Play| {
        let exchanges = play.world.wire.exchanges();
        let done = |e: &&denizen_testkit::Exchange| {
            e.method == "DELETE" && e.status.is_some_and(|s| s.is_success())
        };
        exchanges.iter().filter(done).count()
    };
    play.apply_for_permit("aziza").await;
    play.look("immigration").await;
    assert_eq!(erased(&play), 0);
    play.decide("immigration", permit()).await.unwrap();
    play.settle().await;
    assert_eq!(erased(&play), 1);
    play.end().await;
}
