//! Numbers of issued records: what belongs to a record names it by one, so that what is new lies together.

use super::GatewayStore;
use crate::StoreError;
use denizen_model::Sha256Hash;
use rusqlite::{OptionalExtension, params};

impl GatewayStore {
    /// The number of a kept copy, if anything was written down of it. A number stays.
    pub(super) fn number_of(&self, kept: &Sha256Hash) -> Result<Option<i64>, StoreError> {
        if let Some((known, number)) = self.numbered.get()
            && known == *kept
        {
            return Ok(Some(number));
        }
        let sql = "SELECT number FROM issued WHERE kept = ?1";
        let mut statement = self.sql().prepare_cached(sql)?;
        let number = statement.query_row(params![kept.as_bytes()], |r| r.get(0));
        let number: Option<i64> = number.optional()?;
        self.numbered.set(number.map(|number| (*kept, number)));
        Ok(number)
    }

    /// The number of a kept copy, the next one if it has none.
    pub(super) fn number_for(&self, kept: &Sha256Hash) -> Result<i64, StoreError> {
        if let Some((known, number)) = self.numbered.get()
            && known == *kept
        {
            return Ok(number);
        }
        let sql = "INSERT INTO issued (kept) VALUES (?1) ON CONFLICT DO NOTHING RETURNING number";
        let mut statement = self.sql().prepare_cached(sql)?;
        let made = statement.query_row(params![kept.as_bytes()], |r| r.get(0));
        match made.optional()? {
            Some(number) => {
                self.numbered.set(Some((*kept, number)));
                Ok(number)
            }
            None => self.number_of(kept)?.ok_or(StoreError::Damaged),
        }
    }
}
