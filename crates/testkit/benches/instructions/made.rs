//! What the counted functions are given: all from seeds, each used once before it is counted.

use denizen_api::{
    client::org_keyid,
    receipt::{HubTrust, verify_proof},
    signature::{Covered, SignatureHeaders, UnverifiedSignature, sign},
};
use denizen_credential::{
    KeyBindingPolicy, Registered, SdRules, StatusRef, UnverifiedPresentation, issue,
};
use denizen_gateway::{Mapping, check_file};
use denizen_holder::Holder;
use denizen_model::{
    AddressId, HubId, Nonce, OrgId, SecretKeyFor, Sha256Hash, UnixTime,
    catalogue::Kind,
    deposit::{Head, LeafOpening, LeafType, sign_head},
    envelope::{Envelope, Header, SUITE_1},
    jose::{Alg, PublicKey, SecretKey, Signer as _, VERIFIER},
    key,
    statement::{Origins, Role, StatedKey, Statement},
};
use denizen_seal::{KemPublic, KemSecret, RootSecret, SEALER};
use denizen_testkit::{
    AZIZA, Play, Rng, START, catalogue,
    catalogue::demo_file,
    play::{BORDER, CLINIC},
};
use denizen_tlog::{
    Checkpoint, MemoryTiles, NoteSigner, UnverifiedProof, WitnessPolicy, hash_leaf,
    prove_inclusion, sign_checkpoint,
};
use rand_core::SeedableRng as _;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, fmt::Write as _};

const ORIGIN: &str = "hub.example.org/deposits";
const VCT: &str = "urn:denizen:kind:travel-document:1";

pub(crate) struct Issuing {
    pub(crate) claims: Map<String, Value>,
    pub(crate) rules: SdRules,
    pub(crate) registered: Registered,
    pub(crate) key: SecretKey,
    pub(crate) rng: Rng,
}

pub(crate) fn issuing() -> Issuing {
    let names: Vec<String> = (0..15).map(|n| format!("claim_{n}")).collect();
    let value = |name: &String| (name.clone(), json!("a value of usual length"));
    let paths: Vec<Vec<Value>> = names.iter().map(|name| vec![json!(name)]).collect();
    let key = SecretKey::from_seed(Alg::Es256, &[7; 32]).unwrap();
    let registered = Registered {
        iss: "issuer".to_owned(),
        iat: START.0,
        exp: None,
        vct: VCT.to_owned(),
        vct_integrity: Some("sha256-x48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=".to_owned()),
        cnf: SecretKey::from_seed(Alg::Es256, &[8; 32]).unwrap().public(),
        status: Some(StatusRef {
            idx: 77,
            uri: "urn:denizen:status:bench:1".to_owned(),
        }),
    };
    let mut all = Issuing {
        claims: names.iter().map(value).collect(),
        rules: SdRules::from_paths(paths.iter().map(Vec::as_slice)),
        registered,
        key: key.with_native(),
        rng: Rng::seed_from_u64(1),
    };
    let (claims, rules, registered) = (&all.claims, &all.rules, &all.registered);
    drop(issue(
        claims,
        rules,
        registered,
        "k",
        &all.key,
        &mut all.rng,
    ));
    all
}

pub(crate) fn credential() -> (String, PublicKey) {
    let mut of = issuing();
    let (claims, rules, registered) = (&of.claims, &of.rules, &of.registered);
    let text = issue(claims, rules, registered, "k", &of.key, &mut of.rng);
    let public = of.key.public();
    let presentation = UnverifiedPresentation::parse(&text).unwrap();
    let once = presentation.verify(VERIFIER, &public, KeyBindingPolicy::NotRequired);
    assert_eq!(once.unwrap().credential().claims().len(), 15);
    (text, public)
}

pub(crate) struct Bare {
    pub(crate) public: PublicKey,
    pub(crate) message: Vec<u8>,
    pub(crate) signature: Vec<u8>,
}

pub(crate) fn ed25519() -> Bare {
    let key = SecretKey::from_seed(Alg::Ed25519, &[5; 32]).unwrap();
    let (public, message) = (key.public(), vec![9; 1500]);
    let signature = key.sign(&message);
    VERIFIER.verify(&public, &message, &signature).unwrap();
    Bare {
        public,
        message,
        signature,
    }
}

pub(crate) struct Request {
    pub(crate) headers: SignatureHeaders,
    pub(crate) hub: HubId,
    pub(crate) key: PublicKey,
    body: Vec<u8>,
}

impl Request {
    pub(crate) fn covered(&self) -> Covered<'_> {
        covered(&self.body)
    }
}

fn covered(body: &[u8]) -> Covered<'_> {
    Covered {
        method: "POST",
        path: "/v1/deposits",
        query: "",
        body,
    }
}

pub(crate) fn request() -> Request {
    let key = SecretKey::from_seed(Alg::Ed25519, &[5; 32]).unwrap();
    let (hub, body) = (HubId::new([1; 32]), vec![9; 64 << 10]);
    let keyid = org_keyid(&OrgId::new([2; 32]), "deposit-1");
    let headers = sign(&covered(&body), &key, &keyid, &hub, START);
    let all = Request {
        headers,
        hub,
        key: key.public(),
        body,
    };
    let once = UnverifiedSignature::parse(all.headers.clone(), &hub).unwrap();
    once.verify(&all.covered(), VERIFIER, &all.key, &hub, START)
        .unwrap();
    all
}

pub(crate) struct Log {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) signer: NoteSigner,
}

pub(crate) fn checkpoint() -> Log {
    let checkpoint = Checkpoint {
        origin: ORIGIN.to_owned(),
        size: 100_000,
        root: [3; 32],
    };
    let signer = NoteSigner::new(ORIGIN, &[4; 32]).unwrap();
    drop(sign_checkpoint(&checkpoint, &signer));
    Log { checkpoint, signer }
}

pub(crate) struct OfHead {
    pub(crate) head: Head,
    pub(crate) key: SecretKeyFor<key::Head>,
}

pub(crate) fn head() -> OfHead {
    let head = Head {
        address: AddressId::new([2; 32]),
        pos_max: Some(1000),
        tombstones_hash: Sha256Hash::new([3; 32]),
        checkpoint_hash: Sha256Hash::new([4; 32]),
        time: START,
    };
    let key = SecretKeyFor::from_seed(&[6; 32]).unwrap().with_native();
    drop(sign_head(&head, &key, "head-1"));
    OfHead { head, key }
}

pub(crate) struct Sealing {
    pub(crate) public: KemPublic,
    pub(crate) header: Header,
    pub(crate) message: Vec<u8>,
    pub(crate) rng: Rng,
}

pub(crate) fn sealing() -> Sealing {
    let header = Header {
        suite: SUITE_1,
        hub: HubId::new([1; 32]),
        to: AddressId::new([2; 32]),
        commit: Sha256Hash::new([3; 32]),
    };
    let mut all = Sealing {
        public: KemSecret::from_seed([7; 32]).public(),
        header,
        message: vec![9; 3000],
        rng: Rng::seed_from_u64(2),
    };
    drop(seal(&mut all));
    all
}

fn seal(of: &mut Sealing) -> Envelope {
    let sealed = SEALER.seal(&of.public, &of.header, &of.message, &mut of.rng);
    sealed.unwrap()
}

pub(crate) struct Sealed {
    pub(crate) key: KemSecret,
    pub(crate) envelope: Envelope,
}

pub(crate) fn sealed(used: bool) -> Sealed {
    let envelope = seal(&mut sealing());
    let key = KemSecret::from_seed([7; 32]);
    let other = KemSecret::from_seed([7; 32]);
    let first = if used { &key } else { &other };
    assert_eq!(SEALER.open(first, &envelope).unwrap().len(), 3000);
    Sealed { key, envelope }
}

pub(crate) struct Claims {
    pub(crate) kind: Kind,
    pub(crate) claims: Value,
}

/// An invented travel document, as the demo's border service has it.
pub(crate) fn claims() -> Claims {
    let claims = json!({
        "subject": {
            "names": { "original": "Каримова Азиза", "latin": "Karimova Aziza", "mrz": "KARIMOVA<<AZIZA" },
            "birth_date": "1994-03-17",
            "document_number": "FA1204563",
        },
        "document_type": "passport",
        "document_number": "FA1204563",
        "issuing_state": "UZB",
        "nationality": "UZB",
        "sex": "F",
        "place_of_birth": { "country": "UZB" },
        "issuing_authority": "MIA 26283",
        "issued_on": "2025-06-02",
        "valid_until": "2035-06-01",
    });
    let kind = catalogue().kind(VCT).unwrap().clone();
    kind.check(&claims).unwrap();
    Claims { kind, claims }
}

pub(crate) struct Leaf {
    pub(crate) log: MemoryTiles,
    pub(crate) index: u64,
    pub(crate) size: u64,
    pub(crate) extra: Vec<u8>,
    pub(crate) checkpoint: String,
}

const LOG_SEED: [u8; 32] = [4; 32];

pub(crate) fn leaf() -> Leaf {
    let opening = LeafOpening {
        leaf_type: LeafType::Envelope,
        addr_c: Sha256Hash::new([1; 32]),
        pos: 7,
        time: START,
        envelope_hash: Sha256Hash::new([2; 32]),
        commit: Sha256Hash::new([3; 32]),
        nonce: Nonce::new([9; 32]),
    };
    let (index, size) = (54_321, 100_000);
    let mut leaves = vec![[1; 32]; 100_000];
    leaves[54_321] = hash_leaf(opening.leaf().as_bytes());
    let mut log = MemoryTiles::default();
    let root = log.append(&leaves);
    let checkpoint = Checkpoint {
        origin: ORIGIN.to_owned(),
        size,
        root,
    };
    let checkpoint = sign_checkpoint(&checkpoint, &NoteSigner::new(ORIGIN, &LOG_SEED).unwrap());
    prove_inclusion(&log, index, size).unwrap();
    let extra = opening.encode();
    Leaf {
        log,
        index,
        size,
        extra,
        checkpoint,
    }
}

pub(crate) struct Proven {
    pub(crate) proof: String,
    pub(crate) trust: HubTrust,
}

/// Of a hub whose checkpoint was seen before, or not.
pub(crate) fn proven(known: bool) -> Proven {
    let of = leaf();
    let hashes = prove_inclusion(&of.log, of.index, of.size).unwrap();
    let proof = UnverifiedProof::format(Some(&of.extra), of.index, &hashes, &of.checkpoint);
    let [once, trust] = [trust(), trust()];
    let first = if known { &trust } else { &once };
    verify_proof(&proof, first).unwrap();
    Proven { proof, trust }
}

fn trust() -> HubTrust {
    let stated = |purpose: &str, seed: &[u8; 32]| StatedKey {
        kid: format!("{purpose}-1"),
        purpose: purpose.to_owned(),
        key: SecretKey::from_seed(Alg::Ed25519, seed).unwrap().public(),
        not_before: START,
        not_after: START.plus_s(3650 * UnixTime::DAY_S),
        revoked_from: None,
    };
    let identity = SecretKeyFor::<key::Identity>::from_seed(&[1; 32]).unwrap();
    let statement = Statement {
        v: 1,
        role: Role::Hub,
        id: None,
        names: BTreeMap::new(),
        hub: None,
        url: None,
        origins: Some(Origins {
            deposits: ORIGIN.to_owned(),
            directory: "hub.example.org/directory".to_owned(),
        }),
        inbox: None,
        identity: identity.public_for(),
        identity_next: None,
        keys: vec![stated("log", &LOG_SEED), stated("head", &[6; 32])],
        prev: None,
        created: START,
    };
    HubTrust::of(&statement, &statement.keys, WitnessPolicy::default(), START).unwrap()
}

pub(crate) struct Rows {
    pub(crate) file: Vec<u8>,
    pub(crate) mapping: Mapping,
}

pub(crate) fn rows() -> Rows {
    let text = String::from_utf8(demo_file("border/crossings.csv")).unwrap();
    let mut lines = text.lines();
    let (header, row) = (lines.next().unwrap(), lines.next().unwrap());
    let mut file = format!("{header}\n");
    for n in 0..64 {
        let row = row.replace("2026-000101", &format!("2026-{n:06}"));
        writeln!(file, "{row}").unwrap();
    }
    let mapping = String::from_utf8(demo_file("border/mapping.toml")).unwrap();
    let mapping = Mapping::parse(&mapping, &catalogue()).unwrap();
    let file = file.into_bytes();
    let once = check_file(file.as_slice(), &mapping, &catalogue(), START).unwrap();
    assert_eq!((once.good, once.bad), (64, Vec::new()));
    Rows { file, mapping }
}

pub(crate) struct Holding {
    pub(crate) holder: Holder,
    pub(crate) rng: Rng,
}

/// Linked with two offices, with what the demo's files have of her.
pub(crate) fn person() -> Holding {
    let (play, _) = settled();
    play
}

fn settled() -> (Holding, UnixTime) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let mut play = runtime
        .unwrap()
        .block_on(Play::settled(291, AZIZA, &[BORDER, CLINIC]));
    let holder = play.people.remove("aziza").unwrap().holder;
    assert!(holder.profile().records.len() > 5);
    let rng = Rng::seed_from_u64(3);
    (Holding { holder, rng }, play.world.now())
}

pub(crate) struct OnDisk {
    pub(crate) root: RootSecret,
    pub(crate) head: Vec<u8>,
    pub(crate) pages: BTreeMap<u32, Vec<u8>>,
    pub(crate) now: UnixTime,
}

pub(crate) fn packed() -> OnDisk {
    let (
        Holding {
            mut holder,
            mut rng,
        },
        now,
    ) = settled();
    let packed = holder.pack(&mut rng);
    OnDisk {
        root: holder.danger_root().clone(),
        head: packed.head,
        pages: packed.pages.into_iter().collect(),
        now,
    }
}
