//! DCQL beside npm `dcql`: the same query over the same credentials matches the same ones.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use denizen_openid::{Candidate, Query, ValueMatching, match_query};
use denizen_oracles::peer::node;
use denizen_oracles::say;
use serde_json::{Map, Value, json};

const PERMIT: &str = "urn:denizen:kind:work-permit:1";
const LANGUAGE: &str = "urn:denizen:kind:language-certificate:1";

fn credentials() -> Value {
    json!([
        {"id": "p1", "vct": PERMIT, "claims": {"may_work": true, "valid_until": "2030-01-01", "regions": ["77", "50"], "subject": {"names": {"latin": "A"}}}},
        {"id": "p2", "vct": PERMIT, "claims": {"may_work": false, "regions": ["10"]}},
        {"id": "l1", "vct": LANGUAGE, "claims": {"level": "B1", "parts": [{"name": "reading", "score": 80}, {"name": "writing"}]}},
    ])
}

fn one(id: &str, vct: &str, claims: Value) -> Value {
    json!({"id": id, "format": "dc+sd-jwt", "meta": {"vct_values": [vct]}, "claims": claims})
}

fn queries() -> Vec<(&'static str, Value)> {
    let permit = one("permit", PERMIT, json!([{"path": ["may_work"]}]));
    let language = one("language", LANGUAGE, json!([{"path": ["level"]}]));
    let visa = json!({"id": "visa", "format": "dc+sd-jwt", "meta": {"vct_values": ["urn:denizen:kind:visa:1"]}});
    vec![
        ("one claim", json!({"credentials": [permit]})),
        (
            "two credentials",
            json!({"credentials": [permit, language]}),
        ),
        (
            "a kind that she lacks",
            json!({"credentials": [permit, visa]}),
        ),
        (
            "no claims",
            json!({"credentials": [{"id": "any", "format": "dc+sd-jwt", "meta": {"vct_values": [LANGUAGE, PERMIT]}}]}),
        ),
        (
            "a nested claim",
            json!({"credentials": [one("n", PERMIT, json!([{"path": ["subject", "names", "latin"]}]))]}),
        ),
        (
            "a claim that one lacks",
            json!({"credentials": [one("v", PERMIT, json!([{"path": ["valid_until"]}, {"path": ["may_work"]}]))]}),
        ),
        (
            "an element",
            json!({"credentials": [one("r", PERMIT, json!([{"path": ["regions", 1]}]))]}),
        ),
        (
            "all elements",
            json!({"credentials": [one("r", PERMIT, json!([{"path": ["regions", null]}]))]}),
        ),
        (
            "a member of all elements",
            json!({"credentials": [one("s", LANGUAGE, json!([{"path": ["parts", null, "name"]}]))]}),
        ),
        (
            "an element beyond the array",
            json!({"credentials": [one("r", PERMIT, json!([{"path": ["regions", 9]}]))]}),
        ),
        (
            "a member of a text",
            json!({"credentials": [one("x", LANGUAGE, json!([{"path": ["level", "x"]}]))]}),
        ),
        (
            "claim sets, the second answers",
            json!({"credentials": [{"id": "cs", "format": "dc+sd-jwt", "meta": {"vct_values": [PERMIT]},
            "claims": [{"id": "a", "path": ["absent"]}, {"id": "b", "path": ["may_work"]}], "claim_sets": [["a"], ["b"]]}]}),
        ),
        (
            "a credential set, the second option answers",
            json!({"credentials": [permit, language, visa],
            "credential_sets": [{"options": [["visa"], ["permit", "language"]]}]}),
        ),
        (
            "a credential set that is not required",
            json!({"credentials": [permit, visa],
            "credential_sets": [{"options": [["permit"]]}, {"options": [["visa"]], "required": false}]}),
        ),
        (
            "a required credential set that cannot be answered",
            json!({"credentials": [permit, visa],
            "credential_sets": [{"options": [["visa"]]}]}),
        ),
        (
            "values that one has",
            json!({"credentials": [one("w", PERMIT, json!([{"path": ["may_work"], "values": [true]}]))]}),
        ),
        (
            "values that none has",
            json!({"credentials": [one("w", LANGUAGE, json!([{"path": ["level"], "values": ["C2", "C1"]}]))]}),
        ),
    ]
}

/// Queries that both must refuse.
fn refused() -> Vec<(&'static str, Value)> {
    let permit = one("permit", PERMIT, json!([{"path": ["may_work"]}]));
    vec![
        ("no credentials", json!({"credentials": []})),
        ("no member credentials", json!({})),
        ("an id twice", json!({"credentials": [permit, permit]})),
        (
            "an empty path",
            json!({"credentials": [one("p", PERMIT, json!([{"path": []}]))]}),
        ),
        (
            "a negative index",
            json!({"credentials": [one("p", PERMIT, json!([{"path": ["regions", -1]}]))]}),
        ),
        (
            "a set that names an unknown id",
            json!({"credentials": [permit], "credential_sets": [{"options": [["other"]]}]}),
        ),
        (
            "an id with a space",
            json!({"credentials": [one("a b", PERMIT, json!([{"path": ["may_work"]}]))]}),
        ),
    ]
}

fn ours(query: &Value, credentials: &Value) -> Value {
    let query = Query::parse(query.to_string().as_bytes(), ValueMatching::Allowed).unwrap();
    let candidate = |c: &'_ Value| -> (String, String, Map<String, Value>) {
        let text = |name: &str| c[name].as_str().unwrap().to_owned();
        (
            text("id"),
            text("vct"),
            c["claims"].as_object().unwrap().clone(),
        )
    };
    let hers: Vec<_> = credentials
        .as_array()
        .unwrap()
        .iter()
        .map(candidate)
        .collect();
    let hers: Vec<_> = hers
        .iter()
        .map(|(id, vct, claims)| Candidate { id, vct, claims })
        .collect();
    let matches = match_query(&query, &hers);
    let ids = |c: &denizen_openid::CredentialMatches| {
        let ids: Vec<_> = c.candidates.iter().map(|m| m.id.clone()).collect();
        (c.query.clone(), json!(ids))
    };
    let found: Map<String, Value> = matches.credentials.iter().map(ids).collect();
    let sets: Vec<_> = matches.sets.iter().map(|s| json!(s.option)).collect();
    json!({"satisfied": matches.satisfied, "matches": found, "sets": sets})
}

#[test]
fn the_same_query_over_the_same_credentials_gives_the_same_matches() {
    let credentials = credentials();
    let job = |(_, query): &(&str, Value)| json!({"act": "dcql", "query": query, "credentials": credentials});
    let jobs: Vec<_> = queries().iter().map(job).collect();
    let theirs = node("sd-jwt-peer.mjs", &json!({"jobs": jobs}));
    for ((name, query), theirs) in queries().iter().zip(theirs.as_array().unwrap()) {
        let ours = ours(query, &credentials);
        assert_eq!(ours, *theirs, "{name}: left ours, right npm dcql's");
        say!("{name}: both {}", ours["matches"]);
    }
}

#[test]
fn what_the_specification_forbids_is_refused_by_both() {
    let job =
        |(_, query): &(&str, Value)| json!({"act": "dcql", "query": query, "credentials": []});
    let jobs: Vec<_> = refused().iter().map(job).collect();
    let theirs = node("sd-jwt-peer.mjs", &json!({"jobs": jobs}));
    for ((name, query), theirs) in refused().iter().zip(theirs.as_array().unwrap()) {
        let ours = Query::parse(query.to_string().as_bytes(), ValueMatching::Allowed);
        assert!(ours.is_err(), "{name}: we read it");
        assert_eq!(theirs["refused"], true, "{name}: npm dcql reads it");
        say!("{name}: both refuse ({})", ours.unwrap_err());
    }
}

/// OpenID4VP 1.0 section 7.1: where nothing is selected, processing is aborted with an error. The
/// peer matches an empty array where all elements are asked for; we do not.
#[test]
fn an_empty_array_has_no_elements_to_show_and_the_peer_is_known_to_differ() {
    let query = json!({"credentials": [one("r", PERMIT, json!([{"path": ["regions", null]}]))]});
    let empty = json!([{"id": "e", "vct": PERMIT, "claims": {"regions": []}}]);
    let job = json!({"act": "dcql", "query": query, "credentials": empty});
    let theirs = node("sd-jwt-peer.mjs", &json!({"jobs": [job]}));
    assert_eq!(ours(&query, &empty)["matches"], json!({"r": []}));
    assert_eq!(
        theirs[0]["matches"],
        json!({"r": ["e"]}),
        "the peer follows the text now: join the tables"
    );
    say!("an empty array: we match nothing as section 7.1 says, npm dcql matches it");
}
