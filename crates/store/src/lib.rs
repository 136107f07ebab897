//! Storage in SQLite and, for a hub, in PostgreSQL: all SQL of the product.
//!
//! Scope: opening a database safely, migrations, and small groups of rows by use. A write transaction
//! that returned from its commit is on the disk (WAL, `synchronous=FULL`; `synchronous_commit=on`). Not
//! in scope: what the rows mean.

mod care;
pub mod gateway;
pub mod hub;
mod migrate;
mod postgres;

pub use care::Version;
pub use migrate::Migration;
pub use postgres::{Server, ServerFault, ServerRefused};

use rusqlite::{Connection, OpenFlags, config::DbConfig};
use std::path::Path;

/// Bytes of a database page; `docs/decisions/0004-storage.md` has the measurement.
const PAGE_SIZE_BYTES: u32 = 4_096;

/// Oldest SQLite that is used: WAL-reset corruption before it (R26).
const SQLITE_VERSION_MIN: i32 = 3_051_003;

/// How many pages the write-ahead log has; moves none.
const LOG_PAGES: &str = "PRAGMA wal_checkpoint(NOOP)";

/// Pages of the write-ahead log from which on they are moved into the database.
const LOG_PAGES_MAX: i64 = 1_000;

/// Statements that a connection keeps prepared: more than any of ours has.
const STATEMENTS_KEPT: usize = 256;

/// Why storage failed. A caller in a commit path logs it and ends the process (R24).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The SQLite that is linked has a known corruption bug.
    #[error("the linked SQLite is older than 3.51.3 and may corrupt its log")]
    SqliteTooOld,
    /// The database was made by a newer version, or a migration was changed.
    #[error("the database was made by another version of this program: do not mix them")]
    OtherVersion,
    /// A row that does not have the shape it was written with.
    #[error("the database is damaged: restore a backup")]
    Damaged,
    /// A number of a request that no row can hold: nothing is wrong with the database.
    #[error("a number is beyond what the database holds")]
    OutOfRange,
    /// Another writer changed the log's head: two sequencers run on one database.
    #[error("another process writes this database")]
    AnotherWriter,
    /// Another process has the database: it was not opened.
    #[error("another process has this database: stop it first")]
    InUse,
    /// The rows were moved to another database, which goes on: this one is history.
    #[error("this database was moved to another one: serve that one, and leave this one alone")]
    Moved,
    /// Rows are on their way into this database, and not all of them are there.
    #[error("a move into this database has not ended: run `denizen hub migrate` again")]
    Moving,
    /// A database that is to be filled has rows already: nothing was changed.
    #[error("that database is not empty: nothing was changed; make a new one")]
    Occupied,
    /// The server acknowledges what its disk has not got.
    #[error(
        "the database server may lose what it has acknowledged: it needs fsync, full_page_writes and \
         synchronous_commit on, data_sync_retry off, and to be no standby"
    )]
    NotDurable,
    /// The database server failed.
    #[error("the database server failed")]
    Server(#[from] ServerFault),
    /// SQLite failed.
    #[error("the database failed")]
    Sqlite(#[from] rusqlite::Error),
}

impl StoreError {
    /// Whether a write was refused for a reason that passes or that somebody mends: the disk is full,
    /// or mounted read-only. Before a commit that is a known outcome: [`Database::take_back`].
    #[must_use]
    pub fn is_no_room(&self) -> bool {
        if let Self::Server(fault) = self {
            // Disk full; read-only transaction.
            return matches!(fault.state(), "53100" | "25006");
        }
        use rusqlite::ErrorCode::{DiskFull, ReadOnly};
        self.is_sqlite(DiskFull) || self.is_sqlite(ReadOnly)
    }

    /// Whether what was asked for is refused and the database is well: the transaction is taken back,
    /// and the program goes on.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::OutOfRange) || self.is_no_room()
    }

    /// Whether a commit was refused for want of room, and nothing of its transaction is kept: SQLite says
    /// so before its commit record is written whole. A server that cannot write its log ends instead.
    #[must_use]
    pub fn is_commit_refused(&self) -> bool {
        self.is_sqlite(rusqlite::ErrorCode::DiskFull)
    }

    fn is_sqlite(&self, code: rusqlite::ErrorCode) -> bool {
        matches!(self, Self::Sqlite(rusqlite::Error::SqliteFailure(error, _)) if error.code == code)
    }

    /// Whether a row was refused because another one is there, or for its contents.
    #[must_use]
    pub fn is_constraint(&self) -> bool {
        self.is_sqlite(rusqlite::ErrorCode::ConstraintViolation)
    }
}

/// An open database.
pub struct Database {
    connection: Connection,
    fault: Option<Fault>,
}

/// A fault that a test injects into the next commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The commit fails, and nothing is kept.
    Failed,
    /// The commit fails for its caller, but was kept.
    FailedButPersisted,
}

impl Database {
    /// Opens or makes a database for writing and brings it up to date. Only one process may.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(path: &Path, migrations: &[Migration]) -> Result<Self, StoreError> {
        if rusqlite::version_number() < SQLITE_VERSION_MIN {
            return Err(StoreError::SqliteTooOld);
        }
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(std::time::Duration::from_secs(10))?;
        connection.pragma_update(None, "page_size", PAGE_SIZE_BYTES)?;
        configure(&connection)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // `Database::commit` does it, and sees whether it went well.
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        migrate::run(&mut connection, migrations)?;
        Ok(Self {
            connection,
            fault: None,
        })
    }

    /// Opens an existing database for reading beside its writer.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open_reader(path: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(std::time::Duration::from_secs(10))?;
        plan_once(&connection)?;
        Ok(Self {
            connection,
            fault: None,
        })
    }

    /// Begins a write transaction.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn begin(&self) -> Result<(), StoreError> {
        Ok(self.connection.execute_batch("BEGIN IMMEDIATE")?)
    }

    /// Makes the transaction durable.
    ///
    /// # Errors
    /// [`StoreError`]: the outcome is then unknown, and the caller ends the process (R24); known is only
    /// [`StoreError::is_commit_refused`].
    pub fn commit(&mut self) -> Result<(), StoreError> {
        let fault = self.fault.take();
        let failed = || StoreError::Sqlite(rusqlite::Error::InvalidQuery);
        if fault == Some(Fault::Failed) {
            self.rollback()?;
            return Err(failed());
        }
        self.connection.execute_batch("COMMIT")?;
        match self.move_log() {
            // What is committed is never said to be refused.
            Err(error) if error.is_no_room() => {}
            moved => moved?,
        }
        if fault.is_some() {
            Err(failed())
        } else {
            Ok(())
        }
    }

    /// Moves a long write-ahead log into the database file. SQLite would do so by itself after a commit,
    /// and say nothing of an error of the disk (R24). Where there is no room it stays, and goes on growing.
    fn move_log(&self) -> Result<(), StoreError> {
        let mut pages = self.connection.prepare_cached(LOG_PAGES)?;
        let pages: i64 = pages.query_row([], |row| row.get(1))?;
        if pages < LOG_PAGES_MAX {
            return Ok(());
        }
        let sql = "PRAGMA wal_checkpoint(PASSIVE)";
        Ok(self.connection.query_row(sql, [], |_| Ok(()))?)
    }

    /// Takes the transaction back.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn rollback(&self) -> Result<(), StoreError> {
        Ok(self.connection.execute_batch("ROLLBACK")?)
    }

    /// Takes the transaction back after a statement failed; SQLite may have done so already.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn take_back(&self) -> Result<(), StoreError> {
        if self.connection.is_autocommit() {
            Ok(())
        } else {
            self.rollback()
        }
    }

    /// Whether no transaction is open.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.connection.is_autocommit()
    }

    /// Lets the database grow by this many pages and no further, as if the disk were full then; for
    /// tests. `None` lifts it.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn limit_growth(&self, pages: Option<u32>) -> Result<(), StoreError> {
        let sql = "PRAGMA page_count";
        let now: u32 = self.connection.query_row(sql, [], |row| row.get(0))?;
        let most = pages.map_or(u32::MAX - 1, |more| now.saturating_add(more));
        let set = |_: &rusqlite::Row<'_>| Ok(());
        Ok(self
            .connection
            .pragma_update_and_check(None, "max_page_count", most, set)?)
    }

    /// Moves the write-ahead log into the database file and empties it, so that pages from before an
    /// erasure are in neither (R25). `false` if a reader held it up: call again.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn scrub(&self) -> Result<bool, StoreError> {
        let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
        let busy: i64 = self.connection.query_row(sql, [], |row| row.get(0))?;
        Ok(busy == 0)
    }

    /// Makes the next commit fail, for tests of the commit path.
    pub fn inject(&mut self, fault: Fault) {
        self.fault = Some(fault);
    }

    pub(crate) fn sql(&self) -> &Connection {
        &self.connection
    }
}

fn configure(connection: &Connection) -> Result<(), StoreError> {
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.pragma_update(None, "cache_size", -32_768)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    plan_once(connection)
}

/// Statements are prepared once. Left to itself, SQLite prepares many of them again whenever a value that
/// is bound to them changes, in case another plan fits it better; nothing here has such values.
fn plan_once(connection: &Connection) -> Result<(), StoreError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    Ok(())
}

/// SQLite's integers are signed.
pub(crate) fn signed(n: u64) -> Result<i64, StoreError> {
    i64::try_from(n).map_err(|_| StoreError::OutOfRange)
}

/// Positions, indexes and sizes are never negative.
pub(crate) fn unsigned(n: i64) -> Result<u64, StoreError> {
    u64::try_from(n).map_err(|_| StoreError::Damaged)
}
