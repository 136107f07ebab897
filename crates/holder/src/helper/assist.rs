//! The helper's side: a card, a file that came, a draft, a question at an office. Nothing of what may be
//! read is kept: the file is opened each time.

use super::Helping;
use crate::{Holder, VERIFIER, holder::HolderError, link::make_id, state::Part};
use denizen_model::{
    MessageId, Sha256Hash, UnixTime,
    id::Bytes,
    mandate::{
        Ask, DRAFT_TYP, GIVEN_TYP, GIVEN_V, Given, HelperCard, HelperDraft, MandateError, Scope,
    },
};
use denizen_seal::{KemPublic, SEALER};
use serde_json::Value;

/// Reads a card without keeping it.
///
/// # Errors
/// [`HolderError::HelperFile`].
pub fn card_of(card: &[u8]) -> Result<HelperCard, HolderError> {
    HelperCard::read(card, VERIFIER).map_err(|_| HolderError::HelperFile)
}

impl Holder {
    /// Makes a card for one person whom she will help: keys of their own.
    ///
    /// # Errors
    /// [`HolderError::HelperKnown`] if there is such a person already.
    pub fn make_card(
        &mut self,
        person: &str,
        own_name: &str,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Vec<u8>, HolderError> {
        let (person, own_name) = (person.trim(), own_name.trim());
        let known = self.profile.helping.iter().any(|h| h.name == person);
        if person.is_empty() || own_name.is_empty() || known {
            return Err(HolderError::HelperKnown);
        }
        let helping = Helping {
            id: make_id(rng),
            name: person.to_owned(),
            own_name: own_name.to_owned(),
            key: None,
            newest: None,
        };
        let card = self.card(&helping);
        self.keep_helping(helping, now, rng)?;
        Ok(card)
    }

    fn card(&self, helping: &Helping) -> Vec<u8> {
        let keys = self.root.derive_person(&helping.id);
        let card = HelperCard {
            v: GIVEN_V,
            name: helping.own_name.clone(),
            key: keys.delegate.public_for(),
            kem: Bytes(keys.kem.public().to_bytes()),
        };
        card.sign(&keys.delegate)
    }

    fn keep_helping(
        &mut self,
        helping: Helping,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        self.queue_state(&Part::Helping(Box::new(helping.clone())), now, rng)?;
        self.take_helping(helping);
        Ok(())
    }

    /// Opens a file that a person whom she helps gave her. The first one fixes the person's key; an
    /// older file than the newest one counts no more.
    ///
    /// # Errors
    /// [`HolderError::HelperFile`], [`HolderError::HelperFileOld`], [`HolderError::Mandate`].
    pub fn open_given(
        &mut self,
        sealed: &[u8],
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(String, Given), HolderError> {
        let opened = self.profile.helping.iter().find_map(|helping| {
            let keys = self.root.derive_person(&helping.id);
            let file = SEALER.open_file(&keys.kem, GIVEN_TYP, sealed).ok()?;
            Some((helping.clone(), file))
        });
        let (helping, file) = opened.ok_or(HolderError::HelperFile)?;
        let given = Given::read(&file, VERIFIER).map_err(|_| HolderError::HelperFile)?;
        let pinned = helping.key.as_ref().is_none_or(|key| *key == given.key);
        if !pinned {
            return Err(HolderError::HelperFile);
        }
        if helping.newest.is_some_and(|newest| given.made < newest) {
            return Err(HolderError::HelperFileOld);
        }
        let key = self.root.derive_person(&helping.id).delegate.public_for();
        let terms = given.mandate()?;
        if !terms.names(&key) {
            return Err(MandateError::OtherKey.into());
        }
        if now.date() > terms.valid_until {
            return Err(MandateError::Over.into());
        }
        let name = helping.name.clone();
        let newer = Helping {
            key: Some(given.key.clone()),
            newest: Some(given.made),
            ..helping.clone()
        };
        if newer != helping {
            self.keep_helping(newer, now, rng)?;
        }
        Ok((name, given))
    }

    /// The name of her keys for the person who gave a file.
    fn relation(&self, given: &Given) -> Result<MessageId, HolderError> {
        let mut all = self.profile.helping.iter();
        let found = all.find(|h| h.key.as_ref() == Some(&given.key));
        Ok(found.ok_or(HolderError::HelperFile)?.id)
    }

    /// Prepares an application: answers, and records to add. It files nothing. Sealed to the person.
    ///
    /// # Errors
    /// [`HolderError::ServiceUnknown`] for a service that is not in the file, [`HolderError::Mandate`],
    /// [`HolderError::Answers`], [`HolderError::NotOpen`] for a record that is not in the file.
    pub fn draft_for(
        &self,
        given: &Given,
        service: &Sha256Hash,
        answers: Value,
        (records, text): (&[String], &str),
        (now, rng): (UnixTime, &mut dyn rand_core::CryptoRng),
    ) -> Result<Vec<u8>, HolderError> {
        let offered = given.services.iter().find(|s| s.hash == *service);
        let offered = offered.ok_or(HolderError::ServiceUnknown)?;
        let terms = given.mandate()?;
        terms.check(Scope::Prepare, &offered.service.service, now.date())?;
        let checked = offered.service.check_answers(&answers);
        checked.map_err(HolderError::Answers)?;
        let readable = |name: &String| given.read.iter().any(|e| e.name == *name);
        if !records.iter().all(readable) {
            return Err(HolderError::NotOpen);
        }
        let keys = self.root.derive_person(&self.relation(given)?);
        let draft = HelperDraft {
            v: GIVEN_V,
            key: keys.delegate.public_for(),
            mandate: given.id,
            id: make_id(rng),
            made: now,
            service: *service,
            answers,
            records: records.to_vec(),
            text: text.trim().to_owned(),
        };
        let kem = KemPublic::from_bytes(&given.kem.0).map_err(|_| HolderError::HelperFile)?;
        let signed = draft.sign(&keys.delegate);
        SEALER
            .seal_file(&kem, DRAFT_TYP, &signed, rng)
            .map_err(|_| HolderError::HelperFile)
    }

    /// A question to show at an office: the state of one application. Good for a day, and once.
    ///
    /// # Errors
    /// [`HolderError::Mandate`], [`HolderError::NotOpen`] for an application that is not in the file.
    pub fn ask_at(
        &self,
        given: &Given,
        case_reference: &str,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Vec<u8>, HolderError> {
        let mut told = given.receive.iter();
        let about = told.find(|a| a.case_reference == case_reference);
        let about = about.ok_or(HolderError::NotOpen)?;
        let terms = given.mandate()?;
        terms.check(Scope::Receive, &about.service, now.date())?;
        let keys = self.root.derive_person(&self.relation(given)?);
        let ask = Ask {
            v: GIVEN_V,
            key: keys.delegate.public_for(),
            mandate: given.id,
            id: make_id(rng),
            org: about.org,
            case_reference: case_reference.to_owned(),
            made: now,
        };
        Ok(ask.sign(&keys.delegate))
    }
}
