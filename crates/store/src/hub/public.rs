//! Wrapped roots and status lists.

use crate::{Database, StoreError};
use denizen_model::{Nonce, OrgId};
use rusqlite::{OptionalExtension, params};

/// A wrapped root as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootRow {
    /// The 32 bytes of the key that may delete it.
    pub owner: Vec<u8>,
    /// The wrapped root.
    pub body: Vec<u8>,
}

/// Small things that anybody may read. None of it belongs to an address.
pub trait Public {
    /// Leaves a wrapped root; `false` if something is there already (R3: never overwritten).
    ///
    /// # Errors
    /// [`StoreError`].
    fn insert_root(&self, locator: &Nonce, owner: &[u8], body: &[u8]) -> Result<bool, StoreError>;

    /// A wrapped root.
    ///
    /// # Errors
    /// [`StoreError`].
    fn root(&self, locator: &Nonce) -> Result<Option<RootRow>, StoreError>;

    /// Deletes a wrapped root.
    ///
    /// # Errors
    /// [`StoreError`].
    fn delete_root(&self, locator: &Nonce) -> Result<(), StoreError>;

    /// Replaces a status list token.
    ///
    /// # Errors
    /// [`StoreError`].
    fn put_status(&self, org: &OrgId, list: &str, token: &str) -> Result<(), StoreError>;

    /// A status list token.
    ///
    /// # Errors
    /// [`StoreError`].
    fn status(&self, org: &OrgId, list: &str) -> Result<Option<String>, StoreError>;
}

impl Public for Database {
    fn insert_root(&self, locator: &Nonce, owner: &[u8], body: &[u8]) -> Result<bool, StoreError> {
        let sql = "INSERT INTO wrapped_root (locator, owner, body) VALUES (?1, ?2, ?3) \
                   ON CONFLICT DO NOTHING";
        Ok(self
            .sql()
            .execute(sql, params![locator.as_bytes(), owner, body])?
            == 1)
    }

    fn root(&self, locator: &Nonce) -> Result<Option<RootRow>, StoreError> {
        let sql = "SELECT owner, body FROM wrapped_root WHERE locator = ?1";
        let row = |r: &rusqlite::Row<'_>| {
            Ok(RootRow {
                owner: r.get(0)?,
                body: r.get(1)?,
            })
        };
        Ok(self
            .sql()
            .query_row(sql, params![locator.as_bytes()], row)
            .optional()?)
    }

    fn delete_root(&self, locator: &Nonce) -> Result<(), StoreError> {
        let sql = "DELETE FROM wrapped_root WHERE locator = ?1";
        self.sql().execute(sql, params![locator.as_bytes()])?;
        Ok(())
    }

    fn put_status(&self, org: &OrgId, list: &str, token: &str) -> Result<(), StoreError> {
        let sql = "INSERT INTO status_list (org, list, token) VALUES (?1, ?2, ?3) \
                   ON CONFLICT (org, list) DO UPDATE SET token = excluded.token";
        self.sql()
            .execute(sql, params![org.as_bytes(), list, token])?;
        Ok(())
    }

    fn status(&self, org: &OrgId, list: &str) -> Result<Option<String>, StoreError> {
        let sql = "SELECT token FROM status_list WHERE org = ?1 AND list = ?2";
        Ok(self
            .sql()
            .query_row(sql, params![org.as_bytes(), list], |r| r.get(0))
            .optional()?)
    }
}
