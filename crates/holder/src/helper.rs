//! Helpers: people who assist and prove nothing. A person gives a mandate herself, sealed to a key that
//! the two compared; what comes back is a draft, which she files herself, or nothing at all. Nothing of
//! hers that proves anything, and no key, goes to a helper. Specified in `docs/spec/mandate.md`.

mod assist;
mod give;

pub use assist::card_of;
pub use give::{DraftView, HelperTerms, Reading};

use crate::{Holder, holder::HolderError, state::Part};
use denizen_model::{
    MessageId, PublicKeyFor, Sha256Hash, UnixTime,
    id::Bytes,
    key::Mandate,
    mandate::{HelperCard, MandateClaims, card_digits},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The digits that person and helper compare, however they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digits(String);

impl Digits {
    /// Digits as somebody typed or read them out.
    #[must_use]
    pub fn typed(text: &str) -> Self {
        Self(text.chars().filter(char::is_ascii_digit).collect())
    }

    /// The digits of a card.
    #[must_use]
    pub fn of_card(card: &[u8]) -> Self {
        Self::typed(&card_digits(card))
    }
}

/// What was done with a mandate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UseKind {
    /// The mandate began.
    Begun,
    /// Something was given to read.
    Given,
    /// An office was told.
    Told,
    /// A draft came and was looked at.
    Draft,
    /// She filed what a draft prepared.
    Filed,
    /// A draft came and was refused, with its code.
    Refused,
    /// The mandate was ended.
    Ended,
}

/// One use of a mandate: each shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelperUse {
    /// When.
    pub at: UnixTime,
    /// What.
    pub what: UseKind,
    /// Of what: records, a service, an office, a code.
    pub about: Vec<String>,
}

/// Somebody who helps her.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Helper {
    /// Names her keys for this helper.
    pub id: MessageId,
    /// What she calls the helper.
    pub name: String,
    /// The card that the two compared.
    pub(crate) card: Bytes,
    /// Names the mandate.
    pub mandate: MessageId,
    /// The claims of a mandate.
    pub claims: Map<String, Value>,
    /// Which record each name in the newest file stands for.
    #[serde(default)]
    pub(crate) read: Vec<(String, Sha256Hash)>,
    /// Applications of which an office was told: thread.
    #[serde(default)]
    pub(crate) told: Vec<MessageId>,
    /// Drafts that she filed: each once.
    #[serde(default)]
    pub(crate) drafts: Vec<MessageId>,
    /// When she ended it.
    #[serde(default)]
    pub ended: Option<UnixTime>,
    /// Everything that was done with it, oldest first.
    #[serde(default)]
    pub uses: Vec<HelperUse>,
}

impl Helper {
    /// The card.
    ///
    /// # Errors
    /// [`HolderError::HelperFile`] if what is kept is none.
    pub fn card(&self) -> Result<HelperCard, HolderError> {
        HelperCard::read(&self.card.0, crate::VERIFIER).map_err(|_| HolderError::HelperFile)
    }

    /// What of the mandate is judged.
    ///
    /// # Errors
    /// [`HolderError::Mandate`].
    pub fn terms(&self) -> Result<MandateClaims, HolderError> {
        Ok(MandateClaims::read(&self.claims)?)
    }
}

/// Somebody whom she helps. Nothing of that person is kept but a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Helping {
    /// Names her keys for this person.
    pub id: MessageId,
    /// What she calls the person.
    pub name: String,
    /// How she wants to be called.
    pub own_name: String,
    /// The person's key, once a mandate came.
    #[serde(default)]
    pub(crate) key: Option<PublicKeyFor<Mandate>>,
    /// When the newest file was made: an older one counts no more.
    #[serde(default)]
    pub(crate) newest: Option<UnixTime>,
}

impl Holder {
    /// A helper by the name that she gave.
    ///
    /// # Errors
    /// [`HolderError::HelperUnknown`].
    pub fn helper(&self, name: &str) -> Result<&Helper, HolderError> {
        let found = self.profile.helpers.iter().rev().find(|h| h.name == name);
        found.ok_or(HolderError::HelperUnknown)
    }

    /// Keeps a helper as changed, here and in address 0.
    pub(crate) fn keep_helper(
        &mut self,
        helper: Helper,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        self.queue_state(&Part::Helper(Box::new(helper.clone())), now, rng)?;
        self.take_helper(helper);
        Ok(())
    }

    pub(crate) fn take_helper(&mut self, helper: Helper) {
        let mut all = self.profile.helpers.iter_mut();
        match all.find(|h| h.id == helper.id) {
            // An end is for good, whichever device wrote last.
            Some(known) => {
                let ended = known.ended.or(helper.ended);
                *known = Helper { ended, ..helper };
            }
            None => self.profile.helpers.push(helper),
        }
    }

    pub(crate) fn take_helping(&mut self, helping: Helping) {
        let mut all = self.profile.helping.iter_mut();
        match all.find(|h| h.id == helping.id) {
            Some(known) => *known = helping,
            None => self.profile.helping.push(helping),
        }
    }
}
