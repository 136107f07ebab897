//! The message inside an envelope. Specified in `docs/spec/message.md`.
//!
//! `CBOR [protected, payload, signature]` (`denizen-jose`), `typ` [`MESSAGE_TYP`], payload JSON in
//! the shape of DIDComm v2. Organisations sign with a message key (Ed25519, `kid`
//! `<org id>#<key id>`), holders with the link's `sign` key (ES256, `kid` `<address>#sign`).

mod body;
mod chain;

pub use body::*;
pub use chain::{Heads, OutChain, take_place};

use crate::{
    AddressId, HubId, MessageId, Nonce, OrgId, Sha256Hash, UnixTime,
    commit::{attachment_hash, commit},
    envelope::Header,
    jose::{Object, ObjectError, PublicKey, Signer, Unverified, Verifier},
    object::{ObjectRef, chunks_of},
};
use denizen_guard::{Check, checked, holds};
use serde::{Deserialize, Serialize};

/// `typ` of a message.
pub const MESSAGE_TYP: &str = "denizen-message+json";

/// Largest number of attachments in one message.
pub const ATTACHMENTS_MAX: usize = 256;

/// Who wrote a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum From {
    /// An organisation.
    Org(OrgId),
    /// A holder, by the address of this link.
    Holder(HubAddress),
}

/// An address with its hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubAddress {
    /// The hub.
    pub hub: HubId,
    /// The address at that hub.
    pub address: AddressId,
}

/// The recipient as the sender signed it: must equal the envelope's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct To {
    /// The hub.
    pub hub: HubId,
    /// The address at that hub.
    pub address: AddressId,
    /// The suite.
    pub suite: u16,
}

/// A message's place in its sender's chain: random per installation, link and direction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    /// Random name of the chain.
    pub id: MessageId,
    /// Number in the chain, from 0, without gaps.
    pub seq: u64,
    /// SHA-256 of the previous signed message of the chain; none for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<Sha256Hash>,
    /// In the first message of a new installation's chain: the heads of the earlier chains that it
    /// knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub follows: Vec<Sha256Hash>,
}

/// An attachment: a credential, a presentation or a file, with the salt of its commitment. It lies in
/// the message itself, or in an object of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// Name within the message.
    pub id: String,
    /// `application/dc+sd-jwt` for credentials and presentations.
    pub media_type: String,
    /// Random salt of the commitment.
    pub salt: Nonce,
    /// The attachment's text; empty while it lies in an object.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub data: String,
    /// Where it lies, and what opens it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectRef>,
    /// A file's name, as its sender calls it: never a path, and shown as what others wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Longest name of a file, in characters.
pub const FILE_NAME_MAX: usize = 120;

impl Attachment {
    /// SHA-256(salt || attachment), wherever it lies: what the envelope commits to.
    #[must_use]
    pub fn hash(&self) -> Sha256Hash {
        match &self.object {
            Some(object) => object.hash,
            None => attachment_hash(&self.salt, self.data.as_bytes()),
        }
    }

    /// Whether it is a file: something to be looked at and kept, and no credential.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.object.is_some() && self.media_type != SD_JWT_MEDIA_TYPE
    }

    /// Whether it lies in an object that has not been read yet.
    #[must_use]
    pub fn is_apart(&self) -> bool {
        self.object.is_some() && self.data.is_empty()
    }

    /// Whether `content` is what the message means: size and hash are the signed ones.
    #[must_use]
    pub fn is_of(&self, content: &[u8]) -> bool {
        self.object.as_ref().is_some_and(|object| {
            let same = object.hash == attachment_hash(&self.salt, content);
            object.size == content.len() as u64 && holds(Check::FileCommit, same)
        })
    }

    /// In one of its two places, within the limits.
    fn is_well_formed(&self) -> bool {
        let named = self.name.as_ref();
        named.is_none_or(|n| n.chars().count() <= FILE_NAME_MAX)
            && self
                .object
                .as_ref()
                .is_none_or(|object| self.data.is_empty() && chunks_of(object.size).is_some())
    }
}

/// Media type of SD-JWT credentials and presentations.
pub const SD_JWT_MEDIA_TYPE: &str = "application/dc+sd-jwt";

/// A message before signing or after verification.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Random, drawn before signing.
    pub id: MessageId,
    /// The thread: the id of the message that began it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thid: Option<MessageId>,
    /// Who wrote it.
    pub from: From,
    /// Whom it is for.
    pub to: To,
    /// When it was made.
    pub created_time: UnixTime,
    /// When it stops to count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_time: Option<UnixTime>,
    /// Its place in its sender's chain.
    pub chain: Chain,
    /// Heads of the other side's chains that the sender has received.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<Sha256Hash>,
    /// `type` and `body`.
    #[serde(flatten)]
    pub body: Body,
    /// Papers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// The salt that the envelope commits under when there is no attachment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit_salt: Option<Nonce>,
}

/// Why an opened message is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// Not signed by the sender that the reader expects.
    #[error("message is not signed by the sender that this link knows")]
    Signature(#[source] ObjectError),
    /// The payload is not understood: an unknown type or a missing member.
    #[error("message is not understood by this version")]
    Malformed,
    /// Its signed recipient is not the one of the envelope: it was re-addressed.
    #[error("message was written for another address or suite than its envelope")]
    ReAddressed,
    /// The envelope's commitment is over other attachments.
    #[error("envelope commits to other papers than the message has")]
    OtherCommit,
    /// Signed by the right key, but naming another sender.
    #[error("message names another sender than the one who signed it")]
    OtherSender,
}

impl Message {
    /// The commitment that its envelope's header must carry.
    #[must_use]
    pub fn commit(&self) -> Sha256Hash {
        commit(&self.attachment_hashes())
    }

    /// The salted hashes that [`Message::commit`] is over.
    #[must_use]
    pub fn attachment_hashes(&self) -> Vec<Sha256Hash> {
        if self.attachments.is_empty() {
            let salt = self.commit_salt.unwrap_or(Nonce::new([0; 32]));
            return vec![attachment_hash(&salt, &[])];
        }
        self.attachments.iter().map(Attachment::hash).collect()
    }

    /// What is signed.
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a message is JSON")
    }

    /// Its files.
    pub fn files(&self) -> impl Iterator<Item = &Attachment> {
        self.attachments.iter().filter(|a| a.is_file())
    }

    /// Puts the text of a credential that lay in an object back into the message. `false` if it is not
    /// the one that was signed.
    pub fn fill(&mut self, id: &str, content: &[u8]) -> bool {
        let mut attachments = self.attachments.iter_mut();
        let found = attachments.find(|a| a.id == id && a.is_of(content));
        let text = String::from_utf8(content.to_vec());
        match (found, text) {
            (Some(attachment), Ok(text)) => {
                attachment.data = text;
                true
            }
            _ => false,
        }
    }

    /// Signs the message.
    #[must_use]
    pub fn sign(&self, signer: &dyn Signer, kid: &str) -> Object {
        Self::sign_payload(&self.payload(), signer, kid)
    }

    /// Signs a message whose [`Message::payload`] is there already.
    #[must_use]
    pub fn sign_payload(payload: &[u8], signer: &dyn Signer, kid: &str) -> Object {
        Object::sign(signer, kid, MESSAGE_TYP, payload)
    }

    /// Reads who claims to have written a message, to find the key.
    ///
    /// # Errors
    /// [`MessageError::Signature`] or [`MessageError::Malformed`] for bytes that are no message.
    pub fn danger_claimed(bytes: &[u8]) -> Result<(Self, String), MessageError> {
        let object = Unverified::parse(bytes).map_err(MessageError::Signature)?;
        let message =
            serde_json::from_slice(object.danger_payload()).map_err(|_| MessageError::Malformed)?;
        Ok((message, object.kid().to_owned()))
    }

    /// Checks signature, sender, recipient and commitment of a message that came in an envelope
    /// with this header (R5, R6).
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn verify(
        bytes: &[u8],
        verifier: &dyn Verifier,
        key: &PublicKey,
        from: &From,
        header: &Header,
    ) -> Result<Self, MessageError> {
        let object = Unverified::parse(bytes).map_err(MessageError::Signature)?;
        let payload = object.danger_payload();
        check_signature(object, verifier, key)?;
        let message: Self = serde_json::from_slice(payload).map_err(|_| MessageError::Malformed)?;
        message.came(from, header)
    }

    /// What is left to check once it is signed.
    fn came(self, from: &From, header: &Header) -> Result<Self, MessageError> {
        let message = self;
        let good = message.attachments.iter().all(Attachment::is_well_formed);
        if message.attachments.len() > ATTACHMENTS_MAX || !good {
            return Err(MessageError::Malformed);
        }
        if message.from != *from {
            return Err(MessageError::OtherSender);
        }
        let to = To {
            hub: header.hub,
            address: header.to,
            suite: header.suite,
        };
        if !holds(Check::MessageTo, message.to == to) {
            return Err(MessageError::ReAddressed);
        }
        if !holds(Check::MessageCommit, message.commit() == header.commit) {
            return Err(MessageError::OtherCommit);
        }
        Ok(message)
    }
}

fn check_signature(
    object: Unverified<'_>,
    verifier: &dyn Verifier,
    key: &PublicKey,
) -> Result<(), MessageError> {
    let signed = object.verify(verifier, key, MESSAGE_TYP);
    checked(Check::MessageSignature, signed.map(drop)).map_err(MessageError::Signature)
}

/// A message that was read, once, and whose signature nobody has checked.
#[derive(Debug, Clone)]
pub struct UnverifiedMessage<'a> {
    object: Unverified<'a>,
    message: Message,
}

impl<'a> UnverifiedMessage<'a> {
    /// Reads a message.
    ///
    /// # Errors
    /// [`MessageError::Signature`] or [`MessageError::Malformed`] for bytes that are no message.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, MessageError> {
        let object = Unverified::parse(bytes).map_err(MessageError::Signature)?;
        let message =
            serde_json::from_slice(object.danger_payload()).map_err(|_| MessageError::Malformed)?;
        Ok(Self { object, message })
    }

    /// What it says, and the key id that it names, to find the key.
    #[must_use]
    pub fn danger_claimed(&self) -> (&Message, &str) {
        (&self.message, self.object.kid())
    }

    /// Checks signature, sender, recipient and commitment, as [`Message::verify`] does.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn verify(
        self,
        verifier: &dyn Verifier,
        key: &PublicKey,
        from: &From,
        header: &Header,
    ) -> Result<Message, MessageError> {
        check_signature(self.object, verifier, key)?;
        self.message.came(from, header)
    }
}

/// The `kid` of a holder's message.
#[must_use]
pub fn holder_kid(address: &AddressId) -> String {
    format!("{}#sign", address.to_text())
}
