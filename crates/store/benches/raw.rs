//! `cargo bench -p denizen-store`: groups of deposits through a hub's storage, beside the plainest insert
//! of the same places that the engine has, in the same run. Writes `target/bench/store.json`, which
//! `cargo xtask bench hub` takes up.
//!
//! The plain insert writes the places alone; the hub's group also finds and remembers the deposit ids,
//! moves the fill of each address, and writes tiles, bundles and the log's head.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a measurement, not product code"
)]

#[path = "../tests/support/cluster.rs"]
mod cluster;

use cluster::{Cluster, PASSWORD, name_of};
use denizen_model::{AddressId, DepositId, Nonce, Sha256Hash, UnixTime, deposit::LeafType};
use denizen_store::{
    Database, Migration, Server,
    hub::{AddressRow, HubStore, Location, LogHead, LogId, NewPlace, Wanted, open},
};
use denizen_tlog::{RightEdge, encode_bundle, hash_leaf};
use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Bytes of an envelope of the smallest class.
const BODY_SIZE_BYTES: usize = 5_365;
/// Places of a group, and groups of each way in a round.
const GROUP: u64 = 512;
const GROUPS: u64 = 8;
const ROUNDS: u64 = 4;
/// Addresses that they go to.
const ADDRESSES: u64 = 256;

const TABLE: &str = "CREATE TABLE raw (address {bytes} NOT NULL, pos {number} NOT NULL, leaf_index {number} \
    NOT NULL, time {number} NOT NULL, kind {number} NOT NULL, body {bytes}, hash {bytes}, commitment \
    {bytes}, nonce {bytes}, nonce_a {bytes}, PRIMARY KEY (address, pos))";

fn address(number: u64) -> AddressId {
    AddressId::new(*Sha256Hash::of(&(number % ADDRESSES).to_be_bytes()).as_bytes())
}

/// The numbers of the places of a group: each address gets its next positions.
fn numbers(group: u64) -> impl Iterator<Item = u64> {
    group * GROUP..(group + 1) * GROUP
}

fn body(number: u64) -> Vec<u8> {
    let mut body = vec![0; BODY_SIZE_BYTES];
    // What is sealed does not get smaller.
    let mut state = number + 1;
    for byte in &mut body {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        *byte = state.to_be_bytes()[0];
    }
    body
}

/// One group as a hub's writer writes it.
fn through_the_store(db: &mut dyn HubStore, edge: &mut RightEdge, group: u64, bodies: &[Vec<u8>]) {
    let id = |number: u64| DepositId::new((u128::from(number) + 1).to_be_bytes());
    let by = vec![7; 32];
    let wanted: Vec<Wanted> = numbers(group)
        .map(|number| Wanted {
            address: address(number),
            depositor: by.clone(),
            deposit_id: id(number),
        })
        .collect();
    db.begin().unwrap();
    db.prepare(&wanted).unwrap();
    let mut leaves = Vec::new();
    for (number, body) in numbers(group).zip(bodies) {
        let (to, id) = (address(number), id(number));
        let row = db.address(&to).unwrap().unwrap();
        assert!(db.deposit(&to, &by, &id).unwrap().is_none());
        let hash = Sha256Hash::of(body);
        let place = NewPlace {
            pos: row.next_pos,
            index: edge.size() + leaves.len() as u64,
            time: UnixTime(1),
            leaf_type: LeafType::Envelope,
            body,
            hash,
            commit: hash,
            nonce: Nonce::new([5; 32]),
            nonce_a: Nonce::new([6; 32]),
        };
        db.insert_place(&to, &place).unwrap();
        db.insert_deposit(&to, &by, &id, row.next_pos).unwrap();
        let bytes = row.bytes + body.len() as u64;
        db.set_address_fill(&to, row.next_pos + 1, bytes).unwrap();
        leaves.push(hash.as_bytes().to_vec());
    }
    let before = edge.size();
    let hashes: Vec<_> = leaves.iter().map(|leaf| hash_leaf(leaf)).collect();
    for tile in edge.append(&hashes) {
        db.put_tile(LogId::Deposits, &tile).unwrap();
    }
    // A group is two whole bundles.
    for (at, part) in leaves.chunks(256).enumerate() {
        let bundle = encode_bundle(part.iter().map(Vec::as_slice)).unwrap();
        let index = before / 256 + at as u64;
        db.append_bundle(LogId::Deposits, index, &bundle).unwrap();
    }
    let head = LogHead {
        size: edge.size(),
        root: edge.root(),
        time: UnixTime(1),
    };
    db.move_log_head(LogId::Deposits, before, &head).unwrap();
    db.flush().unwrap();
    db.commit().unwrap();
}

fn with_addresses(at: &Location) -> Box<dyn HubStore> {
    let db = open(at).unwrap();
    db.begin().unwrap();
    for number in 0..ADDRESSES {
        let row = AddressRow {
            auth: vec![7; 32],
            salt: None,
            accepts: "[]".into(),
            version: 0,
            frozen: false,
            closed: false,
            registration: vec![8; 32],
            next_pos: 0,
            bytes: 0,
            quota: 1 << 60,
        };
        db.insert_address(&address(number), &row).unwrap();
    }
    let mut db = db;
    db.commit().unwrap();
    db
}

/// Rates of both ways, in rows a second: they take turns.
fn compare(at: &Location, mut raw: impl FnMut(u64, &[Vec<u8>])) -> (f64, f64) {
    let mut db = with_addresses(at);
    let mut edge = RightEdge::load(
        &denizen_store::hub::StoredTiles::new(&*db, LogId::Deposits),
        0,
    )
    .unwrap();
    let (mut own, mut plain) = (Duration::ZERO, Duration::ZERO);
    for group in 0..ROUNDS * GROUPS {
        let bodies: Vec<Vec<u8>> = numbers(group).map(body).collect();
        let began = Instant::now();
        through_the_store(&mut *db, &mut edge, group, &bodies);
        own += began.elapsed();
        let began = Instant::now();
        raw(group, &bodies);
        plain += began.elapsed();
    }
    let rows = (ROUNDS * GROUPS * GROUP) as f64;
    (rows / own.as_secs_f64(), rows / plain.as_secs_f64())
}

/// Columns of the places of a group.
struct Columns {
    addresses: Vec<Vec<u8>>,
    numbers: [Vec<i64>; 4],
    hashes: Vec<Vec<u8>>,
    fixed: [Vec<Vec<u8>>; 2],
}

fn columns(group: u64, bodies: &[Vec<u8>]) -> Columns {
    let numbers: Vec<u64> = numbers(group).collect();
    let column = |of: &dyn Fn(u64) -> u64| numbers.iter().map(|n| of(*n).cast_signed()).collect();
    let same = |byte| vec![vec![byte; 32]; numbers.len()];
    Columns {
        addresses: numbers
            .iter()
            .map(|n| address(*n).as_bytes().to_vec())
            .collect(),
        numbers: [
            column(&|n| n / ADDRESSES),
            column(&|n| n),
            column(&|_| 1),
            column(&|_| 0),
        ],
        hashes: bodies
            .iter()
            .map(|b| Sha256Hash::of(b).as_bytes().to_vec())
            .collect(),
        fixed: [same(5), same(6)],
    }
}

fn sqlite(folder: &Path) -> (f64, f64) {
    let table = TABLE
        .replace("{bytes}", "BLOB")
        .replace("{number}", "INTEGER");
    let migration = Migration {
        name: "raw.sql",
        sql: Box::leak(table.into_boxed_str()),
    };
    // The same settings of durability, and the file of its own.
    drop(Database::open(&folder.join("raw.db"), &[migration]).unwrap());
    let mut raw = rusqlite::Connection::open(folder.join("raw.db")).unwrap();
    raw.pragma_update(None, "synchronous", "FULL").unwrap();
    raw.pragma_update(None, "cache_size", -32_768).unwrap();
    compare(
        &Location::File(folder.join("hub.db")),
        move |group, bodies| {
            let c = columns(group, bodies);
            let tx = raw.transaction().unwrap();
            let sql = "INSERT INTO raw VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
            for (at, body) in bodies.iter().enumerate() {
                let [pos, index, time, kind] = c.numbers.each_ref().map(|n| n[at]);
                let [nonce, nonce_a] = c.fixed.each_ref().map(|f| &f[at]);
                let (to, hash) = (&c.addresses[at], &c.hashes[at]);
                let row =
                    rusqlite::params![to, pos, index, time, kind, body, hash, hash, nonce, nonce_a];
                tx.prepare_cached(sql).unwrap().execute(row).unwrap();
            }
            tx.commit().unwrap();
        },
    )
}

fn postgresql() -> (f64, f64) {
    let url = Cluster::shared().database();
    let server = Server::parse(&url, Some(PASSWORD.as_bytes()), None).unwrap();
    let table = TABLE
        .replace("{bytes}", "bytea")
        .replace("{number}", "bigint");
    let external = "ALTER TABLE raw ALTER COLUMN body SET STORAGE EXTERNAL";
    Cluster::shared().psql(name_of(&url), &format!("{table}; {external}"));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let mut config: tokio_postgres::Config = url.parse().unwrap();
    config.password(PASSWORD);
    let client = runtime.block_on(async {
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    });
    let sql = "INSERT INTO raw SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bigint[], \
               $5::bigint[], $6::bytea[], $7::bytea[], $8::bytea[], $9::bytea[], $10::bytea[])";
    let statement = runtime.block_on(client.prepare(sql)).unwrap();
    let at = Location::Server(Box::new(server));
    compare(&at, move |group, bodies| {
        let c = columns(group, bodies);
        let [pos, index, time, kind] = &c.numbers;
        let [nonce, nonce_a] = &c.fixed;
        let bodies = bodies.to_vec();
        let sent = runtime.block_on(client.execute(
            &statement,
            &[
                &c.addresses,
                pos,
                index,
                time,
                kind,
                &bodies,
                &c.hashes,
                &c.hashes,
                nonce,
                nonce_a,
            ],
        ));
        assert_eq!(sent.unwrap(), GROUP);
    })
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let all = [
        ("SQLite", sqlite(folder.path())),
        ("PostgreSQL", postgresql()),
    ];
    let mut lines = Vec::new();
    for (engine, (own, plain)) in all {
        let part = own / plain;
        println!(
            "{engine}: a hub's groups {own:.0} rows/s, plain insert {plain:.0} rows/s: {part:.2} of it"
        );
        lines.push(format!(
            "{{\"engine\": \"{engine}\", \"hub_rows_s\": {own:.0}, \"plain_rows_s\": {plain:.0}, \
             \"part\": {part:.3}}}"
        ));
    }
    let bench = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/bench");
    fs::create_dir_all(&bench).unwrap();
    let text = format!("[{}]\n", lines.join(", "));
    fs::write(bench.join("store.json"), text).unwrap();
}
