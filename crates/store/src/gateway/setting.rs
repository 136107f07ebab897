//! Settings, message ids that were taken, unread messages, erasures, alarms.

use super::GatewayStore;
use crate::{StoreError, signed, unsigned};
use denizen_model::{AddressId, MessageId, Sha256Hash, UnixTime};
use rusqlite::{OptionalExtension, params};

/// Something that an operator of a gateway must know, by its stable code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmRow {
    /// When it was seen.
    pub at: UnixTime,
    /// Stable code.
    pub code: String,
}

impl GatewayStore {
    /// A setting's body.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn setting(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT body FROM setting WHERE name = ?1";
        let mut statement = self.sql().prepare_cached(sql)?;
        Ok(statement
            .query_row(params![name], |r| r.get(0))
            .optional()?)
    }

    /// Replaces a setting's body.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn set_setting(&self, name: &str, body: &[u8]) -> Result<(), StoreError> {
        let sql = "INSERT INTO setting (name, body) VALUES (?1, ?2) \
                   ON CONFLICT (name) DO UPDATE SET body = excluded.body";
        self.sql()
            .prepare_cached(sql)?
            .execute(params![name, body])?;
        Ok(())
    }

    /// Remembers a message's id. Gives the hash under which it is known already.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn take_message(
        &self,
        sender: &AddressId,
        id: &MessageId,
        hash: &Sha256Hash,
    ) -> Result<Option<Sha256Hash>, StoreError> {
        let sql = "SELECT hash FROM taken WHERE sender = ?1 AND message = ?2";
        let key = params![sender.as_bytes(), id.as_bytes()];
        let mut statement = self.sql().prepare_cached(sql)?;
        let known: Option<[u8; 32]> = statement.query_row(key, |r| r.get(0)).optional()?;
        if known.is_none() {
            let sql = "INSERT INTO taken (sender, message, hash) VALUES (?1, ?2, ?3)";
            let row = params![sender.as_bytes(), id.as_bytes(), hash.as_bytes()];
            self.sql().prepare_cached(sql)?.execute(row)?;
        }
        Ok(known.map(Sha256Hash::new))
    }

    /// Keeps a message that this release does not act on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn keep_unread(&self, address: &AddressId, body: &[u8]) -> Result<(), StoreError> {
        let sql = "INSERT INTO unread (address, body) VALUES (?1, ?2)";
        self.sql().execute(sql, params![address.as_bytes(), body])?;
        Ok(())
    }

    /// Asks for an envelope of the inbox to be erased at the hub.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn add_erasure(&self, pos: u64) -> Result<(), StoreError> {
        let sql = "INSERT INTO erasure (pos) VALUES (?1) ON CONFLICT DO NOTHING";
        self.sql().execute(sql, params![signed(pos)?])?;
        Ok(())
    }

    /// The envelopes of the inbox that are to be erased.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn erasures(&self) -> Result<Vec<u64>, StoreError> {
        let mut statement = self
            .sql()
            .prepare_cached("SELECT pos FROM erasure ORDER BY pos")?;
        let rows = statement.query_map([], |r| r.get::<_, i64>(0))?;
        rows.map(|pos| unsigned(pos?)).collect()
    }

    /// Notes that an envelope of the inbox has been erased.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove_erasure(&self, pos: u64) -> Result<(), StoreError> {
        let sql = "DELETE FROM erasure WHERE pos = ?1";
        self.sql().execute(sql, params![signed(pos)?])?;
        Ok(())
    }

    /// Adds an alarm.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn add_alarm(&self, at: UnixTime, code: &str) -> Result<(), StoreError> {
        let sql = "INSERT INTO alarm (at, code) VALUES (?1, ?2)";
        self.sql().execute(sql, params![at.0, code])?;
        Ok(())
    }

    /// All alarms, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn alarms(&self) -> Result<Vec<AlarmRow>, StoreError> {
        let mut statement = self
            .sql()
            .prepare_cached("SELECT at, code FROM alarm ORDER BY id")?;
        let rows = statement.query_map([], |r| {
            Ok(AlarmRow {
                at: UnixTime(r.get(0)?),
                code: r.get(1)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
