//! Clients that send one request after the other, as many at once as asked.

use super::{
    http::{Answer, Ask, Connection, Signing},
    process::Hub,
};
use denizen_api::{
    client::own_keyid,
    wire::{
        CBOR_MEDIA_TYPE, DepositItem, DepositOutcome, FetchAnswer, decode_outcomes, encode_batch,
    },
};
use denizen_model::{DepositId, Nonce, SecretKeyFor, key::Auth, pass::PassUse};
use denizen_testkit::{Office, Person, Rng, person::Address};
use rand_core::SeedableRng as _;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

/// An address with one envelope for it, which is deposited again and again under new ids.
pub struct Target {
    pub auth: SecretKeyFor<Auth>,
    path: String,
    keyid: String,
    envelope: Vec<u8>,
    pub count: AtomicU64,
}

/// Whom and where clients deposit.
pub struct Scene {
    pub office: Office,
    pub targets: Vec<Target>,
    pub next: AtomicUsize,
}

impl Scene {
    /// Makes an admitted office and registers this many addresses.
    pub async fn make(hub: &Hub, office: Office, addresses: usize) -> Self {
        let mut rng = Rng::from_seed([9; 32]);
        let mut connection = Connection::open(hub.port).await.unwrap();
        let mut targets = Vec::new();
        for _ in 0..addresses {
            let address = address(&office, &mut rng);
            let auth = address.keys.auth.clone().with_native();
            let keyid = own_keyid(auth.signer());
            let body = serde_json::to_vec(&address.registration).unwrap();
            let ask = Ask {
                method: "POST",
                path: "/v1/addresses",
                query: "",
                media_type: "application/json",
                body: &body,
            };
            let by = Signing {
                signer: auth.signer(),
                keyid: &keyid,
                hub: &hub.id,
            };
            let answer = connection.exchange(&ask.signed(Some(by))).await.unwrap();
            assert_eq!(answer.status, 200, "an address is registered");
            let message = office.note(address.to(office.hub), "x", &mut rng);
            let envelope = office.seal(&message, &address.keys.kem.public(), &mut rng);
            targets.push(Target {
                path: format!("/v1/addresses/{}/envelopes", address.id().to_text()),
                keyid,
                envelope: envelope.encode(),
                auth,
                count: AtomicU64::new(0),
            });
        }
        Self {
            office,
            targets,
            next: AtomicUsize::new(0),
        }
    }

    /// Bytes of an envelope.
    pub fn envelope_bytes(&self) -> usize {
        self.targets[0].envelope.len()
    }

    fn target(&self) -> &Target {
        let at = self.next.fetch_add(1, Ordering::Relaxed);
        &self.targets[at % self.targets.len()]
    }

    /// A signed request that deposits this many envelopes, each at another address.
    fn deposit(&self, hub: &Hub, keyid: &str, rng: &mut Rng, batch: usize) -> Vec<u8> {
        let item = |_| {
            let target = self.target();
            target.count.fetch_add(1, Ordering::Relaxed);
            DepositItem {
                deposit_id: DepositId::make(rng),
                envelope: target.envelope.clone(),
                pass: None,
                reserved: false,
            }
        };
        let items: Vec<DepositItem> = (0..batch).map(item).collect();
        let body = encode_batch(&items);
        let ask = Ask {
            method: "POST",
            path: "/v1/deposits",
            query: "",
            media_type: CBOR_MEDIA_TYPE,
            body: &body,
        };
        ask.signed(Some(Signing {
            signer: self.office.deposit.signer(),
            keyid,
            hub: &hub.id,
        }))
    }

    /// A signed request for the newest record of an address.
    fn read(&self, hub: &Hub) -> Vec<u8> {
        let target = self.target();
        let newest = target.count.load(Ordering::Relaxed).saturating_sub(2);
        let query = format!("after={newest}&wait=0");
        let ask = Ask {
            method: "GET",
            path: &target.path,
            query: &query,
            media_type: CBOR_MEDIA_TYPE,
            body: &[],
        };
        ask.signed(Some(Signing {
            signer: target.auth.signer(),
            keyid: &target.keyid,
            hub: &hub.id,
        }))
    }
}

/// An address with a pass for everything that is laid into it.
fn address(office: &Office, rng: &mut Rng) -> Address {
    let mut address = Person::make(rng).link_address(1, office, rng);
    let mut pass = office.pass(PassUse::Register, Nonce::make(rng));
    pass.quota = 1 << 40;
    (pass.not_before, pass.not_after) = (
        super::http::now().plus_s(-60),
        super::http::now().plus_s(86_400),
    );
    address.registration.pass = Some(office.sign_pass(&pass));
    address
}

/// What clients do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// Deposits of this many envelopes a request.
    Deposits(usize),
    /// The newest record of an address.
    Reads,
}

/// What came of it.
pub struct Done {
    pub items: u64,
    pub refused: u64,
    pub wall: Duration,
    pub cpu: Duration,
    /// Times of the requests that were answered, sorted.
    pub took: Vec<Duration>,
    pub peak_bytes: u64,
}

impl Done {
    pub fn a_second(&self) -> f64 {
        self.items as f64 / self.wall.as_secs_f64()
    }

    pub fn cpu_us(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.items as f64
    }

    /// The time within which this many of a hundred were answered, in milliseconds.
    pub fn percentile_ms(&self, percent: usize) -> f64 {
        let at = (self.took.len() * percent / 100).min(self.took.len().saturating_sub(1));
        self.took
            .get(at)
            .map_or(0.0, |took| took.as_secs_f64() * 1e3)
    }
}

/// Runs this many clients until this many items are done.
pub async fn run(
    hub: &Arc<Hub>,
    scene: &Arc<Scene>,
    clients: usize,
    items: u64,
    doing: Doing,
) -> Done {
    let left = Arc::new(AtomicU64::new(items));
    hub.forget_peak();
    let (cpu, began) = (hub.cpu(), Instant::now());
    let mut running = JoinSet::new();
    for client in 0..clients {
        let (hub, scene, left) = (Arc::clone(hub), Arc::clone(scene), Arc::clone(&left));
        running.spawn(client_of(hub, scene, client, left, doing));
    }
    let mut done = Done {
        items: 0,
        refused: 0,
        wall: Duration::ZERO,
        cpu: Duration::ZERO,
        took: Vec::new(),
        peak_bytes: 0,
    };
    while let Some(client) = running.join_next().await {
        let (items, refused, took) = client.unwrap();
        done.items += items;
        done.refused += refused;
        done.took.extend(took);
    }
    done.wall = began.elapsed();
    done.cpu = hub.cpu() - cpu;
    done.peak_bytes = hub.memory().1;
    done.took.sort_unstable();
    done
}

async fn client_of(
    hub: Arc<Hub>,
    scene: Arc<Scene>,
    client: usize,
    left: Arc<AtomicU64>,
    doing: Doing,
) -> (u64, u64, Vec<Duration>) {
    let mut seed = [1; 32];
    let salt = scene.next.load(Ordering::Relaxed) as u64 * 1_000 + client as u64;
    seed[..8].copy_from_slice(&salt.to_le_bytes());
    let mut rng = Rng::from_seed(seed);
    let keyid = scene.office.deposit_keyid();
    let mut connection = Connection::open(hub.port).await.unwrap();
    let (mut items, mut refused, mut took) = (0, 0, Vec::new());
    let each = match doing {
        Doing::Deposits(batch) => batch as u64,
        Doing::Reads => 1,
    };
    while left
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| {
            (n > 0).then(|| n.saturating_sub(each))
        })
        .is_ok()
    {
        let request = match doing {
            Doing::Deposits(batch) => scene.deposit(&hub, &keyid, &mut rng, batch),
            Doing::Reads => scene.read(&hub),
        };
        let began = Instant::now();
        // Who is refused waits as he is told, and sends the same bytes.
        let answer = loop {
            let answer = connection.exchange(&request).await.unwrap();
            let Some(wait_s) = answer.retry_after_s else {
                break answer;
            };
            refused += 1;
            let chance = u64::from(client as u32 % 16) * 60;
            tokio::time::sleep(Duration::from_millis(wait_s * 1_000 / 2 + chance)).await;
        };
        took.push(began.elapsed());
        items += check(&answer, doing);
    }
    (items, refused, took)
}

/// Every item was taken, with its receipt, or read.
fn check(answer: &Answer, doing: Doing) -> u64 {
    assert_eq!(
        answer.status,
        200,
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
    let count = match doing {
        Doing::Deposits(batch) => {
            let outcomes = decode_outcomes(&answer.body).unwrap();
            let stored = |o: &&DepositOutcome| matches!(o, DepositOutcome::Stored { .. });
            assert_eq!(outcomes.iter().filter(stored).count(), batch);
            batch
        }
        Doing::Reads => {
            assert_eq!(FetchAnswer::decode(&answer.body).unwrap().items.len(), 1);
            1
        }
    };
    count as u64
}
