//! `credential.md`: credentials, presentations, status lists, and the musts of R19.

use super::{
    Book, Outcome, b, key, named, no_such, number, text, value, with,
    world::{NOW, VCT, World, secret},
};
use denizen_credential::{
    IatWindow, KeyBindingPolicy, PathItem, Status, StatusList, StatusListToken,
    UnverifiedCredential, UnverifiedPresentation, VerifiedCredential, status_uri,
};
use denizen_jose::{Portable, SecretKey, base64url_decode, base64url_encode, sign_compact};
use denizen_model::{key::Cnf, link::kb_audience};
use serde_json::{Map, Value, json};
use sha2::Digest as _;

/// What the vectors say of a verified credential.
fn shown(credential: &VerifiedCredential) -> Value {
    let path = |p: &PathItem| match p {
        PathItem::Name(name) => json!(name),
        PathItem::Index(index) => json!(index),
    };
    let paths = credential
        .disclosures()
        .iter()
        .map(|d| d.path.iter().map(path).collect::<Vec<_>>());
    json!({
        "iss": credential.issuer(), "kid": credential.kid(), "vct": credential.vct(),
        "cnf": credential.cnf(), "iat": credential.iat(), "exp": credential.exp(),
        "status": credential.status(), "vct#integrity": credential.vct_integrity(),
        "claims": credential.claims(), "disclosed": paths.collect::<Vec<_>>(),
    })
}

pub(super) fn run(op: &str, input: &Value) -> Outcome {
    let integer = |name: &str| number(input, name).cast_signed();
    match op {
        "verify" => {
            let unverified =
                UnverifiedCredential::parse(text(input, "credential")).map_err(named)?;
            Ok(shown(
                &unverified
                    .verify(&Portable, &key(input, "issuer_key"))
                    .map_err(named)?,
            ))
        }
        "presentation" => {
            let unverified =
                UnverifiedPresentation::parse(text(input, "presentation")).map_err(named)?;
            let policy = if input["aud"].is_string() {
                let iat = IatWindow {
                    min: integer("iat_min"),
                    max: integer("iat_max"),
                };
                KeyBindingPolicy::Required {
                    aud: text(input, "aud"),
                    nonce: text(input, "nonce"),
                    iat,
                }
            } else {
                KeyBindingPolicy::NotRequired
            };
            let verified = unverified
                .verify(&Portable, &key(input, "issuer_key"), policy)
                .map_err(named)?;
            Ok(with(
                &shown(verified.credential()),
                json!({"sd_hash": verified.sd_hash(), "presented_at": verified.iat()}),
            ))
        }
        "status_list" => {
            let seen = input["seen_iat"].as_i64();
            let (token, key) = (text(input, "token"), key(input, "key"));
            let read = StatusListToken::verify(token, &Portable, &key, text(input, "uri"), seen)
                .map_err(named)?;
            let indexes: Vec<u64> = value(input, "indexes");
            let status = |idx: &u64| read.status(*idx).map(named).map_err(named);
            let statuses = indexes.iter().map(status).collect::<Result<Vec<_>, _>>()?;
            Ok(json!({"iat": read.iat(), "ttl": read.ttl_s(), "statuses": statuses}))
        }
        _ => no_such(),
    }
}

pub(super) fn book(world: &World) -> Book {
    let mut book = Book::new("credential");
    let issuer = world.issuer().public_for().key().clone();
    let of = |text: &str| json!({"credential": text, "issuer_key": issuer});
    let [kept, one_time] = world.copies();
    for (name, text) in [
        ("a kept copy", &kept),
        ("a one-time copy of the same record", &one_time),
    ] {
        let output = run("verify", &of(text)).unwrap();
        assert_eq!(output["claims"], Value::Object(world.claims()));
        book.good(name, "credential.verify", of(text), output);
    }
    credentials_refused(&mut book, world, &of(&kept));
    disclosures_refused(&mut book, world);
    presentations(&mut book, world);
    status_lists(&mut book, world);
    book
}

fn issuer(world: &World) -> SecretKey {
    SecretKey::from_seed(denizen_jose::Alg::Es256, &world.issuer().danger_seed()).unwrap()
}

/// A credential of this header, payload and these disclosures, signed by the right issuer.
fn signed(world: &World, header: &Value, payload: &str, disclosures: &[&str]) -> String {
    let header: Map<String, Value> = header.as_object().unwrap().clone();
    let mut text = sign_compact(&issuer(world), header, payload.as_bytes()) + "~";
    for disclosure in disclosures {
        text += disclosure;
        text += "~";
    }
    text
}

fn payload(world: &World, more: Value) -> String {
    let cnf = world.link.cnf.public_for();
    let payload = json!({"iss": world.org, "vct": VCT, "_sd_alg": "sha-256", "cnf": {"jwk": cnf}});
    with(&payload, more).to_string()
}

fn header(world: &World) -> Value {
    json!({"typ": "dc+sd-jwt", "kid": world.org_kid("i1")})
}

fn disclosure(array: &Value) -> (String, String) {
    let text = base64url_encode(array.to_string());
    let digest = base64url_encode(sha2::Sha256::digest(&text));
    (text, digest)
}

fn credentials_refused(book: &mut Book, world: &World, good: &Value) {
    let kept = text(good, "credential");
    let of = |header: Value, payload: String| json!({"credential": signed(world, &header, &payload, &[])});
    let typ = |typ: Value| with(&header(world), json!({"typ": typ}));
    let plain = || payload(world, json!({}));
    let twice = plain().replacen('{', "{\"iss\":\"another\",", 1);
    let deep = format!("{}1{}", "[".repeat(64), "]".repeat(64));
    let deep = plain().replacen('{', &format!("{{\"deep\":{deep},"), 1);
    let (head, rest) = kept.split_once('.').unwrap();
    let none = base64url_encode(
        String::from_utf8(base64url_decode(head).unwrap())
            .unwrap()
            .replace("ES256", "none"),
    );
    let other = secret::<denizen_model::key::Issuer>(0x77);
    let ed = secret::<denizen_model::key::Message>(0x22);
    for (because, members, error) in [
        (
            "by another issuer's key",
            json!({"issuer_key": other.public_for().key()}),
            "Signature(BadSignature)",
        ),
        (
            "with a key of another algorithm",
            json!({"issuer_key": ed.public_for().key()}),
            "Signature(AlgNotAllowed)",
        ),
        (
            "alg is none",
            json!({"credential": format!("{none}.{rest}")}),
            "Signature(AlgNotAllowed)",
        ),
        (
            "a critical header",
            of(with(&header(world), json!({"crit": ["x"]})), plain()),
            "Signature(CriticalUnknown)",
        ),
        (
            "typ is that of an older draft",
            of(typ(json!("vc+sd-jwt")), plain()),
            "OtherType",
        ),
        (
            "typ is a key binding's",
            of(typ(json!("kb+jwt")), plain()),
            "OtherType",
        ),
        (
            "without kid",
            of(json!({"typ": "dc+sd-jwt"}), plain()),
            "Registered",
        ),
        (
            "_sd_alg is another",
            of(header(world), payload(world, json!({"_sd_alg": "sha-1"}))),
            "SdAlg",
        ),
        (
            "iss is no text",
            of(header(world), payload(world, json!({"iss": 7}))),
            "Registered",
        ),
        (
            "without cnf",
            of(header(world), payload(world, json!({"cnf": null}))),
            "Registered",
        ),
        (
            "cnf is a symmetric key",
            of(
                header(world),
                payload(world, json!({"cnf": {"jwk": {"kty": "oct", "k": "AA"}}})),
            ),
            "Registered",
        ),
        ("iss twice", of(header(world), twice), "Malformed"),
        ("nested too deep", of(header(world), deep), "Malformed"),
        (
            "without its last ~",
            json!({"credential": &kept[..kept.len() - 1]}),
            "Malformed",
        ),
        (
            "cut within the token",
            json!({"credential": format!("{}~", &kept[..200])}),
            "Signature(Malformed)",
        ),
    ] {
        book.bad(because, "credential.verify", with(good, members), error);
    }
}

fn disclosures_refused(book: &mut Book, world: &World) {
    let issuer = world.issuer().public_for().key().clone();
    let of = |payload: String, disclosures: &[&str]| json!({"credential": signed(world, &header(world), &payload, disclosures), "issuer_key": issuer});
    let (good, digest) = disclosure(&json!(["salt", "a", 1]));
    let (element, element_digest) = disclosure(&json!(["salt", 5]));
    let pay = |more: Value| payload(world, more);
    let one = of(pay(json!({"_sd": [digest]})), &[&good]);
    let output = run("verify", &one).unwrap();
    book.good("one claim", "credential.verify", one, output);
    let decoy = of(pay(json!({"_sd": [digest, element_digest]})), &[&good]);
    let output = run("verify", &decoy).unwrap();
    book.good("a decoy digest", "credential.verify", decoy, output);
    for (because, input, error) in [
        (
            "a digest twice in one object",
            of(pay(json!({"_sd": [digest, digest]})), &[&good]),
            "DuplicateDigest",
        ),
        (
            "a digest twice at two places",
            of(
                pay(json!({"_sd": [digest], "o": {"_sd": [digest]}})),
                &[&good],
            ),
            "DuplicateDigest",
        ),
        (
            "a disclosure twice",
            of(pay(json!({"_sd": [digest]})), &[&good, &good]),
            "DuplicateDigest",
        ),
        (
            "a disclosure that nothing refers to",
            of(pay(json!({"_sd": []})), &[&good]),
            "Unreferenced",
        ),
        (
            "a claim that is there already",
            of(pay(json!({"_sd": [digest], "a": 2})), &[&good]),
            "ForbiddenClaim",
        ),
        (
            "_sd is no array",
            of(pay(json!({"_sd": digest})), &[&good]),
            "Malformed",
        ),
        (
            "an element where a member belongs",
            of(pay(json!({"_sd": [element_digest]})), &[&element]),
            "Disclosure",
        ),
        (
            "a member where an element belongs",
            of(pay(json!({"l": [{"...": digest}]})), &[&good]),
            "Disclosure",
        ),
        (
            "an element digest with a member beside it",
            of(
                pay(json!({"l": [{"...": element_digest, "x": 1}]})),
                &[&element],
            ),
            "Malformed",
        ),
        (
            "disclosures without _sd_alg",
            of(pay(json!({"_sd": [digest], "_sd_alg": null})), &[&good]),
            "SdAlg",
        ),
    ] {
        book.bad(because, "credential.verify", input, error);
    }
    for claim in [
        "iss",
        "iat",
        "nbf",
        "exp",
        "cnf",
        "vct",
        "vct#integrity",
        "status",
        "_sd",
        "...",
    ] {
        let (text, digest) = disclosure(&json!(["salt", claim, {"x": 1}]));
        let input = of(pay(json!({"_sd": [digest]})), &[&text]);
        book.bad(
            &format!("{claim} as a disclosure"),
            "credential.verify",
            input,
            "ForbiddenClaim",
        );
    }
    for bad in [
        json!(["salt"]),
        json!([1, "a", 1]),
        json!(["salt", 2, 3]),
        json!(["salt", "a", 1, 2]),
        json!({}),
    ] {
        let (text, digest) = disclosure(&bad);
        let input = of(pay(json!({"_sd": [digest]})), &[&text]);
        book.bad(
            &format!("{bad} is no disclosure"),
            "credential.verify",
            input,
            "Disclosure",
        );
    }
}

fn presentations(book: &mut Book, world: &World) {
    let presentation = world.presentation();
    let (aud, nonce) = (kb_audience(&world.org), world.nonce());
    let good = json!({"presentation": presentation, "issuer_key": world.issuer().public_for().key(),
        "aud": aud, "nonce": nonce, "iat_min": NOW.0 - 30 * 86400, "iat_max": NOW.0 + 300});
    let output = run("presentation", &good).unwrap();
    let names = json!({"subject": {"names": world.claims()["subject"]["names"]}, "may_work": true, "regions": []});
    assert_eq!(output["claims"], names);
    book.good(
        "names and may_work, bound to one request",
        "credential.presentation",
        good.clone(),
        output,
    );
    let (bound, kb) = presentation.rsplit_once('~').unwrap();
    let bound = format!("{bound}~");
    let unbound = json!({"presentation": bound, "aud": null});
    let output = run("presentation", &with(&good, unbound.clone())).unwrap();
    book.good(
        "without key binding where none is asked for",
        "credential.presentation",
        with(&good, unbound),
        output,
    );
    let fewer = format!(
        "{}~",
        bound.trim_end_matches('~').rsplit_once('~').unwrap().0
    );
    let sd_hash = base64url_encode(sha2::Sha256::digest(&bound));
    let claims = json!({"iat": NOW, "aud": aud, "nonce": nonce, "sd_hash": sd_hash});
    let hers = world.root.derive_copy_key(&world.copy_ref);
    let binding = |header: Value, claims: Value, key: &denizen_model::SecretKeyFor<Cnf>| {
        let header = header.as_object().unwrap().clone();
        let jwt = sign_compact(key.signer(), header, claims.to_string().as_bytes());
        json!({"presentation": format!("{bound}{jwt}")})
    };
    let typ = json!({"typ": "kb+jwt"});
    for (because, members, error) in [
        (
            "for another verifier",
            json!({"aud": "denizen:another"}),
            "Audience",
        ),
        ("for another request", json!({"nonce": "another"}), "Nonce"),
        ("made too early", json!({"iat_min": NOW.0 + 1}), "IssuedAt"),
        ("made too late", json!({"iat_max": NOW.0 - 1}), "IssuedAt"),
        (
            "bound where none is asked for",
            json!({"aud": null}),
            "KeyBindingUnexpected",
        ),
        (
            "not bound where it is asked for",
            json!({"presentation": bound}),
            "KeyBindingMissing",
        ),
        (
            "a disclosure is taken away",
            json!({"presentation": format!("{fewer}{kb}")}),
            "SdHash",
        ),
        (
            "signed by another key than cnf",
            binding(typ.clone(), claims.clone(), &world.link.cnf),
            "KeyBinding",
        ),
        (
            "of another typ",
            binding(json!({"typ": "jwt"}), claims.clone(), &hers),
            "KeyBinding",
        ),
        (
            "aud is a list",
            binding(typ.clone(), with(&claims, json!({"aud": [aud]})), &hers),
            "KeyBinding",
        ),
        (
            "without sd_hash",
            binding(typ.clone(), with(&claims, json!({"sd_hash": null})), &hers),
            "KeyBinding",
        ),
        (
            "iat is a text",
            binding(typ, with(&claims, json!({"iat": "now"})), &hers),
            "KeyBinding",
        ),
    ] {
        book.bad(
            because,
            "credential.presentation",
            with(&good, members),
            error,
        );
    }
}

fn status_lists(book: &mut Book, world: &World) {
    let uri = status_uri(&world.org.to_text(), "1");
    let key = world.status_key();
    let mut list = StatusList::new(0);
    for (idx, status) in [
        (3, Status::Invalid),
        (70_001, Status::Suspended),
        (131_071, Status::Contested),
    ] {
        list.set(idx, status).unwrap();
    }
    let token = list.sign(&uri, NOW.0, 3600, &world.org_kid("s1"), key.signer());
    let good = json!({"token": token, "key": key.public_for().key(), "uri": uri, "seen_iat": NOW.0, "indexes": [0, 3, 70_001, 131_071]});
    let statuses = json!(["Valid", "Invalid", "Suspended", "Contested"]);
    book.good(
        "2^17 entries",
        "credential.status_list",
        good.clone(),
        json!({"iat": NOW, "ttl": 3600, "statuses": statuses}),
    );
    let payload = token.split('.').nth(1).unwrap();
    let payload: Value = serde_json::from_slice(&base64url_decode(payload).unwrap()).unwrap();
    let signed = |typ: &str, members: Value| {
        let header = json!({"typ": typ, "kid": world.org_kid("s1")})
            .as_object()
            .unwrap()
            .clone();
        json!({"token": sign_compact(key.signer(), header, with(&payload, members).to_string().as_bytes())})
    };
    let other = secret::<denizen_model::key::Status>(0x77);
    let typ = "statuslist+jwt";
    for (because, members, error) in [
        (
            "signed by another key",
            json!({"key": other.public_for().key()}),
            "Signature",
        ),
        (
            "another list than the credential names",
            json!({"uri": status_uri(&world.org.to_text(), "2")}),
            "OtherList",
        ),
        (
            "older than one seen before",
            json!({"seen_iat": NOW.0 + 1}),
            "Older",
        ),
        (
            "an index beyond the list",
            json!({"indexes": [131_072]}),
            "Index",
        ),
        ("of another typ", signed("jwt", json!({})), "Malformed"),
        (
            "one bit an entry",
            signed(
                typ,
                json!({"status_list": with(&payload["status_list"], json!({"bits": 1}))}),
            ),
            "Malformed",
        ),
        (
            "not compressed",
            signed(typ, json!({"status_list": {"bits": 2, "lst": b([0; 64])}})),
            "Malformed",
        ),
        (
            "without iat",
            signed(typ, json!({"iat": null})),
            "Malformed",
        ),
    ] {
        book.bad(
            because,
            "credential.status_list",
            with(&good, members),
            error,
        );
    }
}
