//! Moves a hub's rows from a file of SQLite into an empty database of a server.
//!
//! Rows go in the order of their keys, in chunks that are each whole or not at all, so that a move that was
//! broken off goes on where it was. What has arrived is read back and compared, row by row. Until the
//! move was [`Move::end`]ed the server's database is opened by no writer; from then on the file is not.

mod rows;
mod table;

use super::MIGRATIONS;
use crate::{Database, Server, StoreError, Version, migrate::MOVED, postgres::Session};
use rows::{Cell, read_file, read_server, write_server};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};
use table::{TABLES, Table};

/// A move that is on its way.
pub struct Move {
    file: PathBuf,
    from: Database,
    to: Session,
}

/// Rows of a table that have arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrived {
    /// The table.
    pub table: &'static str,
    /// Its rows.
    pub rows: u64,
}

impl Move {
    /// Begins a move, or takes up one that was broken off. The file must not be in use.
    ///
    /// # Errors
    /// [`StoreError::Occupied`] if the server's database has rows that no move brought;
    /// [`StoreError::OtherVersion`] if the file was not served by this version once.
    pub fn begin(file: &Path, to: &Server) -> Result<Self, StoreError> {
        let from = Database::open_reader(file)?;
        let ended = match from.version(&MIGRATIONS) {
            Ok(Version::Current) => false,
            Ok(_) => return Err(StoreError::OtherVersion),
            Err(StoreError::Moved) => true,
            Err(error) => return Err(error),
        };
        let to = Session::writer(to, &super::postgres::MIGRATIONS)?;
        if to.rows("SELECT name FROM moving LIMIT 1", &[])?.is_empty() {
            if ended {
                return Err(StoreError::Moved);
            }
            prepare(&to)?;
        }
        let file = file.to_owned();
        Ok(Self { file, from, to })
    }

    /// Copies what is not there yet; `progress` is told after each chunk.
    ///
    /// # Errors
    /// [`StoreError`]: what has arrived stays, and the move can be taken up.
    pub fn copy(&self, mut progress: impl FnMut(Arrived)) -> Result<(), StoreError> {
        for table in &TABLES {
            let mut after = self.last_key(table)?;
            let mut rows = self.count(table)?;
            loop {
                let chunk = read_file(&self.from, table, after.as_deref())?;
                let Some(last) = chunk.last() else { break };
                after = Some(table.key_of(last));
                write_server(&self.to, table, &chunk)?;
                rows += chunk.len() as u64;
                let table = table.name;
                progress(Arrived { table, rows });
            }
        }
        self.copy_sequence()
    }

    /// Reads everything on both sides and compares it.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if anything differs.
    pub fn compare(&self) -> Result<Vec<Arrived>, StoreError> {
        let compare = |table: &'static Table| {
            let from = digest(table, |after| read_file(&self.from, table, after))?;
            let to = digest(table, |after| read_server(&self.to, table, after))?;
            if from != to {
                return Err(StoreError::Damaged);
            }
            let (rows, table) = (from.0, table.name);
            Ok(Arrived { table, rows })
        };
        TABLES.iter().map(compare).collect()
    }

    /// Ends the move: the file is marked, and opened by no hub any more; then the server's database may
    /// be. Nothing of the file is deleted.
    ///
    /// # Errors
    /// [`StoreError`]: begin again; what was done stays done.
    pub fn end(self) -> Result<(), StoreError> {
        let Self { file, from, to } = self;
        drop(from);
        let file = rusqlite::Connection::open(file)?;
        crate::configure(&file)?;
        let mark = "INSERT INTO migration (name, sha256) VALUES (?1, X'') ON CONFLICT DO NOTHING";
        file.execute(mark, [MOVED])?;
        to.batch("DELETE FROM moving")
    }

    fn last_key(&self, table: &Table) -> Result<Option<Vec<Cell>>, StoreError> {
        let rows = self.to.rows(&table.last(), &[])?;
        let key = |row| {
            table
                .keys()
                .enumerate()
                .map(|(at, key)| rows::cell(row, at, key))
                .collect()
        };
        rows.first().map(key).transpose()
    }

    fn count(&self, table: &Table) -> Result<u64, StoreError> {
        count(&self.to, table)
    }

    /// Numbers of objects go on where they were: none is given twice.
    fn copy_sequence(&self) -> Result<(), StoreError> {
        let sql = "SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'object'), 0)";
        let last: i64 = self.from.sql().query_row(sql, [], |row| row.get(0))?;
        let sql = "SELECT setval('object_parts', $1, true)";
        if last > 0 {
            self.to.rows(sql, &[&last])?;
        }
        Ok(())
    }
}

/// Notes that a move begins, in a database without rows.
fn prepare(to: &Session) -> Result<(), StoreError> {
    for table in &TABLES {
        if count(to, table)? > 0 {
            return Err(StoreError::Occupied);
        }
    }
    to.batch("INSERT INTO moving (name) VALUES ('from a file')")
}

fn count(of: &Session, table: &Table) -> Result<u64, StoreError> {
    let rows = of.rows(&format!("SELECT COUNT(*) FROM {}", table.name), &[])?;
    let count = rows.first().and_then(|row| row.try_get::<_, i64>(0).ok());
    crate::unsigned(count.ok_or(StoreError::Damaged)?)
}

/// Number and hash of all rows, in the order of their keys.
fn digest(
    table: &Table,
    read: impl Fn(Option<&[Cell]>) -> Result<Vec<Vec<Cell>>, StoreError>,
) -> Result<(u64, [u8; 32]), StoreError> {
    let (mut rows, mut hash) = (0, Sha256::new());
    let mut after = None;
    loop {
        let chunk = read(after.as_deref())?;
        let Some(last) = chunk.last() else {
            return Ok((rows, hash.finalize().into()));
        };
        after = Some(table.key_of(last));
        rows += chunk.len() as u64;
        for cell in chunk.iter().flatten() {
            cell.hash_into(&mut hash);
        }
    }
}
