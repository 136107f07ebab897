//! People who help: a guardian's children, and helpers with a limited mandate.

use super::{Files, Session, Thrown};
use crate::{
    net::Send,
    runtime::{BrowserRng, now},
    view::{self, DraftName, DraftPage, HelperCardPage, HelperTermsGiven, People, Problem},
};
use denizen_holder::{Digits, HelperTerms, Holder, Reading, card_of};
use denizen_model::{
    Sha256Hash,
    jose::{base64url_decode, base64url_encode},
    mandate::{CARD_TYP, DRAFT_TYP, GIVEN_TYP, card_digits},
};
use serde_json::json;
use std::sync::Arc;
use tsify::Ts;
use wasm_bindgen::{JsCast, prelude::wasm_bindgen};

#[wasm_bindgen]
impl Session {
    /// Wards and helpers.
    ///
    /// # Errors
    /// A `Problem`.
    pub fn people(&self) -> Result<Ts<People>, Thrown> {
        self.given(view::people(&self.holder))
    }

    /// Compares her contacts with those of the children's profiles that are kept in this browser: their
    /// bytes by their names, as [`People`] has them. One that does not open is left out.
    #[wasm_bindgen(js_name = compareWards)]
    pub fn compare_wards(&mut self, kept: &js_sys::Map, files: &Files) {
        let wards = self.holder.profile().wards.iter();
        let contacts = wards.filter_map(|ward| {
            let bytes = kept.get(&ward.id.to_text().into());
            let bytes = bytes.dyn_into::<js_sys::Uint8Array>().ok()?.to_vec();
            let root = ward.danger_root().ok()?;
            let child = Holder::open(root, &bytes, Arc::clone(files.catalogue()), now());
            Some(child.ok()?.contacts(now()))
        });
        let contacts = contacts.flatten().collect();
        self.holder.compare_contacts(contacts);
    }

    /// Compares the contacts of a child's profile with its guardian's own.
    #[wasm_bindgen(js_name = compareWith)]
    pub fn compare_with(&mut self, guardian: &Session) {
        self.holder
            .compare_contacts(guardian.holder.contacts(now()));
    }

    /// Makes a profile for a child and keeps its root in this one. Store both. Gives the child's
    /// session, in which this profile's owner acts.
    ///
    /// # Errors
    /// A `Problem`.
    #[wasm_bindgen(js_name = addWard)]
    pub fn add_ward(&mut self, name: &str, files: &Files, send: &Send) -> Result<Session, Thrown> {
        let profile = self.holder.profile();
        let (hub, url, language) = (profile.hub, &profile.hub_url, &profile.language);
        let mut rng = BrowserRng;
        let mut child = Holder::make(hub, url, language, Arc::clone(files.catalogue()), &mut rng);
        let ward = self.holder.add_ward(name, &child, now(), &mut rng);
        let ward = self.said(ward)?;
        child.act_as(self.holder.ward_key(&ward));
        Ok(Self::of(child, send))
    }

    /// Opens a child's stored profile.
    ///
    /// # Errors
    /// A `Problem`: `ward-unknown`, `profile`.
    #[wasm_bindgen(js_name = openWard)]
    pub fn open_ward(
        &self,
        name: &str,
        encrypted: &[u8],
        files: &Files,
        send: &Send,
    ) -> Result<Session, Thrown> {
        let ward = self.said(self.holder.ward(name))?;
        let root = self.said(ward.danger_root())?;
        let child = Holder::open(root, encrypted, Arc::clone(files.catalogue()), now());
        let mut child = child.map_err(|_| self.problem("profile"))?;
        child.set_language(&self.holder.profile().language);
        child.act_as(self.holder.ward_key(ward));
        Ok(Self::of(child, send))
    }

    /// Brings a child's profile to a browser that does not have it, from what the hub has.
    ///
    /// # Errors
    /// A `Problem`.
    #[wasm_bindgen(js_name = restoreWard)]
    pub async fn restore_ward(
        &self,
        name: String,
        files: &Files,
        send: &Send,
    ) -> Result<Session, Thrown> {
        let ward = self.said(self.holder.ward(&name))?;
        let root = self.said(ward.danger_root())?;
        let at = (ward.hub.to_text(), ward.hub_url.clone());
        let words = (self.holder.profile().language.clone(), true);
        let mut child = Self::rebuild(root, at, words, files, send).await?;
        child.holder.act_as(self.holder.ward_key(ward));
        Ok(child)
    }

    /// Destroys this profile's copy of a child's root, here and at the hub.
    ///
    /// # Errors
    /// A `Problem`.
    #[wasm_bindgen(js_name = forgetWard)]
    pub async fn forget_ward(&mut self, name: String) -> Result<(), Thrown> {
        let done = self
            .holder
            .forget_ward(&name, &self.transport, now(), &mut BrowserRng)
            .await;
        self.said(done)
    }

    /// Reads a helper's card: the name on it, and the digits that the helper reads out.
    ///
    /// # Errors
    /// A `Problem` of code `helper-file`.
    #[wasm_bindgen(js_name = readCard)]
    pub fn read_card(&self, text: &str) -> Result<Ts<HelperCardPage>, Thrown> {
        let card = self.file_of(text, CARD_TYP)?;
        let shown = self.said(card_of(&card))?;
        self.given(HelperCardPage {
            name: shown.name,
            digits: card_digits(&card),
        })
    }

    /// Begins a mandate.
    ///
    /// # Errors
    /// A `Problem`; `bad-answers` names what the terms do not allow.
    #[wasm_bindgen(js_name = addHelper)]
    pub fn add_helper(&mut self, terms: Ts<HelperTermsGiven>) -> Result<(), Thrown> {
        let asked = terms.to_rust().map_err(|_| Problem::bare("other"))?;
        let card = self.file_of(&asked.card, CARD_TYP)?;
        let records = self.holder.records(now());
        let names = |v: &denizen_holder::RecordView| v.claims.get("subject")?.get("names").cloned();
        let names = records.iter().find_map(names);
        let terms = HelperTerms {
            subject: json!({ "names": names.ok_or_else(|| self.problem("helper-no-names"))? }),
            scope: serde_json::from_value(json!(asked.scope))
                .map_err(|_| self.problem("bad-answers"))?,
            services: asked.services,
            from: now().date(),
            until: asked
                .until
                .parse()
                .map_err(|_| self.problem("bad-answers"))?,
            may_pass_on: false,
        };
        let digits = Digits::typed(&asked.digits);
        let mut rng = BrowserRng;
        let done = self
            .holder
            .add_helper((&card, &digits), &asked.name, &terms, now(), &mut rng);
        self.said(done).map(drop)
    }

    /// The file for a helper. `readings`: names of records that may be read. Gives the file's text.
    ///
    /// # Errors
    /// A `Problem`; `special-confirm` asks for a second yes.
    #[wasm_bindgen(js_name = giveHelper)]
    pub fn give_helper(
        &mut self,
        name: &str,
        records: Vec<String>,
        special: bool,
    ) -> Result<String, Thrown> {
        let mut readings = Vec::new();
        for kept in &records {
            readings.push(Reading {
                kept: self.record_named(kept)?,
                claims: Vec::new(),
            });
        }
        let given = self
            .holder
            .give(name, &readings, special, now(), &mut BrowserRng);
        let given = self.said(given)?;
        Ok(text_of(GIVEN_TYP, &given))
    }

    /// Tells an office of a helper who may ask for the state of one application.
    ///
    /// # Errors
    /// A `Problem`.
    #[wasm_bindgen(js_name = tellOffice)]
    pub fn tell_office(&mut self, name: &str, application: &str) -> Result<(), Thrown> {
        let application = self.message_named(application)?;
        let done = self
            .holder
            .tell_office(name, &application, now(), &mut BrowserRng);
        self.said(done)
    }

    /// Ends a mandate before its time.
    ///
    /// # Errors
    /// A `Problem`.
    #[wasm_bindgen(js_name = endHelper)]
    pub fn end_helper(&mut self, name: &str) -> Result<(), Thrown> {
        let done = self.holder.end_helper(name, now(), &mut BrowserRng);
        self.said(done)
    }

    /// Reads a helper's draft: a service and answers, which she files herself.
    ///
    /// # Errors
    /// A `Problem`.
    #[wasm_bindgen(js_name = readDraft)]
    pub fn read_draft(&mut self, text: &str) -> Result<Ts<DraftPage>, Thrown> {
        let file = self.file_of(text, DRAFT_TYP)?;
        let read = self.holder.read_draft(&file, now(), &mut BrowserRng);
        let draft = self.said(read)?;
        self.given(DraftPage {
            helper: draft.helper,
            service: draft.draft.service.to_text(),
            answers: draft.draft.answers.to_string(),
            text: draft.draft.text,
            records: draft.records.iter().map(Sha256Hash::to_text).collect(),
            name: DraftName {
                mandate: draft.draft.mandate.to_text(),
                id: draft.draft.id.to_text(),
            },
        })
    }

    /// The bytes of a file between a person and her helper: `denizen:TYPE#` and base64url.
    pub(super) fn file_of(&self, text: &str, typ: &str) -> Result<Vec<u8>, Thrown> {
        let data = text.trim().strip_prefix("denizen:");
        let data = data.and_then(|d| d.strip_prefix(typ)?.strip_prefix('#'));
        let bytes = data.and_then(|d| base64url_decode(d.trim()));
        bytes.ok_or_else(|| self.problem("helper-file"))
    }
}

/// A file between a person and her helper, as text.
pub(super) fn text_of(typ: &str, bytes: &[u8]) -> String {
    format!("denizen:{typ}#{}", base64url_encode(bytes))
}
