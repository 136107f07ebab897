//! The issuer's side, one file a step: intake, validate, sign, seal, deposit. Each gives a value that
//! only it can make, so that an unvalidated row cannot be signed, nor an unsigned one sealed.

pub mod deposit;
pub mod intake;
mod run;
pub mod seal;
pub mod sign;
pub mod single;
pub(crate) mod together;
pub mod validate;

pub use run::IntakeRun;

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

    /// The same fact put right: it replaces the record of this kept copy.
    pub(crate) fn corrected(self, claims: Map<String, Value>, old: Sha256Hash) -> Self {
        Self {
            claims,
            supersedes: vec![old],
            ..self
        }
    }

    /// A draft that replaces the record of this kept copy.
    pub(crate) fn replacing(mut self, old: Option<Sha256Hash>) -> Self {
        self.supersedes.extend(old);
        self
    }

    /// The same fact on its own: what it replaced is another link's.
    pub(crate) fn alone(mut self) -> Self {
        self.supersedes.clear();
        self
    }

    /// The kind that it is meant to be.
    #[must_use]
    pub fn vct(&self) -> &str {
        &self.vct
    }

    pub(crate) fn supersedes(&self) -> &[Sha256Hash] {
        &self.supersedes
    }

    pub(crate) fn legal_basis(&self) -> Option<&str> {
        self.legal_basis.as_deref()
    }

    pub(crate) fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }
}
