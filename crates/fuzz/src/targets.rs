//! The list of parsers.

use crate::{Samples, Target, deep};
use denizen_api::{
    Problem,
    signature::{SignatureHeaders, UnverifiedSignature},
    wire::{
        AddressState, ChangeAccepts, DirectoryAnswer, FetchAnswer, ObjectPart, RegisterAddress,
        UploadState, WrappedRoot, decode_batch, decode_entries, decode_outcomes, encode_batch,
        encode_entries, encode_outcomes,
    },
};
use denizen_credential::{UnverifiedCredential, UnverifiedPresentation};
use denizen_gateway::{Mapping, RestSource, check_file};
use denizen_holder::{DeviceLink, verify_export};
use denizen_jose::{PublicKey, Unverified, UnverifiedCompact, VERIFIER};
use denizen_model::{
    HubId, base45,
    catalogue::Locale,
    deposit::LeafOpening,
    directory::Directory,
    envelope::{Envelope, Header},
    invitation::UnverifiedInvitation,
    link::KeyStatement,
    mandate::{Ask, Given, HelperCard, HelperDraft},
    message::Message,
    pass::Pass,
    statement::{Statement, split_kid},
};
use denizen_openid::{Query, ValueMatching};
use denizen_recovery::{Kit, open_stored, unwrap_passphrase, unwrap_prf};
use denizen_seal::{Zeroizing, unpad};
use denizen_testkit::{START, catalogue};
use denizen_tlog::{
    NoteVerifier, Tile, TilePath, UnverifiedNote, UnverifiedProof, decode_bundle, encode_bundle,
};
use std::collections::BTreeMap;

/// A target that reads text.
macro_rules! text {
    ($name:literal, $samples:expr, $read:expr) => {
        Target {
            name: $name,
            read: |bytes| {
                let read: fn(&str) = $read;
                read(&String::from_utf8_lossy(bytes));
                None
            },
            samples: $samples,
        }
    };
}

/// A target of which nothing is written back.
macro_rules! bytes {
    ($name:literal, $samples:expr, $read:expr) => {
        Target {
            name: $name,
            read: |bytes| {
                let read: fn(&[u8]) = $read;
                read(bytes);
                None
            },
            samples: $samples,
        }
    };
}

/// A target that writes back what it read.
macro_rules! whole {
    ($name:literal, $samples:expr, $read:expr) => {
        Target {
            name: $name,
            read: $read,
            samples: $samples,
        }
    };
}

/// A target of JSON.
macro_rules! json {
    ($name:literal, $samples:expr, $type:ty) => {
        Target {
            name: $name,
            read: |bytes| {
                drop(serde_json::from_slice::<$type>(bytes));
                None
            },
            samples: $samples,
        }
    };
}

use Samples::{Bytes as InBytes, Files, Here, Text as InText};

/// Every parser of bytes from outside.
pub const TARGETS: &[Target] = &[
    // What a hub is asked and answers.
    whole!("batch", InBytes(&[("hub", "hub.batch", "body")]), |b| {
        decode_batch(b).map(|i| encode_batch(&i))
    }),
    whole!("outcomes", InBytes(&[("hub", "hub.outcomes", "body")]), |b| {
        decode_outcomes(b).map(|o| encode_outcomes(&o))
    }),
    whole!("fetch", InBytes(&[("hub", "hub.fetch", "body")]), |b| {
        FetchAnswer::decode(b).map(|a| a.encode())
    }),
    whole!("object-part", InBytes(&[("attachments", "attachments.part", "body")]), |b| {
        ObjectPart::decode(b).map(|p| p.encode())
    }),
    whole!("upload-state", InBytes(&[("attachments", "attachments.state", "body")]), |b| {
        UploadState::decode(b).map(|s| s.encode())
    }),
    whole!("directory", Here(&[deep::NO_DIRECTORY]), |b| {
        DirectoryAnswer::decode(b).map(|a| a.encode())
    }),
    whole!("entries", Here(&[b"\x82\x43one\x43two"]), |b| {
        let entries = decode_entries(b)?;
        let entries: Vec<_> = entries.iter().map(Vec::as_slice).collect();
        Some(encode_entries(&entries))
    }),
    json!("registration", InText(&[("hub", "hub.register", "body")]), RegisterAddress),
    json!("accepts", Here(&[br#"{"version":1,"accepts":[{"self":true}],"frozen":false}"#]), ChangeAccepts),
    json!("address-state", InText(&[("hub", "hub.register", "body")]), AddressState),
    json!("root-put", Here(&[br#"{"wrapped":"aGFsbG8","owner":{"kty":"OKP","crv":"Ed25519","x":"GH9An3iEYofKYeRtaQgc-8qLmLlQMVJ3j1Fqs4J_NUM"}}"#]), WrappedRoot),
    json!("problem", Here(&[br#"{"type":"urn:denizen:problem:gone","title":"x","status":410}"#]), Problem),
    text!("request-signature", InText(&[("hub", "hub.request", "signature-input")]), |t| {
        let mut lines = t.splitn(3, '\n').map(str::to_owned);
        let headers = SignatureHeaders {
            signature_input: lines.next().unwrap_or_default(),
            content_digest: lines.next().unwrap_or_default(),
            signature: lines.next().unwrap_or_default(),
        };
        drop(UnverifiedSignature::parse(headers, &HubId::new([7; 32])));
    }),
    // Envelopes and what is in them.
    whole!("envelope", InBytes(&[("envelope", "envelope.parse", "envelope")]), |b| {
        Envelope::parse(b).ok().map(|e| e.encode())
    }),
    whole!("header", InBytes(&[("message", "message.verify", "header")]), |b| {
        Header::parse(b).ok().map(|h| h.encode())
    }),
    whole!("signed-object", InBytes(&[("objects", "objects.signed", "object")]), |b| {
        Unverified::parse(b).ok().map(|_| b.to_vec())
    }),
    bytes!("message", InBytes(&[("message", "message.verify", "message")]), |b| {
        if let Ok((message, kid)) = Message::danger_claimed(b) {
            let _ = (message.commit(), split_kid(&kid));
        }
    }),
    bytes!("message-body", Samples::Made(deep::payloads), deep::message),
    bytes!("padding", Here(&[&[0; 4096]]), |b| {
        let _ = unpad(b);
    }),
    bytes!("sealed-object", Samples::Made(deep::objects), deep::object),
    bytes!("pass", InBytes(&[("objects", "objects.pass", "object")]), |b| {
        drop(Pass::danger_claimed_signer(b));
    }),
    bytes!("key-statement", InBytes(&[("objects", "objects.keys", "object")]), |b| {
        drop(KeyStatement::verify(b, VERIFIER));
    }),
    // Credentials.
    text!("credential", InText(&[("credential", "credential.verify", "credential")]), |t| {
        drop(UnverifiedCredential::parse(t));
    }),
    text!("presentation", InText(&[("credential", "credential.presentation", "presentation")]), |t| {
        drop(UnverifiedPresentation::parse(t));
    }),
    text!("compact-jws", InText(&[("credential", "credential.status_list", "token")]), |t| {
        drop(UnverifiedCompact::parse(t));
    }),
    bytes!("credential-claims", Samples::Made(deep::credentials), deep::credential),
    bytes!("status-list", Samples::Made(deep::status_lists), deep::status_list),
    json!("public-key", InText(&[("credential", "credential.verify", "issuer_key")]), PublicKey),
    bytes!("dcql", Samples::Made(deep::queries), |b| drop(Query::parse(b, ValueMatching::Refused))),
    bytes!("claims", Samples::Made(deep::claims), |b| {
        if let Ok(claims) = serde_json::from_slice(b) {
            for kind in catalogue().kinds() {
                drop(kind.check(&claims));
            }
        }
    }),
    // The log and the directory.
    text!("proof", InText(&[("deposit", "deposit.proof", "proof")]), |t| drop(UnverifiedProof::parse(t))),
    text!("note", InText(&[("log", "log.note", "note"), ("log", "log.checkpoint", "note")]), |t| {
        drop(UnverifiedNote::parse(t));
    }),
    text!("vkey", InText(&[("log", "log.note", "vkey")]), |t| drop(NoteVerifier::parse(t))),
    whole!("tile-path", InText(&[("log", "log.tile_path", "path")]), |b| {
        let text = std::str::from_utf8(b).ok()?;
        TilePath::parse(text).map(|p| p.to_string().into_bytes())
    }),
    whole!("bundle", InBytes(&[("log", "log.bundle", "bundle")]), |b| {
        encode_bundle(decode_bundle(b).ok()?.iter().copied()).ok()
    }),
    bytes!("tile", Here(&[&[7; 64]]), |b| drop(Tile::decode_hashes(b))),
    whole!("opening", InBytes(&[("deposit", "deposit.opening", "opening")]), |b| {
        LeafOpening::parse(b).map(|o| o.encode())
    }),
    bytes!("directory-entry", InBytes(&[("directory", "directory.replay", "entries")]), |b| {
        drop(Directory::new(HubId::new([7; 32])).apply(b, VERIFIER));
    }),
    json!("hub-statement", InText(&[("deposit", "deposit.proof", "hub_statement")]), Statement),
    // What people and offices hand over.
    whole!("base45", Here(&[b"%69 VD92EX0", b"FGW", b"GGW", b"V5"]), |b| {
        let bytes = base45::decode(std::str::from_utf8(b).ok()?)?;
        Some(base45::encode(&bytes).into_bytes())
    }),
    text!("invitation", InText(&[("link", "link.invitation", "text")]), |t| drop(UnverifiedInvitation::parse(t))),
    text!("kit", InText(&[("recovery", "recovery.kit", "text")]), |t| drop(Kit::parse(t))),
    text!("device-link", Here(&[b"denizen:device#gQ"]), |t| drop(DeviceLink::parse(t))),
    bytes!("wrapped-root", InBytes(&[("recovery", "recovery.unwrap", "wrapped")]), |b| {
        // Cut before its last part, so that no input stretches a passphrase.
        let cut = b.get(..40).unwrap_or(b);
        drop(unwrap_passphrase(cut, "x", &Zeroizing::new([0; 16])));
        drop(unwrap_prf(b, &Zeroizing::new([0; 32])));
        drop(open_stored(b, &[0; 32]));
    }),
    bytes!("helper-files", InBytes(&[("mandate", "mandate.card", "card")]), |b| {
        drop(HelperCard::read(b, VERIFIER));
        drop(Given::read(b, VERIFIER));
        drop(HelperDraft::read(b, VERIFIER));
        drop(Ask::read(b, VERIFIER));
    }),
    bytes!("mapping", Files(&["demo/border/mapping.toml", "demo/clinic/mapping.toml"]), |b| {
        drop(Mapping::parse(&String::from_utf8_lossy(b), &catalogue()));
        drop(RestSource::parse(&String::from_utf8_lossy(b)));
    }),
    bytes!("rows-csv", Files(&["demo/border/crossings.csv", "demo/border/crossings-with-errors.csv"]), |b| {
        rows("demo/border/mapping.toml", b);
    }),
    bytes!("rows-ndjson", Files(&["demo/border/documents.ndjson"]), |b| {
        rows("demo/border/documents-mapping.toml", b);
    }),
    bytes!("locale", Here(&[br#"{"a-key":"text with {slot}"}"#]), |b| drop(Locale::parse("en", b))),
    bytes!("export-manifest", Here(&[b"\x83\x40\x40\x40"]), |b| {
        let files = BTreeMap::from([(denizen_holder::MANIFEST_FILE.to_owned(), b.to_vec())]);
        drop(verify_export(&files, START));
    }),
];

/// Judges rows by a mapping of the demonstration.
fn rows(mapping: &str, bytes: &[u8]) {
    let mapping = String::from_utf8_lossy(&crate::samples::file_of(mapping)).into_owned();
    if let Ok(mapping) = Mapping::parse(&mapping, &catalogue()) {
        drop(check_file(bytes, &mapping, &catalogue(), START));
    }
}
