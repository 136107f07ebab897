//! Whether a server keeps what it has acknowledged, and for one writer alone (R23, R24).

use super::Session;
use crate::StoreError;

/// The advisory lock of a hub's writer: "denizen" as a number. One hub to a database.
const LOCK: i64 = 0x64_656e_697a_656e;

/// How long a new writer waits for the lock: the server may not have noticed yet that the one before
/// was killed.
const LOCK_WAIT: &str = "SET lock_timeout = '5s'";

/// SQLSTATE of a lock that was not given in time.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// Refuses a server that acknowledges before its disk, or that goes on after a sync that failed.
pub(super) fn require(session: &Session) -> Result<(), StoreError> {
    let sql = "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', \
               'synchronous_commit', 'data_sync_retry', 'transaction_read_only')";
    for row in session.rows(sql, &[])? {
        let damaged = |_| StoreError::Damaged;
        let name: &str = row.try_get(0).map_err(damaged)?;
        let setting: &str = row.try_get(1).map_err(damaged)?;
        let good = match name {
            "fsync" | "full_page_writes" => setting == "on",
            "synchronous_commit" => matches!(setting, "on" | "remote_apply"),
            _ => setting == "off",
        };
        if !good {
            return Err(StoreError::NotDurable);
        }
    }
    Ok(())
}

/// Takes the writer's lock for as long as the connection lasts. Beside it the log's head moves by
/// compare-and-swap, so that a writer that lost its connection unnoticed forks nothing.
pub(super) fn lock(session: &Session) -> Result<(), StoreError> {
    session.batch(LOCK_WAIT)?;
    match session.rows("SELECT pg_advisory_lock($1)", &[&LOCK]) {
        Ok(_) => session.batch("SET lock_timeout = 0"),
        Err(StoreError::Server(fault)) if fault.state() == LOCK_NOT_AVAILABLE => {
            Err(StoreError::InUse)
        }
        Err(error) => Err(error),
    }
}
