//! Migrations: run once, in order, remembered by their text; another history is refused.
#![allow(clippy::unwrap_used)]

use denizen_store::{Database, Migration, StoreError};
use std::path::Path;

const ONE: Migration = Migration {
    name: "0001_one.sql",
    sql: "CREATE TABLE one (n INTEGER) STRICT; INSERT INTO one VALUES (1);",
};
const TWO: Migration = Migration {
    name: "0002_two.sql",
    sql: "INSERT INTO one VALUES (2);",
};

fn rows(path: &Path) -> Vec<i64> {
    let raw = rusqlite::Connection::open(path).unwrap();
    let mut query = raw.prepare("SELECT n FROM one ORDER BY n").unwrap();
    let rows = query.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn each_migration_runs_once_and_later_ones_are_added() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    for migrations in [&[ONE][..], &[ONE], &[ONE, TWO], &[ONE, TWO]] {
        Database::open(&path, migrations).unwrap();
    }
    assert_eq!(rows(&path), [1, 2]);
}

#[test]
fn a_database_of_a_newer_version_or_with_another_history_is_refused_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    Database::open(&path, &[ONE, TWO]).unwrap();
    let changed = Migration {
        sql: "CREATE TABLE one (n TEXT) STRICT;",
        ..ONE
    };
    let renamed = Migration {
        name: "0001_uno.sql",
        ..ONE
    };
    for migrations in [
        &[ONE][..],
        &[],
        &[changed, TWO],
        &[renamed, TWO],
        &[TWO, ONE],
    ] {
        let refused = Database::open(&path, migrations);
        assert!(matches!(refused, Err(StoreError::OtherVersion)));
    }
    Database::open(&path, &[ONE, TWO]).unwrap();
    assert_eq!(rows(&path), [1, 2]);
}

#[test]
fn a_migration_that_fails_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    Database::open(&path, &[ONE]).unwrap();
    let broken = Migration {
        name: "0002_broken.sql",
        sql: "INSERT INTO one VALUES (3); BROKEN;",
    };
    assert!(matches!(
        Database::open(&path, &[ONE, broken]),
        Err(StoreError::Sqlite(_))
    ));
    Database::open(&path, &[ONE, TWO]).unwrap();
    assert_eq!(rows(&path), [1, 2]);
}

#[test]
fn a_hub_and_an_organisation_do_not_open_each_others_databases() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.db");
    drop(denizen_store::hub::open(&path.clone().into()).unwrap());
    let refused = denizen_store::gateway::GatewayStore::open(&path);
    assert!(matches!(refused, Err(StoreError::OtherVersion)));
}
