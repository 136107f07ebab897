//! The holder's side: what of hers answers a query. Source: OpenID4VP 1.0 section 6.4.

use crate::query::{ClaimQuery, CredentialQuery, Query};
use denizen_credential::ClaimPath;
use serde_json::{Map, Value};

/// A credential that may answer: the caller has verified it.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// The caller's name for it.
    pub id: &'a str,
    /// Its kind.
    pub vct: &'a str,
    /// Its claims with every disclosure in place, without the registered ones.
    pub claims: &'a Map<String, Value>,
}

/// What answers a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matches {
    /// One for each credential query, in its order.
    pub credentials: Vec<CredentialMatches>,
    /// One for each credential set, in its order.
    pub sets: Vec<SetMatch>,
    /// Whether all that is required can be answered. If not, nothing may be sent.
    pub satisfied: bool,
}

/// What answers one credential query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialMatches {
    /// The credential query's id.
    pub query: String,
    /// Every candidate that answers it, in the order given.
    pub candidates: Vec<CandidateMatch>,
}

/// A candidate that answers a credential query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CandidateMatch {
    /// The caller's name for it.
    pub id: String,
    /// Exactly the claims to disclose: no more may leave.
    pub disclose: Vec<ClaimPath>,
}

/// How a credential set can be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetMatch {
    /// Whether it must be.
    pub required: bool,
    /// The ids of the credential queries of the first option that can be answered.
    pub option: Option<Vec<String>>,
}

/// Finds what answers each credential query and whether each credential set can be answered.
#[must_use]
pub fn match_query(query: &Query, candidates: &[Candidate<'_>]) -> Matches {
    let credentials: Vec<_> = query
        .credentials()
        .iter()
        .map(|wanted| {
            let found = candidates.iter().filter_map(|c| {
                let disclose = answer(wanted, c.vct, c.claims)?;
                Some(CandidateMatch {
                    id: c.id.into(),
                    disclose,
                })
            });
            CredentialMatches {
                query: wanted.id.clone(),
                candidates: found.collect(),
            }
        })
        .collect();
    let answered: Vec<_> = credentials
        .iter()
        .map(|c| !c.candidates.is_empty())
        .collect();
    let sets = match_sets(query, &answered);
    let satisfied = is_satisfied(&sets, &answered);
    Matches {
        credentials,
        sets,
        satisfied,
    }
}

/// The claims of one credential that answer a credential query, if it does.
pub(crate) fn answer(
    wanted: &CredentialQuery,
    vct: &str,
    claims: &Map<String, Value>,
) -> Option<Vec<ClaimPath>> {
    if !wanted.vct_values.iter().any(|v| v == vct) {
        return None;
    }
    let all = |asked: &mut dyn Iterator<Item = &ClaimQuery>| {
        let found = asked.map(|claim| select(claim, claims));
        found.collect::<Option<Vec<_>>>().map(|f| f.concat())
    };
    if wanted.claim_sets.is_empty() {
        return all(&mut wanted.claims.iter());
    }
    let mut sets = wanted.claim_sets.iter();
    sets.find_map(|set| all(&mut set.iter().filter_map(|at| wanted.claims.get(*at))))
}

/// The places that a claim query selects; with `values` only those that have one of them.
fn select(asked: &ClaimQuery, claims: &Map<String, Value>) -> Option<Vec<ClaimPath>> {
    let places = asked.path.select(claims).ok()?;
    let fits = |value: &Value| asked.values.is_empty() || asked.values.contains(value);
    let fitting = places.into_iter().filter(|(_, value)| fits(value));
    let fitting: Vec<_> = fitting.map(|(path, _)| path).collect();
    (!fitting.is_empty()).then_some(fitting)
}

/// For each credential set its first option of answered credential queries.
pub(crate) fn match_sets(query: &Query, answered: &[bool]) -> Vec<SetMatch> {
    let sets = query.sets().iter().map(|set| {
        let is_answered = |at: &usize| answered.get(*at).copied().unwrap_or(false);
        let option = set
            .options
            .iter()
            .find(|option| option.iter().all(is_answered));
        let ids = option.map(|option| {
            let of = |at: &usize| query.credentials().get(*at).map(|c| c.id.clone());
            option.iter().filter_map(of).collect()
        });
        SetMatch {
            required: set.required,
            option: ids,
        }
    });
    sets.collect()
}

/// With sets, every required one; without, every credential query.
pub(crate) fn is_satisfied(sets: &[SetMatch], answered: &[bool]) -> bool {
    if sets.is_empty() {
        answered.iter().all(|a| *a)
    } else {
        sets.iter().all(|s| !s.required || s.option.is_some())
    }
}
