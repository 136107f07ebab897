//! Helping somebody: a card, the file that the person gave, a draft, a question at an office. Nothing of
//! the file is kept: it is open as long as its [`GivenFile`] lives.

use super::{Session, Thrown, people::text_of};
use crate::{
    runtime::{BrowserRng, now},
    view::{self, CardPage, DraftGiven, GivenPage, Problem},
};
use denizen_model::{
    Sha256Hash,
    mandate::{ASK_TYP, CARD_TYP, DRAFT_TYP, GIVEN_TYP, Given, card_digits},
};
use tsify::Ts;
use wasm_bindgen::prelude::wasm_bindgen;

/// A file that a person gave, opened.
#[wasm_bindgen]
pub struct GivenFile {
    person: String,
    given: Given,
}

impl std::fmt::Debug for GivenFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GivenFile(..)")
    }
}

#[wasm_bindgen]
impl Session {
    /// Makes a card for one person whom she will help: keys of their own. Store the profile.
    ///
    /// # Errors
    /// A `Problem` of code `helper-known`.
    #[wasm_bindgen(js_name = makeCard)]
    pub fn make_card(&mut self, person: &str, called: &str) -> Result<Ts<CardPage>, Thrown> {
        let card = self
            .holder
            .make_card(person, called, now(), &mut BrowserRng);
        let card = self.said(card)?;
        self.given(CardPage {
            digits: card_digits(&card),
            card: text_of(CARD_TYP, &card),
        })
    }

    /// Opens a file that a person gave. Store the profile: it knows the person's key from now on, and
    /// that older files count no more.
    ///
    /// # Errors
    /// A `Problem`: `helper-file`, `helper-file-old`, `mandate-over`.
    #[wasm_bindgen(js_name = openGiven)]
    pub fn open_given(&mut self, text: &str) -> Result<GivenFile, Thrown> {
        let sealed = self.file_of(text, GIVEN_TYP)?;
        let opened = self.holder.open_given(&sealed, now(), &mut BrowserRng);
        let (person, given) = self.said(opened)?;
        Ok(GivenFile { person, given })
    }

    /// What an opened file shows.
    ///
    /// # Errors
    /// A `Problem`.
    #[wasm_bindgen(js_name = showGiven)]
    pub fn show_given(&self, file: &GivenFile) -> Result<Ts<GivenPage>, Thrown> {
        let page = view::given_page(&self.holder, &file.person, &file.given);
        self.given(self.said(page)?)
    }

    /// Prepares an application within an opened file's mandate. It files nothing. Gives the text for the
    /// person.
    ///
    /// # Errors
    /// A `Problem`: `mandate-...`, `bad-answers`, `not-open`.
    #[wasm_bindgen(js_name = draftFor)]
    pub fn draft_for(&self, file: &GivenFile, draft: Ts<DraftGiven>) -> Result<String, Thrown> {
        let draft = draft.to_rust().map_err(|_| Problem::bare("other"))?;
        let service = Sha256Hash::parse(&draft.service);
        let service = service.map_err(|_| self.problem("service-unknown"))?;
        let answers = serde_json::from_str(&draft.answers);
        let answers = answers.map_err(|_| self.problem("bad-answers"))?;
        let word = (draft.records.as_slice(), draft.text.as_str());
        let at = (now(), &mut BrowserRng as &mut dyn rand_core::CryptoRng);
        let made = self
            .holder
            .draft_for(&file.given, &service, answers, word, at);
        self.said(made).map(|draft| text_of(DRAFT_TYP, &draft))
    }

    /// A question about one case of an opened file, to show at the office: good for a day, and once.
    ///
    /// # Errors
    /// A `Problem`: `mandate-...`, `not-open`.
    #[wasm_bindgen(js_name = askAt)]
    pub fn ask_at(&self, file: &GivenFile, case_reference: &str) -> Result<String, Thrown> {
        let ask = self
            .holder
            .ask_at(&file.given, case_reference, now(), &mut BrowserRng);
        self.said(ask).map(|ask| text_of(ASK_TYP, &ask))
    }
}
