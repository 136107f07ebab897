//! Deposits: taken once, logged, never twice; refused by name, and nothing is lost by a retry.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use denizen_api::{
    ProblemKind as P,
    client::{ClientError, RequestSigner, own_keyid},
    receipt::{ReceiptFor, verify},
    wire::{Accept, ChangeAccepts, DepositItem, DepositOutcome as O, Fetched, RegisterAddress},
};
use denizen_model::{
    DepositId, HubId, Nonce, Sha256Hash,
    deposit::LeafOpening,
    envelope::Envelope,
    id::Bytes,
    pass::{Bind, Pass, PassUse},
};
use denizen_testkit::{
    Fault, Office, Person, World,
    office::{deposit_of, header_of, seal},
    person::Address,
};
use denizen_tlog::UnverifiedProof;

struct Scene {
    world: World,
    office: Office,
    person: Person,
    address: Address,
}

/// An office, a person, and one registered address between them.
async fn scene(seed: u64) -> Scene {
    let mut world = World::make(seed).await;
    let office = world.office("Office", &[]).await;
    let person = Person::make(&mut world.rng);
    let address = person.link_address(1, &office, &mut world.rng);
    world.register(&address).await;
    Scene {
        world,
        office,
        person,
        address,
    }
}

impl Scene {
    fn note(&mut self, text: &str) -> DepositItem {
        self.world.note(&self.office, &self.address, text)
    }

    async fn put(&self, item: &DepositItem) -> O {
        let outcomes = self
            .world
            .deposit(&self.office, std::slice::from_ref(item))
            .await;
        outcomes.unwrap().remove(0)
    }

    async fn fetched(&self) -> Vec<Fetched> {
        let (auth, now) = (&self.address.keys.auth, self.world.now());
        self.world
            .client()
            .fetch(auth, None, 0, now)
            .await
            .unwrap()
            .items
    }
}

fn refusal(kind: P) -> O {
    O::Refused(kind.name().to_owned())
}

fn place(outcome: &O) -> (u64, u64, LeafOpening, Nonce) {
    let O::Stored {
        pos,
        index,
        receipt,
    } = outcome
    else {
        panic!("not stored: {outcome:?}");
    };
    let proof = UnverifiedProof::parse(&receipt.proof).unwrap();
    let opening = LeafOpening::parse(proof.danger_extra().unwrap()).unwrap();
    (*pos, *index, opening, receipt.nonce_a)
}

#[tokio::test]
async fn a_retry_after_a_lost_answer_has_the_same_place_time_and_nonces_even_after_a_restart() {
    let mut s = scene(20).await;
    let note = s.note("one");
    s.world.wire.fault_at(0, Fault::LoseAnswer);
    let lost = s
        .world
        .deposit(&s.office, std::slice::from_ref(&note))
        .await;
    assert!(matches!(lost, Err(ClientError::Transport(_))));
    s.world.clock.advance_s(1000);
    let first = s.put(&note).await;
    assert_eq!(place(&first).2.time, s.world.now().plus_s(-1000));
    let other = s.note("two");
    assert_eq!(place(&s.put(&other).await).0, 1);
    // The proof may be under a later checkpoint; the leaf never changes.
    let again = s.put(&note).await;
    assert_ne!(first, again);
    assert_eq!(place(&first), place(&again));
    s.world.restart_hub(0);
    assert_eq!(s.put(&note).await, again);
    assert_eq!(s.fetched().await.len(), 2);
    let trust = s.world.directory(0).await.trust;
    let O::Stored { receipt, .. } = again else {
        panic!()
    };
    let envelope = Envelope::parse(&note.envelope).unwrap();
    let of = ReceiptFor {
        address: &s.address.id(),
        envelope_hash: &Sha256Hash::of(&note.envelope),
        commit: &envelope.header().commit,
    };
    let verified = verify(&receipt, of, &trust).unwrap();
    assert_eq!((verified.index, verified.opening.pos), (0, 0));
}

#[tokio::test]
async fn a_request_that_arrives_twice_is_stored_once() {
    let mut s = scene(21).await;
    let note = s.note("one");
    s.world.wire.fault_at(0, Fault::Twice);
    assert_eq!(place(&s.put(&note).await).0, 0);
    let batch = [note.clone(), note];
    let outcomes = s.world.deposit(&s.office, &batch).await.unwrap();
    assert_eq!(place(&outcomes[0]), place(&outcomes[1]));
    assert_eq!(s.fetched().await.len(), 1);
}

#[tokio::test]
async fn the_same_id_with_other_bytes_is_refused_and_after_erasure_it_is_gone() {
    let mut s = scene(22).await;
    let note = s.note("one");
    s.put(&note).await;
    let other = DepositItem {
        deposit_id: note.deposit_id,
        ..s.note("two")
    };
    assert_eq!(s.put(&other).await, refusal(P::DepositIdReused));
    let (client, now) = (s.world.client(), s.world.now());
    client.erase(&s.address.keys.auth, 0, now).await.unwrap();
    client.erase(&s.address.keys.auth, 0, now).await.unwrap();
    assert_eq!(s.put(&note).await, O::Gone { index: 0 });
    assert_eq!(s.put(&other).await, O::Gone { index: 0 });
    s.world.restart_hub(0);
    assert_eq!(s.put(&note).await, O::Gone { index: 0 });
    assert_eq!(s.fetched().await, [Fetched::Tombstone { pos: 0, index: 0 }]);
    let third = s.note("three");
    assert_eq!(place(&s.put(&third).await).0, 1);
}

#[tokio::test]
async fn what_was_erased_is_in_no_file_of_the_hub() {
    let mut s = scene(23).await;
    let note = s.note("one");
    s.world.marks.add("sealed", &note.envelope[2000..2400]);
    s.world
        .marks
        .add("hash", Sha256Hash::of(&note.envelope).as_bytes());
    let outcome = s.put(&note).await;
    let (_, _, opening, nonce_a) = place(&outcome);
    s.world.marks.add("nonce", opening.nonce.as_bytes());
    s.world
        .marks
        .add("nonce of the address", nonce_a.as_bytes());
    let files = async |world: &World| -> Vec<String> {
        let found = world.find_marks().await;
        let in_files = found.into_iter().filter(|f| f.place.starts_with("hub-"));
        in_files.map(|f| f.to_string()).collect()
    };
    assert!(
        !files(&s.world).await.is_empty(),
        "what is stored must be found"
    );
    let now = s.world.now();
    s.world
        .client()
        .erase(&s.address.keys.auth, 0, now)
        .await
        .unwrap();
    assert_eq!(files(&s.world).await, Vec::<String>::new());
    s.world.restart_hub(0);
    assert_eq!(files(&s.world).await, Vec::<String>::new());
}

#[tokio::test]
async fn unknown_frozen_and_closed_addresses_say_which() {
    let mut s = scene(24).await;
    let nobody = s.person.link_address(9, &s.office, &mut s.world.rng);
    let lost = s.world.note(&s.office, &nobody, "lost");
    assert_eq!(s.put(&lost).await, refusal(P::NotFound));
    let accepts = vec![Accept::Org(s.office.id)];
    let freeze = ChangeAccepts {
        version: 1,
        accepts,
        frozen: true,
    };
    let (client, now) = (s.world.client(), s.world.now());
    client
        .change_accepts(&freeze, &s.address.keys.auth, now)
        .await
        .unwrap();
    let note = s.note("one");
    assert_eq!(s.put(&note).await, refusal(P::Frozen));
    let reserved = DepositItem {
        reserved: true,
        ..s.note("status")
    };
    assert_eq!(place(&s.put(&reserved).await).0, 0);
    client.shred(&s.address.keys.auth, now).await.unwrap();
    assert_eq!(s.put(&note).await, refusal(P::Closed));
    let reserved = DepositItem {
        reserved: true,
        ..s.note("answer")
    };
    assert_eq!(s.put(&reserved).await, refusal(P::Closed));
}

#[tokio::test]
async fn a_frozen_address_takes_few_reserved_deposits_a_day() {
    let mut s = scene(25).await;
    s.world.stop_hub(0);
    s.world.houses[0].config.reserved_a_day = 2;
    s.world.start_hub(0).unwrap();
    let accepts = vec![Accept::Org(s.office.id)];
    let freeze = ChangeAccepts {
        version: 1,
        accepts,
        frozen: true,
    };
    let (client, now) = (s.world.client(), s.world.now());
    client
        .change_accepts(&freeze, &s.address.keys.auth, now)
        .await
        .unwrap();
    for n in 0..3 {
        let reserved = DepositItem {
            reserved: true,
            ..s.note("status")
        };
        let outcome = s.put(&reserved).await;
        assert_eq!(matches!(outcome, O::Stored { .. }), n < 2, "{n}");
    }
    s.world.clock.advance_s(86_400);
    let reserved = DepositItem {
        reserved: true,
        ..s.note("status")
    };
    assert_eq!(place(&s.put(&reserved).await).0, 2);
}

#[tokio::test]
async fn only_the_linked_organisation_deposits_in_an_address_and_only_its_owner_in_address_0() {
    let mut s = scene(26).await;
    let other = s.world.office("Other", &[]).await;
    let note = s.note("one");
    let by_other = s
        .world
        .deposit(&other, std::slice::from_ref(&note))
        .await
        .unwrap();
    assert_eq!(by_other, [refusal(P::NotAccepted)]);
    let keyid = own_keyid(s.address.keys.auth.signer());
    let own = RequestSigner::address(&s.address.keys.auth, &keyid);
    let (client, now) = (s.world.client(), s.world.now());
    let by_owner = client
        .deposit(std::slice::from_ref(&note), own, now)
        .await
        .unwrap();
    assert_eq!(by_owner, [refusal(P::NotAccepted)]);
    let zero = s.person.own_address();
    s.world.register(&zero).await;
    let to_self = s.world.note(&s.office, &zero, "state");
    assert_eq!(s.put(&to_self).await, refusal(P::NotAccepted));
    let keyid = own_keyid(zero.keys.auth.signer());
    let own = RequestSigner::address(&zero.keys.auth, &keyid);
    let stored = client.deposit(&[to_self], own, now).await.unwrap();
    assert_eq!(place(&stored[0]).0, 0);
}

#[tokio::test]
async fn an_organisation_that_is_not_admitted_or_is_suspended_deposits_nothing() {
    let mut s = scene(27).await;
    let stranger = Office::make("Stranger", s.world.houses[0].id, &mut s.world.rng);
    let note = s.note("one");
    let by_stranger = s
        .world
        .deposit(&stranger, std::slice::from_ref(&note))
        .await;
    assert_eq!(by_stranger.unwrap_err(), ClientError::Problem(P::Unsigned));
    let from = s.world.now().plus_s(100);
    let suspension = s.world.house().suspension(s.office.id, from);
    s.world
        .house()
        .hub()
        .append_entries(vec![suspension])
        .await
        .unwrap();
    assert_eq!(place(&s.put(&note).await).0, 0);
    s.world.clock.advance_s(100);
    let later = s.note("two");
    let refused = s.world.deposit(&s.office, &[later]).await;
    assert_eq!(refused.unwrap_err(), ClientError::Problem(P::NotAdmitted));
}

#[tokio::test]
async fn a_re_addressed_envelope_is_refused_or_goes_where_nobody_opens_it() {
    let mut s = scene(28).await;
    let message = s
        .office
        .note(s.address.to(s.office.hub), "one", &mut s.world.rng);
    let kem = s.address.keys.kem.public();
    let good = s.office.seal(&message, &kem, &mut s.world.rng);
    let elsewhere = s.person.link_address(3, &s.office, &mut s.world.rng);
    let mut header = header_of(&message);
    header.to = elsewhere.id();
    let (enc, ct) = (good.enc().to_vec(), good.ct().to_vec());
    let moved = Envelope::new(header.encode(), enc.clone(), ct.clone()).unwrap();
    let moved = deposit_of(&moved, &mut s.world.rng);
    assert_eq!(s.put(&moved).await, refusal(P::NotFound));
    let mut header = header_of(&message);
    header.hub = HubId::new([9; 32]);
    let abroad = Envelope::new(header.encode(), enc, ct).unwrap();
    let abroad = deposit_of(&abroad, &mut s.world.rng);
    assert_eq!(s.put(&abroad).await, refusal(P::EnvelopeRefused));
    // Registered after all, the hub takes it and cannot know better: her client does (swap matrix).
    s.world.register(&elsewhere).await;
    assert_eq!(place(&s.put(&moved).await).0, 0);
}

#[tokio::test]
async fn cut_lengthened_and_odd_envelopes_are_refused_one_by_one_and_good_ones_go_through() {
    let mut s = scene(29).await;
    let good = s.note("one");
    let message = s
        .office
        .note(s.address.to(s.office.hub), "odd", &mut s.world.rng);
    let mut header = header_of(&message);
    header.suite = 2;
    let kem = s.address.keys.kem.public();
    let sealed = seal(b"odd", &header_of(&message), &kem, &mut s.world.rng);
    let parts = [header.encode().as_slice(), sealed.enc(), sealed.ct()]
        .map(|p| denizen_model::cbor::Item::Bytes(Box::leak(p.to_vec().into_boxed_slice())));
    let other_suite = denizen_model::cbor::array(&parts);
    let mut rng = s.world.rng.clone();
    let mut item = |envelope: Vec<u8>| DepositItem {
        deposit_id: DepositId::make(&mut rng),
        envelope,
        pass: None,
        reserved: false,
    };
    let bytes = good.envelope.clone();
    let batch = [
        item(bytes[..bytes.len() - 1].to_vec()),
        item([bytes.as_slice(), b"x"].concat()),
        item(Vec::new()),
        item(other_suite),
        good.clone(),
        item(vec![0x83, 0x40, 0x40, 0x40]),
    ];
    let outcomes = s.world.deposit(&s.office, &batch).await.unwrap();
    for (at, outcome) in outcomes.iter().enumerate() {
        match at {
            4 => assert_eq!(place(outcome).0, 0),
            _ => assert_eq!(*outcome, refusal(P::EnvelopeRefused), "{at}"),
        }
    }
    assert_eq!(s.fetched().await.len(), 1);
}

#[tokio::test]
async fn an_address_is_full_at_its_quota_and_erasing_makes_room() {
    let mut s = scene(30).await;
    let note = s.note("one");
    let pass = Pass {
        quota: 2 * note.envelope.len() as u64,
        ..s.office
            .pass(PassUse::Register, Nonce::make(&mut s.world.rng))
    };
    let mut small = s.person.link_address(2, &s.office, &mut s.world.rng);
    small.registration.pass = Some(s.office.sign_pass(&pass));
    s.world.register(&small).await;
    let notes: Vec<_> = (0..3)
        .map(|_| s.world.note(&s.office, &small, "x"))
        .collect();
    let outcomes = s.world.deposit(&s.office, &notes).await.unwrap();
    assert_eq!(place(&outcomes[1]).0, 1);
    assert_eq!(outcomes[2], refusal(P::Quota));
    let now = s.world.now();
    s.world
        .client()
        .erase(&small.keys.auth, 0, now)
        .await
        .unwrap();
    assert_eq!(place(&s.put(&notes[2]).await).0, 2);
}

/// An inbox, and a note of a person to it under this pass.
async fn inbox(s: &mut Scene) {
    let nonce = Nonce::make(&mut s.world.rng);
    let pass = s.office.pass(PassUse::Register, nonce);
    let registration = RegisterAddress {
        v: 1,
        auth: s.office.inbox.public_for(),
        salt: Some(Nonce::make(&mut s.world.rng)),
        accepts: vec![Accept::PassBy(s.office.id)],
        pass: Some(s.office.sign_pass(&pass)),
    };
    let (client, now) = (s.world.client(), s.world.now());
    client
        .register(&registration, &s.office.inbox, now)
        .await
        .unwrap();
}

async fn to_inbox(s: &mut Scene, pass: Option<Bytes>) -> O {
    let mut message = s
        .office
        .note(s.address.to(s.office.hub), "accept", &mut s.world.rng);
    message.to.address = s.office.inbox_address();
    let kem = s.office.inbox_kem.public();
    let envelope = seal(
        b"signed by her",
        &header_of(&message),
        &kem,
        &mut s.world.rng,
    );
    let mut item = deposit_of(&envelope, &mut s.world.rng);
    item.pass = pass.map(|p| p.0);
    let key = &s.address.keys.deposit;
    let keyid = own_keyid(key.signer());
    let signer = RequestSigner::link(key, &keyid);
    let (client, now) = (s.world.client(), s.world.now());
    client
        .deposit(&[item], signer, now)
        .await
        .unwrap()
        .remove(0)
}

#[tokio::test]
async fn an_inbox_takes_deposits_under_a_pass_of_its_organisation_as_often_as_it_says() {
    let mut s = scene(31).await;
    inbox(&mut s).await;
    let other = s.world.office("Other", &[]).await;
    assert_eq!(to_inbox(&mut s, None).await, refusal(P::NotAccepted));
    let good = Pass {
        uses: 2,
        ..s.office.pass(PassUse::Deposit, Nonce::new([1; 32]))
    };
    let now = s.world.now();
    let bad = [
        Pass {
            inbox: Some(s.address.id()),
            ..good.clone()
        },
        Pass {
            inbox: None,
            ..good.clone()
        },
        Pass {
            pass_use: PassUse::Register,
            ..good.clone()
        },
        Pass {
            hub: HubId::new([3; 32]),
            ..good.clone()
        },
        Pass {
            not_after: now.plus_s(-1),
            ..good.clone()
        },
        Pass {
            bind: Bind::Key(Sha256Hash::new([5; 32])),
            ..good.clone()
        },
    ];
    for pass in bad {
        let pass = s.office.sign_pass(&pass);
        assert_eq!(to_inbox(&mut s, Some(pass)).await, refusal(P::PassRefused));
    }
    let of_other = Pass {
        inbox: good.inbox,
        ..other.pass(PassUse::Deposit, Nonce::new([2; 32]))
    };
    let of_other = other.sign_pass(&of_other);
    assert_eq!(
        to_inbox(&mut s, Some(of_other)).await,
        refusal(P::PassRefused)
    );
    let good = s.office.sign_pass(&good);
    for pos in 0..2 {
        assert_eq!(place(&to_inbox(&mut s, Some(good.clone())).await).0, pos);
    }
    assert_eq!(to_inbox(&mut s, Some(good)).await, refusal(P::PassUsed));
}

#[tokio::test]
async fn what_a_day_allows_begins_anew_at_midnight_and_the_refusal_says_so() {
    let mut s = scene(39).await;
    inbox(&mut s).await;
    let thumbprint = s.address.keys.deposit.public_for().key().thumbprint();
    let lasting = Pass {
        bind: Bind::Key(Sha256Hash::new(thumbprint)),
        uses: 1,
        ..s.office.pass(PassUse::Deposit, Nonce::new([3; 32]))
    };
    let lasting = s.office.sign_pass(&lasting);
    assert_eq!(place(&to_inbox(&mut s, Some(lasting.clone())).await).0, 0);
    assert_eq!(
        to_inbox(&mut s, Some(lasting.clone())).await,
        refusal(P::RateLimited)
    );
    // What one day allows is used up: the answer says when the next one begins, at 00:00 UTC.
    let told = |s: &Scene| {
        let told = s.world.wire.exchanges();
        let told = told.iter().rfind(|e| e.path() == "/v1/deposits").unwrap();
        let wait = told
            .headers
            .lines()
            .find_map(|l| l.strip_prefix("retry-after: "));
        wait.map(|s| s.trim().parse::<i64>().unwrap())
    };
    let now = s.world.now().0;
    assert_eq!(told(&s), Some(86_400 - now.rem_euclid(86_400)));
    s.world.clock.advance_s(86_400 - now.rem_euclid(86_400));
    assert_eq!(place(&to_inbox(&mut s, Some(lasting)).await).0, 1);
    assert_eq!(told(&s), None);
}

#[tokio::test]
async fn a_deposit_pass_is_used_up_at_its_bytes_too() {
    let mut s = scene(35).await;
    inbox(&mut s).await;
    let size = s.note("x").envelope.len() as u64;
    let pass = Pass {
        uses: 9,
        quota: 2 * size + 1,
        ..s.office.pass(PassUse::Deposit, Nonce::new([1; 32]))
    };
    let pass = s.office.sign_pass(&pass);
    for pos in 0..2 {
        assert_eq!(place(&to_inbox(&mut s, Some(pass.clone())).await).0, pos);
    }
    assert_eq!(to_inbox(&mut s, Some(pass)).await, refusal(P::Quota));
}

#[tokio::test]
async fn a_long_poll_wakes_with_the_first_deposit() {
    let mut s = scene(32).await;
    let note = s.note("one");
    let client = s.world.client();
    let fetch = client.fetch(&s.address.keys.auth, None, 30, s.world.now());
    let deposit = s.put(&note);
    let both = async { tokio::join!(fetch, deposit) };
    let limit = std::time::Duration::from_secs(25);
    let (fetched, _) = tokio::time::timeout(limit, both).await.unwrap();
    assert_eq!(fetched.unwrap().items.len(), 1);
}

#[tokio::test]
async fn time_never_goes_back_even_if_the_clock_does() {
    let mut s = scene(33).await;
    s.world.clock.advance_s(1000);
    let note = s.note("one");
    let first = place(&s.put(&note).await).2.time;
    s.world.clock.advance_s(-200);
    let note = s.note("two");
    assert_eq!(place(&s.put(&note).await).2.time, first);
    s.world.restart_hub(0);
    let note = s.note("three");
    assert_eq!(place(&s.put(&note).await).2.time, first);
}

#[tokio::test]
async fn many_at_once_get_places_without_gaps_and_leaves_of_their_own() {
    const SENDERS: usize = 24;
    let mut s = scene(34).await;
    let notes: Vec<_> = (0..SENDERS).map(|n| s.note(&format!("note {n}"))).collect();
    let (client, now) = (s.world.client(), s.world.now());
    let keyid = s.office.deposit_keyid();
    let local = tokio::task::LocalSet::new();
    let mut tasks = Vec::new();
    for note in notes {
        let (client, key, keyid) = (client.clone(), s.office.deposit.clone(), keyid.clone());
        tasks.push(local.spawn_local(async move {
            let signer = RequestSigner::organisation(&key, &keyid);
            client
                .deposit(&[note], signer, now)
                .await
                .unwrap()
                .remove(0)
        }));
    }
    let mut places = Vec::new();
    local
        .run_until(async {
            for task in tasks {
                let (pos, index, ..) = place(&task.await.unwrap());
                places.push((pos, index));
            }
        })
        .await;
    places.sort_unstable();
    let want: Vec<(u64, u64)> = (0..SENDERS as u64).map(|n| (n, n)).collect();
    assert_eq!(
        places, want,
        "one address, one log: position and index grow together"
    );
    assert_eq!(s.fetched().await.len(), SENDERS);
}
