//! Copies of a database in use, its integrity, its version.
#![allow(clippy::unwrap_used)]

use denizen_model::{OrgId, UnixTime};
use denizen_store::{
    Database, Version,
    hub::{self, LogHead, LogId, Logs as _},
};

fn head(size: u64) -> LogHead {
    LogHead {
        size,
        root: [1; 32],
        time: UnixTime(5),
    }
}

#[test]
fn a_copy_is_of_one_moment_and_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("a.db"), folder.path().join("b.db"));
    let mut db = hub::open(&path.clone().into()).unwrap();
    db.begin().unwrap();
    db.move_log_head(LogId::Deposits, 0, &head(1)).unwrap();
    db.commit().unwrap();
    // A transaction that has not ended is not in the copy, and does not hold it up.
    db.begin().unwrap();
    db.move_log_head(LogId::Deposits, 1, &head(2)).unwrap();
    Database::open_reader(&path)
        .unwrap()
        .copy_to(&copy)
        .unwrap();
    db.commit().unwrap();
    let copied = Database::open_reader(&copy).unwrap();
    assert_eq!(copied.log_head(LogId::Deposits).unwrap(), Some(head(1)));
    assert!(copied.is_whole().unwrap());
    assert_eq!(hub::version(&copied).unwrap(), Version::Current);
    let files = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(
        files, 4,
        "the database, its two companions, and the copy alone"
    );
    assert_eq!(
        std::fs::metadata(&copy).unwrap().len(),
        copied.size_bytes().unwrap()
    );
}

#[test]
fn a_long_write_ahead_log_is_moved_into_the_database_after_a_commit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let mut db = hub::open(&path.clone().into()).unwrap();
    let token = "x".repeat(400_000);
    for number in 0..40 {
        db.begin().unwrap();
        db.put_status(&OrgId::new([number; 32]), "1", &token)
            .unwrap();
        db.commit().unwrap();
    }
    let bytes = |ending: &str| {
        let file = folder.path().join(format!("a.db{ending}"));
        std::fs::metadata(file).unwrap().len()
    };
    // 16 MB were written, of which the database has all that the log has not.
    assert!(bytes("-wal") < 6_000_000, "{}", bytes("-wal"));
    assert!(bytes("") > 10_000_000, "{}", bytes(""));
}

#[test]
fn a_database_of_another_program_is_told_from_ours() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    drop(Database::open(&path, &[]).unwrap());
    let empty = Database::open_reader(&path).unwrap();
    assert!(matches!(hub::version(&empty).unwrap(), Version::Older(_)));
    drop(empty);
    let foreign = denizen_store::Migration {
        name: "0001_init.sql",
        sql: "CREATE TABLE other (a INTEGER) STRICT",
    };
    drop(Database::open(&path, &[foreign]).unwrap());
    let other = Database::open_reader(&path).unwrap();
    assert_eq!(hub::version(&other).unwrap(), Version::Other);
}
