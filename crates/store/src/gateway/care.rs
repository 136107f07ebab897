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

/// How an organisation's database stands among its copies, and whether its hooks are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// It is a backup, which must be restored before it is used.
    pub is_copy: bool,
    /// It was restored, and nobody has compared yet.
    pub is_held: bool,
    /// Hooks that are told nothing any more.
    pub disabled_hooks: Vec<String>,
    /// Hooks of which every attempt has failed for a time.
    pub failing_hooks: Vec<String>,
}

/// Reads that without the organisation's keys.
///
/// # Errors
/// [`StoreError::Sqlite`].
pub fn standing(database: &Database) -> Result<Standing, StoreError> {
    let sql = "SELECT copied IS NOT NULL, held IS NOT NULL FROM lineage";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let (is_copy, is_held) = database.sql().query_row(sql, [], read)?;
    let labels = |sql: &str| -> Result<Vec<String>, StoreError> {
        let mut statement = database.sql().prepare(sql)?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    };
    Ok(Standing {
        is_copy,
        is_held,
        disabled_hooks: labels("SELECT label FROM hook WHERE disabled IS NOT NULL")?,
        failing_hooks: labels(
            "SELECT label FROM hook WHERE failing_since IS NOT NULL AND disabled IS NULL",
        )?,
    })
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
