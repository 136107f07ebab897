//! What a device keeps of her records lies in pages: the second open checks nothing again, and a page
//! that is gone, older or altered comes again from its envelopes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_credential::Status;
use denizen_holder::{Freshness, Holder, RecordView};
use denizen_model::{Sha256Hash, UnixTime};
use denizen_testkit::{
    Play, catalogue,
    persona::AZIZA,
    play::{BORDER, CLINIC, vct},
};
use std::collections::BTreeMap;

/// A device's disk.
#[derive(Default, Clone)]
pub(crate) struct Disk {
    pub(crate) head: Vec<u8>,
    pub(crate) pages: BTreeMap<u32, Vec<u8>>,
}

impl Disk {
    /// Keeps her profile as a client does; gives the numbers of the pages that were written.
    pub(crate) fn keep(&mut self, play: &mut Play) -> Vec<u32> {
        let (holder, rng) = (
            &mut play.people.get_mut("aziza").unwrap().holder,
            &mut play.world.rng,
        );
        let packed = holder.pack(rng);
        self.head.clone_from(&packed.head);
        self.pages.extend(packed.pages.iter().cloned());
        self.pages.retain(|number, _| *number < packed.count);
        let written = packed.pages.iter().map(|(number, _)| *number).collect();
        holder.kept(packed);
        written
    }

    pub(crate) fn open(&self, play: &mut Play) {
        let now = play.world.now();
        let holder = &mut play.people.get_mut("aziza").unwrap().holder;
        let root = holder.danger_root().clone();
        *holder = Holder::open_packed(root, &self.head, &self.pages, catalogue(), now).unwrap();
    }
}

pub(crate) fn told(records: &[RecordView]) -> Vec<(Sha256Hash, Status, usize, Option<String>)> {
    let told = |r: &RecordView| {
        let changed = r.changed.as_ref().map(|(_, reason)| reason.clone());
        (r.kept, r.status.status, r.copies_left, changed)
    };
    let mut all: Vec<_> = records.iter().map(told).collect();
    all.sort_by_key(|(kept, ..)| *kept);
    all
}

#[tokio::test]
async fn a_second_open_checks_no_signature_and_needs_no_envelope() {
    let mut play = Play::settled(291, AZIZA, &[BORDER, CLINIC]).await;
    let mut disk = Disk::default();
    disk.keep(&mut play);
    assert!(play.holder("aziza").signatures_checked() > 0);
    let (before, requests) = (told(&play.records("aziza")), play.world.wire.sent());
    disk.open(&mut play);
    let (holder, now) = (play.holder("aziza"), play.world.now());
    assert_eq!(told(&holder.records(now)), before);
    let tasks = holder.due(60, now);
    assert!(tasks.iter().all(|t| {
        t.record
            .is_none_or(|r| before.iter().any(|(kept, ..)| *kept == r))
    }));
    let opened = (holder.signatures_checked(), holder.envelopes_opened());
    assert_eq!((opened, play.world.wire.sent()), ((0, 0), requests));
    // Nothing new: nothing is written but the head.
    assert!(disk.keep(&mut play).is_empty());
    // What is kept whole has no pages, and opens alike.
    let now = play.world.now();
    let whole = play.people["aziza"].holder.encrypt(&mut play.world.rng);
    let root = play.holder("aziza").danger_root().clone();
    let whole = Holder::open(root, &whole, catalogue(), now).unwrap();
    assert_eq!(told(&whole.records(now)), before);
    play.end().await;
}

#[tokio::test]
async fn what_time_and_the_directory_say_is_computed_anew_from_pages() {
    let mut play = Play::settled(292, AZIZA, &[CLINIC]).await;
    let mut disk = Disk::default();
    disk.keep(&mut play);
    let medical = play.record("aziza", vct::MEDICAL);
    disk.open(&mut play);
    let later = UnixTime(play.world.now().0 + 40 * UnixTime::DAY_S);
    let late = play.holder("aziza").record(&medical.kept, later).unwrap();
    assert_eq!(medical.status.freshness, Freshness::Fresh);
    assert!(
        matches!(late.status.freshness, Freshness::Stale(_)),
        "a list is not fresh for ever"
    );
    // What comes meanwhile is in the pages that are written next.
    play.settle().await;
    disk.keep(&mut play);
    disk.open(&mut play);
    assert_eq!(play.holder("aziza").signatures_checked(), 0);
    play.end().await;
}

#[tokio::test]
async fn a_page_that_is_gone_altered_or_older_comes_again_from_its_envelopes() {
    let mut play = Play::settled(293, AZIZA, &[BORDER, CLINIC]).await;
    let (mut disk, before) = (Disk::default(), told(&play.records("aziza")));
    let mut older = Disk::default();
    disk.keep(&mut play);
    older.pages.insert(0, vec![0; 64]);
    let mut altered = disk.pages[&0].clone();
    altered[100] ^= 1;
    for page in [None, Some(altered), Some(older.pages[&0].clone())] {
        let mut spoiled = disk.clone();
        spoiled.pages.remove(&0);
        spoiled.pages.extend(page.map(|page| (0, page)));
        spoiled.open(&mut play);
        let lost = &play.holder("aziza").profile().lost;
        assert_eq!(lost.len(), before.len(), "known to be lost");
        assert!(
            play.records("aziza").is_empty(),
            "and nothing of it believed"
        );
        // It is kept so, if the hub is away.
        spoiled.keep(&mut play);
        spoiled.open(&mut play);
        assert_eq!(play.holder("aziza").profile().lost.len(), before.len());
        play.settle().await;
        assert_eq!(told(&play.records("aziza")), before);
        assert!(play.holder("aziza").profile().lost.is_empty());
        assert!(play.alarms("aziza").is_empty());
        disk.keep(&mut play);
    }
    play.end().await;
}

#[tokio::test]
async fn what_is_shredded_is_in_no_page() {
    let mut play = Play::settled(294, AZIZA, &[BORDER, CLINIC]).await;
    let mut disk = Disk::default();
    disk.keep(&mut play);
    let link = play.holder("aziza").profile().links[0].index;
    let kept: Vec<_> = play
        .records("aziza")
        .iter()
        .map(|r| (r.held.link, r.kept))
        .collect();
    let (wire, now) = (play.world.wire.clone(), play.world.now());
    let holder = &mut play.people.get_mut("aziza").unwrap().holder;
    holder
        .shred(link, &wire, now, &mut play.world.rng)
        .await
        .unwrap();
    assert_eq!(disk.keep(&mut play), vec![0]);
    disk.open(&mut play);
    let left: Vec<_> = play.records("aziza").iter().map(|r| r.kept).collect();
    assert!(!left.is_empty() && left.len() < kept.len());
    assert!(
        kept.iter()
            .filter(|(of, _)| *of == link)
            .all(|(_, k)| !left.contains(k))
    );
    play.settle().await;
    play.canary().await;
}
