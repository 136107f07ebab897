//! Issued records, status lists.

use super::{CONTESTED, Effect, GatewayStore, UNCONTESTED};
use crate::{StoreError, signed, unsigned};
use denizen_model::{AddressId, Sha256Hash};
use rusqlite::{OptionalExtension, params};

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
    /// Keeps an issued record.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_record(&self, kept: &Sha256Hash, row: &RecordRow) -> Result<(), StoreError> {
        let sql = "INSERT INTO record (number, address, body) VALUES (?1, ?2, ?3) \
                   ON CONFLICT (number) DO UPDATE SET body = excluded.body";
        let row = params![self.number_for(kept)?, row.address.as_bytes(), row.body];
        self.sql().prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    /// An issued record by the hash of its kept copy.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn record(&self, kept: &Sha256Hash) -> Result<Option<RecordRow>, StoreError> {
        let sql = "SELECT address, body FROM record WHERE number = ?1";
        let mut statement = self.sql().prepare_cached(sql)?;
        Ok(statement
            .query_row(params![self.number_of(kept)?], |r| {
                Ok(RecordRow {
                    address: AddressId::new(r.get(0)?),
                    body: r.get(1)?,
                })
            })
            .optional()?)
    }

    /// The issued records of a link, with the hashes of their kept copies.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn records_of(
        &self,
        address: &AddressId,
    ) -> Result<Vec<(Sha256Hash, RecordRow)>, StoreError> {
        let sql = "SELECT kept, body FROM record JOIN issued USING (number) WHERE address = ?1 \
                   ORDER BY number";
        let mut statement = self.sql().prepare_cached(sql)?;
        let rows = statement.query_map(params![address.as_bytes()], |r| {
            let row = RecordRow {
                address: *address,
                body: r.get(1)?,
            };
            Ok((Sha256Hash::new(r.get(0)?), row))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Forgets an issued record; its status stays.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove_record(&self, kept: &Sha256Hash) -> Result<(), StoreError> {
        let sql = "DELETE FROM record WHERE number = ?1";
        self.sql().execute(sql, params![self.number_of(kept)?])?;
        self.destroyed();
        Ok(())
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

    /// Whether no record has an index of a status list.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn is_status_index_free(&self, list: u32, idx: u64) -> Result<bool, StoreError> {
        let sql = "SELECT NOT EXISTS (SELECT 1 FROM status_entry WHERE list = ?1 AND idx = ?2)";
        let mut statement = self.sql().prepare_cached(sql)?;
        Ok(statement.query_row(params![list, signed(idx)?], |r| r.get(0))?)
    }

    /// Says of which record an index is that was free. It has the status of the record's other copies.
    ///
    /// # Errors
    /// [`StoreError`], also for an index that is used.
    pub fn bind_status_index(
        &self,
        list: u32,
        idx: u64,
        kept: &Sha256Hash,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO status_entry (list, idx, number, status, contested) \
                   SELECT ?1, ?2, ?3, COALESCE(MAX(status), 0), COALESCE(MAX(contested), 0) \
                   FROM (SELECT status, contested FROM status_entry WHERE number = ?3 LIMIT 1)";
        let row = params![list, signed(idx)?, self.number_for(kept)?];
        self.sql().prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    /// Sets the status of all copies of a record.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn set_status(&self, kept: &Sha256Hash, status: u8) -> Result<(), StoreError> {
        let sql = "UPDATE status_entry SET status = ?2 WHERE number = ?1";
        let number = self.number_of(kept)?;
        self.sql().execute(sql, params![number, status])?;
        Ok(())
    }

    /// Says whether a record is contested, beside its status.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn set_contested(&self, kept: &Sha256Hash, contested: bool) -> Result<(), StoreError> {
        let sql = "UPDATE status_entry SET contested = ?2 WHERE number = ?1";
        let number = self.number_of(kept)?;
        self.sql().execute(sql, params![number, contested])?;
        Ok(())
    }

    /// Makes a settled change effective.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn set_effect(&self, effect: &Effect) -> Result<(), StoreError> {
        match effect.status {
            CONTESTED => self.set_contested(&effect.kept, true),
            UNCONTESTED => self.set_contested(&effect.kept, false),
            status => self.set_status(&effect.kept, status),
        }
    }

    /// A record's status, and whether it is contested.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn status_of(&self, kept: &Sha256Hash) -> Result<(u8, bool), StoreError> {
        let sql = "SELECT status, contested FROM status_entry WHERE number = ?1 LIMIT 1";
        let mut statement = self.sql().prepare_cached(sql)?;
        let found = statement
            .query_row(params![self.number_of(kept)?], |r| {
                Ok((r.get(0)?, r.get(1)?))
            })
            .optional()?;
        Ok(found.unwrap_or((0, false)))
    }

    /// All entries that are not valid; of two statuses the stronger.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn statuses(&self) -> Result<Vec<StatusRow>, StoreError> {
        let sql = "SELECT list, idx, status FROM status_entry WHERE status <> 0 \
                   UNION ALL SELECT list, idx, ?1 FROM status_entry \
                   WHERE status = 0 AND contested <> 0";
        let mut statement = self.sql().prepare_cached(sql)?;
        let rows = statement.query_map(params![CONTESTED], |r| {
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
