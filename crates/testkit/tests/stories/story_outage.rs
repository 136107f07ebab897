//! The hub is away, a program is killed, two devices act at once: nothing is lost, nothing comes twice.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_api::client::ClientError;
use denizen_gateway::{CaseState, GatewayError, IntakeReport};
use denizen_holder::HolderError;
use denizen_model::message::{ApplicationState::Filed, DisputeState, StatusChange};
use denizen_testkit::{
    AZIZA, Fault, Play,
    catalogue::demo_file,
    play::{
        BORDER, CLINIC, EMPLOYER, IMMIGRATION, OfficeKind, RIGHT_TO_WORK, TEST_CENTRE, permit, vct,
    },
};
use serde_json::json;
use std::{collections::BTreeSet, path::Path};

const OFFICES: [OfficeKind; 4] = [BORDER, TEST_CENTRE, CLINIC, IMMIGRATION];

/// Everybody tries to sync; nobody gets through, and nobody falls over.
async fn everybody_tries(play: &mut Play) {
    let (now, wire) = (play.world.now(), play.world.wire.clone());
    let rng = &mut play.world.rng;
    for (office, gateway) in &mut play.gateways {
        let tried = gateway.sync(&wire, 0, now, rng).await;
        assert!(
            matches!(tried, Err(GatewayError::Client(ClientError::Transport(_)))),
            "{office}: {tried:?}"
        );
    }
    for (person, player) in &mut play.people {
        let tried = player.holder.sync(&wire, 0, now, rng).await;
        assert!(
            matches!(tried, Err(HolderError::Client(ClientError::Transport(_)))),
            "{person}: {tried:?}"
        );
    }
}

#[tokio::test]
async fn d1_an_hour_without_the_hub_and_then_all_of_it_arrives_once() {
    let mut play = Play::settled(251, AZIZA, &OFFICES).await;
    let crossings = demo_file("border/crossings-archive.csv");
    play.world.stop_hub(0);
    play.world.clock.advance_s(60);
    let now = play.world.now();

    // The office goes on: another file, a status, a note.
    let report = play.intake("border", &crossings, "border/mapping.toml");
    assert!(report.taken > 0, "{report:?}");
    let travel = play.record("aziza", vct::TRAVEL).kept;
    let rng = &mut play.world.rng;
    let border = play.gateways.get_mut("border").unwrap();
    let change = StatusChange::Suspended;
    border
        .change_status(&travel, change, "being checked", now, rng)
        .unwrap();
    border
        .write_note(AZIZA.case("border"), "We will be back.", now, rng)
        .unwrap();
    let waiting = border.backlog().unwrap();
    // Her rows share an envelope; the status and the note have one each.
    assert_eq!(waiting.1, 3, "{waiting:?}");

    // She goes on: what she has is hers to read and to check, an application and a dispute wait.
    let holder = &play.people["aziza"].holder;
    let all = holder.records(now);
    assert!(all.iter().all(|r| holder.receipt(&r.held).is_some()));
    let preview = play
        .preview("aziza", denizen_testkit::play::WORK_PERMIT, AZIZA.answers())
        .unwrap();
    let application = play.apply("aziza", &preview).unwrap();
    let crossing = play.record("aziza", vct::CROSSING).kept;
    let holder = &mut play.people.get_mut("aziza").unwrap().holder;
    let with = (now, &mut play.world.rng as &mut dyn rand_core::CryptoRng);
    holder
        .dispute(&crossing, vec![], "I left in May.", &[], with)
        .unwrap();
    let queued = holder.profile().outbox.len();

    // Tries over the whole hour neither lose nor pile up anything.
    for _ in 0..12 {
        play.world.clock.advance_s(300);
        everybody_tries(&mut play).await;
    }
    assert_eq!(play.holder("aziza").profile().outbox.len(), queued);
    assert_eq!(play.gateway("border").backlog().unwrap(), waiting);
    // The same file again meanwhile: nothing is queued twice.
    let again = play.intake("border", &crossings, "border/mapping.toml");
    assert_eq!(again.rows(), again.repeated, "{again:?}");
    assert_eq!(play.gateway("border").backlog().unwrap(), waiting);

    play.world.restart_hub(0);
    play.settle().await;
    play.hours(2).await;
    assert_eq!(play.gateway("border").backlog().unwrap().1, 0);
    assert!(play.holder("aziza").profile().outbox.is_empty());
    let of = |kind: &str| play.kinds("aziza").iter().filter(|k| *k == kind).count();
    assert_eq!(
        of(vct::CROSSING) as u64,
        3 + report.taken,
        "only her rows have a link"
    );
    assert_eq!(play.follow("aziza", &application), [(Filed, None)]);
    let profile = play.holder("aziza").profile();
    assert_eq!(profile.disputes[0].events[0].state, DisputeState::Received);
    assert_eq!(profile.notes.len(), 1);
    let travel = play
        .holder("aziza")
        .record(&travel, play.world.now())
        .unwrap();
    assert_eq!(travel.held.changes.len(), 1);
    let queue = play.gateway("immigration").queue().unwrap();
    assert_eq!(queue.len(), 1);
    play.end().await;
}

/// Where an office's program is killed while it takes in a file and sends it.
#[derive(Debug, Clone, Copy)]
enum Killed {
    /// Rows are sealed, and the transaction that keeps them is not through.
    BeforeStored,
    /// They lie in the outbox, and nothing was sent.
    BeforeSent,
    /// The request was lost on its way.
    RequestLost,
    /// The hub has them, and its answer never came.
    BeforeAnswered,
    /// The answer came, and what follows from it was not kept.
    BeforeSettled,
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to.join(entry.file_name()));
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// The folder of a closed gateway becomes what it was.
fn put_back(saved: &Path, folder: &Path) {
    std::fs::remove_dir_all(folder).unwrap();
    copy_folder(saved, folder);
}

async fn taken_in(
    seed: u64,
    killed: Option<Killed>,
) -> (Vec<String>, usize, IntakeReport, (u64, u64)) {
    let mut play = Play::with(seed, &[CLINIC]).await;
    play.arrive(AZIZA).await;
    play.link("aziza", &CLINIC).await;
    let folder = play.world.folder("gateway-clinic");
    let saved = tempfile::tempdir().unwrap();
    let file = demo_file("clinic/certificates.ndjson");
    let take = |play: &mut Play| play.intake("clinic", &file, "clinic/mapping.toml");
    let save = |play: &mut Play| {
        play.gateways.remove("clinic");
        copy_folder(&folder, &saved.path().join("now"));
        play.reopen("clinic");
    };
    if matches!(killed, Some(Killed::BeforeStored)) {
        save(&mut play);
    }
    take(&mut play);
    let deposit = |n: usize, request: &http::Request<Vec<u8>>| {
        let _ = n;
        request.uri().path().ends_with("/deposits")
    };
    match killed {
        None => {}
        Some(Killed::BeforeStored) => {
            play.gateways.remove("clinic");
            put_back(&saved.path().join("now"), &folder);
            play.reopen("clinic");
        }
        Some(Killed::BeforeSent) => play.reopen("clinic"),
        Some(Killed::RequestLost | Killed::BeforeAnswered | Killed::BeforeSettled) => {
            let fault = match killed {
                Some(Killed::RequestLost) => Some(Fault::LoseRequest),
                Some(Killed::BeforeAnswered) => Some(Fault::LoseAnswer),
                _ => None,
            };
            play.world
                .wire
                .plan(move |n, r| fault.filter(|_| deposit(n, r)));
            if fault.is_none() {
                save(&mut play);
            }
            let (now, wire) = (play.world.now(), play.world.wire.clone());
            let rng = &mut play.world.rng;
            let clinic = play.gateways.get_mut("clinic").unwrap();
            let sent = clinic.sync(&wire, 0, now, rng).await;
            assert_eq!(sent.is_err(), fault.is_some(), "{killed:?}: {sent:?}");
            play.gateways.remove("clinic");
            if fault.is_none() {
                put_back(&saved.path().join("now"), &folder);
            }
            play.reopen("clinic");
            play.world.wire.calm();
        }
    }
    // After a crash the office gives the same file again: it does not know how far it came.
    let again = take(&mut play);
    play.settle().await;
    let kinds = play.kinds("aziza");
    let envelopes = play.holder("aziza").profile().links[0].taken.len();
    let backlog = play.gateway("clinic").backlog().unwrap();
    // No envelope lies at the hub under two ids.
    let places: BTreeSet<_> = play
        .records("aziza")
        .iter()
        .map(|r| play.holder("aziza").receipt(&r.held).unwrap().index)
        .collect();
    assert_eq!(places.len(), play.records("aziza").len(), "{killed:?}");
    play.end().await;
    (kinds, envelopes, again, backlog)
}

#[tokio::test]
async fn an_outbox_killed_at_any_stage_sends_everything_once_and_a_rerun_nothing_twice() {
    let (kinds, envelopes, again, backlog) = taken_in(252, None).await;
    assert_eq!(again.taken, 0, "{again:?}");
    for stage in [
        Killed::BeforeStored,
        Killed::BeforeSent,
        Killed::RequestLost,
        Killed::BeforeAnswered,
        Killed::BeforeSettled,
    ] {
        let got = taken_in(252, Some(stage)).await;
        assert_eq!(
            (&got.0, got.1, got.3),
            (&kinds, envelopes, backlog),
            "{stage:?}"
        );
        // Only what was never stored is new to the rerun.
        let fresh = matches!(stage, Killed::BeforeStored);
        assert_eq!(got.2.taken > 0, fresh, "{stage:?}: {:?}", got.2);
    }
}

#[tokio::test]
async fn two_devices_that_act_at_the_same_time_show_no_copy_twice_and_both_are_refilled() {
    for seed in [253, 254] {
        let mut play = Play::settled(seed, AZIZA, &OFFICES).await;
        play.apply_for_permit("aziza").await;
        play.decide("immigration", permit()).await.unwrap();
        play.open(&EMPLOYER).await;
        play.link_open("aziza", &EMPLOYER).await;
        play.join("aziza", "tablet").await;
        // Neither hears of the other before both have shown the same paper.
        for device in ["aziza", "tablet"] {
            let preview = play.preview(device, RIGHT_TO_WORK, json!({})).unwrap();
            play.apply(device, &preview).unwrap();
        }
        play.settle().await;
        let permit = play.record("aziza", vct::PERMIT);
        let spent = permit.held.copies.len() - permit.copies_left;
        assert_eq!(
            spent, 2,
            "seed {seed}: each device showed a copy of its own"
        );
        for device in ["aziza", "tablet"] {
            let profile = play.holder(device).profile();
            assert_eq!(
                profile.spent,
                play.holder("aziza").profile().spent,
                "{device}"
            );
            assert_eq!(profile.applications.len(), 3, "{device}");
        }
        let queue = play.gateway("employer").queue().unwrap();
        assert_eq!(
            queue.iter().filter(|c| c.state == CaseState::Filed).count(),
            2
        );
        // They go on until copies run low: fresh ones come once, to both.
        for _ in 0..2 {
            let preview = play.preview("tablet", RIGHT_TO_WORK, json!({})).unwrap();
            play.apply("tablet", &preview).unwrap();
            play.settle().await;
        }
        let left = |play: &Play, device: &str| play.record(device, vct::PERMIT).copies_left;
        assert!(left(&play, "aziza") >= 4, "refilled");
        assert_eq!(left(&play, "aziza"), left(&play, "tablet"));
        play.end().await;
    }
}
