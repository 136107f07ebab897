//! Disputes and returned records, by number and due date.

use super::GatewayStore;
use crate::StoreError;
use denizen_model::{AddressId, MessageId, Sha256Hash, UnixTime};
use rusqlite::{OptionalExtension, Row, params};

/// A dispute, or a record that was returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeRow {
    /// Its number at the desk; 0 before it is kept.
    pub number: i64,
    /// The message that opened it.
    pub thread: MessageId,
    /// The link's address.
    pub address: AddressId,
    /// The caller's number of its kind.
    pub kind: u8,
    /// The caller's number of its state; 0 is open.
    pub state: u8,
    /// When it came.
    pub received: UnixTime,
    /// Until when it is answered.
    pub due: UnixTime,
    /// The record that it is about.
    pub kept: Sha256Hash,
    /// When its body is destroyed; none before the answer.
    pub retain_until: Option<UnixTime>,
    /// Its encrypted body; none once destroyed.
    pub body: Option<Vec<u8>>,
}

const COLUMNS: &str =
    "number, thread, address, kind, state, received, due, kept, retain_until, body";

fn dispute(r: &Row<'_>) -> rusqlite::Result<DisputeRow> {
    let retain_until: Option<i64> = r.get(8)?;
    Ok(DisputeRow {
        number: r.get(0)?,
        thread: MessageId::new(r.get(1)?),
        address: AddressId::new(r.get(2)?),
        kind: r.get(3)?,
        state: r.get(4)?,
        received: UnixTime(r.get(5)?),
        due: UnixTime(r.get(6)?),
        kept: Sha256Hash::new(r.get(7)?),
        retain_until: retain_until.map(UnixTime),
        body: r.get(9)?,
    })
}

impl GatewayStore {
    /// Keeps a dispute; gives its number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn add_dispute(&self, row: &DisputeRow) -> Result<i64, StoreError> {
        let sql = "INSERT INTO dispute (thread, address, kind, state, received, due, kept, \
                   retain_until, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        self.sql().execute(
            sql,
            params![
                row.thread.as_bytes(),
                row.address.as_bytes(),
                row.kind,
                row.state,
                row.received.0,
                row.due.0,
                row.kept.as_bytes(),
                row.retain_until.map(|t| t.0),
                row.body,
            ],
        )?;
        Ok(self.sql().last_insert_rowid())
    }

    /// Replaces what can change of a dispute.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn change_dispute(&self, row: &DisputeRow) -> Result<(), StoreError> {
        let sql = "UPDATE dispute SET address = ?2, state = ?3, kept = ?4, retain_until = ?5, \
                   body = ?6 WHERE number = ?1";
        self.sql().execute(
            sql,
            params![
                row.number,
                row.address.as_bytes(),
                row.state,
                row.kept.as_bytes(),
                row.retain_until.map(|t| t.0),
                row.body,
            ],
        )?;
        self.destroyed();
        Ok(())
    }

    /// A dispute by its number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn dispute(&self, number: i64) -> Result<Option<DisputeRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM dispute WHERE number = ?1");
        let mut statement = self.sql().prepare_cached(&sql)?;
        Ok(statement.query_row(params![number], dispute).optional()?)
    }

    /// All disputes: open ones first, then by due date.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn disputes(&self) -> Result<Vec<DisputeRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM dispute ORDER BY state <> 0, due, number");
        let mut statement = self.sql().prepare_cached(&sql)?;
        let rows = statement.query_map([], dispute)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The disputes of one link.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn disputes_of(&self, address: &AddressId) -> Result<Vec<DisputeRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM dispute WHERE address = ?1 ORDER BY number");
        let mut statement = self.sql().prepare_cached(&sql)?;
        let rows = statement.query_map(params![address.as_bytes()], dispute)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The disputes about one record.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn disputes_about(&self, kept: &Sha256Hash) -> Result<Vec<DisputeRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM dispute WHERE kept = ?1 ORDER BY number");
        let mut statement = self.sql().prepare_cached(&sql)?;
        let rows = statement.query_map(params![kept.as_bytes()], dispute)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Answered disputes whose retention has ended and that still have a body.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn disputes_to_destroy(&self, now: UnixTime) -> Result<Vec<DisputeRow>, StoreError> {
        let sql =
            format!("SELECT {COLUMNS} FROM dispute WHERE retain_until <= ?1 AND body IS NOT NULL");
        let mut statement = self.sql().prepare_cached(&sql)?;
        let rows = statement.query_map(params![now.0], dispute)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
