//! An office's own desk works over REST: what a person is told, and what no answer ever shows.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_gateway::{DisputeKind, http::ROUTES};
use denizen_testkit::{
    AZIZA, Play,
    play::{BORDER, CLINIC, IMMIGRATION, OfficeKind, TEST_CENTRE, WORK_PERMIT, vct},
    rest::Api,
};
use serde_json::{Value, json};

const OFFICES: [OfficeKind; 4] = [BORDER, TEST_CENTRE, CLINIC, IMMIGRATION];

fn items(page: &Value) -> &Vec<Value> {
    page["items"].as_array().unwrap()
}

#[tokio::test]
async fn a_case_is_found_by_queue_and_opened_with_a_notice() {
    let mut play = Play::settled(611, AZIZA, &OFFICES).await;
    play.apply_for_permit("aziza").await;
    let api = Api::of(&mut play, "immigration");
    let queue = api
        .get(&format!("/v1/cases?service={WORK_PERMIT}&state=filed"))
        .await
        .done();
    let case = items(&queue)[0]["case_reference"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        items(&api.get("/v1/cases?state=granted").await.done()).len(),
        0
    );
    let line = api.get(&format!("/v1/cases/{case}")).await.done();
    assert_eq!(line, items(&queue)[0]);
    assert_eq!(
        play.holder("aziza").profile().notices.len(),
        0,
        "a line is no paper"
    );

    let path = format!("/v1/cases/{case}/open");
    for body in [
        json!({"role": "inspector", "purpose": " "}),
        json!({"role": "", "purpose": "x"}),
    ] {
        assert_eq!(api.post(&path, &body).await.problem(), "refused");
    }
    for body in [
        json!({"role": "inspector"}),
        json!({"purpose": "x"}),
        json!({}),
    ] {
        assert_eq!(api.post(&path, &body).await.problem(), "malformed");
    }
    let body = json!({"role": "inspector", "purpose": "decision on a work permit"});
    let papers = api.post(&path, &body).await.done();
    play.settle().await;
    let names = &papers["subjects"][0];
    assert_eq!(names["part"], "names");
    assert_eq!(
        names["agreement"], "differ",
        "two papers have them in other scripts"
    );
    assert!(names["shown"].as_array().unwrap().len() > 1);
    assert!(papers["evidence"][0]["claims"]["subject"]["names"].is_object());
    let notices = &play.holder("aziza").profile().notices;
    assert_eq!(notices.len(), 1, "the refused openings opened nothing");
    let told = format!("{notices:?}");
    assert!(
        told.contains("inspector") && told.contains("decision on a work permit"),
        "{told}"
    );
    play.end().await;
}

#[tokio::test]
async fn an_applicant_is_asked_for_more_and_gets_the_decision_with_its_record() {
    let mut play = Play::settled(616, AZIZA, &OFFICES).await;
    let id = play.apply_for_permit("aziza").await;
    let api = Api::of(&mut play, "immigration");
    let case = play.open_case_reference("immigration");
    let more = json!({"text": "Please add the address", "due": "2026-12-10", "role": "inspector"});
    api.post(&format!("/v1/cases/{case}/ask-more"), &more)
        .await
        .done();
    let path = format!("/v1/cases/{case}/decision");
    for body in [
        json!({"role": "inspector"}),
        json!({"role": "inspector", "grant": [], "refuse": {"reason": "x", "appeal": {"until": "2027-01-01", "to": "court"}}}),
        json!({"role": "inspector", "refuse": {"reason": " ", "appeal": {"until": "2027-01-01", "to": "court"}}}),
        json!({"role": "inspector", "refuse": {"reason": "x", "appeal": {"until": "soon", "to": "court"}}}),
    ] {
        assert_eq!(api.post(&path, &body).await.problem(), "refused", "{body}");
    }
    let denizen_gateway::Verdict::Granted(grants) = denizen_testkit::play::permit() else {
        unreachable!("a permit is granted")
    };
    let grant = json!([{"kind": grants[0].vct, "claims": grants[0].claims}]);
    let body = json!({"role": "inspector", "grant": grant});
    assert_eq!(api.post(&path, &body).await.done()["state"], "granted");
    play.settle().await;
    assert!(play.kinds("aziza").contains(&vct::PERMIT.to_owned()));
    assert_eq!(
        play.follow("aziza", &id).len(),
        3,
        "filed, more needed, decided"
    );
    assert_eq!(api.post(&path, &body).await.problem(), "case-closed");
    assert_eq!(api.get("/v1/cases/A-00000000").await.problem(), "not-found");
    play.end().await;
}

#[tokio::test]
async fn a_queue_has_pages_that_lose_and_repeat_nothing() {
    let mut play = Play::settled(612, AZIZA, &OFFICES).await;
    for _ in 0..5 {
        play.apply_for_permit("aziza").await;
        play.world.clock.advance_s(61);
    }
    let api = Api::of(&mut play, "immigration");
    let whole = api.get("/v1/cases").await.done();
    assert_eq!(items(&whole).len(), 5);
    assert!(whole["next"].is_null());
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("/v1/cases?limit=2{after}")).await.done();
        seen.extend(items(&page).clone());
        let Some(next) = page["next"].as_str() else {
            break;
        };
        after = format!("&after={next}");
    }
    assert_eq!(&seen, items(&whole));
    for bad in [
        "limit=0",
        "limit=201",
        "limit=x",
        "after=x",
        "state=x",
        "name=x",
        "birth_date=1994-03-17",
    ] {
        assert_eq!(
            api.get(&format!("/v1/cases?{bad}")).await.problem(),
            "malformed",
            "{bad}"
        );
    }
    play.end().await;
}

#[tokio::test]
async fn the_clerk_enters_digits_that_rest_never_shows() {
    let mut play = Play::with(613, &[BORDER]).await;
    play.arrive(AZIZA).await;
    let api = Api::of(&mut play, "border");
    let case = play.people["aziza"].persona.case("border");
    let asked =
        json!({"purpose": "Your crossings", "sends": [vct::CROSSING], "case_reference": case});
    let made = api.post("/v1/invitations", &asked).await.done();
    let text = made["invitation"].as_str().unwrap();
    let code = made["qr"].as_str().unwrap().to_owned();
    assert!(text.starts_with("denizen:invite#") && code.len() * 2 < text.len());
    let state = format!("/v1/invitations/{}", made["id"].as_str().unwrap());
    assert_eq!(api.get(&state).await.done()["uses_left"], 1);
    let link = play.accept("aziza", &code).await;
    play.settle().await;
    let later = api.get(&state).await.done();
    assert_eq!(later["uses_left"], 0);
    assert!(later["invitation"].is_null() && later["qr"].is_null());
    let digits = play.holder("aziza").code(link).unwrap();
    let path = format!("/v1/links/{}", denizen_testkit::rest::encoded(case));
    for answer in [
        api.get("/v1/links").await.done(),
        api.get(&path).await.done(),
    ] {
        assert!(!answer.to_string().contains(&digits), "{answer}");
    }
    let wrong = format!("{:06}", (digits.parse::<u32>().unwrap() + 1) % 1_000_000);
    let enter = async |digits: &str| {
        let body = json!({"digits": digits, "role": "clerk"});
        api.post(&format!("{path}/confirm"), &body).await
    };
    let refused = enter(&wrong).await;
    assert_eq!(refused.problem(), "wrong-digits");
    assert!(!refused.body.to_string().contains(&digits));
    let stands = enter(&digits).await.done();
    assert_eq!(stands["state"], "confirmed");
    assert_eq!(enter(&digits).await.problem(), "link-not-waiting");
    play.settle().await;
    assert_eq!(api.get("/v1/links/nobody").await.problem(), "not-found");
    let note = json!({"text": "Your papers are ready"});
    let write = format!("/v1/cases/{}/notes", denizen_testkit::rest::encoded(case));
    assert_eq!(api.post(&write, &note).await.status, 204);
    let close = json!({"reason": "You have moved", "role": "clerk"});
    assert_eq!(api.post(&format!("{path}/close"), &close).await.status, 204);
    play.settle().await;
    assert_eq!(api.get(&path).await.done()["state"], "closed");
    for bad in [
        json!({"purpose": " "}),
        json!({"purpose": "x", "uses": 0}),
        json!({"purpose": "x", "uses": 2, "case_reference": "y"}),
        json!({"purpose": "x", "asks": ["work-permit"]}),
        json!({"purpose": "x", "case_reference": " y"}),
    ] {
        assert_eq!(
            api.post("/v1/invitations", &bad).await.problem(),
            "refused",
            "{bad}"
        );
    }
    let foreign = json!({"purpose": "x", "sends": [vct::PERMIT]});
    assert_eq!(
        api.post("/v1/invitations", &foreign).await.problem(),
        "kind-not-admitted"
    );
    play.canary().await;
}

#[tokio::test]
async fn disputes_are_opened_with_a_notice_and_answered() {
    let mut play = Play::settled(614, AZIZA, &[BORDER]).await;
    let api = Api::of(&mut play, "border");
    let kept = play.record("aziza", vct::CROSSING).kept;
    let claims = vec![vec!["checkpoint".to_owned(), "name".to_owned()]];
    let done = play.person("aziza", |h, with| {
        h.dispute(&kept, claims, "another post", &[], with)
    });
    done.await.unwrap();
    let list = api.get("/v1/disputes").await.done();
    let number = items(&list)[0]["number"].as_i64().unwrap();
    let path = format!("/v1/disputes/{number}");
    let view = api
        .post(&format!("{path}/open"), &json!({"role": "registrar"}))
        .await
        .done();
    play.settle().await;
    assert_eq!(play.holder("aziza").profile().notices.len(), 1);
    assert_eq!(view["text"], "another post");
    let mut claims = view["record"].clone();
    claims["direction"] = "sideways".into();
    let uphold = |claims: &Value| json!({"role": "registrar", "uphold": {"claims": claims}});
    let refused = api.post(&format!("{path}/answer"), &uphold(&claims)).await;
    assert_eq!(refused.problem(), "record-rejected");
    claims["direction"] = view["record"]["direction"].clone();
    claims["checkpoint"]["name"] = "Маштаково".into();
    let answered = api
        .post(&format!("{path}/answer"), &uphold(&claims))
        .await
        .done();
    assert_eq!(answered["state"], "upheld");
    play.settle().await;
    let corrected = play.record("aziza", vct::CROSSING);
    assert_eq!(corrected.claims["checkpoint"]["name"], "Маштаково");
    let reject = json!({"role": "registrar", "reject": {"reason": "no"}});
    assert_eq!(
        api.post(&format!("{path}/answer"), &reject).await.problem(),
        "dispute-over"
    );

    let done = play.person("aziza", |h, (now, rng)| {
        h.not_mine(&corrected.kept, "not about me", now, rng)
    });
    done.await.unwrap();
    let returned = play.disputes("border");
    let returned = returned
        .iter()
        .find(|d| d.kind == DisputeKind::NotMine)
        .unwrap();
    let path = format!("/v1/disputes/{}/clear", returned.number);
    let cleared = api.post(&path, &json!({"role": "registrar"})).await.done();
    assert_eq!(cleared["state"], "cleared");
    assert_eq!(
        api.post("/v1/disputes/99/open", &json!({"role": "x"}))
            .await
            .problem(),
        "not-found"
    );
    play.canary().await;
}

/// R29: what parameters may be. Nothing here is an attribute of a person.
#[tokio::test]
async fn no_route_takes_an_attribute_of_a_person() {
    const PARAMETERS: [&str; 9] = [
        "Idempotency-Key",
        "record",
        "case_reference",
        "service",
        "state",
        "after",
        "limit",
        "number",
        "invitation",
    ];
    let attributes = ROUTES
        .iter()
        .flat_map(|r| r.2)
        .filter(|p| !PARAMETERS.contains(p))
        .count();
    assert_eq!(attributes, 0);
    let mut play = Play::settled(615, AZIZA, &[BORDER]).await;
    let api = Api::of(&mut play, "border");
    for (method, path, _) in ROUTES {
        if method == "GET" && !path.contains('{') {
            let asked = api.get(&format!("{path}?name=Каримова")).await;
            let takes_it = asked.body.to_string().contains("Каримова");
            assert!(!takes_it, "{path}");
        }
    }
    for path in [
        "/v1/people",
        "/v1/records",
        "/v1/links/x/records",
        "/v1/search",
        "/",
    ] {
        assert_eq!(api.get(path).await.problem(), "not-found", "{path}");
    }
    assert_eq!(api.get("/healthz").await.status, 200);
    let health = api.get("/v1/health").await.done();
    assert_eq!(health["good"], true, "{health}");
    let outbox = api.get("/v1/outbox").await.done();
    assert_eq!(outbox["queued"], 0);
    let metrics = api.get("/metrics").await.done();
    assert!(
        metrics
            .as_str()
            .unwrap()
            .contains("denizen_gateway_outbox 0")
    );
    play.end().await;
}
