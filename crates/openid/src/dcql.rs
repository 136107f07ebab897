//! Queries over `dc+sd-jwt` credentials.

use denizen_credential::{ClaimPath, PathItem};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Most credential queries of one query.
pub const DCQL_CREDENTIALS_MAX: usize = 32;

/// Most claims of one credential query, and steps of one path.
const CLAIMS_MAX: usize = 128;

/// Why a query is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DcqlError {
    /// Not a DCQL query, or a member that this version does not know.
    #[error("not a DCQL query: {0}")]
    Malformed(String),
    /// An id that is not there, doubled or not written as the specification says.
    #[error("query id {0} is unknown, doubled or malformed")]
    Id(String),
    /// A query asks for certain values: that would let an office probe for them.
    #[error("query {0} probes for values")]
    ValueProbing(String),
    /// Larger than allowed.
    #[error("query is larger than allowed")]
    TooLarge,
}

/// One step of a claims path pointer. Source: section 7.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Step {
    /// A member.
    Name(String),
    /// An element.
    Index(usize),
    /// Every element.
    All(()),
}

/// One claim that is asked for.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimsQuery {
    /// Name for `claim_sets`.
    #[serde(default)]
    pub id: Option<String>,
    /// Where the claim is.
    pub path: Vec<Step>,
    /// Values that it may have; refused by [`Query::parse`].
    #[serde(default)]
    values: Option<Vec<Value>>,
}

/// What a credential must be.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meta {
    /// Kinds, any of them.
    pub vct_values: Vec<String>,
}

/// One credential that is asked for.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialQuery {
    /// Name of this query.
    pub id: String,
    format: String,
    /// What the credential must be.
    pub meta: Meta,
    /// Claims; all of them, unless `claim_sets` says otherwise.
    #[serde(default)]
    pub claims: Vec<ClaimsQuery>,
    /// Alternatives of claims, best first.
    #[serde(default)]
    claim_sets: Vec<Vec<String>>,
}

/// Alternatives of credentials.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialSet {
    /// Any one of these, best first.
    pub options: Vec<Vec<String>>,
    /// Whether one must be there.
    #[serde(default = "yes")]
    pub required: bool,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    credentials: Vec<CredentialQuery>,
    #[serde(default)]
    credential_sets: Vec<CredentialSet>,
}

/// A checked query.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    credentials: Vec<CredentialQuery>,
    sets: Vec<CredentialSet>,
}

impl Query {
    /// Reads and checks a query.
    ///
    /// # Errors
    /// [`DcqlError`].
    pub fn parse(query: &Value) -> Result<Self, DcqlError> {
        let raw: Raw = serde_json::from_value(query.clone())
            .map_err(|e| DcqlError::Malformed(e.to_string()))?;
        if raw.credentials.is_empty() || raw.credentials.len() > DCQL_CREDENTIALS_MAX {
            return Err(DcqlError::TooLarge);
        }
        let mut ids = BTreeSet::new();
        for credential in &raw.credentials {
            credential.check()?;
            if !ids.insert(credential.id.as_str()) {
                return Err(DcqlError::Id(credential.id.clone()));
            }
        }
        let named = raw
            .credential_sets
            .iter()
            .flat_map(|s| s.options.iter().flatten());
        if let Some(unknown) = named.clone().find(|id| !ids.contains(id.as_str())) {
            return Err(DcqlError::Id(unknown.clone()));
        }
        Ok(Self {
            credentials: raw.credentials,
            sets: raw.credential_sets,
        })
    }

    /// The credential queries.
    #[must_use]
    pub fn credentials(&self) -> &[CredentialQuery] {
        &self.credentials
    }

    /// A credential query by its id.
    #[must_use]
    pub fn credential(&self, id: &str) -> Option<&CredentialQuery> {
        self.credentials.iter().find(|c| c.id == id)
    }

    /// The alternatives. A query without `credential_sets` asks for every credential.
    #[must_use]
    pub fn sets(&self) -> Vec<CredentialSet> {
        if !self.sets.is_empty() {
            return self.sets.clone();
        }
        let one = |c: &CredentialQuery| CredentialSet {
            options: vec![vec![c.id.clone()]],
            required: true,
        };
        self.credentials.iter().map(one).collect()
    }

    /// Whether credentials for these queries are an answer to the whole.
    #[must_use]
    pub fn satisfied_by(&self, answered: &BTreeSet<&str>) -> bool {
        self.sets().iter().filter(|s| s.required).all(|set| {
            set.options
                .iter()
                .any(|option| option.iter().all(|id| answered.contains(id.as_str())))
        })
    }

    /// The required alternatives that these answered queries leave open.
    #[must_use]
    pub fn open_sets(&self, answered: &BTreeSet<&str>) -> Vec<CredentialSet> {
        let open = |set: &CredentialSet| {
            let whole =
                |option: &Vec<String>| option.iter().all(|id| answered.contains(id.as_str()));
            set.required && !set.options.iter().any(whole)
        };
        self.sets().into_iter().filter(open).collect()
    }
}

impl CredentialQuery {
    fn check(&self) -> Result<(), DcqlError> {
        let safe = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if self.id.is_empty() || !self.id.chars().all(safe) {
            return Err(DcqlError::Id(self.id.clone()));
        }
        if self.format != "dc+sd-jwt" || self.meta.vct_values.is_empty() {
            return Err(DcqlError::Malformed(format!(
                "format or kinds of {}",
                self.id
            )));
        }
        if self.claims.len() > CLAIMS_MAX {
            return Err(DcqlError::TooLarge);
        }
        if self.claims.iter().any(|c| c.values.is_some()) {
            return Err(DcqlError::ValueProbing(self.id.clone()));
        }
        if self
            .claims
            .iter()
            .any(|c| c.path.is_empty() || c.path.len() > CLAIMS_MAX)
        {
            return Err(DcqlError::Malformed(format!("a path of {}", self.id)));
        }
        let ids: BTreeMap<_, _> = self
            .claims
            .iter()
            .filter_map(|c| Some((c.id.as_ref()?, c)))
            .collect();
        match self
            .claim_sets
            .iter()
            .flatten()
            .find(|id| !ids.contains_key(id))
        {
            Some(unknown) => Err(DcqlError::Id(unknown.clone())),
            None => Ok(()),
        }
    }

    /// Whether a kind is asked for.
    #[must_use]
    pub fn asks_for(&self, vct: &str) -> bool {
        self.meta.vct_values.iter().any(|v| v == vct)
    }

    /// The paths to disclose of a credential with these claims: of the first alternative that it
    /// meets; none if it meets no alternative.
    #[must_use]
    pub fn select(&self, claims: &Map<String, Value>) -> Option<Vec<ClaimPath>> {
        let top = Value::Object(claims.clone());
        let all: Vec<&ClaimsQuery> = self.claims.iter().collect();
        let named = |set: &Vec<String>| {
            let of = |id: &String| self.claims.iter().find(|c| c.id.as_ref() == Some(id));
            set.iter().filter_map(of).collect::<Vec<_>>()
        };
        let sets = if self.claim_sets.is_empty() {
            vec![all]
        } else {
            self.claim_sets.iter().map(named).collect()
        };
        sets.into_iter().find_map(|set| {
            let mut paths = Vec::new();
            for claim in set {
                let found = resolve(&top, &claim.path);
                if found.is_empty() {
                    return None;
                }
                paths.extend(found);
            }
            Some(paths)
        })
    }

    /// Whether a path is, or leads to, or lies under, a claim that is asked for.
    #[must_use]
    pub fn covers(&self, path: &[PathItem]) -> bool {
        let matches = |step: &Step, item: &PathItem| match (step, item) {
            (Step::Name(a), PathItem::Name(b)) => a == b,
            (Step::Index(a), PathItem::Index(b)) => a == b,
            (Step::All(()), PathItem::Index(_)) => true,
            _ => false,
        };
        self.claims.iter().any(|c| {
            c.path
                .iter()
                .zip(path)
                .all(|(step, item)| matches(step, item))
        })
    }
}

/// Every place that a path points to.
fn resolve(top: &Value, path: &[Step]) -> Vec<ClaimPath> {
    let mut found: Vec<(ClaimPath, &Value)> = vec![(Vec::new(), top)];
    for step in path {
        let mut next = Vec::new();
        for (path, value) in found {
            let mut go =
                |item: PathItem, value| next.push(([path.clone(), vec![item]].concat(), value));
            match (step, value) {
                (Step::Name(name), Value::Object(members)) => {
                    if let Some(value) = members.get(name) {
                        go(PathItem::Name(name.clone()), value);
                    }
                }
                (Step::Index(at), Value::Array(items)) => {
                    if let Some(value) = items.get(*at) {
                        go(PathItem::Index(*at), value);
                    }
                }
                (Step::All(()), Value::Array(items)) => {
                    items
                        .iter()
                        .enumerate()
                        .for_each(|(at, v)| go(PathItem::Index(at), v));
                }
                _ => {}
            }
        }
        found = next;
    }
    found.into_iter().map(|(path, _)| path).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use serde_json::json;

    fn query() -> Value {
        json!({
            "credentials": [
                {"id": "a", "format": "dc+sd-jwt", "meta": {"vct_values": ["k1"]},
                 "claims": [{"path": ["s", "n"]}, {"path": ["l", null]}]},
                {"id": "b", "format": "dc+sd-jwt", "meta": {"vct_values": ["k2"]},
                 "claims": [{"id": "x", "path": ["x"]}, {"id": "y", "path": ["y"]}],
                 "claim_sets": [["x"], ["y"]]}
            ],
            "credential_sets": [{"options": [["a"], ["b"]]}, {"options": [["b"]], "required": false}]
        })
    }

    #[test]
    fn claims_are_selected_by_path_and_by_the_first_set_that_is_met() {
        let query = Query::parse(&query()).unwrap();
        let claims = json!({"s": {"n": 1, "m": 2}, "l": [7, 8], "z": 0});
        let paths = query.credentials()[0]
            .select(claims.as_object().unwrap())
            .unwrap();
        assert_eq!(paths.len(), 3);
        assert!(
            query.credentials()[0]
                .select(json!({"s": {}}).as_object().unwrap())
                .is_none()
        );
        let y = query.credentials()[1]
            .select(json!({"y": 1}).as_object().unwrap())
            .unwrap();
        assert_eq!(y, vec![vec![PathItem::Name("y".into())]]);
        let name = |n: &str| PathItem::Name(n.into());
        assert!(query.credentials()[0].covers(&[name("s")]));
        assert!(query.credentials()[0].covers(&[name("s"), name("n")]));
        assert!(!query.credentials()[0].covers(&[name("s"), name("m")]));
        assert!(!query.credentials()[0].covers(&[name("z")]));
    }

    #[test]
    fn sets_are_alternatives_and_only_required_ones_count() {
        let query = Query::parse(&query()).unwrap();
        assert!(query.satisfied_by(&BTreeSet::from(["a"])));
        assert!(query.satisfied_by(&BTreeSet::from(["b"])));
        assert!(!query.satisfied_by(&BTreeSet::new()));
        assert_eq!(query.open_sets(&BTreeSet::new()).len(), 1);
    }

    #[test]
    fn unknown_members_ids_formats_and_value_probing_are_refused() {
        let bend = |f: &dyn Fn(&mut Value)| {
            let mut q = query();
            f(&mut q);
            Query::parse(&q)
        };
        assert!(bend(&|q| q["more"] = json!(1)).is_err());
        assert!(bend(&|q| q["credentials"][0]["format"] = json!("mso_mdoc")).is_err());
        assert!(bend(&|q| q["credentials"][0]["id"] = json!("b")).is_err());
        assert!(bend(&|q| q["credentials"][0]["claims"][0]["path"] = json!([])).is_err());
        assert!(bend(&|q| q["credential_sets"][0]["options"] = json!([["c"]])).is_err());
        assert!(bend(&|q| q["credentials"][1]["claim_sets"] = json!([["q"]])).is_err());
        let probing = bend(&|q| q["credentials"][0]["claims"][0]["values"] = json!(["x"]));
        assert_eq!(probing, Err(DcqlError::ValueProbing("a".into())));
    }
}
