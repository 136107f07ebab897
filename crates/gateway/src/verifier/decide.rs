//! Decide: evidence and an officer's verdict become drafts, and the loop closes at validate.

use super::verify::Evidence;
use crate::issuer::Draft;
use denizen_model::{UnixTime, catalogue::PendingEffect};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// `vct` of a decision.
pub const DECISION_VCT: &str = "urn:denizen:kind:decision:1";
/// `vct` of the proof that an application was filed.
pub const FILED_VCT: &str = "urn:denizen:kind:application-filed:1";

/// Where and until when a decision can be appealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Appeal {
    /// Until when.
    pub until: Date,
    /// Where.
    pub to: String,
    /// How.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how: Option<String>,
}

/// A record that a positive decision grants.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    /// Its kind, one that the service grants.
    pub vct: String,
    /// Its claims; a `subject` that is absent is the one shown.
    pub claims: Map<String, Value>,
}

/// What an officer decided.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// The application is granted, with these records.
    Granted(Vec<Grant>),
    /// It is refused.
    Refused {
        /// Why, in words for her.
        reason: String,
        /// Where she can appeal.
        appeal: Appeal,
    },
}

/// In whose name it is decided: a role and an authority, never a person's name.
#[derive(Debug, Clone, Copy)]
pub struct Officer<'a> {
    /// The authority's name.
    pub authority: &'a str,
    /// The role of the person who decided.
    pub role: &'a str,
    /// The case reference: the number of the decision.
    pub case_reference: &'a str,
}

/// Why a decision cannot be made like this. The officer corrects it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecideError {
    /// A granted kind that the service does not grant.
    #[error("the service does not grant a record of this kind")]
    NotGranted,
    /// A refusal without a reason.
    #[error("a refusal needs a reason that she can read")]
    ReasonMissing,
    /// Nobody decided.
    #[error("a decision is made by a person in a role: name the role")]
    RoleMissing,
}

/// Makes the drafts of a decision: first the decision, then what it grants.
///
/// # Errors
/// [`DecideError`].
pub fn decide(
    evidence: &Evidence,
    verdict: &Verdict,
    officer: Officer<'_>,
    now: UnixTime,
) -> Result<Vec<Draft>, DecideError> {
    if officer.role.trim().is_empty() {
        return Err(DecideError::RoleMissing);
    }
    let service = evidence.service();
    let mut claims = procedure(evidence, officer.authority);
    claims.insert("number".into(), officer.case_reference.into());
    claims.insert("decided_on".into(), now.date().to_string().into());
    let mut granted = Vec::new();
    match verdict {
        Verdict::Granted(grants) => {
            claims.insert("outcome".into(), "granted".into());
            if !grants.is_empty() {
                let mut kinds: Vec<_> = grants.iter().map(|g| g.vct.as_str()).collect();
                kinds.dedup();
                claims.insert("grants".into(), kinds.into());
            }
            for grant in grants {
                if !service.grants.contains(&grant.vct) {
                    return Err(DecideError::NotGranted);
                }
                let mut claims = grant.claims.clone();
                claims
                    .entry("subject")
                    .or_insert_with(|| evidence.subject());
                granted.push(Draft::of_decision(&grant.vct, claims, &service.legal_basis));
            }
        }
        Verdict::Refused { reason, appeal } => {
            if reason.trim().is_empty() {
                return Err(DecideError::ReasonMissing);
            }
            claims.insert("outcome".into(), "refused".into());
            claims.insert("reason".into(), reason.trim().into());
            claims.insert("appeal".into(), json!(appeal));
        }
    }
    let mut drafts = vec![Draft::of_decision(
        DECISION_VCT,
        claims,
        &service.legal_basis,
    )];
    drafts.extend(granted);
    Ok(drafts)
}

/// The dates of a proof of filing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FiledDates {
    /// When it was filed.
    pub(crate) filed: Date,
    /// When a decision is due.
    pub(crate) due: Date,
    /// Until when the proof counts: it is renewed while there is no decision.
    pub(crate) until: Date,
}

/// The draft of the proof that an application lies with the authority (D8).
pub(crate) fn filed(evidence: &Evidence, authority: &str, dates: FiledDates) -> Draft {
    let mut claims = procedure(evidence, authority);
    let effect = evidence.service().pending_effect;
    let effect = effect.unwrap_or(PendingEffect::None).name();
    claims.insert("filed_on".into(), dates.filed.to_string().into());
    claims.insert("effect".into(), effect.into());
    claims.insert("decision_due".into(), dates.due.to_string().into());
    claims.insert("valid_until".into(), dates.until.to_string().into());
    Draft::of_decision(FILED_VCT, claims, &evidence.service().legal_basis)
}

/// What both say of the procedure.
fn procedure(evidence: &Evidence, authority: &str) -> Map<String, Value> {
    let service = evidence.service();
    let claims = json!({
        "subject": evidence.subject(),
        "application": evidence.application(),
        "service": service.service,
        "service_version": service.version,
        "authority": authority,
        "legal_basis": service.legal_basis,
    });
    match claims {
        Value::Object(claims) => claims,
        _ => Map::new(),
    }
}
