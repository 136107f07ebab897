//! Fill: rows of an office's file, until the hub's receipts for them are verified and kept. A gateway
//! with its database, HTTP over loopback, a hub with its database; the CPU is that of both together.

use super::{Measured, measure};
use denizen_api::{Transport, TransportError};
use denizen_gateway::{Gateway, GatewaySetup, InviteRequest, Mapping};
use denizen_holder::Holder;
use denizen_model::UnixTime;
use denizen_testkit::{World, catalogue, catalogue::demo_file};
use serde_json::{Value, json};
use std::{fmt::Write as _, fs};

/// People, each with a confirmed link.
const PEOPLE: usize = 512;
/// Rows for each of them where they share envelopes.
const ROWS: usize = 16;
/// Files with one row a person: nothing is shared.
const FILES: usize = 8;
/// Lines of cases that nobody has linked, for the memory of a long file.
const LINES: usize = 50_000;

const CROSSING: &str = "urn:denizen:kind:border-crossing:1";
const LANGUAGE: &str = "urn:denizen:kind:language-certificate:1";

/// A hub's URL answered from a port of this machine.
struct Loopback {
    client: reqwest::Client,
    port: u16,
}

impl Transport for Loopback {
    async fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |p| p.as_str());
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let request = self
            .client
            .request(parts.method, url)
            .headers(parts.headers);
        let answer = request
            .body(body)
            .send()
            .await
            .map_err(|_| TransportError::Connect)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let bytes = answer
            .bytes()
            .await
            .map_err(|_| TransportError::Interrupted)?;
        let mut whole = http::Response::new(bytes.to_vec());
        *whole.status_mut() = status;
        *whole.headers_mut() = headers;
        Ok(whole)
    }
}

/// An office with people who are linked with it.
struct Filling {
    world: World,
    gateway: Gateway,
    http: Loopback,
}

impl Filling {
    async fn make() -> Self {
        let mut world = World::make(9).await;
        let setup = GatewaySetup {
            names: [("en".to_owned(), "Border service".to_owned())].into(),
            hub: world.house().id,
            hub_url: world.house().url.clone(),
        };
        let (folder, now, wire) = (world.folder("office"), world.now(), world.wire.clone());
        let mut gateway = Gateway::make(&folder, setup, catalogue(), now, &mut world.rng).unwrap();
        world
            .admit(0, &gateway.statement(), &[CROSSING, LANGUAGE])
            .await;
        gateway.start(&wire, now, &mut world.rng).await.unwrap();
        let port = serve(&world);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let http = Loopback { client, port };
        let mut this = Self {
            world,
            gateway,
            http,
        };
        this.link_all().await;
        this
    }

    /// Everybody is linked with a case of their own.
    async fn link_all(&mut self) {
        let (world, gateway) = (&mut self.world, &mut self.gateway);
        let (now, wire) = (world.now(), world.wire.clone());
        let mut people = Vec::new();
        for person in 0..PEOPLE {
            let (id, url) = (world.house().id, world.house().url.clone());
            let mut holder = Holder::make(id, &url, "en", catalogue(), &mut world.rng);
            holder.begin(&wire, now).await.unwrap();
            let request = InviteRequest {
                purpose: "Your crossings".to_owned(),
                sends: vec![CROSSING.to_owned(), LANGUAGE.to_owned()],
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
        for (person, (holder, link)) in people.iter().enumerate() {
            let digits = holder.code(*link).unwrap();
            gateway
                .confirm(&case(person), &digits, now, &mut world.rng)
                .unwrap();
        }
        gateway.sync(&wire, 0, now, &mut world.rng).await.unwrap();
        wire.forget();
    }

    /// Takes a file in.
    fn intake(&mut self, (file, mapping): (&[u8], &str), taken: usize, waiting: usize) {
        let mapping = String::from_utf8(demo_file(mapping)).unwrap();
        let mapping = Mapping::parse(&mapping, &catalogue()).unwrap();
        let now = self.world.now();
        let rng = &mut self.world.rng;
        let report = self.gateway.intake(file, &mapping, now, rng).unwrap();
        let (taken, waiting) = (taken as u64, waiting as u64);
        assert_eq!(
            (report.taken, report.waiting),
            (taken, waiting),
            "{:?}",
            report.bad
        );
    }

    /// Deposits what waits; gives how many envelopes.
    async fn deposit(&mut self) -> u64 {
        let now = self.world.now();
        let report = self
            .gateway
            .sync(&self.http, 0, now, &mut self.world.rng)
            .await;
        report.unwrap().sent
    }
}

/// The hub of a world on a port, answered by threads of its own.
fn serve(world: &World) -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = denizen_hub::router(world.house().hub());
    std::thread::spawn(move || {
        let threads = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build();
        threads.unwrap().block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router).await.unwrap();
        });
    });
    port
}

fn case(person: usize) -> String {
    format!("BENCH-{person:06}")
}

/// Crossings: of each person so many, from this day on; then of strangers.
fn crossings(people: usize, rows: usize, from: usize, strangers: usize) -> Vec<u8> {
    let text = String::from_utf8(demo_file("border/crossings.csv")).unwrap();
    let mut lines = text.lines();
    let (header, row) = (lines.next().unwrap(), lines.next().unwrap());
    let mut file = format!("{header}\n");
    let of = |case: &str, n: usize| {
        let day = format!(
            "{:02}.{:02}.{}",
            1 + n % 28,
            1 + n / 28 % 12,
            2000 + n / 336
        );
        row.replace("ПК-2026-000101", case)
            .replace("12.03.2026", &day)
    };
    for person in 0..people {
        for n in 0..rows {
            writeln!(file, "{}", of(&case(person), from + n)).unwrap();
        }
    }
    for stranger in 0..strangers {
        writeln!(
            file,
            "{}",
            of(&format!("NOBODY-{stranger:07}"), stranger % 300)
        )
        .unwrap();
    }
    file.into_bytes()
}

/// Language certificates: shown, and so issued with one-time copies.
fn certificates(people: usize, round: usize) -> Vec<u8> {
    let text = demo_file("test-centre/certificates.csv");
    let mut lines = text.split(|b| *b == b'\n');
    let (header, row) = (lines.next().unwrap(), lines.next().unwrap());
    let mut file = [header, b"\n"].concat();
    let row = row.iter().map(|b| char::from(*b)).collect::<String>();
    let (_, after_case) = row.split_once(',').unwrap();
    for person in 0..people {
        let row = after_case.replace(
            "2026-004417",
            &format!("2026-{:06}", round * people + person),
        );
        file.extend_from_slice(case(person).as_bytes());
        file.push(b',');
        file.extend(row.chars().map(|c| u8::try_from(u32::from(c)).unwrap()));
        file.push(b'\n');
    }
    file
}

/// A part of what is measured: rows to verified receipts, from files of one mapping.
struct Part<'a> {
    name: &'static str,
    what: &'static str,
    mapping: &'a str,
    files: Vec<Vec<u8>>,
    records: usize,
}

fn parts(rounds: usize) -> [Part<'static>; 3] {
    let border = "border/mapping.toml";
    [
        Part {
            name: "fill",
            what: "one record an envelope: rows to verified receipts, gateway, HTTP and hub",
            mapping: border,
            files: (0..FILES * rounds)
                .map(|n| crossings(PEOPLE, 1, n, 0))
                .collect(),
            records: PEOPLE,
        },
        Part {
            name: "fill, shared",
            what: "sixteen records of each person in one file",
            mapping: border,
            files: (0..rounds)
                .map(|n| crossings(PEOPLE, ROWS, 1000 + ROWS * n, 0))
                .collect(),
            records: PEOPLE * ROWS,
        },
        Part {
            name: "fill, with copies",
            what: "one record with its one-time copies an envelope",
            mapping: "test-centre/mapping.toml",
            files: (0..rounds).map(|n| certificates(PEOPLE, n)).collect(),
            records: PEOPLE,
        },
    ]
}

/// Measures it, or the part of this name, so many times; gives what is aimed at beside what is.
pub(crate) fn all(
    into: &mut Vec<Measured>,
    runtime: &tokio::runtime::Runtime,
    only: &str,
    rounds: usize,
) -> Value {
    let mut filling = runtime.block_on(Filling::make());
    let border = "border/mapping.toml";
    filling.intake((&crossings(PEOPLE, 1, 900, 0), border), PEOPLE, 0);
    runtime.block_on(filling.deposit());
    for part in parts(rounds) {
        if !only.is_empty() && part.name != only {
            continue;
        }
        let all = part.records * part.files.len();
        measure(into, (part.name, part.what), all, || {
            for file in &part.files {
                filling.intake((file, part.mapping), part.records, 0);
                assert!(runtime.block_on(filling.deposit()) >= PEOPLE as u64);
            }
        });
    }
    if !only.is_empty() {
        return Value::Null;
    }
    let lines = crossings(0, 0, 0, LINES);
    let before = resident("VmRSS");
    let what = "rows of nobody linked: they wait, encrypted";
    measure(into, ("long file", what), LINES, || {
        filling.intake((&lines, border), 0, LINES);
    });
    let grown = resident("VmHWM").saturating_sub(before);
    println!(
        "\n{LINES} lines: at most {} KiB more than before",
        grown / 1024
    );
    json!({"lines": LINES, "grown_bytes": grown, "copies": copies()})
}

/// One-time copies of a language certificate.
fn copies() -> u64 {
    let catalogue = catalogue();
    let kind = catalogue.kind(LANGUAGE).unwrap();
    u64::from(kind.traits.copies)
}

/// Memory of this process, in bytes, as the kernel counts it.
fn resident(what: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(what))
        .unwrap();
    let number = line.trim_start_matches(':').trim().trim_end_matches(" kB");
    number.parse::<u64>().unwrap() * 1024
}
