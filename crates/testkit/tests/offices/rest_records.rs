//! An office's own system deposits records one by one, over REST, and sees how far they are.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_api::wire::{DepositOutcome, decode_outcomes, encode_outcomes};
use denizen_gateway::{Gateway, Scope, http::Desk};
use denizen_store::Fault;
use denizen_testkit::{
    AZIZA, Play, Rng, catalogue,
    catalogue::repository,
    play::{BORDER, vct},
    rest::{Api, token},
};
use http::Request;
use rand_core::SeedableRng as _;
use serde_json::{Value, json};

fn crossing() -> Value {
    let path = repository().join("catalogue/examples/border-crossing/valid.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn asked(play: &Play) -> Value {
    let case = play.people["aziza"].persona.case("border");
    json!({"case_reference": case, "kind": vct::CROSSING, "claims": crossing()})
}

async fn office(seed: u64) -> Play {
    let mut play = Play::with(seed, &[BORDER]).await;
    play.arrive(AZIZA).await;
    play
}

#[tokio::test]
async fn a_record_waits_for_its_link_is_delivered_with_a_receipt_and_known_by_its_key() {
    let mut play = office(601).await;
    let api = Api::of(&mut play, "border");
    let body = asked(&play);
    let waiting = api.deposit("\"key-1\"", &body).await;
    assert_eq!(waiting.status, 202);
    let waiting = waiting.done();
    assert_eq!(waiting["state"], "waiting-for-link");
    let id = waiting["id"].as_str().unwrap().to_owned();
    play.link("aziza", &BORDER).await;
    let view = api.get(&format!("/v1/records/{id}")).await.done();
    assert_eq!(view["state"], "delivered");
    assert!(
        view["receipt"]["proof"]
            .as_str()
            .unwrap()
            .contains("c2sp.org/tlog-proof")
    );
    let kept = play.record("aziza", vct::CROSSING).kept.to_text();
    assert_eq!(view["record"], kept.as_str());
    let by_hash = api.get(&format!("/v1/records/{kept}")).await.done();
    assert_eq!(by_hash, view);

    // The same again, quoted or bare, is the same record; anything else is another key's.
    for key in ["\"key-1\"", "key-1"] {
        assert_eq!(api.deposit(key, &body).await.done()["id"], id.as_str());
    }
    let mut other = body.clone();
    other["claims"]["checkpoint"]["name"] = "Шереметьево".into();
    let reused = api.deposit("\"key-1\"", &other).await;
    assert_eq!(
        (reused.status.as_u16(), reused.problem()),
        (422, "idempotency-key-reused")
    );
    let second = api.deposit("\"key-2\"", &other).await.done();
    assert_eq!(second["state"], "queued");
    play.settle().await;
    assert_eq!(play.records("aziza").len(), 2);
    play.end().await;
}

#[tokio::test]
async fn a_row_of_a_file_and_a_deposit_with_the_same_unique_values_are_one_record() {
    let mut play = office(602).await;
    play.link("aziza", &BORDER).await;
    let api = Api::of(&mut play, "border");
    let mut body = asked(&play);
    body["unique"] = json!(["PN-1", "2026-02-01", 7]);
    api.deposit("\"a\"", &body).await.done();
    let again = api.deposit("\"b\"", &body).await.done();
    assert_eq!(again["state"], "queued");
    body["claims"]["checkpoint"]["name"] = "Шереметьево".into();
    let known = api.deposit("\"c\"", &body).await;
    assert_eq!(
        (known.status.as_u16(), known.problem()),
        (409, "record-known")
    );
    play.settle().await;
    assert_eq!(play.records("aziza").len(), 1);
    play.end().await;
}

#[tokio::test]
async fn what_does_not_fit_is_named_by_place_and_rule_and_no_answer_repeats_a_value() {
    let mut play = office(603).await;
    let api = Api::of(&mut play, "border");
    let bad = |at: &str, value: Value| {
        let mut body = asked(&play);
        *body.pointer_mut(at).unwrap() = value;
        body
    };
    let secret = "ЗНАЧЕНИЕ-417";
    let table = [
        (
            bad("/claims/direction", json!(secret)),
            "record-rejected",
            "/claims/direction",
        ),
        (
            bad("/claims/checkpoint/mode", json!(secret)),
            "record-rejected",
            "/claims/checkpoint/mode",
        ),
        (bad("/claims", json!({})), "record-rejected", "/claims"),
        (
            bad("/case_reference", json!(" x")),
            "record-rejected",
            "/case_reference",
        ),
        (
            bad("/case_reference", json!("")),
            "record-rejected",
            "/case_reference",
        ),
        (bad("/kind", json!(secret)), "kind-not-admitted", ""),
        (bad("/kind", json!(vct::PERMIT)), "kind-not-admitted", ""),
        (bad("/claims", json!([secret])), "malformed", ""),
        (json!({"case_reference": "x"}), "malformed", ""),
        (json!([]), "malformed", ""),
    ];
    for (body, problem, pointer) in table {
        let refused = api.deposit("\"k\"", &body).await;
        assert_eq!(refused.problem(), problem, "{body}");
        assert!(!refused.body.to_string().contains(secret), "{body}");
        if !pointer.is_empty() {
            let errors = refused.body["errors"].as_array().unwrap();
            let at = |e: &Value| e["pointer"].as_str().unwrap().starts_with(pointer);
            assert!(errors.iter().any(at), "{pointer}: {errors:?}");
        }
    }
    let twice = r#"{"case_reference":"a","case_reference":"b","kind":"k","claims":{}}"#;
    let request = Request::post("/v1/records").header("idempotency-key", "k");
    let twice = Value::String(twice.to_owned());
    assert_eq!(api.send(request, Some(&twice)).await.problem(), "malformed");
    for key in ["", "\"\"", "a b", "a\"b"] {
        let refused = api.deposit(key, &asked(&play)).await;
        assert_eq!(
            (refused.status.as_u16(), refused.problem()),
            (400, "idempotency-key-missing")
        );
    }
    let huge = json!({"case_reference": "x".repeat(1 << 20), "kind": "k", "claims": {}});
    assert_eq!(api.deposit("\"k\"", &huge).await.problem(), "too-large");
    // A key whose request was refused is still free.
    assert_eq!(api.deposit("\"k\"", &asked(&play)).await.status, 202);
    play.end().await;
}

#[tokio::test]
async fn a_change_of_status_is_told_first_and_shown_then() {
    let mut play = Play::settled(604, AZIZA, &[BORDER]).await;
    let api = Api::of(&mut play, "border");
    let kept = play.record("aziza", vct::CROSSING).kept.to_text();
    let change =
        json!({"change": "suspended", "reason": "it is being checked", "role": "registrar"});
    let path = format!("/v1/records/{kept}/status");
    let told = api.post(&path, &change).await.done();
    assert_eq!(told["status"], "valid", "she is not told yet");
    play.settle().await;
    let view = api.get(&format!("/v1/records/{kept}")).await.done();
    assert_eq!(view["status"], "suspended");
    let event = play.record("aziza", vct::CROSSING).changed.unwrap();
    assert_eq!(event.1, "it is being checked");
    for (body, problem) in [
        (
            json!({"change": "suspended", "reason": " ", "role": "registrar"}),
            "refused",
        ),
        (
            json!({"change": "suspended", "reason": "x", "role": ""}),
            "refused",
        ),
        (
            json!({"change": "deleted", "reason": "x", "role": "registrar"}),
            "malformed",
        ),
    ] {
        assert_eq!(api.post(&path, &body).await.problem(), problem, "{body}");
    }
    for unknown in ["AAAAAAAAAAAAAAAAAAAAAA", &"A".repeat(43), "x"] {
        let answer = api.get(&format!("/v1/records/{unknown}")).await;
        assert_eq!(answer.problem(), "not-found");
    }
    play.end().await;
}

fn assert_unauthorized(refused: &denizen_testkit::rest::Answer) {
    assert_eq!(
        (refused.status.as_u16(), refused.problem()),
        (401, "unauthorized")
    );
    let asked = refused.headers["www-authenticate"].to_str().unwrap();
    assert!(asked.starts_with("Bearer"));
}

#[tokio::test]
async fn only_a_good_token_with_the_scope_may_and_what_it_did_is_written_down() {
    let mut play = office(605).await;
    let reading = token(&mut play, "border", "reader", &[Scope::RecordsRead]);
    let writing = token(&mut play, "border", "writer", &Scope::parse("records"));
    let api = Api::with(&play, "border", 5);
    let body = asked(&play);
    let bent = format!("{}A", &writing[..writing.len() - 1]);
    for token in [None, Some(""), Some("x"), Some(bent.as_str()), Some("dzg_")] {
        assert_unauthorized(&api.token(token).deposit("\"k\"", &body).await);
    }
    let refused = api.token(Some(&reading)).deposit("\"k\"", &body).await;
    assert_eq!(
        (refused.status.as_u16(), refused.problem()),
        (403, "forbidden")
    );
    let writer = api.token(Some(&writing));
    for _ in 0..5 {
        writer.deposit("\"k\"", &body).await.done();
    }
    let limited = writer.deposit("\"k\"", &body).await;
    assert_eq!(
        (limited.status.as_u16(), limited.problem()),
        (429, "rate-limited")
    );
    assert_eq!(limited.headers["retry-after"], "60");
    // Each token has its own limit, and a minute ends.
    assert_eq!(
        api.token(Some(&reading)).get("/v1/records/x").await.status,
        404
    );
    play.world.clock.advance_s(60);
    writer.deposit("\"k\"", &body).await.done();
    let now = play.world.now();
    play.gateway("border").revoke_token("writer", now).unwrap();
    assert_eq!(
        writer.deposit("\"k\"", &body).await.problem(),
        "unauthorized"
    );
    play.world.clock.advance_s(366 * 86_400);
    assert_eq!(
        api.token(Some(&reading))
            .get("/v1/records/x")
            .await
            .problem(),
        "unauthorized"
    );

    let audit = play.gateway("border").audit(100).unwrap();
    let lines: Vec<_> = audit
        .iter()
        .map(|a| (a.token.as_str(), a.outcome))
        .collect();
    let mut expected = vec![("writer", 200), ("reader", 404)];
    expected.extend([("writer", 200); 5]);
    expected.push(("reader", 403));
    assert_eq!(lines, expected, "newest first");
    let case = play.people["aziza"].persona.case("border");
    assert_eq!(audit[0].subject.as_deref(), Some(case));
    assert_eq!(
        (audit[0].operation.as_str(), audit[0].role.as_str()),
        ("records.deposit", "register system")
    );
    play.canary().await;
    play.world.clock.advance_s(3 * 365 * 86_400 + 1);
    let now = play.world.now();
    let gateway = play.gateways.get_mut("border").unwrap();
    gateway.retain(now, &mut play.world.rng).unwrap();
    let left = gateway.audit(100).unwrap();
    assert!(left.is_empty(), "after three years: {left:?}");
}

#[tokio::test]
async fn a_record_that_the_hub_never_takes_is_refused_and_said_to_be() {
    let mut play = office(606).await;
    play.link("aziza", &BORDER).await;
    let api = Api::of(&mut play, "border");
    let id = api.deposit("\"k\"", &asked(&play)).await.done()["id"].clone();
    play.world.wire.lie(|exchange| {
        let deposits = exchange.path().contains("/v1/deposits");
        let outcomes = deposits
            .then(|| decode_outcomes(&exchange.answer))
            .flatten()?;
        let closed = outcomes
            .iter()
            .map(|_| DepositOutcome::Refused("closed".to_owned()));
        Some(encode_outcomes(&closed.collect::<Vec<_>>()))
    });
    let now = play.world.now();
    let gateway = play.gateways.get_mut("border").unwrap();
    let synced = gateway
        .sync(&play.world.wire, 0, now, &mut play.world.rng)
        .await;
    assert_eq!(synced.unwrap().refused, 1);
    let path = format!("/v1/records/{}", id.as_str().unwrap());
    let view = api.get(&path).await.done();
    assert_eq!(
        (&view["state"], &view["problem"]),
        (&json!("refused"), &json!("closed"))
    );
    let events = api.get("/v1/events").await.done();
    let last = events["items"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["type"], &last["data"]["id"]),
        (&json!("record.refused"), &id)
    );
}

#[tokio::test]
async fn after_a_failed_commit_nothing_more_is_answered_and_the_same_key_is_safe() {
    let mut play = office(607).await;
    let strong = token(&mut play, "border", "strong", Scope::ALL);
    let folder = play.world.folder("gateway-border");
    let clock = std::sync::Arc::new(play.world.clock.clone());
    let rng = || Box::new(Rng::seed_from_u64(3));
    let body = asked(&play);
    for fault in [Fault::Failed, Fault::FailedButPersisted] {
        let mut gateway = Gateway::open(&folder, catalogue()).unwrap();
        gateway.inject(fault);
        let desk = Desk::new(gateway, clock.clone(), rng(), 100);
        let refused = Api::at(&desk)
            .token(Some(&strong))
            .deposit("\"k\"", &body)
            .await;
        assert_eq!(
            (refused.status.as_u16(), refused.problem()),
            (500, "internal")
        );
        // The program ends by this (R24), and is started again.
        desk.failed().await;
    }
    let gateway = Gateway::open(&folder, catalogue()).unwrap();
    let desk = Desk::new(gateway, clock, rng(), 100);
    let api = Api::at(&desk).token(Some(&strong));
    let first = api.deposit("\"k\"", &body).await.done();
    assert_eq!(api.deposit("\"k\"", &body).await.done()["id"], first["id"]);
    let unfinished = play.gateway("border").audit(10).unwrap();
    assert!(
        unfinished.iter().any(|a| a.outcome == 0),
        "it was written down before it was tried"
    );
}
