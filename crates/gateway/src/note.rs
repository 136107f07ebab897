//! Notes: plain text between a person and an office, kept encrypted.

use crate::{
    About, EventKind, Gateway, GatewayError, file::FileOwner, issuer::seal::Letter, link::Link,
    vault::context,
};
use denizen_model::{
    MessageId, UnixTime,
    message::{Body, Message, Text},
};
use serde::{Deserialize, Serialize};

/// A note as the desk shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteView {
    /// Its number.
    pub number: i64,
    /// The case that it belongs to, by the gateway's reference or the office's.
    pub case_reference: Option<String>,
    /// When it was written.
    pub at: UnixTime,
    /// The text.
    pub text: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct NoteBody {
    thread: Option<MessageId>,
    text: String,
}

impl Gateway {
    /// Keeps a note; at the hub it is no longer needed.
    pub(crate) fn take_note(
        &self,
        link: &Link,
        (message, pos): (&Message, u64),
        note: &Text,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let body = NoteBody {
            thread: message.thid,
            text: note.text.clone(),
        };
        let body = self.vault.seal(&context("note", b""), &body, rng);
        let number = self
            .store
            .add_note(&link.address, message.created_time, &body)?;
        let about = About::link(link).numbered(number);
        self.tell(EventKind::NoteReceived, &about, now, rng)?;
        let owner = FileOwner::Note(number);
        self.keep_files(owner, &self.vault, message, now, rng)?;
        Ok(self.store.add_erasure(pos)?)
    }

    /// All notes that came, oldest first.
    ///
    /// # Errors
    /// [`GatewayError::Store`].
    pub fn notes(&self) -> Result<Vec<NoteView>, GatewayError> {
        let mut notes = Vec::new();
        for row in self.store.notes()? {
            let body: NoteBody = self.vault.open(&context("note", b""), &row.body)?;
            let case = match &body.thread {
                Some(thread) => self.store.case_of_thread(&row.address, thread)?,
                None => None,
            };
            let link = self.link(&row.address)?;
            let office = link.and_then(|l| l.case_reference().map(str::to_owned));
            notes.push(NoteView {
                number: row.number,
                case_reference: case.map(|c| c.case_reference).or(office),
                at: row.at,
                text: body.text,
            });
        }
        Ok(notes)
    }

    /// Writes a note to the person of a case.
    ///
    /// # Errors
    /// [`GatewayError::LinkUnknown`], [`GatewayError::ReasonMissing`] without a text.
    pub fn write_note(
        &mut self,
        reference: &str,
        text: &str,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        if text.trim().is_empty() {
            return Err(GatewayError::ReasonMissing);
        }
        let files = std::mem::take(&mut self.to_attach);
        self.tx(|g| {
            let mut link = g.link_of_reference(reference)?;
            let thread = g.store.case(reference)?.map(|c| c.thread);
            let text = text.trim().to_owned();
            let letter = Letter {
                files,
                ..Body::Note(Text { text }).into()
            };
            g.dispatch_to(&mut link, thread, letter.into(), now, rng)?;
            g.save_link(&link, rng)
        })
    }

    /// Destroys the notes of a link, or of one thread of it. Gives how many.
    pub(crate) fn destroy_notes(
        &self,
        address: &denizen_model::AddressId,
        about: Option<&MessageId>,
    ) -> Result<usize, GatewayError> {
        let mut count = 0;
        for row in self.store.notes()? {
            let body: NoteBody = self.vault.open(&context("note", b""), &row.body)?;
            let meant = about.is_none_or(|about| body.thread.as_ref() == Some(about));
            if row.address == *address && meant {
                self.store.remove_note(row.number)?;
                self.destroy_files(FileOwner::Note(row.number))?;
                count += 1;
            }
        }
        Ok(count)
    }
}
