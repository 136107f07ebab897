//! Addresses at the hub: register once, with a pass that counts; read back, narrow, freeze, shred.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_api::{
    ProblemKind as P,
    client::ClientError,
    wire::{Accept, ChangeAccepts, RegisterAddress},
};
use denizen_model::{
    HubId, Nonce, Sha256Hash,
    pass::{Bind, Pass, PassUse},
};
use denizen_testkit::{Fault, Office, Person, World, person::Address};

async fn refused(world: &World, address: &Address, kind: P) {
    let answer = world
        .client()
        .register(&address.registration, &address.keys.auth, world.now())
        .await;
    assert_eq!(answer.unwrap_err(), ClientError::Problem(kind));
}

fn with_pass(address: &Address, office: &Office, pass: &Pass) -> Address {
    let registration = RegisterAddress {
        pass: Some(office.sign_pass(pass)),
        ..address.registration.clone()
    };
    Address {
        registration,
        ..address.clone()
    }
}

#[tokio::test]
async fn the_same_registration_is_answered_alike_and_another_is_a_conflict() {
    let mut world = World::make(10).await;
    let office = world.office("Office", &[]).await;
    let person = Person::make(&mut world.rng);
    let address = person.link_address(1, &office, &mut world.rng);
    let client = world.client();
    world.wire.fault_at(0, Fault::LoseAnswer);
    let register = || client.register(&address.registration, &address.keys.auth, world.now());
    assert!(matches!(register().await, Err(ClientError::Transport(_))));
    let first = register().await.unwrap();
    assert_eq!(register().await.unwrap(), first);
    assert_eq!(first.salt, address.registration.salt);
    assert_eq!(
        client
            .address(&address.keys.auth, world.now())
            .await
            .unwrap(),
        first
    );
    let other = person.link_address(1, &office, &mut world.rng);
    assert_eq!(other.id(), address.id());
    refused(&world, &other, P::Conflict).await;
}

#[tokio::test]
async fn a_pass_counts_once_until_it_expires_at_its_hub_for_its_use_by_its_organisation() {
    let mut world = World::make(11).await;
    let office = world.office("Office", &[]).await;
    let other = world.office("Other", &[]).await;
    let person = Person::make(&mut world.rng);
    let address = person.link_address(1, &office, &mut world.rng);
    let good = office.pass(PassUse::Register, Nonce::make(&mut world.rng));
    let now = world.now();
    let bad = [
        Pass {
            hub: HubId::new([9; 32]),
            ..good.clone()
        },
        Pass {
            not_after: now.plus_s(-1),
            ..good.clone()
        },
        Pass {
            not_before: now.plus_s(1),
            ..good.clone()
        },
        Pass {
            pass_use: PassUse::Deposit,
            ..good.clone()
        },
        Pass {
            org: other.id,
            ..good.clone()
        },
        Pass {
            bind: Bind::Key(Sha256Hash::new([1; 32])),
            ..good.clone()
        },
        Pass {
            v: 2,
            ..good.clone()
        },
    ];
    for pass in &bad {
        refused(&world, &with_pass(&address, &office, pass), P::PassRefused).await;
    }
    let of_other = other.pass(PassUse::Register, Nonce::make(&mut world.rng));
    refused(
        &world,
        &with_pass(&address, &other, &of_other),
        P::PassRefused,
    )
    .await;
    refused(&world, &with_pass(&address, &other, &good), P::PassRefused).await;
    let mut bare = address.clone();
    bare.registration.pass = None;
    refused(&world, &bare, P::PassRefused).await;
    world.register(&with_pass(&address, &office, &good)).await;
    let second = person.link_address(2, &office, &mut world.rng);
    refused(&world, &with_pass(&second, &office, &good), P::PassUsed).await;
    let none = Pass {
        uses: 0,
        bind: Bind::Nonce(Nonce::new([7; 32])),
        ..good
    };
    refused(&world, &with_pass(&second, &office, &none), P::PassUsed).await;
}

#[tokio::test]
async fn a_suspended_organisation_gets_no_new_addresses() {
    let mut world = World::make(12).await;
    let office = world.office("Office", &[]).await;
    let person = Person::make(&mut world.rng);
    let before = person.link_address(1, &office, &mut world.rng);
    world.register(&before).await;
    let suspension = world.house().suspension(office.id, world.now());
    world
        .house()
        .hub()
        .append_entries(vec![suspension])
        .await
        .unwrap();
    let after = person.link_address(2, &office, &mut world.rng);
    refused(&world, &after, P::NotAdmitted).await;
}

#[tokio::test]
async fn an_own_address_needs_no_pass_but_there_is_a_limit_a_minute() {
    let mut world = World::make(13).await;
    world.stop_hub(0);
    world.houses[0].config.self_addresses_a_minute = 2;
    world.start_hub(0).unwrap();
    let mut people: Vec<Address> = Vec::new();
    for _ in 0..4 {
        people.push(Person::make(&mut world.rng).own_address());
    }
    world.register(&people[0]).await;
    world.register(&people[0]).await;
    world.register(&people[1]).await;
    refused(&world, &people[2], P::RateLimited).await;
    world.clock.advance_s(60);
    world.register(&people[2]).await;
    let mut salted = people[3].clone();
    salted.registration.salt = Some(Nonce::new([1; 32]));
    refused(&world, &salted, P::PassRefused).await;
}

#[tokio::test]
async fn an_address_is_registered_by_its_own_key_and_read_by_nobody_else() {
    let mut world = World::make(14).await;
    let office = world.office("Office", &[]).await;
    let person = Person::make(&mut world.rng);
    let thief = Person::make(&mut world.rng).own_address();
    let address = person.link_address(1, &office, &mut world.rng);
    let client = world.client();
    let stolen = client
        .register(&address.registration, &thief.keys.auth, world.now())
        .await;
    assert_eq!(stolen.unwrap_err(), ClientError::Problem(P::Unsigned));
    world.register(&address).await;
    let unknown = client.address(&thief.keys.auth, world.now()).await;
    assert_eq!(unknown.unwrap_err(), ClientError::Problem(P::NotFound));
    let fetched = client.fetch(&thief.keys.auth, None, 0, world.now()).await;
    assert_eq!(fetched.unwrap_err(), ClientError::Problem(P::NotFound));
}

#[tokio::test]
async fn accepts_change_by_version_and_only_get_narrower() {
    let mut world = World::make(15).await;
    let office = world.office("Office", &[]).await;
    let other = world.office("Other", &[]).await;
    let person = Person::make(&mut world.rng);
    let address = person.link_address(1, &office, &mut world.rng);
    world.register(&address).await;
    let change = |version, accepts, frozen| ChangeAccepts {
        version,
        accepts,
        frozen,
    };
    let client = world.client();
    let put = async |change| {
        client
            .change_accepts(&change, &address.keys.auth, world.now())
            .await
    };
    let own = vec![Accept::Org(office.id)];
    let frozen = put(change(1, own.clone(), true)).await.unwrap();
    assert!(frozen.frozen && frozen.version == 1);
    // Asked again after a lost answer: the same.
    assert_eq!(put(change(1, own.clone(), true)).await.unwrap(), frozen);
    let conflict = Err(ClientError::Problem(P::Conflict));
    assert_eq!(put(change(1, own.clone(), false)).await, conflict);
    assert_eq!(put(change(7, own.clone(), false)).await, conflict);
    let wider = vec![Accept::Org(office.id), Accept::Org(other.id)];
    let refused = Err(ClientError::Problem(P::PassRefused));
    assert_eq!(put(change(2, wider, false)).await, refused);
    assert!(!put(change(2, own, false)).await.unwrap().frozen);
    assert_eq!(put(change(3, vec![], false)).await.unwrap().accepts, []);
}

#[tokio::test]
async fn a_shredded_address_is_closed_for_ever_and_its_salt_is_gone() {
    let mut world = World::make(16).await;
    let office = world.office("Office", &[]).await;
    let person = Person::make(&mut world.rng);
    let address = person.link_address(1, &office, &mut world.rng);
    world.register(&address).await;
    let salt = address.registration.salt.unwrap();
    world.marks.add("salt", salt.as_bytes());
    let note = world.note(&office, &address, "one");
    world.marks.add("sealed", &note.envelope[2000..2400]);
    world.deposit(&office, &[note]).await.unwrap();
    let (client, now) = (world.client(), world.now());
    client.shred(&address.keys.auth, now).await.unwrap();
    client.shred(&address.keys.auth, now).await.unwrap();
    let closed = ClientError::Problem(P::Closed);
    assert_eq!(
        client.address(&address.keys.auth, now).await.unwrap_err(),
        closed
    );
    refused(&world, &address, P::Conflict).await;
    let kept: Vec<_> = world.find_marks().await;
    let kept: Vec<_> = kept
        .iter()
        .filter(|f| f.place.starts_with("hub-"))
        .collect();
    assert!(kept.is_empty(), "the hub's files still have {kept:?}");
}
