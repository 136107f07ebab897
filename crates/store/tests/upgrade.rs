//! A database of every earlier version, with a row in each table, opens: nothing in it is lost, and it
//! is then as a new one is.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_model::{AddressId, DepositId, Sha256Hash, UnixTime};
use denizen_store::{
    Database, Migration, Version,
    gateway::{GatewayStore, LetterRecord, Progress, SentRow, TakenRow},
    hub,
};
use rusqlite::{Connection, params, types::Value};
use std::path::Path;

/// Columns that a later version has no more: what they said is said elsewhere.
const LEFT_OUT: [(&str, &str); 1] = [("deposit", "hash")];

/// Columns that a later version has in another table: what says the same now.
const ELSEWHERE: [(&str, &str, &str); 5] = [
    ("record", "kept", KEPT),
    ("status_entry", "kept", KEPT),
    ("row_taken", "kept", KEPT),
    ("record_sent", "kept", KEPT),
    ("record_sent", "deposit_id", DEPOSIT),
];
const KEPT: &str = "(SELECT kept FROM issued WHERE issued.number = it.number)";
const DEPOSIT: &str = "COALESCE((SELECT deposit_id FROM outbox WHERE id = it.letter), \
                       (SELECT deposit_id FROM sent WHERE sent.letter = it.letter))";

/// The migrations of a folder under `sql/`, in their order.
fn migrations(role: &str) -> Vec<Migration> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql").join(role);
    let files = std::fs::read_dir(folder).unwrap();
    let mut all: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    all.sort();
    let migration = |file: &std::path::PathBuf| Migration {
        name: file
            .file_name()
            .unwrap()
            .to_string_lossy()
            .into_owned()
            .leak(),
        sql: std::fs::read_to_string(file).unwrap().leak(),
    };
    all.iter().map(migration).collect()
}

/// Names of the tables, without those of SQLite and of the migrations themselves.
fn tables(raw: &Connection) -> Vec<String> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
               AND name <> 'migration' ORDER BY name";
    let mut query = raw.prepare(sql).unwrap();
    let names = query.query_map([], |row| row.get(0)).unwrap();
    names.map(Result::unwrap).collect()
}

/// Columns of a table, each with its type.
fn columns(raw: &Connection, table: &str) -> Vec<(String, String)> {
    let mut query = raw
        .prepare("SELECT name, type FROM pragma_table_info(?1) ORDER BY cid")
        .unwrap();
    let columns = query.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)));
    columns.unwrap().map(Result::unwrap).collect()
}

/// All rows of these columns of a table.
fn rows(raw: &Connection, table: &str, columns: &[(String, String)]) -> Vec<Vec<Value>> {
    let there = self::columns(raw, table);
    let read = |(name, _): &(String, String)| {
        if there.iter().any(|(there, _)| there == name) {
            return format!("it.\"{name}\"");
        }
        let moved =
            |(at, column, _): &&(&str, &str, &str)| *at == table && *column == name.as_str();
        match ELSEWHERE.iter().find(moved) {
            Some((_, _, now)) => (*now).to_owned(),
            None => unreachable!("{table}.{name} is lost"),
        }
    };
    let names: Vec<_> = columns.iter().map(read).collect();
    let sql = format!("SELECT {} FROM \"{table}\" it", names.join(", "));
    let mut query = raw.prepare(&sql).unwrap();
    let row = |row: &rusqlite::Row<'_>| (0..columns.len()).map(|at| row.get(at)).collect();
    let rows = query.query_map([], row).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Puts a row into every table that has none.
fn fill(raw: &Connection) {
    for table in tables(raw) {
        let columns = columns(raw, &table);
        if !rows(raw, &table, &columns).is_empty() {
            continue;
        }
        let values = columns.iter().map(|(_, kind)| match kind.as_str() {
            "INTEGER" => "1",
            "TEXT" => "'kept'",
            _ => "x'0707070707070707070707070707070707070707070707070707070707070707'",
        });
        let values = values.collect::<Vec<_>>().join(", ");
        let sql = format!("INSERT INTO \"{table}\" VALUES ({values})");
        raw.execute(&sql, []).unwrap();
    }
}

/// What a database is made of, in the order in which it was made.
fn schema(raw: &Connection) -> Vec<(String, Vec<(String, String)>)> {
    let described = |table: String| {
        let columns = columns(raw, &table);
        (table, columns)
    };
    tables(raw).into_iter().map(described).collect()
}

/// Makes a database of each earlier version, opens it as this one, and looks.
fn each_earlier_version(role: &str, open: impl Fn(&Path), look: impl Fn(&Path)) {
    let known = migrations(role);
    let folder = tempfile::tempdir().unwrap();
    let fresh = folder.path().join("fresh.db");
    open(&fresh);
    let fresh = schema(&Connection::open(&fresh).unwrap());
    for version in 1..known.len() {
        let path = folder.path().join(format!("{version}.db"));
        drop(Database::open(&path, &known[..version]).unwrap());
        let raw = Connection::open(&path).unwrap();
        fill(&raw);
        let mut had: Vec<_> = schema(&raw);
        for (table, columns) in &mut had {
            columns.retain(|(column, _)| !LEFT_OUT.contains(&(table, column)));
        }
        let before: Vec<_> = had.iter().map(|(t, c)| rows(&raw, t, c)).collect();
        assert!(before.iter().all(|rows| !rows.is_empty()));
        drop(raw);

        open(&path);
        let raw = Connection::open(&path).unwrap();
        let after: Vec<_> = had.iter().map(|(t, c)| rows(&raw, t, c)).collect();
        assert_eq!(after, before, "{role}, from version {version}");
        assert_eq!(schema(&raw), fresh, "{role}, from version {version}");
        drop(raw);
        look(&path);
    }
}

#[test]
fn a_hubs_database_of_every_earlier_version_opens_with_all_that_it_had() {
    each_earlier_version(
        "hub",
        |path| drop(hub::open(&path.to_owned().into()).unwrap()),
        |path| {
            let database = hub::open(&path.to_owned().into()).unwrap();
            assert_eq!(database.version().unwrap(), Version::Current);
        },
    );
}

#[test]
fn an_organisations_database_of_every_earlier_version_opens_with_all_that_it_had() {
    each_earlier_version(
        "gateway",
        |path| drop(GatewayStore::open(path).unwrap()),
        |path| {
            let store = GatewayStore::open(path).unwrap();
            let kept = Sha256Hash::new([7; 32]);
            assert_eq!(store.status_of(&kept).unwrap().0, 1);
            let alarms = store.alarms().unwrap();
            assert_eq!(
                (alarms[0].at, alarms[0].code.as_str()),
                (UnixTime(1), "kept")
            );
        },
    );
}

const fn hash(n: u8) -> Sha256Hash {
    Sha256Hash::new([n; 32])
}

/// Hashes and ids end so and are zeros else. Of the records 1 and 2 are with the hub, 3 waits to be sent,
/// 4 was forgotten.
const BEFORE_NUMBERS: &str = "
    INSERT INTO record (kept, address, body) VALUES
        (hash'02', zeroblob(32), x'b2'), (hash'01', zeroblob(32), x'b1'),
        (hash'03', zeroblob(32), x'b3');
    INSERT INTO status_entry (list, idx, kept, status, contested) VALUES
        (1, 10, hash'01', 0, 1), (1, 11, hash'01', 0, 1),
        (1, 20, hash'02', 2, 0), (1, 40, hash'04', 1, 0),
        (1, 90, zeroblob(32), 1, 0);
    INSERT INTO row_taken (row_key, content, run, kept, returned) VALUES
        (hash'11', hash'21', 7, hash'01', 0),
        (hash'14', hash'24', 7, hash'04', 1),
        (hash'15', hash'25', 7, NULL, 0);
    INSERT INTO outbox (id, deposit_id, address, envelope, reserved) VALUES
        (2, id'33', zeroblob(32), x'ee', 0);
    INSERT INTO sent (deposit_id, address, envelope_hash, outcome) VALUES
        (id'31', zeroblob(32), zeroblob(32), 'gone'),
        (id'0b', zeroblob(32), zeroblob(32), 'stored');
    INSERT INTO record_sent (kept, deposit_id) VALUES
        (hash'01', id'31'), (hash'02', id'31'),
        (hash'03', id'33');
";

/// A hash of zeros that ends so, as SQL writes it above.
const fn ends(n: u8) -> Sha256Hash {
    let mut bytes = [0; 32];
    bytes[31] = n;
    Sha256Hash::new(bytes)
}

#[test]
fn what_belonged_to_records_by_their_hashes_belongs_to_them_by_their_numbers() {
    let known = migrations("gateway");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.sqlite");
    drop(Database::open(&path, &known[..6]).unwrap());
    let raw = Connection::open(&path).unwrap();
    let sql = BEFORE_NUMBERS.replace("hash'", &format!("x'{:062}", 0));
    let sql = sql.replace("id'", &format!("x'{:030}", 0));
    raw.execute_batch(&sql).unwrap();
    drop(raw);

    let mut store = GatewayStore::open(&path).unwrap();
    let address = AddressId::new([0; 32]);
    let of_link = store.records_of(&address).unwrap();
    let of_link: Vec<_> = of_link.iter().map(|(k, r)| (*k, r.body[0])).collect();
    assert_eq!(of_link, [(ends(2), 0xb2), (ends(1), 0xb1), (ends(3), 0xb3)]);
    let statuses: Vec<_> = (1..=4)
        .map(|n| store.status_of(&ends(n)).unwrap())
        .collect();
    assert_eq!(statuses, [(0, true), (2, false), (0, false), (1, false)]);
    assert_eq!(store.drawn_indexes().unwrap().len(), 5);
    assert_eq!(store.statuses().unwrap().len(), 5);
    let row = |row: u8, kept: Option<u8>| TakenRow {
        row_key: ends(row),
        kept: kept.map(ends),
    };
    let mut rows = store.rows_of_run(7).unwrap();
    rows.sort_by_key(|row| row.row_key);
    assert_eq!(
        rows,
        [row(0x11, Some(1)), row(0x14, Some(4)), row(0x15, None)]
    );

    let gone = |n: u8| match store.progress(&ends(n)).unwrap() {
        Progress::Settled(sent) => sent.outcome == "gone",
        _ => false,
    };
    assert!(gone(1) && gone(2));
    assert_eq!(store.progress(&ends(3)).unwrap(), Progress::Queued);
    assert_eq!(store.progress(&ends(4)).unwrap(), Progress::Unknown);

    // What was on its way is settled, and what is new is numbered behind all that was there.
    let sent = SentRow {
        address,
        envelope_hash: hash(0),
        outcome: "closed".to_owned(),
        receipt: None,
    };
    let mut id = [0; 16];
    id[15] = 0x33;
    store.begin().unwrap();
    let letter = store.settle(&DepositId::new(id), &sent).unwrap().unwrap();
    let record = |n: u8| LetterRecord {
        kept: ends(n),
        name: None,
    };
    assert_eq!(store.records_in(letter).unwrap(), [record(3)]);
    store.bind_status_index(1, 41, &ends(4)).unwrap();
    store.bind_status_index(1, 50, &ends(5)).unwrap();
    store.commit().unwrap();
    assert_eq!(
        store.progress(&ends(3)).unwrap(),
        Progress::Settled(sent.clone())
    );
    // A further copy of a record that was withdrawn is withdrawn.
    let withdrawn = store.statuses().unwrap();
    assert!(withdrawn.iter().any(|row| (row.idx, row.status) == (41, 1)));
    let raw = Connection::open(&path).unwrap();
    let newest = "SELECT number FROM issued WHERE kept = ?1";
    let number: i64 = raw
        .query_row(newest, params![ends(5).as_bytes()], |r| r.get(0))
        .unwrap();
    assert_eq!(number, 5);
}
