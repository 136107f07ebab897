//! A database of every earlier version, with a row in each table, opens: nothing in it is lost, and it
//! is then as a new one is.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_model::{Sha256Hash, UnixTime};
use denizen_store::{Database, Migration, Version, gateway::GatewayStore, hub};
use rusqlite::{Connection, types::Value};
use std::path::Path;

/// Columns that a later version has no more: what they said is said elsewhere.
const LEFT_OUT: [(&str, &str); 1] = [("deposit", "hash")];

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
    let names: Vec<_> = columns
        .iter()
        .map(|(name, _)| format!("\"{name}\""))
        .collect();
    let sql = format!("SELECT {} FROM \"{table}\"", names.join(", "));
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
