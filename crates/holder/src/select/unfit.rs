//! Unfit: papers of hers that are of an asked kind and still do not count, each with the reason. A paper
//! that only ends too soon is not among them: a newer one of the same kind would do.

use super::{EvidenceRequest, Missing, Selection, broken, ends, is_usable, may_issue};
use crate::{Holder, RecordView};
use denizen_credential::Status;
use denizen_model::{
    OrgId, Sha256Hash, UnixTime,
    catalogue::{Constraint, ConstraintOp},
};
use denizen_openid::{Candidate, CredentialQuery, PointerItem, match_query};
use serde_json::Value;

/// A record that does not count for a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Unfit {
    /// The credential query's id.
    pub query: String,
    /// The record.
    pub kept: Sha256Hash,
    /// Its kind.
    pub vct: String,
    /// Its issuer.
    pub issuer: OrgId,
    /// Why.
    pub reason: UnfitReason,
}

/// Why a record does not count.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum UnfitReason {
    /// Suspended by its issuer.
    Suspended,
    /// Withdrawn by its issuer.
    Withdrawn,
    /// The service takes it of other issuers.
    Issuer,
    /// It has no such claim.
    Claim(Vec<String>),
    /// A claim says less than the service needs.
    Value {
        /// The claim.
        path: Vec<String>,
        /// What it says.
        value: Value,
        /// What would do: listed values, or one number that is the least.
        needed: Vec<Value>,
    },
}

/// Finds the records that do not count for what is missing and required.
pub(super) fn find(
    selection: &mut Selection,
    records: &[RecordView],
    request: &EvidenceRequest,
    now: UnixTime,
) {
    for query in request.query.credentials() {
        let missing = |m: &Missing| m.required && m.query == query.id;
        if !selection.missing.iter().any(missing) {
            continue;
        }
        let asked = |r: &&RecordView| query.vct_values.contains(&r.vct);
        let current = |r: &&RecordView| !r.superseded && !r.returned;
        for view in records.iter().filter(asked).filter(current) {
            let Some(reason) = reason(request, query, view, now) else {
                continue;
            };
            selection.unfit.push(Unfit {
                query: query.id.clone(),
                kept: view.kept,
                vct: view.vct.clone(),
                issuer: view.issuer,
                reason,
            });
        }
    }
}

/// The first reason that a new paper of the same kind would have to remove.
fn reason(
    request: &EvidenceRequest,
    query: &CredentialQuery,
    view: &RecordView,
    now: UnixTime,
) -> Option<UnfitReason> {
    match view.status.status {
        Status::Suspended => return Some(UnfitReason::Suspended),
        Status::Invalid => return Some(UnfitReason::Withdrawn),
        Status::Valid | Status::Contested => debug_assert!(is_usable(view)),
    }
    if !may_issue(request, &query.id, &view.issuer) {
        return Some(UnfitReason::Issuer);
    }
    if let Some(path) = lacking(request, query, view) {
        return Some(UnfitReason::Claim(path));
    }
    let rules = broken(request, &query.id, view, now);
    rules.into_iter().find_map(|rule| falls_short(rule, view))
}

/// The first claim that is asked for and not there.
fn lacking(
    request: &EvidenceRequest,
    query: &CredentialQuery,
    view: &RecordView,
) -> Option<Vec<String>> {
    let candidate = Candidate {
        id: "",
        vct: &view.vct,
        claims: &view.claims,
    };
    let matches = match_query(&request.query, &[candidate]);
    let found = matches.credentials.iter().find(|c| c.query == query.id)?;
    if !found.candidates.is_empty() {
        return None;
    }
    let mut asked = query.claims.iter().map(|claim| &claim.path);
    let absent = asked.find(|path| path.select(&view.claims).is_err())?;
    let name = |item: &PointerItem| match item {
        PointerItem::Name(name) => Some(name.clone()),
        PointerItem::Index(_) | PointerItem::All => None,
    };
    Some(absent.items().iter().filter_map(name).collect())
}

fn falls_short(rule: &Constraint, view: &RecordView) -> Option<UnfitReason> {
    let ConstraintOp::AtLeast { value, order } = &rule.op else {
        debug_assert!(ends(rule));
        return None;
    };
    let path = rule.path.clone();
    let Some(said) = at(view, &path) else {
        return Some(UnfitReason::Claim(path));
    };
    let least = order
        .iter()
        .position(|v| Some(v.as_str()) == value.as_str());
    let listed = order.iter().skip(least.unwrap_or(order.len()));
    let listed: Vec<_> = listed.cloned().map(Value::String).collect();
    Some(UnfitReason::Value {
        path,
        value: said.clone(),
        needed: if listed.is_empty() {
            vec![value.clone()]
        } else {
            listed
        },
    })
}

fn at<'a>(view: &'a RecordView, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter()
        .try_fold(view.claims.get(first)?, |value, name| value.get(name))
}

impl Holder {
    /// Why a record does not count, in her language.
    #[must_use]
    pub fn unfit_text(&self, unfit: &Unfit) -> String {
        let words = self.words();
        match &unfit.reason {
            UnfitReason::Suspended => words.text("cli-unfit-suspended", &[]),
            UnfitReason::Withdrawn => words.text("cli-unfit-invalid", &[]),
            UnfitReason::Issuer => words.text("cli-unfit-issuer", &[]),
            UnfitReason::Claim(path) => {
                let claim = words.label(&unfit.vct, path);
                words.text("cli-unfit-claim", &[("claim", &claim)])
            }
            UnfitReason::Value {
                path,
                value,
                needed,
            } => {
                let text = |value: &Value| {
                    let line = words.claim(&unfit.vct, path, value);
                    line.value.unwrap_or_default()
                };
                let needed = match needed.as_slice() {
                    [Value::Number(least)] => {
                        words.text("cli-unfit-least", &[("least", &least.to_string())])
                    }
                    listed => listed.iter().map(text).collect::<Vec<_>>().join(", "),
                };
                let (claim, value) = (words.label(&unfit.vct, path), text(value));
                let slots = [
                    ("claim", claim.as_str()),
                    ("value", &value),
                    ("needed", &needed),
                ];
                words.text("cli-unfit-value", &slots)
            }
        }
    }
}
