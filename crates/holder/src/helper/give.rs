//! The person's side: a mandate, what may be read, offices that are told, drafts that come back.

use super::{Digits, Helper, HelperUse, UseKind};
use crate::{Holder, Preview, VERIFIER, holder::HolderError, link::Draft, link::make_id};
use denizen_model::{
    MessageId, Sha256Hash, UnixTime,
    id::Bytes,
    jose::OBJECT_SIZE_BYTES_MAX,
    mandate::{
        DRAFT_TYP, Excerpt, GIVEN_TYP, GIVEN_V, Given, GivenApplication, HelperCard, HelperDraft,
        MANDATE_VCT, MandateError, OfferedService, Scope,
    },
    message::{Body, MandateEnd, MandateGive, Sensitivity},
};
use denizen_seal::{KemPublic, SEALER};
use jiff::civil::Date;
use serde_json::{Map, Value, json};

/// What a mandate for a helper says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelperTerms {
    /// Her names, as one of her records has them.
    pub subject: Value,
    /// What is allowed: reading, being told, preparing.
    pub scope: Vec<Scope>,
    /// For which services.
    pub services: Vec<String>,
    /// The first day.
    pub from: Date,
    /// The last day.
    pub until: Date,
    /// Whether the helper may pass it on.
    pub may_pass_on: bool,
}

/// A record that she lets a helper read, and which of its claims; none means all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The record.
    pub kept: Sha256Hash,
    /// Names of claims.
    pub claims: Vec<String>,
}

/// A draft that is good, for her to look at.
#[derive(Debug, Clone, PartialEq)]
pub struct DraftView {
    /// Who made it, as she calls the helper.
    pub helper: String,
    /// The draft.
    pub draft: HelperDraft,
    /// Records that the draft adds where the service leaves the choice.
    pub records: Vec<Sha256Hash>,
}

impl Holder {
    /// Begins a mandate for a helper. `digits` are those that the helper's device shows, as the helper
    /// read them out: the card came through who knows whose hands.
    ///
    /// # Errors
    /// [`HolderError::HelperFile`], [`HolderError::HelperDigits`], [`HolderError::HelperKnown`],
    /// [`HolderError::Mandate`] for more than a helper may be given, [`HolderError::Answers`] for terms
    /// that the kind does not allow.
    pub fn add_helper(
        &mut self,
        (card, digits): (&[u8], &Digits),
        name: &str,
        terms: &HelperTerms,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<MessageId, HolderError> {
        let read = HelperCard::read(card, VERIFIER).map_err(|_| HolderError::HelperFile)?;
        KemPublic::from_bytes(&read.kem.0).map_err(|_| HolderError::HelperFile)?;
        if Digits::of_card(card) != *digits {
            return Err(HolderError::HelperDigits);
        }
        let name = name.trim();
        let active = |h: &Helper| h.ended.is_none() && (h.name == name || h.card.0 == card);
        if name.is_empty() || self.profile.helpers.iter().any(active) {
            return Err(HolderError::HelperKnown);
        }
        let helper = Helper {
            id: make_id(rng),
            name: name.to_owned(),
            card: Bytes(card.to_vec()),
            mandate: make_id(rng),
            claims: self.mandate_claims(&read, terms)?,
            read: Vec::new(),
            told: Vec::new(),
            drafts: Vec::new(),
            ended: None,
            uses: vec![HelperUse {
                at: now,
                what: UseKind::Begun,
                about: Vec::new(),
            }],
        };
        let id = helper.id;
        self.keep_helper(helper, now, rng)?;
        Ok(id)
    }

    /// The claims of the mandate, as the kind has them.
    fn mandate_claims(
        &self,
        card: &HelperCard,
        terms: &HelperTerms,
    ) -> Result<Map<String, Value>, HolderError> {
        let assists = |s: &Scope| matches!(s, Scope::Read | Scope::Receive | Scope::Prepare);
        if !terms.scope.iter().all(assists) {
            return Err(MandateError::Scope.into());
        }
        if terms.may_pass_on {
            return Err(MandateError::NotPassedOn.into());
        }
        if terms.until < terms.from {
            return Err(MandateError::Over.into());
        }
        let claims = json!({
            "subject": terms.subject,
            "role": "helper",
            "delegate": {
                "name": card.name.trim(),
                "key_thumbprint": Sha256Hash::new(card.key.key().thumbprint()),
            },
            "scope": terms.scope,
            "services": terms.services,
            "basis": "own-consent",
            "may_pass_on": false,
            "valid_from": terms.from,
            "valid_until": terms.until,
        });
        let kind = self.catalogue.kind(MANDATE_VCT);
        let kind = kind.ok_or(HolderError::Mandate(MandateError::Missing))?;
        kind.check(&claims).map_err(HolderError::Answers)?;
        match claims {
            Value::Object(claims) => Ok(claims),
            _ => Err(MandateError::Missing.into()),
        }
    }

    /// Makes the file for a helper: the mandate, what she chose to let be read, the services that may be
    /// prepared for, the applications that may be asked about. Sealed to the helper's key. It replaces
    /// the file before it.
    ///
    /// # Errors
    /// [`HolderError::HelperUnknown`], [`HolderError::Mandate`], [`HolderError::NotOpen`] for a record
    /// that is not hers, [`HolderError::SpecialNotConfirmed`], [`HolderError::TooLarge`].
    pub fn give(
        &mut self,
        name: &str,
        readings: &[Reading],
        special_confirmed: bool,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Vec<u8>, HolderError> {
        let mut helper = self.active_helper(name, now)?;
        let terms = helper.terms()?;
        if !readings.is_empty() && !terms.scope.contains(&Scope::Read) {
            return Err(MandateError::Scope.into());
        }
        let mut read = Vec::new();
        helper.read.clear();
        for (at, reading) in readings.iter().enumerate() {
            let excerpt = self.excerpt(reading, at + 1, special_confirmed, now)?;
            helper.read.push((excerpt.name.clone(), reading.kept));
            read.push(excerpt);
        }
        let keys = self.root.derive_person(&helper.id);
        let given = Given {
            v: GIVEN_V,
            id: helper.mandate,
            key: keys.mandate.public_for(),
            kem: Bytes(keys.kem.public().to_bytes()),
            made: now,
            claims: helper.claims.clone(),
            services: self.offered(&terms.scope, &terms.services),
            receive: self.told_applications(&helper),
            read,
        };
        let card = helper.card()?;
        let kem = KemPublic::from_bytes(&card.kem.0).map_err(|_| HolderError::HelperFile)?;
        let signed = given.sign(&keys.mandate);
        if signed.len() > OBJECT_SIZE_BYTES_MAX {
            return Err(HolderError::TooLarge);
        }
        let sealed = SEALER.seal_file(&kem, GIVEN_TYP, &signed, rng);
        let sealed = sealed.map_err(|_| HolderError::HelperFile)?;
        let about = given.read.iter().map(|e| e.vct.clone()).collect();
        helper.uses.push(HelperUse {
            at: now,
            what: UseKind::Given,
            about,
        });
        self.keep_helper(helper, now, rng)?;
        Ok(sealed)
    }

    /// A helper whose mandate is in force.
    fn active_helper(&self, name: &str, now: UnixTime) -> Result<Helper, HolderError> {
        let helper = self.helper(name)?;
        if helper.ended.is_some() || now.date() > helper.terms()?.valid_until {
            return Err(MandateError::Over.into());
        }
        Ok(helper.clone())
    }

    fn excerpt(
        &self,
        reading: &Reading,
        number: usize,
        special_confirmed: bool,
        now: UnixTime,
    ) -> Result<Excerpt, HolderError> {
        let view = self.record(&reading.kept, now);
        let view = view.ok_or(HolderError::NotOpen)?;
        if view.held.sensitivity == Sensitivity::Special && !special_confirmed {
            return Err(HolderError::SpecialNotConfirmed);
        }
        let chosen = |name: &String| reading.claims.is_empty() || reading.claims.contains(name);
        let mut claims = Map::clone(&view.claims);
        claims.retain(|name, _| chosen(name));
        Ok(Excerpt {
            name: format!("r{number}"),
            vct: view.vct,
            issuer: self.name_of(&view.issuer),
            claims,
            expires: view.expires,
        })
    }

    /// Services of linked offices that the mandate covers, as declared in public.
    fn offered(&self, scope: &[Scope], services: &[String]) -> Vec<OfferedService> {
        if !scope.contains(&Scope::Prepare) {
            return Vec::new();
        }
        let covers = |name: &String| {
            services
                .iter()
                .any(|s| s == denizen_model::mandate::ALL_SERVICES || s == name)
        };
        let linked = |org| self.profile.links.iter().any(|l| l.org == org);
        let all = self.services().into_iter();
        all.filter(|(_, e)| covers(&e.service.service) && linked(e.org))
            .map(|(hash, entry)| OfferedService {
                hash,
                office: self.name_of(&entry.org),
                service: entry.service,
            })
            .collect()
    }

    fn told_applications(&self, helper: &Helper) -> Vec<GivenApplication> {
        let told = self.profile.applications.iter();
        told.filter(|a| helper.told.contains(&a.id))
            .filter_map(|a| {
                let case_reference = a.events.iter().find_map(|e| e.case_reference.clone())?;
                let org = self.profile.link(a.link)?.org;
                Some(GivenApplication {
                    org,
                    office: self.name_of(&org),
                    case_reference,
                    service: a.submit.purpose.clone(),
                })
            })
            .collect()
    }

    /// Tells an office of a helper who may ask for the state of one application.
    ///
    /// # Errors
    /// [`HolderError::HelperUnknown`], [`HolderError::Mandate`], [`HolderError::NotOpen`].
    pub fn tell_office(
        &mut self,
        name: &str,
        application: &MessageId,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        let mut helper = self.active_helper(name, now)?;
        let mut applications = self.profile.applications.iter();
        let found = applications.find(|a| a.id == *application);
        let found = found.ok_or(HolderError::NotOpen)?;
        let (link, service) = (found.link, found.submit.purpose.clone());
        // A mandate that has not begun may be told ahead.
        let day = now.date().max(helper.terms()?.valid_from);
        helper.terms()?.check(Scope::Receive, &service, day)?;
        let body = Body::MandateGive(Box::new(MandateGive {
            mandate: helper.mandate,
            claims: helper.claims.clone(),
        }));
        self.queue_kept(link, Draft::new(body, Some(*application)), now, rng)?;
        let office = self.profile.link(link).map(|l| self.name_of(&l.org));
        helper.told.retain(|t| t != application);
        helper.told.push(*application);
        helper.uses.push(HelperUse {
            at: now,
            what: UseKind::Told,
            about: [office.unwrap_or_default(), service].into(),
        });
        self.keep_helper(helper, now, rng)
    }

    /// Ends a mandate before its time, and tells every office that was told of it. What the helper has
    /// read, the helper has read: the caller says so.
    ///
    /// # Errors
    /// [`HolderError::HelperUnknown`].
    pub fn end_helper(
        &mut self,
        name: &str,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        let mut helper = self.helper(name)?.clone();
        if helper.ended.is_some() {
            return Ok(());
        }
        for thread in &helper.told {
            let mut applications = self.profile.applications.iter();
            let Some(application) = applications.find(|a| a.id == *thread) else {
                continue;
            };
            let body = Body::MandateEnd(MandateEnd {
                mandate: helper.mandate,
            });
            let link = application.link;
            self.queue_kept(link, Draft::new(body, Some(*thread)), now, rng)?;
        }
        helper.ended = Some(now);
        helper.uses.push(HelperUse {
            at: now,
            what: UseKind::Ended,
            about: Vec::new(),
        });
        self.keep_helper(helper, now, rng)
    }

    /// Reads a helper's draft. It changes nothing but the list of uses: she looks at it with
    /// [`Holder::preview_draft`], and files it herself like any application.
    ///
    /// # Errors
    /// [`HolderError::HelperFile`] for a file that no helper of hers made; [`HolderError::Mandate`] for
    /// more than the mandate covers: that too is in the list of uses.
    pub fn read_draft(
        &mut self,
        sealed: &[u8],
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<DraftView, HolderError> {
        let opened = self.profile.helpers.iter().find_map(|helper| {
            let keys = self.root.derive_person(&helper.id);
            let file = SEALER.open_file(&keys.kem, DRAFT_TYP, sealed).ok()?;
            Some((helper.clone(), file))
        });
        let (mut helper, file) = opened.ok_or(HolderError::HelperFile)?;
        let draft = HelperDraft::read(&file, VERIFIER).map_err(|_| HolderError::HelperFile)?;
        let checked = self.check_draft(&helper, &draft, now);
        let (what, about) = match &checked {
            Ok(service) => (UseKind::Draft, service.clone()),
            Err(error) => (UseKind::Refused, error.code().to_owned()),
        };
        helper.uses.push(HelperUse {
            at: now,
            what,
            about: vec![about],
        });
        let named = |name: &String| helper.read.iter().find(|(n, _)| n == name).map(|(_, k)| *k);
        let view = DraftView {
            helper: helper.name.clone(),
            records: draft.records.iter().filter_map(named).collect(),
            draft,
        };
        self.keep_helper(helper, now, rng)?;
        checked.map(|_| view)
    }

    /// Who made it, under which mandate, for which service; gives the service's name.
    fn check_draft(
        &self,
        helper: &Helper,
        draft: &HelperDraft,
        now: UnixTime,
    ) -> Result<String, HolderError> {
        let terms = helper.terms()?;
        if !terms.names(&draft.key) {
            return Err(MandateError::OtherKey.into());
        }
        if draft.mandate != helper.mandate {
            return Err(MandateError::Missing.into());
        }
        if helper.ended.is_some() {
            return Err(MandateError::Over.into());
        }
        if helper.drafts.contains(&draft.id) {
            return Err(HolderError::NotOpen);
        }
        let service = self.request(&draft.service)?.service.service;
        terms.check(Scope::Prepare, &service, now.date())?;
        Ok(service)
    }

    /// Whether a draft of this mandate may still be filed: once.
    ///
    /// # Errors
    /// [`HolderError::HelperUnknown`], [`HolderError::NotOpen`].
    pub fn draft_counts(
        &self,
        (mandate, draft): (&MessageId, &MessageId),
    ) -> Result<(), HolderError> {
        let mut helpers = self.profile.helpers.iter();
        let helper = helpers.find(|h| h.mandate == *mandate);
        let helper = helper.ok_or(HolderError::HelperUnknown)?;
        if helper.drafts.contains(draft) {
            return Err(HolderError::NotOpen);
        }
        Ok(())
    }

    /// She filed what a draft of this mandate prepared: the draft counts no more.
    ///
    /// # Errors
    /// [`HolderError::HelperUnknown`].
    pub fn draft_filed(
        &mut self,
        (mandate, draft): (&MessageId, &MessageId),
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        let mut helpers = self.profile.helpers.iter();
        let found = helpers.find(|h| h.mandate == *mandate).cloned();
        let mut helper = found.ok_or(HolderError::HelperUnknown)?;
        helper.drafts.push(*draft);
        helper.uses.push(HelperUse {
            at: now,
            what: UseKind::Filed,
            about: Vec::new(),
        });
        self.keep_helper(helper, now, rng)
    }

    /// A helper's draft as an application that she could file: exactly what would leave. Only what she
    /// let be read can be added by it.
    ///
    /// # Errors
    /// As [`Holder::preview_application`].
    pub fn preview_draft(&self, view: &DraftView, now: UnixTime) -> Result<Preview, HolderError> {
        let draft = &view.draft;
        let mut preview = self.preview_application(&draft.service, draft.answers.clone(), now)?;
        let optional = preview.selection.optional.clone();
        for query in optional {
            let mut present = preview.selection.present.iter();
            let offered = present.find(|o| o.query == query).map(|o| o.kept);
            if offered.is_some_and(|kept| view.records.contains(&kept)) {
                preview.include(&query);
            }
        }
        Ok(preview)
    }
}
