//! Select: what of hers answers an evidence request; pure.

mod unfit;

pub use unfit::{Unfit, UnfitReason};

use crate::{Holder, RecordView, holder::HolderError};
use denizen_credential::{ClaimPath, PathItem, Status};
use denizen_model::{
    OrgId, Sha256Hash, UnixTime,
    catalogue::{Constraint, ConstraintOp, Service},
    message::Sensitivity,
    statement::{Quality, ServiceEntry},
};
use denizen_openid::{Candidate, CandidateMatch, Query, ValueMatching, match_query};
use denizen_rules::{Verdict, evaluate};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What a service asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct EvidenceRequest {
    /// The organisation.
    pub org: OrgId,
    /// Hash of the service's directory entry: its exact version.
    pub hash: Sha256Hash,
    /// The declaration.
    pub service: Service,
    query: Query,
}

impl EvidenceRequest {
    /// Reads a directory's service entry.
    ///
    /// # Errors
    /// [`HolderError::ServiceMalformed`].
    pub fn of(hash: Sha256Hash, entry: &ServiceEntry) -> Result<Self, HolderError> {
        let query = Query::from_value(&entry.service.evidence, ValueMatching::Refused);
        Ok(Self {
            org: entry.org,
            hash,
            service: entry.service.clone(),
            query: query.map_err(|_| HolderError::ServiceMalformed)?,
        })
    }
}

/// A record that answers one credential query, and exactly what of it would be shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// The credential query's id.
    pub query: String,
    /// The record.
    pub kept: Sha256Hash,
    /// Its kind.
    pub vct: String,
    /// Its issuer.
    pub issuer: OrgId,
    /// Paths that are disclosed.
    pub disclose: Vec<ClaimPath>,
    /// The values at those paths.
    pub values: Vec<(String, Value)>,
    /// Signed sensitivity.
    pub sensitivity: Sensitivity,
    /// One-time copies left.
    pub copies_left: usize,
    /// The last day on which it counts.
    pub expires: Option<jiff::civil::Date>,
    /// It is a claim of a private body.
    pub claim: bool,
}

/// A credential query that nothing of hers answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The credential query's id.
    pub query: String,
    /// The kinds that would do.
    pub vct_values: Vec<String>,
    /// Organisations that may issue them.
    pub issuers: Vec<OrgId>,
    /// Whether the application needs it.
    pub required: bool,
    /// Number of the evidence set in which it is one of several that would do.
    pub one_of: Option<usize>,
}

/// What answers an evidence request.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Selection {
    /// Good offers, one a query: the one that counts longest.
    pub present: Vec<Offer>,
    /// Queries that nothing answers.
    pub missing: Vec<Missing>,
    /// Offers that would count, but not long enough.
    pub expiring: Vec<Offer>,
    /// Records that would answer what is missing and required, and do not count for another reason.
    pub unfit: Vec<Unfit>,
    /// Offers whose record she disputes: they can be shown, and the office sees it.
    pub contested: Vec<Offer>,
    /// Queries that will be answered: of each required set the first option that can be.
    pub chosen: Vec<String>,
    /// Queries that could be answered as well.
    pub optional: Vec<String>,
    /// Whether everything required is there.
    pub satisfied: bool,
}

/// Finds what of `records` answers a request.
#[must_use]
pub fn select(
    records: &[RecordView],
    request: &EvidenceRequest,
    issuers_of: &dyn Fn(&str) -> Vec<OrgId>,
    now: UnixTime,
) -> Selection {
    let usable: Vec<_> = records.iter().filter(|r| is_usable(r)).collect();
    let ids: Vec<String> = usable.iter().map(|r| r.kept.to_text()).collect();
    let candidates: Vec<_> = usable
        .iter()
        .zip(&ids)
        .map(|(r, id)| Candidate {
            id,
            vct: &r.vct,
            claims: &r.claims,
        })
        .collect();
    let matches = match_query(&request.query, &candidates);
    let mut selection = Selection::default();
    for found in &matches.credentials {
        let mut good = Vec::new();
        for candidate in &found.candidates {
            let view = ids.iter().zip(&usable).find(|(id, _)| **id == candidate.id);
            let Some((_, view)) = view else { continue };
            if !may_issue(request, &found.query, &view.issuer) {
                continue;
            }
            let offer = offer(&found.query, view, candidate);
            let broken = broken(request, &offer.query, view, now);
            if broken.iter().all(|rule| ends(rule)) && !broken.is_empty() {
                selection.expiring.push(offer);
            } else if !broken.is_empty() {
                continue;
            } else if view.status.status == Status::Contested {
                selection.contested.push(offer.clone());
                good.push(offer);
            } else {
                good.insert(0, offer);
            }
        }
        // What an authority says before what a private body claims.
        let longest = |o: &Offer| std::cmp::Reverse(o.expires.unwrap_or(jiff::civil::Date::MAX));
        good.sort_by_key(|o| (o.claim, longest(o)));
        selection.present.extend(good.into_iter().next());
    }
    choose(&mut selection, request, issuers_of);
    unfit::find(&mut selection, records, request, now);
    selection
}

/// The offer that one record makes to one query, without the service's other rules: for a correction
/// that reaches a past recipient.
pub(crate) fn offer_again(
    request: &EvidenceRequest,
    query: &str,
    view: &RecordView,
) -> Option<Offer> {
    let candidate = Candidate {
        id: "",
        vct: &view.vct,
        claims: &view.claims,
    };
    let matches = match_query(&request.query, &[candidate]);
    let found = matches.credentials.iter().find(|c| c.query == query)?;
    Some(offer(query, view, found.candidates.first()?))
}

/// A record that is in force as far as is known, and not replaced.
fn is_usable(view: &RecordView) -> bool {
    !view.superseded
        && !view.returned
        && matches!(view.status.status, Status::Valid | Status::Contested)
}

fn may_issue(request: &EvidenceRequest, query: &str, issuer: &OrgId) -> bool {
    let listed = request.service.issuers.get(query);
    listed.is_some_and(|l| l.iter().any(|i| i == "admitted" || *i == issuer.to_text()))
}

fn offer(query: &str, view: &RecordView, found: &CandidateMatch) -> Offer {
    let value = |path: &ClaimPath| {
        let value = value_at(&view.claims, path).cloned().unwrap_or_default();
        (path_text(path), value)
    };
    Offer {
        query: query.to_owned(),
        kept: view.kept,
        vct: view.vct.clone(),
        issuer: view.issuer,
        disclose: found.disclose.clone(),
        values: found.disclose.iter().map(value).collect(),
        sensitivity: view.held.sensitivity,
        copies_left: view.copies_left,
        expires: view.expires,
        claim: view.quality == Some(Quality::Claim),
    }
}

/// The rules of a service that a record does not meet, on what it would disclose.
fn broken<'a>(
    request: &'a EvidenceRequest,
    query: &str,
    view: &RecordView,
    now: UnixTime,
) -> Vec<&'a Constraint> {
    let rules = request.service.constraints.iter();
    let rules = rules.filter(|c| c.query == query);
    rules
        .filter(|c| evaluate(c, &view.claims, now.date()) != Verdict::Met)
        .collect()
}

/// Whether a rule is about how long a paper counts.
fn ends(rule: &Constraint) -> bool {
    matches!(rule.op, ConstraintOp::NotExpiredFor { .. })
}

fn choose(
    selection: &mut Selection,
    request: &EvidenceRequest,
    issuers_of: &dyn Fn(&str) -> Vec<OrgId>,
) {
    let queries = request.query.credentials();
    let is_present = |at: &usize| {
        let id = queries.get(*at).map(|q| &q.id);
        selection.present.iter().any(|o| Some(&o.query) == id)
    };
    let id = |at: &usize| queries.get(*at).map(|q| q.id.clone());
    let (mut chosen, mut optional, mut required) = (Vec::new(), Vec::new(), Vec::new());
    let mut satisfied = true;
    if request.query.sets().is_empty() {
        chosen = queries.iter().map(|q| q.id.clone()).collect();
        required.clone_from(&chosen);
        satisfied = (0..queries.len()).all(|at| is_present(&at));
        chosen.retain(|q| selection.present.iter().any(|o| o.query == *q));
    }
    let mut alternatives = BTreeMap::new();
    for (number, set) in request.query.sets().iter().enumerate() {
        let option = set.options.iter().find(|o| o.iter().all(is_present));
        let ids: Vec<String> = option.into_iter().flatten().filter_map(id).collect();
        match (set.required, option) {
            (true, Some(_)) => chosen.extend(ids),
            (true, None) => {
                satisfied = false;
                let ids: Vec<_> = set.options.iter().flatten().filter_map(id).collect();
                if set.options.len() > 1 {
                    alternatives.extend(ids.iter().map(|id| (id.clone(), number)));
                }
                required.extend(ids);
            }
            (false, _) => optional.extend(ids),
        }
    }
    // What may be added of a paper that is there anyway is not missing.
    let has = |vct: &String| selection.present.iter().any(|o| o.vct == *vct);
    selection.missing = queries
        .iter()
        .filter(|q| selection.present.iter().all(|o| o.query != q.id))
        .filter(|q| required.contains(&q.id) || !q.vct_values.iter().all(has))
        .map(|q| Missing {
            query: q.id.clone(),
            vct_values: q.vct_values.clone(),
            issuers: q.vct_values.iter().flat_map(|v| issuers_of(v)).collect(),
            required: required.contains(&q.id),
            one_of: alternatives.get(&q.id).copied(),
        })
        .collect();
    chosen.dedup();
    optional.retain(|q| !chosen.contains(q));
    (selection.chosen, selection.optional) = (chosen, optional);
    selection.satisfied = satisfied;
}

/// A path as people read it: `subject / names`.
pub(crate) fn path_text(path: &ClaimPath) -> String {
    let item = |item: &PathItem| match item {
        PathItem::Name(name) => name.clone(),
        PathItem::Index(index) => (index + 1).to_string(),
    };
    path.iter().map(item).collect::<Vec<_>>().join(".")
}

fn value_at<'a>(claims: &'a Map<String, Value>, path: &ClaimPath) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let PathItem::Name(first) = first else {
        return None;
    };
    rest.iter()
        .try_fold(claims.get(first)?, |value, item| match item {
            PathItem::Name(name) => value.get(name),
            PathItem::Index(index) => value.get(*index),
        })
}

impl Holder {
    /// The evidence request of a service version that a directory declares.
    ///
    /// # Errors
    /// [`HolderError::ServiceUnknown`], [`HolderError::ServiceMalformed`].
    pub fn request(&self, service: &Sha256Hash) -> Result<EvidenceRequest, HolderError> {
        let mut all = self.trust.directories();
        let entry = all.find_map(|d| d.directory.service(service));
        EvidenceRequest::of(*service, entry.ok_or(HolderError::ServiceUnknown)?)
    }

    /// What of hers answers a service.
    ///
    /// # Errors
    /// [`HolderError::ServiceUnknown`], [`HolderError::ServiceMalformed`].
    pub fn select(&self, service: &Sha256Hash, now: UnixTime) -> Result<Selection, HolderError> {
        let request = self.request(service)?;
        let issuers_of = |vct: &str| self.issuers_of(vct, now);
        let records = self.showable(self.records(now));
        Ok(select(&records, &request, &issuers_of, now))
    }

    /// Organisations that the directories admit for a kind.
    #[must_use]
    pub fn issuers_of(&self, vct: &str, now: UnixTime) -> Vec<OrgId> {
        let directories = self.trust.directories();
        directories
            .flat_map(|d| {
                let admitted = |o: &OrgId| d.directory.admitted(o, vct, now).is_some();
                let orgs = d.directory.organisations().map(|o| o.id);
                orgs.filter(admitted).collect::<Vec<_>>()
            })
            .collect()
    }
}
