//! An office took in the wrong file: the run is undone as a whole, and the right one is taken.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_credential::Status;
use denizen_gateway::GatewayError;
use denizen_testkit::{
    AZIZA, Play,
    play::{BORDER, vct},
};

#[tokio::test]
async fn a_wrong_run_is_undone_and_the_rows_may_come_again() {
    let mut play = Play::settled(71, AZIZA, &[BORDER]).await;
    let runs = play.gateway("border").runs().unwrap();
    let kinds: Vec<_> = runs.iter().map(|r| r.vct.as_str()).collect();
    assert_eq!(kinds, [vct::TRAVEL, vct::CROSSING]);
    let (wrong, rows) = (runs[1].number, runs[1].taken);
    let waiting = play.gateway("border").backlog().unwrap().0;
    let undo = |g: &mut denizen_gateway::Gateway, now, rng: &mut denizen_testkit::Rng| {
        g.undo_run(wrong, "The file of last year was taken in.", now, rng)
    };
    let (withdrawn, dropped) = play.at_office("border", undo).await.unwrap();
    assert_eq!((withdrawn, withdrawn + dropped), (3, rows));
    assert_eq!(
        play.gateway("border").backlog().unwrap().0,
        waiting - dropped
    );
    play.hours(2).await;
    let records = play.records("aziza");
    let crossings = records.iter().filter(|r| r.vct == vct::CROSSING);
    for crossing in crossings {
        assert_eq!(crossing.status.status, Status::Invalid);
        assert!(crossing.changed.as_ref().unwrap().1.contains("last year"));
    }
    assert_eq!(
        play.record("aziza", vct::TRAVEL).status.status,
        Status::Valid
    );
    let again = play.at_office("border", undo).await;
    assert!(matches!(again, Err(GatewayError::RunUnknown)));
    assert!(play.gateway("border").runs().unwrap()[1].undone.is_some());

    let reports = play.fill(&BORDER).await;
    assert_eq!(reports[1].taken, 3);
    assert_eq!(reports[1].waiting, dropped);
    assert_eq!(
        reports[0].repeated,
        reports[0].rows(),
        "the other run stands"
    );
    assert_eq!(
        play.record("aziza", vct::CROSSING).status.status,
        Status::Valid
    );
    play.end().await;
}
