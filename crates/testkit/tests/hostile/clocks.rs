//! Her device's clock is wrong: she sees what she has, nothing is called good on the ground of that clock,
//! nothing is fetched, and nobody is accused.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_api::wire::STATUS_READ_AHEAD_S_MAX;
use denizen_credential::Status;
use denizen_holder::{DeviceClock, Freshness, Holder, HolderError, shown_status};
use denizen_model::UnixTime;
use denizen_testkit::{Play, catalogue, persona::AZIZA, play::CLINIC};

/// Her program begins anew with its clock at `now`, from what her device keeps.
fn opened(play: &mut Play, now: UnixTime) -> Holder {
    let holder = &play.people["aziza"].holder;
    let (root, kept) = (
        holder.danger_root().clone(),
        holder.encrypt(&mut play.world.rng),
    );
    Holder::open(root, &kept, catalogue(), now).unwrap()
}

async fn sync(play: &mut Play, holder: &mut Holder, now: UnixTime) -> Result<(), HolderError> {
    let wire = play.world.wire.clone();
    let done = holder.sync(&wire, 0, now, &mut play.world.rng).await;
    done.map(drop)
}

#[tokio::test]
async fn with_a_clock_before_the_hub_s_first_keys_she_sees_her_records_and_nothing_is_called_valid()
{
    let mut play = Play::settled(311, AZIZA, &[CLINIC]).await;
    play.world.clock.advance_s(UnixTime::DAY_S);
    play.settle().await;
    let (now, count) = (play.world.now(), play.records("aziza").len());
    assert!(count > 0);
    for back in [UnixTime(0), now.plus_s(-7200), now.plus_s(-301)] {
        let mut holder = opened(&mut play, back);
        assert_eq!(holder.clock(back), DeviceClock::Behind);
        let records = holder.records(back);
        assert_eq!(records.len(), count);
        for record in &records {
            assert_eq!(record.status.freshness, Freshness::Ahead);
            assert_eq!(shown_status(record), "unknown");
            assert!(!record.claims.is_empty());
        }
        let sent = play.world.wire.sent();
        let refused = sync(&mut play, &mut holder, back).await.unwrap_err();
        assert_eq!(refused, HolderError::ClockBehind);
        assert_eq!(refused.code(), holder.clock(back).code().unwrap());
        assert_eq!(play.world.wire.sent(), sent, "nothing is fetched");
        let waiting = holder.profile().outbox.len();
        let note = holder.note(1, None, "x", back, &mut play.world.rng);
        assert_eq!(note, Err(HolderError::ClockBehind));
        assert_eq!(holder.profile().outbox.len(), waiting, "nothing is signed");
        assert!(holder.profile().alarms.is_empty());
        // The clock is set: all is as before.
        sync(&mut play, &mut holder, now).await.unwrap();
        assert_eq!(holder.clock(now), DeviceClock::Plausible);
        assert!(
            holder
                .records(now)
                .iter()
                .all(|r| shown_status(r) == "valid")
        );
        assert!(holder.profile().alarms.is_empty());
    }
    // What a hub bears with is no reason to say anything.
    let near = now.plus_s(-300);
    assert_eq!(opened(&mut play, near).clock(near), DeviceClock::Plausible);
    play.end().await;
}

#[tokio::test]
async fn with_a_clock_after_the_hub_s_last_keys_she_sees_her_records_and_nobody_is_accused() {
    let mut play = Play::settled(312, AZIZA, &[CLINIC]).await;
    let (now, count) = (play.world.now(), play.records("aziza").len());
    let late = now.plus_s(40 * 365 * UnixTime::DAY_S);
    let mut holder = opened(&mut play, late);
    assert_eq!(holder.clock(late), DeviceClock::OutOfTime);
    let records = holder.records(late);
    assert_eq!(records.len(), count);
    for record in &records {
        let known = record.status.freshness;
        assert!(matches!(known, Freshness::Stale(_)), "{known:?}");
    }
    let refused = sync(&mut play, &mut holder, late).await.unwrap_err();
    assert_eq!(refused.code(), "clock-or-keys");
    assert!(holder.profile().alarms.is_empty());
    assert!(holder.trust().directories().all(|d| !d.counts(late)));
    sync(&mut play, &mut holder, now).await.unwrap();
    assert_eq!(holder.clock(now), DeviceClock::Plausible);
    assert!(holder.profile().time_come <= now);
    assert_eq!(holder.records(now)[0].status.status, Status::Valid);
    assert!(now.0 + STATUS_READ_AHEAD_S_MAX < late.0);
    play.end().await;
}
