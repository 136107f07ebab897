//! Addresses and pass uses.

use crate::{Database, StoreError, signed, unsigned};
use denizen_model::{AddressId, Nonce};
use rusqlite::{OptionalExtension, params};

/// What the hub knows of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressRow {
    /// The `auth` key's 32 bytes.
    pub auth: Vec<u8>,
    /// Salt of `kem`; none for address 0.
    pub salt: Option<Nonce>,
    /// Who may deposit, as JSON of the wire contract.
    pub accepts: String,
    /// Counts changes of `accepts`.
    pub version: u64,
    /// Only reserved deposits are taken.
    pub frozen: bool,
    /// Shredded: nothing is taken any more.
    pub closed: bool,
    /// SHA-256 of the registration's body, for byte-identical retries.
    pub registration: Vec<u8>,
    /// The next position.
    pub next_pos: u64,
    /// Bytes that lie here.
    pub bytes: u64,
    /// Bytes that may lie here.
    pub quota: u64,
}

/// Addresses. Each method touches the rows of one address.
pub trait Addresses {
    /// Adds an address. `false` if it is there already.
    ///
    /// # Errors
    /// [`StoreError`].
    fn insert_address(&self, id: &AddressId, row: &AddressRow) -> Result<bool, StoreError>;

    /// An address.
    ///
    /// # Errors
    /// [`StoreError`].
    fn address(&self, id: &AddressId) -> Result<Option<AddressRow>, StoreError>;

    /// Changes who may deposit; `false` unless the stored version is the one before `version`.
    ///
    /// # Errors
    /// [`StoreError`].
    fn change_accepts(
        &self,
        id: &AddressId,
        version: u64,
        accepts: &str,
        frozen: bool,
    ) -> Result<bool, StoreError>;

    /// Records that one more place was taken, with the bytes that now lie here.
    ///
    /// # Errors
    /// [`StoreError`].
    fn set_address_fill(&self, id: &AddressId, next_pos: u64, bytes: u64)
    -> Result<(), StoreError>;

    /// Shreds an address: salt, envelopes, objects, hashes and openings go; `auth` and places stay, so that
    /// it is known to be closed and its indexes stay told.
    ///
    /// # Errors
    /// [`StoreError`].
    fn shred_address(&self, address: &AddressId) -> Result<(), StoreError>;
}

/// Counters of what is allowed a number of times: uses of passes, bytes under them, things in a period.
pub trait Passes {
    /// Counts one use of a pass within a period; `false` if it was used `uses_max` times already.
    ///
    /// # Errors
    /// [`StoreError`].
    fn use_pass(&self, bind: &[u8], period: i64, uses_max: u32) -> Result<bool, StoreError>;

    /// Counts bytes under a pass in a period; `false`, and nothing counted, if they would be more
    /// than `bytes_max` together.
    ///
    /// # Errors
    /// [`StoreError`].
    fn use_bytes(&self, of: (&[u8], i64), bytes: u64, bytes_max: u64) -> Result<bool, StoreError>;
}

impl Addresses for Database {
    fn insert_address(&self, id: &AddressId, row: &AddressRow) -> Result<bool, StoreError> {
        let sql = "INSERT INTO address (address, auth, salt, accepts, version, frozen, closed, \
                   registration, next_pos, bytes, quota) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO NOTHING";
        let count = self.sql().prepare_cached(sql)?.execute(params![
            id.as_bytes(),
            row.auth,
            row.salt.as_ref().map(Nonce::as_bytes),
            row.accepts,
            signed(row.version)?,
            row.frozen,
            row.closed,
            row.registration,
            signed(row.next_pos)?,
            signed(row.bytes)?,
            signed(row.quota)?,
        ])?;
        Ok(count == 1)
    }

    fn address(&self, id: &AddressId) -> Result<Option<AddressRow>, StoreError> {
        let sql = "SELECT auth, salt, accepts, version, frozen, closed, registration, next_pos, \
                   bytes, quota FROM address WHERE address = ?1";
        let mut statement = self.sql().prepare_cached(sql)?;
        let row = statement
            .query_row(params![id.as_bytes()], |r| {
                let salt: Option<[u8; 32]> = r.get(1)?;
                let numbers: (i64, i64, i64, i64) = (r.get(3)?, r.get(7)?, r.get(8)?, r.get(9)?);
                let row = AddressRow {
                    auth: r.get(0)?,
                    salt: salt.map(Nonce::new),
                    accepts: r.get(2)?,
                    version: 0,
                    frozen: r.get(4)?,
                    closed: r.get(5)?,
                    registration: r.get(6)?,
                    next_pos: 0,
                    bytes: 0,
                    quota: 0,
                };
                Ok((row, numbers))
            })
            .optional()?;
        let Some((row, (version, next_pos, bytes, quota))) = row else {
            return Ok(None);
        };
        Ok(Some(AddressRow {
            version: unsigned(version)?,
            next_pos: unsigned(next_pos)?,
            bytes: unsigned(bytes)?,
            quota: unsigned(quota)?,
            ..row
        }))
    }

    fn change_accepts(
        &self,
        id: &AddressId,
        version: u64,
        accepts: &str,
        frozen: bool,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE address SET accepts = ?3, version = ?2, frozen = ?4 \
                   WHERE address = ?1 AND version = ?2 - 1 AND closed = 0";
        let params = params![id.as_bytes(), signed(version)?, accepts, frozen];
        Ok(self.sql().prepare_cached(sql)?.execute(params)? == 1)
    }

    fn set_address_fill(
        &self,
        id: &AddressId,
        next_pos: u64,
        bytes: u64,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE address SET next_pos = ?2, bytes = ?3 WHERE address = ?1";
        let params = params![id.as_bytes(), signed(next_pos)?, signed(bytes)?];
        self.sql().prepare_cached(sql)?.execute(params)?;
        Ok(())
    }

    fn shred_address(&self, address: &AddressId) -> Result<(), StoreError> {
        let id = params![address.as_bytes()];
        self.sql().execute(
            "UPDATE address SET salt = NULL, closed = 1, bytes = 0, accepts = '[]' \
             WHERE address = ?1",
            id,
        )?;
        self.sql().execute(
            "UPDATE place SET body = NULL, hash = NULL, commitment = NULL, nonce = NULL, \
             nonce_a = NULL WHERE address = ?1",
            id,
        )?;
        self.remove_objects(address)
    }
}

impl Passes for Database {
    fn use_pass(&self, bind: &[u8], period: i64, uses_max: u32) -> Result<bool, StoreError> {
        let sql = "INSERT INTO pass_use (bind, period, uses) VALUES (?1, ?2, 1) \
                   ON CONFLICT (bind, period) DO UPDATE SET uses = uses + 1 WHERE uses < ?3";
        let count = self
            .sql()
            .prepare_cached(sql)?
            .execute(params![bind, period, uses_max])?;
        Ok(count == 1 && uses_max > 0)
    }

    fn use_bytes(
        &self,
        (bind, period): (&[u8], i64),
        bytes: u64,
        bytes_max: u64,
    ) -> Result<bool, StoreError> {
        let sql = "INSERT INTO pass_use (bind, period, uses) SELECT ?1, ?4, ?2 WHERE ?2 <= ?3 \
                   ON CONFLICT (bind, period) DO UPDATE SET uses = uses + ?2 \
                   WHERE uses + ?2 <= ?3";
        let max = signed(bytes_max).unwrap_or(i64::MAX / 2);
        let params = params![bind, signed(bytes)?, max.min(i64::MAX / 2), period];
        Ok(self.sql().prepare_cached(sql)?.execute(params)? == 1)
    }
}
