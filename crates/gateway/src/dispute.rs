//! Disputes: she says that a record is wrong, or not about her; a person answers by a date (D3, D11).

mod answer;

pub use answer::Answer;

use crate::{
    About, Alarm, EventKind, Gateway, GatewayError, file::FileOwner, issue::RecordBody, link::Link,
    post::Dispatch, vault::context,
};
use denizen_model::{
    Sha256Hash, UnixTime,
    message::{
        AccessNotice, Attachment, Body, DisputeEvent, DisputeOpen, DisputeState, Message,
        RecordRef, StatusChange,
    },
};
use denizen_seal::FileToAttach;
use denizen_store::gateway::{CONTESTED, DisputeRow, Effect};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Days within which an office answers.
const DUE_DAYS: i64 = 30;
/// Days for which it is kept how a dispute was answered.
const KEPT_DAYS: i64 = 365;

/// What she says of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum DisputeKind {
    /// It is hers, and wrong.
    Wrong = 0,
    /// It is not about her.
    NotMine = 1,
}

/// Where a dispute stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum DisputeProgress {
    /// An answer is due.
    Open = 0,
    /// The record was corrected.
    Upheld = 1,
    /// The record stays.
    Rejected = 2,
    /// A returned record's case reference was put right.
    Cleared = 3,
}

/// A line of the desk's list: nothing of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeSummary {
    /// Its number.
    pub number: i64,
    /// What she says.
    pub kind: DisputeKind,
    /// Where it stands.
    pub progress: DisputeProgress,
    /// When it came.
    pub received: UnixTime,
    /// Until when it is answered.
    pub due: UnixTime,
}

/// A dispute as the desk shows it.
#[derive(Debug, Clone)]
pub struct DisputeView {
    /// The list's line.
    pub summary: DisputeSummary,
    /// The record's kind.
    pub vct: String,
    /// The record as issued.
    pub record: Map<String, Value>,
    /// The claims that she says are wrong, as paths.
    pub claims: Vec<Vec<String>>,
    /// What is right, in her words.
    pub text: String,
    /// Her counter-evidence: media type and text.
    pub evidence: Vec<(String, String)>,
}

/// What is kept of a dispute.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct DisputeBody {
    claims: Vec<Vec<String>>,
    text: String,
    evidence: Vec<(String, String)>,
    /// Where it lies in the inbox.
    pos: u64,
}

impl DisputeProgress {
    /// A stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Upheld => "upheld",
            Self::Rejected => "rejected",
            Self::Cleared => "cleared",
        }
    }
}

impl Gateway {
    /// `dispute/open`: the record is contested as soon as she has our word that we know.
    pub(crate) fn take_dispute(
        &self,
        link: &mut Link,
        (message, pos): (&Message, u64),
        open: &DisputeOpen,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        if self.record_of(link, &open.kept)?.is_none() {
            self.store.add_erasure(pos)?;
            let text = self.words(link, "dispute-unknown-record", "No such record.", &[]);
            let event = (DisputeState::Rejected, text, None);
            return self.post_dispute(link, message.id, (event, None, Vec::new()), now, rng);
        }
        let named = |a: &&Attachment| open.evidence.contains(&a.id);
        let evidence = message.attachments.iter().filter(named);
        let evidence = evidence.filter(|a| !a.is_file());
        let body = DisputeBody {
            claims: open.claims.clone(),
            text: open.text.clone(),
            evidence: evidence
                .map(|a| (a.media_type.clone(), a.data.clone()))
                .collect(),
            pos,
        };
        let row = self.dispute_row(link, message, (DisputeKind::Wrong, open.kept), now);
        let number = self.keep_dispute(row.clone(), &body, rng)?;
        let owner = FileOwner::Dispute(number);
        self.keep_files(owner, &self.vault, message, now, rng)?;
        let about = About::link(link).numbered(number);
        self.tell(EventKind::DisputeOpened, &about, now, rng)?;
        let text = self.words(link, "dispute-received", "Your objection is here.", &[]);
        let effect = Effect {
            kept: open.kept,
            status: CONTESTED,
        };
        let event = (DisputeState::Received, text, Some(row.due));
        self.post_dispute(
            link,
            message.id,
            (event, Some(effect), Vec::new()),
            now,
            rng,
        )
    }

    /// `record/not-mine`: the record is withdrawn, nothing more goes to that address until a clerk has
    /// put the case reference right, and the corrected row can be taken in.
    pub(crate) fn take_not_mine(
        &self,
        link: &mut Link,
        (message, pos): (&Message, u64),
        returned: &RecordRef,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        if self.record_of(link, &returned.kept)?.is_none() {
            return self.raise(Alarm::NotMineUnknownRecord, now);
        }
        let body = DisputeBody {
            claims: Vec::new(),
            text: returned.text.clone(),
            evidence: Vec::new(),
            pos,
        };
        let row = self.dispute_row(link, message, (DisputeKind::NotMine, returned.kept), now);
        let number = self.keep_dispute(row, &body, rng)?;
        let about = About::link(link).numbered(number);
        self.tell(EventKind::RecordReturned, &about, now, rng)?;
        self.store.return_row(&returned.kept)?;
        link.body.held = true;
        self.store.park(&link.address, false, UnixTime(i64::MAX))?;
        let reason = self.words(link, "not-mine", "You returned this record.", &[]);
        let change = (StatusChange::Revoked, reason);
        let about = (&returned.kept, change);
        self.post_status(link, Some(message.id), about, now, rng)
    }

    fn dispute_row(
        &self,
        link: &Link,
        message: &Message,
        (kind, kept): (DisputeKind, Sha256Hash),
        now: UnixTime,
    ) -> DisputeRow {
        DisputeRow {
            number: 0,
            thread: message.id,
            address: link.address,
            kind: kind as u8,
            state: DisputeProgress::Open as u8,
            received: now,
            due: now.plus_s(DUE_DAYS * UnixTime::DAY_S),
            kept,
            retain_until: None,
            body: None,
        }
    }

    fn keep_dispute(
        &self,
        row: DisputeRow,
        body: &DisputeBody,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<i64, GatewayError> {
        let at = context("dispute", row.thread.as_bytes());
        let row = DisputeRow {
            body: Some(self.vault.seal(&at, body, rng)),
            ..row
        };
        Ok(self.store.add_dispute(&row)?)
    }

    fn post_dispute(
        &self,
        link: &mut Link,
        thread: denizen_model::MessageId,
        ((state, text, due), effect, files): DisputeLetter,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let event = DisputeEvent {
            state,
            text,
            due: due.map(UnixTime::date),
        };
        let dispatch = Dispatch::reserved(Body::DisputeEvent(event), effect).with_files(files);
        self.dispatch_to(link, Some(thread), dispatch, now, rng)
    }

    /// The disputes and returned records: open ones first, by their due date.
    ///
    /// # Errors
    /// [`GatewayError::Store`].
    pub fn disputes(&self) -> Result<Vec<DisputeSummary>, GatewayError> {
        self.store.disputes()?.iter().map(summary).collect()
    }

    /// Opens a dispute at the desk: the record, what she says of it, her counter-evidence. She is told
    /// that a person opened it.
    ///
    /// # Errors
    /// [`GatewayError::DisputeUnknown`], [`GatewayError::DisputeOver`] once destroyed.
    pub fn open_dispute(
        &mut self,
        number: i64,
        role: &str,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<DisputeView, GatewayError> {
        self.tx(|g| {
            let (row, body) = g.dispute(number)?;
            let record = g.disputed_record(&row)?;
            let names = record.draft.claims().keys();
            let notice = AccessNotice {
                at: now,
                role: role.to_owned(),
                purpose: "dispute".to_owned(),
                claims: names.map(|n| format!("record: {n}")).collect(),
            };
            if let Some(mut link) = g.link(&row.address)? {
                let notice = Body::AccessNotice(notice);
                g.post(&mut link, Some(row.thread), notice, now, rng)?;
                g.save_link(&link, rng)?;
            }
            Ok(DisputeView {
                summary: summary(&row)?,
                vct: record.draft.vct().to_owned(),
                record: record.draft.claims().clone(),
                claims: body.claims,
                text: body.text,
                evidence: body.evidence,
            })
        })
    }

    fn dispute(&self, number: i64) -> Result<(DisputeRow, DisputeBody), GatewayError> {
        let row = self.store.dispute(number)?;
        let row = row.ok_or(GatewayError::DisputeUnknown)?;
        let at = context("dispute", row.thread.as_bytes());
        let body = row.body.as_ref().ok_or(GatewayError::DisputeOver)?;
        let body = self.vault.open(&at, body)?;
        Ok((row, body))
    }

    fn disputed_record(&self, row: &DisputeRow) -> Result<RecordBody, GatewayError> {
        let record = self.store.record(&row.kept)?;
        let record = record.ok_or(GatewayError::RecordUnknown)?;
        self.record_body(&row.kept, &record)
    }

    /// Destroys what is kept of disputes whose retention has ended. Gives how many.
    pub(crate) fn retain_disputes(&self, now: UnixTime) -> Result<u64, GatewayError> {
        let mut count = 0;
        for row in self.store.disputes_to_destroy(now)? {
            self.destroy_files(FileOwner::Dispute(row.number))?;
            self.store
                .change_dispute(&DisputeRow { body: None, ..row })?;
            count += 1;
        }
        Ok(count)
    }
}

/// A dispute's event, what it changes once settled, and files that go with it.
type DisputeLetter = (
    (DisputeState, String, Option<UnixTime>),
    Option<Effect>,
    Vec<FileToAttach>,
);

fn summary(row: &DisputeRow) -> Result<DisputeSummary, GatewayError> {
    let kind = match row.kind {
        0 => DisputeKind::Wrong,
        1 => DisputeKind::NotMine,
        _ => return Err(GatewayError::Damaged("database")),
    };
    let progress = match row.state {
        0 => DisputeProgress::Open,
        1 => DisputeProgress::Upheld,
        2 => DisputeProgress::Rejected,
        3 => DisputeProgress::Cleared,
        _ => return Err(GatewayError::Damaged("database")),
    };
    Ok(DisputeSummary {
        number: row.number,
        kind,
        progress,
        received: row.received,
        due: row.due,
    })
}
