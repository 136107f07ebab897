//! Notes, and messages that were kept unread: by link.

use super::GatewayStore;
use crate::StoreError;
use denizen_model::{AddressId, UnixTime};
use rusqlite::params;

/// A note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteRow {
    /// Its number at the desk.
    pub number: i64,
    /// The link's address.
    pub address: AddressId,
    /// When it was written.
    pub at: UnixTime,
    /// Its encrypted body.
    pub body: Vec<u8>,
}

impl GatewayStore {
    /// Keeps a note.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn add_note(
        &self,
        address: &AddressId,
        at: UnixTime,
        body: &[u8],
    ) -> Result<i64, StoreError> {
        let sql = "INSERT INTO note (address, at, body) VALUES (?1, ?2, ?3)";
        self.sql()
            .execute(sql, params![address.as_bytes(), at.0, body])?;
        Ok(self.sql().last_insert_rowid())
    }

    /// All notes, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn notes(&self) -> Result<Vec<NoteRow>, StoreError> {
        let sql = "SELECT number, address, at, body FROM note ORDER BY number";
        let mut statement = self.sql().prepare_cached(sql)?;
        let rows = statement.query_map([], |r| {
            Ok(NoteRow {
                number: r.get(0)?,
                address: AddressId::new(r.get(1)?),
                at: UnixTime(r.get(2)?),
                body: r.get(3)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Destroys a note.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove_note(&self, number: i64) -> Result<(), StoreError> {
        let sql = "DELETE FROM note WHERE number = ?1";
        self.sql().execute(sql, params![number])?;
        self.destroyed();
        Ok(())
    }

    /// Destroys what was kept unread of a link; gives how many messages.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove_unread(&self, address: &AddressId) -> Result<usize, StoreError> {
        let sql = "DELETE FROM unread WHERE address = ?1";
        let removed = self.sql().execute(sql, params![address.as_bytes()])?;
        self.destroyed();
        Ok(removed)
    }
}
