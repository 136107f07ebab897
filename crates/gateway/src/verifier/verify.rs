//! Verify: the papers of an application become evidence, if every must of R19 and every demand of
//! the declared service is met.

pub use super::refusal::VerifyError;

use super::{
    acting::{ActOf, Acting, check_acting},
    named::check_named,
};
use crate::{
    VERIFIER,
    inbox::Opened,
    trust::{Freshness, Trust},
};
use denizen_credential::{
    CredentialError, IatWindow, KeyBindingPolicy, Status, UnverifiedPresentation,
    VerifiedCredential, VerifiedPresentation,
};
use denizen_guard::{Check as Guard, holds};
use denizen_model::{
    MessageId, OrgId, Sha256Hash, UnixTime,
    catalogue::{Catalogue, Service},
    directory::IssuerKey,
    link::{kb_audience, kb_nonce},
    message::{ApplicationSubmit, Attachment, Message, SD_JWT_MEDIA_TYPE, Sensitivity},
    statement::{Quality, ServiceEntry, split_kid},
};
use denizen_openid::{Presented, Query, ResponseError, ValueMatching, check_response};
use denizen_rules::{Verdict as RuleVerdict, evaluate};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How long before its delivery a presentation may have been made, in seconds: a hub may be away.
pub(crate) const MADE_BEFORE_S: i64 = 30 * UnixTime::DAY_S;
/// How far the holder's clock may be ahead, in seconds.
pub(crate) const MADE_AFTER_S: i64 = 300;

/// What was declared, and by whom: what evidence is checked against.
#[derive(Debug, Clone, Copy)]
pub struct EvidenceRequest<'a> {
    /// The organisation that verifies.
    pub org: &'a OrgId,
    /// Hash of the service's directory entry.
    pub service: &'a Sha256Hash,
    /// The entry.
    pub entry: &'a ServiceEntry,
}

/// One verified paper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvidenceItem {
    query: String,
    vct: String,
    issuer: OrgId,
    claims: Map<String, Value>,
    contested: bool,
    freshness: Freshness,
    sd_hash: String,
    /// A newer paper stands for it, or it no longer holds (D11).
    #[serde(default)]
    superseded: bool,
    /// The earlier paper that it stands for.
    #[serde(default)]
    corrects: Option<String>,
    /// What she says to it.
    #[serde(default)]
    reply: Option<String>,
    /// In which quality its issuer may issue it; none if it was kept before that was written down.
    #[serde(default)]
    quality: Option<Quality>,
}

impl EvidenceItem {
    /// The credential query that it answers.
    #[must_use]
    pub fn query(&self) -> &str {
        &self.query
    }

    /// Its kind.
    #[must_use]
    pub fn vct(&self) -> &str {
        &self.vct
    }

    /// Who issued it.
    #[must_use]
    pub fn issuer(&self) -> &OrgId {
        &self.issuer
    }

    /// What it shows.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// Whether its holder says that it is wrong and its issuer has not decided (D11).
    #[must_use]
    pub fn is_contested(&self) -> bool {
        self.contested
    }

    /// How old the knowledge of its status is.
    #[must_use]
    pub fn freshness(&self) -> Freshness {
        self.freshness
    }

    /// Names the presentation in later corrections.
    #[must_use]
    pub fn sd_hash(&self) -> &str {
        &self.sd_hash
    }

    /// Whether it no longer counts: its issuer corrected it since (D11).
    #[must_use]
    pub fn is_superseded(&self) -> bool {
        self.superseded
    }

    /// Whether it came as the correction of an earlier paper.
    #[must_use]
    pub fn is_correction(&self) -> bool {
        self.corrects.is_some()
    }

    /// Whether it is a claim of a private body that no authority has confirmed.
    #[must_use]
    pub fn is_claim(&self) -> bool {
        self.quality == Some(Quality::Claim)
    }

    /// What she says to it.
    #[must_use]
    pub fn reply(&self) -> Option<&str> {
        self.reply.as_deref()
    }
}

/// Verified papers of one application: only this file makes them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    application: MessageId,
    service: Service,
    answers: Value,
    items: Vec<EvidenceItem>,
    /// Who acts for the applicant.
    #[serde(default)]
    acting: Option<Acting>,
}

impl Evidence {
    /// The application's thread.
    #[must_use]
    pub fn application(&self) -> &MessageId {
        &self.application
    }

    /// The service's declared version.
    #[must_use]
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// The answers.
    #[must_use]
    pub fn answers(&self) -> &Value {
        &self.answers
    }

    /// The papers.
    #[must_use]
    pub fn items(&self) -> &[EvidenceItem] {
        &self.items
    }

    /// Who acts for the applicant, if somebody does.
    #[must_use]
    pub fn acting(&self) -> Option<&Acting> {
        self.acting.as_ref()
    }

    /// The subject as shown in the first paper that must show it; empty if none does.
    #[must_use]
    pub fn subject(&self) -> Value {
        let required = &self.service.subject_required;
        let current = self.items.iter().filter(|i| !i.superseded);
        let shown = current.filter(|i| required.contains(&i.query));
        let mut subjects = shown.filter_map(|i| i.claims.get("subject"));
        subjects
            .next()
            .cloned()
            .unwrap_or_else(|| Value::Object(Map::new()))
    }

    /// The same papers as a later version of an application.
    #[must_use]
    pub(crate) fn in_thread(self, application: MessageId) -> Self {
        Self {
            application,
            ..self
        }
    }

    /// The paper with this hash, for its correction.
    pub(crate) fn item(&self, sd_hash: &str) -> Option<&EvidenceItem> {
        self.items.iter().find(|i| i.sd_hash == sd_hash)
    }

    /// A correction stands beside the old paper, which no longer counts; without one the old paper
    /// no longer holds, or she only replies to it.
    pub(crate) fn correct(
        &mut self,
        old: &str,
        newer: Option<(EvidenceItem, Option<Acting>)>,
        reply: Option<&str>,
    ) {
        let (newer, acting) = newer.unzip();
        if let Some(acting) = acting.flatten() {
            self.acting = Some(acting);
        }
        if let Some(item) = self.items.iter_mut().find(|i| i.sd_hash == old) {
            match reply {
                // Empty words take back what she said.
                Some(reply) if newer.is_none() => {
                    item.reply = Some(reply.to_owned()).filter(|r| !r.is_empty());
                }
                _ => item.superseded = true,
            }
        }
        self.items.extend(newer.map(|item| EvidenceItem {
            corrects: Some(old.to_owned()),
            reply: reply.map(str::to_owned),
            ..item
        }));
    }

    /// What stays after the decision: the subject and the claims that a rule of the service used.
    #[must_use]
    pub(crate) fn used(mut self) -> Self {
        for item in &mut self.items {
            let of = self
                .service
                .constraints
                .iter()
                .filter(|c| c.query == item.query);
            let used: Vec<_> = of.filter_map(|c| c.path.first()).collect();
            item.claims
                .retain(|name, _| name == "subject" || used.contains(&name));
        }
        self
    }
}

/// Checks an application's papers.
///
/// # Errors
/// [`VerifyError`]; nothing of the application is used.
pub fn verify(
    opened: &Opened,
    submit: &ApplicationSubmit,
    request: EvidenceRequest<'_>,
    trust: &Trust,
    catalogue: &Catalogue,
    now: UnixTime,
) -> Result<Evidence, VerifyError> {
    let message = opened.message();
    let service = &request.entry.service;
    let delivered = opened.verified().opening.time;
    if request.entry.org != *request.org {
        return Err(VerifyError::ServiceUnknown);
    }
    if submit.purpose != service.service {
        return Err(VerifyError::OtherPurpose);
    }
    if message
        .expires_time
        .is_some_and(|expires| delivered > expires)
    {
        return Err(VerifyError::Expired);
    }
    service
        .check_answers(&submit.answers)
        .map_err(|_| VerifyError::Answers)?;
    let query = query_of(service)?;
    check_named(&query, &submit.presentations)?;
    let check = Check::of(opened, request, trust, catalogue, now);
    let mut shown = Vec::with_capacity(submit.presentations.len());
    for presented in &submit.presentations {
        let attachment = message
            .attachments
            .iter()
            .find(|a| a.id == presented.attachment);
        let attachment = attachment.ok_or(VerifyError::Missing)?;
        let special = submit.special_confirmed.contains(&presented.query);
        shown.push((
            &presented.query,
            check.one(&presented.query, attachment, special)?,
        ));
    }
    check_asked(&query, &shown)?;
    let papers: Vec<_> = shown.iter().map(|(q, (p, _))| (q.as_str(), p)).collect();
    let acting = check_acting(&papers, check.act(message, request))?;
    let replies = submit.presentations.iter().map(|p| p.reply.as_ref());
    let shown = shown.into_iter().zip(replies);
    let items = shown.map(|((query, (presentation, status)), reply)| {
        check.demands(query, presentation.credential())?;
        let mut item = check.item(query, &presentation, status)?;
        item.reply = reply.map(|r| r.text.clone());
        Ok::<_, VerifyError>(item)
    });
    Ok(Evidence {
        application: message.id,
        service: service.clone(),
        answers: submit.answers.clone(),
        items: items.collect::<Result<_, _>>()?,
        acting,
    })
}

/// Checks one paper that stands for an earlier one of the same application, by the same rules.
///
/// # Errors
/// [`VerifyError`]; the earlier paper stays as it is.
pub(crate) fn verify_correction(
    opened: &Opened,
    (query, attachment): (&String, &Attachment),
    request: EvidenceRequest<'_>,
    trust: &Trust,
    catalogue: &Catalogue,
    now: UnixTime,
) -> Result<(EvidenceItem, Option<Acting>), VerifyError> {
    let asked = query_of(&request.entry.service)?;
    let check = Check::of(opened, request, trust, catalogue, now);
    // The second confirmation of a special category was given with the application.
    let shown = [(query, check.one(query, attachment, true)?)];
    match check_shown(&asked, &shown) {
        // The other papers are there already.
        Ok(()) | Err(ResponseError::Missing) => {}
        Err(error) => return Err(refusal_of(error)),
    }
    let [(query, (presentation, status))] = shown;
    let paper = [(query.as_str(), &presentation)];
    let acting = check_acting(&paper, check.act(opened.message(), request))?;
    check.demands(query, presentation.credential())?;
    Ok((check.item(query, &presentation, status)?, acting))
}

fn query_of(service: &Service) -> Result<Query, VerifyError> {
    let query = Query::from_value(&service.evidence, ValueMatching::Refused);
    query.map_err(|_| VerifyError::ServiceUnknown)
}

type Known = (Status, Freshness);

fn check_asked(
    query: &Query,
    shown: &[(&String, (VerifiedPresentation, Known))],
) -> Result<(), VerifyError> {
    check_shown(query, shown).map_err(refusal_of)
}

fn refusal_of(error: ResponseError) -> VerifyError {
    match error {
        ResponseError::QueryUnknown | ResponseError::TooMany | ResponseError::NotAsked => {
            VerifyError::NotAsked
        }
        _ => VerifyError::Missing,
    }
}

fn check_shown(
    query: &Query,
    shown: &[(&String, (VerifiedPresentation, Known))],
) -> Result<(), ResponseError> {
    let presented: Vec<_> = shown
        .iter()
        .map(|(id, (presentation, _))| Presented {
            query: id,
            vct: presentation.credential().vct(),
            claims: presentation.credential().claims(),
            disclosures: presentation.credential().disclosures(),
            key_bound: presentation.iat().is_some(),
        })
        .collect();
    check_response(query, &presented)
}

struct Check<'a> {
    aud: String,
    nonce: String,
    iat: IatWindow,
    service: &'a Service,
    trust: &'a Trust,
    catalogue: &'a Catalogue,
    now: UnixTime,
}

impl<'a> Check<'a> {
    fn of(
        opened: &Opened,
        request: EvidenceRequest<'a>,
        trust: &'a Trust,
        catalogue: &'a Catalogue,
        now: UnixTime,
    ) -> Self {
        let service = &request.entry.service;
        let delivered = opened.verified().opening.time;
        Self {
            aud: kb_audience(request.org),
            nonce: kb_nonce(
                request.org,
                &service.service,
                Some(request.service),
                &opened.message().id,
            ),
            iat: IatWindow {
                min: delivered.plus_s(-MADE_BEFORE_S).0,
                max: delivered.plus_s(MADE_AFTER_S).0,
            },
            service,
            trust,
            catalogue,
            now,
        }
    }

    /// What a mandate among the papers is checked against.
    fn act(&self, message: &'a Message, request: EvidenceRequest<'a>) -> ActOf<'a> {
        ActOf {
            message,
            org: request.org,
            service: self.service,
            version: request.service,
            made: (UnixTime(self.iat.min), UnixTime(self.iat.max)),
            trust: self.trust,
            now: self.now,
        }
    }

    /// One paper: issuer, key, every disclosure, key binding, kind, status.
    fn one(
        &self,
        query: &str,
        attachment: &Attachment,
        special_confirmed: bool,
    ) -> Result<(VerifiedPresentation, Known), VerifyError> {
        if attachment.media_type != SD_JWT_MEDIA_TYPE {
            return Err(VerifyError::Refused(CredentialError::Malformed));
        }
        let unverified =
            UnverifiedPresentation::parse(&attachment.data).map_err(VerifyError::Refused)?;
        let (iss, kid) = unverified.danger_issuer().map_err(VerifyError::Refused)?;
        let unknown = VerifyError::IssuerNotAdmitted;
        let (id, kid) = split_kid(&kid).ok_or(unknown)?;
        let issuer = OrgId::from(id);
        if issuer.to_text() != iss {
            return Err(unknown);
        }
        let directory = self.trust.directory();
        // A paper outlives the key that signed it: what counts is the key at its issuing.
        let issued = unverified
            .danger_iat()
            .map_or(self.now, UnixTime)
            .min(self.now);
        let key = match directory.issuer_key(&issuer, kid, issued).ok_or(unknown)? {
            IssuerKey::Good(key) => key,
            // Proof of delivery before that time cannot travel with an application yet.
            IssuerKey::RevokedFrom(key, _) if holds(Guard::PaperKeyWithdrawn, false) => key,
            IssuerKey::RevokedFrom(..) => return Err(VerifyError::IssuerKeyWithdrawn),
        };
        let policy = KeyBindingPolicy::Required {
            aud: &self.aud,
            nonce: &self.nonce,
            iat: self.iat,
        };
        let presentation = unverified
            .verify(VERIFIER, key.key(), policy)
            .map_err(VerifyError::from)?;
        let credential = presentation.credential();
        self.check_issuer(query, (&issuer, issued), credential.vct())?;
        self.check_kind(credential, special_confirmed)?;
        let known = self.trust.status(credential.status(), self.now);
        match known.0 {
            Status::Invalid if !holds(Guard::PaperStatus, false) => {
                return Err(VerifyError::Withdrawn);
            }
            Status::Suspended => return Err(VerifyError::Suspended),
            Status::Valid | Status::Contested | Status::Invalid => {}
        }
        Ok((presentation, known))
    }

    /// Admitted for the kind, and one of those that the service takes for this query.
    fn check_issuer(
        &self,
        query: &str,
        (issuer, issued): (&OrgId, UnixTime),
        vct: &str,
    ) -> Result<(), VerifyError> {
        let quality = self.quality((issuer, issued), vct);
        let anybody = || holds(Guard::PaperIssuer, false).then_some(Quality::Authority);
        let quality = quality.or_else(anybody);
        let quality = quality.ok_or(VerifyError::IssuerNotAdmitted)?;
        let takes = |allowed: &String| {
            (allowed == "admitted" && quality == Quality::Authority) || *allowed == issuer.to_text()
        };
        let allowed = self.service.issuers.get(query);
        if allowed.is_some_and(|allowed| allowed.iter().any(takes)) {
            Ok(())
        } else {
            Err(VerifyError::IssuerNotAdmitted)
        }
    }

    /// In which quality an organisation might issue a kind on that day.
    fn quality(&self, (issuer, issued): (&OrgId, UnixTime), vct: &str) -> Option<Quality> {
        // A later suspension does not void what was issued before it. One-time copies say only the
        // day of their issuing (R18).
        let day_end = issued.day_start().plus_s(UnixTime::DAY_S - 1);
        let at = day_end.min(self.now);
        self.trust.directory().admitted(issuer, vct, at)
    }

    fn check_kind(
        &self,
        credential: &VerifiedCredential,
        special_confirmed: bool,
    ) -> Result<(), VerifyError> {
        let integrity = credential.vct_integrity().ok_or(VerifyError::KindUnknown)?;
        let kind = self.catalogue.version_of(credential.vct(), integrity);
        let kind = kind.ok_or(VerifyError::KindUnknown)?;
        if kind.traits.sensitivity == Sensitivity::Special && !special_confirmed {
            return Err(VerifyError::SpecialNotConfirmed);
        }
        let not_yet = credential.nbf().is_some_and(|nbf| nbf > self.now.0);
        let over = credential.exp().is_some_and(|exp| exp <= self.now.0);
        if not_yet || over {
            return Err(VerifyError::PaperExpired);
        }
        Ok(())
    }

    /// The service's own demands on what is shown.
    fn demands(&self, query: &str, credential: &VerifiedCredential) -> Result<(), VerifyError> {
        let claims = credential.claims();
        if self.service.subject_required.iter().any(|q| q == query) {
            let subject = claims.get("subject").and_then(Value::as_object);
            if subject.is_none_or(Map::is_empty) {
                return Err(VerifyError::SubjectMissing);
            }
        }
        let today = self.now.date();
        let of = self.service.constraints.iter().filter(|c| c.query == query);
        if of
            .into_iter()
            .all(|c| evaluate(c, claims, today) == RuleVerdict::Met)
        {
            Ok(())
        } else {
            Err(VerifyError::Constraint)
        }
    }

    fn item(
        &self,
        query: &str,
        presentation: &VerifiedPresentation,
        (status, freshness): Known,
    ) -> Result<EvidenceItem, VerifyError> {
        let credential = presentation.credential();
        let issuer = OrgId::parse(credential.issuer());
        let issuer = issuer.map_err(|_| VerifyError::IssuerNotAdmitted)?;
        let issued = credential.iat().map_or(self.now, UnixTime);
        Ok(EvidenceItem {
            quality: self.quality((&issuer, issued), credential.vct()),
            query: query.to_owned(),
            vct: credential.vct().to_owned(),
            issuer,
            claims: credential.claims().clone(),
            contested: status == Status::Contested,
            freshness,
            sd_hash: presentation.sd_hash().to_owned(),
            superseded: false,
            corrects: None,
            reply: None,
        })
    }
}
