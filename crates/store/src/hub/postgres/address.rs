//! Addresses and pass uses in PostgreSQL.

use super::{Postgres, column, fixed, number};
use crate::{
    StoreError,
    hub::{AddressRow, Addresses, Passes},
    signed,
};
use denizen_model::{AddressId, Nonce};
use tokio_postgres::Row;

pub(super) const COLUMNS: &str = "auth, salt, accepts, version, frozen, closed, registration, \
                                  next_pos, bytes, quota, address";

pub(super) fn address(row: &Row) -> Result<AddressRow, StoreError> {
    Ok(AddressRow {
        auth: column(row, 0)?,
        salt: fixed(row, 1)?.map(Nonce::new),
        accepts: column(row, 2)?,
        version: number(row, 3)?,
        frozen: column(row, 4)?,
        closed: column(row, 5)?,
        registration: column(row, 6)?,
        next_pos: number(row, 7)?,
        bytes: number(row, 8)?,
        quota: number(row, 9)?,
    })
}

impl Addresses for Postgres {
    fn insert_address(&self, id: &AddressId, row: &AddressRow) -> Result<bool, StoreError> {
        let sql = "INSERT INTO address (address, auth, salt, accepts, version, frozen, closed, \
                   registration, next_pos, bytes, quota) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
                   ON CONFLICT DO NOTHING RETURNING address";
        let count = self.write(
            sql,
            &[
                &id.as_bytes().as_slice(),
                &row.auth,
                &row.salt.as_ref().map(|salt| salt.as_bytes().as_slice()),
                &row.accepts,
                &signed(row.version)?,
                &row.frozen,
                &row.closed,
                &row.registration,
                &signed(row.next_pos)?,
                &signed(row.bytes)?,
                &signed(row.quota)?,
            ],
        )?;
        self.within(|unit| unit.forget(id))?;
        Ok(count == 1)
    }

    fn address(&self, id: &AddressId) -> Result<Option<AddressRow>, StoreError> {
        if let Some(known) = self.known(|unit| unit.address(id)) {
            return Ok(known);
        }
        let sql = format!("SELECT {COLUMNS} FROM address WHERE address = $1");
        let row = self.row(&sql, &[&id.as_bytes().as_slice()])?;
        let row = row.as_ref().map(address).transpose()?;
        self.known(|unit| {
            unit.keep_address(*id, row.clone());
            Some(())
        });
        Ok(row)
    }

    fn change_accepts(
        &self,
        id: &AddressId,
        version: u64,
        accepts: &str,
        frozen: bool,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE address SET accepts = $3, version = $2::bigint, frozen = $4 \
                   WHERE address = $1 AND version = $2::bigint - 1 AND NOT closed RETURNING address";
        let version = signed(version)?;
        let count = self.write(
            sql,
            &[&id.as_bytes().as_slice(), &version, &accepts, &frozen],
        )?;
        self.within(|unit| unit.forget(id))?;
        Ok(count == 1)
    }

    fn set_address_fill(
        &self,
        id: &AddressId,
        next_pos: u64,
        bytes: u64,
    ) -> Result<(), StoreError> {
        let (pos, size) = (signed(next_pos)?, signed(bytes)?);
        self.within(|unit| unit.fill(id, (pos, size), (next_pos, bytes)))
    }

    fn shred_address(&self, address: &AddressId) -> Result<(), StoreError> {
        let id = address.as_bytes().as_slice();
        for sql in [
            "UPDATE address SET salt = NULL, closed = true, bytes = 0, accepts = '[]' \
             WHERE address = $1 RETURNING address",
            "UPDATE place SET body = NULL, hash = NULL, commitment = NULL, nonce = NULL, \
             nonce_a = NULL WHERE address = $1 RETURNING address",
            "DELETE FROM object_part WHERE address = $1 RETURNING address",
            "DELETE FROM object WHERE address = $1 RETURNING address",
        ] {
            self.write(sql, &[&id])?;
        }
        self.within(|unit| unit.forget(address))
    }
}

impl Passes for Postgres {
    fn use_pass(&self, bind: &[u8], period: i64, uses_max: u32) -> Result<bool, StoreError> {
        let sql = "INSERT INTO pass_use (bind, period, uses) VALUES ($1, $2, 1) \
                   ON CONFLICT (bind, period) DO UPDATE SET uses = pass_use.uses + 1 \
                   WHERE pass_use.uses < $3 RETURNING uses";
        let count = self.write(sql, &[&bind, &period, &i64::from(uses_max)])?;
        Ok(count == 1 && uses_max > 0)
    }

    fn use_bytes(
        &self,
        (bind, period): (&[u8], i64),
        bytes: u64,
        bytes_max: u64,
    ) -> Result<bool, StoreError> {
        let sql = "INSERT INTO pass_use (bind, period, uses) \
                   SELECT $1, $4, $2::bigint WHERE $2::bigint <= $3::bigint \
                   ON CONFLICT (bind, period) DO UPDATE SET uses = pass_use.uses + $2::bigint \
                   WHERE pass_use.uses + $2::bigint <= $3::bigint RETURNING uses";
        let max = signed(bytes_max).unwrap_or(i64::MAX / 2).min(i64::MAX / 2);
        let count = self.write(sql, &[&bind, &signed(bytes)?, &max, &period])?;
        Ok(count == 1)
    }
}
