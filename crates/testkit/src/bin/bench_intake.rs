//! `cargo xtask bench intake [LINES [TAKEN]]`: the real gateway program takes in a long file, and the kernel says how
//! much memory it had at most.
//!
//! All lines are judged with `--check`; a part of them (TAKEN) is really taken in: each row is signed, sealed for its
//! person, and kept in the outbox. The hub is away meanwhile, as it may be.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a measurement, not product code"
)]

#[path = "bench_hub/counted.rs"]
mod counted;

use counted::counted;
use denizen_gateway::{Gateway, GatewaySetup, InviteRequest};
use denizen_holder::Holder;
use denizen_model::UnixTime;
use denizen_testkit::{World, catalogue, catalogue::demo_file};
use serde_json::json;
use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Lines that are judged, unless the second argument is another number.
const LINES: u64 = 1_000_000;
/// One of so many is really taken in.
const TAKEN_OF: u64 = 5;
/// People that the lines are about, each with a confirmed link.
const PEOPLE: u64 = 128;
/// What the program may have at most.
const MEMORY_BYTES_MAX: u64 = 128 << 20;

const CROSSING: &str = "urn:denizen:kind:border-crossing:1";

/// What a process took.
struct Took {
    cpu: Duration,
    wall: Duration,
    peak_bytes: u64,
    said: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let program = PathBuf::from(arguments.next().expect("the first argument is the program"));
    let lines = arguments.next().map_or(Ok(LINES), |n| n.parse())?;
    let taken = arguments
        .next()
        .map_or(Ok((lines / TAKEN_OF).max(1)), |n| n.parse())?;
    let world = office().await;
    let office = world.folder("office");
    let folder = tempfile::Builder::new().prefix("bench-intake-").tempdir()?;
    let mapping = folder.path().join("mapping.toml");
    fs::write(&mapping, demo_file("border/mapping.toml"))?;
    let file = |name: &str, lines| {
        let path = folder.path().join(name);
        write_lines(&path, lines).map(|()| path)
    };
    let (long, part) = (file("long.csv", lines)?, file("part.csv", taken)?);
    let intake = |file: &Path, more: &[&str]| {
        let mut command = Command::new(&program);
        command.args(["gateway", "intake"]).arg(&office).arg(file);
        command.arg("--mapping").arg(&mapping).args(more);
        watch(command)
    };
    let checked = intake(&long, &["--check"]);
    let expected = format!("{lines} good rows, 0 bad");
    assert!(checked.said.contains(&expected), "{}", checked.said);
    let really = intake(&part, &[]);
    let expected = format!("{taken} on their way to their person");
    assert!(really.said.contains(&expected), "{}", really.said);
    let mut measured = Vec::new();
    for (what, lines, took) in [
        ("--check", lines, &checked),
        ("really: signed, sealed, in the outbox", taken, &really),
    ] {
        let (each_us, peak) = (
            took.cpu.as_secs_f64() * 1e6 / lines as f64,
            took.peak_bytes as f64 / f64::from(1 << 20),
        );
        println!(
            "{lines} lines, {what}: {each_us:.1} us of CPU a line, {:.1} s, at most {peak:.1} MiB (<= 128)",
            took.wall.as_secs_f64()
        );
        measured.push(json!({"what": what, "lines": lines, "cpu_us": each_us, "peak_mib": peak}));
    }
    let bench = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/bench");
    fs::create_dir_all(&bench)?;
    let all = json!({"v": 1, "measured": measured});
    fs::write(
        bench.join("intake.json"),
        serde_json::to_string_pretty(&all)?,
    )?;
    println!("also in target/bench/intake.json");
    let most = checked.peak_bytes.max(really.peak_bytes);
    anyhow::ensure!(most <= MEMORY_BYTES_MAX, "more than 128 MiB");
    Ok(())
}

/// A world of today with an admitted office, and people who are linked with it.
async fn office() -> World {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let today = UnixTime(i64::try_from(since.as_secs()).unwrap());
    let mut world = World::make_at(9, today).await;
    let setup = GatewaySetup {
        names: [("en".to_owned(), "Border service".to_owned())].into(),
        hub: world.house().id,
        hub_url: world.house().url.clone(),
    };
    let (folder, now, wire) = (world.folder("office"), world.now(), world.wire.clone());
    let mut gateway = Gateway::make(&folder, setup, catalogue(), now, &mut world.rng).unwrap();
    world.admit(0, &gateway.statement(), &[CROSSING]).await;
    gateway.start(&wire, now, &mut world.rng).await.unwrap();
    let mut people = Vec::new();
    for person in 0..PEOPLE {
        let (id, url) = (world.house().id, world.house().url.clone());
        let mut holder = Holder::make(id, &url, "en", catalogue(), &mut world.rng);
        holder.begin(&wire, now).await.unwrap();
        let request = InviteRequest {
            purpose: "Your crossings".to_owned(),
            sends: vec![CROSSING.to_owned()],
            asks: Vec::new(),
            case_reference: Some(case(person)),
            uses: 1,
            ttl_s: UnixTime::DAY_S,
        };
        let text = gateway.invite(request, now, &mut world.rng).unwrap();
        let preview = holder.preview_invitation(&text, &wire, now).await.unwrap();
        let link = holder.accept_invitation(preview, &mut world.rng).unwrap();
        holder.sync(&wire, 0, now, &mut world.rng).await.unwrap();
        people.push((holder, link));
    }
    for _ in 0..5 {
        gateway.sync(&wire, 0, now, &mut world.rng).await.unwrap();
        for (holder, _) in &mut people {
            holder.sync(&wire, 0, now, &mut world.rng).await.unwrap();
        }
    }
    gateway.sync(&wire, 0, now, &mut world.rng).await.unwrap();
    for (person, (holder, link)) in (0..).zip(&people) {
        let digits = holder.code(*link).unwrap();
        let confirmed = gateway.confirm(&case(person), &digits, now, &mut world.rng);
        confirmed.unwrap();
    }
    gateway.sync(&wire, 0, now, &mut world.rng).await.unwrap();
    world
}

fn case(person: u64) -> String {
    format!("BENCH-{person:06}")
}

/// Crossings: each line another one, of one person after the other.
fn write_lines(path: &Path, lines: u64) -> anyhow::Result<()> {
    let text = String::from_utf8(demo_file("border/crossings.csv"))?;
    let mut demo = text.lines();
    let (header, row) = (demo.next().unwrap(), demo.next().unwrap());
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "{header}")?;
    for line in 0..lines {
        let (person, n) = (line % PEOPLE, line / PEOPLE);
        let day = format!(
            "{:02}.{:02}.{}",
            1 + n % 28,
            1 + n / 28 % 12,
            1996 + n / 336
        );
        let row = row.replace("ПК-2026-000101", &case(person));
        writeln!(file, "{}", row.replace("12.03.2026", &day))?;
    }
    Ok(file.flush()?)
}

/// Runs a program to its end and looks at what the kernel counts meanwhile.
fn watch(mut command: Command) -> Took {
    let began = Instant::now();
    let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
    let (mut cpu, mut peak_bytes) = (Duration::ZERO, 0);
    let status = loop {
        if let Some(now) = counted(process.id()) {
            (cpu, peak_bytes) = (now.cpu, now.peak_bytes);
        }
        match process.try_wait().unwrap() {
            Some(status) => break status,
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    let wall = began.elapsed();
    let said = std::io::read_to_string(process.stdout.take().unwrap()).unwrap();
    assert!(status.success(), "{said}");
    Took {
        cpu,
        wall,
        peak_bytes,
        said,
    }
}
