//! The verifier's side: whether what came is what was asked (R20). Source: OpenID4VP 1.0
//! section 6.4 and 8.6.

use crate::{
    matching::{answer, is_satisfied, match_sets},
    query::{CredentialQuery, Query},
};
use denizen_credential::Disclosure;
use serde_json::{Map, Value};

/// A presentation that the caller has verified, and the credential query it is said to answer.
#[derive(Debug, Clone, Copy)]
pub struct Presented<'a> {
    /// The credential query's id.
    pub query: &'a str,
    /// The kind.
    pub vct: &'a str,
    /// The claims as disclosed, without the registered ones.
    pub claims: &'a Map<String, Value>,
    /// What was disclosed of them.
    pub disclosures: &'a [Disclosure],
    /// Whether its key binding was required and verified.
    pub key_bound: bool,
}

/// Why presentations are no answer to a query. The holder has to present again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResponseError {
    /// A presentation answers a credential query that there is not.
    #[error("a presentation answers nothing that was asked")]
    QueryUnknown,
    /// More than one for a credential query that takes one.
    #[error("more presentations than asked for")]
    TooMany,
    /// No key binding where the query requires it.
    #[error("a presentation is not bound to its holder's key")]
    NotBound,
    /// Of another kind, or a claim asked for is missing, or has none of the values asked for.
    #[error("a presentation does not show what was asked")]
    NotAnswered,
    /// A claim is disclosed that nobody asked for: it may not be taken.
    #[error("a presentation discloses a claim that was not asked for")]
    NotAsked,
    /// A required credential or set of credentials is missing.
    #[error("a required credential is missing")]
    Missing,
}

/// Checks that the presentations answer the query, wholly and with nothing beside.
///
/// Integer components of a path count the elements that are shown: of an array whose elements are
/// disclosed one by one, ask for all (`null`).
///
/// # Errors
/// [`ResponseError`].
pub fn check_response(query: &Query, presented: &[Presented<'_>]) -> Result<(), ResponseError> {
    let mut answered = vec![false; query.credentials().len()];
    for one in presented {
        let mut wanted = query.credentials().iter().zip(answered.iter_mut());
        let found = wanted.find(|(wanted, _)| wanted.id == one.query);
        let (wanted, answered) = found.ok_or(ResponseError::QueryUnknown)?;
        if *answered && !wanted.multiple {
            return Err(ResponseError::TooMany);
        }
        check_one(wanted, one)?;
        *answered = true;
    }
    if is_satisfied(&match_sets(query, &answered), &answered) {
        Ok(())
    } else {
        Err(ResponseError::Missing)
    }
}

fn check_one(wanted: &CredentialQuery, one: &Presented<'_>) -> Result<(), ResponseError> {
    if wanted.holder_binding && !one.key_bound {
        return Err(ResponseError::NotBound);
    }
    if answer(wanted, one.vct, one.claims).is_none() {
        return Err(ResponseError::NotAnswered);
    }
    let asked = |d: &Disclosure| wanted.claims.iter().any(|c| c.path.covers(&d.path));
    if one.disclosures.iter().all(asked) {
        Ok(())
    } else {
        Err(ResponseError::NotAsked)
    }
}
