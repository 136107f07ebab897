//! Care of a database: a copy of it while it is in use, its integrity, its version.

use crate::{Database, StoreError, configure, migrate, unsigned};
use rusqlite::{
    Connection,
    backup::{Backup, StepResult},
};
use std::path::Path;

/// How a database stands to the migrations that this program knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// All of them have run.
    Current,
    /// This many have not run yet: opening it for writing runs them.
    Older(usize),
    /// It was made by a newer program, or a migration was changed.
    Other,
}

impl Database {
    /// Copies the database as it is at one moment, while others read and write it, into a file that
    /// is empty. The copy is one file and on the disk when this returns.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`]: what was written so far is no backup.
    pub fn copy_to(&self, file: &Path) -> Result<(), StoreError> {
        let mut copy = Connection::open(file)?;
        configure(&copy)?;
        let busy = || rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
        // One step: pages that a writer changes meanwhile would make it begin again.
        match Backup::new(&self.connection, &mut copy)?.step(-1)? {
            StepResult::Done => {}
            _ => return Err(rusqlite::Error::SqliteFailure(busy(), None).into()),
        }
        copy.pragma_update(None, "journal_mode", "DELETE")?;
        copy.close().map_err(|(_, error)| error)?;
        Ok(())
    }

    /// Whether SQLite finds every page of it whole; takes long for a large one.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn is_whole(&self) -> Result<bool, StoreError> {
        let sql = "PRAGMA quick_check(1)";
        let found: String = self.connection.query_row(sql, [], |row| row.get(0))?;
        Ok(found == "ok")
    }

    /// Bytes that its pages take.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn size_bytes(&self) -> Result<u64, StoreError> {
        let number = |sql| self.connection.query_row(sql, [], |row| row.get(0));
        let pages = unsigned(number("PRAGMA page_count")?)?;
        Ok(pages * unsigned(number("PRAGMA page_size")?)?)
    }

    /// How it stands to the migrations that are known; changes nothing.
    pub(crate) fn version(&self, known: &[migrate::Migration]) -> Result<Version, StoreError> {
        migrate::version(&self.connection, known)
    }
}
