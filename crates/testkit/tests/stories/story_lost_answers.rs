//! One whole story, told again and again over a wire that loses, each time, one answer (or one request,
//! or brings one twice): it always ends in the same state. Nothing is lost, nothing comes twice.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)]

use denizen_gateway::CaseState;
use denizen_holder::LinkState;
use denizen_model::{catalogue::Service, message::ApplicationState};
use denizen_testkit::{
    AZIZA, Fault, Play, Rng, catalogue,
    play::{OfficeKind, WORK_PERMIT, permit, vct},
};
use rand_core::{Rng as _, SeedableRng as _};
use serde_json::json;

/// Of the even and of the odd requests every one in a release build (`cargo xtask campaign`), every
/// second one while developing.
const STEP: usize = if cfg!(debug_assertions) { 4 } else { 2 };

const OFFICE: OfficeKind = OfficeKind {
    name: "border",
    title: "One Office",
    kinds: &[vct::TRAVEL, vct::FILED, vct::DECISION, vct::PERMIT],
    services: &[],
    files: &[("border/documents.ndjson", "border/documents-mapping.toml")],
};

/// A work permit for which a travel document is enough.
fn service() -> Service {
    let mut service = catalogue().service(WORK_PERMIT).unwrap().clone();
    let only = "travel_document";
    service.evidence = json!({"credentials": [service.evidence["credentials"][0]]});
    service.issuers.retain(|query, _| query == only);
    service.subject_required = vec![only.to_owned()];
    service.constraints.retain(|c| c.query == only);
    service
}

/// All that must be the same at the end, whatever was lost on the way.
#[derive(Debug, PartialEq)]
struct Outcome {
    links: Vec<LinkState>,
    records: Vec<(String, usize, usize, bool)>,
    application: Vec<(ApplicationState, Option<String>)>,
    notices: usize,
    alarms: Vec<String>,
    waiting: (usize, u64, u64),
    queue: Vec<CaseState>,
    received: usize,
}

/// What happens on the line.
#[derive(Debug, Clone, Copy)]
enum Weather {
    Calm,
    /// One fault, at this request.
    Once(usize, Fault),
    /// Of a hundred requests so many have a fault of any kind.
    Storm(u64),
    /// Her program is killed after this sync, before it keeps what it knows.
    Killed(usize),
    /// Hub and gateway restart before every round.
    Restless,
}

async fn told(seed: u64, weather: Weather) -> (Outcome, usize) {
    let mut play = Play::make(seed).await;
    match weather {
        Weather::Calm => play.world.wire.plan(|_, _| None),
        Weather::Once(number, fault) => play.world.wire.fault_at(number, fault),
        Weather::Restless => play.restless = true,
        Weather::Killed(sync) => play.killed_at.1 = Some(sync),
        Weather::Storm(percent) => {
            let mut dice = Rng::seed_from_u64(seed);
            play.world.wire.plan(move |_, _| {
                let roll = dice.next_u64() % 300;
                let fault = [Fault::LoseAnswer, Fault::LoseRequest, Fault::Twice];
                (roll < 3 * percent).then(|| fault[usize::try_from(roll % 3).unwrap()])
            });
        }
    }
    play.open(&OFFICE).await;
    play.publish("border", service()).await;
    play.arrive(AZIZA).await;
    play.link("aziza", &OFFICE).await;
    play.fill(&OFFICE).await;
    let application = play.apply_for_permit("aziza").await;
    play.look("border").await;
    play.decide("border", permit()).await.unwrap();
    let sent = match weather {
        Weather::Killed(_) => play.killed_at.0,
        _ => play.world.wire.sent(),
    };
    play.world.wire.calm();
    play.end().await;
    let mut records: Vec<_> = play
        .records("aziza")
        .into_iter()
        .map(|r| {
            (
                r.vct,
                r.held.copies.len(),
                r.copies_left,
                play.holder("aziza").receipt(&r.held).is_some(),
            )
        })
        .collect();
    records.sort();
    let (rows, envelopes) = play.gateway("border").backlog().unwrap();
    let queue = play.gateway("border").queue().unwrap();
    let profile = play.holder("aziza").profile();
    let outcome = Outcome {
        links: profile.links.iter().map(|l| l.state).collect(),
        records,
        application: play.follow("aziza", &application),
        notices: profile.notices.len(),
        alarms: play.alarms("aziza"),
        waiting: (profile.outbox.len(), rows, envelopes),
        queue: queue.into_iter().map(|c| c.state).collect(),
        received: profile.links[0].taken.len(),
    };
    (outcome, sent)
}

async fn campaign(seed: u64, fault: Fault, from: usize, step: usize) {
    let (want, requests) = told(seed, Weather::Calm).await;
    assert_eq!(want.records.len(), 4, "{want:?}");
    let mut count = 0;
    for number in (from..requests).step_by(step) {
        let (got, _) = told(seed, Weather::Once(number, fault)).await;
        assert_eq!(got, want, "{fault:?} at request {number} of {requests}");
        count += 1;
    }
    println!("{fault:?}: {count} stories of {requests} requests, seed {seed}: all end alike");
}

#[tokio::test]
async fn any_one_lost_answer_changes_nothing_even_requests() {
    campaign(1, Fault::LoseAnswer, 0, STEP).await;
}

#[tokio::test]
async fn any_one_lost_answer_changes_nothing_odd_requests() {
    campaign(1, Fault::LoseAnswer, 1, STEP).await;
}

#[tokio::test]
async fn a_stormy_line_changes_nothing() {
    for seed in [3, 4, 5, 6] {
        let (want, _) = told(seed, Weather::Calm).await;
        let (got, requests) = told(seed, Weather::Storm(12)).await;
        assert_eq!(got, want, "seed {seed}");
        println!("storm of 12 in 100: {requests} requests, seed {seed}: ends alike");
    }
}

#[tokio::test]
async fn a_lost_request_or_one_that_comes_twice_changes_nothing() {
    campaign(2, Fault::LoseRequest, 0, 7).await;
    campaign(2, Fault::Twice, 3, 7).await;
}

#[tokio::test]
async fn a_client_that_is_killed_before_it_keeps_what_it_knows_loses_nothing() {
    let (want, _) = told(7, Weather::Calm).await;
    let (_, syncs) = told(7, Weather::Killed(usize::MAX)).await;
    for sync in 0..syncs {
        let (got, _) = told(7, Weather::Killed(sync)).await;
        assert_eq!(got, want, "killed at sync {sync} of {syncs}");
    }
    println!("killed after each of {syncs} syncs, seed 7: all end alike");
}

#[tokio::test]
async fn servers_that_restart_all_the_time_change_nothing() {
    let (want, _) = told(8, Weather::Calm).await;
    let (got, _) = told(8, Weather::Restless).await;
    assert_eq!(got, want);
}
