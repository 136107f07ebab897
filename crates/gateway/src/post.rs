//! Post: a letter of the organisation is sealed to a link and stored for sending.

use crate::{
    Gateway, GatewayError,
    issuer::{
        deposit::enqueue,
        seal::{Letter, Place, event_letters, record_letters, seal_letter},
        sign::Credential,
    },
    link::Link,
};
use denizen_model::{
    MessageId, Sha256Hash, UnixTime,
    message::{ApplicationEvent, Body},
};
use denizen_seal::FileToAttach;
use denizen_store::gateway::{Effect, LetterId};

/// A letter, and how it goes.
pub(crate) struct Dispatch {
    letter: Letter,
    /// A frozen address takes it too: it has a chain of its own, which nothing holds up.
    reserved: bool,
    /// What changes in the status list once it is settled.
    effect: Option<Effect>,
}

impl Dispatch {
    /// With what it changes once it is settled.
    pub(crate) fn with_effect(self, effect: Option<Effect>) -> Self {
        Self { effect, ..self }
    }

    /// With files that go with it.
    pub(crate) fn with_files(mut self, files: Vec<FileToAttach>) -> Self {
        self.letter.files = files;
        self
    }

    /// A letter that a frozen address takes too.
    pub(crate) fn reserved(letter: impl Into<Letter>, effect: Option<Effect>) -> Self {
        Self {
            letter: letter.into(),
            reserved: true,
            effect,
        }
    }
}

impl From<Letter> for Dispatch {
    fn from(letter: Letter) -> Self {
        Self {
            letter,
            reserved: false,
            effect: None,
        }
    }
}

impl Gateway {
    /// Seals a message to a link and stores it for sending. The caller saves the link.
    pub(crate) fn post(
        &self,
        link: &mut Link,
        thid: Option<MessageId>,
        body: Body,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        self.dispatch_to(link, thid, Letter::from(body).into(), now, rng)
    }

    /// As [`Gateway::post`], with papers, reserved or with an effect.
    pub(crate) fn dispatch_to(
        &self,
        link: &mut Link,
        thid: Option<MessageId>,
        dispatch: Dispatch,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        self.dispatch_named(link, thid, dispatch, now, rng)
            .map(drop)
    }

    /// As [`Gateway::dispatch_to`]; gives the letter's number.
    fn dispatch_named(
        &self,
        link: &mut Link,
        thid: Option<MessageId>,
        dispatch: Dispatch,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<LetterId, GatewayError> {
        let Dispatch {
            letter,
            reserved,
            effect,
        } = dispatch;
        let to = link.holder()?;
        let (seen, chain) = link.place(reserved, rng);
        let mut place = Place {
            chain,
            seen: &seen,
            thid,
        };
        let envelope = seal_letter(letter, self.sender(), &to, &mut place, now, rng)?;
        Ok(enqueue(&self.store, envelope, reserved, effect)?)
    }

    /// Sends a record, in as many messages as it needs.
    pub(crate) fn send_record(
        &self,
        link: &mut Link,
        credential: Credential,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        for letter in record_letters(credential) {
            let kept = letter.kept();
            let letter = self.dispatch_named(link, None, letter.into(), now, rng)?;
            self.records_go_in(&kept, letter)?;
        }
        Ok(())
    }

    /// Says in which letter records go. The first has the kept copy; a refill's is that of the record's
    /// own first letter.
    pub(crate) fn records_go_in(
        &self,
        kept: &[Sha256Hash],
        letter: LetterId,
    ) -> Result<(), GatewayError> {
        for kept in kept {
            self.store.record_goes_in(kept, letter)?;
        }
        Ok(())
    }

    /// Sends an application's event with its records.
    pub(crate) fn post_event(
        &self,
        link: &mut Link,
        thread: MessageId,
        event: (ApplicationEvent, Vec<Credential>),
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let (event, credentials) = event;
        let event = (event, credentials, Vec::new());
        self.post_event_with(link, thread, event, now, rng)
    }

    /// As [`Gateway::post_event`], with files: they go with the event itself.
    pub(crate) fn post_event_with(
        &self,
        link: &mut Link,
        thread: MessageId,
        (event, credentials, files): (ApplicationEvent, Vec<Credential>, Vec<FileToAttach>),
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let mut letters = event_letters((event, credentials));
        if let Some(first) = letters.first_mut() {
            first.files = files;
        }
        for letter in letters {
            self.dispatch_to(link, Some(thread), letter.into(), now, rng)?;
        }
        Ok(())
    }

    /// Words for her: the catalogue's text in her language, or plain English.
    pub(crate) fn words(
        &self,
        link: &Link,
        code: &str,
        english: &str,
        slots: &[(&str, &str)],
    ) -> String {
        let keys = [format!("event-{code}"), format!("err-{code}")];
        let locale = self.catalogue.locale(&link.body.language);
        let text = locale.and_then(|l| keys.iter().find(|k| l.has(k)).map(|k| l.text(k, slots)));
        text.unwrap_or_else(|| english.to_owned())
    }
}
