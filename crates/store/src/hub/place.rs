//! Places of an address: envelopes and tombstones, and the ids of deposits.

use crate::{Database, StoreError, signed, unsigned};
use denizen_model::{
    AddressId, DepositId, Nonce, Sha256Hash, UnixTime,
    deposit::{LeafType, Tombstone},
};
use rusqlite::{OptionalExtension, Row, params};

/// A new envelope or object with the opening of its leaf.
#[derive(Debug, Clone, Copy)]
pub struct NewPlace<'a> {
    /// Position within the address.
    pub pos: u64,
    /// Index of its leaf.
    pub index: u64,
    /// Hub time.
    pub time: UnixTime,
    /// What lies there.
    pub leaf_type: LeafType,
    /// The envelope's bytes; empty for an object, whose bytes are in parts.
    pub body: &'a [u8],
    /// SHA-256 of the envelope or object.
    pub hash: Sha256Hash,
    /// The leaf's `commit`.
    pub commit: Sha256Hash,
    /// Nonce of the leaf.
    pub nonce: Nonce,
    /// Nonce of the address's commitment.
    pub nonce_a: Nonce,
}

/// One place as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceRow {
    /// Position within the address.
    pub pos: u64,
    /// Index of its leaf.
    pub index: u64,
    /// Hub time.
    pub time: UnixTime,
    /// What lies there, or lay.
    pub leaf_type: LeafType,
    /// Envelope (empty for an object), hash, commit, nonce, nonce_a; none if it was erased.
    pub body: Option<(Vec<u8>, Sha256Hash, Sha256Hash, Nonce, Nonce)>,
}

/// How much of an address is read at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Rows, at most.
    pub rows: usize,
    /// No row follows those whose bodies have this many bytes together; the first always comes.
    pub size_bytes: usize,
}

/// The columns of a place as every engine has them: position, index, time, body, hashes and nonces,
/// kind.
pub(super) type Raw = (i64, i64, i64, Option<Vec<u8>>, [Option<[u8; 32]>; 4], i64);

fn raw(r: &Row<'_>) -> rusqlite::Result<Raw> {
    let hashes = [r.get(4)?, r.get(5)?, r.get(6)?, r.get(7)?];
    Ok((
        r.get(0)?,
        r.get(1)?,
        r.get(2)?,
        r.get(3)?,
        hashes,
        r.get(8)?,
    ))
}

/// A place from its columns, by every engine alike.
pub(super) fn place((pos, index, time, body, hashes, kind): Raw) -> Result<PlaceRow, StoreError> {
    let leaf_type = match kind {
        0 => LeafType::Envelope,
        1 => LeafType::Object,
        _ => return Err(StoreError::Damaged),
    };
    let body = match (body, hashes) {
        (Some(body), [Some(hash), Some(commit), Some(nonce), Some(nonce_a)]) => Some((
            body,
            Sha256Hash::new(hash),
            Sha256Hash::new(commit),
            Nonce::new(nonce),
            Nonce::new(nonce_a),
        )),
        (None, [None, None, None, None]) => None,
        _ => return Err(StoreError::Damaged),
    };
    Ok(PlaceRow {
        pos: unsigned(pos)?,
        index: unsigned(index)?,
        time: UnixTime(time),
        leaf_type,
        body,
    })
}

const COLUMNS: &str = "pos, leaf_index, time, body, hash, commitment, nonce, nonce_a, kind";

/// Places of addresses, and the deposit ids that led to them. Each method touches the rows of one address.
pub trait Places {
    /// Adds an envelope or object at its place.
    ///
    /// # Errors
    /// [`StoreError`].
    fn insert_place(&self, id: &AddressId, new: &NewPlace<'_>) -> Result<(), StoreError>;

    /// Places above `after`, in order, of leaves below `size`, as many as the page holds.
    ///
    /// # Errors
    /// [`StoreError`].
    fn places(
        &self,
        id: &AddressId,
        after: Option<u64>,
        size: u64,
        page: Page,
    ) -> Result<Vec<PlaceRow>, StoreError>;

    /// One place.
    ///
    /// # Errors
    /// [`StoreError`].
    fn place(&self, id: &AddressId, pos: u64) -> Result<Option<PlaceRow>, StoreError>;

    /// Highest position with a leaf below `size`.
    ///
    /// # Errors
    /// [`StoreError`].
    fn pos_max(&self, id: &AddressId, size: u64) -> Result<Option<u64>, StoreError>;

    /// The erased places of an address.
    ///
    /// # Errors
    /// [`StoreError`].
    fn tombstones(&self, id: &AddressId) -> Result<Vec<Tombstone>, StoreError>;

    /// Erases one envelope or object: its bytes, hash and openings go, its place stays. Gives the bytes
    /// freed.
    ///
    /// # Errors
    /// [`StoreError`].
    fn erase_place(&self, id: &AddressId, pos: u64) -> Result<u64, StoreError>;

    /// Remembers a deposit id.
    ///
    /// # Errors
    /// [`StoreError`].
    fn insert_deposit(
        &self,
        address: &AddressId,
        depositor: &[u8],
        id: &DepositId,
        pos: u64,
    ) -> Result<(), StoreError>;

    /// The position of what a deposit id stands for; the place there knows the rest.
    ///
    /// # Errors
    /// [`StoreError`].
    fn deposit(
        &self,
        address: &AddressId,
        depositor: &[u8],
        id: &DepositId,
    ) -> Result<Option<u64>, StoreError>;
}

impl Places for Database {
    fn insert_place(&self, id: &AddressId, new: &NewPlace<'_>) -> Result<(), StoreError> {
        let sql = "INSERT INTO place (address, pos, leaf_index, time, body, hash, commitment, \
                   nonce, nonce_a, kind) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        self.sql().prepare_cached(sql)?.execute(params![
            id.as_bytes(),
            signed(new.pos)?,
            signed(new.index)?,
            new.time.0,
            new.body,
            new.hash.as_bytes(),
            new.commit.as_bytes(),
            new.nonce.as_bytes(),
            new.nonce_a.as_bytes(),
            match new.leaf_type {
                LeafType::Envelope => 0,
                LeafType::Object => 1,
            },
        ])?;
        Ok(())
    }

    fn places(
        &self,
        id: &AddressId,
        after: Option<u64>,
        size: u64,
        page: Page,
    ) -> Result<Vec<PlaceRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM place WHERE address = ?1 AND pos > ?2 AND leaf_index < ?3 \
             ORDER BY pos LIMIT ?4"
        );
        // Nothing lies above what a row can hold.
        let after = after.map_or(-1, |after| i64::try_from(after).unwrap_or(i64::MAX));
        let limit = i64::try_from(page.rows).unwrap_or(i64::MAX);
        let mut statement = self.sql().prepare_cached(&sql)?;
        let mut rows = statement.query(params![id.as_bytes(), after, signed(size)?, limit])?;
        let (mut places, mut bytes) = (Vec::new(), 0);
        while bytes < page.size_bytes
            && let Some(row) = rows.next()?
        {
            let place = place(raw(row)?)?;
            bytes += place.body.as_ref().map_or(0, |(body, ..)| body.len());
            places.push(place);
        }
        Ok(places)
    }

    fn place(&self, id: &AddressId, pos: u64) -> Result<Option<PlaceRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM place WHERE address = ?1 AND pos = ?2");
        let mut statement = self.sql().prepare_cached(&sql)?;
        let row = statement
            .query_row(params![id.as_bytes(), signed(pos)?], raw)
            .optional()?;
        row.map(place).transpose()
    }

    fn pos_max(&self, id: &AddressId, size: u64) -> Result<Option<u64>, StoreError> {
        let sql = "SELECT MAX(pos) FROM place WHERE address = ?1 AND leaf_index < ?2";
        let mut statement = self.sql().prepare_cached(sql)?;
        let pos: Option<i64> =
            statement.query_row(params![id.as_bytes(), signed(size)?], |r| r.get(0))?;
        pos.map(unsigned).transpose()
    }

    fn tombstones(&self, id: &AddressId) -> Result<Vec<Tombstone>, StoreError> {
        let sql = "SELECT pos, leaf_index FROM place WHERE address = ?1 AND body IS NULL \
                   ORDER BY pos";
        let mut statement = self.sql().prepare_cached(sql)?;
        let rows = statement.query_map(params![id.as_bytes()], |r| {
            Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?))
        })?;
        rows.map(|row| {
            let (pos, index) = row?;
            Ok(Tombstone {
                pos: unsigned(pos)?,
                index: unsigned(index)?,
            })
        })
        .collect()
    }

    fn erase_place(&self, id: &AddressId, pos: u64) -> Result<u64, StoreError> {
        let at = params![id.as_bytes(), signed(pos)?];
        let sql = "SELECT COALESCE(LENGTH(body), 0) FROM place WHERE address = ?1 AND pos = ?2";
        let bytes: Option<i64> = self.sql().query_row(sql, at, |r| r.get(0)).optional()?;
        self.sql().execute(
            "UPDATE place SET body = NULL, hash = NULL, commitment = NULL, nonce = NULL, \
             nonce_a = NULL WHERE address = ?1 AND pos = ?2",
            at,
        )?;
        let object = self.remove_object_at(id, pos)?;
        Ok(object + unsigned(bytes.unwrap_or(0))?)
    }

    fn insert_deposit(
        &self,
        address: &AddressId,
        depositor: &[u8],
        id: &DepositId,
        pos: u64,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO deposit (address, depositor, deposit_id, pos) \
                   VALUES (?1, ?2, ?3, ?4)";
        let params = params![address.as_bytes(), depositor, id.as_bytes(), signed(pos)?];
        self.sql().prepare_cached(sql)?.execute(params)?;
        Ok(())
    }

    fn deposit(
        &self,
        address: &AddressId,
        depositor: &[u8],
        id: &DepositId,
    ) -> Result<Option<u64>, StoreError> {
        let sql = "SELECT pos FROM deposit \
                   WHERE address = ?1 AND depositor = ?2 AND deposit_id = ?3";
        let mut statement = self.sql().prepare_cached(sql)?;
        let row = statement
            .query_row(params![address.as_bytes(), depositor, id.as_bytes()], |r| {
                r.get::<_, i64>(0)
            })
            .optional()?;
        row.map(unsigned).transpose()
    }
}
