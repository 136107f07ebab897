//! The description for programs and the routes agree exactly.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use denizen_api::ProblemKind;
use denizen_hub::{DESCRIPTION, ROUTES};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that a parameter may be: ids, places in one address's row or in one sealed object, names of
/// lists and tiles.
const PARAMETERS: [&str; 10] = [
    "address", "pos", "after", "wait", "id", "offset", "locator", "org", "list", "path",
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

#[test]
fn it_describes_every_route_and_parameter_and_no_other() {
    let routes = ROUTES.iter().map(|(method, path, parameters)| {
        let names = parameters.iter().map(|&name| name.to_owned()).collect();
        (((*method).to_owned(), path.replace("{*", "{")), names)
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
    for (name, parameter) in whole["components"]["parameters"].as_object().unwrap() {
        assert_eq!(name, parameter["name"].as_str().unwrap());
        let place = parameter["in"].as_str().unwrap();
        assert!(["path", "query"].contains(&place), "{name} in {place}");
    }
}

#[test]
fn its_problems_are_the_stable_kinds_with_their_status() {
    let whole = description();
    let kinds = |values: &Value| -> Vec<ProblemKind> {
        let names = values.as_array().unwrap().iter();
        let name = |v: &Value| {
            v.as_str()
                .unwrap()
                .strip_prefix("urn:denizen:problem:")
                .map(str::to_owned)
        };
        names
            .map(|v| ProblemKind::parse(&name(v).unwrap()).unwrap())
            .collect()
    };
    let all = kinds(&whole["components"]["schemas"]["Problem"]["properties"]["type"]["enum"]);
    assert_eq!(all.len(), ProblemKind::ALL.len());
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
    assert!(answers > 40, "{answers}");
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
