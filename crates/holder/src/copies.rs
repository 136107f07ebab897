//! What the copies of one record must not share, so that two verifiers who compare what they were
//! shown find nothing in common but what she disclosed (R18).

use denizen_credential::{StatusRef, VerifiedCredential};
use denizen_model::UnixTime;
use std::collections::BTreeSet;

/// By what a copy could be recognised.
pub(crate) struct Traces {
    status: Option<StatusRef>,
    disclosures: BTreeSet<String>,
    iat: Option<i64>,
}

impl Traces {
    pub(crate) fn of(credential: &VerifiedCredential) -> Self {
        let texts = credential.disclosures().iter().map(|d| d.text.clone());
        Self {
            status: credential.status().cloned(),
            disclosures: texts.collect(),
            iat: credential.iat(),
        }
    }

    /// Whether a one-time copy tells only the day, and shares neither its place in a status list nor
    /// a salted disclosure with any of the others.
    pub(crate) fn is_apart(&self, others: &[Self]) -> bool {
        let day = self
            .iat
            .map(UnixTime)
            .is_some_and(|at| at == at.day_start());
        let apart = |other: &Self| {
            let same_place = self.status.is_some() && self.status == other.status;
            !same_place && self.disclosures.is_disjoint(&other.disclosures)
        };
        day && others.iter().all(apart)
    }
}
