//! Alarms: what whoever runs a gateway should look at. Each has a stable code; `err-<code>` says what
//! happened, `rec-<code>` what to do next.

use crate::{Gateway, GatewayError, OpenError};
use denizen_api::ProblemKind;
use denizen_model::UnixTime;

macro_rules! alarms {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        /// What whoever runs a gateway should look at.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Alarm {
            $($(#[$doc])* $name,)*
            /// The hub did not take an envelope: `deposit-<its problem>`, or `deposit-refused` if it
            /// named none that is known here.
            Deposit(Option<ProblemKind>),
        }

        impl Alarm {
            const FIXED: &'static [Self] = &[$(Self::$name,)*];

            /// Its stable code.
            #[must_use]
            pub fn code(self) -> String {
                match self {
                    $(Self::$name => $code.to_owned(),)*
                    Self::Deposit(problem) => {
                        format!("deposit-{}", problem.map_or("refused", ProblemKind::name))
                    }
                }
            }
        }
    };
}

alarms! {
    /// Somebody accepted an invitation with keys that cannot be used, or again.
    AcceptRefused = "accept-refused";
    /// An envelope in the inbox does not open.
    EnvelopeRefused = "envelope-refused";
    /// A receiver of events did not answer for so long that it is told nothing more.
    HookDisabled = "hook-disabled";
    /// A message came over a link that no clerk has confirmed.
    LinkNotConfirmed = "link-not-confirmed";
    /// A message does not follow the one before it.
    MessageMissing = "message-missing";
    /// A message could not be acted on.
    MessageNotHandled = "message-not-handled";
    /// A message is not what its sender would sign.
    MessageRefused = "message-refused";
    /// A record does not fit its kind any more: it was not issued again over a moved link.
    MovedRecordRejected = "moved-record-rejected";
    /// A link was to move to keys that cannot be used.
    MoveRefused = "move-refused";
    /// Somebody returned a record that this office did not issue over the link.
    NotMineUnknownRecord = "not-mine-unknown-record";
    /// A message names a file that was never left in the inbox.
    ObjectMissing = "object-missing";
    /// A file is not the one that its message means.
    ObjectRefused = "object-refused";
    /// The hub's receipt for an envelope of the inbox is not good.
    ReceiptRefused = "receipt-refused";
    /// A record does not fit its kind any more: no copies of it are issued.
    RefillKindChanged = "refill-kind-changed";
    /// Copies were asked for of a record that this office did not issue over the link.
    RefillUnknownRecord = "refill-unknown-record";
    /// A message came again with other words under the same number.
    ReplayedWithOtherContent = "replayed-with-other-content";
    /// The last step of a link came when no clerk waited for it.
    RevealUnexpected = "reveal-unexpected";
    /// A message is of a sender that no link has.
    SenderUnknown = "sender-unknown";
    /// The hub has another status list of this organisation that is signed later.
    StatusListNotTaken = "status-list-not-taken";
    /// A status list is not good.
    StatusListRefused = "status-list-refused";
    /// A row that waited for a link does not fit its kind any more.
    WaitingRowRejected = "waiting-row-rejected";
}

/// Problems of a deposit that have texts of their own; the others are told as one.
const DEPOSITS_TOLD: [ProblemKind; 6] = [
    ProblemKind::Closed,
    ProblemKind::Frozen,
    ProblemKind::NotAccepted,
    ProblemKind::NotAdmitted,
    ProblemKind::NotFound,
    ProblemKind::Quota,
];

impl Alarm {
    /// The alarm of a deposit that the hub did not take, by the name of its problem.
    pub(crate) fn of_deposit(problem: &str) -> Self {
        Self::Deposit(ProblemKind::parse(problem))
    }

    /// The code whose texts tell the alarm of a code.
    #[must_use]
    pub fn told_as(code: &str) -> &str {
        match code.strip_prefix("deposit-") {
            Some(problem) if !DEPOSITS_TOLD.iter().any(|k| k.name() == problem) => {
                "deposit-refused"
            }
            _ => code,
        }
    }

    /// Every alarm.
    pub fn all() -> impl Iterator<Item = Self> {
        let deposits = ProblemKind::ALL.iter().copied().map(Some).chain([None]);
        Self::FIXED
            .iter()
            .copied()
            .chain(deposits.map(Self::Deposit))
    }
}

impl From<OpenError> for Alarm {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Delivery(_) => Self::ReceiptRefused,
            OpenError::Sealed => Self::EnvelopeRefused,
            OpenError::SenderUnknown => Self::SenderUnknown,
            OpenError::Message(_) => Self::MessageRefused,
        }
    }
}

impl Gateway {
    /// Adds an alarm, for whoever runs this gateway.
    pub(crate) fn raise(&self, alarm: Alarm, now: UnixTime) -> Result<(), GatewayError> {
        Ok(self.store.add_alarm(now, &alarm.code())?)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn every_alarm_has_its_texts_in_five_languages() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalogue/locales");
        for language in ["en", "ru", "uz", "tg", "ky"] {
            let text = std::fs::read_to_string(folder.join(format!("{language}.json"))).unwrap();
            let texts: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(&text).unwrap();
            for alarm in Alarm::all() {
                let code = alarm.code();
                for part in ["err", "rec"] {
                    let key = format!("{part}-{}", Alarm::told_as(&code));
                    assert!(texts.contains_key(&key), "{language} has no {key}");
                }
            }
        }
    }
}
