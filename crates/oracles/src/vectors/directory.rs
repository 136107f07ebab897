//! `directory.md`: entries, their permitted signers, and the replay of the whole log.

use super::{
    Book, Outcome, array, b, named, no_such, number, text, value, with,
    world::{
        HUB_IDENTITY, HUB_LOG, NOW, ORG_IDENTITY, World, hub_statement, org_statement, secret,
    },
};
use denizen_api::wire::DirectoryAnswer;
use denizen_jose::{Object, Portable, SecretKey, base64url_decode};
use denizen_model::{
    HubId, OrgId, Sha256Hash, UnixTime,
    directory::identity_next_input,
    id::Bytes,
    key::Identity,
    statement::{
        ADMISSION_TYP, Admission, IdentityNext, KIND_TYP, SERVICE_TYP, SUSPENSION_TYP, Statement,
        Suspension, sign_entry,
    },
};
use denizen_tlog::{
    Checkpoint, MemoryTiles, NoteSigner, WitnessPolicy, hash_leaf, sign_checkpoint,
};
use serde_json::{Value, json};

/// The directory of an input's `entries` and `checkpoint`, checked against its `hub`.
pub(super) fn verified(input: &Value) -> Result<denizen_api::directory::VerifiedDirectory, String> {
    let entries: Vec<String> = value(input, "entries");
    let answer = DirectoryAnswer {
        checkpoint: text(input, "checkpoint").to_owned(),
        entries: entries
            .iter()
            .map(|e| base64url_decode(e).unwrap())
            .collect(),
    };
    let seen = &input["seen"];
    let seen = seen
        .is_object()
        .then(|| (number(seen, "size"), Sha256Hash::new(array(seen, "root"))));
    let now = UnixTime(number(input, "now").cast_signed());
    let hub = HubId::new(array(input, "hub"));
    let witnesses = WitnessPolicy::default();
    denizen_api::directory::verify(answer, &hub, seen, witnesses, &Portable, now).map_err(named)
}

pub(super) fn run(op: &str, input: &Value) -> Outcome {
    if op != "replay" {
        return no_such();
    }
    let verified = verified(input)?;
    let org = |org: &denizen_model::directory::Organisation| {
        json!({"id": org.id, "chain": org.chain, "admission": org.admission,
            "suspended": org.suspension.is_some(), "identity": org.statement.identity})
    };
    let services = verified
        .directory
        .services()
        .map(|(hash, s)| json!({"hash": hash, "service": s.service.service}));
    Ok(json!({
        "size": verified.checkpoint.size,
        "root": b(verified.checkpoint.root),
        "organisations": verified.directory.organisations().map(org).collect::<Vec<_>>(),
        "services": services.collect::<Vec<_>>(),
    }))
}

/// The input for a directory of these entries, with its true checkpoint.
pub(super) fn input(world: &World, entries: &[Object]) -> Value {
    let mut log = MemoryTiles::default();
    for entry in entries {
        log.append(&[hash_leaf(entry.as_bytes())]);
    }
    let checkpoint = Checkpoint {
        origin: "hub.example/directory".into(),
        size: log.size(),
        root: log.root(),
    };
    let signer = NoteSigner::new("hub.example/directory", &[HUB_LOG; 32]).unwrap();
    json!({
        "hub": world.hub, "now": NOW, "checkpoint": sign_checkpoint(&checkpoint, &signer),
        "entries": entries.iter().map(|e| b(e.as_bytes())).collect::<Vec<_>>(),
    })
}

fn next_statement(world: &World, change: impl FnOnce(&mut Statement)) -> Statement {
    let mut next = org_statement(world.hub);
    next.id = Some(world.org.into());
    next.prev = Some(world.org.into());
    change(&mut next);
    next
}

/// A change of identity key: named and proved by the one statement, signed by in the next.
fn identity_change(world: &World) -> [Object; 2] {
    let new = secret::<Identity>(0x2a);
    let id = Sha256Hash::from(world.org);
    let proof = new
        .signer()
        .sign(&identity_next_input(&id, Some(&id), new.public_for().key()));
    let named = next_statement(world, |s| {
        s.identity_next = Some(IdentityNext {
            key: new.public_for().key().to_jwk(),
            proof: Bytes(proof),
        });
    });
    let named = named.sign(secret::<Identity>(ORG_IDENTITY).signer());
    let followed = next_statement(world, |s| {
        s.prev = Some(Sha256Hash::of(named.as_bytes()));
        s.identity = new.public_for();
    });
    let followed = followed.sign(new.signer());
    [named, followed]
}

pub(super) fn book(world: &World) -> Book {
    let mut book = Book::new("directory");
    let entries = world.directory();
    let good = input(world, &entries);
    let output = run("replay", &good).unwrap();
    book.good(
        "hub, organisation, admission, kind, service",
        "directory.replay",
        good.clone(),
        output,
    );
    let changed = input(world, &[&entries[..], &identity_change(world)].concat());
    let output = run("replay", &changed).unwrap();
    book.good(
        "an organisation changes its identity key",
        "directory.replay",
        changed,
        output,
    );
    let by_hub = secret::<Identity>(HUB_IDENTITY);
    let suspension = Suspension {
        v: 1,
        org: world.org,
        reason: "example".into(),
        from: NOW,
    };
    let suspension = sign_entry(
        &suspension,
        SUSPENSION_TYP,
        by_hub.signer(),
        &world.hub_kid("identity"),
    );
    let suspended = input(
        world,
        &[&entries[..], std::slice::from_ref(&suspension)].concat(),
    );
    let output = run("replay", &suspended).unwrap();
    book.good(
        "the operator suspends an organisation",
        "directory.replay",
        suspended,
        output,
    );
    let again = Admission {
        v: 1,
        org: world.org,
        statement: world.org.into(),
        kinds: Vec::new(),
        from: NOW.plus_s(60),
    };
    let kid = world.hub_kid("identity");
    let again = sign_entry(&again, ADMISSION_TYP, by_hub.signer(), &kid);
    let reinstated = input(world, &[&entries[..], &[suspension, again]].concat());
    let output = run("replay", &reinstated).unwrap();
    book.good(
        "an admission after a suspension lifts it",
        "directory.replay",
        reinstated,
        output,
    );
    entries_refused(&mut book, world, &entries);
    whole_refused(&mut book, &good);
    book
}

fn entries_refused(book: &mut Book, world: &World, entries: &[Object]) {
    let by_hub: &SecretKey =
        &SecretKey::from_seed(denizen_jose::Alg::Ed25519, &[HUB_IDENTITY; 32]).unwrap();
    let by_org: &SecretKey =
        &SecretKey::from_seed(denizen_jose::Alg::Ed25519, &[ORG_IDENTITY; 32]).unwrap();
    let admission = |org: OrgId, signer: &SecretKey, kid: &str| {
        let admission = Admission {
            v: 1,
            org,
            statement: org.into(),
            kinds: Vec::new(),
            from: NOW,
        };
        sign_entry(&admission, ADMISSION_TYP, signer, kid)
    };
    let statement = |signer: &SecretKey, change: &dyn Fn(&mut Statement)| {
        next_statement(world, change).sign(signer)
    };
    let stranger = OrgId::new([9; 32]);
    let issuer = world.issuer();
    let service = sign_entry(
        &world.service(),
        SERVICE_TYP,
        issuer.signer(),
        &world.org_kid("i1"),
    );
    let [named, followed] = identity_change(world);
    let unproved = statement(by_org, &|s| {
        let key = secret::<Identity>(0x2a).public_for().key().to_jwk();
        s.identity_next = Some(IdentityNext {
            key,
            proof: Bytes(vec![0; 64]),
        });
    });
    let bundle = Object::sign(
        by_hub,
        &world.hub_kid("identity"),
        "denizen-person+json",
        b"{}",
    );
    let old = entries.iter().find(|e| e.typ() == ADMISSION_TYP).unwrap();
    let mut kind = world.own_kind();
    kind.schema = Sha256Hash::of(b"another schema");
    let kind = sign_entry(&kind, KIND_TYP, by_hub, &world.hub_kid("identity"));
    for (because, more, error) in [
        (
            "an admission that stands in the log already",
            vec![old.clone()],
            "Repeated",
        ),
        (
            "an admission by the organisation itself",
            vec![admission(world.org, by_org, &world.org_kid("identity"))],
            "SignerNotPermitted",
        ),
        (
            "an admission under the operator's name by another key",
            vec![admission(world.org, by_org, &world.hub_kid("identity"))],
            "Signature(BadSignature)",
        ),
        (
            "an admission of somebody without a statement",
            vec![admission(stranger, by_hub, &world.hub_kid("identity"))],
            "OrgUnknown",
        ),
        (
            "a statement that skips one",
            vec![statement(by_org, &|s| {
                s.prev = Some(Sha256Hash::new([1; 32]))
            })],
            "ChainBroken",
        ),
        (
            "a statement signed by another key than it names",
            vec![statement(by_hub, &|_| {})],
            "Signature(BadSignature)",
        ),
        (
            "a statement that names another identity key than its predecessor",
            vec![statement(by_hub, &|s| {
                s.identity = secret::<Identity>(HUB_IDENTITY).public_for()
            })],
            "ChainBroken",
        ),
        (
            "the old identity key after it named its successor",
            vec![
                named.clone(),
                statement(by_org, &|s| s.prev = Some(Sha256Hash::of(named.as_bytes()))),
            ],
            "ChainBroken",
        ),
        (
            "a successor key without proof that somebody has it",
            vec![unproved],
            "Signature(BadSignature)",
        ),
        (
            "the successor's statement without the one that names it",
            vec![followed],
            "ChainBroken",
        ),
        (
            "a statement without an English name",
            vec![statement(by_org, &|s| s.names.clear())],
            "ChainBroken",
        ),
        (
            "a service signed by an issuer key",
            vec![service],
            "SignerNotPermitted",
        ),
        (
            "a kind whose schema is not the one that its hash names",
            vec![kind],
            "Malformed",
        ),
        (
            "an entry of a type that is not on the list",
            vec![bundle],
            "Malformed",
        ),
    ] {
        let at = entries.len() + more.len() - 1;
        let input = input(world, &[entries, &more[..]].concat());
        let error = format!("Entry {{ index: {at}, source: {error} }}");
        book.bad(because, "directory.replay", input, &error);
    }
    let mut other = hub_statement();
    other.names.insert("en".into(), "Another hub".into());
    let other = [&[other.sign(by_hub)], &entries[1..]].concat();
    book.bad(
        "the first entry is another hub's statement",
        "directory.replay",
        input(world, &other),
        "OtherHub",
    );
}

fn whole_refused(book: &mut Book, good: &Value) {
    let entries = good["entries"].as_array().unwrap();
    let without = |at: usize| {
        entries
            .iter()
            .enumerate()
            .filter(|(i, _)| *i != at)
            .map(|(_, e)| e)
            .collect::<Vec<_>>()
    };
    let other = NoteSigner::new("hub.example/directory", &[0x77; 32]).unwrap();
    let deposits = NoteSigner::new("hub.example/deposits", &[HUB_LOG; 32]).unwrap();
    let note = text(good, "checkpoint");
    let body = note.split_once("\n\n").unwrap().0.to_owned() + "\n";
    for (because, members, error) in [
        (
            "an entry is withheld",
            json!({"entries": without(3)}),
            "Root",
        ),
        (
            "the checkpoint is signed by another key",
            json!({"checkpoint": other.sign(&body)}),
            "Checkpoint(Note(Unsigned))",
        ),
        (
            "the checkpoint is of the deposit log",
            json!({"checkpoint": deposits.sign(&body.replace("directory", "deposits"))}),
            "Checkpoint(Note(Unsigned))",
        ),
        (
            "smaller than one seen before",
            json!({"seen": {"size": 9, "root": b([1; 32])}}),
            "RolledBack",
        ),
        (
            "another than one seen before",
            json!({"seen": {"size": 2, "root": b([1; 32])}}),
            "RolledBack",
        ),
        (
            "another hub is pinned",
            json!({"hub": b([1; 32])}),
            "OtherHub",
        ),
        ("no entries", json!({"entries": []}), "OtherHub"),
    ] {
        book.bad(because, "directory.replay", with(good, members), error);
    }
}
