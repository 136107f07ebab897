//! A lost phone, two devices, the end of a link, what is destroyed and what comes back.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_credential::Status;
use denizen_gateway::{Answer, GatewayError};
use denizen_holder::LinkState;
use denizen_model::message::{
    ApplicationState::{Decided, Filed, Withdrawn},
    DisputeState, StatusChange,
};
use denizen_testkit::{
    AZIZA, Play,
    play::{BORDER, CLINIC, IMMIGRATION, OfficeKind, TEST_CENTRE, WORK_PERMIT, permit, vct},
};

const OFFICES: [OfficeKind; 4] = [BORDER, TEST_CENTRE, CLINIC, IMMIGRATION];

fn link_of(play: &Play, person: &str, office: &'static str) -> u32 {
    let org = play.gateways[office].id();
    let links = play.holder(person).profile().links.iter();
    let mut confirmed = links.filter(|l| l.org == org && l.state == LinkState::Confirmed);
    confirmed.next_back().unwrap().index
}

/// Records in force, by kind.
fn in_force(play: &Play, person: &str) -> Vec<String> {
    let records = play.records(person).into_iter();
    let valid = records.filter(|r| !r.superseded && r.status.status != Status::Invalid);
    let mut kinds: Vec<_> = valid.map(|r| r.vct).collect();
    kinds.sort();
    kinds
}

#[tokio::test]
async fn a_lost_phone_moves_every_link_and_the_old_copies_stop_to_count() {
    let mut play = Play::settled(61, AZIZA, &OFFICES).await;
    let id = play.apply_for_permit("aziza").await;
    let disputed = play.record("aziza", vct::CROSSING);
    let done = play.person("aziza", |h, with| {
        h.dispute(&disputed.kept, vec![], "x", &[], with)
    });
    done.await.unwrap();
    let travel = play.record("aziza", vct::TRAVEL).kept;
    let change = StatusChange::Suspended;
    let suspended = play.at_office("border", |g, now, rng| {
        g.change_status(&travel, change, "being checked", now, rng)
    });
    suspended.await.unwrap();
    play.hours(2).await;
    let before = in_force(&play, "aziza");
    play.restore_from_kit("aziza").await;
    for office in ["border", "immigration"] {
        let link = link_of(&play, "aziza", office);
        let new = play.move_link("aziza", link).await;
        let link = play.holder("aziza").profile().link(new).unwrap();
        assert_eq!(link.state, LinkState::Confirmed, "{office}");
    }
    play.hours(2).await;
    assert_eq!(in_force(&play, "aziza"), before);
    let records = play.records("aziza");
    let old: Vec<_> = records.iter().filter(|r| r.superseded).collect();
    assert_eq!(old.len(), 5, "four of the border, the proof of filing");
    assert!(old.iter().all(|r| r.status.status == Status::Invalid));
    assert_eq!(
        play.record("aziza", vct::TRAVEL).status.status,
        Status::Suspended
    );
    let contested = records
        .iter()
        .filter(|r| r.status.status == Status::Contested);
    assert_eq!(contested.count(), 1, "the dispute goes on");

    // Answers and decisions come to the new address.
    let reject = Answer::Reject {
        reason: "It is right.".to_owned(),
    };
    let done = play.at_office("border", |g, now, rng| {
        g.answer_dispute(1, &reject, now, rng)
    });
    done.await.unwrap();
    let events = &play.holder("aziza").profile().disputes[0].events;
    assert_eq!(events.last().unwrap().state, DisputeState::Rejected);
    play.decide("immigration", permit()).await.unwrap();
    assert_eq!(play.follow("aziza", &id).last().unwrap().0, Decided);
    play.hours(2).await;
    assert_eq!(
        play.record("aziza", vct::FILED).status.status,
        Status::Invalid
    );
    // Everything of it is in the kit again.
    let kinds = in_force(&play, "aziza");
    play.restore_from_kit("aziza").await;
    assert_eq!(in_force(&play, "aziza"), kinds);
    play.end().await;
}

#[tokio::test]
async fn whoever_has_the_lost_phone_gets_nothing_done_after_the_move() {
    let mut play = Play::settled(62, AZIZA, &[BORDER]).await;
    play.join("aziza", "thief").await;
    let link = link_of(&play, "thief", "border");
    // The stolen device is switched off while she moves.
    let mut thief = play.people.remove("thief").unwrap();
    play.move_link("aziza", link).await;
    let (now, wire) = (play.world.now(), play.world.wire.clone());
    let kept = thief.holder.records(now)[0].kept;
    let rng = &mut play.world.rng;
    thief.holder.not_mine(&kept, "", now, rng).unwrap();
    thief.holder.sync(&wire, 0, now, rng).await.unwrap();
    play.settle().await;
    assert_eq!(play.office_alarms("border"), ["link-not-confirmed"]);
    assert!(play.disputes("border").is_empty());
    play.canary().await;
}

#[tokio::test]
async fn d6_a_second_device_sees_the_same_and_both_can_act() {
    let mut play = Play::settled(63, AZIZA, &OFFICES).await;
    let id = play.apply_for_permit("aziza").await;
    play.join("aziza", "tablet").await;
    assert_eq!(play.kinds("tablet"), play.kinds("aziza"));
    assert_eq!(play.follow("tablet", &id), [(Filed, None)]);
    let preview = play
        .preview("tablet", WORK_PERMIT, AZIZA.answers())
        .unwrap();
    let second = play.apply("tablet", &preview).unwrap();
    play.settle().await;
    for device in ["aziza", "tablet"] {
        assert_eq!(play.follow(device, &second), [(Filed, None)], "{device}");
    }
    let done = play.person("tablet", |h, (now, rng)| h.withdraw(&id, "", now, rng));
    done.await.unwrap();
    let done = play.person("aziza", |h, (now, rng)| h.withdraw(&second, "", now, rng));
    done.await.unwrap();
    for device in ["aziza", "tablet"] {
        for id in [&id, &second] {
            assert_eq!(
                play.follow(device, id).last().unwrap().0,
                Withdrawn,
                "{device}"
            );
        }
    }
    let link = link_of(&play, "aziza", "border");
    play.move_link("aziza", link).await;
    play.settle().await;
    assert_eq!(in_force(&play, "tablet"), in_force(&play, "aziza"));
    assert_ne!(link_of(&play, "tablet", "border"), link);
    play.end().await;
}

#[tokio::test]
async fn d12_absence_is_no_event_a_link_ends_only_when_one_side_says_so() {
    let mut play = Play::settled(64, AZIZA, &[BORDER, CLINIC]).await;
    play.world.clock.advance_s(400 * 86_400);
    play.settle().await;
    assert_eq!(
        play.records("aziza").len(),
        6,
        "nothing lapses because nobody was there"
    );
    let case = AZIZA.case("border");
    let closed = play.at_office("border", |g, now, rng| {
        g.close_link(case, "moved away", now, rng)
    });
    closed.await.unwrap();
    let links = &play.holder("aziza").profile().links;
    assert_eq!(links[0].state, LinkState::Closed);
    let again = play
        .at_office("border", |g, now, rng| g.close_link(case, "", now, rng))
        .await;
    assert!(matches!(again, Err(GatewayError::LinkUnknown)));
    let clinic = link_of(&play, "aziza", "clinic");
    let done = play.person("aziza", |h, (now, rng)| h.close_link(clinic, "", now, rng));
    done.await.unwrap();
    let case = AZIZA.case("clinic");
    let note = play.at_office("clinic", |g, now, rng| {
        g.write_note(case, "hello", now, rng)
    });
    assert!(matches!(note.await, Err(GatewayError::LinkUnknown)));
    assert_eq!(play.records("aziza").len(), 6, "records stay hers");
    play.end().await;
}

#[tokio::test]
async fn what_no_law_keeps_is_destroyed_and_the_rest_is_named_with_its_law_and_end() {
    let mut play = Play::settled(65, AZIZA, &OFFICES).await;
    let id = play.apply_for_permit("aziza").await;
    play.decide("immigration", permit()).await.unwrap();
    let link = link_of(&play, "aziza", "immigration");
    play.world
        .marks
        .add("note", "Пишите мне по-таджикски, 8831");
    let note = "Пишите мне по-таджикски, 8831";
    let wrote = play.person("aziza", |h, (now, rng)| {
        h.note(link, Some(id), note, now, rng)
    });
    wrote.await.unwrap();
    let notes = play.gateway("immigration").notes().unwrap();
    assert_eq!(notes[0].text, note);
    let case = notes[0].case_reference.clone().unwrap();
    let answer = play.at_office("immigration", |g, now, rng| {
        g.write_note(&case, "We will.", now, rng)
    });
    answer.await.unwrap();
    let came = &play.holder("aziza").profile().notes;
    assert_eq!(
        (came[0].text.as_str(), came[0].thread),
        ("We will.", Some(id))
    );

    let asked = play.person("aziza", |h, (now, rng)| {
        h.request_erasure(link, Some(id), now, rng)
    });
    asked.await.unwrap();
    let asked = play.person("aziza", |h, (now, rng)| {
        h.request_erasure(link, None, now, rng)
    });
    asked.await.unwrap();
    let erasures = &play.holder("aziza").profile().erasures;
    let (one, all) = (
        erasures[0].done.clone().unwrap(),
        erasures[1].done.clone().unwrap(),
    );
    assert_eq!((one.destroyed.len(), one.kept.len()), (1, 1), "{one:?}");
    assert!(one.kept[0].what.contains(&case));
    assert!(one.kept[0].legal_basis.contains("115-FZ"));
    let until = play.world.now().plus_s(365 * 86_400).date();
    assert_eq!(one.kept[0].until, until);
    // Of all the link: the case, the decision and the permit stay, the proof of filing goes.
    assert_eq!((all.destroyed.len(), all.kept.len()), (1, 3), "{all:?}");
    assert!(play.gateway("immigration").notes().unwrap().is_empty());
    play.world.clock.advance_s(366 * 86_400);
    play.at_office("immigration", |g, now, rng| g.retain(now, rng))
        .await
        .unwrap();
    let told = play
        .holder("aziza")
        .profile()
        .notes
        .last()
        .unwrap()
        .text
        .clone();
    assert!(told.contains(&case), "{told}");
    play.end().await;
}

#[tokio::test]
async fn what_was_shredded_does_not_come_back_from_the_kit() {
    let mut play = Play::settled(66, AZIZA, &[BORDER, CLINIC]).await;
    play.join("aziza", "tablet").await;
    let border = link_of(&play, "aziza", "border");
    let (now, wire) = (play.world.now(), play.world.wire.clone());
    let holder = &mut play.people.get_mut("aziza").unwrap().holder;
    let rng = &mut play.world.rng;
    holder.shred(border, &wire, now, rng).await.unwrap();
    play.settle().await;
    let left = [vct::MEDICAL.to_owned(), vct::VACCINATION.to_owned()];
    assert_eq!(play.kinds("aziza"), left);
    assert_eq!(play.kinds("tablet"), left, "nor on the other device");
    play.restore_from_kit("aziza").await;
    assert_eq!(play.kinds("aziza"), left);
    assert_eq!(play.alarms("aziza"), [] as [String; 0]);
    play.canary().await;
}
