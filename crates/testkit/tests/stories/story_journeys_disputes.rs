//! A record is wrong, or about somebody else: what the office does, by when, and who sees it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_credential::Status;
use denizen_gateway::{Answer, DisputeKind, DisputeProgress, GatewayError};
use denizen_holder::{Paper, RecordView};
use denizen_model::{
    Sha256Hash,
    message::{DisputeState, StatusChange},
};
use denizen_testkit::{
    AZIZA, Play,
    play::{BORDER, CLINIC, IMMIGRATION, TEST_CENTRE, permit, vct},
};

fn ticket() -> Paper {
    Paper {
        media_type: "text/plain".to_owned(),
        data: "Билет № 00417 поезд 6612, 12 мая".to_owned(),
    }
}

async fn dispute(play: &mut Play, kept: Sha256Hash) {
    play.world.marks.add("counter-evidence", ticket().data);
    let claims = vec![vec!["checkpoint".to_owned(), "name".to_owned()]];
    let text = "It was another border post";
    let done = play.person("aziza", |h, with| {
        h.dispute(&kept, claims, text, &[ticket()], with)
    });
    done.await.unwrap();
}

fn states(play: &Play) -> Vec<DisputeState> {
    let disputes = &play.holder("aziza").profile().disputes;
    let events = disputes.iter().flat_map(|d| &d.events);
    events.map(|e| e.state).collect()
}

#[tokio::test]
async fn d11_d13_a_wrong_crossing_is_contested_answered_by_a_date_and_corrected() {
    let mut play = Play::settled(41, AZIZA, &[BORDER]).await;
    let old = play.record("aziza", vct::CROSSING);
    dispute(&mut play, old.kept).await;
    let open = play.disputes("border");
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].due, play.world.now().plus_s(30 * 86_400));
    let event = &play.holder("aziza").profile().disputes[0].events[0];
    assert_eq!(event.state, DisputeState::Received);
    assert_eq!(event.due, Some(open[0].due.date()));
    play.hours(2).await;
    let now = play.record("aziza", vct::CROSSING);
    assert_eq!(now.status.status, Status::Contested, "verifiers see it");

    let view = play
        .at_office("border", |g, now, rng| {
            g.open_dispute(1, "registrar", now, rng)
        })
        .await
        .unwrap();
    assert_eq!(view.evidence[0].1, ticket().data);
    assert_eq!(view.claims, [["checkpoint", "name"]]);
    assert_eq!(
        play.holder("aziza").profile().notices.len(),
        1,
        "she is told"
    );
    let mut claims = view.record.clone();
    claims.insert("direction".into(), "sideways".into());
    let wrong = Answer::Uphold { claims };
    let refused = play.at_office("border", |g, now, rng| {
        g.answer_dispute(1, &wrong, now, rng)
    });
    assert!(matches!(refused.await, Err(GatewayError::Rejected(_))));

    let mut claims = view.record;
    claims["checkpoint"]["name"] = "Маштаково".into();
    let upheld = Answer::Uphold { claims };
    let done = play.at_office("border", |g, now, rng| {
        g.answer_dispute(1, &upheld, now, rng)
    });
    done.await.unwrap();
    let new = play.record("aziza", vct::CROSSING);
    assert_eq!(new.held.supersedes, [old.kept]);
    assert_eq!(new.claims["checkpoint"]["name"], "Маштаково");
    assert_eq!(
        states(&play),
        [DisputeState::Received, DisputeState::Upheld]
    );
    play.hours(2).await;
    let records = play.records("aziza");
    let old = records.iter().find(|r| r.kept == old.kept).unwrap();
    assert!(old.superseded);
    assert_eq!(old.status.status, Status::Invalid);
    assert_eq!(old.changed.as_ref().unwrap().0, StatusChange::Corrected);
    assert_eq!(play.disputes("border")[0].progress, DisputeProgress::Upheld);
    let again = play.at_office("border", |g, now, rng| {
        g.answer_dispute(1, &upheld, now, rng)
    });
    assert!(matches!(again.await, Err(GatewayError::DisputeOver)));
    play.end().await;
}

#[tokio::test]
async fn d11_a_rejected_dispute_says_why_and_the_record_is_what_it_was() {
    let mut play = Play::settled(42, AZIZA, &[BORDER]).await;
    let kept = play.record("aziza", vct::CROSSING).kept;
    let change = |to| {
        move |g: &mut denizen_gateway::Gateway, now, rng: &mut denizen_testkit::Rng| {
            g.change_status(&kept, to, "is being checked", now, rng)
                .unwrap();
        }
    };
    play.at_office("border", change(StatusChange::Suspended))
        .await;
    dispute(&mut play, kept).await;
    play.hours(2).await;
    let status = |play: &Play| play.record("aziza", vct::CROSSING).status.status;
    assert_eq!(status(&play), Status::Suspended, "the stronger shows");
    play.at_office("border", change(StatusChange::Reinstated))
        .await;
    play.hours(2).await;
    assert_eq!(status(&play), Status::Contested);
    let reject = |reason: &str| Answer::Reject {
        reason: reason.to_owned(),
    };
    let silent = play.at_office("border", |g, now, rng| {
        g.answer_dispute(1, &reject(" "), now, rng)
    });
    assert!(matches!(silent.await, Err(GatewayError::ReasonMissing)));
    let why = "The stamp in the passport is of that post.";
    let done = play.at_office("border", |g, now, rng| {
        g.answer_dispute(1, &reject(why), now, rng)
    });
    done.await.unwrap();
    play.hours(2).await;
    assert_eq!(status(&play), Status::Valid);
    let event = &play.holder("aziza").profile().disputes[0].events[1];
    assert_eq!(
        (event.state, event.text.as_str()),
        (DisputeState::Rejected, why)
    );
    // A year later nothing of it is kept.
    play.world.clock.advance_s(366 * 86_400);
    let ended = play
        .at_office("border", |g, now, rng| g.retain(now, rng))
        .await;
    assert_eq!(ended.unwrap(), 1);
    let gone = play.at_office("border", |g, now, rng| {
        g.open_dispute(1, "registrar", now, rng)
    });
    assert!(matches!(gone.await, Err(GatewayError::DisputeOver)));
    play.end().await;
}

#[tokio::test]
async fn a_frozen_address_still_gets_the_answers_and_the_rest_once_it_is_open() {
    let mut play = Play::settled(43, AZIZA, &[BORDER]).await;
    let old = play.record("aziza", vct::CROSSING);
    dispute(&mut play, old.kept).await;
    let link = old.held.link;
    play.person("aziza", |h, _| h.freeze(link, true))
        .await
        .unwrap();
    let view = play
        .at_office("border", |g, now, rng| {
            g.open_dispute(1, "registrar", now, rng)
        })
        .await
        .unwrap();
    assert!(
        play.holder("aziza").profile().notices.is_empty(),
        "it waits"
    );
    let mut claims = view.record;
    claims["checkpoint"]["name"] = "Маштаково".into();
    let upheld = Answer::Uphold { claims };
    let done = play.at_office("border", |g, now, rng| {
        g.answer_dispute(1, &upheld, now, rng)
    });
    done.await.unwrap();
    assert_eq!(
        states(&play),
        [DisputeState::Received, DisputeState::Upheld]
    );
    assert_eq!(
        play.record("aziza", vct::CROSSING).held.supersedes,
        [old.kept]
    );
    play.person("aziza", |h, _| h.freeze(link, false))
        .await
        .unwrap();
    play.hours(2).await;
    assert_eq!(play.holder("aziza").profile().notices.len(), 1);
    assert_eq!(
        play.alarms("aziza"),
        [] as [String; 0],
        "nothing is missing"
    );
    assert_eq!(play.office_alarms("border"), ["deposit-frozen"]);
    play.canary().await;
}

#[tokio::test]
async fn d3_somebody_else_s_record_goes_back_and_nothing_more_comes_until_it_is_put_right() {
    let mut play = Play::settled(44, AZIZA, &[BORDER]).await;
    let wrong = play.record("aziza", vct::CROSSING);
    let before = play.records("aziza").len();
    let returned = play.person("aziza", |h, (now, rng)| {
        h.not_mine(&wrong.kept, "I was not there", now, rng)
    });
    returned.await.unwrap();
    let list = play.disputes("border");
    assert_eq!(list[0].kind, DisputeKind::NotMine);
    play.hours(2).await;
    let back = play
        .records("aziza")
        .into_iter()
        .find(|r| r.kept == wrong.kept)
        .unwrap();
    assert!(back.returned);
    assert_eq!(back.status.status, Status::Invalid);
    assert_eq!(back.changed.unwrap().0, StatusChange::Revoked);

    // The office runs its file again: the same row is refused, and says why.
    let report = play.fill(&BORDER).await.pop().unwrap();
    assert_eq!(report.bad.len(), 1);
    assert!(
        report.bad[0].reason.contains("not about its person"),
        "{report:?}"
    );
    assert_eq!(play.records("aziza").len(), before);
    let link = wrong.held.link;
    play.person("aziza", |h, _| h.freeze(link, false))
        .await
        .unwrap();
    // Put right, it is another person's row, who is not linked yet.
    let file = String::from_utf8(denizen_testkit::catalogue::demo_file(
        "border/crossings.csv",
    ));
    let (mine, other) = ("ПК-2026-000101;", "ПК-2026-000177;");
    let mut lines: Vec<_> = file.unwrap().lines().map(str::to_owned).collect();
    let last = lines.iter().rposition(|l| l.starts_with(mine)).unwrap();
    lines[last] = lines[last].replace(mine, other);
    let report = play.intake("border", lines.join("\n").as_bytes(), "border/mapping.toml");
    assert_eq!((report.taken, report.waiting, report.bad.len()), (0, 1, 0));
    let cleared = play.at_office("border", |g, now, rng| g.clear_returned(1, None, now, rng));
    cleared.await.unwrap();
    play.hours(2).await;
    assert_eq!(play.records("aziza").len(), before);
    assert_eq!(
        play.disputes("border")[0].progress,
        DisputeProgress::Cleared
    );
    play.end().await;
}

/// She disputes the nationality in her passport, and the border service puts it right. Gives the record
/// as it was.
async fn the_passport_is_corrected(play: &mut Play) -> RecordView {
    let old = play.record("aziza", vct::TRAVEL);
    let claims = vec![vec!["nationality".to_owned()]];
    let done = play.person("aziza", |h, with| {
        h.dispute(&old.kept, claims, "x", &[], with)
    });
    done.await.unwrap();
    let mut claims = serde_json::Map::clone(&old.claims);
    claims.insert("nationality".into(), "KAZ".into());
    for registered in ["iss", "iat", "vct", "vct#integrity", "cnf", "status", "exp"] {
        claims.remove(registered);
    }
    let upheld = Answer::Uphold { claims };
    let done = play.at_office("border", |g, now, rng| {
        g.answer_dispute(1, &upheld, now, rng)
    });
    done.await.unwrap();
    play.settle().await;
    old
}

#[tokio::test]
async fn d11_a_correction_counts_as_sent_only_where_it_could_be_sent() {
    let offices = [BORDER, TEST_CENTRE, CLINIC, IMMIGRATION];
    let mut play = Play::settled(48, AZIZA, &offices).await;
    play.apply_for_permit("aziza").await;
    let link = play.holder("aziza").profile().applications[0].link;
    let done = play.person("aziza", |h, (now, rng)| h.close_link(link, "", now, rng));
    done.await.unwrap();
    let old = the_passport_is_corrected(&mut play).await;
    let new = play.record("aziza", vct::TRAVEL);
    assert_eq!(new.held.supersedes, [old.kept]);
    let sent = &play.holder("aziza").profile().corrected;
    assert!(sent.is_empty(), "nothing went over a link that is closed");
    play.end().await;
}

#[tokio::test]
async fn d11_a_correction_reaches_the_office_that_was_shown_the_old_paper() {
    let offices = [BORDER, TEST_CENTRE, CLINIC, IMMIGRATION];
    let mut play = Play::settled(45, AZIZA, &offices).await;
    play.apply_for_permit("aziza").await;
    let old = the_passport_is_corrected(&mut play).await;
    let queue = play.gateway("immigration").queue().unwrap();
    assert!(queue[0].flagged, "the officer sees that something came");
    let view = play.look("immigration").await;
    let travel: Vec<_> = view
        .evidence
        .iter()
        .filter(|e| e.vct() == vct::TRAVEL)
        .collect();
    let seen: Vec<_> = travel
        .iter()
        .map(|e| {
            (
                e.is_superseded(),
                e.is_correction(),
                &e.claims()["nationality"],
            )
        })
        .collect();
    assert_eq!(seen[0], (true, false, &old.claims["nationality"]));
    assert_eq!(
        (seen[1].0, seen[1].1, seen[1].2.as_str()),
        (false, true, Some("KAZ"))
    );
    assert!(!play.gateway("immigration").queue().unwrap()[0].flagged);
    play.end().await;
}

#[tokio::test]
async fn d11_a_correction_after_the_decision_flags_the_case_and_changes_what_was_used() {
    let offices = [BORDER, TEST_CENTRE, CLINIC, IMMIGRATION];
    let mut play = Play::settled(46, AZIZA, &offices).await;
    play.apply_for_permit("aziza").await;
    let case = play.open_case_reference("immigration");
    play.decide("immigration", permit()).await.unwrap();
    let old = play.record("aziza", vct::TRAVEL);
    let claims = vec![vec!["valid_until".to_owned()]];
    let done = play.person("aziza", |h, with| {
        h.dispute(&old.kept, claims, "x", &[], with)
    });
    done.await.unwrap();
    let view = play.at_office("border", |g, now, rng| {
        g.open_dispute(1, "registrar", now, rng)
    });
    let mut claims = view.await.unwrap().record;
    claims.insert("valid_until".into(), "2033-01-01".into());
    let upheld = Answer::Uphold { claims };
    let done = play.at_office("border", |g, now, rng| {
        g.answer_dispute(1, &upheld, now, rng)
    });
    done.await.unwrap();
    play.settle().await;
    assert!(play.gateway("immigration").queue().unwrap()[0].flagged);
    let view = play.at_office("immigration", |g, now, rng| {
        g.open_case(&case, "case officer", now, rng)
    });
    let view = view.await.unwrap();
    let travel = view.evidence.iter().filter(|e| e.vct() == vct::TRAVEL);
    let used: Vec<_> = travel
        .map(|e| (e.is_superseded(), e.claims().get("valid_until").cloned()))
        .collect();
    assert_eq!(used[0], (true, old.claims.get("valid_until").cloned()));
    assert_eq!(used[1], (false, Some("2033-01-01".into())));
    let kept: Vec<_> = view.evidence.iter().map(|e| e.claims().len()).collect();
    assert!(kept.iter().all(|n| *n <= 2), "only what was used: {kept:?}");
    play.end().await;
}
