//! What is done once is not done again: each credential is read once, each checkpoint of a batch verified
//! once, and signatures that were found good ahead are not checked here.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::story_pages::{Disk, told};
use denizen_holder::{CheckAhead, Checking, Holder, RecordView, Signed};
use denizen_model::jose::VERIFIER;
use denizen_testkit::{
    Play, catalogue,
    persona::AZIZA,
    play::{BORDER, CLINIC},
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

#[tokio::test]
async fn a_credential_is_read_once_however_often_its_record_is_shown() {
    let mut play = Play::settled(295, AZIZA, &[BORDER, CLINIC]).await;
    let mut disk = Disk::default();
    disk.keep(&mut play);
    let (now, before) = (play.world.now(), said(&play.records("aziza")));
    let look = |holder: &Holder| {
        let records = holder.records(now);
        assert_eq!(said(&records), before);
        assert_eq!(holder.due(365, now), holder.due_of(&records, 365, now));
        assert!(holder.record(&records[0].kept, now).is_some());
        holder.credentials_read()
    };
    disk.open(&mut play);
    assert_eq!(look(play.holder("aziza")), 0, "its page says what it says");
    assert!(disk.keep(&mut play).is_empty());
    assert_eq!(look(play.holder("aziza")), 0);
    // A profile that is kept whole has no pages.
    let whole = play.people["aziza"].holder.encrypt(&mut play.world.rng);
    let root = play.holder("aziza").danger_root().clone();
    let whole = Holder::open(root, &whole, catalogue(), now).unwrap();
    assert_eq!(look(&whole), before.len() as u64);
    assert_eq!(look(&whole), before.len() as u64);
    play.end().await;
}

/// What lists show of what records say.
fn said(records: &[RecordView]) -> Vec<impl PartialEq + std::fmt::Debug + use<>> {
    let said = |r: &RecordView| {
        let dates = (r.issued, r.expires);
        (r.kept, r.claims.clone(), dates, r.status, r.quality)
    };
    records.iter().map(said).collect()
}

#[tokio::test]
async fn a_checkpoint_is_verified_once_for_the_receipts_under_it() {
    let mut play = Play::settled(296, AZIZA, &[BORDER]).await;
    let holder = play.holder("aziza");
    let records = holder.records(play.world.now());
    let verified = || {
        let mut all = holder.trust().directories();
        all.next().unwrap().trust.checkpoints_verified()
    };
    for view in &records {
        let before = holder.receipt(&view.held).unwrap();
        let once = verified();
        assert_eq!(holder.receipt(&view.held).unwrap(), before);
        assert_eq!(verified(), once);
    }
    assert!(!records.is_empty() && verified() > 0);
    play.end().await;
}

/// What is answered to one signature; nothing at all if to one of them there is no answer.
type Answer = fn(&Signed) -> Option<bool>;

/// Counts what it is asked, and answers as it is told.
struct Elsewhere {
    asked: AtomicUsize,
    answer: Answer,
}

impl CheckAhead for Elsewhere {
    fn check(&self, asked: Vec<Signed>) -> Checking {
        self.asked.fetch_add(asked.len(), Ordering::Relaxed);
        let said: Option<Vec<bool>> = asked.iter().map(self.answer).collect();
        Box::pin(std::future::ready(said.unwrap_or_default()))
    }
}

fn really(signed: &Signed) -> Option<bool> {
    let verified = VERIFIER.verify(&signed.key, &signed.message, &signed.signature);
    Some(verified.is_ok())
}

#[tokio::test]
async fn what_is_good_ahead_is_not_checked_again_and_whatever_else_it_says_changes_nothing() {
    let mut play = Play::settled(297, AZIZA, &[BORDER, CLINIC]).await;
    let (mut disk, before) = (Disk::default(), told(&play.records("aziza")));
    disk.keep(&mut play);
    let copies: usize = play
        .records("aziza")
        .iter()
        .map(|r| r.held.copies.len())
        .sum();
    let answers: [(Answer, bool); 3] =
        [(really, true), (|_| Some(false), false), (|_| None, false)];
    for (answer, trusted) in answers {
        // All records come again from their envelopes.
        let mut bare = disk.clone();
        bare.pages.clear();
        bare.open(&mut play);
        let elsewhere = Arc::new(Elsewhere {
            asked: AtomicUsize::new(0),
            answer,
        });
        let holder = &mut play.people.get_mut("aziza").unwrap().holder;
        holder.check_ahead_with(elsewhere.clone());
        play.settle().await;
        assert_eq!(told(&play.records("aziza")), before);
        assert_eq!(
            elsewhere.asked.load(Ordering::Relaxed),
            before.len() + copies
        );
        let here = play.holder("aziza").signatures_checked();
        assert_eq!(here == 0, trusted, "{here} checked here");
        assert!(play.alarms("aziza").is_empty());
    }
    play.end().await;
}
