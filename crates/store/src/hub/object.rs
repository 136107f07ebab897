//! Attachment objects: uploads that are on their way, whole objects, and what ends them.

use crate::{Database, StoreError, signed, unsigned};
use denizen_model::{AddressId, DepositId, Sha256Hash, UnixTime};
use rusqlite::{OptionalExtension, Row, params};

/// An upload that begins.
#[derive(Debug, Clone, Copy)]
pub struct NewUpload<'a> {
    /// The address that it is for.
    pub address: &'a AddressId,
    /// Who uploads, as for [`Database::deposit`].
    pub depositor: &'a [u8],
    /// Drawn by the sender.
    pub deposit_id: &'a DepositId,
    /// SHA-256 of the whole.
    pub id: &'a Sha256Hash,
    /// Bytes of the whole.
    pub size: u64,
    /// Hub time.
    pub now: UnixTime,
}

/// An object that is there or on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectRow {
    /// Names its parts.
    pub parts: i64,
    /// The address that it is for.
    pub address: AddressId,
    /// SHA-256 of the whole.
    pub id: Sha256Hash,
    /// Bytes of the whole.
    pub size: u64,
    /// Bytes that came.
    pub received: u64,
    /// Its place; none until it is whole.
    pub pos: Option<u64>,
    /// Its owner read it to its end.
    pub kept: bool,
}

type Raw = (i64, [u8; 32], [u8; 32], i64, i64, Option<i64>, bool);

const COLUMNS: &str = "parts, address, id, size, received, pos, kept";

fn raw(r: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok((
        r.get(0)?,
        r.get(1)?,
        r.get(2)?,
        r.get(3)?,
        r.get(4)?,
        r.get(5)?,
        r.get(6)?,
    ))
}

fn object((parts, address, id, size, received, pos, kept): Raw) -> Result<ObjectRow, StoreError> {
    Ok(ObjectRow {
        parts,
        address: AddressId::new(address),
        id: Sha256Hash::new(id),
        size: unsigned(size)?,
        received: unsigned(received)?,
        pos: pos.map(unsigned).transpose()?,
        kept,
    })
}

/// Uploads that are on their way. Each method touches the rows of one address.
pub trait Uploads {
    /// Begins an upload.
    ///
    /// # Errors
    /// [`StoreError`].
    fn begin_upload(&self, new: &NewUpload<'_>) -> Result<ObjectRow, StoreError>;

    /// What a depositor's deposit id stands for, if it is an object.
    ///
    /// # Errors
    /// [`StoreError`].
    fn upload(
        &self,
        address: &AddressId,
        depositor: &[u8],
        deposit_id: &DepositId,
    ) -> Result<Option<ObjectRow>, StoreError>;

    /// Uploads of a depositor at an address that are not whole yet.
    ///
    /// # Errors
    /// [`StoreError`].
    fn unfinished_uploads(&self, address: &AddressId, depositor: &[u8]) -> Result<u64, StoreError>;

    /// Adds the next part of an upload.
    ///
    /// # Errors
    /// [`StoreError`].
    fn append_part(
        &self,
        upload: &ObjectRow,
        bytes: &[u8],
        now: UnixTime,
    ) -> Result<u64, StoreError>;

    /// SHA-256 of all parts, in their order.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if a part is missing.
    fn hash_parts(&self, of: &ObjectRow) -> Result<Sha256Hash, StoreError>;

    /// Gives a whole object its place, which was inserted as one of an object.
    ///
    /// # Errors
    /// [`StoreError`].
    fn finish_upload(&self, upload: &ObjectRow, pos: u64) -> Result<(), StoreError>;
}

/// Whole objects, and what ends them. Each method but [`Self::ended_objects`] touches the rows of one
/// address.
pub trait Objects {
    /// A whole object of an address by its id; the first, if somebody left it twice.
    ///
    /// # Errors
    /// [`StoreError`].
    fn object(&self, address: &AddressId, id: &Sha256Hash)
    -> Result<Option<ObjectRow>, StoreError>;

    /// Places of an object that were not erased; its bytes may have expired.
    ///
    /// # Errors
    /// [`StoreError`].
    fn object_places(&self, address: &AddressId, id: &Sha256Hash) -> Result<Vec<u64>, StoreError>;

    /// Bytes of a whole object from `offset`, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    fn object_bytes(
        &self,
        of: &ObjectRow,
        offset: u64,
        limit: usize,
    ) -> Result<Vec<u8>, StoreError>;

    /// Notes that its owner read an object to its end: it stays.
    ///
    /// # Errors
    /// [`StoreError`].
    fn keep_object(&self, of: &ObjectRow) -> Result<(), StoreError>;

    /// Whether there are unread objects up to `pos` of which it is not noted that their owner has
    /// fetched beyond them.
    ///
    /// # Errors
    /// [`StoreError`].
    fn has_unpassed(&self, address: &AddressId, pos: u64) -> Result<bool, StoreError>;

    /// Notes that the owner of an address has fetched beyond `pos`.
    ///
    /// # Errors
    /// [`StoreError`].
    fn pass_objects(&self, address: &AddressId, pos: u64, now: UnixTime) -> Result<(), StoreError>;

    /// Objects that have ended, at most `limit`: uploads untouched since `unfinished`, and whole ones
    /// passed by before `unread` and never read.
    ///
    /// # Errors
    /// [`StoreError`].
    fn ended_objects(
        &self,
        unfinished: UnixTime,
        unread: UnixTime,
        limit: u32,
    ) -> Result<Vec<ObjectRow>, StoreError>;

    /// Removes an object's bytes and what is known of its upload. Its place, if it has one, stays.
    ///
    /// # Errors
    /// [`StoreError`].
    fn remove_object(&self, of: &ObjectRow) -> Result<(), StoreError>;
}

impl Uploads for Database {
    fn begin_upload(&self, new: &NewUpload<'_>) -> Result<ObjectRow, StoreError> {
        let sql = "INSERT INTO object (address, depositor, deposit_id, id, size, received, touched, \
                   kept) VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, 0)";
        self.sql().prepare_cached(sql)?.execute(params![
            new.address.as_bytes(),
            new.depositor,
            new.deposit_id.as_bytes(),
            new.id.as_bytes(),
            signed(new.size)?,
            new.now.0,
        ])?;
        Ok(ObjectRow {
            parts: self.sql().last_insert_rowid(),
            address: *new.address,
            id: *new.id,
            size: new.size,
            received: 0,
            pos: None,
            kept: false,
        })
    }

    fn upload(
        &self,
        address: &AddressId,
        depositor: &[u8],
        deposit_id: &DepositId,
    ) -> Result<Option<ObjectRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM object WHERE address = ?1 AND depositor = ?2 AND deposit_id = ?3"
        );
        let params = params![address.as_bytes(), depositor, deposit_id.as_bytes()];
        let row = self.sql().prepare_cached(&sql)?.query_row(params, raw);
        row.optional()?.map(object).transpose()
    }

    fn unfinished_uploads(&self, address: &AddressId, depositor: &[u8]) -> Result<u64, StoreError> {
        let sql =
            "SELECT COUNT(*) FROM object WHERE address = ?1 AND depositor = ?2 AND pos IS NULL";
        let params = params![address.as_bytes(), depositor];
        unsigned(
            self.sql()
                .prepare_cached(sql)?
                .query_row(params, |r| r.get(0))?,
        )
    }

    fn append_part(
        &self,
        upload: &ObjectRow,
        bytes: &[u8],
        now: UnixTime,
    ) -> Result<u64, StoreError> {
        let sql = "INSERT INTO object_part (parts, start, bytes) VALUES (?1, ?2, ?3)";
        let start = signed(upload.received)?;
        self.sql()
            .prepare_cached(sql)?
            .execute(params![upload.parts, start, bytes])?;
        let received = upload.received + bytes.len() as u64;
        let sql = "UPDATE object SET received = ?2, touched = ?3 WHERE parts = ?1";
        let params = params![upload.parts, signed(received)?, now.0];
        self.sql().prepare_cached(sql)?.execute(params)?;
        Ok(received)
    }

    fn hash_parts(&self, of: &ObjectRow) -> Result<Sha256Hash, StoreError> {
        use sha2::{Digest as _, Sha256};
        let sql = "SELECT start, bytes FROM object_part WHERE parts = ?1 ORDER BY start";
        let mut statement = self.sql().prepare_cached(sql)?;
        let mut rows = statement.query(params![of.parts])?;
        let (mut hash, mut end) = (Sha256::new(), 0_i64);
        while let Some(row) = rows.next()? {
            let bytes = row.get_ref(1)?.as_blob().map_err(|_| StoreError::Damaged)?;
            if row.get::<_, i64>(0)? != end {
                return Err(StoreError::Damaged);
            }
            hash.update(bytes);
            end += i64::try_from(bytes.len()).map_err(|_| StoreError::Damaged)?;
        }
        Ok(Sha256Hash::new(hash.finalize().into()))
    }

    fn finish_upload(&self, upload: &ObjectRow, pos: u64) -> Result<(), StoreError> {
        let sql = "UPDATE object SET pos = ?2 WHERE parts = ?1";
        let params = params![upload.parts, signed(pos)?];
        self.sql().prepare_cached(sql)?.execute(params)?;
        Ok(())
    }
}

impl Objects for Database {
    fn object(
        &self,
        address: &AddressId,
        id: &Sha256Hash,
    ) -> Result<Option<ObjectRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM object WHERE address = ?1 AND pos IS NOT NULL AND id = ?2 \
             ORDER BY pos LIMIT 1"
        );
        let params = params![address.as_bytes(), id.as_bytes()];
        let row = self.sql().prepare_cached(&sql)?.query_row(params, raw);
        row.optional()?.map(object).transpose()
    }

    fn object_places(&self, address: &AddressId, id: &Sha256Hash) -> Result<Vec<u64>, StoreError> {
        let sql = "SELECT pos FROM place WHERE address = ?1 AND kind = 1 AND hash = ?2";
        let params = params![address.as_bytes(), id.as_bytes()];
        let mut statement = self.sql().prepare_cached(sql)?;
        let rows = statement.query_map(params, |r| r.get::<_, i64>(0))?;
        rows.map(|pos| unsigned(pos?)).collect()
    }

    fn object_bytes(
        &self,
        of: &ObjectRow,
        offset: u64,
        limit: usize,
    ) -> Result<Vec<u8>, StoreError> {
        // Parts are contiguous; the one that holds `offset` is the last that starts at or before it.
        let sql = "SELECT start, bytes FROM object_part WHERE parts = ?1 AND start >= \
                   (SELECT MAX(start) FROM object_part WHERE parts = ?1 AND start <= ?2) \
                   AND start < ?3 ORDER BY start";
        let end = offset.saturating_add(limit as u64).min(of.size);
        let mut statement = self.sql().prepare_cached(sql)?;
        let mut rows = statement.query(params![of.parts, signed(offset)?, signed(end)?])?;
        let mut bytes =
            Vec::with_capacity(limit.min(usize::try_from(end - offset.min(end)).unwrap_or(0)));
        while let Some(row) = rows.next()? {
            let start = unsigned(row.get(0)?)?;
            let part = row.get_ref(1)?.as_blob().map_err(|_| StoreError::Damaged)?;
            let from = usize::try_from(offset.saturating_sub(start)).unwrap_or(usize::MAX);
            let to = usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX);
            let part = part.get(from.min(part.len())..to.min(part.len()));
            bytes.extend_from_slice(part.unwrap_or_default());
        }
        Ok(bytes)
    }

    fn keep_object(&self, of: &ObjectRow) -> Result<(), StoreError> {
        let sql = "UPDATE object SET kept = 1 WHERE parts = ?1";
        self.sql().prepare_cached(sql)?.execute(params![of.parts])?;
        Ok(())
    }

    fn has_unpassed(&self, address: &AddressId, pos: u64) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM object WHERE address = ?1 AND pos <= ?2 \
                   AND passed IS NULL AND kept = 0)";
        let pos = i64::try_from(pos).unwrap_or(i64::MAX);
        let params = params![address.as_bytes(), pos];
        Ok(self
            .sql()
            .prepare_cached(sql)?
            .query_row(params, |r| r.get(0))?)
    }

    fn pass_objects(&self, address: &AddressId, pos: u64, now: UnixTime) -> Result<(), StoreError> {
        let sql = "UPDATE object SET passed = ?3 WHERE address = ?1 AND pos <= ?2 \
                   AND passed IS NULL AND kept = 0";
        let pos = i64::try_from(pos).unwrap_or(i64::MAX);
        let params = params![address.as_bytes(), pos, now.0];
        self.sql().prepare_cached(sql)?.execute(params)?;
        Ok(())
    }

    fn ended_objects(
        &self,
        unfinished: UnixTime,
        unread: UnixTime,
        limit: u32,
    ) -> Result<Vec<ObjectRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM object WHERE pos IS NULL AND touched < ?1 UNION ALL \
             SELECT {COLUMNS} FROM object WHERE passed IS NOT NULL AND kept = 0 AND passed < ?2 \
             LIMIT ?3"
        );
        let mut statement = self.sql().prepare_cached(&sql)?;
        let rows = statement.query_map(params![unfinished.0, unread.0, limit], raw)?;
        rows.map(|row| object(row?)).collect()
    }

    fn remove_object(&self, of: &ObjectRow) -> Result<(), StoreError> {
        self.remove_parts(of.parts)
    }
}

impl Database {
    fn remove_parts(&self, parts: i64) -> Result<(), StoreError> {
        for sql in [
            "DELETE FROM object_part WHERE parts = ?1",
            "DELETE FROM object WHERE parts = ?1",
        ] {
            self.sql().prepare_cached(sql)?.execute(params![parts])?;
        }
        Ok(())
    }

    /// Removes everything of an address's objects, whole or on their way.
    pub(super) fn remove_objects(&self, address: &AddressId) -> Result<(), StoreError> {
        for sql in [
            "DELETE FROM object_part WHERE parts IN (SELECT parts FROM object WHERE address = ?1)",
            "DELETE FROM object WHERE address = ?1",
        ] {
            self.sql().execute(sql, params![address.as_bytes()])?;
        }
        Ok(())
    }

    /// Removes the bytes of the object at a place; gives their number.
    pub(super) fn remove_object_at(
        &self,
        address: &AddressId,
        pos: u64,
    ) -> Result<u64, StoreError> {
        let sql = "SELECT parts, size FROM object WHERE address = ?1 AND pos = ?2";
        let params = params![address.as_bytes(), signed(pos)?];
        let row = self
            .sql()
            .prepare_cached(sql)?
            .query_row(params, |r| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?)));
        let Some((parts, size)) = row.optional()? else {
            return Ok(0);
        };
        self.remove_parts(parts)?;
        unsigned(size)
    }
}
