//! Files: what came with applications, disputes and notes, kept encrypted beside them and destroyed with
//! them (R27); and those that the office sends.

mod fetch;

use crate::{
    Alarm, Gateway, GatewayError,
    link::Link,
    vault::{Vault, context},
};
use denizen_model::{
    UnixTime,
    envelope::SUITE_1,
    message::{AccessNotice, Attachment, Body, Message},
    object::{CONTENT_SIZE_BYTES_MAX, ObjectFor},
};
use denizen_seal::{FileToAttach, Zeroizing, open_attachment};
use denizen_store::gateway::FileRow;
use serde::{Deserialize, Serialize};

/// Files that go with one letter, at most.
pub const FILES_MAX: usize = 16;

/// A file as the desk lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileView {
    /// Its number.
    pub number: i64,
    /// What its sender calls it: text of others, never a path.
    pub name: String,
    /// What its sender says it is.
    pub media_type: String,
    /// Bytes of its content.
    pub size: u64,
    /// Whether it came; a message may name a file that was never left in the inbox.
    pub here: bool,
}

#[derive(Serialize, Deserialize)]
struct FileBody {
    name: String,
    media_type: String,
    size: u64,
}

/// What files belong to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FileOwner<'a> {
    Case(&'a str),
    Dispute(i64),
    Note(i64),
}

impl FileOwner<'_> {
    fn key(self) -> String {
        match self {
            Self::Case(reference) => format!("case {reference}"),
            Self::Dispute(number) => format!("dispute {number}"),
            Self::Note(number) => format!("note {number}"),
        }
    }
}

/// Where one file's body and content are encrypted for.
fn at(owner: &str, what: &str) -> Vec<u8> {
    context("file", &[owner.as_bytes(), b"\0", what.as_bytes()].concat())
}

impl Gateway {
    /// Files that go with the next decision, answer or note. They take the place of those that were
    /// attached before.
    ///
    /// # Errors
    /// [`GatewayError::FileTooLarge`]: a file is larger than an object holds, or there are more than
    /// [`FILES_MAX`]; none is attached.
    pub fn attach(&mut self, files: Vec<FileToAttach>) -> Result<(), GatewayError> {
        self.to_attach.clear();
        let fits = |f: &FileToAttach| f.content.len() <= CONTENT_SIZE_BYTES_MAX;
        if files.len() > FILES_MAX || !files.iter().all(fits) {
            return Err(GatewayError::FileTooLarge);
        }
        self.to_attach = files;
        Ok(())
    }

    /// For which address what lies in the inbox is sealed.
    fn inbox_for(&self) -> ObjectFor {
        ObjectFor {
            suite: SUITE_1,
            hub: self.config.hub,
            to: self.keys.inbox_address(),
        }
    }

    /// The content of an attachment that lies apart, as it was signed. `None`, with an alarm, if it was
    /// never left in the inbox or is another one.
    pub(crate) fn content_of(
        &self,
        attachment: &Attachment,
        now: UnixTime,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, GatewayError> {
        let Some(object) = &attachment.object else {
            return Ok(None);
        };
        if self.store.inbox_object(&object.id)?.is_none() {
            self.raise(Alarm::ObjectMissing, now)?;
            return Ok(None);
        }
        let bytes = self.store.inbox_bytes(&object.id)?;
        if bytes.is_empty() {
            // The hub has it, and it has not been asked for: the sender was not known yet.
            return Err(GatewayError::ObjectWaits);
        }
        let content = open_attachment(attachment, &self.inbox_for(), &bytes);
        if content.is_none() {
            self.raise(Alarm::ObjectRefused, now)?;
        }
        Ok(content)
    }

    /// Puts the credentials of a message that lie apart back into it, so that it is acted on as if they
    /// were inside. One that never came stays empty, and is refused as no credential.
    pub(crate) fn fill_apart(
        &self,
        message: &mut Message,
        now: UnixTime,
    ) -> Result<(), GatewayError> {
        let credential = |a: &&Attachment| a.is_apart() && !a.is_file();
        let apart: Vec<_> = message
            .attachments
            .iter()
            .filter(credential)
            .cloned()
            .collect();
        for attachment in apart {
            if let Some(content) = self.content_of(&attachment, now)? {
                message.fill(&attachment.id, &content);
            }
        }
        Ok(())
    }

    /// Keeps the files of a message beside what it began: encrypted under `vault`.
    pub(crate) fn keep_files(
        &self,
        owner: FileOwner<'_>,
        vault: &Vault,
        message: &Message,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let owner = owner.key();
        for attachment in message.files() {
            let content = self.content_of(attachment, now)?;
            let body = FileBody {
                name: attachment.name.clone().unwrap_or_default(),
                media_type: attachment.media_type.clone(),
                size: attachment.object.as_ref().map_or(0, |o| o.size),
            };
            let body = vault.seal(&at(&owner, "body"), &body, rng);
            let content = content.map(|c| vault.seal_bytes(&at(&owner, "content"), &c, rng));
            self.store.add_file(&owner, &body, content.as_deref())?;
        }
        Ok(())
    }

    /// Destroys the files of a case, dispute or note.
    pub(crate) fn destroy_files(&self, owner: FileOwner<'_>) -> Result<usize, GatewayError> {
        Ok(self.store.remove_files(&owner.key())?)
    }

    /// What is not needed at the hub, or here, any more: the objects of a message that was acted on.
    pub(crate) fn let_objects_go(&self, message: &Message) -> Result<(), GatewayError> {
        for object in message.attachments.iter().filter_map(|a| a.object.as_ref()) {
            if let Some(pos) = self.store.inbox_object(&object.id)? {
                self.store.add_erasure(pos)?;
                self.store.forget_inbox_object(&object.id)?;
            }
        }
        Ok(())
    }

    fn views(&self, owner: FileOwner<'_>, vault: &Vault) -> Result<Vec<FileView>, GatewayError> {
        let owner = owner.key();
        let mut views = Vec::new();
        for (row, here) in self.store.files_of(&owner)? {
            let body: FileBody = vault.open(&at(&owner, "body"), &row.body)?;
            views.push(FileView {
                number: row.number,
                name: body.name,
                media_type: body.media_type,
                size: body.size,
                here,
            });
        }
        Ok(views)
    }

    /// The files of a case.
    ///
    /// # Errors
    /// [`GatewayError::CaseUnknown`], [`GatewayError::CaseClosed`] once destroyed.
    pub fn case_files(&self, case_reference: &str) -> Result<Vec<FileView>, GatewayError> {
        let row = self.store.case(case_reference)?;
        let vault = self.case_vault(&row.ok_or(GatewayError::CaseUnknown)?)?;
        self.views(FileOwner::Case(case_reference), &vault)
    }

    /// The files of a dispute.
    ///
    /// # Errors
    /// [`GatewayError::Store`].
    pub fn dispute_files(&self, number: i64) -> Result<Vec<FileView>, GatewayError> {
        self.views(FileOwner::Dispute(number), &self.vault)
    }

    /// The files of a note.
    ///
    /// # Errors
    /// [`GatewayError::Store`].
    pub fn note_files(&self, number: i64) -> Result<Vec<FileView>, GatewayError> {
        self.views(FileOwner::Note(number), &self.vault)
    }

    /// A file by its number, with its content. The person whose it is is told that it was opened.
    ///
    /// # Errors
    /// [`GatewayError::FileUnknown`] if there is none, or it never came; [`GatewayError::CaseClosed`].
    pub fn open_file(
        &mut self,
        number: i64,
        role: &str,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(FileView, Zeroizing<Vec<u8>>), GatewayError> {
        self.tx(|g| {
            let row = g.store.file(number)?.ok_or(GatewayError::FileUnknown)?;
            let (link, thread, purpose, vault) = g.owner_of(&row)?;
            let vault = vault.as_ref().unwrap_or(&g.vault);
            let body: FileBody = vault.open(&at(&row.owner, "body"), &row.body)?;
            let content = row.content.as_ref().ok_or(GatewayError::FileUnknown)?;
            let content = vault.open_bytes(&at(&row.owner, "content"), content)?;
            if let Some(mut link) = link {
                let notice = Body::AccessNotice(AccessNotice {
                    at: now,
                    role: role.to_owned(),
                    purpose,
                    claims: vec![format!("file: {}", body.name)],
                });
                g.post(&mut link, thread, notice, now, rng)?;
                g.save_link(&link, rng)?;
            }
            let view = FileView {
                number,
                name: body.name,
                media_type: body.media_type,
                size: body.size,
                here: true,
            };
            Ok((view, Zeroizing::new(content)))
        })
    }

    /// Whose a file is, in which thread, for what, and what opens it if it is not the gateway's own key.
    fn owner_of(&self, row: &FileRow) -> Result<Owner, GatewayError> {
        let damaged = GatewayError::Damaged("database");
        let (what, named) = row.owner.split_once(' ').ok_or(damaged)?;
        if what == "case" {
            let case = self.store.case(named)?.ok_or(GatewayError::CaseUnknown)?;
            let vault = self.case_vault(&case)?;
            let link = self.link(&case.address)?;
            return Ok((link, Some(case.thread), case.service, Some(vault)));
        }
        let number: i64 = named.parse().map_err(|_| GatewayError::FileUnknown)?;
        if what == "dispute" {
            let dispute = self.store.dispute(number)?;
            let dispute = dispute.ok_or(GatewayError::DisputeUnknown)?;
            let link = self.link(&dispute.address)?;
            return Ok((link, Some(dispute.thread), "dispute".to_owned(), None));
        }
        let note = self.store.notes()?.into_iter().find(|n| n.number == number);
        let note = note.ok_or(GatewayError::FileUnknown)?;
        let link = self.link(&note.address)?;
        Ok((link, None, "note".to_owned(), None))
    }
}

type Owner = (
    Option<Link>,
    Option<denizen_model::MessageId>,
    String,
    Option<Vault>,
);
