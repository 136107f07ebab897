//! Files: photographs and papers that go with her messages, and those that organisations send. Each is an
//! object of its own (`docs/spec/attachments.md`); here is what she keeps of it.

mod fetch;
mod send;
mod store;

pub(crate) use send::{Apart, file_ids};
pub use store::ObjectFiles;

use crate::{
    Holder,
    profile::Delivery,
    state::{Part, SentPart},
};
use denizen_model::{
    MessageId, Sha256Hash, UnixTime,
    envelope::SUITE_1,
    id::Bytes,
    message::{Attachment, Message},
    object::{ObjectFor, ObjectRef, SEALED_SIZE_BYTES_MAX},
};
use denizen_seal::open_attachment;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use zeroize::Zeroizing;

/// Files that go with one message, at most.
pub const FILES_MAX: usize = 16;

/// Sealed bytes of own copies that lie in address 0, at most: about half of what the hub lets lie there
/// unless its operator says otherwise. Beyond it she keeps her copies on this device alone.
pub const OWN_COPIES_SIZE_BYTES_MAX: u64 = 2 * SEALED_SIZE_BYTES_MAX as u64;

/// Where a file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileState {
    /// It is still to be fetched.
    Due,
    /// It is on this device.
    Here,
    /// It is not to be had: an alarm said why. It is asked for again.
    Missing,
    /// Hers, from another device or before a restore, and too large for a copy in address 0.
    NotKept,
}

/// A file of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldFile {
    /// Index of the link.
    pub link: u32,
    /// The message that it goes with.
    pub message: MessageId,
    /// The thread of that message: the application, dispute or note that it belongs to.
    pub thread: MessageId,
    /// She sent it.
    pub hers: bool,
    /// When it was sent.
    pub at: UnixTime,
    /// What the message says of it.
    pub attachment: Attachment,
    /// Her own copy, sealed to herself.
    #[serde(default)]
    pub copy: Option<ObjectRef>,
    /// Where it stands.
    pub state: FileState,
    /// Proof of the delivery of one that came.
    #[serde(default)]
    pub delivery: Option<Delivery>,
}

impl HeldFile {
    /// What its sender calls it: text of others, never a path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.attachment.name.as_deref().unwrap_or_default()
    }

    /// Bytes of its content.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.attachment.object.as_ref().map_or(0, |o| o.size)
    }

    /// The object that she reads: what came, or her own copy.
    pub(crate) fn object(&self) -> Option<&ObjectRef> {
        if self.hers {
            self.copy.as_ref()
        } else {
            self.attachment.object.as_ref()
        }
    }

    /// Index of the address in which that object lies.
    pub(crate) fn lies_in(&self) -> u32 {
        if self.hers { 0 } else { self.link }
    }
}

/// A copy of an attachment that she sent, sealed to herself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OwnCopy {
    /// The attachment's id within the message.
    pub(crate) attachment: String,
    /// What names and opens it.
    pub(crate) object: ObjectRef,
    /// It lies on this device alone: address 0 has no room for it.
    #[serde(skip)]
    pub(crate) only_here: bool,
}

/// What a profile keeps of files and other objects.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Files {
    /// Files of messages, hers and theirs, in the order in which they came.
    #[serde(default)]
    pub held: Vec<HeldFile>,
    /// By link (0: her own address) and object id: the place of every object that the hub has shown.
    #[serde(default)]
    pub(crate) markers: BTreeMap<u32, BTreeMap<String, u64>>,
    /// Sealed objects, by id, where no other place was given for them ([`Holder::keep_objects_in`]).
    #[serde(default)]
    pub(crate) bytes: BTreeMap<String, Bytes>,
    /// Messages of hers, from another device or before a restore, of which something is still to be read.
    #[serde(default)]
    pub(crate) sent_due: Vec<SentPart>,
    /// Names of objects that the hub has, and that are of no use here: they go once the profile that says
    /// so has been kept.
    #[serde(default)]
    pub(crate) settled: BTreeSet<String>,
    /// Sealed bytes of own copies that she has written to address 0.
    #[serde(default)]
    pub(crate) own_size: u64,
}

impl Holder {
    /// All files of all messages, in the order in which they came; their number is their place here.
    #[must_use]
    pub fn files(&self) -> &[HeldFile] {
        &self.profile.files.held
    }

    /// The content of a file that is on this device: opened, and the one that was signed. `None` if it is
    /// not here.
    #[must_use]
    pub fn file_content(&self, file: &HeldFile) -> Option<Zeroizing<Vec<u8>>> {
        let object = file.object()?;
        let bytes = self.object_bytes(&object.id)?;
        let of = self.object_for(file.lies_in())?;
        let attachment = Attachment {
            object: Some(object.clone()),
            ..file.attachment.clone()
        };
        open_attachment(&attachment, &of, &bytes)
    }

    /// Files of a record, by their number: those that came in the same envelope, and those of her
    /// disputes about it.
    #[must_use]
    pub fn files_of_record(&self, kept: &Sha256Hash) -> Vec<usize> {
        let record = self.profile.records.iter().find(|r| r.kept_hash == *kept);
        let receipt = record.map(|r| &r.delivery.receipt);
        let disputes = &self.profile.disputes;
        let of_dispute = |f: &HeldFile| {
            let about = |d: &crate::Dispute| d.id == f.thread && d.open.kept == *kept;
            disputes.iter().any(about)
        };
        let came_along = |f: &HeldFile| {
            let delivered = f.delivery.as_ref().map(|d| &d.receipt);
            delivered.is_some() && delivered == receipt
        };
        let files = self.files().iter().enumerate();
        let of_it = files.filter(|(_, f)| came_along(f) || of_dispute(f));
        of_it.map(|(number, _)| number).collect()
    }

    /// For which of her addresses an object is sealed.
    pub(crate) fn object_for(&self, index: u32) -> Option<ObjectFor> {
        let (hub, to) = if index == 0 {
            (self.profile.hub, self.own_keys().address())
        } else {
            let link = self.profile.link(index)?;
            (link.hub, link.address)
        };
        Some(ObjectFor {
            suite: SUITE_1,
            hub,
            to,
        })
    }

    /// Notes the files of a message of hers. Those with a copy in address 0 are read from there.
    pub(crate) fn remember_files(
        &mut self,
        link: u32,
        message: &Message,
        sent: UnixTime,
        copies: &[OwnCopy],
    ) {
        for attachment in message.files() {
            let known = |f: &HeldFile| f.message == message.id && f.attachment.id == attachment.id;
            if self.profile.files.held.iter().any(known) {
                continue;
            }
            let copy = copies.iter().find(|c| c.attachment == attachment.id);
            let copy = copy.map(|c| c.object.clone());
            let state = match &copy {
                None => FileState::NotKept,
                Some(copy) if self.has_object(&copy.id) => FileState::Here,
                Some(_) => FileState::Due,
            };
            self.profile.files.held.push(HeldFile {
                link,
                message: message.id,
                thread: message.thid.unwrap_or(message.id),
                hers: true,
                at: sent,
                attachment: attachment.clone(),
                copy,
                state,
                delivery: None,
            });
        }
    }

    /// Where the copies that a part names lie in address 0.
    pub(crate) fn places_of_copies(&self, part: &Part) -> Vec<u64> {
        let (Part::Sent(sent), Some(markers)) = (part, self.profile.files.markers.get(&0)) else {
            return Vec::new();
        };
        let copies = sent.copies.iter().map(|c| &c.object);
        let all = copies.chain(&sent.apart);
        all.filter_map(|object| markers.get(&object.id.to_text()).copied())
            .collect()
    }

    /// Forgets the files of a link, here and on this device.
    pub(crate) fn forget_files(&mut self, index: u32) {
        let files = &mut self.profile.files;
        let (gone, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut files.held)
            .into_iter()
            .partition(|f| f.link == index);
        files.held = kept;
        files.markers.remove(&index);
        files.sent_due.retain(|due| due.link != index);
        let ids: Vec<Sha256Hash> = gone.iter().filter_map(|f| Some(f.object()?.id)).collect();
        let gone = |o: &crate::Outgoing| o.object.is_some_and(|id| ids.contains(&id));
        self.profile.outbox.retain(|o| !gone(o));
        for id in ids {
            self.drop_object(&id);
        }
    }
}
