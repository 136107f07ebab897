//! Places and deposit ids in PostgreSQL.

use super::{Postgres, column, fixed, number, unit::NewRow};
use crate::{
    StoreError,
    hub::{NewPlace, Page, PlaceRow, Places, Transactions as _, place::place as of_columns},
    signed,
};
use denizen_model::{AddressId, DepositId, deposit::Tombstone};
use tokio_postgres::Row;

const COLUMNS: &str = "pos, leaf_index, time, kind, body, hash, commitment, nonce, nonce_a";

fn place(row: &Row) -> Result<PlaceRow, StoreError> {
    let hashes = [
        fixed(row, 5)?,
        fixed(row, 6)?,
        fixed(row, 7)?,
        fixed(row, 8)?,
    ];
    let (pos, index, time) = (column(row, 0)?, column(row, 1)?, column(row, 2)?);
    of_columns((pos, index, time, column(row, 4)?, hashes, column(row, 3)?))
}

impl Places for Postgres {
    fn insert_place(&self, id: &AddressId, new: &NewPlace<'_>) -> Result<(), StoreError> {
        let row = NewRow::of(id, new)?;
        let much = self.within(|unit| unit.insert_place(row))?;
        if much { self.flush() } else { Ok(()) }
    }

    fn places(
        &self,
        id: &AddressId,
        after: Option<u64>,
        size: u64,
        page: Page,
    ) -> Result<Vec<PlaceRow>, StoreError> {
        // The length of a body is known without reading it.
        let sql = format!(
            "SELECT {COLUMNS} FROM (SELECT {COLUMNS}, SUM(COALESCE(octet_length(body), 0)) \
             OVER (ORDER BY pos) - COALESCE(octet_length(body), 0) AS before FROM place \
             WHERE address = $1 AND pos > $2 AND leaf_index < $3 ORDER BY pos LIMIT $4) AS page \
             WHERE before < $5 ORDER BY pos"
        );
        // Nothing lies above what a row can hold.
        let after = after.map_or(-1, |after| i64::try_from(after).unwrap_or(i64::MAX));
        let limit = i64::try_from(page.rows).unwrap_or(i64::MAX);
        let bytes = i64::try_from(page.size_bytes).unwrap_or(i64::MAX);
        let (id, size) = (id.as_bytes().as_slice(), signed(size)?);
        let rows = self.rows(&sql, &[&id, &after, &size, &limit, &bytes])?;
        rows.iter().map(place).collect()
    }

    fn place(&self, id: &AddressId, pos: u64) -> Result<Option<PlaceRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM place WHERE address = $1 AND pos = $2");
        let row = self.row(&sql, &[&id.as_bytes().as_slice(), &signed(pos)?])?;
        row.as_ref().map(place).transpose()
    }

    fn pos_max(&self, id: &AddressId, size: u64) -> Result<Option<u64>, StoreError> {
        let sql = "SELECT pos FROM place WHERE address = $1 AND leaf_index < $2 \
                   ORDER BY pos DESC LIMIT 1";
        let row = self.row(sql, &[&id.as_bytes().as_slice(), &signed(size)?])?;
        row.as_ref().map(|row| number(row, 0)).transpose()
    }

    fn tombstones(&self, id: &AddressId) -> Result<Vec<Tombstone>, StoreError> {
        let sql =
            "SELECT pos, leaf_index FROM place WHERE address = $1 AND body IS NULL ORDER BY pos";
        let rows = self.rows(sql, &[&id.as_bytes().as_slice()])?;
        let tombstone = |row: &Row| {
            Ok(Tombstone {
                pos: number(row, 0)?,
                index: number(row, 1)?,
            })
        };
        rows.iter().map(tombstone).collect()
    }

    fn erase_place(&self, id: &AddressId, pos: u64) -> Result<u64, StoreError> {
        let (address, pos) = (id.as_bytes().as_slice(), signed(pos)?);
        let sql = "SELECT COALESCE(octet_length(body), 0)::bigint FROM place \
                   WHERE address = $1 AND pos = $2";
        let row = self.row(sql, &[&address, &pos])?;
        let bytes = row.as_ref().map_or(Ok(0), |row| number(row, 0))?;
        let sql = "UPDATE place SET body = NULL, hash = NULL, commitment = NULL, nonce = NULL, \
                   nonce_a = NULL WHERE address = $1 AND pos = $2 RETURNING pos";
        self.write(sql, &[&address, &pos])?;
        self.within(|unit| unit.forget(id))?;
        Ok(self.remove_object_at(address, pos)? + bytes)
    }

    fn insert_deposit(
        &self,
        address: &AddressId,
        depositor: &[u8],
        id: &DepositId,
        pos: u64,
    ) -> Result<(), StoreError> {
        signed(pos)?;
        self.within(|unit| unit.insert_deposit((*address, depositor.to_vec(), *id), pos))
    }

    fn deposit(
        &self,
        address: &AddressId,
        depositor: &[u8],
        id: &DepositId,
    ) -> Result<Option<u64>, StoreError> {
        let key = (*address, depositor.to_vec(), *id);
        if let Some(known) = self.known(|unit| unit.deposit(&key)) {
            return Ok(known);
        }
        let sql = "SELECT pos FROM deposit \
                   WHERE address = $1 AND depositor = $2 AND deposit_id = $3";
        let (address, id) = (address.as_bytes().as_slice(), id.as_bytes().as_slice());
        let row = self.row(sql, &[&address, &depositor, &id])?;
        row.map(|row| number(&row, 0)).transpose()
    }
}
