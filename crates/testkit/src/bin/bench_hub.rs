//! `cargo xtask bench hub`: a real hub process over HTTP on loopback, beside a calibration of the same run.
//!
//! Clients and hub share the machine: a rate here is that of both together. What the hub alone costs is
//! the CPU of its process, as the kernel counts it. Every answer is checked: a receipt for each deposit,
//! one record for each read.
//!
//! An envelope is really sealed, once for each address, and deposited again and again under new deposit ids:
//! the hub sees bytes that it cannot read either way.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a measurement, not product code"
)]

#[path = "bench_hub/counted.rs"]
mod counted;
#[path = "bench_hub/http.rs"]
mod http;
#[path = "bench_hub/load.rs"]
mod load;
#[path = "bench_hub/process.rs"]
mod process;

use denizen_jose::{Alg, SecretKey, Signer as _, VERIFIER};
use denizen_model::Sha256Hash;
use denizen_testkit::{Office, Rng};
use load::{Doing, Done, Scene, run};
use process::Hub;
use rand_core::SeedableRng as _;
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

/// Records that the hub has at the end, unless the second argument is another number.
const RECORDS: u64 = 100_000;
/// Addresses that they lie in.
const ADDRESSES: usize = 1_000;
/// Clients at once, and how many times as many are an overload.
const CLIENTS: usize = 64;
const OVERLOAD: usize = 5;
/// Envelopes of a batch, as a gateway's outbox sends them.
const BATCH: usize = 64;
/// Requests of one measurement.
const REQUESTS: u64 = 12_800;

/// One line of the table.
struct Line {
    what: String,
    value: f64,
    unit: &'static str,
    /// What it is to be, as the issue says.
    wanted: &'static str,
}

/// What is measured, line by line.
#[derive(Default)]
struct Table(Vec<Line>);

impl Table {
    fn add(
        &mut self,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
        wanted: &'static str,
    ) {
        let what = what.into();
        let digits = if value < 10.0 { 3 } else { 1 };
        println!("{what:<58} {value:>12.digits$} {unit:<12} {wanted}");
        self.0.push(Line {
            what,
            value,
            unit,
            wanted,
        });
    }

    fn load(&mut self, what: &str, done: &Done) {
        self.add(format!("{what}: rate"), done.a_second(), "/s", "");
        self.add(
            format!("{what}: CPU of the hub for one"),
            done.cpu_us(),
            "us",
            "",
        );
        self.add(
            format!("{what}: half within"),
            done.percentile_ms(50),
            "ms",
            "",
        );
        self.add(
            format!("{what}: 99 of 100 within"),
            done.percentile_ms(99),
            "ms",
            "",
        );
        self.add(
            format!("{what}: memory at most"),
            mib(done.peak_bytes),
            "MiB",
            "",
        );
    }

    fn json(&self) -> Value {
        let line = |l: &Line| json!({ "what": l.what, "value": l.value, "unit": l.unit, "wanted": l.wanted });
        self.0.iter().map(line).collect()
    }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let program = PathBuf::from(arguments.next().expect("the first argument is the program"));
    let records = arguments.next().map_or(Ok(RECORDS), |n| n.parse())?;
    let folder = tempfile::Builder::new().prefix("bench-hub-").tempdir()?;
    let mut table = Table::default();
    println!(
        "{records} records over {ADDRESSES} addresses, {CLIENTS} clients; one sealed envelope for each \
         address, deposited again and again\n"
    );
    calibrate(&mut table, folder.path());
    let (mut hub, scene) = begin(&mut table, &program, folder.path()).await;
    let unloaded = light(&mut table, &hub, &scene).await;
    let filled = fill(&mut table, &hub, &scene, records).await;
    loaded(&mut table, &hub, &scene, (&unloaded, &filled)).await;
    at_rest(&mut table, &mut hub, &scene).await;
    let store = stores();
    write_json(&table, records, &store)
}

/// What this machine does now, for everybody who compares.
fn calibrate(table: &mut Table, folder: &Path) {
    let block = vec![7; 4096];
    let mut file = File::create(folder.join("calibration")).unwrap();
    let began = Instant::now();
    for _ in 0..200 {
        file.write_all(&block).unwrap();
        file.sync_data().unwrap();
    }
    let each = began.elapsed().as_secs_f64() * 1e6 / 200.0;
    table.add("calibration: fdatasync of 4 KiB", each, "us", "");
    let key = SecretKey::from_seed(Alg::Ed25519, &[7; 32]).unwrap();
    let (public, signed) = (key.public(), key.sign(&block));
    let verify = || VERIFIER.verify(&public, &block, &signed).unwrap();
    table.add(
        "calibration: CPU of an Ed25519 verification",
        cpu_us(400, verify),
        "us",
        "",
    );
    table.add(
        "calibration: CPU of an Ed25519 signature",
        cpu_us(400, || drop(key.sign(&block))),
        "us",
        "",
    );
    table.add(
        "calibration: CPU of SHA-256 over 4 KiB",
        cpu_us(4_000, || {
            let _ = std::hint::black_box(Sha256Hash::of(&block));
        }),
        "us",
        "",
    );
}

/// CPU of this thread for one of these, as the kernel counts it.
fn cpu_us(times: u32, each: impl Fn()) -> f64 {
    let ran_ns = || {
        let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        let ns = text.split_whitespace().next();
        ns.and_then(|ns| ns.parse::<u64>().ok()).unwrap_or(0)
    };
    let began = ran_ns();
    (0..times).for_each(|_| each());
    (ran_ns() - began) as f64 / 1e3 / f64::from(times)
}

async fn begin(table: &mut Table, program: &Path, folder: &Path) -> (Arc<Hub>, Arc<Scene>) {
    let mut hub = Hub::make(program, folder);
    let mut rng = Rng::from_seed([8; 32]);
    let mut office = Office::make_at("Bench", hub.id, http::now().plus_s(-60), &mut rng);
    office.deposit = office.deposit.with_native();
    hub.admit(&office.statement);
    let took = hub.start().await;
    table.add("start, nothing in it", took.as_secs_f64() * 1e3, "ms", "");
    table.add("memory, idle", mib(hub.memory().0), "MiB", "<= 60");
    let scene = Scene::make(&hub, office, ADDRESSES).await;
    table.add("an envelope", scene.envelope_bytes() as f64, "bytes", "");
    (Arc::new(hub), Arc::new(scene))
}

/// Single durable deposits: one after the other, and many clients at once.
async fn light(table: &mut Table, hub: &Arc<Hub>, scene: &Arc<Scene>) -> Done {
    let single = Doing::Deposits(1);
    // Every address has something, and the program is warm.
    run(hub, scene, CLIENTS, 2 * ADDRESSES as u64, single).await;
    let one = run(hub, scene, 1, REQUESTS / 16, single).await;
    table.load("single deposits, 1 client", &one);
    let before = steps(hub).await;
    let many = run(hub, scene, CLIENTS, REQUESTS, single).await;
    table.load("single deposits, 64 clients", &many);
    let groups = steps(hub).await[3] - before[3];
    table.add("envelopes of a group", many.items as f64 / groups, "", "");
    for (at, step) in STEPS.iter().enumerate() {
        let each = (steps(hub).await[at] - before[at]) * 1e3 / groups;
        table.add(
            format!("the writer's time for a group: {step}"),
            each,
            "ms",
            "",
        );
    }
    let reads = run(hub, scene, CLIENTS, REQUESTS, Doing::Reads).await;
    table.load("point reads, 64 clients", &reads);
    table.add(
        "a point read: CPU of the hub",
        reads.cpu_us(),
        "us",
        "<= 120",
    );
    many
}

/// What the writer does for a group.
const STEPS: [&str; 3] = ["Write", "Commit", "Answer"];

/// Seconds of each step since the start, and the number of groups.
async fn steps(hub: &Hub) -> [f64; 4] {
    let name =
        |what: &str, step: &str| format!("denizen_hub_group_seconds_{what}{{step=\"{step}\"}} ");
    let [write, commit, answer] = STEPS.map(|step| name("sum", step));
    [
        hub.metric(&write).await,
        hub.metric(&commit).await,
        hub.metric(&answer).await,
        hub.metric(&name("count", "Commit")).await,
    ]
}

/// Batches until all records are there.
async fn fill(table: &mut Table, hub: &Arc<Hub>, scene: &Arc<Scene>, records: u64) -> Done {
    let there = hub.metric("denizen_hub_log_leaves ").await as u64;
    let rest = records.saturating_sub(there).max(BATCH as u64);
    let batches = run(hub, scene, 4, rest, Doing::Deposits(BATCH)).await;
    table.load("batches of 64, 4 clients", &batches);
    batches
}

/// Everything again with all records there, and five times as many clients.
async fn loaded(
    table: &mut Table,
    hub: &Arc<Hub>,
    scene: &Arc<Scene>,
    (empty, filled): (&Done, &Done),
) {
    let single = Doing::Deposits(1);
    let before = run(hub, scene, CLIENTS, REQUESTS, single).await;
    table.load("single deposits, all records there", &before);
    let over = run(hub, scene, CLIENTS * OVERLOAD, REQUESTS * 2, single).await;
    let after = run(hub, scene, CLIENTS, REQUESTS, single).await;
    table.load("single deposits, 5 times as many clients", &over);
    table.add(
        "refused with Retry-After meanwhile",
        over.refused as f64,
        "",
        "",
    );
    // The disk does not keep still: what comes before and after it is compared with.
    let unloaded = f64::midpoint(before.a_second(), after.a_second());
    table.add(
        "overload: part of the rate without it",
        over.a_second() / unloaded,
        "",
        ">= 0.8",
    );
    table.add(
        "part of the rate of an empty hub",
        before.a_second() / empty.a_second(),
        "",
        "",
    );
    let reads = run(hub, scene, CLIENTS, REQUESTS, Doing::Reads).await;
    table.load("point reads, all records there", &reads);
    table.add(
        "a point read, all records there: CPU of the hub",
        reads.cpu_us(),
        "us",
        "<= 120",
    );
    let peaks = [filled, &before, &over, &after, &reads].map(|done| done.peak_bytes);
    let peak = peaks.into_iter().max().unwrap_or(0);
    table.add("memory under load, at most", mib(peak), "MiB", "<= 256");
}

/// Bytes, and a restart.
async fn at_rest(table: &mut Table, hub: &mut Arc<Hub>, scene: &Arc<Scene>) {
    let leaves = hub.metric("denizen_hub_log_leaves ").await;
    let hub = Arc::get_mut(hub).expect("no client runs");
    hub.stop();
    let sealed = leaves * scene.envelope_bytes() as f64;
    table.add("records at the end", leaves, "", "");
    table.add(
        "bytes at rest for a sealed byte",
        hub.bytes() as f64 / sealed,
        "",
        "<= 1.2",
    );
    let took = hub.start().await;
    table.add(
        "restart with all records",
        took.as_secs_f64() * 1e3,
        "ms",
        "<= 2000",
    );
    table.add("memory after it", mib(hub.memory().0), "MiB", "<= 60");
    hub.stop();
}

/// What `cargo bench -p denizen-store` has left, if it ran before.
fn stores() -> Value {
    let file = bench_folder().join("store.json");
    let text = fs::read(file).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or(Value::Null)
}

fn bench_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/bench")
}

/// Writes `target/bench/hub.json`.
fn write_json(table: &Table, records: u64, stores: &Value) -> anyhow::Result<()> {
    let folder = bench_folder();
    fs::create_dir_all(&folder)?;
    let all = json!({ "v": 1, "records": records, "measured": table.json(), "stores": stores });
    fs::write(folder.join("hub.json"), serde_json::to_string_pretty(&all)?)?;
    println!("\nalso in target/bench/hub.json");
    Ok(())
}
