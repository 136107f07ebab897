//! Attachment objects in PostgreSQL.

use super::{Postgres, column, number, whole};
use crate::{
    StoreError,
    hub::{NewUpload, ObjectRow, Objects, Uploads},
    signed,
};
use denizen_model::{AddressId, DepositId, Sha256Hash, UnixTime};
use sha2::{Digest as _, Sha256};
use tokio_postgres::Row;

const COLUMNS: &str = "parts, address, id, size, received, pos, kept";

/// Parts that are read at once to be hashed; each is at most a request's body.
const PARTS_AT_ONCE: i64 = 4;

fn object(row: &Row) -> Result<ObjectRow, StoreError> {
    let pos: Option<i64> = column(row, 5)?;
    Ok(ObjectRow {
        parts: column(row, 0)?,
        address: AddressId::new(whole(row, 1)?),
        id: Sha256Hash::new(whole(row, 2)?),
        size: number(row, 3)?,
        received: number(row, 4)?,
        pos: pos.map(crate::unsigned).transpose()?,
        kept: column(row, 6)?,
    })
}

fn key(of: &ObjectRow) -> &[u8] {
    of.address.as_bytes().as_slice()
}

impl Uploads for Postgres {
    fn begin_upload(&self, new: &NewUpload<'_>) -> Result<ObjectRow, StoreError> {
        let sql = format!(
            "INSERT INTO object (address, parts, depositor, deposit_id, id, size, received, \
             touched, kept) VALUES ($1, nextval('object_parts'), $2, $3, $4, $5, 0, $6, false) \
             RETURNING {COLUMNS}"
        );
        self.within(|_| ())?;
        let row = self.row(
            &sql,
            &[
                &new.address.as_bytes().as_slice(),
                &new.depositor,
                &new.deposit_id.as_bytes().as_slice(),
                &new.id.as_bytes().as_slice(),
                &signed(new.size)?,
                &new.now.0,
            ],
        )?;
        object(&row.ok_or(StoreError::Damaged)?)
    }

    fn upload(
        &self,
        address: &AddressId,
        depositor: &[u8],
        deposit_id: &DepositId,
    ) -> Result<Option<ObjectRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM object WHERE address = $1 AND depositor = $2 AND deposit_id = $3"
        );
        let (address, id) = (
            address.as_bytes().as_slice(),
            deposit_id.as_bytes().as_slice(),
        );
        let row = self.row(&sql, &[&address, &depositor, &id])?;
        row.as_ref().map(object).transpose()
    }

    fn unfinished_uploads(&self, address: &AddressId, depositor: &[u8]) -> Result<u64, StoreError> {
        let sql =
            "SELECT COUNT(*) FROM object WHERE address = $1 AND depositor = $2 AND pos IS NULL";
        let row = self.row(sql, &[&address.as_bytes().as_slice(), &depositor])?;
        number(&row.ok_or(StoreError::Damaged)?, 0)
    }

    fn append_part(
        &self,
        upload: &ObjectRow,
        bytes: &[u8],
        now: UnixTime,
    ) -> Result<u64, StoreError> {
        let (address, start) = (key(upload), signed(upload.received)?);
        let sql = "INSERT INTO object_part (address, parts, start, bytes) VALUES ($1, $2, $3, $4) \
                   RETURNING start";
        self.write(sql, &[&address, &upload.parts, &start, &bytes])?;
        let received = upload.received + bytes.len() as u64;
        let sql = "UPDATE object SET received = $3, touched = $4 WHERE address = $1 AND parts = $2 \
                   RETURNING parts";
        self.write(sql, &[&address, &upload.parts, &signed(received)?, &now.0])?;
        Ok(received)
    }

    fn hash_parts(&self, of: &ObjectRow) -> Result<Sha256Hash, StoreError> {
        let sql = "SELECT start, bytes FROM object_part WHERE address = $1 AND parts = $2 \
                   AND start >= $3 ORDER BY start LIMIT $4";
        let (mut hash, mut end) = (Sha256::new(), 0_i64);
        loop {
            let rows = self.rows(sql, &[&key(of), &of.parts, &end, &PARTS_AT_ONCE])?;
            if rows.is_empty() {
                return Ok(Sha256Hash::new(hash.finalize().into()));
            }
            for row in rows {
                let bytes: &[u8] = column(&row, 1)?;
                if column::<i64>(&row, 0)? != end || bytes.is_empty() {
                    return Err(StoreError::Damaged);
                }
                hash.update(bytes);
                end += i64::try_from(bytes.len()).map_err(|_| StoreError::Damaged)?;
            }
        }
    }

    fn finish_upload(&self, upload: &ObjectRow, pos: u64) -> Result<(), StoreError> {
        let sql = "UPDATE object SET pos = $3 WHERE address = $1 AND parts = $2 RETURNING parts";
        self.write(sql, &[&key(upload), &upload.parts, &signed(pos)?])?;
        Ok(())
    }
}

impl Objects for Postgres {
    fn object(
        &self,
        address: &AddressId,
        id: &Sha256Hash,
    ) -> Result<Option<ObjectRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM object WHERE address = $1 AND pos IS NOT NULL AND id = $2 \
             ORDER BY pos LIMIT 1"
        );
        let (address, id) = (address.as_bytes().as_slice(), id.as_bytes().as_slice());
        let row = self.row(&sql, &[&address, &id])?;
        row.as_ref().map(object).transpose()
    }

    fn object_places(&self, address: &AddressId, id: &Sha256Hash) -> Result<Vec<u64>, StoreError> {
        let sql =
            "SELECT pos FROM place WHERE address = $1 AND kind = 1 AND hash = $2 ORDER BY pos";
        let (address, id) = (address.as_bytes().as_slice(), id.as_bytes().as_slice());
        let rows = self.rows(sql, &[&address, &id])?;
        rows.iter().map(|row| number(row, 0)).collect()
    }

    fn object_bytes(
        &self,
        of: &ObjectRow,
        offset: u64,
        limit: usize,
    ) -> Result<Vec<u8>, StoreError> {
        // Parts are contiguous; the one that holds `offset` is the last that starts at or before it.
        let sql = "SELECT start, bytes FROM object_part WHERE address = $1 AND parts = $2 \
                   AND start >= (SELECT MAX(start) FROM object_part WHERE address = $1 \
                   AND parts = $2 AND start <= $3) AND start < $4 ORDER BY start";
        let end = offset.saturating_add(limit as u64).min(of.size);
        let (from, to) = (signed(offset)?, signed(end)?);
        let mut bytes = Vec::new();
        for row in self.rows(sql, &[&key(of), &of.parts, &from, &to])? {
            let (start, part): (u64, &[u8]) = (number(&row, 0)?, column(&row, 1)?);
            let within = |at: u64| {
                let at = usize::try_from(at.saturating_sub(start)).unwrap_or(usize::MAX);
                at.min(part.len())
            };
            let part = part.get(within(offset)..within(end));
            bytes.extend_from_slice(part.unwrap_or_default());
        }
        Ok(bytes)
    }

    fn keep_object(&self, of: &ObjectRow) -> Result<(), StoreError> {
        let sql = "UPDATE object SET kept = true WHERE address = $1 AND parts = $2 RETURNING parts";
        self.write(sql, &[&key(of), &of.parts])?;
        Ok(())
    }

    fn has_unpassed(&self, address: &AddressId, pos: u64) -> Result<bool, StoreError> {
        let sql = "SELECT parts FROM object WHERE address = $1 AND pos <= $2 \
                   AND passed IS NULL AND NOT kept LIMIT 1";
        let pos = i64::try_from(pos).unwrap_or(i64::MAX);
        let row = self.row(sql, &[&address.as_bytes().as_slice(), &pos])?;
        Ok(row.is_some())
    }

    fn pass_objects(&self, address: &AddressId, pos: u64, now: UnixTime) -> Result<(), StoreError> {
        let sql = "UPDATE object SET passed = $3 WHERE address = $1 AND pos <= $2 \
                   AND passed IS NULL AND NOT kept RETURNING parts";
        let pos = i64::try_from(pos).unwrap_or(i64::MAX);
        self.write(sql, &[&address.as_bytes().as_slice(), &pos, &now.0])?;
        Ok(())
    }

    fn ended_objects(
        &self,
        unfinished: UnixTime,
        unread: UnixTime,
        limit: u32,
    ) -> Result<Vec<ObjectRow>, StoreError> {
        let left =
            format!("SELECT {COLUMNS} FROM object WHERE pos IS NULL AND touched < $1 LIMIT $2");
        let mut rows = self.rows(&left, &[&unfinished.0, &i64::from(limit)])?;
        let passed = format!(
            "SELECT {COLUMNS} FROM object WHERE passed IS NOT NULL AND NOT kept AND passed < $1 \
             LIMIT $2"
        );
        let rest = i64::from(limit) - i64::try_from(rows.len()).unwrap_or(i64::MAX);
        rows.extend(self.rows(&passed, &[&unread.0, &rest.max(0)])?);
        rows.iter().map(object).collect()
    }

    fn remove_object(&self, of: &ObjectRow) -> Result<(), StoreError> {
        for sql in [
            "DELETE FROM object_part WHERE address = $1 AND parts = $2 RETURNING parts",
            "DELETE FROM object WHERE address = $1 AND parts = $2 RETURNING parts",
        ] {
            self.write(sql, &[&key(of), &of.parts])?;
        }
        Ok(())
    }
}

impl Postgres {
    /// Removes the bytes of the object at a place; gives their number.
    pub(super) fn remove_object_at(&self, address: &[u8], pos: i64) -> Result<u64, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM object WHERE address = $1 AND pos = $2");
        let Some(row) = self.row(&sql, &[&address, &pos])? else {
            return Ok(0);
        };
        let object = object(&row)?;
        self.remove_object(&object)?;
        Ok(object.size)
    }
}
