//! A hub that is asked for more than it can do: it stays small, refuses early and says when to come
//! again, is fair, and what it acknowledged is there. The writer is held by a brake, never by time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use denizen_api::{
    ProblemKind as P, Transport as _,
    client::{ClientError, RequestSigner},
    signature::{Covered, sign},
    wire::{DepositItem, DepositOutcome as O, Fetched},
};
use denizen_hub::HubConfig;
use denizen_jose::{Signer, sign_compact};
use denizen_testkit::{Office, Person, World, person::Address};
use std::{cell::RefCell, rc::Rc};
use tokio::task::{LocalSet, spawn_local, yield_now};

/// Turns of the other tasks after which nothing more is waited for.
const TURNS_MAX: u32 = 20_000_000;

type Answer = Result<Vec<O>, ClientError>;

/// A world whose hub has other bounds.
async fn world(seed: u64, bound: impl FnOnce(&mut HubConfig)) -> World {
    let mut world = World::make(seed).await;
    world.stop_hub(0);
    bound(&mut world.houses[0].config);
    world.start_hub(0).unwrap();
    world
}

/// An office with an address that it deposits at.
async fn office(world: &mut World, name: &str) -> (Office, Address) {
    let office = world.office(name, &[]).await;
    let person = Person::make(&mut world.rng);
    let address = person.link_address(1, &office, &mut world.rng);
    world.register(&address).await;
    (office, address)
}

/// Deposits that run beside the test; what was answered, in the order of the answers.
#[derive(Clone, Default)]
struct Running(Rc<RefCell<Vec<(String, Answer)>>>);

impl Running {
    fn begin(&self, world: &World, office: &Office, name: &str, item: DepositItem) {
        let (client, now, office) = (world.client(), world.now(), office.clone());
        let (answers, name) = (Rc::clone(&self.0), name.to_owned());
        spawn_local(async move {
            let keyid = office.deposit_keyid();
            let signer = RequestSigner::organisation(&office.deposit, &keyid);
            let answer = client.deposit(&[item], signer, now).await;
            answers.borrow_mut().push((name, answer));
        });
    }

    async fn wait_for(&self, count: usize) {
        for _ in 0..TURNS_MAX {
            if self.0.borrow().len() >= count {
                return;
            }
            yield_now().await;
        }
        panic!("not {count} are answered");
    }

    fn of(&self, name: &str) -> Answer {
        let answers = self.0.borrow();
        let of = answers.iter().find(|(of, _)| of == name);
        of.unwrap_or_else(|| panic!("{name} is not answered"))
            .1
            .clone()
    }

    fn index(&self, name: &str) -> u64 {
        match &self.of(name).unwrap()[0] {
            O::Stored { index, .. } => *index,
            other => panic!("{name}: {other:?}"),
        }
    }
}

/// A number of the metrics.
async fn metric(world: &World, name: &str) -> u64 {
    let text = world.fetch_text(0, "/metrics").await;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let line = line.unwrap_or_else(|| panic!("{name} is not there: {text}"));
    line.trim().parse().unwrap()
}

async fn until(world: &World, name: &str, value: u64) {
    for _ in 0..TURNS_MAX / 100 {
        if metric(world, name).await == value {
            return;
        }
        yield_now().await;
    }
    panic!("{name} does not become {value}");
}

/// Holds the writer and gives it something to stand at.
async fn hold(world: &mut World, running: &Running, (office, address): &(Office, Address)) {
    let first = world.note(office, address, "held");
    world.brake.hold();
    running.begin(world, office, "held", first);
    while !world.brake.is_reached() {
        yield_now().await;
    }
}

#[tokio::test]
async fn the_queue_is_bounded_refuses_with_a_time_to_wait_and_keeps_what_it_acknowledged() {
    let mut world = world(700, |config| {
        config.queue.jobs_max = 6;
        config.queue.caller_jobs_max = 4;
    })
    .await;
    let (a, b) = (office(&mut world, "A").await, office(&mut world, "B").await);
    let c = office(&mut world, "C").await;
    let running = Running::default();
    LocalSet::new()
        .run_until(async {
            hold(&mut world, &running, &a).await;
            let mut waiting = 0;
            for (office, name, count) in [(&a, "a", 4), (&b, "b", 2)] {
                for number in 0..count {
                    let item = world.note(&office.0, &office.1, "waits");
                    running.begin(&world, &office.0, &format!("{name}{number}"), item);
                    waiting += 1;
                    until(&world, "denizen_hub_queue_jobs ", waiting).await;
                }
            }
            let item = world.note(&a.0, &a.1, "one more");
            running.begin(&world, &a.0, "a4", item.clone());
            running.wait_for(1).await;
            assert_eq!(running.of("a4"), Err(ClientError::Problem(P::RateLimited)));
            let told = world.wire.exchanges();
            let told = told.iter().rfind(|e| e.path() == "/v1/deposits").unwrap();
            assert!(told.headers.contains("retry-after: "), "{}", told.headers);
            // The newest of the longest makes place, until all have as many.
            let place = world.note(&c.0, &c.1, "place");
            running.begin(&world, &c.0, "c0", place);
            running.wait_for(2).await;
            assert_eq!(running.of("a3"), Err(ClientError::Problem(P::Busy)));
            let place = world.note(&c.0, &c.1, "place");
            running.begin(&world, &c.0, "c1", place);
            running.wait_for(3).await;
            assert_eq!(running.of("a2"), Err(ClientError::Problem(P::Busy)));
            let none = world.note(&c.0, &c.1, "none");
            running.begin(&world, &c.0, "c2", none);
            running.wait_for(4).await;
            assert_eq!(running.of("c2"), Err(ClientError::Problem(P::Busy)));
            assert_eq!(metric(&world, "denizen_hub_queue_jobs ").await, 6);
            // Reading goes on meanwhile.
            world.directory(0).await;
            world.brake.release();
            running.wait_for(11).await;
            // Who was refused comes again with the same bytes, and is taken.
            running.begin(&world, &a.0, "again", item);
            running.wait_for(12).await;
        })
        .await;
    let taken = ["held", "a0", "a1", "b0", "b1", "c0", "c1", "again"];
    let mut indexes: Vec<u64> = taken.iter().map(|name| running.index(name)).collect();
    indexes.sort_unstable();
    assert_eq!(indexes, (0..8).collect::<Vec<_>>());
    world.restart_hub(0);
    for ((_, address), count) in [(&a, 4), (&b, 2), (&c, 2)] {
        let auth = &address.keys.auth;
        let there = world.client().fetch(auth, None, 0, world.now()).await;
        let there = there.unwrap().items;
        assert_eq!(there.len(), count, "what was acknowledged is there");
        assert!(there.iter().all(|i| matches!(i, Fetched::Envelope { .. })));
    }
    let addresses = [a.1.id(), b.1.id(), c.1.id()];
    world.assert_addresses_unspoken(&addresses).await;
}

#[tokio::test]
async fn one_organisation_that_floods_does_not_keep_another_waiting() {
    let mut world = world(701, |_| {}).await;
    let (flood, small) = (
        office(&mut world, "Flood").await,
        office(&mut world, "Small").await,
    );
    let running = Running::default();
    LocalSet::new()
        .run_until(async {
            hold(&mut world, &running, &flood).await;
            for number in 0..20 {
                let item = world.note(&flood.0, &flood.1, "flood");
                running.begin(&world, &flood.0, &format!("f{number}"), item);
                until(&world, "denizen_hub_queue_jobs ", number + 1).await;
            }
            let item = world.note(&small.0, &small.1, "small");
            running.begin(&world, &small.0, "small", item);
            until(&world, "denizen_hub_queue_jobs ", 21).await;
            world.brake.release();
            running.wait_for(22).await;
        })
        .await;
    // One was begun, and one of each is taken in turn.
    assert_eq!(running.index("held"), 0);
    assert!(running.index("small") <= 2, "{}", running.index("small"));
    assert_eq!(running.index("f19"), 21);
}

#[tokio::test]
async fn bodies_in_memory_are_bounded_before_they_are_read() {
    let mut world = world(702, |config| config.load.small_bytes_max = 20_000).await;
    let a = office(&mut world, "A").await;
    let running = Running::default();
    LocalSet::new()
        .run_until(async {
            hold(&mut world, &running, &a).await;
            for number in 0..2 {
                let item = world.note(&a.0, &a.1, "waits");
                running.begin(&world, &a.0, &format!("a{number}"), item);
                until(&world, "denizen_hub_queue_jobs ", number + 1).await;
            }
            let bytes = metric(&world, "denizen_hub_body_bytes ").await;
            assert!((12_000..20_000).contains(&bytes), "{bytes}");
            let item = world.note(&a.0, &a.1, "too much");
            running.begin(&world, &a.0, "refused", item);
            running.wait_for(1).await;
            assert_eq!(running.of("refused"), Err(ClientError::Problem(P::Busy)));
            let refused = "denizen_hub_turned_away_total{reason=\"Bodies\"} ";
            assert_eq!(metric(&world, refused).await, 1);
            world.brake.release();
            running.wait_for(4).await;
        })
        .await;
    assert_eq!(metric(&world, "denizen_hub_body_bytes ").await, 0);
    assert_eq!(running.index("a1"), 2);
}

#[tokio::test]
async fn a_deposit_wakes_those_who_wait_for_it_and_nobody_else() {
    let mut world = world(703, |_| {}).await;
    let office = world.office("Office", &[]).await;
    let mut addresses = Vec::new();
    for _ in 0..40 {
        let person = Person::make(&mut world.rng);
        let address = person.link_address(1, &office, &mut world.rng);
        world.register(&address).await;
        addresses.push(Rc::new(address));
    }
    let item = world.note(&office, &addresses[7], "for one");
    let answered = Rc::new(RefCell::new(Vec::new()));
    LocalSet::new()
        .run_until(async {
            for (number, address) in addresses.iter().enumerate() {
                let (client, now) = (world.client(), world.now());
                let (address, answered) = (Rc::clone(address), Rc::clone(&answered));
                spawn_local(async move {
                    let auth = &address.keys.auth;
                    let answer = client.fetch(auth, None, 30, now).await.unwrap();
                    answered.borrow_mut().push((number, answer.items.len()));
                });
            }
            until(&world, "denizen_hub_long_polls ", 40).await;
            // All have looked and found nothing.
            until(&world, "denizen_hub_reads_total ", 40).await;
            world.deposit(&office, &[item]).await.unwrap();
            until(&world, "denizen_hub_long_polls ", 39).await;
            while answered.borrow().is_empty() {
                yield_now().await;
            }
        })
        .await;
    assert_eq!(*answered.borrow(), [(7, 1)]);
    assert_eq!(metric(&world, "denizen_hub_reads_total ").await, 41);
}

#[tokio::test]
async fn long_polls_are_bounded_and_what_is_there_is_given_all_the_same() {
    let mut world = world(704, |config| config.polls_max = 1).await;
    let (one, two) = (office(&mut world, "A").await, office(&mut world, "B").await);
    let item = world.note(&two.0, &two.1, "there");
    LocalSet::new()
        .run_until(async {
            let (client, now) = (world.client(), world.now());
            let auth = one.1.keys.auth.clone();
            spawn_local(async move { client.fetch(&auth, None, 30, now).await });
            until(&world, "denizen_hub_long_polls ", 1).await;
            let auth = &two.1.keys.auth;
            let refused = world.client().fetch(auth, None, 30, now).await;
            assert_eq!(refused, Err(ClientError::Problem(P::Busy)));
            world.deposit(&two.0, &[item]).await.unwrap();
            let there = world.client().fetch(auth, None, 30, now).await.unwrap();
            assert_eq!(there.items.len(), 1);
            let none = world.client().fetch(auth, Some(0), 0, now).await.unwrap();
            assert!(none.items.is_empty(), "who does not wait needs no place");
        })
        .await;
}

#[tokio::test]
async fn where_large_answers_have_no_room_they_come_in_small_ones() {
    let mut world = world(705, |config| config.load.answer_bytes_max = 0).await;
    let (office, address) = office(&mut world, "Office").await;
    let items: Vec<_> = (0..12)
        .map(|_| world.note(&office, &address, "one of many"))
        .collect();
    world.deposit(&office, &items).await.unwrap();
    let (mut after, mut answers) = (None, Vec::new());
    loop {
        let auth = &address.keys.auth;
        let answer = world.client().fetch(auth, after, 0, world.now()).await;
        let items = answer.unwrap().items;
        let Some(Fetched::Envelope { pos, .. }) = items.last() else {
            break;
        };
        after = Some(*pos);
        answers.push(items.len());
    }
    assert_eq!(answers.iter().sum::<usize>(), 12);
    assert!(answers.iter().all(|count| *count < 6), "{answers:?}");
}

#[tokio::test]
async fn who_signs_nothing_learns_nothing_of_what_waits_for_whom() {
    let mut world = world(706, |config| config.queue.caller_jobs_max = 2).await;
    let (a, b) = (office(&mut world, "A").await, office(&mut world, "B").await);
    let stranger = Person::make(&mut world.rng).own_address().keys.auth;
    let running = Running::default();
    LocalSet::new()
        .run_until(async {
            hold(&mut world, &running, &a).await;
            for number in 0..2 {
                let item = world.note(&a.0, &a.1, "waits");
                running.begin(&world, &a.0, &format!("a{number}"), item);
                until(&world, "denizen_hub_queue_jobs ", number + 1).await;
            }
            // The depositor himself is told.
            let item = world.note(&a.0, &a.1, "one more");
            running.begin(&world, &a.0, "a2", item);
            running.wait_for(1).await;
            assert_eq!(running.of("a2"), Err(ClientError::Problem(P::RateLimited)));
            // Who only names him is answered as if he named another.
            let mut answers = Vec::new();
            for named in [&a.0, &b.0] {
                let forged = forged(&world, &named.deposit_keyid(), stranger.signer());
                let answer = world.wire.send(forged).await.unwrap();
                let (head, body) = answer.into_parts();
                assert_eq!(head.status, 401);
                answers.push((head.headers, body));
            }
            assert_eq!(answers[0], answers[1]);
            world.brake.release();
            running.wait_for(4).await;
        })
        .await;
}

/// A deposit that names a key which did not sign it.
fn forged(world: &World, keyid: &str, signer: &dyn Signer) -> http::Request<Vec<u8>> {
    let body = b"whatever".to_vec();
    let covered = Covered {
        method: "POST",
        path: "/v1/deposits",
        query: "",
        body: &body,
    };
    let signed = sign(&covered, signer, keyid, &world.house().id, world.now());
    let request = http::Request::post("http://hub-0.test/v1/deposits")
        .header("content-length", body.len())
        .header("content-digest", signed.content_digest)
        .header("signature-input", signed.signature_input)
        .header("signature", signed.signature);
    request.body(body).unwrap()
}

/// A status list token of about so many bytes.
fn token_of(office: &Office, size: usize) -> String {
    let payload = serde_json::json!({ "iat": 1, "x": "x".repeat(size * 3 / 4) });
    let payload = payload.to_string();
    sign_compact(
        office.deposit.signer(),
        serde_json::Map::new(),
        payload.as_bytes(),
    )
}

#[tokio::test]
async fn a_small_status_list_needs_no_room_and_a_large_one_has_its_own() {
    let mut world = world(707, |config| {
        config.load.answer_bytes_max = 0;
        config.load.list_bytes_max = 100_000;
    })
    .await;
    let office = world.office("Office", &[]).await;
    let (client, now) = (world.client(), world.now());
    let keyid = office.deposit_keyid();
    for (list, size) in [("small", 10_000), ("large", 90_000), ("larger", 110_000)] {
        let signer = RequestSigner::organisation(&office.deposit, &keyid);
        let token = token_of(&office, size);
        let put = client.put_status(&office.id, list, &token, signer, now);
        put.await.unwrap();
    }
    for (list, size) in [("small", 10_000), ("large", 90_000)] {
        let read = client.status(&office.id, list).await.unwrap();
        assert_eq!(read, Some(token_of(&office, size)));
    }
    let refused = client.status(&office.id, "larger").await;
    assert_eq!(refused, Err(ClientError::Problem(P::Busy)));
}
