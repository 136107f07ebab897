//! Parsers behind a signature: what is fuzzed is what was signed, as an organisation that does not mean
//! well could sign it.

use crate::samples::{Samples, file_of};
use denizen_credential::{StatusListToken, UnverifiedCredential};
use denizen_jose::{Alg, Object, SecretKey, Signer as _, VERIFIER, base64url_decode, sign_compact};
use denizen_model::{
    AddressId, HubId, Sha256Hash,
    envelope::SUITE_1,
    message::{MESSAGE_TYP, Message},
    object::{ObjectFor, ObjectKey},
};
use denizen_seal::{open_object, seal_object};
use denizen_testkit::catalogue;
use rand_core::SeedableRng as _;
use serde_json::{Map, Value};
use std::sync::OnceLock;

/// A directory answer without entries.
pub(crate) const NO_DIRECTORY: &[u8] = b"\x82\x80\x60";

static ISSUER: OnceLock<SecretKey> = OnceLock::new();
static SENDER: OnceLock<SecretKey> = OnceLock::new();

fn issuer() -> &'static SecretKey {
    ISSUER.get_or_init(|| key(Alg::Es256).with_native())
}

fn sender() -> &'static SecretKey {
    SENDER.get_or_init(|| key(Alg::Ed25519))
}

fn key(alg: Alg) -> SecretKey {
    let key = SecretKey::from_seed(alg, &[7; 32]);
    key.unwrap_or_else(|_| unreachable!("a fixed seed is a key"))
}

fn header(typ: &str) -> Map<String, Value> {
    let members = [("typ", typ), ("kid", "o#k")];
    let members = members.map(|(name, value)| (name.to_owned(), Value::from(value)));
    members.into_iter().collect()
}

/// A message with this payload.
pub(crate) fn message(payload: &[u8]) {
    let object = Object::sign(sender(), "o#m", MESSAGE_TYP, payload);
    if let Ok((message, _)) = Message::danger_claimed(object.as_bytes()) {
        drop(message.attachment_hashes());
    }
}

/// Payloads of messages.
pub(crate) fn payloads() -> Vec<Vec<u8>> {
    let messages = Samples::Bytes(&[("message", "message.verify", "message")]).load();
    let payload = |bytes: Vec<u8>| {
        let object = denizen_jose::Unverified::parse(&bytes).ok()?;
        Some(object.danger_payload().to_vec())
    };
    messages.into_iter().filter_map(payload).collect()
}

/// A credential: its payload in the first line, its disclosures in the others.
pub(crate) fn credential(bytes: &[u8]) {
    let mut lines = bytes.split(|b| *b == b'\n');
    let payload = lines.next().unwrap_or_default();
    let mut text = sign_compact(issuer(), header("dc+sd-jwt"), payload);
    text.push('~');
    for disclosure in lines {
        text += &denizen_jose::base64url_encode(disclosure);
        text.push('~');
    }
    if let Ok(unverified) = UnverifiedCredential::parse(&text) {
        drop(unverified.verify(VERIFIER, &issuer().public()));
    }
}

/// Payloads and disclosures of credentials.
pub(crate) fn credentials() -> Vec<Vec<u8>> {
    let texts = Samples::Text(&[("credential", "credential.verify", "credential")]).load();
    let lines = |text: Vec<u8>| {
        let text = String::from_utf8(text).ok()?;
        let mut parts = text.split('~');
        let payload = parts.next()?.split('.').nth(1)?;
        let parts = std::iter::once(payload).chain(parts.filter(|part| !part.is_empty()));
        let parts: Option<Vec<_>> = parts.map(base64url_decode).collect();
        Some(parts?.join(&b'\n'))
    };
    texts.into_iter().filter_map(lines).collect()
}

const STATUS_URI: &str = "urn:denizen:status:o:1";

/// A status list token with this payload.
pub(crate) fn status_list(payload: &[u8]) {
    let token = sign_compact(issuer(), header("statuslist+jwt"), payload);
    let key = issuer().public();
    drop(StatusListToken::verify(
        &token, VERIFIER, &key, STATUS_URI, None,
    ));
}

/// A payload of a status list.
pub(crate) fn status_lists() -> Vec<Vec<u8>> {
    let tokens = Samples::Text(&[("credential", "credential.status_list", "token")]).load();
    let payload = |token: Vec<u8>| {
        let token = String::from_utf8(token).ok()?;
        let payload = base64url_decode(token.split('.').nth(1)?)?;
        let mut payload: Value = serde_json::from_slice(&payload).ok()?;
        *payload.get_mut("sub")? = STATUS_URI.into();
        Some(payload.to_string().into_bytes())
    };
    tokens.into_iter().filter_map(payload).collect()
}

fn of() -> ObjectFor {
    ObjectFor {
        suite: SUITE_1,
        hub: HubId::new([1; 32]),
        to: AddressId::new([2; 32]),
    }
}

/// An object under the id that its bytes have, opened with the key that stands before them.
pub(crate) fn object(bytes: &[u8]) {
    let Some((key, bytes)) = bytes.split_first_chunk::<32>() else {
        return;
    };
    let key = ObjectKey::new(*key);
    drop(open_object(bytes, &Sha256Hash::of(bytes), &key, &of()));
}

/// A sealed object behind its key.
pub(crate) fn objects() -> Vec<Vec<u8>> {
    let mut rng = denizen_testkit::Rng::seed_from_u64(1);
    let sealed = seal_object(b"content", &of(), &mut rng);
    let sealed = sealed.map(|s| [s.key.danger_bytes().as_slice(), &s.bytes].concat());
    sealed.into_iter().collect()
}

/// The evidence queries of the services.
pub(crate) fn queries() -> Vec<Vec<u8>> {
    let catalogue = catalogue();
    let queries = catalogue
        .services()
        .map(|s| s.evidence.to_string().into_bytes());
    queries.collect()
}

/// The examples of some kinds.
pub(crate) fn claims() -> Vec<Vec<u8>> {
    let kinds = [
        "person",
        "border-crossing",
        "employment",
        "administrative-offence",
    ];
    let file = |kind: &&str| file_of(&format!("catalogue/examples/{kind}/valid.json"));
    kinds.iter().map(file).collect()
}
