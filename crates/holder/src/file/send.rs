//! Sending files: sealed and queued before the message that refers to them, with a copy to herself.

use super::{FILES_MAX, OWN_COPIES_SIZE_BYTES_MAX, OwnCopy};
use crate::{Holder, holder::HolderError, outbox::deposit_id, profile::Outgoing};
use denizen_model::{
    Nonce,
    id::Bytes,
    message::Message,
    object::{CONTENT_SIZE_BYTES_MAX, ObjectFor, ObjectRef, sealed_size},
};
use denizen_seal::{
    FileToAttach, SealedObject, attach_file, move_into_objects, reference, seal_object,
};
use zeroize::Zeroizing;

impl Holder {
    /// Files that go with the next application, amendment, dispute or note. They take the place of those
    /// that were attached before.
    ///
    /// # Errors
    /// [`HolderError::FileTooLarge`]: a file is larger than an object holds, or there are more than
    /// [`FILES_MAX`]; none is attached.
    pub fn attach(&mut self, files: Vec<FileToAttach>) -> Result<(), HolderError> {
        self.to_attach.clear();
        let fits = |f: &FileToAttach| f.content.len() <= CONTENT_SIZE_BYTES_MAX;
        if files.len() > FILES_MAX || !files.iter().all(fits) {
            return Err(HolderError::FileTooLarge);
        }
        self.to_attach = files;
        Ok(())
    }
}

/// What lies apart from a message: its sealed objects, and in clear what her own copies are made of.
#[derive(Default)]
pub(crate) struct Apart {
    objects: Vec<SealedObject>,
    contents: Vec<(String, Nonce, Zeroizing<Vec<u8>>)>,
}

impl Apart {
    /// Puts credentials back into the message that they were moved out of.
    pub(crate) fn fill(&self, message: &mut Message) {
        for (id, _, content) in &self.contents {
            let mut attachments = message.attachments.iter();
            if attachments.any(|a| a.id == *id && !a.is_file()) {
                message.fill(id, content);
            }
        }
    }
}

/// Ids of the attachments that files get.
pub(crate) fn file_ids(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|at| format!("f{at}"))
}

impl Holder {
    /// Seals the files of a message for its recipient, and moves credentials out of one that is too large.
    pub(crate) fn set_apart(
        message: &mut Message,
        files: &[FileToAttach],
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Apart, HolderError> {
        if files.len() > FILES_MAX {
            return Err(HolderError::FileTooLarge);
        }
        let of = ObjectFor::from(&message.to);
        let mut apart = Apart::default();
        for (id, file) in file_ids(files.len()).zip(files) {
            let sealed = attach_file(&id, file, &of, rng);
            let (attachment, object) = sealed.map_err(|_| HolderError::FileTooLarge)?;
            let content = file.content.clone();
            apart.contents.push((id, attachment.salt, content));
            apart.objects.push(object);
            message.attachments.push(attachment);
        }
        if !message.attachments.is_empty() {
            message.commit_salt = None;
        }
        let inside: Vec<_> = message
            .attachments
            .iter()
            .map(|a| (a.id.clone(), a.salt, a.data.clone()))
            .collect();
        let moved = move_into_objects(message, rng).map_err(|_| HolderError::TooLarge)?;
        apart.objects.extend(moved.0);
        for (id, salt, text) in inside {
            let now_apart = message
                .attachments
                .iter()
                .any(|a| a.id == id && a.is_apart());
            if now_apart && !text.is_empty() {
                let content = Zeroizing::new(text.into_bytes());
                apart.contents.push((id, salt, content));
            }
        }
        Ok(apart)
    }

    /// Queues the objects of a message: each before the message itself, and kept before the first attempt.
    pub(crate) fn queue_objects(
        &mut self,
        apart: &Apart,
        like: &Outgoing,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        for object in &apart.objects {
            self.keep_object(&object.id, object.bytes.clone())?;
            self.profile.outbox.push(Outgoing {
                deposit_id: deposit_id(rng),
                envelope: Bytes::default(),
                object: Some(object.id),
                ..like.clone()
            });
        }
        Ok(())
    }

    /// Seals what lies apart from a message to herself, and queues that as long as there is room for it.
    pub(crate) fn queue_copies(
        &mut self,
        apart: &Apart,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Vec<OwnCopy>, HolderError> {
        let mut copies = Vec::new();
        for (id, salt, content) in &apart.contents {
            let (object, only_here) = self.queue_copy(content, salt, rng)?;
            copies.push(OwnCopy {
                attachment: id.clone(),
                object,
                only_here,
            });
        }
        Ok(copies)
    }

    /// One copy to herself. It stays on this device; where address 0 has no room it is nowhere else, which
    /// the second value says.
    pub(crate) fn queue_copy(
        &mut self,
        content: &[u8],
        salt: &Nonce,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(ObjectRef, bool), HolderError> {
        let of = self.object_for(0).ok_or(HolderError::NotLinked)?;
        let size = sealed_size(content.len() as u64).ok_or(HolderError::FileTooLarge)?;
        let sealed = seal_object(content, &of, rng).map_err(|_| HolderError::FileTooLarge)?;
        let object = reference(&sealed, salt, content);
        self.keep_object(&sealed.id, sealed.bytes)?;
        if self.profile.files.own_size + size > OWN_COPIES_SIZE_BYTES_MAX {
            return Ok((object, true));
        }
        self.profile.files.own_size += size;
        self.profile.outbox.push(Outgoing {
            index: 0,
            hub: self.profile.hub,
            hub_url: self.profile.hub_url.clone(),
            to: of.to,
            deposit_id: deposit_id(rng),
            envelope: Bytes::default(),
            pass: None,
            object: Some(sealed.id),
        });
        Ok((object, false))
    }
}
