//! An organisation's rows, by use: settings, links, rows of its files, issued records, outbox, cases.
//!
//! Bodies come encrypted and go encrypted: nothing here can read them. Methods that write are called
//! between [`GatewayStore::begin`] and [`GatewayStore::commit`]; several processes of one
//! organisation may have the database open, one writes at a time. Every query takes an address, a
//! case or a queue; none takes a person.

mod asked;
mod care;
mod case;
mod dispute;
mod event;
mod file;
mod issue;
mod lineage;
mod link;
mod note;
mod number;
mod outbox;
mod rows;
mod setting;
mod token;

pub use asked::{AskedRow, LetterRecord, Progress};
pub use care::{Backlog, Standing, backlog, standing, version};
pub use case::{CaseChange, CaseRow};
pub use dispute::DisputeRow;
pub use event::{DueRow, EventRow, HookRow};
pub use file::{FileRow, OutgoingObject};
pub use issue::{RecordRow, StatusRow};
pub use lineage::Lineage;
pub use link::{InvitationRow, LinkRow};
pub use note::NoteRow;
pub use outbox::{CONTESTED, Effect, LetterId, OutboxRow, Pause, SentRow, UNCONTESTED};
pub use rows::{KnownRow, RunRow, TakenRow, WaitingRow};
pub use setting::AlarmRow;
pub use token::{AuditRow, TokenRow};

use crate::{Database, Migration, StoreError};
use denizen_model::Sha256Hash;
use std::{cell::Cell, path::Path};

const MIGRATIONS: [Migration; 7] = [
    Migration {
        name: "0001_init.sql",
        sql: include_str!("../sql/gateway/0001_init.sql"),
    },
    Migration {
        name: "0002_journeys.sql",
        sql: include_str!("../sql/gateway/0002_journeys.sql"),
    },
    Migration {
        name: "0003_rest.sql",
        sql: include_str!("../sql/gateway/0003_rest.sql"),
    },
    Migration {
        name: "0004_files.sql",
        sql: include_str!("../sql/gateway/0004_files.sql"),
    },
    Migration {
        name: "0005_together.sql",
        sql: include_str!("../sql/gateway/0005_together.sql"),
    },
    Migration {
        name: "0006_copies.sql",
        sql: include_str!("../sql/gateway/0006_copies.sql"),
    },
    Migration {
        name: "0007_numbers.sql",
        sql: include_str!("../sql/gateway/0007_numbers.sql"),
    },
];

/// An organisation's database.
pub struct GatewayStore {
    database: Database,
    /// Something was destroyed, and its bytes may still be in the write-ahead log.
    scrub_due: Cell<bool>,
    /// What SQLite counts of other connections' commits, as last seen.
    seen: Cell<i64>,
    /// The kept copy that was asked for last, with its number.
    numbered: Cell<Option<(Sha256Hash, i64)>>,
}

impl GatewayStore {
    /// Opens or makes the database.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let database = Database::open(path, &MIGRATIONS)?;
        // A process that was killed between a destruction and its scrub makes up for it.
        let store = Self {
            database,
            scrub_due: Cell::new(true),
            seen: Cell::new(0),
            numbered: Cell::new(None),
        };
        store.scrub_if_due();
        Ok(store)
    }

    /// Begins a write transaction; waits for another process's.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn begin(&self) -> Result<(), StoreError> {
        self.numbered.set(None);
        self.database.begin()
    }

    /// Whether another process has written since this was last asked; asked within a transaction, which
    /// holds up others.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn others_wrote(&self) -> Result<bool, StoreError> {
        let mut statement = self.sql().prepare_cached("PRAGMA data_version")?;
        let version: i64 = statement.query_row([], |r| r.get(0))?;
        Ok(self.seen.replace(version) != version)
    }

    /// Makes the transaction durable. What it destroyed is then in none of the database's files (R25).
    ///
    /// # Errors
    /// [`StoreError`]: the outcome is then unknown, and the caller ends the process (R24).
    pub fn commit(&mut self) -> Result<(), StoreError> {
        self.database.commit()?;
        self.scrub_if_due();
        Ok(())
    }

    /// Takes the transaction back.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn rollback(&self) -> Result<(), StoreError> {
        self.numbered.set(None);
        self.database.rollback()
    }

    /// Makes the next commit fail, for tests of the commit path.
    pub fn inject(&mut self, fault: crate::Fault) {
        self.database.inject(fault);
    }

    pub(crate) fn sql(&self) -> &rusqlite::Connection {
        self.database.sql()
    }

    /// The next commit also scrubs.
    pub(crate) fn destroyed(&self) {
        self.scrub_due.set(true);
    }

    /// What is committed stands whether this succeeds or not: one that was held up, or failed, is made
    /// up for after the next commit, and when the database is opened.
    fn scrub_if_due(&self) {
        if self.scrub_due.get() {
            self.scrub_due.set(!self.database.scrub().unwrap_or(false));
        }
    }
}
