//! `envelope.md`: the envelope's encoding, opening it, and the commitment over its papers.

use super::{
    Book, Outcome, array, b, bytes, flipped, named, no_such, number, value, with,
    world::{World, rng},
};
use denizen_model::{
    AddressId, HubId, Nonce, Sha256Hash,
    cbor::{self, Item},
    commit::{attachment_hash, commit, prove, verify},
    envelope::{ENC_SIZE_BYTES, Envelope, Header},
};
use denizen_seal::{AddressIndex, KemSecret, MESSAGE_INFO, Portable, RootSecret, Sealer as _, pad};
use hpke::{
    Deserializable as _, Kem as _, OpModeS, Serializable as _, aead::ChaCha20Poly1305,
    kdf::HkdfSha256, kem::XWing,
};
use serde_json::{Value, json};

pub(super) fn run(op: &str, input: &Value) -> Outcome {
    match op {
        "parse" => {
            let envelope = Envelope::parse(&bytes(input, "envelope")).map_err(named)?;
            let Header {
                suite,
                hub,
                to,
                commit,
            } = *envelope.header();
            Ok(
                json!({"suite": suite, "hub": hub, "to": to, "commit": commit, "ct_size": envelope.ct().len()}),
            )
        }
        "open" => {
            let envelope = Envelope::parse(&bytes(input, "envelope")).map_err(named)?;
            let root = RootSecret::from_bytes(array(input, "root"));
            let index = AddressIndex(u32::try_from(number(input, "index")).unwrap());
            let salt = Nonce::new(array(input, "salt"));
            let keys = root.derive_address(index, Some(&salt));
            Ok(json!({"message": b(Portable.open(&keys.kem, &envelope).map_err(named)?)}))
        }
        "commit" => {
            let hashes = hashes(&input["attachments"]);
            let path = |i: usize| prove(&hashes, i).unwrap();
            let paths: Vec<_> = (0..hashes.len()).map(path).collect();
            Ok(json!({"commit": commit(&hashes), "paths": paths}))
        }
        "delivered" => {
            let hash = attachment_hash(
                &Nonce::new(array(input, "salt")),
                super::text(input, "data").as_bytes(),
            );
            let at = |name| usize::try_from(number(input, name)).unwrap();
            let path: Vec<Sha256Hash> = value(input, "path");
            let root = Sha256Hash::new(array(input, "commit"));
            let holds = verify(&root, &hash, at("index"), at("count"), &path);
            if holds {
                Ok(json!({}))
            } else {
                Err("Refused".into())
            }
        }
        _ => no_such(),
    }
}

fn hashes(attachments: &Value) -> Vec<Sha256Hash> {
    let hash = |a: &Value| {
        attachment_hash(
            &Nonce::new(array(a, "salt")),
            super::text(a, "data").as_bytes(),
        )
    };
    attachments.as_array().unwrap().iter().map(hash).collect()
}

/// An envelope around a plaintext that our sealer would not write, or under another `info`.
fn sealed_raw(to: &KemSecret, header: &[u8], info: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let key = <XWing as hpke::Kem>::PrivateKey::from_bytes(to.danger_seed()).unwrap();
    let key = XWing::sk_to_pk(&key);
    let mut rng = rng(0x43);
    let sealed = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, XWing>(
        &OpModeS::Base,
        &key,
        info,
        plaintext,
        header,
        &mut rng,
    );
    let (enc, ct) = sealed.unwrap();
    Envelope::new(header.to_vec(), enc.to_bytes().to_vec(), ct)
        .unwrap()
        .encode()
}

pub(super) fn book(world: &World) -> Book {
    let mut book = Book::new("envelope");
    let envelope = world.envelope();
    let header = world.header();
    let parsed = Envelope::parse(&envelope).unwrap();
    let output = json!({"suite": 1, "hub": header.hub, "to": header.to, "commit": header.commit, "ct_size": parsed.ct().len()});
    book.good(
        "what the hub reads",
        "envelope.parse",
        json!({"envelope": b(&envelope)}),
        output.clone(),
    );
    let open = json!({"envelope": b(&envelope), "root": world.root_text(), "index": 1, "salt": b(world.salt.as_bytes())});
    let message = json!({"message": b(world.signed_message().as_bytes())});
    book.good(
        "opened with the root, index and salt",
        "envelope.open",
        open.clone(),
        message,
    );
    let empty = world.link.kem.public();
    let empty = Portable
        .seal(&empty, &header, b"", &mut rng(0x42))
        .unwrap()
        .encode();
    let input = with(&open, json!({"envelope": b(&empty)}));
    book.good(
        "an empty message in the smallest class",
        "envelope.open",
        input,
        json!({"message": ""}),
    );
    let short = world.link.kem.public();
    let short = Portable.seal(&short, &header, b"message", &mut rng(0x45));
    let short = short.unwrap();
    let bytes = short.encode();
    let output = with(&output, json!({"ct_size": short.ct().len()}));
    book.good(
        "a short one",
        "envelope.parse",
        json!({"envelope": b(&bytes)}),
        output,
    );
    let open = with(&open, json!({"envelope": b(&bytes)}));
    book.good(
        "a short message",
        "envelope.open",
        open.clone(),
        json!({"message": b("message")}),
    );
    malformed(&mut book, &short, &bytes);
    swapped(&mut book, world, &short, &open);
    padded(&mut book, world, &open);
    committed(&mut book);
    book
}

fn malformed(book: &mut Book, parsed: &Envelope, envelope: &[u8]) {
    let join = |header: &[u8], enc: &[u8], ct: &[u8]| {
        cbor::array(&[Item::Bytes(header), Item::Bytes(enc), Item::Bytes(ct)])
    };
    let (header, enc, ct) = (parsed.header_bytes(), parsed.enc(), parsed.ct());
    let suite = Header {
        suite: 2,
        ..parsed.header().clone()
    }
    .encode();
    let mut reordered = minicbor::Encoder::new(Vec::new());
    let Header {
        hub, to, commit, ..
    } = parsed.header();
    reordered
        .map(4)
        .unwrap()
        .str("hub")
        .unwrap()
        .bytes(hub.as_bytes())
        .unwrap()
        .str("to")
        .unwrap()
        .bytes(to.as_bytes())
        .unwrap();
    reordered
        .str("suite")
        .unwrap()
        .u8(1)
        .unwrap()
        .str("commit")
        .unwrap()
        .bytes(commit.as_bytes())
        .unwrap();
    // The suite 1 as 0x18 0x01 instead of 0x01.
    let at = header
        .windows(7)
        .position(|w| w == b"\x65suite\x01")
        .unwrap()
        + 6;
    let long = [&header[..at], &[0x18], &header[at..]].concat();
    let indefinite = [&[0x9f], &envelope[1..], &[0xff]].concat();
    for (because, bytes, error) in [
        (
            "the last byte is cut",
            envelope[..envelope.len() - 1].to_vec(),
            "Malformed",
        ),
        ("a byte follows", [envelope, &[0]].concat(), "Malformed"),
        ("the array is of indefinite length", indefinite, "Malformed"),
        (
            "the header's keys stand in another order",
            join(&reordered.into_writer(), enc, ct),
            "Malformed",
        ),
        (
            "a number of the header is longer than it must be",
            join(&long, enc, ct),
            "Malformed",
        ),
        ("the header is empty", join(&[], enc, ct), "Malformed"),
        ("another suite", join(&suite, enc, ct), "SuiteUnknown"),
        (
            "enc is too short",
            join(header, &enc[..ENC_SIZE_BYTES - 1], ct),
            "Malformed",
        ),
        (
            "ct is of no size class",
            join(header, enc, &ct[..ct.len() - 1]),
            "SizeClass",
        ),
        ("no bytes", Vec::new(), "Malformed"),
    ] {
        book.bad(
            because,
            "envelope.parse",
            json!({"envelope": b(bytes)}),
            error,
        );
    }
}

/// Parts of two envelopes, and headers of others: the swap matrix (R5).
fn swapped(book: &mut Book, world: &World, parsed: &Envelope, open: &Value) {
    let other = Portable
        .seal(
            &world.link.kem.public(),
            &world.header(),
            b"another",
            &mut rng(0x44),
        )
        .unwrap();
    let join = |header: &[u8], enc: &[u8], ct: &[u8]| {
        b(Envelope::new(header.to_vec(), enc.to_vec(), ct.to_vec())
            .unwrap()
            .encode())
    };
    let (header, enc, ct) = (parsed.header_bytes(), parsed.enc(), parsed.ct());
    let of = |change: &dyn Fn(&mut Header)| {
        let mut header = parsed.header().clone();
        change(&mut header);
        json!({"envelope": join(&header.encode(), enc, ct)})
    };
    for (because, members) in [
        ("re-addressed", of(&|h| h.to = AddressId::new([1; 32]))),
        ("moved to another hub", of(&|h| h.hub = HubId::new([1; 32]))),
        (
            "another commit",
            of(&|h| h.commit = Sha256Hash::new([1; 32])),
        ),
        (
            "enc of another envelope",
            json!({"envelope": join(header, other.enc(), ct)}),
        ),
        (
            "ct of another envelope",
            json!({"envelope": join(header, enc, other.ct())}),
        ),
        (
            "a bit of enc is changed",
            json!({"envelope": join(header, &flipped(enc, 5), ct)}),
        ),
        (
            "a bit of the X25519 part of enc is changed",
            json!({"envelope": join(header, &flipped(enc, 1100), ct)}),
        ),
        (
            "a bit of ct is changed",
            json!({"envelope": join(header, enc, &flipped(ct, 0))}),
        ),
        (
            "a bit of the tag is changed",
            json!({"envelope": join(header, enc, &flipped(ct, ct.len() - 1))}),
        ),
        ("another salt", json!({"salt": b([0; 32])})),
        ("another index", json!({"index": 2})),
        ("another root", json!({"root": b([0; 32])})),
    ] {
        book.bad(because, "envelope.open", with(open, members), "OpenError");
    }
}

fn padded(book: &mut Book, world: &World, open: &Value) {
    let header = world.header().encode();
    let seal = |info: &[u8], plaintext: &[u8]| json!({"envelope": b(sealed_raw(&world.link.kem, &header, info, plaintext))});
    let good = pad(b"message").unwrap();
    let mut dirty = good.to_vec();
    dirty[4000] = 1;
    let mut long = good.to_vec();
    long[..4].copy_from_slice(&5000u32.to_be_bytes());
    let mut little = good.to_vec();
    little[..4].copy_from_slice(&7u32.to_le_bytes());
    let mut large = good.to_vec();
    large.resize(16 << 10, 0);
    for (because, members) in [
        ("padding that is not zero", seal(MESSAGE_INFO, &dirty)),
        ("a length beyond the class", seal(MESSAGE_INFO, &long)),
        ("a little-endian length", seal(MESSAGE_INFO, &little)),
        (
            "a larger class than the message needs",
            seal(MESSAGE_INFO, &large),
        ),
        (
            "sealed as something else than a message",
            seal(b"denizen/v1/object", &good),
        ),
    ] {
        book.bad(because, "envelope.open", with(open, members), "OpenError");
    }
}

fn committed(book: &mut Book) {
    let attachment = |n: u8| json!({"salt": b([n; 32]), "data": format!("attachment {n}")});
    for (name, count) in [("one attachment", 1), ("two", 2), ("five", 5)] {
        let input = json!({"attachments": (1..=count).map(attachment).collect::<Vec<_>>()});
        let output = run("commit", &input).unwrap();
        book.good(name, "envelope.commit", input, output);
    }
    let none = json!({"attachments": [{"salt": b([7; 32]), "data": ""}]});
    let output = run("commit", &none).unwrap();
    book.good(
        "none: one empty attachment under a salt",
        "envelope.commit",
        none,
        output,
    );
    let five = json!({"attachments": (1..=5).map(attachment).collect::<Vec<_>>()});
    let made = run("commit", &five).unwrap();
    let third = with(
        &attachment(3),
        json!({"index": 2, "count": 5, "commit": made["commit"], "path": made["paths"][2]}),
    );
    book.good(
        "delivery of the third of five alone",
        "envelope.delivered",
        third.clone(),
        json!({}),
    );
    let path = made["paths"][2].as_array().unwrap();
    let longer = [&path[..], &path[..1]].concat();
    for (because, members) in [
        ("another place", json!({"index": 1})),
        ("another count", json!({"count": 3})),
        ("a place beyond the count", json!({"index": 5})),
        ("another attachment", json!({"data": "attachment 4"})),
        ("another salt", json!({"salt": b([4; 32])})),
        ("a path that is too short", json!({"path": path[1..]})),
        ("a path that is too long", json!({"path": longer})),
    ] {
        book.bad(
            because,
            "envelope.delivered",
            with(&third, members),
            "Refused",
        );
    }
}
