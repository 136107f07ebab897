//! The invitation: how a link begins. It comes from the organisation itself (a counter, a letter,
//! a page), never from the hub (R1). Specified in `docs/spec/link.md`.
//!
//! Text form: `denizen:invite#` + base64url(CBOR array [invitation object, register pass, deposit
//! pass]). Behind `#`, so that a browser never sends it to a server. For a QR code the same CBOR goes
//! deflated, in capitals: `DENIZEN:INVITE:` + base45.

mod qr;

pub use qr::{INVITATION_QR_PREFIX, INVITATION_QR_SIZE_BYTES_MAX};

use crate::{
    HubId, Nonce, OrgId, PublicKeyFor, Sha256Hash, UnixTime, cbor,
    jose::{Object, ObjectError, Unverified, Verifier, base64url_decode, base64url_encode},
    key::{Identity, Message},
};
use denizen_guard::{Check, checked, holds};
use serde::{Deserialize, Serialize};

/// `typ` of an invitation.
pub const INVITATION_TYP: &str = "denizen-invitation+json";

/// What an invitation's text begins with.
pub const INVITATION_PREFIX: &str = "denizen:invite#";

/// The payload of an invitation, signed by the organisation's message key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invitation {
    /// Version, 1.
    pub v: u8,
    /// Random, names this invitation.
    pub nonce: Nonce,
    /// The organisation.
    pub org: OrgId,
    /// Its hub, and where that answers.
    pub hub: HubId,
    /// Base URL of the hub without a trailing slash.
    pub hub_url: String,
    /// Its identity key, to be pinned.
    pub identity: PublicKeyFor<Identity>,
    /// Hash of its newest statement, to be pinned.
    pub statement: Sha256Hash,
    /// Why the link is wanted, in the organisation's words.
    pub purpose: String,
    /// Kinds that it will send (`vct`).
    pub sends: Vec<String>,
    /// Services for which it will ask for papers.
    pub asks: Vec<String>,
    /// The office's case reference, which lets a row of its file find the address; absent from an
    /// open invitation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_reference: Option<String>,
    /// Open: many people may use it (a poster).
    pub open: bool,
    /// Counts until this time.
    pub expires: UnixTime,
}

/// An invitation as handed over: nobody has checked it against a directory yet.
#[derive(Debug, Clone)]
pub struct UnverifiedInvitation {
    object: Vec<u8>,
    claimed: Invitation,
    register_pass: Vec<u8>,
    deposit_pass: Vec<u8>,
}

/// Why an invitation is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvitationError {
    /// The text is no invitation: cut, or of something else.
    #[error("not an invitation: scan or copy it again, whole")]
    Malformed,
    /// Past its expiry.
    #[error("invitation has expired: ask the organisation for a new one")]
    Expired,
    /// The directory does not know the organisation, or not as admitted.
    #[error("the directory does not list this organisation as admitted: do not go on, ask it")]
    NotInDirectory,
    /// The directory shows another identity key or no such statement: the red page.
    #[error(
        "the invitation names other keys than the directory: do not go on, tell the organisation"
    )]
    OtherKeys,
    /// The signature does not verify.
    #[error("invitation is not signed by the organisation that it names")]
    Signature(#[source] ObjectError),
}

/// A checked invitation.
#[derive(Debug, Clone)]
pub struct VerifiedInvitation {
    /// What it says.
    pub invitation: Invitation,
    /// The register pass's bytes.
    pub register_pass: Vec<u8>,
    /// The deposit pass's bytes.
    pub deposit_pass: Vec<u8>,
}

/// The text form of a signed invitation with its passes.
#[must_use]
pub fn to_text(invitation: &Object, register_pass: &Object, deposit_pass: &Object) -> String {
    let bytes = cbor::array(&[
        cbor::Item::Bytes(invitation.as_bytes()),
        cbor::Item::Bytes(register_pass.as_bytes()),
        cbor::Item::Bytes(deposit_pass.as_bytes()),
    ]);
    format!("{INVITATION_PREFIX}{}", base64url_encode(bytes))
}

/// The form for a QR code of an invitation in either form; nothing if it is none, or too long for a code.
/// Letters, digits and signs that a code takes as alphanumeric, so in one segment.
#[must_use]
pub fn to_qr_text(text: &str) -> Option<String> {
    qr::write(&bytes_of(text)?)
}

/// The CBOR of either form. White space around it is ignored, and whether its prefix is in capitals.
fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    if let Some(packed) = after(text, INVITATION_QR_PREFIX) {
        return qr::read(packed);
    }
    base64url_decode(after(text, INVITATION_PREFIX)?)
}

fn after<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

impl UnverifiedInvitation {
    /// Reads the text form, or that for a QR code; white space around it is ignored.
    ///
    /// # Errors
    /// [`InvitationError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, InvitationError> {
        let bytes = bytes_of(text).ok_or(InvitationError::Malformed)?;
        Self::read(&bytes).ok_or(InvitationError::Malformed)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut d = minicbor::Decoder::new(bytes);
        cbor::array_head(&mut d, 3)?;
        let object = d.bytes().ok()?.to_vec();
        let register_pass = d.bytes().ok()?.to_vec();
        let deposit_pass = d.bytes().ok()?.to_vec();
        if d.position() != bytes.len() {
            return None;
        }
        let claimed: Invitation =
            serde_json::from_slice(Unverified::parse(&object).ok()?.danger_payload()).ok()?;
        (claimed.v == 1).then_some(Self {
            object,
            claimed,
            register_pass,
            deposit_pass,
        })
    }

    /// The hub that the invitation names: to fetch its directory, which is then checked against
    /// the hub id.
    #[must_use]
    pub fn danger_hub(&self) -> (&HubId, &str) {
        (&self.claimed.hub, &self.claimed.hub_url)
    }

    /// Checks the invitation against the directory of its hub.
    ///
    /// # Errors
    /// [`InvitationError`]; [`InvitationError::OtherKeys`] is shown as an alarm.
    pub fn verify(
        self,
        directory: &crate::directory::Directory,
        verifier: &dyn Verifier,
        now: UnixTime,
    ) -> Result<VerifiedInvitation, InvitationError> {
        let invitation = self.claimed;
        if *directory.hub() != invitation.hub {
            return Err(InvitationError::NotInDirectory);
        }
        let org = directory
            .organisation(&invitation.org)
            .ok_or(InvitationError::NotInDirectory)?;
        if org.admission.is_none() || org.suspension.is_some() {
            return Err(InvitationError::NotInDirectory);
        }
        let same = org.statement.identity == invitation.identity
            && org.chain.contains(&invitation.statement);
        if !holds(Check::InvitationKeys, same) {
            return Err(InvitationError::OtherKeys);
        }
        let object = Unverified::parse(&self.object).map_err(InvitationError::Signature)?;
        let (id, kid) =
            crate::statement::split_kid(object.kid()).ok_or(InvitationError::OtherKeys)?;
        let kid = kid.to_owned();
        if OrgId::from(id) != invitation.org {
            return Err(InvitationError::OtherKeys);
        }
        let key = directory
            .key::<Message>(&invitation.org, Some(&kid), now)
            .ok_or(InvitationError::OtherKeys)?;
        let signed = object.verify(verifier, key.key(), INVITATION_TYP);
        checked(Check::InvitationSignature, signed.map(drop))
            .map_err(InvitationError::Signature)?;
        if !holds(Check::InvitationExpiry, now <= invitation.expires) {
            return Err(InvitationError::Expired);
        }
        Ok(VerifiedInvitation {
            invitation,
            register_pass: self.register_pass,
            deposit_pass: self.deposit_pass,
        })
    }
}
