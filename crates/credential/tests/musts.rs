//! Every must of R19: what is issued verifies, and each way to bend it is refused by name.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::too_many_lines
)]

use denizen_credential::{
    ClaimPath, CredentialError as E, IatWindow, KeyBinding, KeyBindingPolicy, PathItem, Registered,
    SdRules, StatusRef, UnverifiedCredential, UnverifiedPresentation, VerifiedCredential, issue,
    present,
};
use denizen_jose::{
    Alg, CompactError, Portable, SecretKey, Signer, base64url_decode, base64url_encode,
    sign_compact,
};
use rand_core::SeedableRng;
use serde_json::{Map, Value, json};

fn key(n: u8) -> SecretKey {
    SecretKey::from_seed(Alg::Es256, &[n; 32]).unwrap()
}

fn claims() -> Map<String, Value> {
    let claims = json!({
        "subject": {"names": {"latin": "GULAB"}, "birth_date": "1988"},
        "may_work": true,
        "regions": ["77", "50"],
        "valid_until": "2030-01-01",
        "open": "in clear"
    });
    claims.as_object().unwrap().clone()
}

fn rules() -> SdRules {
    let paths = [
        json!(["subject"]),
        json!(["subject", "names"]),
        json!(["subject", "birth_date"]),
        json!(["may_work"]),
        json!(["regions", null]),
        json!(["valid_until"]),
    ];
    SdRules::from_paths(paths.iter().map(|p| p.as_array().unwrap().as_slice()))
}

fn issued() -> String {
    let registered = Registered {
        iss: "org".into(),
        iat: 1000,
        exp: Some(9000),
        vct: "urn:k:1".into(),
        vct_integrity: Some("sha256-x".into()),
        cnf: key(2).public(),
        status: Some(StatusRef {
            idx: 7,
            uri: "urn:s".into(),
        }),
    };
    let mut rng = rand_chacha::ChaCha20Rng::from_seed([1; 32]);
    issue(&claims(), &rules(), &registered, "i1", &key(1), &mut rng)
}

fn verified(text: &str) -> Result<VerifiedCredential, E> {
    UnverifiedCredential::parse(text)?.verify(&Portable, &key(1).public())
}

fn name(path: &[&str]) -> ClaimPath {
    path.iter().map(|p| PathItem::Name((*p).into())).collect()
}

fn presented(paths: &[ClaimPath]) -> String {
    let binding = KeyBinding {
        aud: "denizen:v",
        nonce: "n",
        iat: 2000,
    };
    present(&verified(&issued()).unwrap(), paths, binding, &key(2))
}

const POLICY: KeyBindingPolicy<'_> = KeyBindingPolicy::Required {
    aud: "denizen:v",
    nonce: "n",
    iat: IatWindow {
        min: 1900,
        max: 2100,
    },
};

fn check(text: &str, policy: KeyBindingPolicy<'_>) -> Result<Map<String, Value>, E> {
    let presentation = UnverifiedPresentation::parse(text)?;
    let verified = presentation.verify(&Portable, &key(1).public(), policy)?;
    Ok(verified.credential().claims().clone())
}

/// A credential of this payload and these disclosures, signed by the right issuer.
fn signed(header: Value, payload: Value, disclosures: &[&str]) -> String {
    let header = header.as_object().unwrap().clone();
    let jwt = sign_compact(&key(1), header, payload.to_string().as_bytes());
    let mut text = jwt + "~";
    for disclosure in disclosures {
        text += disclosure;
        text += "~";
    }
    text
}

fn payload(more: Value) -> Value {
    let mut payload = json!({"iss": "org", "vct": "urn:k:1", "_sd_alg": "sha-256",
        "cnf": {"jwk": key(2).public()}});
    payload
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    payload
}

fn header() -> Value {
    json!({"typ": "dc+sd-jwt", "kid": "i1"})
}

fn disclosure(array: &Value) -> (String, String) {
    use sha2::Digest;
    let text = base64url_encode(array.to_string());
    let digest = base64url_encode(sha2::Sha256::digest(&text));
    (text, digest)
}

#[test]
fn what_is_issued_verifies_with_all_claims_and_nothing_of_them_in_clear() {
    let text = issued();
    let credential = verified(&text).unwrap();
    assert_eq!(*credential.claims(), claims());
    assert_eq!(credential.status().unwrap().idx, 7);
    let payload = text.split('.').nth(1).unwrap();
    let payload = String::from_utf8(base64url_decode(payload).unwrap()).unwrap();
    for hidden in ["GULAB", "1988", "may_work", "2030-01-01", "\"77\""] {
        assert!(!payload.contains(hidden), "{hidden} in clear");
    }
}

#[test]
fn a_presentation_discloses_the_chosen_claims_with_their_parents_and_no_other() {
    let text = presented(&[name(&["may_work"]), name(&["subject", "birth_date"])]);
    let shown = check(&text, POLICY).unwrap();
    let want = json!({"open": "in clear", "may_work": true, "subject": {"birth_date": "1988"},
        "regions": []});
    assert_eq!(Value::Object(shown), want);
    let element = vec![PathItem::Name("regions".into()), PathItem::Index(1)];
    let shown = check(&presented(&[element]), POLICY).unwrap();
    assert_eq!(shown["regions"], json!(["50"]));
}

#[test]
fn key_binding_is_asked_for_by_policy_and_each_of_its_values_counts() {
    let text = presented(&[name(&["may_work"])]);
    check(&text, POLICY).unwrap();
    let iat = IatWindow {
        min: 1900,
        max: 2100,
    };
    let required = |aud, nonce, iat| KeyBindingPolicy::Required { aud, nonce, iat };
    for (policy, error) in [
        (required("denizen:w", "n", iat), E::Audience),
        (required("denizen:v", "m", iat), E::Nonce),
        (
            required(
                "denizen:v",
                "n",
                IatWindow {
                    min: 2001,
                    max: 2100,
                },
            ),
            E::IssuedAt,
        ),
        (
            required(
                "denizen:v",
                "n",
                IatWindow {
                    min: 1900,
                    max: 1999,
                },
            ),
            E::IssuedAt,
        ),
        (KeyBindingPolicy::NotRequired, E::KeyBindingUnexpected),
    ] {
        assert_eq!(check(&text, policy), Err(error));
    }
    let bound = &text[..=text.rfind('~').unwrap()];
    assert_eq!(check(bound, POLICY), Err(E::KeyBindingMissing));
    check(bound, KeyBindingPolicy::NotRequired).unwrap();
}

#[test]
fn a_key_binding_by_another_key_of_another_type_or_over_other_disclosures_is_refused() {
    let credential = verified(&issued()).unwrap();
    let binding = KeyBinding {
        aud: "denizen:v",
        nonce: "n",
        iat: 2000,
    };
    let stolen = present(&credential, &[name(&["may_work"])], binding, &key(3));
    assert_eq!(check(&stolen, POLICY), Err(E::KeyBinding));
    let one = presented(&[name(&["may_work"])]);
    let all = presented(&[name(&["may_work"]), name(&["valid_until"])]);
    let (_, kb) = one.rsplit_once('~').unwrap();
    let (bound, _) = all.rsplit_once('~').unwrap();
    assert_eq!(check(&format!("{bound}~{kb}"), POLICY), Err(E::SdHash));
    let (bound, _) = one.rsplit_once('~').unwrap();
    let claims = json!({"iat": 2000, "aud": "denizen:v", "nonce": "n", "sd_hash": "x"});
    for typ in [json!({"typ": "jwt"}), json!({})] {
        let header = typ.as_object().unwrap().clone();
        let kb = sign_compact(&key(2), header, claims.to_string().as_bytes());
        assert_eq!(check(&format!("{bound}~{kb}"), POLICY), Err(E::KeyBinding));
    }
}

#[test]
fn another_issuer_type_algorithm_or_digest_algorithm_is_refused() {
    let text = issued();
    let other = UnverifiedCredential::parse(&text)
        .unwrap()
        .verify(&Portable, &key(9).public());
    assert_eq!(other.unwrap_err(), E::Signature(CompactError::BadSignature));
    let ed = SecretKey::from_seed(Alg::Ed25519, &[1; 32])
        .unwrap()
        .public();
    assert!(
        UnverifiedCredential::parse(&text)
            .unwrap()
            .verify(&Portable, &ed)
            .is_err()
    );
    for (header, payload, error) in [
        (
            json!({"typ": "vc+sd-jwt", "kid": "i1"}),
            payload(json!({})),
            E::OtherType,
        ),
        (json!({"kid": "i1"}), payload(json!({})), E::OtherType),
        (header(), payload(json!({"_sd_alg": "md5"})), E::SdAlg),
        (header(), payload(json!({"iss": 1})), E::Registered),
        (
            header(),
            payload(json!({"cnf": {"jwk": {"kty": "oct"}}})),
            E::Registered,
        ),
    ] {
        assert_eq!(verified(&signed(header, payload, &[])).unwrap_err(), error);
    }
}

#[test]
fn disclosures_must_be_referenced_once_and_reveal_only_what_they_may() {
    let (good, digest) = disclosure(&json!(["s", "a", 1]));
    let ok = signed(header(), payload(json!({"_sd": [digest]})), &[&good]);
    assert_eq!(verified(&ok).unwrap().claims()["a"], 1);
    let twice = payload(json!({"_sd": [digest, digest]}));
    let nested = payload(json!({"_sd": [digest], "o": {"_sd": [digest]}}));
    for (payload, disclosures, error) in [
        (twice, vec![good.as_str()], E::DuplicateDigest),
        (nested, vec![&good], E::DuplicateDigest),
        (
            payload(json!({"_sd": [digest]})),
            vec![&good, &good],
            E::DuplicateDigest,
        ),
        (payload(json!({"_sd": []})), vec![&good], E::Unreferenced),
        (
            payload(json!({"_sd": [digest], "a": 2})),
            vec![&good],
            E::ForbiddenClaim,
        ),
        (payload(json!({"_sd": digest})), vec![&good], E::Malformed),
    ] {
        assert_eq!(
            verified(&signed(header(), payload, &disclosures)).unwrap_err(),
            error
        );
    }
    for claim in [
        "iss",
        "exp",
        "nbf",
        "cnf",
        "vct",
        "vct#integrity",
        "status",
        "iat",
        "_sd",
        "...",
    ] {
        let (text, digest) = disclosure(&json!(["s", claim, {"x": 1}]));
        let text = signed(header(), payload(json!({"_sd": [digest]})), &[&text]);
        assert_eq!(verified(&text).unwrap_err(), E::ForbiddenClaim, "{claim}");
    }
    for bad in [
        json!(["s"]),
        json!([1, "a", 1]),
        json!(["s", 2, 3]),
        json!(["s", "a", 1, 2]),
        json!({}),
    ] {
        let (text, digest) = disclosure(&bad);
        let text = signed(header(), payload(json!({"_sd": [digest]})), &[&text]);
        assert_eq!(verified(&text).unwrap_err(), E::Disclosure, "{bad}");
    }
    let (element, digest) = disclosure(&json!(["s", 5]));
    let wrong = signed(header(), payload(json!({"_sd": [digest]})), &[&element]);
    assert_eq!(
        verified(&wrong).unwrap_err(),
        E::Disclosure,
        "an element where a member belongs"
    );
    let (member, digest) = disclosure(&json!(["s", "a", 5]));
    let wrong = signed(
        header(),
        payload(json!({"l": [{"...": digest}]})),
        &[&member],
    );
    assert_eq!(
        verified(&wrong).unwrap_err(),
        E::Disclosure,
        "a member where an element belongs"
    );
}

#[test]
fn duplicate_members_deep_nesting_and_cut_texts_are_refused() {
    let jwk = serde_json::to_string(&key(2).public()).unwrap();
    let doubled = format!(
        r#"{{"iss":"org","iss":"evil","vct":"k","cnf":{{"jwk":{jwk}}},"_sd_alg":"sha-256"}}"#
    );
    let map = header().as_object().unwrap().clone();
    let text = sign_compact(&key(1), map, doubled.as_bytes()) + "~";
    assert_eq!(verified(&text).unwrap_err(), E::Malformed);
    let text = issued();
    for len in 0..text.len() {
        assert!(
            verified(&text[..len]).is_err() || text[..len].ends_with('~'),
            "cut at {len}"
        );
    }
}

#[test]
fn every_flipped_character_of_a_presentation_is_refused() {
    let text = presented(&[name(&["may_work"]), name(&["subject"])]);
    for at in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let Ok(other) = String::from_utf8(bytes) else {
            continue;
        };
        assert!(check(&other, POLICY).is_err(), "at {at}");
    }
}

#[test]
fn disclosures_within_disclosures_are_not_deeper_than_one_may_be() {
    use sha2::{Digest, Sha256};
    // Each disclosure holds the digest of the one before it, below `depth` arrays.
    let nested = |count: usize, depth: usize| {
        let (mut texts, mut inner) = (Vec::new(), "1".to_owned());
        for salt in 0..count {
            let (open, close) = ("[".repeat(depth), "]".repeat(depth));
            let text = base64url_encode(format!(r#"["{salt}","a",{open}{inner}{close}]"#));
            let digest = base64url_encode(Sha256::digest(&text));
            inner = format!(r#"{{"_sd":["{digest}"]}}"#);
            texts.push(text);
        }
        let top: Value = serde_json::from_str(&inner).unwrap();
        let payload = json!({
            "iss": "org", "vct": "urn:k:1", "cnf": {"jwk": key(2).public()},
            "_sd_alg": "sha-256", "_sd": top["_sd"],
        });
        let header = json!({"typ": "dc+sd-jwt", "kid": "org#issuer-1"});
        let header = header.as_object().unwrap().clone();
        let jwt = sign_compact(&key(1), header, payload.to_string().as_bytes());
        format!("{jwt}~{}~", texts.join("~"))
    };
    let check = |text: &str| {
        let unverified = UnverifiedCredential::parse(text).unwrap();
        unverified.verify(&Portable, &key(1).public()).map(drop)
    };
    assert_eq!(check(&nested(3, 20)), Ok(()));
    assert_eq!(check(&nested(4, 20)), Err(E::Malformed));
    // Deep enough to exhaust a stack, and small enough for an envelope.
    let bomb = nested(800, 59);
    assert!(bomb.len() < 200_000);
    assert_eq!(check(&bomb), Err(E::Malformed));
}
