//! An office's large file: rows of one person share envelopes, a run that was cut off goes on, and what
//! is made does not depend on how many processors made it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_credential::Status;
use denizen_gateway::{IntakeError, IntakeReport, Mapping};
use denizen_testkit::{
    AZIZA, Play, catalogue,
    catalogue::demo_file,
    play::{BORDER, vct},
};
use std::{collections::BTreeSet, io};

/// The border's file with one crossing a day of one case, and `strangers` of cases that nobody has
/// linked.
fn crossings(own: u32, strangers: u32) -> String {
    let text = String::from_utf8(demo_file("border/crossings.csv")).unwrap();
    let mut lines = text.lines();
    let (header, row) = (lines.next().unwrap(), lines.next().unwrap());
    let mut file = format!("{header}\n");
    for n in 0..own + strangers {
        let day = format!("{:02}.{:02}.2025", 1 + n % 28, 1 + n / 28 % 12);
        let mut row = row.replace("12.03.2026", &day);
        if n >= own {
            row = row.replace("ПК-2026-000101", &format!("ПК-2025-{n:06}"));
        }
        file += &format!("{row}\n");
    }
    file
}

/// Takes a file in, told after each transaction.
fn take(
    play: &mut Play,
    file: &str,
    follow: &mut dyn FnMut(&mut IntakeReport) -> io::Result<()>,
) -> Result<IntakeReport, IntakeError> {
    let mapping = String::from_utf8(demo_file("border/mapping.toml")).unwrap();
    let mapping = Mapping::parse(&mapping, &catalogue()).unwrap();
    let now = play.world.now();
    let gateway = play.gateways.get_mut("border").unwrap();
    gateway.intake_followed(file.as_bytes(), &mapping, follow, now, &mut play.world.rng)
}

#[tokio::test]
async fn records_of_one_person_share_envelopes_and_each_is_hers_with_its_own_proof() {
    let mut play = Play::settled(81, AZIZA, &[BORDER]).await;
    let before = play.records("aziza").len();
    let report = take(&mut play, &crossings(60, 3), &mut |_| Ok(())).unwrap();
    assert_eq!((report.taken, report.waiting), (60, 3), "{:?}", report.bad);
    let envelopes = play.gateway("border").backlog().unwrap().1;
    assert!(envelopes <= 2, "60 records in {envelopes} envelopes");
    play.settle().await;
    assert_eq!(play.records("aziza").len(), before + 60);
    for record in play.records("aziza") {
        assert_eq!(record.status.status, Status::Valid);
    }
    let holder = play.holder("aziza");
    let records = play.records("aziza");
    assert!(records.iter().all(|r| holder.receipt(&r.held).is_some()));
    assert_eq!(play.alarms("aziza"), Vec::<String>::new());
    play.restore_from_kit("aziza").await;
    assert_eq!(play.records("aziza").len(), before + 60);
    play.end().await;
}

#[tokio::test]
async fn rows_that_waited_come_together_when_their_person_is_linked() {
    let mut play = Play::with(82, &[BORDER]).await;
    play.arrive(AZIZA).await;
    let report = take(&mut play, &crossings(40, 0), &mut |_| Ok(())).unwrap();
    assert_eq!((report.taken, report.waiting), (0, 40));
    play.link("aziza", &BORDER).await;
    let records = play.records("aziza");
    let holder = play.holder("aziza");
    let leaves: BTreeSet<_> = records.iter().map(|r| holder.log_index(&r.held)).collect();
    assert_eq!((records.len(), leaves.len()), (40, 1));
    play.end().await;
}

#[tokio::test]
async fn an_older_document_and_the_one_that_renews_it_may_stand_in_one_file() {
    let mut play = Play::settled(83, AZIZA, &[BORDER]).await;
    let text = String::from_utf8(demo_file("border/documents.ndjson")).unwrap();
    let row = text.lines().next().unwrap();
    let older = row.replace("FA1204563", "FB0000001");
    let newer = row.replace(
        "\"номер\": \"FA1204563\"",
        "\"номер\": \"FB0000002\", \"прежний\": \"FB0000001\"",
    );
    let file = format!("{older}\n{newer}\n");
    let report = play.intake("border", file.as_bytes(), "border/documents-mapping.toml");
    assert_eq!(report.taken, 2, "{:?}", report.bad);
    play.hours(2).await;
    let state = |number: &str| {
        let records = play.records("aziza");
        let of = |r: &&denizen_holder::RecordView| r.claims["document_number"] == number;
        let travel = records.iter().filter(|r| r.vct == vct::TRAVEL);
        travel.clone().find(of).unwrap().status.status
    };
    assert_eq!(state("FB0000001"), Status::Invalid);
    assert_eq!(state("FB0000002"), Status::Valid);
    play.end().await;
}

#[tokio::test]
async fn a_run_that_was_cut_off_goes_on_under_its_number_and_is_undone_as_a_whole() {
    let mut play = Play::settled(84, AZIZA, &[BORDER]).await;
    let known = play.gateway("border").runs().unwrap().len();
    let file = crossings(20, 700);
    let mut told = Vec::new();
    let cut = take(&mut play, &file, &mut |report| {
        told.push(report.rows());
        Err(io::Error::other("the machine stops here"))
    });
    assert!(matches!(cut, Err(IntakeError::Follow(_))), "{cut:?}");
    let taken = told[0];
    assert!(taken < 720, "the file is longer than one transaction");
    let run = play.gateway("border").runs().unwrap().pop().unwrap();
    assert_eq!((run.taken, run.ended), (taken, false));

    // Another file is a run of its own: what was cut off is not mixed with it.
    let other = crossings(20, 701).replace(".2025 ", ".2024 ");
    let other = take(&mut play, &other, &mut |_| Ok(())).unwrap();
    assert_ne!(other.run, run.number);
    let again = take(&mut play, &file, &mut |_| Ok(())).unwrap();
    assert_ne!(again.run, run.number, "only the newest run goes on");
    assert_eq!((again.repeated, again.rows()), (taken, 720));
    assert_eq!(play.gateway("border").runs().unwrap().len(), known + 3);
    play.end().await;
}

#[tokio::test]
async fn the_newest_run_goes_on_when_its_file_is_given_again() {
    let mut play = Play::settled(85, AZIZA, &[BORDER]).await;
    let known = play.gateway("border").runs().unwrap().len();
    let file = crossings(20, 700);
    let cut = take(&mut play, &file, &mut |_| Err(io::Error::other("stop")));
    assert!(cut.is_err());
    let whole = take(&mut play, &file, &mut |_| Ok(())).unwrap();
    let runs = play.gateway("border").runs().unwrap();
    let run = &runs[runs.len() - 1];
    assert_eq!((runs.len(), run.number), (known + 1, whole.run));
    assert_eq!((run.taken, run.ended), (720, true));
    play.settle().await;
    let now = play.world.now();
    let gateway = play.gateways.get_mut("border").unwrap();
    let undone = gateway.undo_run(whole.run, "Taken by mistake.", now, &mut play.world.rng);
    assert_eq!(undone.unwrap(), (20, 700));
    play.end().await;
}

#[tokio::test]
async fn bad_rows_may_be_taken_out_as_they_come_and_are_counted_all_the_same() {
    let mut play = Play::settled(86, AZIZA, &[BORDER]).await;
    let file = crossings(0, 1100).replace(".02.2025 ", ".13.2025 ");
    let (mut bad, mut held) = (Vec::new(), 0);
    let report = take(&mut play, &file, &mut |report| {
        held = held.max(report.bad.len());
        bad.extend(report.take_bad());
        Ok(())
    });
    let report = report.unwrap();
    assert_eq!(
        (report.bad.len(), report.bad_count()),
        (0, bad.len() as u64)
    );
    assert_eq!(report.rows(), 1100);
    assert!(bad.len() > held, "they came in more than one part");
    let run = play.gateway("border").runs().unwrap().pop().unwrap();
    assert_eq!((run.taken, run.bad), (report.waiting, bad.len() as u64));
    play.end().await;
}
