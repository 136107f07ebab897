//! `cargo xtask bench peers`: what others do that is near to what we do, beside it in one run.
//!
//! Credentials: PyPI `sd-jwt` and npm `@sd-jwt/sd-jwt-vc`, each with the credential that we issue. Deposits:
//! the Community Solid Server with its file back end, which takes a resource of the same size; it keeps no
//! log, gives no receipt and does not wait for the disk.
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
#[path = "bench_peers/credentials.rs"]
mod credentials;
#[path = "bench_hub/http.rs"]
mod http;
#[expect(dead_code, reason = "`bench_hub` needs all of it")]
#[path = "bench_hub/load.rs"]
mod load;
#[expect(dead_code, reason = "`bench_hub` needs all of it")]
#[path = "bench_hub/process.rs"]
mod process;
#[path = "bench_peers/solid.rs"]
mod solid;

use credentials::Cost;
use denizen_testkit::{Office, Rng};
use load::{Doing, Scene, run};
use process::Hub;
use rand_core::SeedableRng as _;
use serde_json::{Value, json};
use solid::Solid;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Clients at once.
const CLIENTS: usize = 64;
/// Deposits that are measured, after a tenth of them that warms up.
const DEPOSITS: u64 = 12_800;
/// Resources that are measured, after a tenth of them that warms up.
const RESOURCES: u64 = 1_280;

/// What one durable deposit, or one resource, is.
struct Stored {
    name: &'static str,
    a_second: f64,
    cpu_us: f64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let program = std::env::args().nth(1);
    let program = PathBuf::from(program.expect("the first argument is the program"));
    let oracles = Path::new(env!("CARGO_MANIFEST_DIR")).join("../oracles");
    let folder = tempfile::Builder::new().prefix("bench-peers-").tempdir()?;
    let costs = credentials::all(&oracles);
    print_credentials(&costs);
    let (hub, bytes) = deposits(&program, folder.path()).await;
    let solid = resources(&oracles, folder.path(), bytes).await;
    print_stored(&hub, &solid, bytes);
    write_json(&costs, &[hub, solid])
}

/// Single deposits of a hub's process, and the bytes of each.
async fn deposits(program: &Path, folder: &Path) -> (Stored, usize) {
    let mut hub = Hub::make(program, folder);
    let mut rng = Rng::from_seed([8; 32]);
    let mut office = Office::make_at("Bench", hub.id, http::now().plus_s(-60), &mut rng);
    office.deposit = office.deposit.with_native();
    hub.admit(&office.statement);
    hub.start().await;
    let scene = Arc::new(Scene::make(&hub, office, 100).await);
    let (hub, single) = (Arc::new(hub), Doing::Deposits(1));
    run(&hub, &scene, CLIENTS, DEPOSITS / 10, single).await;
    let done = run(&hub, &scene, CLIENTS, DEPOSITS, single).await;
    let stored = Stored {
        name: "denizen",
        a_second: done.a_second(),
        cpu_us: done.cpu_us(),
    };
    (stored, scene.envelope_bytes())
}

async fn resources(oracles: &Path, folder: &Path, bytes: usize) -> Stored {
    let solid = Solid::start(oracles, folder).await;
    solid.put(CLIENTS as u64, RESOURCES / 10, bytes).await;
    let done = solid.put(CLIENTS as u64, RESOURCES, bytes).await;
    Stored {
        name: "Community Solid Server",
        a_second: done.items as f64 / done.wall.as_secs_f64(),
        cpu_us: done.cpu.as_secs_f64() * 1e6 / done.items as f64,
    }
}

fn print_credentials(costs: &[Cost]) {
    println!("an SD-JWT VC of 15 claims; CPU microseconds, and how many times ours\n");
    println!(
        "{:<24} {:>9} {:>7} {:>9} {:>7}",
        "", "issue", "", "verify", ""
    );
    for cost in costs {
        let (issue, verify) = (cost.issue_us, cost.verify_us);
        let (of_issue, of_verify) = (issue / costs[0].issue_us, verify / costs[0].verify_us);
        let name = cost.name;
        println!("{name:<24} {issue:>9.1} {of_issue:>6.1}x {verify:>9.1} {of_verify:>6.1}x");
    }
    println!("aim: issuing at least 6 times cheaper than PyPI sd-jwt\n");
}

fn print_stored(hub: &Stored, solid: &Stored, bytes: usize) {
    println!("{bytes} bytes stored, {CLIENTS} clients at once\n");
    println!("{:<24} {:>10} {:>14}", "", "a second", "CPU us of each");
    for Stored {
        name,
        a_second,
        cpu_us,
    } in [hub, solid]
    {
        println!("{name:<24} {a_second:>10.0} {cpu_us:>14.0}");
    }
    let (rate, cpu) = (hub.a_second / solid.a_second, solid.cpu_us / hub.cpu_us);
    println!("{rate:.0} times as many, each for 1/{cpu:.0} of the CPU; aim: 50");
}

/// Writes `target/bench/peers.json`.
fn write_json(costs: &[Cost], stored: &[Stored]) -> anyhow::Result<()> {
    let cost =
        |c: &Cost| json!({ "name": c.name, "issue_us": c.issue_us, "verify_us": c.verify_us });
    let store = |s: &Stored| json!({ "name": s.name, "a_second": s.a_second, "cpu_us": s.cpu_us });
    let credentials: Vec<Value> = costs.iter().map(cost).collect();
    let stored: Vec<Value> = stored.iter().map(store).collect();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/bench");
    fs::create_dir_all(&folder)?;
    let all = json!({ "v": 1, "credentials": credentials, "stored": stored });
    fs::write(
        folder.join("peers.json"),
        serde_json::to_string_pretty(&all)?,
    )?;
    println!("\nalso in target/bench/peers.json");
    Ok(())
}
