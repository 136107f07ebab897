//! `deposit.md`: leaf, receipt, head.

use super::{
    Book, Outcome, array, b, bytes, named, no_such, number, text, value, with,
    world::{HUB_LOG, NOW, World, secret},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use denizen_api::receipt::{HubTrust, ReceiptFor, verify, verify_head, verify_proof};
use denizen_jose::Portable;
use denizen_model::{
    AddressId, Nonce, SecretKeyFor, Sha256Hash, UnixTime,
    deposit::{
        Head, LeafOpening, LeafType, Receipt, address_commitment, sign_head, tombstones_hash,
    },
    envelope::Envelope,
    key::Head as HeadKey,
    statement::Statement,
};
use denizen_tlog::{
    Checkpoint, MemoryTiles, NoteSigner, UnverifiedProof, WitnessPolicy, cosign, hash_leaf,
    prove_inclusion, sign_checkpoint,
};
use serde_json::{Value, json};

/// The hub's trust out of its statement's payload.
fn trust(input: &Value) -> HubTrust {
    let now = UnixTime(number(input, "now").cast_signed());
    let statement: Statement = value(input, "hub_statement");
    HubTrust::of(&statement, &statement.keys, WitnessPolicy::default(), now).unwrap()
}

pub(super) fn run(op: &str, input: &Value) -> Outcome {
    match op {
        "leaf" => {
            let opening = LeafOpening {
                leaf_type: value(input, "type"),
                addr_c: address_commitment(
                    &AddressId::new(array(input, "address")),
                    &Nonce::new(array(input, "nonce_a")),
                ),
                pos: number(input, "pos"),
                time: UnixTime(number(input, "time").cast_signed()),
                envelope_hash: Sha256Hash::new(array(input, "envelope_hash")),
                commit: Sha256Hash::new(array(input, "commit")),
                nonce: Nonce::new(array(input, "nonce")),
            };
            let entry = opening.leaf();
            Ok(
                json!({"addr_c": opening.addr_c, "opening": b(opening.encode()), "entry": entry, "leaf_hash": b(hash_leaf(entry.as_bytes()))}),
            )
        }
        "opening" => LeafOpening::parse(&bytes(input, "opening"))
            .map_or_else(|| Err("Malformed".into()), |_| Ok(json!({}))),
        "receipt" => {
            let envelope = bytes(input, "envelope");
            let header = Envelope::parse(&envelope).map_err(named)?.header().clone();
            let receipt: Receipt = value(input, "receipt");
            let hash = Sha256Hash::of(&envelope);
            let of = ReceiptFor {
                address: &header.to,
                envelope_hash: &hash,
                commit: &header.commit,
            };
            let verified = verify(&receipt, of, &trust(input)).map_err(named)?;
            Ok(
                json!({"index": verified.index, "pos": verified.opening.pos, "time": verified.opening.time,
                "size": verified.checkpoint.size, "level": named(verified.level)}),
            )
        }
        "proof" => {
            let verified = verify_proof(text(input, "proof"), &trust(input)).map_err(named)?;
            Ok(
                json!({"index": verified.index, "envelope_hash": verified.opening.envelope_hash, "commit": verified.opening.commit}),
            )
        }
        "head" => {
            let address = AddressId::new(array(input, "address"));
            let head = verify_head(
                &bytes(input, "head"),
                text(input, "checkpoint"),
                &address,
                &trust(input),
                &Portable,
            );
            Ok(serde_json::to_value(head.map_err(named)?.0).unwrap())
        }
        "tombstones" => {
            let tombstones: Vec<(u64, u64)> = value(input, "tombstones");
            Ok(json!({"tombstones_hash": tombstones_hash(tombstones)}))
        }
        _ => no_such(),
    }
}

struct Logged {
    log: MemoryTiles,
    opening: LeafOpening,
    nonce_a: Nonce,
    index: u64,
}

/// The envelope of the vectors as leaf 300 of 700.
fn logged(world: &World) -> Logged {
    let envelope = world.envelope();
    let nonce_a = Nonce::new([0xf1; 32]);
    let opening = LeafOpening {
        leaf_type: LeafType::Envelope,
        addr_c: address_commitment(&world.link.address(), &nonce_a),
        pos: 0,
        time: NOW.plus_s(7),
        envelope_hash: Sha256Hash::of(&envelope),
        commit: world.header().commit,
        nonce: Nonce::new([0xf2; 32]),
    };
    let mut log = MemoryTiles::default();
    let other = |i: u32| hash_leaf(Sha256Hash::of(&i.to_be_bytes()).as_bytes());
    let mut leaves: Vec<_> = (0..700).map(other).collect();
    leaves[300] = hash_leaf(opening.leaf().as_bytes());
    log.append(&leaves);
    Logged {
        log,
        opening,
        nonce_a,
        index: 300,
    }
}

fn checkpoint(origin: &str, seed: u8, log: &MemoryTiles) -> String {
    let signer = NoteSigner::new(origin, &[seed; 32]).unwrap();
    sign_checkpoint(
        &Checkpoint {
            origin: origin.into(),
            size: log.size(),
            root: log.root(),
        },
        &signer,
    )
}

const ORIGIN: &str = "hub.example/deposits";

pub(super) fn book(world: &World) -> Book {
    let mut book = Book::new("deposit");
    let logged = logged(world);
    leaves(&mut book, world, &logged);
    receipts(&mut book, world, &logged);
    heads(&mut book, world, &logged);
    book
}

fn leaves(book: &mut Book, world: &World, logged: &Logged) {
    let o = &logged.opening;
    let input = json!({"type": o.leaf_type, "address": world.link.address(), "nonce_a": logged.nonce_a, "pos": o.pos,
        "time": o.time, "envelope_hash": o.envelope_hash, "commit": o.commit, "nonce": o.nonce});
    let output = json!({"addr_c": o.addr_c, "opening": b(o.encode()), "entry": o.leaf(), "leaf_hash": b(hash_leaf(o.leaf().as_bytes()))});
    book.good("an envelope's leaf", "deposit.leaf", input.clone(), output);
    let object = with(&input, json!({"type": "object", "pos": 1000}));
    let output = run("leaf", &object).unwrap();
    book.good("an object's leaf", "deposit.leaf", object, output);
    let opening = o.encode();
    book.good(
        "an opening",
        "deposit.opening",
        json!({"opening": b(&opening)}),
        json!({}),
    );
    // [0x87, type, ...]
    for (because, bytes) in [
        ("an unknown type", [&[0x87, 2], &opening[2..]].concat()),
        (
            "a type that is longer than it must be",
            [&[0x87, 0x18, 0], &opening[2..]].concat(),
        ),
        ("a byte follows", [&opening[..], &[0]].concat()),
        (
            "six parts",
            [&[0x86], &opening[1..opening.len() - 34]].concat(),
        ),
    ] {
        book.bad(
            because,
            "deposit.opening",
            json!({"opening": b(bytes)}),
            "Malformed",
        );
    }
}

fn receipts(book: &mut Book, world: &World, logged: &Logged) {
    let hashes = prove_inclusion(&logged.log, logged.index, 700).unwrap();
    let note = checkpoint(ORIGIN, HUB_LOG, &logged.log);
    let opening = logged.opening.encode();
    let proof = |extra: &[u8], index, note: &str| {
        UnverifiedProof::format(Some(extra), index, &hashes, note)
    };
    let receipt = |proof: String| json!({"proof": proof, "nonce_a": logged.nonce_a});
    let statement: Value = serde_json::from_slice(world.hub_statement.payload()).unwrap();
    let proved = proof(&opening, 300, &note);
    let good = json!({"envelope": b(world.envelope()), "receipt": receipt(proved.clone()), "hub_statement": statement, "now": NOW});
    let output = json!({"index": 300, "pos": 0, "time": logged.opening.time, "size": 700, "level": "Durable"});
    book.good(
        "leaf 300 of 700",
        "deposit.receipt",
        good.clone(),
        output.clone(),
    );
    let body = note.split_once("\n\n").unwrap().0.to_owned() + "\n";
    let witnessed = format!(
        "{proved}{}",
        cosign(&body, "witness.example", &[0x99; 32], 1_790_000_009)
    );
    let cosigned = with(&good, json!({"receipt": receipt(witnessed)}));
    book.good(
        "with a cosignature of a witness that this reader does not trust",
        "deposit.receipt",
        cosigned,
        output,
    );
    let alone = json!({"proof": proved, "hub_statement": statement, "now": NOW});
    let shown = json!({"index": 300, "envelope_hash": logged.opening.envelope_hash, "commit": logged.opening.commit});
    book.good(
        "the proof alone, without the address",
        "deposit.proof",
        alone,
        shown,
    );

    let changed = |change: &dyn Fn(&mut LeafOpening)| {
        let mut opening = logged.opening.clone();
        change(&mut opening);
        json!({"receipt": receipt(proof(&opening.encode(), 300, &note))})
    };
    let mut wrong = hashes.clone();
    wrong[3][0] ^= 1;
    let of = |text: String| json!({"receipt": receipt(text)});
    let written = |hashes: &[denizen_tlog::Hash]| {
        of(UnverifiedProof::format(Some(&opening), 300, hashes, &note))
    };
    let other = Envelope::parse(&world.envelope()).unwrap();
    let other = Envelope::new(
        other.header_bytes().to_vec(),
        other.enc().to_vec(),
        super::flipped(other.ct(), 0),
    )
    .unwrap()
    .encode();
    let by_directory = checkpoint("hub.example/directory", HUB_LOG, &logged.log);
    for (because, members, error) in [
        (
            "of another envelope",
            json!({"envelope": b(other)}),
            "OtherEnvelope",
        ),
        (
            "opened with another nonce_a: of another address",
            json!({"receipt": {"proof": proved, "nonce_a": b([0; 32])}}),
            "OtherEnvelope",
        ),
        (
            "the opening's time is changed",
            changed(&|o| o.time = NOW),
            "Proof(Inclusion(Root))",
        ),
        (
            "the opening's pos is changed",
            changed(&|o| o.pos = 1),
            "Proof(Inclusion(Root))",
        ),
        (
            "at another index",
            of(proof(&opening, 301, &note)),
            "Proof(Inclusion(Root))",
        ),
        (
            "at an index beyond the tree",
            of(proof(&opening, 700, &note)),
            "Proof(Inclusion(OutOfRange))",
        ),
        (
            "a hash of the proof is changed",
            written(&wrong),
            "Proof(Inclusion(Root))",
        ),
        (
            "a hash is missing",
            written(&hashes[1..]),
            "Proof(Inclusion(Length))",
        ),
        (
            "a hash too many",
            written(&[&hashes[..], &hashes[..1]].concat()),
            "Proof(Inclusion(Length))",
        ),
        (
            "without an opening",
            of(UnverifiedProof::format(None, 300, &hashes, &note)),
            "Malformed",
        ),
        (
            "checkpoint by another key",
            of(proof(&opening, 300, &checkpoint(ORIGIN, 0x77, &logged.log))),
            "Proof(Checkpoint(Note(Unsigned)))",
        ),
        (
            "checkpoint of the directory log",
            of(proof(&opening, 300, &by_directory)),
            "Proof(Checkpoint(Note(Unsigned)))",
        ),
        (
            "the checkpoint's size is changed",
            of(proved.replace("\n700\n", "\n701\n")),
            "Proof(Checkpoint(Note(BadSignature)))",
        ),
        (
            "line ends of another system",
            of(proved.replace('\n', "\r\n")),
            "Proof(Malformed)",
        ),
        (
            "the index has a leading zero",
            of(proved.replace("index 300", "index 0300")),
            "Proof(Malformed)",
        ),
        (
            "another version of the proof's form",
            of(proved.replace("@v1", "@v2")),
            "Proof(Malformed)",
        ),
    ] {
        book.bad(because, "deposit.receipt", with(&good, members), error);
    }
    assert_eq!(
        STANDARD
            .decode(
                proved
                    .lines()
                    .nth(1)
                    .unwrap()
                    .strip_prefix("extra ")
                    .unwrap()
            )
            .unwrap(),
        opening
    );
}

fn heads(book: &mut Book, world: &World, logged: &Logged) {
    let note = checkpoint(ORIGIN, HUB_LOG, &logged.log);
    let head = Head {
        address: world.link.address(),
        pos_max: Some(4),
        tombstones_hash: tombstones_hash([(1, 20), (3, 299)]),
        checkpoint_hash: Sha256Hash::of(note.as_bytes()),
        time: NOW.plus_s(60),
    };
    let statement: Value = serde_json::from_slice(world.hub_statement.payload()).unwrap();
    let of = |head: &Head, key: &SecretKeyFor<HeadKey>| {
        let head = sign_head(head, key, &world.hub_kid("h1"));
        json!({"head": b(head.as_bytes()), "checkpoint": note, "address": world.link.address(), "hub_statement": statement, "now": NOW})
    };
    let good = of(&head, &world.head_key());
    book.good(
        "a head",
        "deposit.head",
        good.clone(),
        serde_json::to_value(&head).unwrap(),
    );
    let empty = Head {
        pos_max: None,
        tombstones_hash: tombstones_hash([]),
        ..head.clone()
    };
    book.good(
        "of an empty address",
        "deposit.head",
        of(&empty, &world.head_key()),
        serde_json::to_value(&empty).unwrap(),
    );
    for (name, tombstones) in [("none", json!([])), ("two", json!([[1, 20], [3, 299]]))] {
        let input = json!({"tombstones": tombstones});
        let output = run("tombstones", &input).unwrap();
        book.good(name, "deposit.tombstones", input, output);
    }
    let stolen = of(&head, &secret::<HeadKey>(HUB_LOG));
    book.bad("signed by the log key", "deposit.head", stolen, "Signature");
    let other = checkpoint("hub.example/other", HUB_LOG, &logged.log);
    let named = Head {
        checkpoint_hash: Sha256Hash::of(other.as_bytes()),
        ..head
    };
    let named = with(&of(&named, &world.head_key()), json!({"checkpoint": other}));
    book.bad(
        "the checkpoint is of another log",
        "deposit.head",
        named,
        "Checkpoint(Note(Unsigned))",
    );
    for (because, members) in [
        ("of another address", json!({"address": b([1; 32])})),
        (
            "beside another checkpoint than it names",
            json!({"checkpoint": other}),
        ),
    ] {
        book.bad(
            because,
            "deposit.head",
            with(&good, members),
            "OtherAddress",
        );
    }
}
