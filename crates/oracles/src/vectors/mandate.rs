//! `mandate.md`: keys of one relation, proof of possession, a helper's card, a sealed file.

use super::{
    Book, Outcome, array, b, bytes, flipped, named, no_such, text, value, with,
    world::{World, rng},
};
use denizen_jose::{Object, Portable, PublicKey};
use denizen_model::{
    KeyPurpose, MessageId, OrgId, SecretKeyFor, Sha256Hash, UnixTime,
    id::Bytes,
    mandate::{
        ACTING_TYP, Act, ActingProof, CARD_TYP, GIVEN_TYP, HelperCard, MandateClaims, card_digits,
    },
};
use denizen_seal::{KemSecret, PersonKeys, RootSecret, Sealer as _};
use serde_json::{Value, json};

const REF: [u8; 16] = [0xc1; 16];

fn pair<P: KeyPurpose>(key: &SecretKeyFor<P>) -> Value {
    let public: &PublicKey = &key.public_for().key().clone();
    json!({"secret": b(key.danger_seed()), "public": public})
}

fn claims(thumbprint: &Value) -> MandateClaims {
    let claims = json!({
        "role": "guardian", "delegate": {"name": "B", "key_thumbprint": thumbprint},
        "scope": ["file"], "services": ["urn:denizen:service:all"], "basis": "parent",
        "valid_from": "2026-01-01", "valid_until": "2036-01-01",
    });
    serde_json::from_value(claims).unwrap()
}

pub(super) fn run(op: &str, input: &Value) -> Outcome {
    match op {
        "keys" => {
            let root = RootSecret::from_bytes(array(input, "root"));
            let keys = root.derive_person(&MessageId::new(array(input, "ref")));
            let kem = json!({
                "secret": b(keys.kem.danger_seed()), "public": b(keys.kem.public().to_bytes())
            });
            Ok(json!({
                "delegate": pair(&keys.delegate), "mandate": pair(&keys.mandate), "kem": kem
            }))
        }
        "acting" => {
            let (org, message): (OrgId, MessageId) = (value(input, "org"), value(input, "message"));
            let service: Option<Sha256Hash> = value(input, "service");
            let act = Act {
                org: &org,
                purpose: text(input, "purpose"),
                service: service.as_ref(),
                message: &message,
                sd_hash: text(input, "sd_hash"),
            };
            let made = (value(input, "from"), value(input, "until"));
            let mandate = claims(&input["key_thumbprint"]);
            ActingProof::verify(text(input, "proof"), act, &mandate, made, &Portable)
                .map_err(named)?;
            Ok(json!({"acts": true}))
        }
        "card" => {
            let card = bytes(input, "card");
            let read = HelperCard::read(&card, &Portable).map_err(named)?;
            let thumbprint = b(read.key.key().thumbprint());
            let digits = card_digits(&card);
            Ok(json!({"name": read.name, "key_thumbprint": thumbprint, "digits": digits}))
        }
        "file" => {
            let kem = KemSecret::from_seed(array(input, "kem"));
            let opened =
                denizen_seal::Portable.open_file(&kem, text(input, "typ"), &bytes(input, "sealed"));
            Ok(json!({"object": b(&*opened.map_err(named)?)}))
        }
        _ => no_such(),
    }
}

pub(super) fn book(world: &World) -> Book {
    let mut book = Book::new("mandate");
    let root = world.root_text();
    for (name, of) in [("one relation", REF), ("another relation", [0xc2; 16])] {
        let input = json!({"root": root, "ref": b(of)});
        let output = run("keys", &input).unwrap();
        book.good(name, "mandate.keys", input, output);
    }
    let root = RootSecret::from_bytes(array(&json!({"root": root}), "root"));
    let keys = root.derive_person(&MessageId::new(REF));
    let other = root.derive_person(&MessageId::new([0xc2; 16]));
    acting(&mut book, &keys, &other);
    card(&mut book, &keys, &other);
    file(&mut book, &keys, &other);
    book
}

fn acting(book: &mut Book, keys: &PersonKeys, other: &PersonKeys) {
    let (org, message) = (OrgId::new([0xc3; 32]), MessageId::new([0xc4; 16]));
    let service = Sha256Hash::new([0xc5; 32]);
    let act = Act {
        org: &org,
        purpose: "urn:denizen:service:school-enrolment",
        service: Some(&service),
        message: &message,
        sd_hash: "c2hvd24gbWFuZGF0ZQ",
    };
    let proof = ActingProof::sign(act, &keys.delegate, UnixTime(1_795_510_800));
    let thumbprint = b(keys.delegate.public_for().key().thumbprint());
    let input = json!({
        "proof": proof, "org": org, "purpose": act.purpose, "service": service,
        "message": message, "sd_hash": act.sd_hash, "key_thumbprint": thumbprint,
        "from": 1_792_918_800, "until": 1_795_511_100,
    });
    let name = "a guardian's key agreed to one application";
    book.good(name, "mandate.acting", input.clone(), json!({"acts": true}));
    let by_other = ActingProof::sign(act, &other.delegate, UnixTime(1_795_510_800));
    let signed = denizen_jose::base64url_decode(&proof).unwrap();
    let bent = denizen_jose::base64url_encode(flipped(&signed, signed.len() - 1));
    let card_of = denizen_jose::base64url_encode(
        Object::sign(
            keys.delegate.signer(),
            "delegate",
            CARD_TYP,
            denizen_jose::Unverified::parse(&signed)
                .unwrap()
                .danger_payload(),
        )
        .as_bytes(),
    );
    for (because, members, error) in [
        (
            "another office",
            json!({"org": b([0xd3; 32])}),
            "ProofRefused",
        ),
        (
            "another message: a replay",
            json!({"message": b([0xd4; 16])}),
            "ProofRefused",
        ),
        (
            "another version of the service",
            json!({"service": b([0xd5; 32])}),
            "ProofRefused",
        ),
        (
            "no version of a service",
            json!({"service": null}),
            "ProofRefused",
        ),
        (
            "another purpose",
            json!({"purpose": "dispute"}),
            "ProofRefused",
        ),
        (
            "another paper",
            json!({"sd_hash": "YW5vdGhlcg"}),
            "ProofRefused",
        ),
        (
            "made before its time",
            json!({"from": 1_795_510_801}),
            "ProofRefused",
        ),
        (
            "made after its time",
            json!({"until": 1_795_510_799}),
            "ProofRefused",
        ),
        (
            "another key than the mandate names",
            json!({"proof": by_other}),
            "OtherKey",
        ),
        (
            "one bit of the signature is changed",
            json!({"proof": bent}),
            "ProofRefused",
        ),
        ("of another type", json!({"proof": card_of}), "ProofRefused"),
    ] {
        book.bad(because, "mandate.acting", with(&input, members), error);
    }
    assert_eq!(ACTING_TYP, "denizen-acting+json");
}

fn card(book: &mut Book, keys: &PersonKeys, other: &PersonKeys) {
    let made = HelperCard {
        v: 1,
        name: "Nargis".to_owned(),
        key: keys.delegate.public_for(),
        kem: Bytes(keys.kem.public().to_bytes()),
    };
    let card = made.sign(&keys.delegate);
    let input = json!({"card": b(&card)});
    let output = run("card", &input).unwrap();
    book.good("a helper's card", "mandate.card", input.clone(), output);
    let short = HelperCard {
        kem: Bytes(vec![7; 1215]),
        ..made.clone()
    };
    for (because, bytes) in [
        (
            "signed by another key than it names",
            made.sign(&other.delegate),
        ),
        ("a key of another length", short.sign(&keys.delegate)),
        ("one bit is changed", flipped(&card, card.len() / 2)),
        ("bytes after the end", [&card[..], b"x"].concat()),
    ] {
        let members = json!({"card": b(bytes)});
        book.bad(
            because,
            "mandate.card",
            with(&input, members),
            "MandateFileError",
        );
    }
}

fn file(book: &mut Book, keys: &PersonKeys, other: &PersonKeys) {
    let object = Object::sign(keys.mandate.signer(), "mandate", GIVEN_TYP, b"{}");
    let sealed = denizen_seal::Portable.seal_file(
        &keys.kem.public(),
        GIVEN_TYP,
        object.as_bytes(),
        &mut rng(0xc6),
    );
    let sealed = sealed.unwrap();
    let input = json!({
        "kem": b(keys.kem.danger_seed()), "typ": GIVEN_TYP, "sealed": b(&sealed)
    });
    let output = json!({"object": b(object.as_bytes())});
    book.good("a sealed file", "mandate.file", input.clone(), output);
    for (because, members) in [
        ("another key", json!({"kem": b(other.kem.danger_seed())})),
        ("another type", json!({"typ": "denizen-draft+json"})),
        (
            "one bit is changed",
            json!({"sealed": b(flipped(&sealed, sealed.len() - 1))}),
        ),
        (
            "bytes after the end",
            json!({"sealed": b([&sealed[..], b"x"].concat())}),
        ),
    ] {
        book.bad(because, "mandate.file", with(&input, members), "OpenError");
    }
}
