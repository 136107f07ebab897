//! The descriptions for programs and the routes agree exactly, at the hub and at a gateway.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use denizen_api::ProblemKind;
use denizen_gateway::http::RestProblem;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that a parameter of the hub may be: ids, places in one address's row or in one sealed
/// object, names of lists and tiles.
const HUB_PARAMETERS: [&str; 10] = [
    "address", "pos", "after", "wait", "id", "offset", "locator", "org", "list", "path",
];

/// Everything that a parameter of a gateway may be: references of the office and the gateway, numbers and pages.
const GATEWAY_PARAMETERS: [&str; 9] = [
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

fn hub() -> Description {
    Description::of(denizen_hub::DESCRIPTION)
}

fn gateway() -> Description {
    Description::of(denizen_gateway::http::DESCRIPTION)
}

#[test]
fn they_describe_every_route_and_parameter_and_no_other() {
    for (description, routes) in [
        (hub(), &denizen_hub::ROUTES[..]),
        (gateway(), &denizen_gateway::http::ROUTES[..]),
    ] {
        let routes = routes.iter().map(|(method, path, parameters)| {
            let names = parameters.iter().map(|&name| name.to_owned()).collect();
            (((*method).to_owned(), path.replace("{*", "{")), names)
        });
        assert_eq!(description.operations(), routes.collect());
    }
}

#[test]
fn no_parameter_is_an_attribute_of_a_person() {
    for (description, known) in [
        (hub(), &HUB_PARAMETERS[..]),
        (gateway(), &GATEWAY_PARAMETERS),
    ] {
        for (operation, names) in description.operations() {
            for name in names {
                assert!(known.contains(&name.as_str()), "{operation:?}: {name}");
            }
        }
        for (name, place) in description.parameters() {
            let header = (name, place) == ("Idempotency-Key", "header");
            let usual = ["path", "query"].contains(&place);
            assert!(header || usual, "{name} in {place}");
        }
    }
}

#[test]
fn their_problems_are_the_stable_kinds_with_their_status() {
    let kinds = ProblemKind::ALL.iter().map(|k| (k.name(), k.status()));
    let answers = hub().check_problems(&kinds.collect());
    assert!(answers > 40, "{answers}");
    let kinds = RestProblem::ALL.iter().map(|k| (k.name(), k.status()));
    let answers = gateway().check_problems(&kinds.collect());
    assert!(answers > 100, "{answers}");
}

#[test]
fn only_two_routes_of_a_gateway_answer_without_a_token() {
    let gateway = gateway();
    let mut open = BTreeSet::new();
    for (path, _, operation) in gateway.each() {
        let asks = operation["security"].as_array().unwrap();
        let refuses = operation["responses"].get("401").is_some();
        assert_eq!(asks.is_empty(), !refuses, "{path}");
        if asks.is_empty() {
            open.insert(path);
        }
    }
    assert_eq!(open, ["/healthz", "/v1/openapi.json"].into());
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_used() {
    hub().check_references();
    gateway().check_references();
}

/// An OpenAPI description.
struct Description {
    text: &'static str,
    whole: Value,
}

impl Description {
    /// Reads it.
    fn of(text: &'static str) -> Self {
        let whole = serde_json::from_str(text).unwrap();
        Self { text, whole }
    }

    /// Every operation: its path, its method in capitals, and what describes it.
    fn each(&self) -> impl Iterator<Item = (&str, String, &Value)> {
        let paths = self.whole["paths"].as_object().unwrap().iter();
        paths.flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().iter();
            methods.map(|(method, operation)| (path.as_str(), method.to_uppercase(), operation))
        })
    }

    /// Method and path of every operation, with the names of its parameters.
    fn operations(&self) -> BTreeMap<(String, String), BTreeSet<String>> {
        let named = |parameter| self.follow(parameter)["name"].as_str().unwrap().to_owned();
        let with_names = self.each().map(|(path, method, operation)| {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            ((method, path.to_owned()), parameters.map(named).collect())
        });
        with_names.collect()
    }

    /// Name and place (`path`, `query`, `header`) of every parameter.
    fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.whole["components"]["parameters"].as_object().unwrap();
        all.values()
            .map(|p| (p["name"].as_str().unwrap(), p["in"].as_str().unwrap()))
    }

    /// Its problems are these kinds, no more and no fewer, each under its status; whoever is to wait is
    /// told how long. Gives how many answers are problems.
    fn check_problems(&self, kinds: &BTreeMap<&str, u16>) -> usize {
        let schema = &self.whole["components"]["schemas"]["Problem"];
        let stated = names_of(schema);
        assert!(
            stated.iter().copied().eq(kinds.keys().copied()),
            "{stated:?}"
        );
        let mut count = 0;
        for (path, _, operation) in self.each() {
            for (status, answer) in operation["responses"].as_object().unwrap() {
                let Some(problem) = answer["content"].get("application/problem+json") else {
                    continue;
                };
                count += 1;
                for name in names_of(&problem["schema"]["allOf"][1]) {
                    assert_eq!(*status, kinds[name].to_string(), "{path}: {name}");
                }
                let waits = answer["headers"].get("Retry-After").is_some();
                assert_eq!(waits, ["429", "503"].contains(&status.as_str()), "{path}");
            }
        }
        count
    }

    /// Every reference leads somewhere, and every component is used.
    fn check_references(&self) {
        for section in ["parameters", "schemas"] {
            for name in self.whole["components"][section]
                .as_object()
                .unwrap()
                .keys()
            {
                let reference = format!("\"#/components/{section}/{name}\"");
                assert!(self.text.contains(&reference), "{reference} is not used");
            }
        }
        for reference in self.text.split("\"$ref\": \"#").skip(1) {
            let at = reference.split('"').next().unwrap();
            assert!(self.whole.pointer(at).is_some(), "{at} leads nowhere");
        }
    }

    /// What a `$ref` leads to, or the value itself.
    fn follow<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            None => value,
            Some(at) => self.whole.pointer(at.strip_prefix('#').unwrap()).unwrap(),
        }
    }
}

/// The kinds that a problem of this schema may be.
fn names_of(schema: &Value) -> BTreeSet<&str> {
    let types = schema["properties"]["type"]["enum"].as_array().unwrap();
    types
        .iter()
        .map(|value| value.as_str().unwrap())
        .map(|name| name.strip_prefix("urn:denizen:problem:").unwrap())
        .collect()
}
