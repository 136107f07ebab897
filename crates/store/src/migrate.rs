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

impl Migration {
    fn sha256(&self) -> Vec<u8> {
        Sha256::digest(self.sql).to_vec()
    }

    fn is(&self, (name, sha256): &Done) -> bool {
        self.name == name && self.sha256() == *sha256
    }
}

/// Name and hash of a migration that has run.
pub(crate) type Done = (String, Vec<u8>);

/// In place of a migration's name: the rows were moved to another database. A program that does not know
/// it finds one migration too many, and refuses as well.
pub(crate) const MOVED: &str = "moved";

/// What remembers which migrations have run.
pub(crate) trait History {
    /// Makes the table that remembers, unless it is there.
    fn begin(&mut self) -> Result<(), StoreError>;

    /// What has run, by name.
    fn done(&self) -> Result<Vec<Done>, StoreError>;

    /// Runs one and remembers it, whole or not at all.
    fn apply(&mut self, name: &str, sql: &str, sha256: &[u8]) -> Result<(), StoreError>;
}

/// Runs what has not run yet; refuses a database with other or more migrations than are known.
pub(crate) fn run(history: &mut impl History, known: &[Migration]) -> Result<(), StoreError> {
    history.begin()?;
    let done = history.done()?;
    if done.iter().any(|(name, _)| name == MOVED) {
        return Err(StoreError::Moved);
    }
    let same = done.iter().zip(known).all(|(done, known)| known.is(done));
    if !same || done.len() > known.len() {
        return Err(StoreError::OtherVersion);
    }
    for migration in known.iter().skip(done.len()) {
        history.apply(migration.name, migration.sql, &migration.sha256())?;
    }
    Ok(())
}

/// How a database stands to the migrations that are known; changes nothing.
pub(crate) fn version(history: &impl History, known: &[Migration]) -> Result<Version, StoreError> {
    let done = history.done()?;
    if done.iter().any(|(name, _)| name == MOVED) {
        return Err(StoreError::Moved);
    }
    let same = done.iter().zip(known).all(|(done, known)| known.is(done));
    Ok(match known.len().checked_sub(done.len()) {
        _ if !same => Version::Other,
        None => Version::Other,
        Some(0) => Version::Current,
        Some(missing) => Version::Older(missing),
    })
}

impl History for Connection {
    fn begin(&mut self) -> Result<(), StoreError> {
        Ok(self.execute_batch(
            "CREATE TABLE IF NOT EXISTS migration (
                name TEXT NOT NULL PRIMARY KEY, sha256 BLOB NOT NULL) STRICT",
        )?)
    }

    fn done(&self) -> Result<Vec<Done>, StoreError> {
        let mut statement = self.prepare("SELECT name, sha256 FROM migration ORDER BY name")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn apply(&mut self, name: &str, sql: &str, sha256: &[u8]) -> Result<(), StoreError> {
        let tx = self.transaction()?;
        tx.execute_batch(sql)?;
        tx.execute(
            "INSERT INTO migration (name, sha256) VALUES (?1, ?2)",
            params![name, sha256],
        )?;
        Ok(tx.commit()?)
    }
}
