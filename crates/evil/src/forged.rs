//! What an attacker writes in the name of an organisation: its next statement, its invitation.

use denizen_jose::Unverified;
use denizen_model::{
    OrgId, SecretKeyFor, Sha256Hash,
    cbor::{Item, array},
    invitation::{INVITATION_PREFIX, INVITATION_TYP, Invitation},
    jose::{Object, base64url_decode, base64url_encode},
    key::{Identity, Message},
    statement::{STATEMENT_TYP, Statement},
};

/// The statement after `prev` of an organisation, changed, and signed by this identity key.
#[must_use]
pub fn next_statement(
    org: OrgId,
    identity: &SecretKeyFor<Identity>,
    prev: &[u8],
    change: impl FnOnce(&mut Statement),
) -> Vec<u8> {
    let mut statement = statement_in(prev).unwrap();
    statement.id = Some(org.into());
    statement.prev = Some(Sha256Hash::of(prev));
    change(&mut statement);
    statement.sign(identity.signer()).into_bytes()
}

/// The organisation of this English name in a directory's entries, and its newest statement.
#[must_use]
pub fn newest_of<'a>(entries: &'a [Vec<u8>], name: &str) -> Option<(OrgId, &'a [u8])> {
    entries.iter().rev().find_map(|entry| {
        let statement = statement_in(entry)?;
        let id = statement.id.unwrap_or_else(|| Sha256Hash::of(entry));
        (statement.names.get("en")? == name).then_some((id.into(), entry.as_slice()))
    })
}

fn statement_in(entry: &[u8]) -> Option<Statement> {
    let object = Unverified::parse(entry).ok()?;
    let claimed = (object.typ() == STATEMENT_TYP).then(|| object.danger_payload())?;
    serde_json::from_slice(claimed).ok()
}

/// The three objects of an invitation's text: itself, and the passes beside it.
#[must_use]
pub fn invitation_parts(text: &str) -> [Vec<u8>; 3] {
    let bytes = base64url_decode(text.strip_prefix(INVITATION_PREFIX).unwrap()).unwrap();
    let mut d = minicbor::Decoder::new(&bytes);
    d.array().unwrap();
    [(); 3].map(|()| d.bytes().unwrap().to_vec())
}

/// An invitation's text out of such objects.
#[must_use]
pub fn invitation_of(parts: [&[u8]; 3]) -> String {
    let bytes = array(&parts.map(Item::Bytes));
    format!("{INVITATION_PREFIX}{}", base64url_encode(bytes))
}

/// The invitation with other claims, signed by a stranger's key under the organisation's name.
#[must_use]
pub fn rewritten(
    text: &str,
    stranger: &SecretKeyFor<Message>,
    change: impl FnOnce(&mut Invitation),
) -> String {
    let [invitation, register, deposit] = invitation_parts(text);
    let object = Unverified::parse(&invitation).unwrap();
    let mut claimed: Invitation = serde_json::from_slice(object.danger_payload()).unwrap();
    change(&mut claimed);
    let payload = serde_json::to_vec(&claimed).unwrap();
    let forged = Object::sign(stranger.signer(), object.kid(), INVITATION_TYP, &payload);
    invitation_of([forged.as_bytes(), &register, &deposit])
}
