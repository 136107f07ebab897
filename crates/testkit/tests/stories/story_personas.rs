//! Three people and their papers, from the offices' files to the decision, and back from a paper kit.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_gateway::Agreement;
use denizen_holder::{HolderError, LinkState, verify_export};
use denizen_model::message::ApplicationState::{Decided, Filed};
use denizen_testkit::{
    AZIZA, GULAB, GURGEN, Persona, Play,
    play::{
        BORDER, CLINIC, EMPLOYER, IMMIGRATION, RIGHT_TO_WORK, TEST_CENTRE, WORK_PERMIT, permit,
        refusal, vct,
    },
};
use denizen_tlog::Level;
use serde_json::json;

/// Every office open, the person linked to all of them, their files taken in.
async fn arrived(seed: u64, persona: Persona) -> Play {
    let offices = [BORDER, TEST_CENTRE, CLINIC, IMMIGRATION];
    let mut play = Play::with(seed, &offices).await;
    play.arrive(persona).await;
    for office in &offices[..3] {
        play.link(persona.name, office).await;
        play.fill(office).await;
    }
    play.link_open(persona.name, &IMMIGRATION).await;
    let links = &play.holder(persona.name).profile().links;
    assert!(links.iter().all(|l| l.state == LinkState::Confirmed));
    play
}

#[tokio::test]
async fn aziza_fills_her_profile_applies_works_and_loses_her_phone() {
    let mut play = arrived(1, AZIZA).await;
    let me = "aziza";
    for record in play.records(me) {
        let receipt = play.holder(me).receipt(&record.held).unwrap();
        assert_eq!(receipt.level, Level::Durable);
        assert_eq!(receipt.opening.time, denizen_testkit::START);
    }
    let mut had = vec![vct::LANGUAGE, vct::MEDICAL, vct::TRAVEL, vct::VACCINATION];
    had.extend([vct::CROSSING; 3]);
    had.sort_unstable();
    assert_eq!(play.kinds(me), had);

    let application = play.apply_for_permit(me).await;
    assert_eq!(play.follow(me, &application), [(Filed, None)]);
    // Filed at once, and itself a proof (D8).
    assert_eq!(
        play.record(me, vct::FILED).claims["subject"]["birth_date"],
        "1994-03-17"
    );

    let view = play.look("immigration").await;
    assert_eq!(view.answers, AZIZA.answers());
    let notices = &play.holder(me).profile().notices;
    assert_eq!(notices.len(), 1, "she is told who opened her papers");
    play.decide("immigration", permit()).await.unwrap();
    let granted = (Decided, Some("granted".to_owned()));
    assert_eq!(
        play.follow(me, &application),
        [(Filed, None), granted.clone()]
    );
    assert_eq!(play.record(me, vct::DECISION).claims["outcome"], "granted");
    assert_eq!(play.record(me, vct::PERMIT).claims["may_work"], true);

    play.open(&EMPLOYER).await;
    play.link_open(me, &EMPLOYER).await;
    let before = play.record(me, vct::PERMIT).copies_left;
    let preview = play.preview(me, RIGHT_TO_WORK, json!({})).unwrap();
    let shown: Vec<&str> = preview.leaving[0]
        .offer
        .values
        .iter()
        .map(|v| v.0.as_str())
        .collect();
    assert_eq!(shown, ["may_work", "valid_until"], "exactly what was asked");
    assert!(preview.leaving[0].single_use);
    let check = play.apply(me, &preview).unwrap();
    play.settle().await;
    assert_eq!(play.record(me, vct::PERMIT).copies_left, before - 1);
    assert_eq!(play.follow(me, &check), [(Filed, None)]);

    let files = play.export(me);
    let report = verify_export(&files, play.world.now()).unwrap();
    assert_eq!(report.records.len(), play.records(me).len());
    let kinds = play.kinds(me);
    play.restore_from_kit(me).await;
    assert_eq!(play.kinds(me), kinds);
    assert_eq!(play.follow(me, &application), [(Filed, None), granted]);
    let (all, holder) = (play.records(me), play.holder(me));
    assert!(all.iter().all(|r| holder.receipt(&r.held).is_some()));
    play.end().await;
}

#[tokio::test]
async fn gulab_has_one_name_and_a_birth_year_and_is_not_matched_by_a_program() {
    let mut play = arrived(2, GULAB).await;
    let me = "gulab";
    play.apply_for_permit(me).await;
    let view = play.look("immigration").await;
    let names = view.subjects.iter().find(|s| s.part == "names").unwrap();
    assert_eq!(
        names.agreement,
        Agreement::Differ,
        "two scripts: a person decides"
    );
    let born = view
        .subjects
        .iter()
        .find(|s| s.part == "birth_date")
        .unwrap();
    assert_eq!(born.agreement, Agreement::Agree);
    assert!(born.shown.iter().all(|(_, value)| value == "1988"));
    play.decide("immigration", permit()).await.unwrap();
    assert_eq!(
        play.record(me, vct::PERMIT).claims["subject"]["birth_date"],
        "1988"
    );
    play.end().await;
}

#[tokio::test]
async fn gurgen_is_stateless_and_is_refused_with_a_reason_and_an_appeal() {
    let mut play = arrived(3, GURGEN).await;
    let me = "gurgen";
    let travel = play.record(me, vct::TRAVEL).claims;
    assert_eq!(travel["nationality"], "XXA");
    assert_eq!(travel["place_of_birth"]["country"], "SUN");
    assert_eq!(travel["subject"]["birth_date"], "1979-11");
    let application = play.apply_for_permit(me).await;
    play.look("immigration").await;
    let why = "The clinic did not establish fitness for work.";
    play.decide("immigration", refusal(why)).await.unwrap();
    let decision = play.record(me, vct::DECISION).claims;
    assert_eq!(decision["reason"], why);
    assert_eq!(decision["appeal"]["until"], "2027-02-24");
    assert_eq!(
        play.follow(me, &application).last().unwrap().1.as_deref(),
        Some("refused")
    );
    assert!(!play.kinds(me).contains(&vct::PERMIT.to_owned()));
    play.end().await;
}

#[tokio::test]
async fn missing_papers_are_named_with_who_issues_them_and_nothing_is_sent() {
    let mut play = Play::with(4, &[BORDER, TEST_CENTRE, CLINIC, IMMIGRATION]).await;
    play.arrive(AZIZA).await;
    let me = "aziza";
    play.link(me, &BORDER).await;
    play.fill(&BORDER).await;
    play.link_open(me, &IMMIGRATION).await;
    let preview = play.preview(me, WORK_PERMIT, AZIZA.answers()).unwrap();
    let required = preview.selection.missing.iter().filter(|m| m.required);
    let missing: Vec<(&str, usize)> = required
        .map(|m| (m.query.as_str(), m.issuers.len()))
        .collect();
    assert_eq!(missing, [("language", 1), ("medical", 1)]);
    assert!(preview.selection.missing.iter().all(|m| m.one_of.is_none()));
    let sent = play.holder(me).profile().sent.len();
    assert_eq!(play.apply(me, &preview), Err(HolderError::Missing));
    play.settle().await;
    assert_eq!(play.holder(me).profile().sent.len(), sent);

    // The rows came before the link: they waited, encrypted and counted.
    let reports = play.fill(&TEST_CENTRE).await;
    assert_eq!((reports[0].taken, reports[0].waiting), (0, 4));
    play.fill(&CLINIC).await;
    assert!(!play.kinds(me).contains(&vct::LANGUAGE.to_owned()));
    for office in [&TEST_CENTRE, &CLINIC] {
        play.link(me, office).await;
    }
    let application = play.apply_for_permit(me).await;
    assert_eq!(play.follow(me, &application), [(Filed, None)]);
    play.end().await;
}

#[tokio::test]
async fn one_flipped_byte_in_an_export_makes_the_offline_check_fail() {
    let mut play = Play::with(5, &[BORDER]).await;
    play.arrive(GULAB).await;
    play.link("gulab", &BORDER).await;
    play.fill(&BORDER).await;
    let (files, now) = (play.export("gulab"), play.world.now());
    assert_eq!(verify_export(&files, now).unwrap().records.len(), 2);
    for name in files.keys() {
        let bytes = &files[name];
        for at in [0, bytes.len() / 3, bytes.len() / 2, bytes.len() - 1] {
            let mut bent = files.clone();
            bent.get_mut(name).unwrap()[at] ^= 1;
            let refused = verify_export(&bent, now);
            assert!(refused.is_err(), "{name} at {at}");
        }
        let mut less = files.clone();
        less.remove(name);
        assert!(verify_export(&less, now).is_err(), "{name} missing");
    }
    let mut more = files.clone();
    more.insert("records/9999.json".into(), b"{}".to_vec());
    assert!(verify_export(&more, now).is_err());
    play.end().await;
}
