//! `attachments.md`: sealing and opening objects, and the bodies that carry them. Objects are large, so a
//! vector says how one is made and altered: content byte *i* is *i* modulo 251.

use super::{Book, Outcome, array, b, bytes, flipped, named, no_such, number, value, with};
use denizen_api::wire::{DepositOutcome, ObjectPart, UploadState};
use denizen_model::{
    DepositId, Nonce, Sha256Hash,
    commit::attachment_hash,
    deposit::Receipt,
    object::{ObjectFor, ObjectKey, SEALED_CHUNK_SIZE_BYTES},
};
use denizen_seal::{SealedObject, danger_seal_object_under, open_object};
use serde_json::{Value, json};

pub(super) fn run(op: &str, input: &Value) -> Outcome {
    match op {
        "aad" => Ok(json!({"aad": b(place(input).encode())})),
        "sealed" => {
            let sealed = sealed(input);
            let (first, last) = (
                &sealed.bytes[..32],
                &sealed.bytes[sealed.bytes.len() - 32..],
            );
            Ok(json!({
                "id": sealed.id, "size": sealed.bytes.len(), "first": b(first), "last": b(last),
                "hash": attachment_hash(&Nonce::new(array(input, "salt")), &content(input)),
            }))
        }
        "open" => {
            let altered = altered(sealed(input).bytes, &input["altered"]);
            let id = match input["id"].as_str() {
                Some(_) => value(input, "id"),
                // Whoever alters an object can name the altered one.
                None => Sha256Hash::of(&altered),
            };
            let with = &input["opened_with"];
            let (key, of) = (ObjectKey::new(array(with, "key")), place(with));
            let opened = open_object(&altered, &id, &key, &of).map_err(named)?;
            Ok(json!({"size": opened.len(), "sha256": Sha256Hash::of(&opened)}))
        }
        "part" => {
            let part = ObjectPart::decode(&bytes(input, "body")).ok_or("Malformed")?;
            Ok(json!({
                "deposit_id": b(part.deposit_id.as_bytes()), "size": part.size,
                "offset": part.offset, "pass": part.pass.map(b), "reserved": part.reserved,
                "bytes": b(part.bytes),
            }))
        }
        "state" => {
            let state = UploadState::decode(&bytes(input, "body")).ok_or("Malformed")?;
            Ok(match state {
                UploadState::Going { received } => json!({"received": received}),
                UploadState::Done(DepositOutcome::Stored {
                    pos,
                    index,
                    receipt,
                }) => json!({"pos": pos, "index": index, "receipt": receipt}),
                UploadState::Done(DepositOutcome::Gone { index }) => json!({"gone": index}),
                UploadState::Done(DepositOutcome::Refused(kind)) => json!({"refused": kind}),
            })
        }
        _ => no_such(),
    }
}

fn place(input: &Value) -> ObjectFor {
    ObjectFor {
        suite: u16::try_from(number(input, "suite")).unwrap(),
        hub: value(input, "hub"),
        to: value(input, "to"),
    }
}

fn content(input: &Value) -> Vec<u8> {
    let byte = |i: u64| u8::try_from(i % 251).unwrap();
    (0..number(input, "content_size")).map(byte).collect()
}

fn sealed(input: &Value) -> SealedObject {
    let key = ObjectKey::new(array(input, "key"));
    danger_seal_object_under(&key, &content(input), &place(input)).unwrap()
}

fn altered(bytes: Vec<u8>, how: &Value) -> Vec<u8> {
    let chunk = SEALED_CHUNK_SIZE_BYTES;
    let at = |name: &str| usize::try_from(number(how, name)).unwrap();
    let chunk_at = |n: usize| bytes[n * chunk..(n + 1) * chunk].to_vec();
    match how["how"].as_str() {
        None => bytes,
        Some("cut") => bytes[..at("size")].to_vec(),
        Some("flip") => flipped(&bytes, at("at")),
        // In their new order; one may be left out or come twice.
        Some("chunks") => {
            let order = how["order"].as_array().unwrap().iter();
            let order = order.map(|n| usize::try_from(n.as_u64().unwrap()).unwrap());
            order.flat_map(chunk_at).collect()
        }
        Some(other) => panic!("{other} is no alteration"),
    }
}

pub(super) fn book() -> Book {
    let mut book = Book::new("attachments");
    let at = json!({
        "key": b([0xa1; 32]), "hub": b([0xa2; 32]), "to": b([0xa3; 32]), "suite": 1,
    });
    let output = run("aad", &at).unwrap();
    book.good("of a chunk", "attachments.aad", at.clone(), output);
    for (name, size) in [
        ("an empty file: one chunk", 0),
        ("as much as one chunk holds", 65_532),
        ("a byte more: two chunks", 65_533),
        ("four chunks", 200_000),
    ] {
        let input = with(&at, json!({"content_size": size, "salt": b([0xa4; 32])}));
        let output = run("sealed", &input).unwrap();
        book.good(name, "attachments.sealed", input, output);
    }
    opened(&mut book, &at);
    bodies(&mut book);
    book
}

fn opened(book: &mut Book, at: &Value) {
    let good = with(
        at,
        json!({"content_size": 200_000, "opened_with": at, "altered": {}, "id": null}),
    );
    let output = run("open", &good).unwrap();
    book.good("four chunks", "attachments.open", good.clone(), output);
    let chunk = SEALED_CHUNK_SIZE_BYTES;
    let orders = [
        ("two chunks are swapped", vec![1, 0, 2, 3]),
        ("the last two chunks are swapped", vec![0, 1, 3, 2]),
        ("a chunk comes twice", vec![0, 1, 1, 3]),
        ("the last chunk is left out", vec![0, 1, 2]),
        ("the last two chunks are left out", vec![0, 1]),
        ("the last chunk alone", vec![3]),
        ("chunks are added", vec![0, 1, 2, 3, 0, 1, 2, 3]),
        ("no chunk", vec![]),
    ];
    let mut alterations: Vec<(&str, Value)> = orders
        .into_iter()
        .map(|(because, order)| (because, json!({"how": "chunks", "order": order})))
        .collect();
    alterations.extend([
        (
            "cut within a chunk",
            json!({"how": "cut", "size": 4 * chunk - 1}),
        ),
        (
            "a bit of the first chunk is changed",
            json!({"how": "flip", "at": 0}),
        ),
        (
            "a bit of the last chunk's tag is changed",
            json!({"how": "flip", "at": 4 * chunk - 1}),
        ),
    ]);
    for (because, how) in alterations {
        let input = with(&good, json!({"altered": how}));
        book.bad(because, "attachments.open", input, "ObjectOpenError");
    }
    for (because, members) in [
        ("another key", json!({"key": b([0xb1; 32])})),
        ("for another hub", json!({"hub": b([0xb2; 32])})),
        ("for another address", json!({"to": b([0xb3; 32])})),
        ("of another suite", json!({"suite": 2})),
    ] {
        let input = with(&good, json!({"opened_with": with(at, members)}));
        book.bad(because, "attachments.open", input, "ObjectOpenError");
    }
    let input = with(&good, json!({"id": b([0xb4; 32])}));
    book.bad("another id", "attachments.open", input, "ObjectOpenError");
}

fn bodies(book: &mut Book) {
    let part = ObjectPart {
        deposit_id: DepositId::new([0xa5; 16]),
        size: 65_552,
        offset: 0,
        pass: None,
        reserved: false,
        bytes: vec![7; 5],
    };
    let inbox = ObjectPart {
        pass: Some(b"pass".to_vec()),
        reserved: true,
        bytes: Vec::new(),
        ..part.clone()
    };
    for (name, part) in [("a part", &part), ("the question, with a pass", &inbox)] {
        let input = json!({"body": b(part.encode())});
        let output = run("part", &input).unwrap();
        book.good(name, "attachments.part", input, output);
    }
    let receipt = Receipt {
        proof: "proof".into(),
        nonce_a: Nonce::new([0xa6; 32]),
    };
    let stored = DepositOutcome::Stored {
        pos: 3,
        index: 300,
        receipt,
    };
    let states = [
        ("on its way", UploadState::Going { received: 65_552 }),
        ("whole", UploadState::Done(stored)),
        (
            "erased since",
            UploadState::Done(DepositOutcome::Gone { index: 12 }),
        ),
    ];
    for (name, state) in &states {
        let input = json!({"body": b(state.encode())});
        let output = run("state", &input).unwrap();
        book.good(name, "attachments.state", input, output);
    }
    for (op, body) in [
        ("attachments.part", part.encode()),
        ("attachments.state", states[0].1.encode()),
    ] {
        let cut = json!({"body": b(&body[..body.len() - 1])});
        book.bad("cut short", op, cut, "Malformed");
        let longer = json!({"body": b([&body[..], &[0]].concat())});
        book.bad("a byte behind it", op, longer, "Malformed");
    }
}
