//! An organisation's database seen without its keys: its version, what waits in it.

use crate::{Database, StoreError, Version, unsigned};

/// What waits in an organisation's database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Envelopes that the hub has not answered.
    pub outbox: u64,
    /// Rows of files whose person has no confirmed link.
    pub rows: u64,
    /// Alarms, ever.
    pub alarms: u64,
}

/// How an organisation's database stands to this program; changes nothing.
///
/// # Errors
/// [`StoreError`].
pub fn version(database: &Database) -> Result<Version, StoreError> {
    database.version(&super::MIGRATIONS)
}

/// Counts what waits; reads no row.
///
/// # Errors
/// [`StoreError::Sqlite`].
pub fn backlog(database: &Database) -> Result<Backlog, StoreError> {
    let count = |sql| unsigned(database.sql().query_row(sql, [], |row| row.get(0))?);
    Ok(Backlog {
        outbox: count("SELECT count(*) FROM outbox")?,
        rows: count("SELECT count(*) FROM row_waiting")?,
        alarms: count("SELECT count(*) FROM alarm")?,
    })
}
