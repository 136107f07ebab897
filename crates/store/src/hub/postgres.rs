//! A hub's rows in PostgreSQL, spread by address or not (docs/operate/postgresql.md).
//!
//! A round trip costs more than a row. So the writer keeps what its transaction has read and collects
//! what is new ([`unit`]), and sends it together, as sets. What it keeps is right because it is alone:
//! the advisory lock, and the compare-and-swap of the log's head.

mod address;
mod log;
mod object;
mod place;
mod public;
mod unit;

use super::{Care, Transactions, Wanted};
use crate::{
    Fault, Migration, Server, ServerFault, StoreError, Version, migrate,
    postgres::{Connections, Session, Value},
    unsigned,
};
use std::cell::{Cell, RefCell};
use tokio_postgres::Row;
use unit::Unit;

pub(super) const MIGRATIONS: [Migration; 3] = [
    Migration {
        name: "0001_init.sql",
        sql: include_str!("../../sql/hub-postgres/0001_init.sql"),
    },
    Migration {
        name: "0002_tombstones.sql",
        sql: include_str!("../../sql/hub-postgres/0002_tombstones.sql"),
    },
    Migration {
        name: "0003_deposit_hash.sql",
        sql: include_str!("../../sql/hub-postgres/0003_deposit_hash.sql"),
    },
];

/// A connection to a hub's database: the writer's, or a reader's.
pub(crate) struct Postgres {
    /// There until it is dropped.
    session: Option<Session>,
    /// The transaction that is open; none of a reader.
    unit: RefCell<Option<Unit>>,
    /// A statement failed since the transaction began: the server would answer a commit by taking it
    /// back, without an error.
    failed: Cell<bool>,
    reading: Cell<bool>,
    fault: Option<Fault>,
}

impl Postgres {
    /// Opens or makes a hub's database for its one writer.
    pub(super) fn writer(server: &Server) -> Result<Self, StoreError> {
        let opened = Self::of(Session::writer(server, &MIGRATIONS)?);
        let moving = opened.rows("SELECT name FROM moving LIMIT 1", &[])?;
        if moving.is_empty() {
            Ok(opened)
        } else {
            Err(StoreError::Moving)
        }
    }

    pub(super) fn reader(connections: &Connections) -> Result<Self, StoreError> {
        Ok(Self::of(connections.session()?))
    }

    fn of(session: Session) -> Self {
        Self {
            session: Some(session),
            unit: RefCell::new(None),
            failed: Cell::new(false),
            reading: Cell::new(false),
            fault: None,
        }
    }

    /// Runs something on the connection and remembers whether it failed.
    fn ask<T>(&self, ask: impl FnOnce(&Session) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let session = self.session.as_ref().ok_or(ServerFault::NoTransaction)?;
        ask(session).inspect_err(|_| self.failed.set(true))
    }

    /// Reads rows; within a transaction those of its own writes too.
    fn rows(&self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        self.flush()?;
        self.ask(|session| session.rows(sql, values))
    }

    /// The first row of several, or of none.
    fn row(&self, sql: &str, values: &[Value<'_>]) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql, values)?.into_iter().next())
    }

    /// Writes by a statement that returns a row for each that it touched; gives their number. The number
    /// that a distributed engine reports is not to be relied on.
    fn write(&self, sql: &str, values: &[Value<'_>]) -> Result<usize, StoreError> {
        if self.unit.borrow().is_none() {
            return Err(ServerFault::NoTransaction.into());
        }
        Ok(self.rows(sql, values)?.len())
    }

    /// What the transaction keeps; refused where none is open.
    fn within<T>(&self, with: impl FnOnce(&mut Unit) -> T) -> Result<T, StoreError> {
        let mut unit = self.unit.borrow_mut();
        let unit = unit.as_mut().ok_or(ServerFault::NoTransaction)?;
        Ok(with(unit))
    }

    /// What the transaction keeps, or nothing where none is open.
    fn known<T>(&self, with: impl FnOnce(&mut Unit) -> Option<T>) -> Option<T> {
        self.unit.borrow_mut().as_mut().and_then(with)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // A reader that ended in the middle would hand on its old moment.
        if let Some(session) = self.session.take()
            && (self.reading.get() || self.failed.get())
        {
            session.close();
        }
    }
}

impl Transactions for Postgres {
    fn begin(&self) -> Result<(), StoreError> {
        self.failed.set(false);
        self.ask(|session| session.batch("BEGIN ISOLATION LEVEL READ COMMITTED"))?;
        *self.unit.borrow_mut() = Some(Unit::default());
        Ok(())
    }

    fn prepare(&self, wanted: &[Wanted]) -> Result<(), StoreError> {
        if wanted.is_empty() {
            return Ok(());
        }
        let found = self.ask(|session| unit::find(session, wanted))?;
        self.within(|unit| unit.keep(wanted, &found))?
    }

    fn flush(&self) -> Result<(), StoreError> {
        let mut unit = self.unit.borrow_mut();
        match unit.as_mut() {
            Some(unit) if unit.has_new() => self.ask(|session| unit.send(session)),
            _ => Ok(()),
        }
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.flush()?;
        if self.failed.get() {
            return Err(ServerFault::NoTransaction.into());
        }
        let fault = self.fault.take();
        if fault == Some(Fault::Failed) {
            self.take_back()?;
            return Err(ServerFault::Injected.into());
        }
        *self.unit.borrow_mut() = None;
        self.ask(|session| session.batch("COMMIT"))?;
        match fault {
            None => Ok(()),
            Some(_) => Err(ServerFault::Injected.into()),
        }
    }

    fn take_back(&self) -> Result<(), StoreError> {
        if self.unit.borrow_mut().take().is_some() {
            self.ask(|session| session.batch("ROLLBACK"))?;
            self.failed.set(false);
        }
        Ok(())
    }

    fn begin_reading(&self) -> Result<(), StoreError> {
        let sql = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        self.reading.set(true);
        self.ask(|session| session.batch(sql))
    }

    fn end_reading(&self) -> Result<(), StoreError> {
        self.ask(|session| session.batch("ROLLBACK"))?;
        self.reading.set(false);
        Ok(())
    }

    /// The server does it by itself: what was erased is in no answer from the commit on, in no table once
    /// it was vacuumed and its space used again, and in no log once that was recycled
    /// (docs/operate/postgresql.md).
    fn scrub(&self) -> Result<bool, StoreError> {
        Ok(true)
    }
}

impl Care for Postgres {
    fn version(&self) -> Result<Version, StoreError> {
        self.ask(|session| migrate::version(session, &MIGRATIONS))
    }

    /// Reads every envelope and compares its hash.
    fn is_whole(&self) -> Result<bool, StoreError> {
        let sql = "SELECT count(*) FROM place WHERE kind = 0 AND sha256(body) <> hash";
        // However long it takes.
        self.ask(|session| session.batch("SET statement_timeout = 0"))?;
        let row = self.row(sql, &[])?.ok_or(StoreError::Damaged)?;
        self.ask(|session| session.batch("RESET statement_timeout"))?;
        Ok(number(&row, 0)? == 0)
    }

    fn size_bytes(&self) -> Result<u64, StoreError> {
        let sql = "SELECT pg_database_size(current_database())";
        let row = self.row(sql, &[])?.ok_or(StoreError::Damaged)?;
        number(&row, 0)
    }

    fn inject(&mut self, fault: Fault) {
        self.fault = Some(fault);
    }
}

/// A column of a row.
fn column<'a, T: tokio_postgres::types::FromSql<'a>>(
    row: &'a Row,
    at: usize,
) -> Result<T, StoreError> {
    row.try_get(at).map_err(|_| StoreError::Damaged)
}

/// A position, index or size.
fn number(row: &Row, at: usize) -> Result<u64, StoreError> {
    unsigned(column(row, at)?)
}

/// Bytes of a fixed length, if they are there.
fn fixed<const N: usize>(row: &Row, at: usize) -> Result<Option<[u8; N]>, StoreError> {
    let bytes: Option<&[u8]> = column(row, at)?;
    let fixed = bytes.map(<[u8; N]>::try_from).transpose();
    fixed.map_err(|_| StoreError::Damaged)
}

/// Bytes of a fixed length that are there.
fn whole<const N: usize>(row: &Row, at: usize) -> Result<[u8; N], StoreError> {
    fixed(row, at)?.ok_or(StoreError::Damaged)
}
