//! The description for programs and the routes agree exactly.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use denizen_gateway::http::{DESCRIPTION, ROUTES, RestProblem};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that a parameter may be: references of the office and the gateway, numbers and pages.
const PARAMETERS: [&str; 9] = [
    "Idempotency-Key",
    "record",
    "case_reference",
    "number",
    "invitation",
    "service",
    "state",
    "after",
    "limit",
];

fn description() -> Value {
    serde_json::from_str(DESCRIPTION).unwrap()
}

/// What a `$ref` leads to, or the value itself.
fn follow<'a>(whole: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        None => value,
        Some(at) => whole.pointer(at.strip_prefix('#').unwrap()).unwrap(),
    }
}

type Operations = BTreeMap<(String, String), BTreeSet<String>>;

/// Method and path of every operation, with its parameters.
fn operations(whole: &Value) -> Operations {
    let mut found = BTreeMap::new();
    for (path, methods) in whole["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let names = parameters.map(|p| follow(whole, p)["name"].as_str().unwrap().to_owned());
            found.insert((method.to_uppercase(), path.clone()), names.collect());
        }
    }
    found
}

/// The kinds that a problem answer may be.
fn kinds(values: &Value) -> Vec<RestProblem> {
    let kind = |value: &Value| {
        let name = value.as_str().unwrap();
        let name = name.strip_prefix("urn:denizen:problem:").unwrap();
        let known = |k: &&RestProblem| k.name() == name;
        *RestProblem::ALL.iter().find(known).unwrap()
    };
    values.as_array().unwrap().iter().map(kind).collect()
}

#[test]
fn it_describes_every_route_and_parameter_and_no_other() {
    let routes = ROUTES.iter().map(|(method, path, parameters)| {
        let names = parameters.iter().map(|&name| name.to_owned()).collect();
        (((*method).to_owned(), (*path).to_owned()), names)
    });
    assert_eq!(operations(&description()), routes.collect());
}

#[test]
fn no_parameter_is_an_attribute_of_a_person() {
    let whole = description();
    for (operation, names) in operations(&whole) {
        for name in names {
            assert!(PARAMETERS.contains(&name.as_str()), "{operation:?}: {name}");
        }
    }
    for parameter in whole["components"]["parameters"]
        .as_object()
        .unwrap()
        .values()
    {
        let name = parameter["name"].as_str().unwrap();
        let place = parameter["in"].as_str().unwrap();
        let header = (name, place) == ("Idempotency-Key", "header");
        assert!(
            header || ["path", "query"].contains(&place),
            "{name} in {place}"
        );
    }
}

#[test]
fn its_problems_are_the_stable_kinds_with_their_status() {
    let whole = description();
    let all = kinds(&whole["components"]["schemas"]["Problem"]["properties"]["type"]["enum"]);
    assert_eq!(all, RestProblem::ALL);
    let mut answers = 0;
    for (path, methods) in whole["paths"].as_object().unwrap() {
        for (status, answer) in methods
            .as_object()
            .unwrap()
            .values()
            .flat_map(|o| o["responses"].as_object().unwrap())
        {
            let Some(problem) = answer["content"].get("application/problem+json") else {
                continue;
            };
            answers += 1;
            for kind in kinds(&problem["schema"]["allOf"][1]["properties"]["type"]["enum"]) {
                assert_eq!(
                    *status,
                    kind.status().to_string(),
                    "{path}: {}",
                    kind.name()
                );
            }
            let waits = answer["headers"].get("Retry-After").is_some();
            assert_eq!(
                waits,
                ["429", "503"].contains(&status.as_str()),
                "{path}: {status}"
            );
        }
    }
    assert!(answers > 100, "{answers}");
}

#[test]
fn only_two_routes_answer_without_a_token() {
    let whole = description();
    let mut open = BTreeSet::new();
    for (path, methods) in whole["paths"].as_object().unwrap() {
        for operation in methods.as_object().unwrap().values() {
            let asks = operation["security"].as_array().unwrap();
            let refuses = operation["responses"].get("401").is_some();
            assert_eq!(asks.is_empty(), !refuses, "{path}");
            if asks.is_empty() {
                open.insert(path.as_str());
            }
        }
    }
    assert_eq!(open, ["/healthz", "/v1/openapi.json"].into());
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_used() {
    let whole = description();
    for section in ["parameters", "schemas"] {
        for name in whole["components"][section].as_object().unwrap().keys() {
            let reference = format!("\"#/components/{section}/{name}\"");
            assert!(DESCRIPTION.contains(&reference), "{reference} is not used");
        }
    }
    for reference in DESCRIPTION.split("\"$ref\": \"#").skip(1) {
        let at = reference.split('"').next().unwrap();
        assert!(whole.pointer(at).is_some(), "{at} leads nowhere");
    }
}
