//! Fetching objects: what came is read once, kept, and checked; what the hub does not give is an alarm.

use super::{FileState, HeldFile};
use crate::{
    Holder,
    holder::{HolderError, is_passing},
    open::Opened,
    profile::Delivery,
    state::SentPart,
    sync::{Away, Event},
};
use denizen_api::{HubClient, Transport, client::ClientError, receipt::verify_marker};
use denizen_model::{
    Sha256Hash, UnixTime,
    deposit::Receipt,
    id::Bytes,
    message::{Message, SD_JWT_MEDIA_TYPE},
    object::ObjectRef,
};
use denizen_seal::{AddressIndex, open_attachment, open_object};
use zeroize::Zeroizing;

impl Holder {
    /// Takes in the marker of an object: its receipt says that it is one, of this id, at this place. No
    /// envelope can be hidden behind it.
    pub(crate) fn take_marker(
        &mut self,
        index: u32,
        (id, pos): (&Sha256Hash, u64),
        receipt: &Receipt,
        now: UnixTime,
    ) -> Result<(), HolderError> {
        let of = self.object_for(index).ok_or(HolderError::NotLinked)?;
        let directory = self.trust.directory(&of.hub);
        let trust = &directory.ok_or(HolderError::NotLinked)?.trust;
        if let Err(error) = verify_marker(id, receipt, pos, &of.to, trust) {
            let link = (index > 0).then_some(index);
            self.profile.alarm(error.code(), link, now);
            return Err(HolderError::ReceiptRefused);
        }
        let markers = self.profile.files.markers.entry(index).or_default();
        markers.insert(id.to_text(), pos);
        Ok(())
    }

    /// Notes the files of a message that came, with the proof of their delivery.
    pub(crate) fn take_files(&mut self, index: u32, opened: &Opened) -> Vec<Event> {
        let message = opened.message();
        let count = opened.attachment_hashes().len();
        let mut events = Vec::new();
        for (at, attachment) in message.attachments.iter().enumerate() {
            if !attachment.is_file() {
                continue;
            }
            let delivery = opened.attachment_path(at).map(|path| Delivery {
                receipt: opened.receipt().clone(),
                salt: attachment.salt,
                attachment: (at, count),
                path,
            });
            self.profile.files.held.push(HeldFile {
                link: index,
                message: message.id,
                thread: message.thid.unwrap_or(message.id),
                hers: false,
                at: opened.verified().opening.time,
                attachment: attachment.clone(),
                copy: None,
                state: FileState::Due,
                delivery,
            });
            events.push(Event::FileAnnounced { link: index });
        }
        events
    }

    /// Reads the credentials of a message that lie apart, so that it is taken in as if they were inside.
    pub(crate) async fn fill_apart<T: Transport>(
        &mut self,
        index: u32,
        message: &mut Message,
        transport: &T,
        now: UnixTime,
    ) -> Result<(), HolderError> {
        let of = self.object_for(index).ok_or(HolderError::NotLinked)?;
        let credential = |a: &&denizen_model::message::Attachment| {
            a.is_apart() && a.media_type == SD_JWT_MEDIA_TYPE
        };
        let apart: Vec<_> = message
            .attachments
            .iter()
            .filter(credential)
            .cloned()
            .collect();
        for attachment in apart {
            let Some(object) = &attachment.object else {
                continue;
            };
            let bytes = self.read_object(index, object, transport, now).await?;
            let content = bytes.and_then(|bytes| open_attachment(&attachment, &of, &bytes));
            match content {
                Some(content) => {
                    message.fill(&attachment.id, &content);
                }
                // Its record is refused, and kept with the message.
                None => self.alarm_of(index, ("object-refused", &object.id), now),
            }
            self.drop_object(&object.id);
        }
        Ok(())
    }

    /// Fetches the files that are still to be read. What does not come now is asked for again.
    pub(crate) async fn fetch_files<T: Transport>(
        &mut self,
        away: &mut Away,
        transport: &T,
        now: UnixTime,
    ) -> Result<Vec<Event>, HolderError> {
        self.read_sent(transport, now).await?;
        let due = |f: &&HeldFile| matches!(f.state, FileState::Due | FileState::Missing);
        let due: Vec<_> = self.files().iter().filter(due).cloned().collect();
        let mut events = Vec::new();
        for file in due {
            let index = file.lies_in();
            let Some(object) = file.object() else {
                continue;
            };
            // Without an answer the rest that lies at that hub waits for the next sync.
            let hub = self.profile.hub_of(index);
            if away.has(&hub) {
                continue;
            }
            let read = self.read_object(index, object, transport, now).await;
            let bytes = match away.bear(&hub, read) {
                Ok(Some(bytes)) => bytes,
                Ok(None) => continue,
                Err(_) => break,
            };
            let here = bytes.is_some() && self.file_content(&file).is_some();
            if bytes.is_some() && !here {
                self.alarm_of(index, ("object-refused", &object.id), now);
                self.drop_object(&object.id);
            }
            let state = if here {
                self.mend_object(index, &object.id, now);
                FileState::Here
            } else {
                FileState::Missing
            };
            if here && !file.hers {
                events.push(Event::FileReceived { link: index });
            }
            let mut held = self.profile.files.held.iter_mut();
            let same = |f: &&mut HeldFile| {
                f.message == file.message && f.attachment.id == file.attachment.id
            };
            if let Some(held) = held.find(same) {
                held.state = state;
            }
        }
        Ok(events)
    }

    /// An object of one of her addresses: from this device, else from the hub, from where an earlier
    /// attempt stopped. `None`, with an alarm, if it is not there.
    async fn read_object<T: Transport>(
        &mut self,
        index: u32,
        object: &ObjectRef,
        transport: &T,
        now: UnixTime,
    ) -> Result<Option<Vec<u8>>, HolderError> {
        if let Some(bytes) = self.object_bytes(&object.id) {
            return Ok(Some(bytes));
        }
        let known = self.profile.files.markers.get(&index);
        if !known.is_some_and(|m| m.contains_key(&object.id.to_text())) {
            // Places have no gaps: it was never left here.
            self.alarm_of(index, ("object-missing", &object.id), now);
            return Ok(None);
        }
        let (hub, url) = match self.profile.link(index) {
            Some(link) => (link.hub, link.hub_url.clone()),
            None => (self.profile.hub, self.profile.hub_url.clone()),
        };
        let client = HubClient::new(transport, hub, &url);
        let auth = self.root.derive_auth(AddressIndex(index));
        let mut bytes = self.partial(&object.id);
        match client.get_object(&auth, &object.id, &mut bytes, now).await {
            Ok(()) => {
                self.keep_object(&object.id, bytes.clone())?;
                self.keep_partial(&object.id, Vec::new())?;
                Ok(Some(bytes))
            }
            Err(ClientError::Answer) => {
                self.keep_partial(&object.id, Vec::new())?;
                self.alarm_of(index, ("object-refused", &object.id), now);
                Ok(None)
            }
            Err(error) if may_pass(error) => {
                self.keep_partial(&object.id, bytes)?;
                Err(error.into())
            }
            // Its place is there, and its receipt: the hub has it, or it let it go.
            Err(_) => {
                self.alarm_of(index, ("object-withheld", &object.id), now);
                Ok(None)
            }
        }
    }

    fn alarm_of(&mut self, index: u32, (code, id): (&str, &Sha256Hash), now: UnixTime) {
        let link = (index > 0).then_some(index);
        self.profile.alarm_about(code, link, &id.to_text(), now);
    }

    /// A file came whole: what was wrong with it before is over.
    fn mend_object(&mut self, index: u32, id: &Sha256Hash, now: UnixTime) {
        let (link, id) = ((index > 0).then_some(index), id.to_text());
        for code in ["object-missing", "object-refused", "object-withheld"] {
            self.profile.mend(code, link, &id, now);
        }
    }

    /// Takes in messages of hers of which something lay apart.
    pub(crate) async fn read_sent<T: Transport>(
        &mut self,
        transport: &T,
        now: UnixTime,
    ) -> Result<(), HolderError> {
        let of = self.object_for(0).ok_or(HolderError::NotLinked)?;
        for part in std::mem::take(&mut self.profile.files.sent_due) {
            let mut signed = part.message.clone();
            if let (None, Some(object)) = (&signed, &part.apart) {
                let Ok(bytes) = self.read_object(0, object, transport, now).await else {
                    self.profile.files.sent_due.push(part);
                    continue;
                };
                let open = |b: Vec<u8>| open_object(&b, &object.id, &object.key, &of).ok();
                signed = bytes.and_then(open).map(|b| Bytes(b.to_vec()));
                self.drop_object(&object.id);
            }
            let parsed = signed.and_then(|s| Some((Message::danger_claimed(&s.0).ok()?.0, s)));
            let Some((mut message, signed)) = parsed else {
                continue;
            };
            self.fill_sent(&mut message, &part, transport, now).await;
            self.remember_sent(part.link, &message, signed, part.sent);
            self.remember_files(part.link, &message, part.sent, &part.copies);
        }
        Ok(())
    }

    /// Puts her own copies of credentials back into a message of hers.
    async fn fill_sent<T: Transport>(
        &mut self,
        message: &mut Message,
        part: &SentPart,
        transport: &T,
        now: UnixTime,
    ) {
        let Some(of) = self.object_for(0) else { return };
        for copy in &part.copies {
            let mut attachments = message.attachments.iter();
            let credential =
                attachments.any(|a| a.id == copy.attachment && a.is_apart() && !a.is_file());
            if !credential {
                continue;
            }
            let bytes = self.read_object(0, &copy.object, transport, now).await;
            let (id, key) = (&copy.object.id, &copy.object.key);
            let open =
                |b: Vec<u8>| -> Option<Zeroizing<Vec<u8>>> { open_object(&b, id, key, &of).ok() };
            if let Some(content) = bytes.ok().flatten().and_then(open) {
                message.fill(&copy.attachment, &content);
            }
            self.drop_object(id);
        }
    }
}

/// Whether the answer may be another at the next attempt, with an honest hub.
fn may_pass(error: ClientError) -> bool {
    match error {
        ClientError::Problem(kind) => is_passing(kind),
        ClientError::Transport(_) => true,
        _ => false,
    }
}
