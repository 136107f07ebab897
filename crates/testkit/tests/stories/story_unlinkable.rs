//! What two recipients, or the hub, could compare: nothing (R18, R9).
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_jose::base64url_decode;
use denizen_model::message::{Attachment, Message};
use denizen_testkit::{
    AZIZA, GULAB, Persona, Play, catalogue,
    play::{OfficeKind, RIGHT_TO_WORK, WORK_PERMIT, permit, vct},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const OFFICE: OfficeKind = OfficeKind {
    name: "border",
    title: "One Office",
    kinds: &[vct::TRAVEL, vct::FILED, vct::DECISION, vct::PERMIT],
    services: &[],
    files: &[("border/documents.ndjson", "border/documents-mapping.toml")],
};

const fn works(name: &'static str) -> OfficeKind {
    OfficeKind {
        name,
        title: "Sewing Works",
        kinds: &[],
        services: &[RIGHT_TO_WORK],
        files: &[],
    }
}

/// A person with a work permit that one office granted on a travel document alone.
async fn permitted(seed: u64, persona: Persona) -> Play {
    let mut play = Play::make(seed).await;
    play.open(&OFFICE).await;
    let mut service = catalogue().service(WORK_PERMIT).unwrap().clone();
    let only = "travel_document";
    service.evidence = json!({"credentials": [service.evidence["credentials"][0]]});
    service.issuers.retain(|query, _| query == only);
    service.subject_required = vec![only.to_owned()];
    service.constraints.retain(|c| c.query == only);
    play.publish("border", service).await;
    play.arrive(persona).await;
    play.link(persona.name, &OFFICE).await;
    play.fill(&OFFICE).await;
    play.apply_for_permit(persona.name).await;
    play.decide("border", permit()).await.unwrap();
    play
}

/// Everything in a presentation that could be compared with another: each disclosure, each digest and
/// salt, the holder's key, the status index, signatures.
fn traces(paper: &Attachment) -> BTreeSet<String> {
    let mut traces = BTreeSet::new();
    for part in paper.data.split('~') {
        for piece in part.split('.') {
            let Some(bytes) = base64url_decode(piece) else {
                continue;
            };
            match serde_json::from_slice::<Value>(&bytes) {
                Ok(json) => collect(&json, "", &mut traces),
                Err(_) => drop(traces.insert(format!("bytes {piece}"))),
            }
        }
    }
    traces
}

fn collect(value: &Value, at: &str, traces: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                collect(member, &format!("{at}.{name}"), traces);
            }
        }
        Value::Array(items) => items.iter().for_each(|i| collect(i, at, traces)),
        leaf => drop(traces.insert(format!("{at}={leaf}"))),
    }
}

#[tokio::test]
async fn two_employers_who_compare_what_they_were_shown_find_only_what_both_asked() {
    let mut play = permitted(1, AZIZA).await;
    for name in ["works-1", "works-2"] {
        let office = works(name);
        play.open(&office).await;
        play.link_open("aziza", &office).await;
    }
    let mut shown = Vec::new();
    for (hash, entry) in play.holder("aziza").services() {
        if entry.service.service != RIGHT_TO_WORK {
            continue;
        }
        let now = play.world.now();
        let preview = play
            .holder("aziza")
            .preview_application(&hash, json!({}), now)
            .unwrap();
        play.apply("aziza", &preview).unwrap();
        let applications = &play.holder("aziza").profile().applications;
        let sent = Message::danger_claimed(&applications.last().unwrap().message.0)
            .unwrap()
            .0;
        assert_eq!(sent.attachments.len(), 1);
        shown.push(traces(&sent.attachments[0]));
    }
    play.settle().await;
    assert_eq!(shown.len(), 2);
    assert!(shown[0].len() > 20, "{:?}", shown[0]);
    let permit = play.record("aziza", vct::PERMIT);
    let kept = Attachment {
        id: String::new(),
        media_type: String::new(),
        salt: denizen_model::Nonce::new([0; 32]),
        data: permit.held.kept.clone(),
        object: None,
        name: None,
    };
    // The values that were asked for, the kind, the issuer, the day: the same for everybody.
    let same_for_all = |trace: &&String| {
        let name = trace.split('=').next().unwrap();
        let common = [
            ".alg",
            ".typ",
            ".kid",
            ".iss",
            ".iat",
            ".vct",
            ".vct#integrity",
            "._sd_alg",
            ".exp",
            ".cnf.jwk.kty",
            ".cnf.jwk.crv",
            ".status.status_list.uri",
        ];
        let disclosed = [
            "=\"may_work\"",
            "=true",
            "=\"valid_until\"",
            "=\"2036-11-23\"",
        ];
        common.contains(&name) || disclosed.contains(&trace.as_str())
    };
    for (one, other) in [(&shown[0], &shown[1]), (&shown[0], &traces(&kept))] {
        let joint: Vec<&String> = one
            .intersection(other)
            .filter(|t| !same_for_all(t))
            .collect();
        assert!(joint.is_empty(), "two recipients share {joint:?}");
    }
    play.end().await;
}

/// All that a hub sees of a story: routes, sizes, answers, in their order. Names of addresses are
/// replaced by the order in which they first came.
fn seen_by_the_hub(play: &Play) -> Vec<String> {
    let mut addresses: Vec<String> = Vec::new();
    let exchanges = play.world.wire.exchanges();
    let line = |e: &denizen_testkit::Exchange| {
        let parts = e.path().split('/').map(|part| {
            let (name, query) = part.split_once('?').unwrap_or((part, ""));
            if name.len() != 43 {
                return part.to_owned();
            }
            let known = addresses.iter().position(|a| a == name);
            let number = known.unwrap_or_else(|| {
                addresses.push(name.to_owned());
                addresses.len() - 1
            });
            format!("<{number}>?{query}")
        });
        let path: Vec<String> = parts.collect();
        let (sent, got) = (e.request.len(), e.answer.len());
        format!(
            "{} {} {sent} {:?} {got}",
            e.method,
            path.join("/"),
            e.status
        )
    };
    exchanges.iter().map(line).collect()
}

#[tokio::test]
async fn two_lives_of_the_same_size_look_the_same_to_the_hub() {
    let (one, other) = (permitted(2, AZIZA).await, permitted(2, GULAB).await);
    let (one, other) = (seen_by_the_hub(&one), seen_by_the_hub(&other));
    assert!(one.len() > 100);
    for (at, (a, b)) in one.iter().zip(&other).enumerate() {
        assert_eq!(a, b, "exchange {at} tells them apart");
    }
    assert_eq!(one.len(), other.len());
}
