//! Which of an organisation's databases counts: one that was restored takes over.

use super::GatewayStore;
use crate::{StoreError, signed, unsigned};
use denizen_model::UnixTime;
use rusqlite::params;

/// Where a database stands among the copies of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lineage {
    /// Version of the inbox's registration at the hub under which it works; none before the first.
    pub generation: Option<u64>,
    /// It is a backup of this time: it must be restored before it is used.
    pub copied: Option<UnixTime>,
    /// Since a restore of this backup nothing new is issued until an operator has compared.
    pub held: Option<UnixTime>,
}

impl GatewayStore {
    /// Where this database stands.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn lineage(&self) -> Result<Lineage, StoreError> {
        let sql = "SELECT generation, copied, held FROM lineage";
        let row = self.sql().prepare_cached(sql)?.query_row([], |r| {
            Ok((
                r.get::<_, Option<i64>>(0)?,
                r.get::<_, Option<i64>>(1)?,
                r.get::<_, Option<i64>>(2)?,
            ))
        })?;
        Ok(Lineage {
            generation: row.0.map(unsigned).transpose()?,
            copied: row.1.map(UnixTime),
            held: row.2.map(UnixTime),
        })
    }

    /// Changes where this database stands.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn set_lineage(&self, lineage: &Lineage) -> Result<(), StoreError> {
        let sql = "UPDATE lineage SET generation = ?1, copied = ?2, held = ?3";
        let generation = lineage.generation.map(signed).transpose()?;
        let (copied, held) = (lineage.copied.map(|t| t.0), lineage.held.map(|t| t.0));
        self.sql().execute(sql, params![generation, copied, held])?;
        Ok(())
    }

    /// Every index of a status list that was drawn, so that two databases can be compared.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn drawn_indexes(&self) -> Result<Vec<(u32, u64)>, StoreError> {
        let sql = "SELECT list, idx FROM status_entry ORDER BY list, idx";
        let mut statement = self.sql().prepare_cached(sql)?;
        let rows = statement.query_map([], |r| Ok((r.get(0)?, r.get::<_, i64>(1)?)))?;
        rows.map(|row| {
            let (list, idx) = row?;
            Ok((list, unsigned(idx)?))
        })
        .collect()
    }

    /// Sets an index's status by its place alone, where the record that has it is not known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn set_status_at(&self, list: u32, idx: u64, status: (u8, bool)) -> Result<(), StoreError> {
        let sql = "INSERT INTO status_entry (list, idx, status, contested) \
                   VALUES (?1, ?2, ?3, ?4) ON CONFLICT (list, idx) DO UPDATE SET \
                   status = excluded.status, contested = excluded.contested";
        let row = params![list, signed(idx)?, status.0, status.1];
        self.sql().prepare_cached(sql)?.execute(row)?;
        Ok(())
    }
}

impl GatewayStore {
    /// Says in a copy of a database that it is one, so that no gateway works on it before a restore.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn mark_copy(path: &std::path::Path, at: UnixTime) -> Result<(), StoreError> {
        let store = Self::open(path)?;
        let lineage = store.lineage()?;
        let copied = lineage.copied.or(Some(at));
        store.set_lineage(&Lineage { copied, ..lineage })
    }
}
