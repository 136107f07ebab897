//! The issuer's side, one file a step: intake, validate, sign, seal, deposit. Each gives a value that
//! only it can make, so that an unvalidated row cannot be signed, nor an unsigned one sealed.

pub mod deposit;
pub mod intake;
pub mod seal;
pub mod sign;
pub mod validate;

use denizen_model::Sha256Hash;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Claims that are no record yet: out of an office's file, or out of a decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    vct: String,
    claims: Map<String, Value>,
    legal_basis: Option<String>,
    supersedes: Vec<Sha256Hash>,
}

impl Draft {
    /// The draft of a row.
    pub(crate) fn of_row(vct: &str, claims: Map<String, Value>) -> Self {
        Self {
            vct: vct.to_owned(),
            claims,
            legal_basis: None,
            supersedes: Vec::new(),
        }
    }

    /// The draft of what was decided, under the law that the service names.
    pub(crate) fn of_decision(vct: &str, claims: Map<String, Value>, legal_basis: &str) -> Self {
        Self {
            vct: vct.to_owned(),
            claims,
            legal_basis: Some(legal_basis.to_owned()),
            supersedes: Vec::new(),
        }
    }

    /// The kind that it is meant to be.
    #[must_use]
    pub fn vct(&self) -> &str {
        &self.vct
    }

    pub(crate) fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }
}
