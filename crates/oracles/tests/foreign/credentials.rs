//! Credentials, presentations and status lists with PyPI `sd-jwt` and npm `@sd-jwt/sd-jwt-vc`, both
//! ways each.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use denizen_credential::{
    IatWindow, KeyBindingPolicy, Status, StatusList, StatusListToken, UnverifiedCredential,
    UnverifiedPresentation, VerifiedPresentation, status_uri,
};
use denizen_jose::{Portable, base64url_encode};
use denizen_model::{KeyPurpose, SecretKeyFor, key::Cnf, link::kb_audience};
use denizen_oracles::say;
use denizen_oracles::{
    peer::{node, python},
    vectors::world::{NOW, VCT, World},
};
use serde_json::{Value, json};

fn ask(peer: fn(&str, &Value) -> Value, script: &str, jobs: &[Value]) -> Vec<Value> {
    serde_json::from_value(peer(script, &json!({"jobs": jobs}))).unwrap()
}

fn by_python(jobs: &[Value]) -> Vec<Value> {
    ask(python, "sd_jwt_peer.py", jobs)
}

fn by_node(jobs: &[Value]) -> Vec<Value> {
    ask(node, "sd-jwt-peer.mjs", jobs)
}

/// A JWK with its secret part.
fn secret_jwk<P: KeyPurpose>(key: &SecretKeyFor<P>) -> Value {
    let mut jwk = serde_json::to_value(key.public_for()).unwrap();
    jwk["d"] = base64url_encode(key.danger_seed()).into();
    jwk
}

fn holder_key(world: &World) -> SecretKeyFor<Cnf> {
    world.root.derive_copy_key(&world.copy_ref)
}

/// What a presentation of ours shows, and nothing else.
fn shown(world: &World) -> Value {
    json!({"subject": {"names": world.claims()["subject"]["names"]}, "may_work": true})
}

fn check_shown(world: &World, claims: &Value) {
    assert_eq!(claims["subject"], shown(world)["subject"]);
    assert_eq!(
        (&claims["may_work"], &claims["vct"], &claims["iss"]),
        (&json!(true), &json!(VCT), &json!(world.org))
    );
    assert!(claims.get("valid_until").is_none(), "not disclosed");
}

fn verified(world: &World, presentation: &str, nonce: &str) -> VerifiedPresentation {
    let iat = IatWindow {
        min: 0,
        max: i64::MAX,
    };
    let aud = kb_audience(&world.org);
    let policy = KeyBindingPolicy::Required {
        aud: &aud,
        nonce,
        iat,
    };
    let unverified = UnverifiedPresentation::parse(presentation).unwrap();
    unverified
        .verify(&Portable, world.issuer().public_for().key(), policy)
        .unwrap()
}

fn names(credential: &VerifiedPresentation) -> String {
    credential
        .credential()
        .claims()
        .keys()
        .cloned()
        .collect::<Vec<_>>()
        .join(", ")
}

/// The last disclosure taken away: the peer must refuse it.
fn cut(presentation: &str) -> String {
    let (bound, kb) = presentation.rsplit_once('~').unwrap();
    format!("{}~{kb}", bound.rsplit_once('~').unwrap().0)
}

#[test]
fn pypi_sd_jwt_verifies_what_we_issue_and_present_with_key_binding() {
    let world = World::make();
    let job = |presentation: String, aud: String, nonce: String| json!({"act": "verify", "presentation": presentation, "issuer_key": world.issuer().public_for().key(), "aud": aud, "nonce": nonce});
    let (aud, nonce) = (kb_audience(&world.org), world.nonce());
    let read = by_python(&[
        job(world.presentation(), aud.clone(), nonce.clone()),
        job(world.presentation(), aud.clone(), "another".into()),
        job(world.presentation(), "another".into(), nonce.clone()),
        job(cut(&world.presentation()), aud, nonce),
        json!({"act": "verify", "presentation": world.copies()[0], "issuer_key": world.issuer().public_for().key()}),
    ]);
    check_shown(&world, &read[0]["claims"]);
    for refused in &read[1..4] {
        assert!(refused["refused"].is_string(), "{refused}");
    }
    for (name, value) in world.claims() {
        assert_eq!(read[4]["claims"][&name], value, "the whole credential");
    }
    say!(
        "PyPI sd-jwt read ours: {}; it refused another nonce ({}), another audience, a disclosure less",
        read[0]["claims"],
        read[1]["refused"]
    );
}

#[test]
fn we_verify_what_pypi_sd_jwt_issues_and_presents() {
    let world = World::make();
    let mut claims = world.claims();
    claims.extend(
        json!({"iss": world.org, "vct": VCT, "iat": NOW})
            .as_object()
            .unwrap()
            .clone(),
    );
    let job = |decoys: bool| {
        json!({"act": "issue", "claims": claims, "decoys": decoys, "kid": world.org_kid("i1"),
            "sd": [["subject"], ["subject", "names"], ["subject", "birth_date"], ["may_work"], ["regions", null], ["valid_until"]],
            "issuer_key": secret_jwk(&world.issuer()), "holder_key": secret_jwk(&holder_key(&world)),
            "disclose": {"subject": {"names": true}, "may_work": true, "regions": [false, true]},
            "nonce": "n-1", "aud": kb_audience(&world.org)})
    };
    let mut jobs = vec![job(false), job(true)];
    jobs.push(json!({"act": "present", "credential": world.copies()[1], "holder_key": secret_jwk(&holder_key(&world)),
        "disclose": {"subject": {"names": true}, "may_work": true}, "nonce": "n-1", "aud": kb_audience(&world.org)}));
    let made = by_python(&jobs);
    for answer in &made {
        let presentation = answer["presentation"].as_str().unwrap();
        let read = verified(&world, presentation, "n-1");
        check_shown(&world, &with_registered(&read));
        say!("we read a presentation by PyPI sd-jwt: {}", names(&read));
    }
    for answer in &made[..2] {
        let credential =
            UnverifiedCredential::parse(answer["credential"].as_str().unwrap()).unwrap();
        let credential = credential
            .verify(&Portable, world.issuer().public_for().key())
            .unwrap();
        assert_eq!(*credential.claims(), world.claims());
        say!(
            "we read a whole credential by PyPI sd-jwt with {} disclosures",
            credential.disclosures().len()
        );
    }
}

fn with_registered(read: &VerifiedPresentation) -> Value {
    let mut claims = read.credential().claims().clone();
    claims.insert("vct".into(), read.credential().vct().into());
    claims.insert("iss".into(), read.credential().issuer().into());
    claims.into()
}

/// The token in which every entry but 5 is valid.
fn status_token(world: &World) -> (String, String) {
    let uri = status_uri(&world.org.to_text(), "1");
    let mut list = StatusList::new(0);
    list.set(5, Status::Suspended).unwrap();
    let token = list.sign(
        &uri,
        NOW.0,
        3600,
        &world.org_kid("s1"),
        world.status_key().signer(),
    );
    (uri, token)
}

#[test]
fn npm_sd_jwt_vc_verifies_what_we_issue_and_present_with_key_binding_and_status() {
    let world = World::make();
    let (uri, token) = status_token(&world);
    let mut revoked = StatusList::new(0);
    revoked.set(3, Status::Invalid).unwrap();
    let revoked = revoked.sign(
        &uri,
        NOW.0,
        3600,
        &world.org_kid("s1"),
        world.status_key().signer(),
    );
    let job = |presentation: String, nonce: &str, token: &str| {
        json!({"act": "verify", "presentation": presentation, "issuer_key": world.issuer().public_for().key(), "nonce": nonce,
            "now": NOW, "status_token": token, "status_key": world.status_key().public_for().key()})
    };
    let nonce = world.nonce();
    let read = by_node(&[
        job(world.presentation(), &nonce, &token),
        job(world.presentation(), "another", &token),
        job(cut(&world.presentation()), &nonce, &token),
        job(world.presentation(), &nonce, &revoked),
    ]);
    check_shown(&world, &read[0]["claims"]);
    assert_eq!(read[0]["kb"]["aud"], kb_audience(&world.org));
    for refused in &read[1..] {
        assert!(refused["refused"].is_string(), "{refused}");
    }
    say!(
        "npm @sd-jwt/sd-jwt-vc read ours: {}; it refused another nonce, a disclosure less, a revoked one ({})",
        read[0]["claims"],
        read[3]["refused"]
    );
}

#[test]
fn we_verify_what_npm_sd_jwt_vc_issues_and_presents() {
    let world = World::make();
    let mut payload = world.claims();
    let cnf = holder_key(&world).public_for();
    let registered = json!({"iss": world.org, "vct": VCT, "iat": NOW, "cnf": {"jwk": cnf}});
    payload.extend(registered.as_object().unwrap().clone());
    let common = json!({"holder_key": secret_jwk(&holder_key(&world)), "iat": NOW, "aud": kb_audience(&world.org), "nonce": "n-2",
        "disclose": {"subject": {"names": true}, "may_work": true}});
    let with = |more: Value| {
        let mut job = common.as_object().unwrap().clone();
        job.extend(more.as_object().unwrap().clone());
        Value::Object(job)
    };
    let frame = json!({"_sd": ["subject", "may_work", "valid_until"], "_sdDecoy": 2,
        "subject": {"_sd": ["names", "birth_date"]}, "regions": {"_sd": [0, 1]}});
    let made = by_node(&[
        with(
            json!({"act": "issue", "payload": payload, "frame": frame, "kid": world.org_kid("i1"), "issuer_key": secret_jwk(&world.issuer())}),
        ),
        with(json!({"act": "present", "credential": world.copies()[1]})),
    ]);
    for answer in &made {
        let read = verified(&world, answer["presentation"].as_str().unwrap(), "n-2");
        check_shown(&world, &with_registered(&read));
        say!(
            "we read a presentation by npm @sd-jwt/sd-jwt-vc: {}",
            names(&read)
        );
    }
    let credential = UnverifiedCredential::parse(made[0]["credential"].as_str().unwrap()).unwrap();
    let credential = credential
        .verify(&Portable, world.issuer().public_for().key())
        .unwrap();
    assert_eq!(*credential.claims(), world.claims());
}

#[test]
fn status_lists_are_read_both_ways_by_python_and_by_npm() {
    let world = World::make();
    let (uri, token) = status_token(&world);
    let key = world.status_key();
    let set = json!([[0, 1], [7, 2], [131_071, 3]]);
    let read = by_python(&[
        json!({"act": "status", "token": token, "key": key.public_for().key(), "indexes": [4, 5, 131_071]}),
        json!({"act": "sign_status", "uri": uri, "iat": NOW, "kid": world.org_kid("s1"), "key": secret_jwk(&key), "entries": 131_072, "set": set}),
    ]);
    assert_eq!(
        read[0],
        json!({"typ": "statuslist+jwt", "sub": uri, "bits": 2, "entries": 131_072, "statuses": [0, 2, 0]})
    );
    let theirs = read[1]["token"].as_str().unwrap();
    let theirs =
        StatusListToken::verify(theirs, &Portable, key.public_for().key(), &uri, None).unwrap();
    let statuses = [0, 1, 7, 131_071].map(|i| theirs.status(i).unwrap());
    assert_eq!(
        statuses,
        [
            Status::Invalid,
            Status::Valid,
            Status::Suspended,
            Status::Contested
        ]
    );
    say!(
        "Python (jwcrypto, zlib) read our status list: {}; we read its: {statuses:?}",
        read[0]
    );

    let read = by_node(&[
        json!({"act": "status", "token": token, "indexes": [4, 5, 131_071]}),
        json!({"act": "compress", "entries": 131_072, "set": set}),
    ]);
    assert_eq!(
        read[0],
        json!({"bits": 2, "entries": 131_072, "statuses": [0, 2, 0]})
    );
    let payload =
        json!({"sub": uri, "iat": NOW, "status_list": {"bits": 2, "lst": read[1]["lst"]}});
    let header = json!({"typ": "statuslist+jwt", "kid": "s"})
        .as_object()
        .unwrap()
        .clone();
    let signed = denizen_jose::sign_compact(key.signer(), header, payload.to_string().as_bytes());
    let theirs =
        StatusListToken::verify(&signed, &Portable, key.public_for().key(), &uri, None).unwrap();
    assert_eq!(
        [0, 1, 7, 131_071].map(|i| theirs.status(i).unwrap()),
        statuses
    );
    say!(
        "npm @sd-jwt/jwt-status-list read our status list: {}; we read its",
        read[0]
    );
}
