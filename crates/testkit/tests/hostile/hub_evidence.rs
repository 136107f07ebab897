//! What can be held against a hub: receipts, heads, tombstones, the two logs; and what it refuses to
//! sign when its own files are damaged.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use denizen_api::{
    ProblemKind as P, Transport as _,
    client::{ClientError, RequestSigner},
    directory::{VerifiedDirectory, VerifyDirectoryError},
    receipt::{HeadError, ReceiptError, ReceiptFor, proves_withholding, verify, verify_head},
    wire::{
        DepositItem, DepositOutcome, DirectoryAnswer, FetchAnswer, Fetched, STATUS_AHEAD_S_MAX,
        WrappedRoot,
    },
};
use denizen_credential::{STATUS_LIST_ENTRIES_MIN, Status, StatusList};
use denizen_hub::OpenError;
use denizen_jose::Portable;
use denizen_model::{
    Nonce, Sha256Hash,
    deposit::{Head, Receipt, sign_head, tombstones_hash},
    envelope::Envelope,
    id::Bytes,
    pass::{Pass, PassUse},
    statement::full_kid,
};
use denizen_store::hub::LogId;
use denizen_testkit::{Office, Person, World, person::Address};
use denizen_tlog::{
    CheckpointError, MemoryTiles, ProofError, Tile, TilePath, WitnessPolicy, decode_bundle,
    hash_leaf, open_checkpoint,
};

struct Scene {
    world: World,
    office: Office,
    address: Address,
    notes: Vec<DepositItem>,
    receipts: Vec<Receipt>,
}

/// An address with some notes in it.
async fn scene(seed: u64, count: usize) -> Scene {
    let mut world = World::make(seed).await;
    let office = world.office("Office", &[]).await;
    let person = Person::make(&mut world.rng);
    let mut address = person.link_address(1, &office, &mut world.rng);
    let pass = Pass {
        quota: 64 << 20,
        ..office.pass(PassUse::Register, Nonce::make(&mut world.rng))
    };
    address.registration.pass = Some(office.sign_pass(&pass));
    world.register(&address).await;
    let mut s = Scene {
        world,
        office,
        address,
        notes: Vec::new(),
        receipts: Vec::new(),
    };
    s.add(count).await;
    s
}

impl Scene {
    async fn add(&mut self, count: usize) {
        let (office, address) = (&self.office, &self.address);
        let world = &mut self.world;
        let notes: Vec<_> = (0..count)
            .map(|_| world.note(office, address, "x"))
            .collect();
        for outcome in self.world.deposit(office, &notes).await.unwrap() {
            let DepositOutcome::Stored { receipt, .. } = outcome else {
                panic!("{outcome:?}");
            };
            self.receipts.push(receipt);
        }
        self.notes.extend(notes);
    }

    async fn fetch(&self, after: Option<u64>) -> FetchAnswer {
        let (auth, now) = (&self.address.keys.auth, self.world.now());
        self.world
            .client()
            .fetch(auth, after, 0, now)
            .await
            .unwrap()
    }

    fn check(
        &self,
        at: usize,
        receipt: &Receipt,
        directory: &VerifiedDirectory,
    ) -> Result<u64, ReceiptError> {
        let envelope = Envelope::parse(&self.notes[at].envelope).unwrap();
        let of = ReceiptFor {
            address: &self.address.id(),
            envelope_hash: &Sha256Hash::of(&self.notes[at].envelope),
            commit: &envelope.header().commit,
        };
        verify(receipt, of, &directory.trust).map(|v| v.index)
    }
}

#[tokio::test]
async fn a_receipt_is_of_one_envelope_at_one_address_in_one_log_of_one_hub() {
    let mut s = scene(40, 3).await;
    let directory = s.world.directory(0).await;
    for at in 0..3 {
        assert_eq!(s.check(at, &s.receipts[at], &directory), Ok(at as u64));
        let other = (at + 1) % 3;
        assert_eq!(
            s.check(other, &s.receipts[at], &directory),
            Err(ReceiptError::OtherEnvelope)
        );
    }
    let number = s.world.build_hub().await;
    let abroad = s.world.directory(number).await;
    let refused = s.check(0, &s.receipts[0], &abroad).unwrap_err();
    assert!(
        matches!(refused, ReceiptError::Proof(ProofError::Checkpoint(_))),
        "{refused:?}"
    );
    // The hub's own directory log, under the same key, is another log too.
    let (proof, _) = s.receipts[0].proof.split_once("\n\n").unwrap();
    let proof = format!("{proof}\n\n{}", directory.answer.checkpoint);
    let mixed = Receipt {
        proof,
        ..s.receipts[0].clone()
    };
    assert!(matches!(
        s.check(0, &mixed, &directory),
        Err(ReceiptError::Proof(ProofError::Checkpoint(_)))
    ));
    let moved = Receipt {
        nonce_a: Nonce::new([1; 32]),
        ..s.receipts[0].clone()
    };
    assert_eq!(
        s.check(0, &moved, &directory),
        Err(ReceiptError::OtherEnvelope)
    );
}

#[tokio::test]
async fn one_flipped_byte_of_a_receipt_makes_it_refused() {
    let s = scene(41, 5).await;
    let directory = s.world.directory(0).await;
    let good = s.receipts[3].proof.as_bytes();
    for at in 0..good.len() {
        let mut bytes = good.to_vec();
        bytes[at] ^= 1;
        let Ok(proof) = String::from_utf8(bytes) else {
            continue;
        };
        let flipped = Receipt {
            proof,
            ..s.receipts[3].clone()
        };
        assert!(s.check(3, &flipped, &directory).is_err(), "byte {at}");
    }
}

#[tokio::test]
async fn the_head_counts_places_and_tombstones_and_names_its_checkpoint() {
    let s = scene(42, 4).await;
    let trust = s.world.directory(0).await.trust;
    let (client, now) = (s.world.client(), s.world.now());
    client.erase(&s.address.keys.auth, 1, now).await.unwrap();
    client.erase(&s.address.keys.auth, 3, now).await.unwrap();
    let answer = s.fetch(None).await;
    let id = s.address.id();
    let check = |head: &[u8], checkpoint: &str, address: &_| {
        verify_head(head, checkpoint, address, &trust, &Portable)
    };
    let (head, checkpoint) = check(&answer.head, &answer.checkpoint, &id).unwrap();
    assert_eq!((head.pos_max, checkpoint.size), (Some(3), 4));
    assert_eq!(head.tombstones_hash, tombstones_hash([(1, 1), (3, 3)]));
    assert_eq!(answer.items.len(), 4);
    assert_eq!(answer.items[1], Fetched::Tombstone { pos: 1, index: 1 });
    // Every place is fetched, from any cursor, and the head stays the same.
    let rest = s.fetch(Some(1)).await;
    assert_eq!(
        (rest.items.as_slice(), rest.head),
        (&answer.items[2..], answer.head.clone())
    );
    let office = s.office.inbox_address();
    assert_eq!(
        check(&answer.head, &answer.checkpoint, &office),
        Err(HeadError::OtherAddress)
    );
    let older = s.receipts[0].proof.split_once("\n\n").unwrap().1;
    let mut bent = answer.head.clone();
    *bent.last_mut().unwrap() ^= 1;
    assert_eq!(
        check(&bent, &answer.checkpoint, &id),
        Err(HeadError::Signature)
    );
    let directory = s.world.directory(0).await.answer.checkpoint;
    assert_eq!(
        check(&answer.head, &directory, &id),
        Err(HeadError::OtherAddress)
    );
    // All four came in one group commit, so the receipts' checkpoint is the head's.
    assert_eq!(older, answer.checkpoint);
}

#[tokio::test]
async fn a_hub_that_withholds_convicts_itself() {
    let s = scene(43, 3).await;
    let directory = s.world.directory(0).await;
    let answer = s.fetch(None).await;
    let (head, checkpoint) = verify_head(
        &answer.head,
        &answer.checkpoint,
        &s.address.id(),
        &directory.trust,
        &Portable,
    )
    .unwrap();
    let envelope = Envelope::parse(&s.notes[2].envelope).unwrap();
    let of = ReceiptFor {
        address: &s.address.id(),
        envelope_hash: &Sha256Hash::of(&s.notes[2].envelope),
        commit: &envelope.header().commit,
    };
    let receipt = verify(&s.receipts[2], of, &directory.trust).unwrap();
    let nonce_a = &s.receipts[2].nonce_a;
    assert!(!proves_withholding(&receipt, nonce_a, &head, &checkpoint));
    // The operator signs a head that ends one place early.
    let house = s.world.house();
    let kid = full_kid(&house.id.into(), "head-1");
    let short = Head {
        pos_max: Some(1),
        ..head.clone()
    };
    let short = sign_head(&short, &house.keys.head, &kid).into_bytes();
    let (short, checkpoint) = verify_head(
        &short,
        &answer.checkpoint,
        &s.address.id(),
        &directory.trust,
        &Portable,
    )
    .unwrap();
    assert!(proves_withholding(&receipt, nonce_a, &short, &checkpoint));
    let other = Head {
        address: s.office.inbox_address(),
        ..short
    };
    assert!(!proves_withholding(&receipt, nonce_a, &other, &checkpoint));
}

#[tokio::test]
async fn the_tiles_lead_to_the_checkpoint_across_an_edge_and_a_restart() {
    let mut s = scene(44, 250).await;
    s.add(5).await;
    s.world.restart_hub(0);
    s.add(1).await;
    s.world.restart_hub(0);
    s.add(7).await;
    let directory = s.world.directory(0).await;
    for at in [0, 249, 254, 255, 256, 262] {
        assert_eq!(s.check(at, &s.receipts[at], &directory), Ok(at as u64));
    }
    let note = text(&s.world, "/log/deposits/checkpoint").await;
    let checkpoint = open_checkpoint(&note, &directory.trust.deposits).unwrap();
    assert_eq!(checkpoint.size, 263);
    let mut log = MemoryTiles::default();
    for (index, width) in [(0, 256), (1, 7)] {
        let tile = TilePath {
            level: Some(0),
            index,
            width,
        };
        let hashes = Tile::decode_hashes(&get(&s.world, &tile).await.unwrap()).unwrap();
        let bundle = get(
            &s.world,
            &TilePath {
                level: None,
                ..tile
            },
        )
        .await
        .unwrap();
        let entries = decode_bundle(&bundle).unwrap();
        assert_eq!(
            entries.iter().map(|e| hash_leaf(e)).collect::<Vec<_>>(),
            hashes
        );
        log.append(&hashes);
    }
    assert_eq!(log.root(), checkpoint.root);
    let beyond = TilePath {
        level: Some(0),
        index: 1,
        width: 8,
    };
    assert_eq!(get(&s.world, &beyond).await, None);
}

async fn get(world: &World, path: &TilePath) -> Option<Vec<u8>> {
    let uri = format!("{}/log/deposits/{path}", world.house().url);
    let request = http::Request::builder().uri(uri).body(Vec::new()).unwrap();
    let answer = world.wire.send(request).await.unwrap();
    answer.status().is_success().then(|| answer.into_body())
}

async fn text(world: &World, path: &str) -> String {
    let uri = format!("{}{path}", world.house().url);
    let request = http::Request::builder().uri(uri).body(Vec::new()).unwrap();
    String::from_utf8(world.wire.send(request).await.unwrap().into_body()).unwrap()
}

#[tokio::test]
async fn a_directory_that_is_older_split_reordered_or_of_another_hub_is_refused() {
    let mut world = World::make(45).await;
    world.office("One", &[]).await;
    let before = world.directory(0).await;
    world.office("Two", &[]).await;
    let after = world.directory(0).await;
    let (id, now) = (world.house().id, world.now());
    let seen =
        |d: &VerifiedDirectory| Some((d.checkpoint.size, Sha256Hash::new(d.checkpoint.root)));
    let check = |answer: &DirectoryAnswer, seen| {
        let witnesses = WitnessPolicy::default();
        denizen_api::directory::verify(answer.clone(), &id, seen, witnesses, &Portable, now)
            .map(drop)
    };
    assert_eq!(check(&after.answer, seen(&before)), Ok(()));
    let rolled_back = Err(VerifyDirectoryError::RolledBack);
    assert_eq!(check(&before.answer, seen(&after)), rolled_back);
    let split = Some((3, Sha256Hash::new([7; 32])));
    assert_eq!(check(&after.answer, split), rolled_back);
    let short = DirectoryAnswer {
        entries: after.answer.entries[..4].to_vec(),
        ..after.answer.clone()
    };
    assert_eq!(check(&short, None), Err(VerifyDirectoryError::Root));
    let mut mixed = after.answer.clone();
    mixed.entries.swap(1, 3);
    assert!(matches!(
        check(&mixed, None),
        Err(VerifyDirectoryError::Root | VerifyDirectoryError::Entry { .. })
    ));
    let number = world.build_hub().await;
    let abroad = world.directory(number).await.answer;
    assert_eq!(check(&abroad, None), Err(VerifyDirectoryError::OtherHub));
    let forged = DirectoryAnswer {
        checkpoint: abroad.checkpoint,
        ..after.answer
    };
    let refused = check(&forged, None).unwrap_err();
    assert!(
        matches!(
            refused,
            VerifyDirectoryError::Checkpoint(CheckpointError::Note(_))
        ),
        "{refused:?}"
    );
}

#[tokio::test]
async fn only_permitted_signers_add_to_the_directory_and_nobody_comes_in_without_an_admission() {
    let mut world = World::make(46).await;
    let office = world.office("One", &[]).await;
    let stranger = Office::make("Stranger", world.house().id, &mut world.rng);
    let client = world.client();
    let refused = |r: Result<_, ClientError>| {
        assert_eq!(
            r.map(drop).unwrap_err(),
            ClientError::Problem(P::EntryRefused)
        );
    };
    refused(client.post_entries(&[&stranger.statement]).await);
    let admission = world
        .house()
        .admission(&stranger.statement, &[], world.now());
    refused(client.post_entries(&[&admission]).await);
    let number = world.build_hub().await;
    let foreign = world.houses[number].admission(&stranger.statement, &[], world.now());
    refused(client.post_entries(&[&stranger.statement, &foreign]).await);
    let by_foreign = world.houses[number].suspension(office.id, world.now());
    refused(client.post_entries(&[&by_foreign]).await);
    let mut bent = stranger.statement.clone();
    *bent.last_mut().unwrap() ^= 1;
    refused(client.post_entries(&[&bent, &admission]).await);
    let size = world.directory(0).await.checkpoint.size;
    let both: [&[u8]; 2] = [&stranger.statement, &admission];
    let place = client.post_entries(&both).await.unwrap();
    assert_eq!(place.index, size);
    // Posted again after a lost answer: the same place, nothing twice.
    assert_eq!(client.post_entries(&both).await.unwrap(), place);
    assert_eq!(world.directory(0).await.checkpoint.size, size + 2);
}

#[tokio::test]
async fn a_hub_whose_log_is_damaged_at_its_right_edge_does_not_sign() {
    type Damage = fn(&dyn denizen_store::hub::HubStore, u64);
    let damages: [(&str, Damage); 5] = [
        ("a tile's last hash", |db, size| {
            let mut hashes = db.tile(LogId::Deposits, 0, 0).unwrap().unwrap();
            hashes[usize::try_from(size).unwrap() - 1][0] ^= 1;
            let tile = Tile {
                level: 0,
                index: 0,
                hashes,
            };
            db.put_tile(LogId::Deposits, &tile).unwrap();
        }),
        ("a tile cut short", |db, _| {
            let mut hashes = db.tile(LogId::Deposits, 0, 0).unwrap().unwrap();
            hashes.pop();
            let tile = Tile {
                level: 0,
                index: 0,
                hashes,
            };
            db.put_tile(LogId::Deposits, &tile).unwrap();
        }),
        ("an entry without a leaf", |db, _| {
            db.append_bundle(LogId::Deposits, 0, &[0, 1, 7]).unwrap();
        }),
        ("the head set back", |db, size| {
            let mut head = db.log_head(LogId::Deposits).unwrap().unwrap();
            head.size = size - 1;
            db.move_log_head(LogId::Deposits, size, &head).unwrap();
        }),
        ("the directory's entries", |db, _| {
            db.append_bundle(LogId::Directory, 0, &[0, 1, 7]).unwrap();
        }),
    ];
    for (what, damage) in damages {
        let mut s = scene(47, 5).await;
        s.world.stop_hub(0);
        let mut db = denizen_store::hub::open(&s.world.house().config.database).unwrap();
        db.begin().unwrap();
        damage(&*db, 5);
        db.commit().unwrap();
        drop(db);
        let refused = s.world.start_hub(0).unwrap_err();
        assert!(
            matches!(refused, OpenError::RightEdge),
            "{what}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn a_status_list_is_put_by_its_own_organisation_alone_and_never_goes_back() {
    let mut world = World::make(48).await;
    let office = world.office("One", &[]).await;
    let other = world.office("Other", &[]).await;
    let (client, now) = (world.client(), world.now());
    let put = async |by: &Office, list: &str, token: &str| {
        let keyid = by.deposit_keyid();
        let signer = RequestSigner::organisation(&by.deposit, &keyid);
        client
            .put_status(&office.id, list, token, signer, now)
            .await
    };
    let listed = |idx, iat| {
        let mut list = StatusList::new(STATUS_LIST_ENTRIES_MIN);
        list.set(idx, Status::Invalid).unwrap();
        list.sign(
            "urn:denizen:status:one:1",
            iat,
            60,
            "kid",
            office.deposit.signer(),
        )
    };
    let (first, second, late) = (listed(1, 1_000), listed(2, 1_001), listed(3, 1_000));
    put(&office, "1", &first).await.unwrap();
    let not_found = Err(ClientError::Problem(P::NotFound));
    assert_eq!(put(&other, "1", &first).await, not_found);
    for bent in ["", "first", "a.b.c"] {
        let malformed = Err(ClientError::Problem(P::Malformed));
        assert_eq!(put(&office, "1", bent).await, malformed, "{bent}");
    }
    let long = "1".repeat(33);
    assert_eq!(
        put(&office, &long, &first).await,
        Err(ClientError::Problem(P::TooLarge))
    );
    let large = "x".repeat((1 << 20) + 1);
    assert_eq!(
        put(&office, "1", &large).await,
        Err(ClientError::Problem(P::TooLarge))
    );
    let read = async || client.status(&office.id, "1").await.unwrap();
    assert_eq!(read().await, Some(first));
    put(&office, "1", &second).await.unwrap();
    put(&office, "1", &second).await.unwrap();
    // A request that was under way for longer than the next one.
    let conflict = Err(ClientError::Problem(P::Conflict));
    assert_eq!(put(&office, "1", &late).await, conflict);
    assert_eq!(put(&office, "1", &listed(4, 1_001)).await, conflict);
    // One from the future would keep every later list out.
    let ahead = listed(5, now.0 + STATUS_AHEAD_S_MAX + 1);
    let malformed = Err(ClientError::Problem(P::Malformed));
    assert_eq!(put(&office, "1", &ahead).await, malformed);
    assert_eq!(read().await, Some(second));
    assert_eq!(client.status(&other.id, "1").await.unwrap(), None);
}

#[tokio::test]
async fn a_wrapped_root_is_never_overwritten_and_only_its_owner_deletes_it() {
    let mut world = World::make(49).await;
    let owner = Person::make(&mut world.rng).own_address().keys.auth;
    let thief = Person::make(&mut world.rng).own_address().keys.auth;
    let (client, now) = (world.client(), world.now());
    let root = |bytes: &[u8], key: &denizen_model::SecretKeyFor<_>| WrappedRoot {
        wrapped: Bytes(bytes.to_vec()),
        owner: key.public_for(),
    };
    let locator = Nonce::make(&mut world.rng);
    let good = root(b"wrapped root", &owner);
    client.put_root(&locator, &good).await.unwrap();
    client.put_root(&locator, &good).await.unwrap();
    let conflict = Err(ClientError::Problem(P::Conflict));
    assert_eq!(
        client
            .put_root(&locator, &root(b"another root", &owner))
            .await,
        conflict
    );
    assert_eq!(
        client
            .put_root(&locator, &root(b"wrapped root", &thief))
            .await,
        conflict
    );
    let large = root(&[1; 4097], &owner);
    let too_large = Err(ClientError::Problem(P::TooLarge));
    assert_eq!(
        client.put_root(&Nonce::new([1; 32]), &large).await,
        too_large
    );
    let not_found = Err(ClientError::Problem(P::NotFound));
    assert_eq!(client.delete_root(&locator, &thief, now).await, not_found);
    assert_eq!(client.root(&locator).await.unwrap(), good);
    client.delete_root(&locator, &owner, now).await.unwrap();
    assert_eq!(client.root(&locator).await.map(drop), not_found);
}

#[tokio::test]
async fn two_hubs_on_one_database_never_fork_the_log_the_second_writer_stops() {
    let mut s = scene(50, 2).await;
    let (config, keys) = {
        let house = s.world.house();
        (house.config.clone(), house.keys.clone())
    };
    let clock = std::sync::Arc::new(s.world.clock.clone());
    let rng = Box::new(s.world.rng.clone());
    let (second, thread) = denizen_hub::Hub::open(config, keys, clock, rng).unwrap();
    s.add(1).await;
    // The second still believes in the log of before: its compare-and-swap fails, and it ends.
    s.world
        .wire
        .connect("hub-0.test", denizen_hub::router(&second));
    let note = s.world.note(&s.office, &s.address, "x");
    let busy = s
        .world
        .deposit(&s.office, std::slice::from_ref(&note))
        .await;
    assert_eq!(busy.unwrap_err(), ClientError::Problem(P::Busy));
    let again = s
        .world
        .deposit(&s.office, std::slice::from_ref(&note))
        .await;
    assert_eq!(again.unwrap_err(), ClientError::Problem(P::Busy));
    drop(second);
    s.world.wire.disconnect("hub-0.test");
    assert!(matches!(
        thread.join(),
        Err(denizen_store::StoreError::AnotherWriter)
    ));
    s.world
        .wire
        .connect("hub-0.test", denizen_hub::router(s.world.house().hub()));
    let stored = s.world.deposit(&s.office, &[note]).await.unwrap();
    assert!(matches!(
        stored[0],
        DepositOutcome::Stored {
            pos: 3,
            index: 3,
            ..
        }
    ));
    s.world.restart_hub(0);
    let directory = s.world.directory(0).await;
    assert_eq!(s.check(2, &s.receipts[2], &directory), Ok(2));
}

#[tokio::test]
async fn a_suspension_is_lifted_by_a_later_admission_and_not_undone_by_an_old_one() {
    let mut s = scene(51, 1).await;
    let (client, office) = (s.world.client(), s.office.clone());
    let before = s
        .world
        .house()
        .admission(&office.statement, &[], s.world.now());
    s.world.clock.advance_s(10);
    let suspension = s.world.house().suspension(office.id, s.world.now());
    client.post_entries(&[&suspension]).await.unwrap();
    let note = s.world.note(&office, &s.address, "x");
    let suspended = Err(ClientError::Problem(P::NotAdmitted));
    assert_eq!(
        s.world.deposit(&office, std::slice::from_ref(&note)).await,
        suspended
    );
    // The admission of before, logged again: nothing new is decided.
    let size = s.world.directory(0).await.checkpoint.size;
    client.post_entries(&[&before]).await.unwrap();
    assert_eq!(s.world.directory(0).await.checkpoint.size, size);
    assert_eq!(
        s.world.deposit(&office, std::slice::from_ref(&note)).await,
        suspended
    );
    s.world.clock.advance_s(10);
    let again = s
        .world
        .house()
        .admission(&office.statement, &[], s.world.now());
    client.post_entries(&[&again]).await.unwrap();
    let stored = s
        .world
        .deposit(&office, std::slice::from_ref(&note))
        .await
        .unwrap();
    assert!(matches!(stored[0], DepositOutcome::Stored { pos: 1, .. }));
    // The suspension again: it stands once.
    client.post_entries(&[&suspension]).await.unwrap();
    assert_eq!(s.world.directory(0).await.checkpoint.size, size + 1);
    s.world.restart_hub(0);
    let note = s.world.note(&office, &s.address, "y");
    let stored = s.world.deposit(&office, &[note]).await.unwrap();
    assert!(matches!(stored[0], DepositOutcome::Stored { pos: 2, .. }));
}
