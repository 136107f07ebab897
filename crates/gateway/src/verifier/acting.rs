//! Acting: a mandate among the papers counts only with proof that its key agreed to this application,
//! and only for what it covers. Specified in `docs/spec/mandate.md`.

use super::refusal::VerifyError;
use crate::{VERIFIER, trust::Trust};
use denizen_credential::{Status, StatusRef, VerifiedPresentation};
use denizen_model::{
    OrgId, Sha256Hash, UnixTime,
    catalogue::Service,
    mandate::{
        ACTING_MEDIA_TYPE, Act, ActingProof, MANDATE_VCT, MandateClaims, MandateError, Role, Scope,
        is_of_age,
    },
    message::Message,
    statement::Quality,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What must be shown of a mandate so that it can be judged: a service that asks for one asks for these.
const MANDATE_CLAIMS: [&str; 7] = [
    "role",
    "delegate",
    "scope",
    "services",
    "basis",
    "valid_from",
    "valid_until",
];

/// Who acts for the applicant, as proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acting {
    query: String,
    sd_hash: String,
    mandate: MandateClaims,
    status: Option<StatusRef>,
}

impl Acting {
    /// The credential query that the mandate answers: its subject is the one who is acted for.
    #[must_use]
    pub fn query(&self) -> &str {
        &self.query
    }

    /// Who acts, in which role, until when.
    #[must_use]
    pub fn mandate(&self) -> &MandateClaims {
        &self.mandate
    }
}

/// What an act is checked against.
#[derive(Clone, Copy)]
pub(crate) struct ActOf<'a> {
    /// The message that carries it.
    pub(crate) message: &'a Message,
    /// The office.
    pub(crate) org: &'a OrgId,
    /// The service.
    pub(crate) service: &'a Service,
    /// Its exact version.
    pub(crate) version: &'a Sha256Hash,
    /// In which window a proof may have been made.
    pub(crate) made: (UnixTime, UnixTime),
    /// What is known of statuses and admissions.
    pub(crate) trust: &'a Trust,
    /// Now.
    pub(crate) now: UnixTime,
}

impl<'a> ActOf<'a> {
    fn proofs(self) -> Vec<&'a str> {
        let all = self.message.attachments.iter();
        let proofs = all.filter(|a| a.media_type == ACTING_MEDIA_TYPE);
        proofs.map(|a| a.data.as_str()).collect()
    }

    /// Exactly one proof, by the key that the mandate names, of exactly this act.
    fn check_proof(self, mandate: &MandateClaims, sd_hash: &str) -> Result<(), MandateError> {
        let proofs = self.proofs();
        let [proof] = proofs.as_slice() else {
            return Err(if proofs.is_empty() {
                MandateError::ProofMissing
            } else {
                MandateError::ProofRefused
            });
        };
        let act = Act {
            org: self.org,
            purpose: &self.service.service,
            service: Some(self.version),
            message: &self.message.id,
            sd_hash,
        };
        ActingProof::verify(proof, act, mandate, self.made, VERIFIER)?;
        let name = &self.service.service;
        mandate.check(Scope::File, name, self.now.date())
    }
}

/// Finds and checks the mandate among an application's papers, which are verified already.
///
/// # Errors
/// [`VerifyError::Mandate`], [`VerifyError::NotAsked`], [`VerifyError::IssuerNotAdmitted`].
pub(super) fn check_acting(
    papers: &[(&str, &VerifiedPresentation)],
    of: ActOf<'_>,
) -> Result<Option<Acting>, VerifyError> {
    let is_mandate = |p: &&(&str, &VerifiedPresentation)| p.1.credential().vct() == MANDATE_VCT;
    let mandates: Vec<_> = papers.iter().filter(is_mandate).collect();
    let (query, paper) = match mandates.as_slice() {
        [] if of.proofs().is_empty() => return Ok(None),
        [] => return Err(MandateError::Missing.into()),
        [one] => **one,
        _ => return Err(VerifyError::NotAsked),
    };
    let credential = paper.credential();
    // Who may act for somebody is said by an authority, whatever else a service takes.
    let issuer = OrgId::parse(credential.issuer()).map_err(|_| VerifyError::IssuerNotAdmitted)?;
    let admitted = of.trust.directory().admitted(&issuer, MANDATE_VCT, of.now);
    if admitted.is_some_and(|quality| quality != Quality::Authority) {
        return Err(VerifyError::IssuerNotAdmitted);
    }
    let mandate = MandateClaims::read(credential.claims())?;
    let sd_hash = paper.sd_hash().to_owned();
    of.check_proof(&mandate, &sd_hash)?;
    let shown = papers.iter().map(|(_, p)| p.credential().claims());
    if mandate.role == Role::Guardian && shows_of_age(shown, of.now) {
        return Err(MandateError::OfAge.into());
    }
    Ok(Some(Acting {
        query: query.to_owned(),
        sd_hash,
        mandate,
        status: credential.status().cloned(),
    }))
}

/// Whether a later act in a case that was filed under a mandate is covered: the same mandate, still in
/// force, with proof for this message. Somebody of age acts for herself.
pub(crate) fn check_later<'a>(
    acting: &Acting,
    shown: impl Iterator<Item = &'a Map<String, Value>>,
    of: ActOf<'_>,
) -> Result<(), MandateError> {
    let own = match acting.mandate.role {
        Role::Guardian => shows_of_age(shown, of.now),
        // A grown person gave the mandate herself.
        Role::Helper | Role::Representative => true,
    };
    if own && of.proofs().is_empty() {
        return Ok(());
    }
    if own && acting.mandate.role == Role::Guardian {
        return Err(MandateError::OfAge);
    }
    of.check_proof(&acting.mandate, &acting.sd_hash)?;
    let (status, _) = of.trust.status(acting.status.as_ref(), of.now);
    match status {
        Status::Invalid | Status::Suspended => Err(MandateError::Over),
        Status::Valid | Status::Contested => Ok(()),
    }
}

/// Whether a paper shows that its subject is of age.
fn shows_of_age<'a>(
    mut shown: impl Iterator<Item = &'a Map<String, Value>>,
    now: UnixTime,
) -> bool {
    shown.any(|claims| {
        let born = claims.get("subject").and_then(|s| s.get("birth_date"));
        let born = born.and_then(Value::as_str);
        let said = claims.get("age_over_18").and_then(Value::as_bool);
        said == Some(true) || born.is_some_and(|born| is_of_age(born, now.date()))
    })
}

/// Whether a service that asks for a mandate asks for all by which it is judged: what is not asked for
/// could be a limit that nobody sees.
pub(crate) fn asks_enough(service: &Service) -> bool {
    let queries = service
        .evidence
        .get("credentials")
        .and_then(Value::as_array);
    let mut queries = queries.into_iter().flatten();
    queries.all(|query| {
        let kinds = query.get("meta").and_then(|m| m.get("vct_values"));
        let kinds = kinds.and_then(Value::as_array);
        if !kinds.is_some_and(|kinds| kinds.iter().any(|k| k == MANDATE_VCT)) {
            return true;
        }
        let asked: Vec<&Value> = query
            .get("claims")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|c| c.get("path"))
            .collect();
        let has = |name: &&str| asked.iter().any(|path| **path == serde_json::json!([name]));
        query.get("claim_sets").is_none() && MANDATE_CLAIMS.iter().all(has)
    })
}
