//! Who may name whom: the table of ARCHITECTURE.md, checked on what cargo says of the workspace.
//!
//! `deny.toml` says the same of the privacy crates for `cargo deny`; this one needs no further tool,
//! knows the whole table, and follows every path.

use super::words::PURE;
use crate::run::output;
use anyhow::{Context as _, Result};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What each crate may name of ours, in the order of the layers. `testkit`, `oracles`, `fire` and `denizen`
/// (roles and whatever they give out) may name all that is not a tool.
const MAY_NAME: [(&str, &[&str]); 15] = [
    (FOR_ALL, &[]),
    ("denizen-jose", &[]),
    ("denizen-tlog", &[]),
    ("denizen-model", &["denizen-jose"]),
    ("denizen-credential", &["denizen-jose"]),
    ("denizen-openid", &["denizen-credential"]),
    ("denizen-seal", &["denizen-jose", "denizen-model"]),
    ("denizen-recovery", &[]),
    ("denizen-rules", &["denizen-model"]),
    (
        "denizen-api",
        &["denizen-jose", "denizen-model", "denizen-tlog"],
    ),
    ("denizen-store", &["denizen-model", "denizen-tlog"]),
    (
        "denizen-hub",
        &[
            "denizen-jose",
            "denizen-model",
            "denizen-tlog",
            "denizen-api",
            "denizen-store",
        ],
    ),
    (
        "denizen-gateway",
        &[
            "denizen-jose",
            "denizen-model",
            "denizen-tlog",
            "denizen-credential",
            "denizen-openid",
            "denizen-seal",
            "denizen-rules",
            "denizen-api",
            "denizen-store",
        ],
    ),
    (
        "denizen-holder",
        &[
            "denizen-jose",
            "denizen-model",
            "denizen-tlog",
            "denizen-credential",
            "denizen-openid",
            "denizen-seal",
            "denizen-recovery",
            "denizen-rules",
            "denizen-api",
        ],
    ),
    ("denizen-door", &["denizen-seal", "denizen-recovery"]),
];

/// The operator's side.
const BLIND: [&str; 2] = ["denizen-hub", "denizen-auditor"];

/// What opens an envelope or reads what is inside one.
const PRIVATE: [&str; 6] = [
    "denizen-seal",
    "denizen-credential",
    "denizen-openid",
    "denizen-rules",
    "denizen-holder",
    "denizen-recovery",
];

/// Tools: nothing of the product names them but for its tests.
const TOOLS: [&str; 6] = [
    "denizen-testkit",
    "denizen-oracles",
    "denizen-evil",
    "denizen-fuzz",
    "denizen-fire",
    "xtask",
];

/// Names of checks, for every crate that makes one; it names nothing itself.
const FOR_ALL: &str = "denizen-guard";

/// Foreign crates that few may name, and who.
const FEW_MAY: [(&str, &[&str]); 5] = [
    ("aws-lc-rs", &["denizen-jose", "denizen-seal"]),
    (
        "rusqlite",
        &["denizen-store", "denizen-testkit", "denizen-fire"],
    ),
    ("reqwest", &["denizen", "denizen-testkit"]),
    ("getrandom", &["denizen", "denizen-portal", "denizen-door"]),
    ("axum-server", &["denizen"]),
];

/// Foreign crates that a crate for the browser may not name.
const NOT_PURE: [&str; 5] = ["tokio", "reqwest", "axum", "rusqlite", "getrandom"];

/// Which crate of the workspace names which crates, tests aside and in tests.
#[derive(Debug, Clone, Default)]
pub(crate) struct Graph {
    product: BTreeMap<String, BTreeSet<String>>,
    tests: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    /// The graph of this workspace.
    pub(crate) fn of_workspace() -> Result<Self> {
        let metadata = output("cargo", &["metadata", "--no-deps", "--format-version", "1"])?;
        Self::of_metadata(&serde_json::from_str(&metadata)?)
    }

    /// The graph that `cargo metadata` gives.
    pub(crate) fn of_metadata(metadata: &Value) -> Result<Self> {
        let mut graph = Self::default();
        let packages = metadata.get("packages").and_then(Value::as_array);
        for package in packages.context("cargo metadata lists no packages")? {
            let name = text(package, "name").context("a package has no name")?;
            graph.product.entry(name.to_owned()).or_default();
            for dependency in package
                .get("dependencies")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                let to = text(dependency, "name").context("a dependency has no name")?;
                let edges = match text(dependency, "kind") {
                    Some("dev") => &mut graph.tests,
                    _ => &mut graph.product,
                };
                edges
                    .entry(name.to_owned())
                    .or_default()
                    .insert(to.to_owned());
            }
        }
        Ok(graph)
    }

    /// All that a crate's product code reaches, over every path.
    fn reached(&self, from: &str) -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        let mut rest = vec![from];
        while let Some(next) = rest.pop() {
            for to in self.product.get(next).into_iter().flatten() {
                if reached.insert(to.as_str()) {
                    rest.push(to);
                }
            }
        }
        reached
    }
}

fn text<'a>(value: &'a Value, member: &str) -> Option<&'a str> {
    value.get(member)?.as_str()
}

/// Every edge that may not be.
pub(crate) fn findings(graph: &Graph) -> Vec<String> {
    let mut findings = Vec::new();
    let ours = |name: &str| graph.product.contains_key(name);
    for (from, to) in &graph.product {
        let table = MAY_NAME.iter().find(|(name, _)| name == from);
        for to in to.iter().filter(|to| ours(to)) {
            let named = table.is_none_or(|(_, may)| may.contains(&to.as_str()));
            let named = named || to == FOR_ALL;
            let tool = TOOLS.contains(&to.as_str()) && !TOOLS.contains(&from.as_str());
            if !named || tool {
                findings.push(format!(
                    "{from} names {to}: ARCHITECTURE.md does not let it"
                ));
            }
        }
        findings.extend(foreign(from, to));
    }
    for blind in BLIND.iter().filter(|name| ours(name)) {
        let in_tests = graph
            .tests
            .get(*blind)
            .into_iter()
            .flatten()
            .map(String::as_str);
        let all = graph.reached(blind).into_iter().chain(in_tests);
        for private in all.filter(|to| PRIVATE.contains(to)) {
            findings.push(format!(
                "{blind} reaches {private}: the operator could open what it carries"
            ));
        }
    }
    findings
}

fn foreign(from: &str, to: &BTreeSet<String>) -> Vec<String> {
    let mut findings = Vec::new();
    for (name, may) in FEW_MAY {
        if to.contains(name) && !may.contains(&from) {
            findings.push(format!("{from} names {name}: only {} may", may.join(", ")));
        }
    }
    let pure = from
        .strip_prefix("denizen-")
        .is_some_and(|name| PURE.contains(&name));
    for name in NOT_PURE.iter().filter(|name| pure && to.contains(**name)) {
        findings.push(format!("{from} names {name}, but runs in a browser too"));
    }
    findings
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn with_edge(from: &str, to: &str) -> Vec<String> {
        let mut graph = Graph::of_workspace().unwrap();
        graph.product.get_mut(from).unwrap().insert(to.to_owned());
        findings(&graph)
    }

    #[test]
    fn the_workspace_is_as_the_table_says() {
        assert_eq!(
            findings(&Graph::of_workspace().unwrap()),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_hub_that_names_what_opens_envelopes_is_refused() {
        for private in PRIVATE {
            let found = with_edge("denizen-hub", private);
            let refusal = format!("denizen-hub reaches {private}");
            assert!(
                found.iter().any(|f| f.starts_with(&refusal)),
                "{private}: {found:?}"
            );
        }
    }

    #[test]
    fn a_hub_that_reaches_it_over_another_crate_is_refused() {
        let found = with_edge("denizen-store", "denizen-seal");
        assert!(
            found
                .iter()
                .any(|f| f.starts_with("denizen-hub reaches denizen-seal"))
        );
    }

    #[test]
    fn a_product_crate_that_names_a_tool_or_anothers_library_is_refused() {
        assert_eq!(with_edge("denizen", "denizen-testkit").len(), 1);
        assert_eq!(with_edge("denizen-gateway", "rusqlite").len(), 1);
        assert_eq!(with_edge("denizen-holder", "tokio").len(), 1);
        assert_eq!(with_edge("denizen-holder", "aws-lc-rs").len(), 1);
    }

    #[test]
    fn a_browser_s_build_has_no_native_cryptography() {
        let tree = [
            "tree",
            "--locked",
            "--package",
            "denizen-portal",
            "--target",
            "wasm32-unknown-unknown",
            "--edges",
            "normal",
        ];
        let tree = output("cargo", &tree).unwrap();
        assert!(tree.contains("denizen-seal") && tree.contains("x-wing"));
        assert!(!tree.contains("aws-lc"), "{tree}");
    }
}
