//! Requests at the hub: signed for it, now, whole; its routes know addresses and never persons (R29);
//! its problems never repeat what was sent.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_api::{
    Problem, ProblemKind, Transport as _,
    client::own_keyid,
    signature::{Covered, sign},
    wire::{Accept, ChangeAccepts, RegisterAddress, WrappedRoot},
};
use denizen_model::{HubId, Nonce, OrgId, SecretKeyFor, UnixTime, id::Bytes, key::Auth};
use denizen_testkit::{Marks, Person, World, person::Address};
use http::{Request, StatusCode};
use serde_json::Value;
use std::collections::BTreeSet;

/// A request signed as asked, ready to be bent.
struct Draft<'a> {
    method: &'a str,
    path: String,
    query: &'a str,
    body: Vec<u8>,
}

impl Draft<'_> {
    fn signed(&self, key: &SecretKeyFor<Auth>, hub: &HubId, created: UnixTime) -> Request<Vec<u8>> {
        let covered = Covered {
            method: self.method,
            path: &self.path,
            query: self.query,
            body: &self.body,
        };
        let keyid = own_keyid(key.signer());
        let headers = sign(&covered, key.signer(), &keyid, hub, created);
        let mut request = self.bare();
        for (name, value) in [
            ("content-digest", headers.content_digest),
            ("signature-input", headers.signature_input),
            ("signature", headers.signature),
        ] {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        request
    }

    fn bare(&self) -> Request<Vec<u8>> {
        let mark = if self.query.is_empty() { "" } else { "?" };
        let uri = format!("http://hub-0.test{}{mark}{}", self.path, self.query);
        let request = Request::builder().method(self.method).uri(uri);
        request.body(self.body.clone()).unwrap()
    }
}

async fn status(world: &World, request: Request<Vec<u8>>) -> StatusCode {
    let answer = world.wire.send(request).await.unwrap();
    let status = answer.status();
    if !status.is_success() {
        let problem: Problem = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!(problem.kind().unwrap().status(), status.as_u16());
    }
    status
}

/// One request of each route that must be signed by an address.
fn drafts(address: &Address) -> Vec<Draft<'static>> {
    let id = address.id().to_text();
    let draft = |method, path, query, body| Draft {
        method,
        path,
        query,
        body,
    };
    let object = format!("/v1/addresses/{id}/objects/{id}");
    let change = ChangeAccepts {
        version: 1,
        accepts: vec![Accept::SelfOnly(true)],
        frozen: false,
    };
    vec![
        draft("GET", format!("/v1/addresses/{id}"), "", vec![]),
        draft(
            "GET",
            format!("/v1/addresses/{id}/envelopes"),
            "wait=0",
            vec![],
        ),
        draft(
            "PUT",
            format!("/v1/addresses/{id}/accepts"),
            "",
            serde_json::to_vec(&change).unwrap(),
        ),
        draft("POST", "/v1/deposits".into(), "", vec![0x80]),
        draft(
            "DELETE",
            format!("/v1/addresses/{id}/envelopes/0"),
            "",
            vec![],
        ),
        draft("GET", object.clone(), "offset=0", vec![]),
        draft("DELETE", object, "", vec![]),
        draft("DELETE", format!("/v1/addresses/{id}"), "", vec![]),
    ]
}

#[tokio::test]
async fn unsigned_old_bent_and_foreign_requests_are_refused_on_every_signed_route() {
    let mut world = World::make(50).await;
    let address = Person::make(&mut world.rng).own_address();
    world.register(&address).await;
    let (hub, now, key) = (world.house().id, world.now(), &address.keys.auth);
    let thief = Person::make(&mut world.rng).own_address().keys.auth;
    for draft in drafts(&address) {
        let route = format!(
            "{} {}",
            draft.method,
            draft.path.split('/').nth(2).unwrap_or("")
        );
        let unsigned = StatusCode::UNAUTHORIZED;
        assert_eq!(
            status(&world, draft.bare()).await,
            unsigned,
            "{route}: bare"
        );
        for created in [now.plus_s(301), now.plus_s(-301)] {
            let request = draft.signed(key, &hub, created);
            assert_eq!(status(&world, request).await, unsigned, "{route}: old");
        }
        let abroad = draft.signed(key, &HubId::new([9; 32]), now);
        assert_eq!(
            status(&world, abroad).await,
            unsigned,
            "{route}: another hub"
        );
        let mut bent = draft.signed(key, &hub, now);
        bent.body_mut().push(b' ');
        assert_eq!(status(&world, bent).await, unsigned, "{route}: body");
        let mut moved = draft.signed(key, &hub, now);
        let other = if route.contains("GET") && draft.path.contains("/objects/") {
            "offset=1"
        } else {
            "after=1"
        };
        *moved.uri_mut() = format!(
            "{}?{other}",
            moved.uri().to_string().split('?').next().unwrap()
        )
        .parse()
        .unwrap();
        assert_eq!(status(&world, moved).await, unsigned, "{route}: query");
        for name in ["content-digest", "signature-input", "signature"] {
            let mut cut = draft.signed(key, &hub, now);
            cut.headers_mut().remove(name);
            assert_eq!(
                status(&world, cut).await,
                unsigned,
                "{route}: without {name}"
            );
        }
        if draft.path.contains("addresses") {
            let request = draft.signed(&thief, &hub, now);
            assert_eq!(
                status(&world, request).await,
                StatusCode::NOT_FOUND,
                "{route}: thief"
            );
        }
    }
    for draft in drafts(&address) {
        let answer = status(&world, draft.signed(key, &hub, now)).await;
        let nothing_there =
            draft.path.ends_with("/envelopes/0") || draft.path.contains("/objects/");
        assert!(answer.is_success() || (nothing_there && answer == StatusCode::NOT_FOUND));
    }
    world.assert_addresses_unspoken(&[address.id()]).await;
}

/// Everything that a parameter of the hub may be. None is an attribute of a person, and none stands
/// for more than one address.
const PARAMETERS: [&str; 10] = [
    "address", "after", "wait", "pos", "id", "offset", "locator", "org", "list", "path",
];

/// Members that a JSON body of the hub may have.
const MEMBERS: [&str; 8] = [
    "v", "auth", "salt", "accepts", "pass", "version", "frozen", "owner",
];

#[test]
fn no_route_takes_an_attribute_of_a_person_or_lists_across_addresses() {
    for (method, path, parameters) in denizen_hub::ROUTES {
        for parameter in parameters {
            assert!(
                PARAMETERS.contains(parameter),
                "{method} {path}: {parameter}"
            );
        }
        let in_path: BTreeSet<&str> = path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .map(|name| name.trim_start_matches('*'))
            .collect();
        let told: BTreeSet<&str> = parameters.iter().copied().collect();
        let in_query: Vec<_> = told.difference(&in_path).collect();
        assert!(in_path.is_subset(&told), "{path}");
        let may_query = path.ends_with("/envelopes") || path.ends_with("/objects/{id}");
        assert!(in_query.is_empty() || may_query, "{path}: {in_query:?}");
        // What is under addresses names exactly one, except registering.
        if path.starts_with("/v1/addresses") && *path != *"/v1/addresses" {
            assert!(path.starts_with("/v1/addresses/{address}"), "{path}");
        }
    }
    let listing = denizen_hub::ROUTES
        .iter()
        .filter(|(m, p, _)| *m == "GET" && *p == "/v1/addresses");
    assert_eq!(listing.count(), 0);
}

#[test]
fn the_routes_that_are_told_are_those_that_are_there() {
    let source = include_str!("../../../hub/src/http.rs");
    let mut there = BTreeSet::new();
    for call in source.split(".route(").skip(1) {
        let path = call.split('"').nth(1).unwrap();
        let handlers = call
            .split('"')
            .nth(2)
            .unwrap()
            .split(".route(")
            .next()
            .unwrap();
        let handlers = handlers.split(".fallback(").next().unwrap();
        for method in ["get", "post", "put", "delete"] {
            if handlers.contains(&format!("{method}(")) {
                there.insert((method.to_uppercase(), path.to_owned()));
            }
        }
    }
    let told = denizen_hub::ROUTES
        .iter()
        .map(|(m, p, _)| ((*m).to_owned(), (*p).to_owned()));
    assert_eq!(there, told.collect());
}

#[test]
fn the_bodies_have_no_member_for_an_attribute_of_a_person() {
    let mut rng = <denizen_testkit::Rng as rand_core::SeedableRng>::seed_from_u64(51);
    let address = Person::make(&mut rng).own_address();
    let registration = RegisterAddress {
        salt: Some(Nonce::new([1; 32])),
        pass: Some(Bytes(vec![1])),
        ..address.registration.clone()
    };
    let change = ChangeAccepts {
        version: 1,
        accepts: vec![],
        frozen: false,
    };
    let root = WrappedRoot {
        wrapped: Bytes(vec![1]),
        owner: address.keys.auth.public_for(),
    };
    let bodies = [
        serde_json::to_value(registration).unwrap(),
        serde_json::to_value(change).unwrap(),
        serde_json::to_value(root).unwrap(),
    ];
    for body in bodies {
        for name in body.as_object().unwrap().keys() {
            assert!(
                name == "wrapped" || MEMBERS.contains(&name.as_str()),
                "{name}"
            );
        }
        let mut more = body.clone();
        more["name"] = Value::from("Aziza");
        assert!(serde_json::from_value::<RegisterAddress>(more.clone()).is_err());
        assert!(serde_json::from_value::<ChangeAccepts>(more.clone()).is_err());
        assert!(serde_json::from_value::<WrappedRoot>(more).is_err());
    }
}

#[tokio::test]
async fn a_problem_never_repeats_what_was_sent() {
    let mut world = World::make(52).await;
    let mark = "Dilnoza-Echo-7781";
    let mut marks = Marks::default();
    marks.add("input", mark);
    let scanner = marks.scanner();
    let address = Person::make(&mut world.rng).own_address();
    let (hub, now, key) = (world.house().id, world.now(), &address.keys.auth);
    let org = OrgId::new([1; 32]).to_text();
    let body = format!("{{\"name\": \"{mark}\", \"v\": \"{mark}\"}}").into_bytes();
    let query = format!("after={mark}&{mark}=1");
    let mut sent = 0;
    for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
        let mut paths: Vec<String> = denizen_hub::ROUTES
            .iter()
            .map(|(_, path, _)| {
                path.split('/')
                    .map(|p| if p.starts_with('{') { mark } else { p })
            })
            .map(|parts| parts.collect::<Vec<_>>().join("/"))
            .collect();
        paths.extend([
            format!("/{mark}"),
            format!("/v1/addresses/{}/envelopes/{mark}", address.id().to_text()),
            format!("/v1/addresses/{}/envelopes", address.id().to_text()),
            format!("/v1/status/{org}/%FF{mark}"),
            format!("/v1/addresses/%FF{mark}"),
        ]);
        for path in paths {
            let draft = Draft {
                method,
                path,
                query: &query,
                body: body.clone(),
            };
            for request in [draft.bare(), draft.signed(key, &hub, now)] {
                let answer = world.wire.send(request).await.unwrap();
                sent += 1;
                let (status, place) = (answer.status(), format!("{method} {}", draft.path));
                if !status.is_success() {
                    let problem: Problem = serde_json::from_slice(answer.body()).unwrap();
                    assert!(problem.kind().is_some(), "{place}");
                    assert_eq!(problem.title, problem.kind().unwrap().title());
                }
                let found = scanner.scan(&place, answer.body());
                assert!(found.is_empty() || status.is_success(), "{found:?}");
            }
        }
    }
    assert!(sent > 200, "{sent}");
    assert!(ProblemKind::ALL.iter().all(|k| !k.title().contains('{')));
}
