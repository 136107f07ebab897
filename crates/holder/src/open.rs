//! Open: an envelope and its receipt become a message whose sender is known (R5, R6, R8).

use crate::{SEALER, VERIFIER};
use denizen_api::receipt::{DeliveryError, HubTrust, VerifiedReceipt, verify_delivery};
use denizen_guard::{Check, holds};
use denizen_jose::PublicKey;
use denizen_model::{
    Sha256Hash, UnixTime, commit,
    deposit::Receipt,
    message::{From, Message, MessageError, To, UnverifiedMessage},
};
use denizen_seal::KemSecret;
use std::sync::OnceLock;

/// Why an envelope is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Not what the hub says lies at this place.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// It does not open with this address's key.
    #[error("envelope does not open")]
    Sealed,
    /// The message inside is refused.
    #[error("message is refused")]
    Message(#[from] MessageError),
}

impl OpenError {
    /// Whether only the hub can be at fault: it takes no such envelope from a sender, or it gave
    /// another receipt than it logged. The message may be there: it is asked for again.
    #[must_use]
    pub fn is_of_the_hub(self) -> bool {
        // To ask again only for what does not open would tell the hub what did.
        let asked_again = holds(Check::FailuresAlike, false);
        matches!(self, Self::Delivery(_)) || (asked_again && self == Self::Sealed)
    }

    /// The stable code of the alarm.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Delivery(error) => error.code(),
            _ => "envelope-refused",
        }
    }
}

/// What an address accepts: whose messages, under which keys.
#[derive(Clone, Copy)]
pub struct Expected<'a> {
    /// Hub, address and suite.
    pub to: &'a To,
    /// The address's key.
    pub kem: &'a KemSecret,
    /// The sender.
    pub from: &'a From,
    /// The sender's key, by the `kid` of the message, and by when the hub took it: not by when its sender
    /// says that it was written, since a withdrawn key could be backdated.
    pub key: &'a dyn Fn(&str, &Message, UnixTime) -> Option<PublicKey>,
}

/// A message that was opened and checked: only this file makes one.
#[derive(Debug, Clone)]
pub struct Opened {
    message: Message,
    hash: Sha256Hash,
    receipt: Receipt,
    verified: VerifiedReceipt,
    /// Of the attachments, once they were asked for: many records may come in one message.
    attachment_hashes: OnceLock<Vec<Sha256Hash>>,
    /// Of the attachments, likewise.
    attachment_paths: OnceLock<Vec<Vec<Sha256Hash>>>,
}

impl Opened {
    /// The message.
    #[must_use]
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// The message, to put back what lay apart from it.
    pub(crate) fn message_mut(&mut self) -> &mut Message {
        (self.attachment_hashes, self.attachment_paths) = Default::default();
        &mut self.message
    }

    /// As [`Message::attachment_hashes`], computed once.
    pub(crate) fn attachment_hashes(&self) -> &[Sha256Hash] {
        let hashes = || self.message.attachment_hashes();
        self.attachment_hashes.get_or_init(hashes)
    }

    /// The path of an attachment under the envelope's commitment; those of all are computed once.
    pub(crate) fn attachment_path(&self, at: usize) -> Option<Vec<Sha256Hash>> {
        let paths = || commit::prove_all(self.attachment_hashes());
        let paths = self.attachment_paths.get_or_init(paths);
        paths.get(at).cloned()
    }

    /// SHA-256 of the signed message.
    #[must_use]
    pub fn hash(&self) -> Sha256Hash {
        self.hash
    }

    /// The receipt as it came.
    #[must_use]
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// What the receipt proves.
    #[must_use]
    pub fn verified(&self) -> &VerifiedReceipt {
        &self.verified
    }
}

/// Opens an envelope that was fetched at `pos`.
///
/// # Errors
/// [`OpenError`]. Nothing that a hub could do differently follows from which one it is (R8).
pub fn open(
    envelope: &[u8],
    receipt: &Receipt,
    pos: u64,
    trust: &HubTrust,
    expected: Expected<'_>,
) -> Result<Opened, OpenError> {
    let (parsed, verified) = verify_delivery(envelope, receipt, pos, expected.to, trust)?;
    let header = parsed.header();
    let signed = SEALER
        .open(expected.kem, &parsed)
        .map_err(|_| OpenError::Sealed)?;
    let read = UnverifiedMessage::parse(&signed)?;
    let (claimed, kid) = read.danger_claimed();
    let delivered = verified.opening.time;
    let key = (expected.key)(kid, claimed, delivered).ok_or(MessageError::OtherSender)?;
    let message = read.verify(VERIFIER, &key, expected.from, header)?;
    let hash = Sha256Hash::of(&signed);
    Ok(Opened {
        message,
        hash,
        receipt: receipt.clone(),
        verified,
        attachment_hashes: OnceLock::new(),
        attachment_paths: OnceLock::new(),
    })
}
