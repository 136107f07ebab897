//! Two applications at once, another version, more papers, her withdrawal, a late decision.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_credential::Status;
use denizen_gateway::{CaseState, GatewayError};
use denizen_holder::{Confirmed, HolderError};
use denizen_model::{
    MessageId,
    message::ApplicationState::{Decided, Filed, InReview, MoreNeeded, Withdrawn},
};
use denizen_testkit::{
    AZIZA, Play,
    play::{BORDER, CLINIC, IMMIGRATION, OfficeKind, TEST_CENTRE, WORK_PERMIT, permit, vct},
};
use serde_json::{Value, json};

const OFFICES: [OfficeKind; 4] = [BORDER, TEST_CENTRE, CLINIC, IMMIGRATION];

fn answers(months: u32) -> Value {
    let mut answers = AZIZA.answers();
    answers["months"] = json!(months);
    answers
}

async fn amend(play: &mut Play, id: &MessageId, months: u32) -> Result<MessageId, HolderError> {
    let preview = play.preview("aziza", WORK_PERMIT, answers(months)).unwrap();
    let confirmed = Confirmed {
        special: preview.special(),
        linkable: false,
    };
    play.person("aziza", |h, (now, rng)| {
        h.amend(id, &preview, &confirmed, now, rng)
    })
    .await
}

fn codes(play: &Play, id: &MessageId) -> Vec<Option<String>> {
    play.follow("aziza", id).into_iter().map(|e| e.1).collect()
}

fn erased(play: &Play) -> usize {
    let exchanges = play.world.wire.exchanges();
    let done = |e: &&denizen_testkit::Exchange| {
        e.method == "DELETE" && e.status.is_some_and(|s| s.is_success())
    };
    exchanges.iter().filter(done).count()
}

#[tokio::test]
async fn d9_two_applications_run_at_once_each_with_its_own_case_and_answers() {
    let mut play = Play::settled(51, AZIZA, &OFFICES).await;
    let first = play.apply_for_permit("aziza").await;
    let preview = play.preview("aziza", WORK_PERMIT, answers(3)).unwrap();
    let second = play.apply("aziza", &preview).unwrap();
    play.settle().await;
    let cases: Vec<_> = play.gateway("immigration").queue().unwrap();
    assert_eq!(cases.len(), 2);
    let mut months = Vec::new();
    for case in &cases {
        let reference = case.case_reference.clone();
        let view = play.at_office("immigration", |g, now, rng| {
            g.open_case(&reference, "case officer", now, rng)
        });
        let view = view.await.unwrap();
        months.push((view.answers["months"].as_u64().unwrap(), reference));
    }
    months.sort();
    assert_eq!((months[0].0, months[1].0), (3, 12));
    let reference = months[0].1.clone();
    let decided = play.at_office("immigration", |g, now, rng| {
        g.decide(&reference, permit(), "case officer", now, rng)
    });
    decided.await.unwrap();
    let states = |play: &Play, id| play.follow("aziza", id).into_iter().map(|e| e.0).collect();
    let (one, two): (Vec<_>, Vec<_>) = (states(&play, &first), states(&play, &second));
    assert_eq!((one, two), (vec![Filed], vec![Filed, Decided]));
    play.decide("immigration", permit()).await.unwrap();
    play.end().await;
}

#[tokio::test]
async fn d9_another_version_takes_the_place_of_the_first_at_any_time_before_the_decision() {
    let mut play = Play::settled(52, AZIZA, &OFFICES).await;
    let id = play.apply_for_permit("aziza").await;
    let filed_at = play.gateway("immigration").queue().unwrap()[0].filed_at;
    play.world.clock.advance_s(86_400);
    amend(&mut play, &id, 6).await.unwrap();
    assert!(play.gateway("immigration").queue().unwrap()[0].flagged);
    let view = play.look("immigration").await;
    assert_eq!(view.answers["months"], 6);
    assert_eq!(
        view.earlier,
        [filed_at],
        "that there was another version stays"
    );
    assert_eq!(
        erased(&play),
        1,
        "the first version's papers are gone from the hub"
    );
    // In review it can still be changed.
    amend(&mut play, &id, 9).await.unwrap();
    let view = play.look("immigration").await;
    assert_eq!(
        (view.answers["months"].as_u64(), view.earlier.len()),
        (Some(9), 2)
    );
    let amended = || Some("amended".to_owned());
    let events = play.follow("aziza", &id);
    assert_eq!(
        events,
        [(Filed, None), (Filed, amended()), (InReview, amended())]
    );
    play.decide("immigration", permit()).await.unwrap();
    assert_eq!(amend(&mut play, &id, 1).await, Err(HolderError::NotOpen));
    play.end().await;
}

#[tokio::test]
async fn d9_a_refused_change_leaves_the_earlier_version_in_force() {
    let mut play = Play::settled(53, AZIZA, &OFFICES).await;
    let id = play.apply_for_permit("aziza").await;
    let travel = play.record("aziza", vct::TRAVEL).kept;
    let preview = play.preview("aziza", WORK_PERMIT, answers(6)).unwrap();
    let confirmed = Confirmed {
        special: preview.special(),
        linkable: false,
    };
    // A paper is withdrawn while her change is on its way.
    let now = play.world.now();
    let (person, world) = (play.people.get_mut("aziza").unwrap(), &mut play.world);
    let sent = person
        .holder
        .amend(&id, &preview, &confirmed, now, &mut world.rng);
    sent.unwrap();
    let to = denizen_model::message::StatusChange::Revoked;
    let gateway = play.gateways.get_mut("border").unwrap();
    gateway
        .change_status(&travel, to, "lost", now, &mut play.world.rng)
        .unwrap();
    for _ in 0..2 {
        let (wire, now) = (play.world.wire.clone(), play.world.now());
        let border = play.gateways.get_mut("border").unwrap();
        border
            .sync(&wire, 0, now, &mut play.world.rng)
            .await
            .unwrap();
        play.world.clock.advance_s(3600);
    }
    play.settle().await;
    assert_eq!(codes(&play, &id)[1].as_deref(), Some("evidence-withdrawn"));
    let view = play.look("immigration").await;
    assert_eq!(view.answers["months"], 12);
    assert!(view.earlier.is_empty());
    play.decide("immigration", permit()).await.unwrap();
    play.end().await;
}

#[tokio::test]
async fn d9_the_office_asks_for_more_until_a_date_and_gets_it() {
    let mut play = Play::settled(54, AZIZA, &OFFICES).await;
    let id = play.apply_for_permit("aziza").await;
    let case = play.open_case_reference("immigration");
    let due = "2026-12-10".parse().unwrap();
    let ask = |text: &'static str| {
        let case = case.clone();
        move |g: &mut denizen_gateway::Gateway, now, rng: &mut denizen_testkit::Rng| {
            g.ask_more(&case, text, due, now, rng)
        }
    };
    let silent = play.at_office("immigration", ask(" ")).await;
    assert!(matches!(silent, Err(GatewayError::ReasonMissing)));
    let text = "Please say for how many months.";
    play.at_office("immigration", ask(text)).await.unwrap();
    let application = &play.holder("aziza").profile().applications[0];
    let asked = application.events.last().unwrap();
    assert_eq!(
        (asked.state, asked.due, asked.text.as_str()),
        (MoreNeeded, Some(due), text)
    );
    amend(&mut play, &id, 8).await.unwrap();
    assert_eq!(play.look("immigration").await.answers["months"], 8);
    play.decide("immigration", permit()).await.unwrap();
    let late = play.at_office("immigration", ask(text)).await;
    assert!(matches!(late, Err(GatewayError::CaseClosed)));
    play.end().await;
}

#[tokio::test]
async fn a_withdrawn_application_is_closed_and_its_papers_are_gone() {
    let mut play = Play::settled(55, AZIZA, &OFFICES).await;
    let id = play.apply_for_permit("aziza").await;
    let case = play.open_case_reference("immigration");
    let done = play.person("aziza", |h, (now, rng)| {
        h.withdraw(&id, "I have other work", now, rng)
    });
    done.await.unwrap();
    assert_eq!(play.follow("aziza", &id).last().unwrap().0, Withdrawn);
    let queue = play.gateway("immigration").queue().unwrap();
    assert_eq!(queue[0].state, CaseState::Withdrawn);
    let open = play.at_office("immigration", |g, now, rng| {
        g.open_case(&case, "case officer", now, rng)
    });
    assert!(matches!(open.await, Err(GatewayError::CaseClosed)));
    assert_eq!(erased(&play), 2, "the application, and the withdrawal");
    play.hours(2).await;
    let proof = play.record("aziza", vct::FILED);
    assert_eq!(proof.status.status, Status::Invalid);
    assert_eq!(amend(&mut play, &id, 1).await, Err(HolderError::NotOpen));
    play.end().await;
}

#[tokio::test]
async fn d8_the_proof_of_filing_says_what_the_law_makes_of_it_and_is_renewed_until_the_decision() {
    let mut play = Play::settled(56, AZIZA, &OFFICES).await;
    let id = play.apply_for_permit("aziza").await;
    let first = play.record("aziza", vct::FILED);
    assert_eq!(first.claims["effect"], "work-lawful");
    let until = first.claims["valid_until"].clone();
    let retain = |g: &mut denizen_gateway::Gateway, now, rng: &mut denizen_testkit::Rng| {
        g.retain(now, rng).unwrap()
    };
    play.world.clock.advance_s(13 * 86_400);
    play.at_office("immigration", retain).await;
    assert_eq!(play.record("aziza", vct::FILED).kept, first.kept);
    play.world.clock.advance_s(86_400);
    for _ in 0..2 {
        play.at_office("immigration", retain).await;
    }
    let second = play.record("aziza", vct::FILED);
    assert_eq!(second.held.supersedes, [first.kept], "renewed once");
    assert_ne!(second.claims["valid_until"], until);
    assert_eq!(second.claims["filed_on"], first.claims["filed_on"]);
    assert_eq!(
        second.claims["decision_due"], until,
        "late is said to be late"
    );
    assert_eq!(codes(&play, &id)[1].as_deref(), Some("renewed"));
    play.decide("immigration", permit()).await.unwrap();
    assert_eq!(
        play.record("aziza", vct::DECISION).held.supersedes,
        [second.kept]
    );
    play.hours(2).await;
    for proof in play.records("aziza").iter().filter(|r| r.vct == vct::FILED) {
        assert_eq!(proof.status.status, Status::Invalid);
        assert!(proof.superseded);
    }
    play.end().await;
}
