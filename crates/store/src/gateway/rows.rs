//! Rows of the office's files: which run took them, and which wait for their link.

use super::GatewayStore;
use crate::{StoreError, unsigned};
use denizen_model::{Sha256Hash, UnixTime};
use rusqlite::{OptionalExtension, params};

/// A row that waits for its link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingRow {
    /// Its number.
    pub id: i64,
    /// The row of the office's file.
    pub row_key: Option<Sha256Hash>,
    /// Its encrypted body.
    pub body: Vec<u8>,
}

/// Whether a row was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownRow {
    /// It was not, or a returned one was corrected: it is remembered now.
    New,
    /// With the same content.
    Same,
    /// With other content.
    Other,
    /// With the same content, and its person returned what came of it.
    Returned,
}

/// A row that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenRow {
    /// Its keyed hash.
    pub row_key: Sha256Hash,
    /// The kept copy that came of it; none while it waits.
    pub kept: Option<Sha256Hash>,
}

/// A run of intake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// Its number.
    pub number: i64,
    /// When.
    pub at: UnixTime,
    /// Whether it was undone.
    pub undone: bool,
    /// Its encrypted body.
    pub body: Vec<u8>,
}

impl GatewayStore {
    /// Remembers a row of a run, and says whether it was known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn take_row(
        &self,
        row_key: &Sha256Hash,
        content: &Sha256Hash,
        run: i64,
    ) -> Result<KnownRow, StoreError> {
        // Nearly every row is new, or a returned one that was corrected.
        let sql = "INSERT INTO row_taken (row_key, content, run) VALUES (?1, ?2, ?3) \
                   ON CONFLICT (row_key) DO UPDATE SET content = excluded.content, \
                   run = excluded.run, number = NULL, returned = 0 \
                   WHERE returned <> 0 AND content <> excluded.content";
        let row = params![row_key.as_bytes(), content.as_bytes(), run];
        if self.sql().prepare_cached(sql)?.execute(row)? == 1 {
            return Ok(KnownRow::New);
        }
        let sql = "SELECT content, returned FROM row_taken WHERE row_key = ?1";
        let mut statement = self.sql().prepare_cached(sql)?;
        let (known, returned): ([u8; 32], bool) =
            statement.query_row(params![row_key.as_bytes()], |r| Ok((r.get(0)?, r.get(1)?)))?;
        Ok(if known != *content.as_bytes() {
            KnownRow::Other
        } else if returned {
            KnownRow::Returned
        } else {
            KnownRow::Same
        })
    }

    /// Whether a row was taken by any run.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn knows_row(&self, row_key: &Sha256Hash) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM row_taken WHERE row_key = ?1)";
        let mut statement = self.sql().prepare_cached(sql)?;
        Ok(statement.query_row(params![row_key.as_bytes()], |r| r.get(0))?)
    }

    /// Says which kept copy came of a row.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn bind_row(&self, row_key: &Sha256Hash, kept: &Sha256Hash) -> Result<(), StoreError> {
        let sql = "UPDATE row_taken SET number = ?2 WHERE row_key = ?1";
        let row = params![row_key.as_bytes(), self.number_for(kept)?];
        self.sql().prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    /// Another kept copy stands for a row: a correction with its new content, or a move.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn rebind_row(
        &self,
        old: &Sha256Hash,
        kept: &Sha256Hash,
        content: Option<&Sha256Hash>,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE row_taken SET number = ?2, content = COALESCE(?3, content) \
                   WHERE number = ?1";
        let content = content.map(Sha256Hash::as_bytes);
        let (old, new) = (self.number_of(old)?, self.number_for(kept)?);
        self.sql().execute(sql, params![old, new, content])?;
        Ok(())
    }

    /// The person returned what came of a row: the same row is not taken again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn return_row(&self, kept: &Sha256Hash) -> Result<(), StoreError> {
        let sql = "UPDATE row_taken SET returned = 1 WHERE number = ?1";
        self.sql().execute(sql, params![self.number_of(kept)?])?;
        Ok(())
    }

    /// Begins a run of intake; gives its number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn add_run(&self, at: UnixTime, body: &[u8]) -> Result<i64, StoreError> {
        let sql = "INSERT INTO run (at, undone, body) VALUES (?1, 0, ?2)";
        self.sql().execute(sql, params![at.0, body])?;
        Ok(self.sql().last_insert_rowid())
    }

    /// Changes what is kept of a run.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn change_run(&self, number: i64, undone: bool, body: &[u8]) -> Result<(), StoreError> {
        let sql = "UPDATE run SET undone = ?2, body = ?3 WHERE number = ?1";
        self.sql().execute(sql, params![number, undone, body])?;
        Ok(())
    }

    /// The newest run.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn newest_run(&self) -> Result<Option<RunRow>, StoreError> {
        let sql = "SELECT number, at, undone, body FROM run ORDER BY number DESC LIMIT 1";
        let mut statement = self.sql().prepare_cached(sql)?;
        Ok(statement.query_row([], run_row).optional()?)
    }

    /// A run by its number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn run(&self, number: i64) -> Result<Option<RunRow>, StoreError> {
        let sql = "SELECT number, at, undone, body FROM run WHERE number = ?1";
        let mut statement = self.sql().prepare_cached(sql)?;
        Ok(statement.query_row(params![number], run_row).optional()?)
    }

    /// All runs, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn runs(&self) -> Result<Vec<RunRow>, StoreError> {
        let sql = "SELECT number, at, undone, body FROM run ORDER BY number";
        let mut statement = self.sql().prepare_cached(sql)?;
        let rows = statement.query_map([], run_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The rows that a run took.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn rows_of_run(&self, run: i64) -> Result<Vec<TakenRow>, StoreError> {
        let sql = "SELECT row_key, kept FROM row_taken LEFT JOIN issued USING (number) \
                   WHERE run = ?1";
        let mut statement = self.sql().prepare_cached(sql)?;
        let rows = statement.query_map(params![run], |r| {
            let kept: Option<[u8; 32]> = r.get(1)?;
            Ok(TakenRow {
                row_key: Sha256Hash::new(r.get(0)?),
                kept: kept.map(Sha256Hash::new),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Forgets a row, and drops it if it waits.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn drop_row(&self, row_key: &Sha256Hash) -> Result<(), StoreError> {
        for sql in [
            "DELETE FROM row_waiting WHERE row_key = ?1",
            "DELETE FROM row_taken WHERE row_key = ?1",
        ] {
            self.sql()
                .prepare_cached(sql)?
                .execute(params![row_key.as_bytes()])?;
        }
        self.destroyed();
        Ok(())
    }

    /// Adds a row that waits for a link of its case.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn add_waiting(
        &self,
        case_key: &Sha256Hash,
        row_key: &Sha256Hash,
        body: &[u8],
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO row_waiting (case_key, row_key, body) VALUES (?1, ?2, ?3)";
        let row = params![case_key.as_bytes(), row_key.as_bytes(), body];
        self.sql().prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    /// The rows that wait for a case, in the order in which they came.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn waiting(&self, case_key: &Sha256Hash) -> Result<Vec<WaitingRow>, StoreError> {
        let sql = "SELECT id, row_key, body FROM row_waiting WHERE case_key = ?1 ORDER BY id";
        let mut statement = self.sql().prepare_cached(sql)?;
        let rows = statement.query_map(params![case_key.as_bytes()], |r| {
            let row_key: Option<[u8; 32]> = r.get(1)?;
            Ok(WaitingRow {
                id: r.get(0)?,
                row_key: row_key.map(Sha256Hash::new),
                body: r.get(2)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Takes a waiting row away.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove_waiting(&self, id: i64) -> Result<(), StoreError> {
        let sql = "DELETE FROM row_waiting WHERE id = ?1";
        self.sql().prepare_cached(sql)?.execute(params![id])?;
        Ok(())
    }

    /// How many rows wait.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn waiting_count(&self) -> Result<u64, StoreError> {
        let sql = "SELECT COUNT(*) FROM row_waiting";
        unsigned(self.sql().query_row(sql, [], |r| r.get(0))?)
    }
}

fn run_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<RunRow> {
    Ok(RunRow {
        number: row.get(0)?,
        at: UnixTime(row.get(1)?),
        undone: row.get(2)?,
        body: row.get(3)?,
    })
}
