//! The portable and the native implementation side by side, in alternating rounds of one run.

use super::cpu;
use denizen_credential::{
    KeyBindingPolicy, Registered, SdRules, StatusRef, UnverifiedPresentation, issue,
};
use denizen_model::{
    AddressId, HubId, Sha256Hash,
    envelope::{Header, SUITE_1},
    jose::{Alg, Native, Portable, SecretKey, Signer as _, Verifier},
};
use denizen_seal::{KemSecret, Sealer};
use denizen_testkit::Rng;
use serde_json::{Map, Value, json};
use std::hint::black_box;

/// Rounds of each; the median counts.
const ROUNDS: usize = 11;
/// Times in a round.
const TIMES: u32 = 100;
/// Claims of the credential, each disclosable.
const CLAIMS: usize = 15;

/// What one operation costs by either implementation, CPU microseconds.
pub(crate) struct Pair {
    pub(crate) what: &'static str,
    pub(crate) portable: f64,
    pub(crate) native: f64,
}

/// A share of one run, beside what is aimed at.
pub(crate) struct Share {
    pub(crate) what: &'static str,
    pub(crate) is: f64,
    pub(crate) aim: f64,
}

/// Measures both of each.
pub(crate) fn all(rng: &mut Rng) -> (Vec<Pair>, Vec<Share>) {
    let mut pairs = signatures();
    pairs.extend(envelopes(rng));
    let credential = credential(rng);
    let of = |pairs: &[Pair], what| pairs.iter().find(|p| p.what == what).unwrap().native;
    let shares = vec![
        Share {
            what: "issue, microseconds",
            is: of(&credential, ISSUE),
            aim: 40.0,
        },
        Share {
            what: "verify, in bare checks",
            is: of(&credential, VERIFY) / of(&pairs, CHECK),
            aim: 1.6,
        },
    ];
    pairs.extend(credential);
    (pairs, shares)
}

const CHECK: &str = "ES256 check";
const ISSUE: &str = "issue an SD-JWT VC of 15 claims";
const VERIFY: &str = "verify it, all disclosed";

fn pair(what: &'static str, mut portable: impl FnMut(), mut native: impl FnMut()) -> Pair {
    let rounds = (0..ROUNDS).map(|_| (round(&mut portable), round(&mut native)));
    let (portable, native) = rounds.unzip();
    Pair {
        what,
        portable: median(portable),
        native: median(native),
    }
}

fn round(work: &mut impl FnMut()) -> f64 {
    let before = cpu();
    (0..TIMES).for_each(|_| work());
    cpu().saturating_sub(before).as_secs_f64() * 1e6 / f64::from(TIMES)
}

fn median(mut rounds: Vec<f64>) -> f64 {
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 2]
}

fn issuers() -> (SecretKey, SecretKey) {
    let key = SecretKey::from_seed(Alg::Es256, &[7; 32]).unwrap();
    (key.clone(), key.with_native())
}

fn signatures() -> Vec<Pair> {
    let (portable, native) = issuers();
    let (public, message) = (portable.public(), vec![9; 1500]);
    let signature = portable.sign(&message);
    let check = |verifier: &dyn Verifier| verifier.verify(&public, &message, &signature).unwrap();
    vec![
        pair(
            "ES256 sign",
            || drop(black_box(portable.sign(&message))),
            || drop(black_box(native.sign(&message))),
        ),
        pair(CHECK, || check(&Portable), || check(&Native)),
    ]
}

fn envelopes(rng: &mut Rng) -> Vec<Pair> {
    let key = KemSecret::from_seed([7; 32]);
    let (public, message) = (key.public(), vec![9; 3000]);
    let header = Header {
        suite: SUITE_1,
        hub: HubId::new([1; 32]),
        to: AddressId::new([2; 32]),
        commit: Sha256Hash::new([3; 32]),
    };
    let sealers: [&dyn Sealer; 2] = [&denizen_seal::Portable, &denizen_seal::Native];
    let [portable, native] = sealers;
    let envelope = portable.seal(&public, &header, &message, rng).unwrap();
    let (mut one, mut other) = (rng.clone(), rng.clone());
    let seal = |by: &dyn Sealer, rng: &mut Rng| {
        drop(black_box(by.seal(&public, &header, &message, rng)));
    };
    let open = |by: &dyn Sealer, key: &KemSecret| drop(black_box(by.open(key, &envelope)));
    let fresh = || KemSecret::from_seed([7; 32]);
    vec![
        pair(
            "seal 4 KiB (X-Wing)",
            || seal(portable, &mut one),
            || seal(native, &mut other),
        ),
        pair(
            "open 4 KiB (X-Wing)",
            || open(portable, &key),
            || open(native, &key),
        ),
        pair(
            "the same, with a key not yet expanded",
            || open(portable, &fresh()),
            || open(native, &fresh()),
        ),
    ]
}

fn credential(rng: &mut Rng) -> Vec<Pair> {
    let names: Vec<String> = (0..CLAIMS).map(|n| format!("claim_{n}")).collect();
    let claims: Map<String, Value> = names
        .iter()
        .map(|name| (name.clone(), json!("a value of usual length")))
        .collect();
    let paths: Vec<Vec<Value>> = names.iter().map(|name| vec![json!(name)]).collect();
    let rules = SdRules::from_paths(paths.iter().map(Vec::as_slice));
    let (portable, native) = issuers();
    let registered = Registered {
        iss: "issuer".to_owned(),
        iat: 1_700_000_000,
        exp: None,
        vct: super::VCT.to_owned(),
        vct_integrity: Some("sha256-x48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=".to_owned()),
        cnf: SecretKey::from_seed(Alg::Es256, &[8; 32]).unwrap().public(),
        status: Some(StatusRef {
            idx: 77,
            uri: "urn:denizen:status:bench:1".to_owned(),
        }),
    };
    let make = |key: &SecretKey, rng: &mut Rng| issue(&claims, &rules, &registered, "k", key, rng);
    let text = make(&portable, rng);
    let (mut one, mut other) = (rng.clone(), rng.clone());
    let public = portable.public();
    let verify = |verifier: &dyn Verifier| {
        let presentation = UnverifiedPresentation::parse(&text).unwrap();
        let verified = presentation.verify(verifier, &public, KeyBindingPolicy::NotRequired);
        assert_eq!(verified.unwrap().credential().claims().len(), CLAIMS);
    };
    vec![
        pair(
            ISSUE,
            || drop(black_box(make(&portable, &mut one))),
            || drop(black_box(make(&native, &mut other))),
        ),
        pair(VERIFY, || verify(&Portable), || verify(&Native)),
    ]
}

/// Prints both tables.
pub(crate) fn print(pairs: &[Pair], shares: &[Share]) {
    println!(
        "\n{:<40} {:>9} {:>9} {:>7}",
        "CPU microseconds", "portable", "native", "ratio"
    );
    for Pair {
        what,
        portable,
        native,
    } in pairs
    {
        println!(
            "{what:<40} {portable:>9.1} {native:>9.1} {:>6.1}x",
            portable / native
        );
    }
    println!("\n{:<40} {:>9} {:>9}", "native", "is", "aim");
    for Share { what, is, aim } in shares {
        println!("{what:<40} {is:>9.2} {aim:>9.2}");
    }
}

/// The same for the file.
pub(crate) fn json(pairs: &[Pair], shares: &[Share]) -> Value {
    let pair = |p: &Pair| json!({"what": p.what, "portable_us": p.portable, "native_us": p.native});
    let share = |s: &Share| json!({"what": s.what, "is": s.is, "aim": s.aim});
    json!({
        "pairs": pairs.iter().map(pair).collect::<Vec<_>>(),
        "shares": shares.iter().map(share).collect::<Vec<_>>(),
    })
}
