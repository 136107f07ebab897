//! An organisation's rows, by use: settings, links, rows of its files, issued records, outbox, cases.
//!
//! Bodies come encrypted and go encrypted: nothing here can read them. Methods that write are called
//! between [`GatewayStore::begin`] and [`GatewayStore::commit`]; several processes of one
//! organisation may have the database open, one writes at a time. Every query takes an address, a
//! case or a queue; none takes a person.

mod care;
mod case;
mod dispute;
mod issue;
mod link;
mod note;
mod outbox;
mod rows;
mod setting;

pub use care::{Backlog, backlog, version};
pub use case::{CaseChange, CaseRow};
pub use dispute::DisputeRow;
pub use issue::{RecordRow, StatusRow};
pub use link::{InvitationRow, LinkRow};
pub use note::NoteRow;
pub use outbox::{CONTESTED, Effect, OutboxRow, SentRow, UNCONTESTED};
pub use rows::{KnownRow, RunRow, TakenRow, WaitingRow};
pub use setting::AlarmRow;

use crate::{Database, Migration, StoreError};
use std::path::Path;

const MIGRATIONS: [Migration; 2] = [
    Migration {
        name: "0001_init.sql",
        sql: include_str!("../sql/gateway/0001_init.sql"),
    },
    Migration {
        name: "0002_journeys.sql",
        sql: include_str!("../sql/gateway/0002_journeys.sql"),
    },
];

/// An organisation's database.
pub struct GatewayStore(Database);

impl GatewayStore {
    /// Opens or makes the database.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Database::open(path, &MIGRATIONS).map(Self)
    }

    /// Begins a write transaction; waits for another process's.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn begin(&self) -> Result<(), StoreError> {
        self.0.begin()
    }

    /// Makes the transaction durable.
    ///
    /// # Errors
    /// [`StoreError`]: the outcome is then unknown, and the caller ends the process (R24).
    pub fn commit(&mut self) -> Result<(), StoreError> {
        self.0.commit()
    }

    /// Takes the transaction back.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn rollback(&self) -> Result<(), StoreError> {
        self.0.rollback()
    }

    /// Makes the next commit fail, for tests of the commit path.
    pub fn inject(&mut self, fault: crate::Fault) {
        self.0.inject(fault);
    }

    pub(crate) fn sql(&self) -> &rusqlite::Connection {
        self.0.sql()
    }
}
