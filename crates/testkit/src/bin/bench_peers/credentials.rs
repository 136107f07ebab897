//! One credential of 15 claims, issued and checked by us, by PyPI `sd-jwt` and by npm `@sd-jwt/sd-jwt-vc`,
//! each in a process of its own, in native code where it has any.

use denizen_credential::{
    KeyBindingPolicy, Registered, SdRules, UnverifiedCredential, UnverifiedPresentation, issue,
};
use denizen_model::jose::{Alg, Jwk, Native, SecretKey, Signer as _, VERIFIER, base64url_encode};
use denizen_testkit::Rng;
use rand_core::SeedableRng as _;
use serde_json::{Map, Value, json};
use std::{
    fs,
    hint::black_box,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

/// Rounds of each, after one that warms up; the median counts.
const ROUNDS: usize = 5;
/// Times in a round.
const TIMES: usize = 100;
/// Claims, each disclosable.
const CLAIMS: usize = 15;
const IAT: i64 = 1_700_000_000;

/// What one implementation costs, CPU microseconds.
pub struct Cost {
    pub name: &'static str,
    pub issue_us: f64,
    pub verify_us: f64,
}

struct Task {
    claims: Map<String, Value>,
    issuer: SecretKey,
    holder: SecretKey,
}

/// Ours first.
pub fn all(oracles: &Path) -> Vec<Cost> {
    let claim = |n| (format!("claim_{n}"), json!("a value of usual length"));
    let key = |seed| SecretKey::from_seed(Alg::Es256, &[seed; 32]).unwrap();
    let task = Task {
        claims: (0..CLAIMS).map(claim).collect(),
        issuer: key(7),
        holder: key(8),
    };
    let python = oracles.join("../../target/venv/bin/python");
    let mut python = Command::new(python);
    python.arg("-I").arg(oracles.join("python/sd_jwt_bench.py"));
    let mut node = Command::new("node");
    node.arg(oracles.join("node/sd-jwt-bench.mjs"));
    vec![
        task.ours(),
        task.peer("PyPI sd-jwt", &mut python),
        task.peer("npm @sd-jwt/sd-jwt-vc", &mut node),
    ]
}

impl Task {
    fn ours(&self) -> Cost {
        let paths: Vec<Vec<Value>> = self.claims.keys().map(|name| vec![json!(name)]).collect();
        let rules = SdRules::from_paths(paths.iter().map(Vec::as_slice));
        let registered = Registered {
            iss: "issuer".to_owned(),
            iat: IAT,
            exp: None,
            vct: "urn:denizen:bench".to_owned(),
            vct_integrity: None,
            cnf: self.holder.public(),
            status: None,
        };
        let issuer = self.issuer.clone().with_native();
        let (public, mut rng) = (issuer.public(), Rng::from_seed([6; 32]));
        let mut make = || issue(&self.claims, &rules, &registered, "k", &issuer, &mut rng);
        let text = make();
        let verify = || {
            let presentation = UnverifiedPresentation::parse(&text).unwrap();
            let policy = KeyBindingPolicy::NotRequired;
            drop(black_box(presentation.verify(&Native, &public, policy)).unwrap());
        };
        Cost {
            name: "denizen",
            issue_us: cost(|| drop(black_box(make()))),
            verify_us: cost(verify),
        }
    }

    fn peer(&self, name: &'static str, program: &mut Command) -> Cost {
        let secret = |key: &SecretKey| {
            let jwk: Jwk = key.public().into();
            let mut jwk = serde_json::to_value(jwk).unwrap();
            jwk["d"] = base64url_encode(key.danger_seed()).into();
            jwk
        };
        let job = json!({
            "rounds": ROUNDS, "times": TIMES, "claims": self.claims, "kid": "k",
            "registered": { "iss": "issuer", "iat": IAT, "vct": "urn:denizen:bench" },
            "issuer_key": secret(&self.issuer), "holder_key": secret(&self.holder),
            "public": self.issuer.public(), "holder_public": self.holder.public(),
        });
        let answer = ask(program, &job);
        let text = answer["credential"].as_str().unwrap();
        let credential = UnverifiedCredential::parse(text).unwrap();
        let read = credential.verify(VERIFIER, &self.issuer.public()).unwrap();
        assert_eq!(*read.claims(), self.claims, "{name} issues the same");
        Cost {
            name,
            issue_us: answer["issue_us"].as_f64().unwrap(),
            verify_us: answer["verify_us"].as_f64().unwrap(),
        }
    }
}

fn ask(program: &mut Command, job: &Value) -> Value {
    let spawned = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = spawned.expect("cargo xtask setup brings the peers");
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(job.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "a peer failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn cost(mut work: impl FnMut()) -> f64 {
    let mut rounds: Vec<f64> = (0..=ROUNDS).map(|_| round(&mut work)).collect();
    let rounds = &mut rounds[1..];
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

fn round(work: &mut impl FnMut()) -> f64 {
    let before = cpu();
    (0..TIMES).for_each(|_| work());
    (cpu() - before).as_secs_f64() * 1e6 / TIMES as f64
}

/// CPU time of this thread, as the kernel counts it.
fn cpu() -> Duration {
    std::thread::yield_now();
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}
