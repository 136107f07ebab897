//! `hub.md`: signed requests, the registration, batches, answers.

use super::{
    Book, Outcome, array, b, bytes, key, named, no_such, number, text, with,
    world::{NOW, World, secret},
};
use denizen_api::{
    signature::{Covered, SignatureHeaders, UnverifiedSignature, sign},
    wire::{
        Accept, DepositItem, DepositOutcome, FetchAnswer, Fetched, RegisterAddress, decode_batch,
        decode_outcomes, encode_batch, encode_outcomes,
    },
};
use denizen_jose::Portable;
use denizen_model::{
    DepositId, HubId, Nonce, Sha256Hash, UnixTime, deposit::Receipt, id::Bytes, key::Auth,
};
use serde_json::{Value, json};

pub(super) fn run(op: &str, input: &Value) -> Outcome {
    match op {
        "request" => {
            let body = bytes(input, "body");
            let covered = Covered {
                method: text(input, "method"),
                path: text(input, "path"),
                query: text(input, "query"),
                body: &body,
            };
            let headers = SignatureHeaders {
                content_digest: text(input, "content-digest").into(),
                signature_input: text(input, "signature-input").into(),
                signature: text(input, "signature").into(),
            };
            let hub = HubId::new(array(input, "hub"));
            let now = UnixTime(number(input, "now").cast_signed());
            let read = UnverifiedSignature::parse(headers, &hub).map_err(named)?;
            read.verify(&covered, &Portable, &key(input, "key"), &hub, now)
                .map_err(named)?;
            Ok(json!({"keyid": read.keyid()}))
        }
        "register" => {
            let body: Result<RegisterAddress, _> =
                serde_json::from_slice(text(input, "body").as_bytes());
            Ok(serde_json::to_value(body.map_err(|_| "Malformed")?).unwrap())
        }
        "batch" => {
            let item = |i: DepositItem| json!({"deposit_id": i.deposit_id, "envelope": b(i.envelope), "pass": i.pass.map(b), "reserved": i.reserved});
            let items = decode_batch(&bytes(input, "body")).ok_or("Malformed")?;
            Ok(json!(items.into_iter().map(item).collect::<Vec<_>>()))
        }
        "outcomes" => {
            let outcome = |o: DepositOutcome| match o {
                DepositOutcome::Stored {
                    pos,
                    index,
                    receipt,
                } => json!({"pos": pos, "index": index, "receipt": receipt}),
                DepositOutcome::Gone { index } => json!({"gone": index}),
                DepositOutcome::Refused(kind) => json!({"refused": kind}),
            };
            let outcomes = decode_outcomes(&bytes(input, "body")).ok_or("Malformed")?;
            Ok(json!(outcomes.into_iter().map(outcome).collect::<Vec<_>>()))
        }
        "fetch" => {
            let answer = FetchAnswer::decode(&bytes(input, "body")).ok_or("Malformed")?;
            let item = |i: Fetched| match i {
                Fetched::Envelope {
                    pos,
                    envelope,
                    receipt,
                } => json!({"pos": pos, "envelope": b(envelope), "receipt": receipt}),
                Fetched::Object { pos, id, receipt } => {
                    json!({"pos": pos, "id": id.to_text(), "receipt": receipt})
                }
                Fetched::Tombstone { pos, index } => json!({"pos": pos, "index": index}),
            };
            let items: Vec<_> = answer.items.into_iter().map(item).collect();
            Ok(json!({"head": b(answer.head), "checkpoint": answer.checkpoint, "items": items}))
        }
        _ => no_such(),
    }
}

pub(super) fn book(world: &World) -> Book {
    let mut book = Book::new("hub");
    let register = RegisterAddress {
        v: 1,
        auth: world.link.auth.public_for(),
        salt: Some(world.salt),
        accepts: vec![Accept::Org(world.org)],
        pass: Some(Bytes(b"a register pass".to_vec())),
    };
    registrations(&mut book, world, &register);
    requests(
        &mut book,
        world,
        serde_json::to_string(&register).unwrap().as_bytes(),
    );
    bodies(&mut book);
    book
}

fn registrations(book: &mut Book, world: &World, register: &RegisterAddress) {
    let of = |body: Value| json!({"body": body.to_string()});
    let value = serde_json::to_value(register).unwrap();
    let own = json!({"v": 1, "auth": value["auth"], "accepts": [{"self": true}]});
    let inbox = with(&own, json!({"accepts": [{"pass_by": world.org}]}));
    for (name, body) in [
        ("an address of a link", value.clone()),
        ("address 0", own),
        ("an inbox", inbox),
    ] {
        book.good(name, "hub.register", of(body.clone()), body);
    }
    for (because, members) in [
        ("names a person", json!({"name": "x"})),
        (
            "a key of another algorithm",
            json!({"auth": world.link.sign.public_for()}),
        ),
        ("a salt of another length", json!({"salt": b([0; 16])})),
        (
            "accepts somebody by another rule",
            json!({"accepts": [{"everybody": true}]}),
        ),
    ] {
        book.bad(
            because,
            "hub.register",
            of(with(&value, members)),
            "Malformed",
        );
    }
}

fn requests(book: &mut Book, world: &World, body: &[u8]) {
    let auth = world.link.auth.public_for();
    let keyid = denizen_jose::base64url_encode(auth.key().as_bytes());
    let of = |method: &str, path: &str, query: &str, body: &[u8]| {
        let covered = Covered {
            method,
            path,
            query,
            body,
        };
        let signed = sign(&covered, world.link.auth.signer(), &keyid, &world.hub, NOW);
        json!({"method": method, "path": path, "query": query, "body": b(body), "content-digest": signed.content_digest,
            "signature-input": signed.signature_input, "signature": signed.signature,
            "key": auth.key(), "hub": world.hub, "now": NOW})
    };
    let output = json!({"keyid": keyid});
    let good = of("POST", "/v1/addresses", "", body);
    book.good("registering", "hub.request", good.clone(), output.clone());
    let path = format!("/v1/addresses/{}/envelopes", world.link.address().to_text());
    book.good(
        "fetching",
        "hub.request",
        of("GET", &path, "after=3&wait=30", b""),
        output,
    );
    let changed = |from: &str, to: &str| json!({"signature-input": text(&good, "signature-input").replace(from, to)});
    for (because, members) in [
        ("another method", json!({"method": "PUT"})),
        ("another path", json!({"path": "/v1/deposits"})),
        ("another query", json!({"query": "wait=1"})),
        ("another body", json!({"body": b("{}")})),
        ("at another hub", json!({"hub": b([1; 32])})),
        ("more than 300 s later", json!({"now": NOW.0 + 301})),
        ("more than 300 s earlier", json!({"now": NOW.0 - 301})),
        (
            "by another key",
            json!({"key": secret::<Auth>(0x77).public_for().key()}),
        ),
        (
            "the digest is not covered",
            changed(" \"content-digest\"", ""),
        ),
        (
            "another algorithm is named",
            changed("ed25519", "hmac-sha256"),
        ),
        ("another label", changed("sig1=", "sig2=")),
        ("no signature", json!({"signature": ""})),
    ] {
        book.bad(
            because,
            "hub.request",
            with(&good, members),
            "SignatureError",
        );
    }
}

fn bodies(book: &mut Book) {
    let item = |n: u8, pass: Option<Vec<u8>>| DepositItem {
        deposit_id: DepositId::new([n; 16]),
        envelope: vec![n; 3],
        pass,
        reserved: n == 2,
    };
    let batch = encode_batch(&[item(1, Some(b"pass".to_vec())), item(2, None)]);
    let output = run("batch", &json!({"body": b(&batch)})).unwrap();
    book.good(
        "two deposits, the second reserved",
        "hub.batch",
        json!({"body": b(&batch)}),
        output,
    );
    let receipt = Receipt {
        proof: "c2sp.org/tlog-proof@v1\n".into(),
        nonce_a: Nonce::new([4; 32]),
    };
    let outcomes = encode_outcomes(&[
        DepositOutcome::Stored {
            pos: 7,
            index: 300,
            receipt: receipt.clone(),
        },
        DepositOutcome::Gone { index: 12 },
        DepositOutcome::Refused("conflict".into()),
    ]);
    let output = run("outcomes", &json!({"body": b(&outcomes)})).unwrap();
    book.good(
        "stored, gone, refused",
        "hub.outcomes",
        json!({"body": b(&outcomes)}),
        output,
    );
    let fetched = FetchAnswer {
        head: b"head".to_vec(),
        checkpoint: "note".into(),
        items: vec![
            Fetched::Envelope {
                pos: 0,
                envelope: vec![1; 3],
                receipt: receipt.clone(),
            },
            Fetched::Tombstone { pos: 1, index: 20 },
            Fetched::Object {
                pos: 2,
                id: Sha256Hash::new([9; 32]),
                receipt,
            },
        ],
    };
    let fetched = fetched.encode();
    let output = run("fetch", &json!({"body": b(&fetched)})).unwrap();
    book.good(
        "an envelope, a tombstone and an object",
        "hub.fetch",
        json!({"body": b(&fetched)}),
        output,
    );
    for (op, body) in [
        ("hub.batch", &batch),
        ("hub.outcomes", &outcomes),
        ("hub.fetch", &fetched),
    ] {
        book.bad(
            "a byte follows",
            op,
            json!({"body": b([&body[..], &[0]].concat())}),
            "Malformed",
        );
        book.bad(
            "cut",
            op,
            json!({"body": b(&body[..body.len() - 1])}),
            "Malformed",
        );
    }
    let huge = [0x9a, 0x7f, 0xff, 0xff, 0xff];
    book.bad(
        "a count that the bytes cannot hold",
        "hub.batch",
        json!({"body": b(huge)}),
        "Malformed",
    );
}
