//! An office's own systems are told what happens: signed, without values, until they have it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_gateway::{EventKind, GatewayError};
use denizen_testkit::{
    AZIZA, Play,
    play::{BORDER, CLINIC, IMMIGRATION, OfficeKind, TEST_CENTRE},
    rest::{Api, Receiver},
};
use serde_json::Value;

const OFFICES: [OfficeKind; 4] = [BORDER, TEST_CENTRE, CLINIC, IMMIGRATION];
const URL: &str = "https://office.example.org/hook";

fn hook(play: &mut Play, office: &str, kinds: &[EventKind]) -> String {
    let gateway = play.gateways.get_mut(office).unwrap();
    let secret = gateway.add_hook(("register", URL), kinds, &mut play.world.rng);
    let secret = secret.unwrap();
    play.world
        .marks
        .add("hook's secret", &secret["whsec_".len()..]);
    secret
}

#[tokio::test]
async fn every_event_is_told_once_in_order_and_holds_references_alone() {
    let mut play = Play::with(621, &OFFICES).await;
    play.arrive(AZIZA).await;
    hook(&mut play, "border", &[]);
    hook(
        &mut play,
        "immigration",
        &[EventKind::CaseFiled, EventKind::NoteReceived],
    );
    for office in &OFFICES {
        if office.files.is_empty() {
            play.link_open("aziza", office).await;
        } else {
            play.link("aziza", office).await;
            play.fill(office).await;
        }
    }
    let (api, receiver) = (Api::of(&mut play, "border"), Receiver::default());
    receiver.answer(Some(204));
    let told = api.desk.tell_hooks(&receiver).await.unwrap();
    assert!(told > 3, "{told}");
    assert_eq!(api.desk.tell_hooks(&receiver).await.unwrap(), 0, "once");
    let types = receiver.types();
    assert_eq!(types[..2], ["link.waiting", "link.confirmed"]);
    assert!(
        types[2..].iter().all(|t| t == "record.delivered"),
        "{types:?}"
    );

    play.apply_for_permit("aziza").await;
    let (api, receiver) = (Api::of(&mut play, "immigration"), Receiver::default());
    receiver.answer(Some(200));
    api.desk.tell_hooks(&receiver).await.unwrap();
    assert_eq!(receiver.types(), ["case.filed"], "only what it asked for");
    let request = &receiver.requests()[0];
    let body: Value = serde_json::from_slice(request.body()).unwrap();
    let case = play.open_case_reference("immigration");
    assert_eq!(body["data"], serde_json::json!({"case_reference": case}));
    let events = api.get("/v1/events").await.done();
    assert!(events["items"].as_array().unwrap().contains(&body));
    for (name, value) in [
        ("content-type", "application/json"),
        ("webhook-timestamp", &play.world.now().0.to_string()),
    ] {
        assert_eq!(request.headers()[name], value);
    }
    assert!(
        request.headers()["webhook-id"]
            .to_str()
            .unwrap()
            .starts_with("evt_")
    );
    let scanner = play.world.marks.scanner();
    for request in receiver.requests() {
        assert!(
            scanner.scan("hook", request.body()).is_empty(),
            "a value was told"
        );
    }
    play.end().await;
}

#[tokio::test]
async fn a_receiver_that_fails_is_tried_again_in_order_then_told_no_more_until_enabled() {
    let mut play = Play::settled(622, AZIZA, &[BORDER]).await;
    hook(&mut play, "border", &[]);
    for text in ["one", "two"] {
        let link = play.holder("aziza").profile().links[0].index;
        let done = play.person("aziza", |h, (now, rng)| h.note(link, None, text, now, rng));
        done.await.unwrap();
    }
    let (api, receiver) = (Api::of(&mut play, "border"), Receiver::default());
    for failure in [None, Some(500), Some(302), Some(404)] {
        receiver.answer(failure);
        assert_eq!(api.desk.tell_hooks(&receiver).await.unwrap(), 0);
        let so_far = receiver.requests().len();
        assert_eq!(
            api.desk.tell_hooks(&receiver).await.unwrap(),
            0,
            "not at once"
        );
        assert_eq!(receiver.requests().len(), so_far);
        play.world.clock.advance_s(60);
    }
    let ids: Vec<_> = receiver
        .requests()
        .iter()
        .map(|r| r.headers()["webhook-id"].clone())
        .collect();
    assert_eq!(ids.len(), 4);
    assert!(
        ids.iter().all(|id| *id == ids[0]),
        "the first again, and the second waits behind it"
    );
    receiver.answer(Some(200));
    assert_eq!(api.desk.tell_hooks(&receiver).await.unwrap(), 2);
    assert_eq!(api.get("/v1/health").await.done()["good"], true);

    let link = play.holder("aziza").profile().links[0].index;
    let done = play.person("aziza", |h, (now, rng)| {
        h.note(link, None, "three", now, rng)
    });
    done.await.unwrap();
    receiver.answer(Some(503));
    for _ in 0..40 {
        api.desk.tell_hooks(&receiver).await.unwrap();
        play.world.clock.advance_s(4 * 3600);
    }
    let hooks = play.gateway("border").hooks().unwrap();
    assert!(hooks[0].disabled.is_some());
    let health = api.get("/v1/health").await.done();
    let codes: Vec<_> = health["advice"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| &a["code"])
        .collect();
    assert!(codes.iter().any(|c| *c == "hook-disabled"), "{health}");
    assert_eq!(play.office_alarms("border"), ["hook-disabled"]);
    receiver.answer(Some(200));
    assert_eq!(api.desk.tell_hooks(&receiver).await.unwrap(), 0);
    play.gateway("border").enable_hook("register").unwrap();
    assert_eq!(
        api.desk.tell_hooks(&receiver).await.unwrap(),
        1,
        "nothing is lost"
    );
    play.canary().await;
}

#[tokio::test]
async fn a_receiver_that_is_gone_ends_its_hook_and_names_are_taken_once() {
    let mut play = Play::settled(623, AZIZA, &[BORDER]).await;
    hook(&mut play, "border", &[EventKind::NoteReceived]);
    let again = play.gateways.get_mut("border").unwrap().add_hook(
        ("register", URL),
        &[],
        &mut play.world.rng,
    );
    assert!(matches!(again, Err(GatewayError::TokenRefused(_))));
    let link = play.holder("aziza").profile().links[0].index;
    let done = play.person("aziza", |h, (now, rng)| h.note(link, None, "one", now, rng));
    done.await.unwrap();
    let (api, receiver) = (Api::of(&mut play, "border"), Receiver::default());
    receiver.answer(Some(410));
    api.desk.tell_hooks(&receiver).await.unwrap();
    assert!(
        play.gateway("border").hooks().unwrap()[0]
            .disabled
            .is_some()
    );
    play.gateway("border").remove_hook("register").unwrap();
    assert!(matches!(
        play.gateway("border").remove_hook("register"),
        Err(GatewayError::HookUnknown)
    ));
    assert!(matches!(
        play.gateway("border").enable_hook("register"),
        Err(GatewayError::HookUnknown)
    ));
}
