//! A hub is killed with at least a hundred deposits in flight, and started again: what was acknowledged is
//! where it was, what was not is there once when it is sent again, and every receipt verifies.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "tests of real processes"
)]

use super::say;
use crate::support::{
    Http, HubFolder,
    office::{Depositor, Office},
    signal_pid, succeed, text, wait_for,
};
use denizen_api::{
    HubClient,
    client::ClientError,
    wire::{DepositItem, DepositOutcome},
};
use denizen_fire::{Observer, Seen, disk::below};
use denizen_model::{SecretKeyFor, key::Auth};
use denizen_testkit::campaign::{seed, times};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};
use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::task::{JoinSet, LocalSet};

/// Clients that deposit at once.
const CLIENTS: usize = 128;
/// Deposits in flight at a kill, at least.
const IN_FLIGHT_MIN: usize = 100;
/// Deposits that a client has ready for one kill.
const EACH: usize = 24;
/// Kills of one hub; then another is made, so that checks stay short.
const KILLS_MAX: u32 = 25;

/// A hub that is killed again and again, and who deposits.
pub(super) struct Target {
    pub(super) hub: HubFolder,
    pub(super) office: Office,
    pub(super) addresses: Vec<SecretKeyFor<Auth>>,
    pub(super) observer: Observer,
    next: u64,
    rng: ChaCha20Rng,
}

/// Counts of one kill.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kill {
    pub(super) acknowledged: usize,
    pub(super) unanswered: usize,
}

#[derive(Default)]
struct Traffic {
    in_flight: AtomicUsize,
    acknowledged: AtomicUsize,
}

/// Deposits with their answers.
pub(super) type Answers = Vec<(u64, DepositItem, Option<DepositOutcome>)>;

impl Target {
    pub(super) async fn make(hub: HubFolder, seed: u64) -> Self {
        let mut office = Office::make(hub.id, seed);
        let statement = hub.file("statement");
        fs::write(&statement, &office.statement).unwrap();
        succeed(&["hub", "admit", text(&hub.path()), text(&statement)]);
        let process = hub.serve();
        let mut addresses = Vec::new();
        for _ in 0..4 {
            addresses.push(office.register_address(&hub.client()).await);
        }
        drop(process);
        Self {
            hub,
            office,
            addresses,
            observer: Observer::default(),
            next: 0,
            rng: ChaCha20Rng::seed_from_u64(seed),
        }
    }

    /// The next deposits, one after the other to all addresses.
    pub(super) fn items(&mut self, count: usize) -> Vec<(u64, DepositItem)> {
        let mut items = Vec::new();
        for _ in 0..count {
            let to = &self.addresses[usize::try_from(self.next).unwrap() % self.addresses.len()];
            items.push((self.next, self.office.item(to)));
            self.next += 1;
        }
        items
    }

    /// Loads a hub from all sides and kills it.
    async fn kill(&mut self) -> Kill {
        let process = self.hub.serve();
        let (office, client) = (Arc::new(self.office.depositor()), self.hub.client());
        let client = Arc::new(client);
        let traffic = Arc::new(Traffic::default());
        // A transport's futures stay on their thread.
        let (local, mut clients) = (LocalSet::new(), JoinSet::new());
        for _ in 0..CLIENTS {
            let items = self.items(EACH);
            let (office, client) = (Arc::clone(&office), Arc::clone(&client));
            let traffic = Arc::clone(&traffic);
            let run = async move { deposit_all(items, &office, &client, &traffic).await };
            clients.spawn_local_on(run, &local);
        }
        let after = below(&mut self.rng, CLIENTS * EACH / 4);
        let pid = process.0.id();
        let killer = std::thread::spawn(move || {
            wait_for("enough in flight", || {
                let acknowledged = traffic.acknowledged.load(Ordering::SeqCst);
                let in_flight = traffic.in_flight.load(Ordering::SeqCst);
                (acknowledged >= after && in_flight >= IN_FLIGHT_MIN).then_some(())
            });
            signal_pid("KILL", pid);
        });
        let mut answers = Vec::new();
        let all = async {
            while let Some(done) = clients.join_next().await {
                answers.extend(done.unwrap());
            }
        };
        local.run_until(all).await;
        killer.join().unwrap();
        drop(process);
        self.again(answers).await
    }

    /// Starts the hub again, sends all of it again, and looks where it is.
    pub(super) async fn again(&mut self, answers: Answers) -> Kill {
        let _process = self.hub.serve();
        let trust = self.hub.directory().await.trust;
        let mut kill = Kill {
            acknowledged: 0,
            unanswered: 0,
        };
        for (number, item, outcome) in &answers {
            self.observer.sent(*number, item);
            match outcome {
                None => kill.unanswered += 1,
                Some(outcome) => {
                    kill.acknowledged += 1;
                    let answered = self.observer.answered(*number, item, outcome, Some(&trust));
                    answered.unwrap();
                }
            }
        }
        for batch in answers.chunks(256) {
            let items: Vec<_> = batch.iter().map(|(_, item, _)| item.clone()).collect();
            let outcomes = self.office.send(&self.hub.client(), &items).await.unwrap();
            for ((number, item, _), outcome) in batch.iter().zip(&outcomes) {
                let answered = self.observer.answered(*number, item, outcome, Some(&trust));
                answered.unwrap();
            }
        }
        kill
    }

    /// Everything that must hold, of all deposits of all kills.
    pub(super) async fn check(&mut self) {
        let _process = self.hub.serve();
        let trust = self.hub.directory().await.trust;
        let depositor = self.office.depositor();
        let addresses: Vec<_> = self.addresses.iter().collect();
        let seen = Seen {
            client: &self.hub.client(),
            url: &self.hub.url,
            trust: &trust,
            signer: depositor.signer(),
            addresses: &addresses,
            now: crate::support::now(),
        };
        assert_eq!(self.observer.check(seen).await, Ok(()));
        assert_eq!(self.observer.unanswered(), 0);
    }
}

async fn deposit_all(
    items: Vec<(u64, DepositItem)>,
    office: &Depositor,
    client: &HubClient<Http>,
    traffic: &Traffic,
) -> Answers {
    let mut answers = Vec::new();
    for (number, item) in items {
        traffic.in_flight.fetch_add(1, Ordering::SeqCst);
        let sent = office.send(client, std::slice::from_ref(&item)).await;
        traffic.in_flight.fetch_sub(1, Ordering::SeqCst);
        let outcome = match sent {
            Ok(mut outcomes) => Some(outcomes.remove(0)),
            Err(ClientError::Transport(_)) => None,
            Err(error) => panic!("a deposit: {error}"),
        };
        let lost = outcome.is_none();
        answers.push((number, item, outcome));
        if lost {
            break;
        }
        traffic.acknowledged.fetch_add(1, Ordering::SeqCst);
    }
    answers
}

/// So many kills, of as many hubs as that needs; gives acknowledged and unanswered deposits, and the
/// fewest that were in flight.
pub(crate) async fn kill_hubs(
    kills: u32,
    base: u64,
    make: impl Fn() -> HubFolder,
) -> (usize, usize, usize) {
    let (mut rest, mut number) = (kills, 0);
    let (mut acknowledged, mut unanswered, mut fewest) = (0, 0, usize::MAX);
    while rest > 0 {
        let mut target = Target::make(make(), seed(base + number)).await;
        number += 1;
        for _ in 0..rest.min(KILLS_MAX) {
            let kill = target.kill().await;
            assert!(kill.unanswered >= IN_FLIGHT_MIN, "{kill:?}");
            acknowledged += kill.acknowledged;
            unanswered += kill.unanswered;
            fewest = fewest.min(kill.unanswered);
        }
        target.check().await;
        rest -= rest.min(KILLS_MAX);
    }
    (acknowledged, unanswered, fewest)
}

#[tokio::test]
async fn a_hub_killed_under_load_loses_and_doubles_nothing() {
    let kills = times(4_u32);
    let (acknowledged, unanswered, fewest) = kill_hubs(kills, 61, HubFolder::make).await;
    say(&format!(
        "kills of a hub: {kills}, seed {}: {acknowledged} deposits acknowledged before, {unanswered} \
         unanswered (at least {fewest} at a kill), none lost or doubled",
        seed(61)
    ));
}
