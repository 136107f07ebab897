//! Rows of any table: read from both engines, written into one.

use super::table::{Kind, Table};
use crate::{
    Database, StoreError,
    postgres::{Session, Value},
};
use rusqlite::types::ValueRef;
use sha2::{Digest as _, Sha256};
use std::pin::pin;
use tokio_postgres::{Row, binary_copy::BinaryCopyInWriter, types::Type};

/// Bytes of a chunk, about.
const CHUNK_SIZE_BYTES: usize = 8 << 20;

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Null,
    Bytes(Vec<u8>),
    Number(i64),
    Text(String),
    Flag(bool),
}

impl Cell {
    /// Each value in its own way, so that no two rows look alike.
    pub(super) fn hash_into(&self, hash: &mut Sha256) {
        let (tag, number): (u8, i64) = match self {
            Self::Null => (0, 0),
            Self::Bytes(bytes) => (1, bytes.len().cast_signed() as i64),
            Self::Number(number) => (2, *number),
            Self::Text(text) => (3, text.len().cast_signed() as i64),
            Self::Flag(flag) => (4, i64::from(*flag)),
        };
        hash.update([tag]);
        hash.update(number.to_be_bytes());
        hash.update(self.bytes());
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Text(text) => text.as_bytes(),
            _ => &[],
        }
    }

    fn value(&self, kind: Kind) -> Value<'_> {
        match (self, kind) {
            (Self::Bytes(bytes), _) => bytes,
            (Self::Number(number), _) => number,
            (Self::Text(text), _) => text,
            (Self::Flag(flag), _) => flag,
            (Self::Null, Kind::Bytes) => &None::<&[u8]>,
            (Self::Null, Kind::Number) => &None::<i64>,
            (Self::Null, Kind::Text) => &None::<&str>,
            (Self::Null, Kind::Flag) => &None::<bool>,
        }
    }
}

fn values<'a>(cells: &'a [Cell], kinds: impl Iterator<Item = Kind>) -> Vec<Value<'a>> {
    let both = cells.iter().zip(kinds);
    both.map(|(cell, kind)| cell.value(kind)).collect()
}

/// A column of a server's row.
pub(super) fn cell(row: &Row, at: usize, kind: Kind) -> Result<Cell, StoreError> {
    let cell = match kind {
        Kind::Bytes => row.try_get(at).map(|v: Option<_>| v.map(Cell::Bytes)),
        Kind::Number => row.try_get(at).map(|v: Option<_>| v.map(Cell::Number)),
        Kind::Text => row.try_get(at).map(|v: Option<_>| v.map(Cell::Text)),
        Kind::Flag => row.try_get(at).map(|v: Option<_>| v.map(Cell::Flag)),
    };
    let cell = cell.map_err(|_| StoreError::Damaged)?;
    Ok(cell.unwrap_or(Cell::Null))
}

/// A chunk of a file's rows after a key; empty at the end.
pub(super) fn read_file(
    from: &Database,
    table: &Table,
    after: Option<&[Cell]>,
) -> Result<Vec<Vec<Cell>>, StoreError> {
    let mut statement = from
        .sql()
        .prepare_cached(&table.after(after.is_some(), '?'))?;
    for (at, cell) in after.unwrap_or_default().iter().enumerate() {
        match cell {
            Cell::Bytes(bytes) => statement.raw_bind_parameter(at + 1, bytes)?,
            Cell::Number(number) => statement.raw_bind_parameter(at + 1, number)?,
            Cell::Text(text) => statement.raw_bind_parameter(at + 1, text)?,
            Cell::Null | Cell::Flag(_) => return Err(StoreError::Damaged),
        }
    }
    let mut found = statement.raw_query();
    let (mut rows, mut size_bytes) = (Vec::new(), 0);
    while size_bytes < CHUNK_SIZE_BYTES
        && let Some(row) = found.next()?
    {
        let cells = table.columns.iter().enumerate().map(|(at, (_, kind))| {
            let cell = match (row.get_ref(at)?, kind) {
                (ValueRef::Null, _) => Cell::Null,
                (ValueRef::Blob(bytes), Kind::Bytes) => Cell::Bytes(bytes.to_vec()),
                (ValueRef::Integer(number), Kind::Number) => Cell::Number(number),
                (ValueRef::Integer(number @ 0..=1), Kind::Flag) => Cell::Flag(number == 1),
                (ValueRef::Text(text), Kind::Text) => {
                    let text = String::from_utf8(text.to_vec());
                    Cell::Text(text.map_err(|_| StoreError::Damaged)?)
                }
                _ => return Err(StoreError::Damaged),
            };
            size_bytes += cell.bytes().len();
            Ok(cell)
        });
        let cells: Result<Vec<Cell>, StoreError> = cells.collect();
        rows.push(cells?);
    }
    Ok(rows)
}

/// A chunk of a server's rows after a key; empty at the end.
pub(super) fn read_server(
    from: &Session,
    table: &Table,
    after: Option<&[Cell]>,
) -> Result<Vec<Vec<Cell>>, StoreError> {
    let key = values(after.unwrap_or_default(), table.keys());
    let rows = from.rows(&table.after(after.is_some(), '$'), &key)?;
    let read = |row: &Row| {
        let columns = table.columns.iter().enumerate();
        columns
            .map(|(at, (_, kind))| cell(row, at, *kind))
            .collect()
    };
    rows.iter().map(read).collect()
}

/// Writes a chunk, whole or not at all.
pub(super) fn write_server(
    to: &Session,
    table: &Table,
    rows: &[Vec<Cell>],
) -> Result<(), StoreError> {
    let sql = format!("COPY {} ({}) FROM STDIN BINARY", table.name, table.names());
    let kinds = || table.columns.iter().map(|(_, kind)| *kind);
    let types: Vec<Type> = kinds()
        .map(|kind| match kind {
            Kind::Bytes => Type::BYTEA,
            Kind::Number => Type::INT8,
            Kind::Text => Type::TEXT,
            Kind::Flag => Type::BOOL,
        })
        .collect();
    let written = to.ask(async |client| {
        let mut writer = pin!(BinaryCopyInWriter::new(client.copy_in(&sql).await?, &types));
        for row in rows {
            writer.as_mut().write(&values(row, kinds())).await?;
        }
        writer.finish().await
    })?;
    if written == rows.len() as u64 {
        Ok(())
    } else {
        Err(StoreError::Damaged)
    }
}
