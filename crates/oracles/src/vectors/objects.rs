//! `objects.md`: signed objects, key statements, passes.

use super::{
    Book, Outcome, array, b, bytes, flipped, key, named, no_such, number, text, value, with,
    world::{NOW, World, secret},
};
use denizen_jose::{Alg, Object, Portable, SecretKey, Signer as _, Unverified, base64url_encode};
use denizen_model::{
    HubId, Nonce, PublicKeyFor, SecretKeyFor, Sha256Hash, UnixTime,
    cbor::{self, Item},
    id::Bytes,
    key::Auth,
    link::{KEYS_TYP, KeyStatement},
    pass::{Bind, Pass, PassUse},
};
use serde_json::{Value, json};

pub(super) fn run(op: &str, input: &Value) -> Outcome {
    match op {
        "signed" => {
            let object = bytes(input, "object");
            let read = Unverified::parse(&object)
                .and_then(|o| o.verify(&Portable, &key(input, "key"), text(input, "typ")))
                .map_err(named)?;
            Ok(json!({"kid": read.kid(), "payload": b(read.payload())}))
        }
        "keys" => {
            let keys = KeyStatement::verify(&bytes(input, "object"), &Portable).map_err(named)?;
            Ok(serde_json::to_value(keys).unwrap())
        }
        "pass" => {
            let signer = PublicKeyFor::new(key(input, "key")).unwrap();
            let hub = HubId::new(array(input, "hub"));
            let now = UnixTime(number(input, "now").cast_signed());
            let pass_use: PassUse = value(input, "use");
            let pass = Pass::verify(
                &bytes(input, "object"),
                &Portable,
                &signer,
                &hub,
                pass_use,
                now,
            );
            Ok(serde_json::to_value(pass.map_err(named)?).unwrap())
        }
        _ => no_such(),
    }
}

pub(super) fn book(world: &World) -> Book {
    let mut book = Book::new("objects");
    signed(&mut book);
    keys(&mut book, world);
    pass(&mut book, world);
    book
}

/// An object whose three parts are given: what no signer of ours would write.
fn raw(signer: &SecretKey, protected: &str, payload: &[u8]) -> Vec<u8> {
    let input = [base64url_encode(protected).as_bytes(), b".", payload].concat();
    let signature = signer.sign(&input);
    cbor::array(&[
        Item::Bytes(protected.as_bytes()),
        Item::Bytes(payload),
        Item::Bytes(&signature),
    ])
}

fn signed(book: &mut Book) {
    let ed = SecretKey::from_seed(Alg::Ed25519, &[0x22; 32]).unwrap();
    let es = SecretKey::from_seed(Alg::Es256, &[0x21; 32]).unwrap();
    let payload = br#"{"text":"hello"}"#;
    let of = |object: &[u8], key: &SecretKey| json!({"object": b(object), "key": key.public(), "typ": "denizen-note+json"});
    let object = Object::sign(&ed, "k1", "denizen-note+json", payload);
    let by_es = Object::sign(&es, "k1", "denizen-note+json", payload);
    let output = json!({"kid": "k1", "payload": b(payload)});
    book.good(
        "signed with Ed25519",
        "objects.signed",
        of(object.as_bytes(), &ed),
        output.clone(),
    );
    book.good(
        "signed with ES256",
        "objects.signed",
        of(by_es.as_bytes(), &es),
        output,
    );
    let good = of(object.as_bytes(), &ed);
    let bytes = object.as_bytes();
    let indefinite = [&[0x9f], &bytes[1..], &[0xff]].concat();
    let header =
        r#"{"alg":"Ed25519","b64":false,"crit":["b64"],"kid":"k1","typ":"denizen-note+json"}"#;
    let altered = |from: &str, to: &str| b(raw(&ed, &header.replace(from, to), payload));
    for (because, members, error) in [
        (
            "a byte follows the array",
            json!({"object": b([bytes, &[0]].concat())}),
            "Malformed",
        ),
        (
            "the last byte is cut",
            json!({"object": b(&bytes[..bytes.len() - 1])}),
            "Malformed",
        ),
        (
            "the array is of indefinite length",
            json!({"object": b(indefinite)}),
            "Malformed",
        ),
        (
            "the header has a further member",
            json!({"object": altered("\"kid\"", "\"jku\":\"x\",\"kid\"")}),
            "HeaderUnknown",
        ),
        (
            "b64 is true",
            json!({"object": altered("false", "true")}),
            "HeaderUnknown",
        ),
        (
            "crit is empty",
            json!({"object": altered("[\"b64\"]", "[]")}),
            "HeaderUnknown",
        ),
        (
            "alg is none",
            json!({"object": altered("\"Ed25519\"", "\"none\"")}),
            "HeaderUnknown",
        ),
        (
            "alg is the older EdDSA",
            json!({"object": altered("\"Ed25519\"", "\"EdDSA\"")}),
            "HeaderUnknown",
        ),
        (
            "another typ is asked for",
            json!({"typ": "denizen-pass+json"}),
            "OtherType",
        ),
        (
            "the key is of another algorithm",
            json!({"key": es.public()}),
            "OtherAlg",
        ),
        (
            "a bit of the signature is changed",
            json!({"object": b(flipped(bytes, bytes.len() - 1))}),
            "BadSignature",
        ),
        (
            "a bit of the payload is changed",
            json!({"object": b(flipped(bytes, bytes.len() - 70))}),
            "BadSignature",
        ),
    ] {
        book.bad(because, "objects.signed", with(&good, members), error);
    }
}

fn keys(book: &mut Book, world: &World) {
    let object = world.link.statement(world.hub);
    let of = |object: &Object| json!({"object": b(object.as_bytes())});
    let statement: KeyStatement = serde_json::from_slice(object.payload()).unwrap();
    let output = serde_json::to_value(&statement).unwrap();
    book.good(
        "the keys of an address",
        "objects.keys",
        of(&object),
        output,
    );
    let other: SecretKeyFor<Auth> = secret(0x77);
    let by_other = statement.sign_with(&other);
    book.bad(
        "signed by another key than auth",
        "objects.keys",
        of(&by_other),
        "Signature(BadSignature)",
    );
    let change = |change: &dyn Fn(&mut KeyStatement)| {
        let mut changed = statement.clone();
        change(&mut changed);
        of(&changed.sign_with(&world.link.auth))
    };
    let moved = change(&|s| s.address = denizen_model::AddressId::new([9; 32]));
    book.bad(
        "address is not SHA-256 of auth",
        "objects.keys",
        moved,
        "OtherAddress",
    );
    book.bad(
        "another suite",
        "objects.keys",
        change(&|s| s.suite = 2),
        "Malformed",
    );
    let short = change(&|s| s.kem = Bytes(vec![0; 1184]));
    book.bad(
        "kem is an ML-KEM key without X25519",
        "objects.keys",
        short,
        "Malformed",
    );
    let pass = Object::sign(
        world.link.auth.signer(),
        "auth",
        "denizen-pass+json",
        object.payload(),
    );
    book.bad(
        "another typ",
        "objects.keys",
        of(&pass),
        "Signature(OtherType)",
    );
    assert_eq!(object.typ(), KEYS_TYP);
}

fn pass(book: &mut Book, world: &World) {
    let pass = Pass {
        v: 1,
        pass_use: PassUse::Deposit,
        org: world.org,
        hub: world.hub,
        inbox: Some(world.inbox()),
        bind: Bind::Nonce(Nonce::new([0x61; 32])),
        uses: 4,
        not_before: NOW,
        not_after: NOW.plus_s(30 * UnixTime::DAY_S),
        quota: 1 << 20,
    };
    let kid = world.org_kid("p1");
    let of = |pass: &Pass| {
        json!({"object": b(pass.sign(&world.pass_key(), &kid).as_bytes()),
            "key": world.pass_key().public_for().key(), "hub": world.hub, "use": pass.pass_use, "now": NOW})
    };
    let output = serde_json::to_value(&pass).unwrap();
    book.good(
        "a deposit pass of an invitation",
        "objects.pass",
        of(&pass),
        output,
    );
    let register = Pass {
        pass_use: PassUse::Register,
        inbox: None,
        uses: 1,
        ..pass.clone()
    };
    let output = serde_json::to_value(&register).unwrap();
    book.good("a register pass", "objects.pass", of(&register), output);
    let thumbprint = world.link.deposit.public_for().key().thumbprint();
    let lasting = Pass {
        bind: Bind::Key(Sha256Hash::new(thumbprint)),
        uses: 200,
        ..pass.clone()
    };
    let output = serde_json::to_value(&lasting).unwrap();
    book.good(
        "a lasting pass bound to a deposit key",
        "objects.pass",
        of(&lasting),
        output,
    );
    let good = of(&pass);
    let other = secret::<denizen_model::key::Pass>(0x77);
    for (because, members, error) in [
        (
            "at another hub",
            json!({"hub": Nonce::new([1; 32])}),
            "OtherUse",
        ),
        ("for another use", json!({"use": "register"}), "OtherUse"),
        ("before its time", json!({"now": NOW.0 - 1}), "Expired"),
        (
            "after its time",
            json!({"now": pass.not_after.0 + 1}),
            "Expired",
        ),
        (
            "signed by another key",
            json!({"object": b(pass.sign(&other, &kid).as_bytes())}),
            "Signature(BadSignature)",
        ),
    ] {
        book.bad(because, "objects.pass", with(&good, members), error);
    }
    let next = Pass { v: 2, ..pass };
    book.bad("of another version", "objects.pass", of(&next), "Malformed");
}
