//! Rows of the office's files, issued records, status lists.

use super::GatewayStore;
use crate::{StoreError, signed, unsigned};
use denizen_model::{AddressId, Sha256Hash};
use rusqlite::{OptionalExtension, params};

/// A row that waits for its link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingRow {
    /// Its number.
    pub id: i64,
    /// Its encrypted body.
    pub body: Vec<u8>,
}

/// An issued record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordRow {
    /// The link's address.
    pub address: AddressId,
    /// Its encrypted body.
    pub body: Vec<u8>,
}

/// One entry of a status list that is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusRow {
    /// Number of the list.
    pub list: u32,
    /// Index in the list.
    pub idx: u64,
    /// The status's two bits.
    pub status: u8,
}

impl GatewayStore {
    /// Remembers a row. Gives the content's hash under which it is known already.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn take_row(
        &self,
        row_key: &Sha256Hash,
        content: &Sha256Hash,
    ) -> Result<Option<Sha256Hash>, StoreError> {
        let sql = "SELECT content FROM row_taken WHERE row_key = ?1";
        let mut statement = self.sql().prepare_cached(sql)?;
        let known: Option<[u8; 32]> = statement
            .query_row(params![row_key.as_bytes()], |r| r.get(0))
            .optional()?;
        if known.is_none() {
            let sql = "INSERT INTO row_taken (row_key, content) VALUES (?1, ?2)";
            let row = params![row_key.as_bytes(), content.as_bytes()];
            self.sql().prepare_cached(sql)?.execute(row)?;
        }
        Ok(known.map(Sha256Hash::new))
    }

    /// Adds a row that waits for a link of its case.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn add_waiting(&self, case_key: &Sha256Hash, body: &[u8]) -> Result<(), StoreError> {
        let sql = "INSERT INTO row_waiting (case_key, body) VALUES (?1, ?2)";
        self.sql()
            .prepare_cached(sql)?
            .execute(params![case_key.as_bytes(), body])?;
        Ok(())
    }

    /// The rows that wait for a case, in the order in which they came.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn waiting(&self, case_key: &Sha256Hash) -> Result<Vec<WaitingRow>, StoreError> {
        let sql = "SELECT id, body FROM row_waiting WHERE case_key = ?1 ORDER BY id";
        let mut statement = self.sql().prepare_cached(sql)?;
        let rows = statement.query_map(params![case_key.as_bytes()], |r| {
            Ok(WaitingRow {
                id: r.get(0)?,
                body: r.get(1)?,
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

    /// Keeps an issued record.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_record(&self, kept: &Sha256Hash, row: &RecordRow) -> Result<(), StoreError> {
        let sql = "INSERT INTO record (kept, address, body) VALUES (?1, ?2, ?3) \
                   ON CONFLICT (kept) DO UPDATE SET body = excluded.body";
        let row = params![kept.as_bytes(), row.address.as_bytes(), row.body];
        self.sql().prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    /// An issued record by the hash of its kept copy.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn record(&self, kept: &Sha256Hash) -> Result<Option<RecordRow>, StoreError> {
        let sql = "SELECT address, body FROM record WHERE kept = ?1";
        let mut statement = self.sql().prepare_cached(sql)?;
        Ok(statement
            .query_row(params![kept.as_bytes()], |r| {
                Ok(RecordRow {
                    address: AddressId::new(r.get(0)?),
                    body: r.get(1)?,
                })
            })
            .optional()?)
    }

    /// The number of the newest status list, and how many of its entries are used.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn newest_status_list(&self) -> Result<(u32, u64), StoreError> {
        let sql = "SELECT list, COUNT(*) FROM status_entry \
                   WHERE list = (SELECT COALESCE(MAX(list), 1) FROM status_entry) GROUP BY list";
        let row = self
            .sql()
            .prepare_cached(sql)?
            .query_row([], |r| Ok((r.get::<_, u32>(0)?, r.get::<_, i64>(1)?)))
            .optional()?;
        let (list, count) = row.unwrap_or((1, 0));
        Ok((list, unsigned(count)?))
    }

    /// Takes an index of a status list; `false` if it is used.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn use_status_index(&self, list: u32, idx: u64) -> Result<bool, StoreError> {
        let sql = "INSERT INTO status_entry (list, idx, kept, status) VALUES (?1, ?2, X'', 0) \
                   ON CONFLICT DO NOTHING";
        let count = self
            .sql()
            .prepare_cached(sql)?
            .execute(params![list, signed(idx)?])?;
        Ok(count == 1)
    }

    /// Says of which record a used index is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn bind_status_index(
        &self,
        list: u32,
        idx: u64,
        kept: &Sha256Hash,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE status_entry SET kept = ?3, status = COALESCE((SELECT status FROM \
                   status_entry WHERE kept = ?3), 0) WHERE list = ?1 AND idx = ?2";
        let row = params![list, signed(idx)?, kept.as_bytes()];
        self.sql().prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    /// Sets the status of all copies of a record.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn set_status(&self, kept: &Sha256Hash, status: u8) -> Result<(), StoreError> {
        let sql = "UPDATE status_entry SET status = ?2 WHERE kept = ?1";
        self.sql().execute(sql, params![kept.as_bytes(), status])?;
        Ok(())
    }

    /// All entries that are not valid.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn statuses(&self) -> Result<Vec<StatusRow>, StoreError> {
        let sql = "SELECT list, idx, status FROM status_entry WHERE status <> 0";
        let mut statement = self.sql().prepare_cached(sql)?;
        let rows = statement.query_map([], |r| {
            Ok((r.get::<_, u32>(0)?, r.get::<_, i64>(1)?, r.get::<_, u8>(2)?))
        })?;
        rows.map(|row| {
            let (list, idx, status) = row?;
            Ok(StatusRow {
                list,
                idx: unsigned(idx)?,
                status,
            })
        })
        .collect()
    }
}
