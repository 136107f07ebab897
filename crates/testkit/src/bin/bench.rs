//! `cargo xtask bench`: CPU per record of each step on its way, beside a calibration of the same run.
//!
//! One process, one record kind, one record an envelope; the hub is a real one with its database in a
//! temporary folder, reached in memory. CPU is that of all threads, as the kernel counts it. A number
//! here means something only beside the calibration: another machine, or a busy one, moves both.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a measurement, not product code"
)]

#[path = "bench/fill.rs"]
mod fill;
#[path = "bench/pairs.rs"]
mod pairs;

use denizen_api::{
    HubClient,
    client::RequestSigner,
    receipt::{ReceiptFor, verify},
    wire::{DepositItem, DepositOutcome, Fetched},
};
use denizen_credential::{
    IatWindow, KeyBinding, KeyBindingPolicy, PathItem, Registered, SdRules, StatusRef,
    UnverifiedCredential, UnverifiedPresentation, VerifiedCredential, issue, present,
};
use denizen_model::{
    Clock as _, MessageId, Nonce, SecretKeyFor, Sha256Hash,
    catalogue::{Catalogue, Kind},
    deposit::Receipt,
    envelope::Envelope,
    jose::VERIFIER,
    key::Cnf,
    message::{Attachment, Body, Chain, From, IssuedCopy, Message, RecordIssue, SD_JWT_MEDIA_TYPE},
    statement::full_kid,
};
use denizen_seal::{KemPublic, SEALER};
use denizen_testkit::{
    Office, Person, Rng, World,
    office::{deposit_of, header_of},
    person::Address,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Records, unless the first argument is another number.
const RECORDS: usize = 512;

/// Envelopes of one deposit request, as a gateway's outbox batches them.
const BATCH: usize = 64;

/// Rounds of each calibration.
const CALIBRATIONS: u32 = 200;

const VCT: &str = "urn:denizen:kind:travel-document:1";

/// CPU and wall time of one step over all records.
struct Measured {
    step: &'static str,
    what: &'static str,
    count: u32,
    cpu: Duration,
    wall: Duration,
}

/// CPU time of all threads that this process has had since they began, as far as they still run.
fn cpu() -> Duration {
    // The kernel counts when it schedules: what has run until now is counted by giving way.
    std::thread::yield_now();
    let threads = fs::read_dir("/proc/self/task").unwrap();
    let spent = threads.map(|thread| {
        let file = thread.unwrap().path().join("schedstat");
        let text = fs::read_to_string(file).unwrap_or_default();
        text.split(' ')
            .next()
            .and_then(|ns| ns.parse().ok())
            .unwrap_or(0)
    });
    Duration::from_nanos(spent.sum())
}

fn measure<T>(
    into: &mut Vec<Measured>,
    (step, what): (&'static str, &'static str),
    count: usize,
    work: impl FnOnce() -> T,
) -> T {
    let (cpu_before, started) = (cpu(), Instant::now());
    let done = work();
    let (wall, cpu) = (started.elapsed(), cpu().saturating_sub(cpu_before));
    let count = u32::try_from(count).unwrap();
    into.push(Measured {
        step,
        what,
        count,
        cpu,
        wall,
    });
    done
}

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut measured = Vec::new();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some((first, rest)) = arguments.split_first()
        && first == "fill"
    {
        return only_fill(rest, &runtime);
    }
    let records = arguments.first().map_or(Ok(RECORDS), |n| n.parse())?;
    let mut bench = runtime.block_on(Bench::make());
    calibrate(&mut measured, &bench.world.folder("calibration"));
    let credentials = bench.issue(&mut measured, records);
    let items = bench.seal(&mut measured, &credentials);
    let receipts = bench.deposit(&mut measured, &runtime, &items);
    bench.check_receipts(&mut measured, &runtime, &items, &receipts);
    let fetched = bench.fetch(&mut measured, &runtime, records);
    let opened = bench.open(&mut measured, &fetched);
    let shown = bench.present(&mut measured, &opened);
    bench.verify(&mut measured, &shown);
    let filled = fill::all(&mut measured, &runtime, "", 1);
    print_table(&measured, records, items[0].envelope.len());
    let (pairs, shares) = pairs::all(&mut bench.world.rng);
    pairs::print(&pairs, &shares);
    write_json(&measured, records, pairs::json(&pairs, &shares), filled)
}

/// `fill [PART [ROUNDS]]`: filling alone, or one part of it, several times over for a profiler.
fn only_fill(arguments: &[String], runtime: &tokio::runtime::Runtime) -> anyhow::Result<()> {
    let part = arguments.first().map_or("", String::as_str);
    let rounds = arguments.get(1).map_or(Ok(1), |n| n.parse())?;
    let mut measured = Vec::new();
    let folder = tempfile::tempdir()?;
    calibrate(&mut measured, folder.path());
    fill::all(&mut measured, runtime, part, rounds);
    print_rows(&measured);
    Ok(())
}

/// What one run works with.
struct Bench {
    world: World,
    office: Office,
    address: Address,
    kind: Kind,
    cnf: SecretKeyFor<Cnf>,
}

impl Bench {
    async fn make() -> Self {
        let mut world = World::make(1).await;
        let mut office = world.office("Bench", &[VCT]).await;
        let person = Person::make(&mut world.rng);
        // A pass for everything that this run lays into the address.
        let mut address = person.link_address(1, &office, &mut world.rng);
        let mut pass = office.pass(
            denizen_model::pass::PassUse::Register,
            Nonce::make(&mut world.rng),
        );
        pass.quota = 1 << 40;
        address.registration.pass = Some(office.sign_pass(&pass));
        world.register(&address).await;
        office.statement.shrink_to_fit();
        let kind = catalogue().kind(VCT).unwrap().clone();
        let cnf = SecretKeyFor::make(&mut world.rng).with_native();
        office.issuer = office.issuer.with_native();
        Self {
            world,
            office,
            address,
            kind,
            cnf,
        }
    }

    fn client(&self) -> HubClient<denizen_testkit::Wire> {
        self.world.client()
    }

    fn issue(&mut self, into: &mut Vec<Measured>, records: usize) -> Vec<String> {
        let paths = self.kind.claims.iter().map(|c| c.path.as_slice());
        let rules = SdRules::from_paths(paths);
        let kid = full_kid(&self.office.id.into(), "issuer-1");
        let registered = Registered {
            iss: self.office.id.to_text(),
            iat: self.world.now().0,
            exp: None,
            vct: VCT.to_owned(),
            vct_integrity: Some(self.kind.integrity()),
            cnf: self.cnf.public_for().key().clone(),
            status: Some(StatusRef {
                idx: 77,
                uri: "urn:denizen:status:bench:1".to_owned(),
            }),
        };
        let (kind, office, rng) = (&self.kind, &self.office, &mut self.world.rng);
        let what = "check one record's claims, salt, hash, sign one copy (ES256)";
        measure(into, ("issue", what), records, || {
            let one = |_| {
                let claims = claims();
                kind.check(&claims).unwrap();
                issue(
                    claims.as_object().unwrap(),
                    &rules,
                    &registered,
                    &kid,
                    office.issuer.signer(),
                    rng,
                )
            };
            (0..records).map(one).collect()
        })
    }

    fn seal(&mut self, into: &mut Vec<Measured>, credentials: &[String]) -> Vec<DepositItem> {
        let kem = KemPublic::from_bytes(&self.address.keys.kem.public().to_bytes()).unwrap();
        let (office, to) = (&self.office, self.address.to(self.office.hub));
        let (now, rng) = (self.world.now(), &mut self.world.rng);
        let what = "message with one record, signed (Ed25519), padded, sealed (X-Wing)";
        measure(into, ("seal", what), credentials.len(), || {
            let one = |text: &String| {
                let message = message(text, office, to, now, rng);
                let signed = office.sign(&message);
                let sealed = SEALER.seal(&kem, &header_of(&message), &signed, rng);
                deposit_of(&sealed.unwrap(), rng)
            };
            credentials.iter().map(one).collect()
        })
    }

    fn deposit(
        &self,
        into: &mut Vec<Measured>,
        runtime: &tokio::runtime::Runtime,
        items: &[DepositItem],
    ) -> Vec<Receipt> {
        let keyid = self.office.deposit_keyid();
        let signer = RequestSigner::organisation(&self.office.deposit, &keyid);
        let (client, now) = (self.client(), self.world.now());
        let what = "signed requests of 64, durable, in the signed tree, answered with receipts";
        let outcomes = measure(into, ("deposit", what), items.len(), || {
            let batches = items.chunks(BATCH).map(|batch| {
                runtime
                    .block_on(client.deposit(batch, signer, now))
                    .unwrap()
            });
            batches.flatten().collect::<Vec<_>>()
        });
        let receipt = |outcome| match outcome {
            DepositOutcome::Stored { receipt, .. } => receipt,
            _ => unreachable!("the hub takes what it is sent"),
        };
        outcomes.into_iter().map(receipt).collect()
    }

    fn check_receipts(
        &self,
        into: &mut Vec<Measured>,
        runtime: &tokio::runtime::Runtime,
        items: &[DepositItem],
        receipts: &[Receipt],
    ) {
        let trust = runtime.block_on(self.world.directory(0)).trust;
        let address = self.address.id();
        let what = "proof checked up to the hub's signature, leaf matched with the envelope";
        measure(into, ("receipt", what), items.len(), || {
            for (item, receipt) in items.iter().zip(receipts) {
                let envelope = Envelope::parse(&item.envelope).unwrap();
                let of = ReceiptFor {
                    address: &address,
                    envelope_hash: &Sha256Hash::of(&item.envelope),
                    commit: &envelope.header().commit,
                };
                verify(receipt, of, &trust).unwrap();
            }
        });
    }

    fn fetch(
        &self,
        into: &mut Vec<Measured>,
        runtime: &tokio::runtime::Runtime,
        records: usize,
    ) -> Vec<Vec<u8>> {
        let (client, now) = (self.client(), self.world.now());
        let what = "signed requests, envelopes with receipts handed out";
        measure(into, ("fetch", what), records, || {
            let (mut fetched, mut after) = (Vec::new(), None);
            while fetched.len() < records {
                let auth = &self.address.keys.auth;
                let answer = runtime.block_on(client.fetch(auth, after, 0, now)).unwrap();
                for item in answer.items {
                    if let Fetched::Envelope { pos, envelope, .. } = item {
                        after = Some(pos);
                        fetched.push(envelope);
                    }
                }
            }
            fetched
        })
    }

    fn open(&self, into: &mut Vec<Measured>, envelopes: &[Vec<u8>]) -> Vec<VerifiedCredential> {
        let from = From::Org(self.office.id);
        let (message_key, issuer) = (
            self.office.message.public_for(),
            self.office.issuer.public_for(),
        );
        let what = "envelope opened (X-Wing), message and credential verified";
        measure(into, ("open", what), envelopes.len(), || {
            let one = |bytes: &Vec<u8>| {
                let envelope = Envelope::parse(bytes).unwrap();
                let signed = SEALER.open(&self.address.keys.kem, &envelope).unwrap();
                let header = envelope.header();
                let message =
                    Message::verify(&signed, VERIFIER, message_key.key(), &from, header).unwrap();
                let credential = UnverifiedCredential::parse(&message.attachments[0].data).unwrap();
                credential.verify(VERIFIER, issuer.key()).unwrap()
            };
            envelopes.iter().map(one).collect()
        })
    }

    fn present(&self, into: &mut Vec<Measured>, credentials: &[VerifiedCredential]) -> Vec<String> {
        let name = |name: &str| vec![PathItem::Name(name.to_owned())];
        let paths = [
            name("subject"),
            name("document_number"),
            name("valid_until"),
        ];
        let binding = KeyBinding {
            aud: "denizen:bench",
            nonce: "bench",
            iat: self.world.now().0,
        };
        let what = "three claims chosen, key binding signed (ES256)";
        measure(into, ("present", what), credentials.len(), || {
            let signer = self.cnf.signer();
            credentials
                .iter()
                .map(|c| present(c, &paths, binding, signer))
                .collect()
        })
    }

    fn verify(&self, into: &mut Vec<Measured>, presentations: &[String]) {
        let now = self.world.clock.now().0;
        let iat = IatWindow { min: now, max: now };
        let policy = KeyBindingPolicy::Required {
            aud: "denizen:bench",
            nonce: "bench",
            iat,
        };
        let issuer = self.office.issuer.public_for();
        let what = "issuer's signature, disclosures, key binding (two ES256 checks)";
        measure(into, ("verify", what), presentations.len(), || {
            for text in presentations {
                let presentation = UnverifiedPresentation::parse(text).unwrap();
                presentation.verify(VERIFIER, issuer.key(), policy).unwrap();
            }
        });
    }
}

fn message(
    credential: &str,
    office: &Office,
    to: denizen_model::message::To,
    now: denizen_model::UnixTime,
    rng: &mut Rng,
) -> Message {
    let issued = RecordIssue {
        record: MessageId::make(rng),
        vct: VCT.to_owned(),
        kept: Sha256Hash::of(credential.as_bytes()),
        copies: vec![IssuedCopy {
            attachment: "kept".to_owned(),
            copy_ref: None,
        }],
        sensitivity: denizen_model::message::Sensitivity::Ordinary,
        legal_basis: None,
        notice: None,
        supersedes: Vec::new(),
    };
    let mut message = office.note(to, "", rng);
    message.created_time = now;
    message.chain = Chain {
        id: MessageId::make(rng),
        seq: 0,
        prev: None,
        follows: Vec::new(),
    };
    message.commit_salt = None;
    message.body = Body::RecordIssue(issued);
    message.attachments = vec![Attachment {
        id: "kept".to_owned(),
        media_type: SD_JWT_MEDIA_TYPE.to_owned(),
        salt: Nonce::make(rng),
        data: credential.to_owned(),
        object: None,
        name: None,
    }];
    message
}

/// An invented travel document, as the demo's border service has it.
fn claims() -> Value {
    json!({
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
    })
}

fn catalogue() -> Catalogue {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalogue");
    let mut files = BTreeMap::new();
    for folder in ["kinds", "schema", "services", "locales"] {
        for file in fs::read_dir(top.join(folder)).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            files.insert(format!("{folder}/{name}"), fs::read(&path).unwrap());
        }
    }
    Catalogue::load(&files).unwrap()
}

/// What this machine does now, for everybody who compares.
fn calibrate(into: &mut Vec<Measured>, folder: &Path) {
    let rounds = CALIBRATIONS as usize;
    let key = SecretKeyFor::<Cnf>::from_seed(&[7; 32]).unwrap();
    let key = key.with_native();
    let public = key.public_for();
    let signature = key.signer().sign(b"calibration");
    measure(into, ("ES256 sign", "calibration"), rounds, || {
        (0..rounds).for_each(|_| drop(key.signer().sign(b"calibration")));
    });
    measure(into, ("ES256 check", "calibration"), rounds, || {
        for _ in 0..rounds {
            VERIFIER
                .verify(public.key(), b"calibration", &signature)
                .unwrap();
        }
    });
    let block = vec![7; 1 << 20];
    measure(into, ("SHA-256 of 1 MiB", "calibration"), rounds, || {
        for _ in 0..rounds {
            std::hint::black_box(Sha256Hash::of(&block));
        }
    });
    let mut file = File::create(folder.join("file")).unwrap();
    measure(into, ("fdatasync of 4 KiB", "calibration"), rounds, || {
        for _ in 0..rounds {
            file.write_all(&block[..4096]).unwrap();
            file.sync_data().unwrap();
        }
    });
}

fn micros(total: Duration, count: u32) -> f64 {
    total.as_secs_f64() * 1e6 / f64::from(count)
}

fn print_table(measured: &[Measured], records: usize, envelope_size_bytes: usize) {
    println!(
        "{records} records, one an envelope of {envelope_size_bytes} bytes; microseconds each\n"
    );
    print_rows(measured);
}

fn print_rows(measured: &[Measured]) {
    println!("{:<20} {:>10} {:>10}   what", "step", "CPU", "wall");
    for m in measured {
        let (cpu, wall) = (micros(m.cpu, m.count), micros(m.wall, m.count));
        println!("{:<20} {cpu:>10.1} {wall:>10.1}   {}", m.step, m.what);
    }
}

/// Writes `target/bench/latest.json`.
fn write_json(
    measured: &[Measured],
    records: usize,
    pairs: Value,
    filled: Value,
) -> anyhow::Result<()> {
    let lines: Vec<Value> = measured
        .iter()
        .map(|m| {
            json!({
                "step": m.step, "what": m.what, "count": m.count,
                "cpu_us": micros(m.cpu, m.count), "wall_us": micros(m.wall, m.count),
            })
        })
        .collect();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/bench");
    fs::create_dir_all(&folder)?;
    let text = serde_json::to_string_pretty(
        &json!({ "v": 1, "records": records, "measured": lines, "implementations": pairs, "fill": filled }),
    )?;
    let file = folder.join("latest.json");
    fs::write(&file, text)?;
    println!("\nalso in target/bench/latest.json");
    Ok(())
}
