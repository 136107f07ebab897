//! A reader written from `docs/spec/` alone, in another language, beside ours: it reads every vector,
//! and fresh envelopes go both ways.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use denizen_jose::{base64url_decode, base64url_encode};
use denizen_model::envelope::Envelope;
use denizen_oracles::say;
use denizen_oracles::{
    peer::{node, root},
    vectors::{input_of, world::World},
};
use denizen_seal::{AddressIndex, Portable, RootSecret, Sealer as _};
use rand_core::SeedableRng as _;
use serde_json::{Value, json};

const PAGES: [&str; 12] = [
    "keys",
    "objects",
    "directory",
    "link",
    "envelope",
    "message",
    "deposit",
    "log",
    "credential",
    "mandate",
    "recovery",
    "hub",
];

fn jobs(jobs: &[Value]) -> Vec<Value> {
    serde_json::from_value(node("reader.mjs", &json!({"jobs": jobs}))).unwrap()
}

#[test]
fn it_reads_every_vector_of_its_pages_as_stated_and_refuses_the_negative_ones() {
    for page in PAGES {
        let path = root().join(format!("docs/spec/vectors/{page}.json"));
        let book: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let positive = book["positive"].as_array().unwrap();
        let negative = book["negative"].as_array().unwrap();
        let asked: Vec<_> = positive
            .iter()
            .map(|v| json!({"op": v["op"], "in": v["in"]}))
            .collect();
        for (vector, got) in positive.iter().zip(jobs(&asked)) {
            assert_eq!(
                got["out"], vector["out"],
                "{page}: {}: {got}",
                vector["name"]
            );
        }
        let asked = negative
            .iter()
            .map(|v| json!({"op": v["op"], "in": input_of(&book, v)}));
        for (vector, got) in negative.iter().zip(jobs(&asked.collect::<Vec<_>>())) {
            assert!(
                got["refused"].is_string(),
                "{page}: {}: {got}",
                vector["because"]
            );
        }
        say!(
            "{page}: it read {} vectors as stated and refused {}",
            positive.len(),
            negative.len()
        );
    }
}

#[test]
fn it_opens_our_envelope_verifies_the_message_and_checks_the_receipt() {
    let world = World::make();
    let path = root().join("docs/spec/vectors/deposit.json");
    let book: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let receipt = &book["positive"]
        .as_array()
        .unwrap()
        .iter()
        .find(|v| v["op"] == "deposit.receipt")
        .unwrap()["in"];
    let keys = json!({"root": world.root_text(), "index": 1, "salt": world.salt, "envelope": receipt["envelope"]});
    let opened = jobs(&[
        json!({"op": "envelope.open", "in": keys}),
        json!({"op": "deposit.receipt", "in": receipt}),
    ]);
    let message = &opened[0]["out"]["message"];
    assert_eq!(
        message,
        &json!(base64url_encode(world.signed_message().as_bytes()))
    );
    let verify = json!({"message": message, "key": world.message_key().public_for().key(),
        "from": {"org": world.org}, "header": base64url_encode(world.header().encode())});
    let read = jobs(&[json!({"op": "message.verify", "in": verify})]);
    let read = &read[0]["out"];
    assert_eq!(read["type"], "record/issue");
    say!(
        "it opened our envelope: {} with {} papers; receipt: {}",
        read["type"],
        read["attachments"].as_array().unwrap().len(),
        opened[1]["out"]
    );
}

#[test]
fn fresh_envelopes_of_every_size_class_go_both_ways() {
    let mut rng = rand_chacha::ChaCha20Rng::from_seed([0xee; 32]);
    let world = World::make();
    let root = RootSecret::from_bytes([0x5a; 32]);
    let keys = root.derive_address(AddressIndex(9), Some(&world.salt));
    let header = denizen_model::envelope::Header {
        to: keys.address(),
        ..world.header()
    };
    for size in [0usize, 4092, 4093, 70_000] {
        let message = vec![0x6d; size];
        let sealed = Portable
            .seal(&keys.kem.public(), &header, &message, &mut rng)
            .unwrap()
            .encode();
        let open = json!({"root": base64url_encode(root.danger_bytes()), "index": 9, "salt": world.salt, "envelope": base64url_encode(&sealed)});
        let seal = json!({"kem": base64url_encode(keys.kem.public().to_bytes()), "message": base64url_encode(&message),
            "header": {"suite": 1, "hub": header.hub, "to": header.to, "commit": header.commit}});
        let done = jobs(&[
            json!({"op": "envelope.open", "in": open}),
            json!({"op": "envelope.seal", "in": seal}),
        ]);
        assert_eq!(
            done[0]["out"]["message"],
            base64url_encode(&message),
            "{}",
            done[0]
        );
        let theirs = base64url_decode(done[1]["out"]["envelope"].as_str().unwrap()).unwrap();
        let opened = Portable
            .open(&keys.kem, &Envelope::parse(&theirs).unwrap())
            .unwrap();
        assert_eq!(opened, message);
        say!(
            "{size} bytes: it opened ours ({}), we opened its ({})",
            sealed.len(),
            theirs.len()
        );
    }
}
