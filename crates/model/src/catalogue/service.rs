//! Services: what an office offers and asks for.

use super::{Category, ClaimError, schema::Validator};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A constraint on disclosed values of one evidence query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Constraint {
    /// The credential query's id.
    pub query: String,
    /// Path of the claim.
    pub path: Vec<String>,
    /// The rule.
    #[serde(flatten)]
    pub op: ConstraintOp,
}

/// What is asked of a disclosed value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum ConstraintOp {
    /// A date that is at least this many days ahead.
    NotExpiredFor {
        /// Days from today.
        days: u32,
    },
    /// A number, or a value in an ordered list, that is at least this.
    AtLeast {
        /// The least value.
        value: Value,
        /// For texts: all values from least to greatest.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        order: Vec<String>,
    },
}

/// A fee.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fee {
    /// ISO 4217.
    pub currency: String,
    /// In whole units.
    pub amount: u64,
}

/// What the law makes of an application while it is pending (D8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PendingEffect {
    /// Nothing.
    None,
    /// She may stay.
    StayLawful,
    /// She may work.
    WorkLawful,
    /// She may stay and work.
    StayAndWorkLawful,
}

impl PendingEffect {
    /// As the *application filed* record says it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::StayLawful => "stay-lawful",
            Self::WorkLawful => "work-lawful",
            Self::StayAndWorkLawful => "stay-and-work-lawful",
        }
    }
}

/// A service as an office declares it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// `urn:denizen:service:<name>` or a deployment's own.
    pub service: String,
    /// Counts up; a directory entry's hash names the exact version.
    pub version: u32,
    /// Under which heading its decisions are shown.
    pub category: Category,
    /// Message key of its title.
    pub title_key: String,
    /// Message key of its purpose.
    pub purpose_key: String,
    /// The law that lets the office ask, as anybody can look it up.
    pub legal_basis: String,
    /// Message key of the law's name as a person reads it; absent: [`Service::legal_basis`] is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_basis_key: Option<String>,
    /// An unmodified DCQL query (OpenID4VP 1.0 section 6).
    pub evidence: Value,
    /// Who may have issued each evidence: credential query id -> `admitted` or organisation ids.
    pub issuers: BTreeMap<String, Vec<String>>,
    /// Evidence whose `subject` must be shown.
    #[serde(default)]
    pub subject_required: Vec<String>,
    /// Rules on disclosed values.
    #[serde(default)]
    pub constraints: Vec<Constraint>,
    /// JSON Schema of the answers.
    pub answers: Value,
    /// Days that the claims used are kept after the decision.
    pub retention_days: u32,
    /// Days within which the office decides.
    pub deadline_days: u32,
    /// The fee, if there is one.
    pub fee: Option<Fee>,
    /// Kinds that a positive decision grants.
    pub grants: Vec<String>,
    /// What the law makes of an application until the decision; absent for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_effect: Option<PendingEffect>,
}

impl Service {
    /// Checks answers against the service's questions.
    ///
    /// # Errors
    /// All [`ClaimError`]s, never empty.
    pub fn check_answers(&self, answers: &Value) -> Result<(), Vec<ClaimError>> {
        let schema = Validator::new(&self.answers, None).map_err(|_| {
            vec![ClaimError {
                pointer: "/".into(),
                rule: "no valid form".into(),
            }]
        })?;
        let errors = schema.errors(answers);
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }
}
