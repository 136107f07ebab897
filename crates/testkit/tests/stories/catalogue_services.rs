//! Every shipped service can be answered from the kinds' examples, and asks nothing that may not be asked.
#![allow(clippy::unwrap_used, clippy::panic)]

use denizen_holder::{EvidenceRequest, select};
use denizen_model::{
    OrgId, Sha256Hash,
    catalogue::{Catalogue, Service},
    statement::ServiceEntry,
};
use denizen_openid::{Candidate, Query, ValueMatching, match_query};
use denizen_rules::{Verdict, evaluate};
use denizen_testkit::{
    START,
    catalogue::{catalogue, repository},
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The day on which the examples are current.
const TODAY: jiff::civil::Date = jiff::civil::date(2026, 4, 15);

/// A valid example: its file, its kind and its claims.
type Example = (String, String, Map<String, Value>);

fn examples(catalogue: &Catalogue) -> Vec<Example> {
    let mut found = Vec::new();
    for kind in catalogue.kinds() {
        let folder = repository().join("catalogue/examples").join(&kind.name);
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.starts_with("valid") {
                let claims = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
                found.push((format!("{}/{name}", kind.name), kind.vct.clone(), claims));
            }
        }
    }
    found
}

fn query(service: &Service) -> Query {
    // As a gateway reads it before it publishes: a query that probes for values is refused (R20).
    Query::from_value(&service.evidence, ValueMatching::Refused)
        .unwrap_or_else(|e| panic!("{}: {e}", service.service))
}

#[test]
fn every_service_can_be_met_by_examples() {
    let catalogue = catalogue();
    let examples = examples(&catalogue);
    let by_id: BTreeMap<_, _> = examples.iter().map(|e| (e.0.as_str(), e)).collect();
    let candidates: Vec<_> = examples
        .iter()
        .map(|(id, vct, claims)| Candidate { id, vct, claims })
        .collect();
    for service in catalogue.services() {
        let matches = match_query(&query(service), &candidates);
        assert!(matches.satisfied, "{}", service.service);
        for found in &matches.credentials {
            let rules = || {
                service
                    .constraints
                    .iter()
                    .filter(|c| c.query == found.query)
            };
            let meets = |id: &str| {
                let claims = by_id.get(id).map(|e| &e.2);
                let claims = claims.unwrap();
                rules().all(|c| evaluate(c, claims, TODAY) == Verdict::Met)
            };
            assert!(
                found.candidates.iter().any(|c| meets(&c.id)),
                "{} {}: no example meets it",
                service.service,
                found.query
            );
        }
    }
}

/// The two checks of D15 and D16 show what they promise and nothing else: no name, no birth date.
#[test]
fn a_check_discloses_one_answer_only() {
    let catalogue = catalogue();
    let examples = examples(&catalogue);
    for (service, allowed) in [
        ("urn:denizen:service:age-check", &["age_over_18"][..]),
        (
            "urn:denizen:service:tenancy-check",
            &["valid_until", "stay_until", "effect", "permit_type"],
        ),
        (
            "urn:denizen:service:right-to-work-check",
            &["may_work", "valid_until"],
        ),
    ] {
        let service = catalogue.service(service).unwrap();
        assert!(service.subject_required.is_empty());
        for (id, vct, claims) in &examples {
            let candidate = Candidate { id, vct, claims };
            for found in match_query(&query(service), &[candidate]).credentials {
                for path in found.candidates.iter().flat_map(|c| &c.disclose) {
                    let path = format!("{path:?}");
                    let fits = allowed.iter().any(|a| path.contains(&format!("{a:?}")));
                    assert!(fits, "{} {id}: {path}", service.service);
                    assert!(!path.contains("subject"), "{path}");
                }
            }
        }
    }
}

#[test]
fn papers_of_which_one_is_enough_are_told_as_such() {
    let service = "urn:denizen:service:bank-account";
    let entry = ServiceEntry {
        v: 1,
        org: OrgId::new([1; 32]),
        service: catalogue().service(service).unwrap().clone(),
        created: START,
    };
    let request = EvidenceRequest::of(Sha256Hash::new([2; 32]), &entry).unwrap();
    let selection = select(&[], &request, &|_| Vec::new(), START);
    let required = selection.missing.iter().filter(|m| m.required);
    let told: Vec<_> = required.map(|m| (m.query.as_str(), m.one_of)).collect();
    let want = [
        ("travel_document", None),
        ("registration", Some(1)),
        ("permit", Some(1)),
        ("visa", Some(1)),
        ("crossing", Some(1)),
        ("phone", None),
    ];
    assert_eq!(told, want);
}
