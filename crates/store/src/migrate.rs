//! Numbered SQL files, each run once in a transaction of its own and remembered by its hash.

use crate::{StoreError, Version};
use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};

/// One migration: a name that sorts, and its SQL.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// File name, as `0001_init.sql`.
    pub name: &'static str,
    /// Its text.
    pub sql: &'static str,
}

/// Runs what has not run yet; refuses a database with other or more migrations than are known.
pub(crate) fn run(connection: &mut Connection, known: &[Migration]) -> Result<(), StoreError> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS migration (
            name TEXT NOT NULL PRIMARY KEY, sha256 BLOB NOT NULL) STRICT",
    )?;
    let done = done(connection)?;
    if done.len() > known.len() {
        return Err(StoreError::OtherVersion);
    }
    for (at, migration) in known.iter().enumerate() {
        let hash = Sha256::digest(migration.sql).to_vec();
        match done.get(at) {
            Some(row) if *row == (migration.name.to_owned(), hash.clone()) => {}
            Some(_) => return Err(StoreError::OtherVersion),
            None => {
                let tx = connection.transaction()?;
                tx.execute_batch(migration.sql)?;
                tx.execute(
                    "INSERT INTO migration (name, sha256) VALUES (?1, ?2)",
                    params![migration.name, hash],
                )?;
                tx.commit()?;
            }
        }
    }
    Ok(())
}

/// How a database stands to the migrations that are known; changes nothing.
pub(crate) fn version(connection: &Connection, known: &[Migration]) -> Result<Version, StoreError> {
    let done = done(connection)?;
    let same = |(row, migration): (&(String, Vec<u8>), &Migration)| {
        let hash = Sha256::digest(migration.sql).to_vec();
        *row == (migration.name.to_owned(), hash)
    };
    Ok(match known.len().checked_sub(done.len()) {
        _ if !done.iter().zip(known).all(same) => Version::Other,
        None => Version::Other,
        Some(0) => Version::Current,
        Some(missing) => Version::Older(missing),
    })
}

/// Names and hashes of the migrations that have run.
fn done(connection: &Connection) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let mut statement = connection.prepare("SELECT name, sha256 FROM migration ORDER BY name")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
