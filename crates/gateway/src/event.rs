//! Events: what happened, for the organisation's own systems. Ids, numbers and case references alone;
//! what is behind them is asked for, and then written down.

use crate::{Gateway, GatewayError, link::Link, vault::context};
use denizen_model::{MessageId, Sha256Hash, UnixTime};
use denizen_store::gateway::{EventRow, LetterRecord};
use serde::{Deserialize, Serialize};

/// For how long what happened can be read again, in seconds.
const KEPT_S: i64 = 90 * UnixTime::DAY_S;
/// For how long it can be seen what was done over REST, in seconds: three years.
const AUDIT_KEPT_S: i64 = 3 * 365 * UnixTime::DAY_S;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// The stable kinds of events.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum EventKind {$($(#[$doc])* $name,)*}

        impl EventKind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its stable name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {$(Self::$name => $text,)*}
            }

            /// The kind of a stable name.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                match name {$($text => Some(Self::$name),)* _ => None}
            }
        }
    };
}

kinds! {
    /// An application came and is a case.
    CaseFiled = "case.filed";
    /// Another version of an application came.
    CaseAmended = "case.amended";
    /// An application was taken back.
    CaseWithdrawn = "case.withdrawn";
    /// What was kept of a case is destroyed.
    CaseDestroyed = "case.destroyed";
    /// A correction of a paper, or a reply to one, came for a case.
    EvidenceUpdated = "evidence.updated";
    /// A person says that a record is wrong.
    DisputeOpened = "dispute.opened";
    /// A person says that a record is about somebody else; it was withdrawn.
    RecordReturned = "record.returned";
    /// The digits of a link can be entered.
    LinkWaiting = "link.waiting";
    /// A link stands.
    LinkConfirmed = "link.confirmed";
    /// A person ended a link.
    LinkClosed = "link.closed";
    /// The hub has a record and gave a receipt.
    RecordDelivered = "record.delivered";
    /// The hub refused a record for good.
    RecordRefused = "record.refused";
    /// A note came.
    NoteReceived = "note.received";
    /// A request for erasure came and was answered.
    ErasureAnswered = "erasure.answered";
}

/// What an event is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// A case, by the gateway's reference or the office's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_reference: Option<String>,
    /// A dispute or a note, by its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
    /// An issued record, by the hash of its kept copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Sha256Hash>,
    /// The id under which a system asked for that record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

impl About {
    /// Of a case.
    pub(crate) fn case(case_reference: &str) -> Self {
        Self {
            case_reference: Some(case_reference.to_owned()),
            ..Self::default()
        }
    }

    /// Of a link, by the office's case reference, if it has one.
    pub(crate) fn link(link: &Link) -> Self {
        Self {
            case_reference: link.case_reference().map(str::to_owned),
            ..Self::default()
        }
    }

    /// With a dispute's or note's number.
    pub(crate) fn numbered(self, number: i64) -> Self {
        Self {
            number: Some(number),
            ..self
        }
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Its number: later events have greater ones.
    pub number: i64,
    /// Its stable kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// When, RFC 3339.
    pub timestamp: String,
    /// What it is about.
    pub data: About,
}

impl Gateway {
    /// Writes down what happened, and that the hooks are told.
    pub(crate) fn tell(
        &self,
        kind: EventKind,
        about: &About,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let body = self.vault.seal(&context("event", b""), about, rng);
        self.store.add_event(now, kind.name(), &body)?;
        Ok(())
    }

    /// That a record is with the hub, or will never be.
    pub(crate) fn tell_record(
        &self,
        record: LetterRecord,
        delivered: bool,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let about = About {
            record: Some(record.kept),
            id: record.name.map(|id| MessageId::new(id).to_text()),
            ..About::default()
        };
        let kind = if delivered {
            EventKind::RecordDelivered
        } else {
            EventKind::RecordRefused
        };
        self.tell(kind, &about, now, rng)
    }

    /// What happened after an event, oldest first, at most so many.
    ///
    /// # Errors
    /// [`GatewayError::Store`].
    pub fn events_after(&self, number: i64, max: u32) -> Result<Vec<Event>, GatewayError> {
        let rows = self.store.events_after(number, max)?;
        rows.iter().map(|row| self.event_of(row)).collect()
    }

    pub(crate) fn event_of(&self, row: &EventRow) -> Result<Event, GatewayError> {
        Ok(Event {
            number: row.number,
            kind: row.kind.clone(),
            timestamp: row.at.to_rfc3339(),
            data: self.vault.open(&context("event", b""), &row.body)?,
        })
    }

    /// Forgets what happened, and what was done over REST, long ago.
    pub(crate) fn forget_events(&self, now: UnixTime) -> Result<(), GatewayError> {
        self.store.forget_events(now.plus_s(-KEPT_S))?;
        self.store.forget_audit(now.plus_s(-AUDIT_KEPT_S))?;
        Ok(())
    }
}
