//! Follow: what an organisation's message changes in the profile.

use crate::{
    Holder,
    holder::HolderError,
    open::Opened,
    profile::{LinkState, NoteEntry, NoticeEntry, Unread},
    sync::Event,
};
use denizen_guard::{Check, holds};
use denizen_model::{
    UnixTime,
    message::{
        ApplicationEvent, Body, LinkConfirm, Message, RecordIssue, RecordStatus, take_place,
    },
};

/// Codes of what a mandate does not cover.
fn is_of_mandate(code: &str) -> bool {
    code.starts_with("mandate-")
}

impl Holder {
    /// Takes in one opened message of a link.
    pub(crate) fn take(
        &mut self,
        index: u32,
        opened: &Opened,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Vec<Event>, HolderError> {
        if !self.is_new(index, opened, now) {
            return Ok(Vec::new());
        }
        let message = opened.message();
        let files = self.take_files(index, opened);
        let mut events = match &message.body {
            Body::LinkConfirm(confirm) => self.take_confirm(index, confirm, now, rng)?,
            Body::RecordIssue(issue) => self.take_records(index, opened, &[issue]),
            Body::RecordsIssue(issued) => {
                let records: Vec<_> = issued.records.iter().collect();
                self.take_records(index, opened, &records)
            }
            Body::RecordStatus(status) => {
                let delivered = opened.verified().opening.time;
                self.take_status(index, status, delivered)
            }
            Body::ApplicationEvent(event) => self.take_application(index, opened, event),
            Body::AccessNotice(notice) => {
                let notice = notice.clone();
                let entry = NoticeEntry {
                    link: index,
                    id: Some(message.id),
                    notice: notice.clone(),
                };
                // An import may have brought it before.
                if !self.profile.notices.contains(&entry) {
                    self.profile.notices.push(entry);
                }
                vec![Event::PapersOpened(notice)]
            }
            Body::DisputeEvent(event) => {
                let thread = message.thid;
                self.take_dispute(index, (message.id, thread), event)
                    .into_iter()
                    .collect()
            }
            Body::ErasureDone(done) => {
                let thread = message.thid;
                self.take_erasure(index, thread, done).into_iter().collect()
            }
            Body::LinkClose(_) => {
                if let Some(link) = self.profile.link_mut(index) {
                    link.state = LinkState::Closed;
                }
                vec![Event::LinkClosed { link: index }]
            }
            Body::Note(note) => {
                let entry = NoteEntry {
                    link: index,
                    id: Some(message.id),
                    thread: message.thid,
                    at: message.created_time,
                    text: note.text.clone(),
                };
                if !self.profile.notes.contains(&entry) {
                    self.profile.notes.push(entry);
                }
                vec![Event::Note { link: index }]
            }
            _ => {
                self.keep_unread(index, message);
                Vec::new()
            }
        };
        events.extend(files);
        Ok(events)
    }

    /// Moves the cursor and the chain; `false` for a message that was taken in before.
    fn is_new(&mut self, index: u32, opened: &Opened, now: UnixTime) -> bool {
        let (message, hash) = (opened.message(), opened.hash());
        let opening = &opened.verified().opening;
        if self.profile.link(index).is_some() {
            self.profile.delivered.insert(index, opening.time);
        }
        let Some(link) = self.profile.link_mut(index) else {
            return false;
        };
        link.cursor = link.cursor.max(Some(opening.pos));
        let known = link.taken.insert(message.id.to_text(), hash);
        if !holds(Check::Replay, known != Some(hash)) {
            return false;
        }
        let once = holds(Check::MessageIdOnce, known.is_none_or(|k| k == hash));
        let alarm = if !once {
            Some("replayed")
        } else if known.is_none() && !take_place(&mut link.heads, &message.chain, hash) {
            Some("withheld")
        } else {
            None
        };
        if let Some(code) = alarm {
            self.profile.alarm(code, Some(index), now);
        }
        once
    }

    fn take_confirm(
        &mut self,
        index: u32,
        confirm: &LinkConfirm,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Vec<Event>, HolderError> {
        let link = self.profile.link_mut(index).ok_or(HolderError::NotLinked)?;
        match confirm {
            LinkConfirm::Challenge { challenge } => {
                // The first challenge stands: another would let somebody search for equal digits.
                if link.org_challenge.is_some() || link.state != LinkState::Accepted {
                    return Ok(Vec::new());
                }
                link.org_challenge = Some(*challenge);
                link.state = LinkState::CodeReady;
                self.queue_reveal(index, now, rng)?;
                let code = self.code(index).unwrap_or_default();
                Ok(vec![Event::LinkCode { link: index, code }])
            }
            LinkConfirm::Confirmed {
                deposit_pass,
                register_pass,
            } => {
                link.deposit_pass = deposit_pass.clone();
                link.register_pass = Some(register_pass.clone());
                link.state = LinkState::Confirmed;
                Ok(vec![Event::LinkConfirmed { link: index }])
            }
            LinkConfirm::Refused { code } => {
                link.state = LinkState::Refused;
                link.refusal = Some(code.clone());
                Ok(vec![Event::LinkRefused {
                    link: index,
                    code: code.clone(),
                }])
            }
        }
    }

    pub(crate) fn take_records(
        &mut self,
        index: u32,
        opened: &Opened,
        records: &[&RecordIssue],
    ) -> Vec<Event> {
        let taken = records
            .iter()
            .map(|issue| match self.take_record(index, opened, issue) {
                Ok(kept) => Event::RecordReceived { kept },
                Err(error) => {
                    self.keep_refused(index, opened.message(), issue, error);
                    Event::RecordRefused {
                        link: index,
                        code: error.code().to_owned(),
                    }
                }
            });
        taken.collect()
    }

    pub(crate) fn take_status(
        &mut self,
        index: u32,
        status: &RecordStatus,
        delivered: UnixTime,
    ) -> Vec<Event> {
        let mut records = self.profile.records.iter_mut();
        let found = records.find(|r| r.link == index && r.kept_hash == status.kept);
        match found {
            Some(record) => {
                let record = std::sync::Arc::make_mut(record);
                record.changes.push(status.clone());
                record.changed_at = Some(delivered);
                vec![Event::StatusChanged { kept: status.kept }]
            }
            None => Vec::new(),
        }
    }

    fn take_application(
        &mut self,
        index: u32,
        opened: &Opened,
        event: &ApplicationEvent,
    ) -> Vec<Event> {
        let thread = opened.message().thid;
        let mut applications = self.profile.applications.iter();
        let at = applications.position(|a| Some(a.id) == thread && self.is_same(a.link, index));
        let found = at.and_then(|at| self.profile.applications.get_mut(at));
        let Some(application) = found else {
            self.keep_unread(index, opened.message());
            return Vec::new();
        };
        // An import may have brought it before.
        if application.heard.insert(opened.message().id.to_text()) {
            application.events.push(event.clone());
        }
        // The office did not take a withdrawal: the mandate did not cover it.
        if event.code.as_deref().is_some_and(is_of_mandate) {
            application.withdrawn = false;
        }
        let mut events = vec![Event::Application {
            id: application.id,
            state: event.state,
        }];
        let records: Vec<_> = event.records.iter().collect();
        events.extend(self.take_records(index, opened, &records));
        events
    }

    fn keep_unread(&mut self, index: u32, message: &Message) {
        self.profile.unread.push(Unread {
            link: index,
            message: message.clone(),
        });
    }
}
