//! Invitations and links.

use super::GatewayStore;
use crate::StoreError;
use denizen_model::{AddressId, Nonce, Sha256Hash};
use rusqlite::{OptionalExtension, Row, params};

/// An invitation that was given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationRow {
    /// How many addresses may still use it.
    pub uses_left: u32,
    /// Its encrypted body.
    pub body: Vec<u8>,
}

/// A link with a person's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkRow {
    /// The address.
    pub address: AddressId,
    /// Keyed hash of the office's case reference.
    pub case_key: Option<Sha256Hash>,
    /// The caller's number of its state.
    pub state: u8,
    /// Its encrypted body.
    pub body: Vec<u8>,
}

const COLUMNS: &str = "address, case_key, state, body";

fn link(r: &Row<'_>) -> rusqlite::Result<LinkRow> {
    let case_key: Option<[u8; 32]> = r.get(1)?;
    Ok(LinkRow {
        address: AddressId::new(r.get(0)?),
        case_key: case_key.map(Sha256Hash::new),
        state: r.get(2)?,
        body: r.get(3)?,
    })
}

impl GatewayStore {
    /// Adds an invitation.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn insert_invitation(&self, nonce: &Nonce, row: &InvitationRow) -> Result<(), StoreError> {
        let sql = "INSERT INTO invitation (nonce, uses_left, body) VALUES (?1, ?2, ?3)";
        self.sql()
            .execute(sql, params![nonce.as_bytes(), row.uses_left, row.body])?;
        Ok(())
    }

    /// An invitation.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn invitation(&self, nonce: &Nonce) -> Result<Option<InvitationRow>, StoreError> {
        let sql = "SELECT uses_left, body FROM invitation WHERE nonce = ?1";
        let row = |r: &Row<'_>| {
            Ok(InvitationRow {
                uses_left: r.get(0)?,
                body: r.get(1)?,
            })
        };
        let mut statement = self.sql().prepare_cached(sql)?;
        Ok(statement
            .query_row(params![nonce.as_bytes()], row)
            .optional()?)
    }

    /// Counts one use of an invitation; `false` if it had none left.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn use_invitation(&self, nonce: &Nonce) -> Result<bool, StoreError> {
        let sql = "UPDATE invitation SET uses_left = uses_left - 1 \
                   WHERE nonce = ?1 AND uses_left > 0";
        Ok(self.sql().execute(sql, params![nonce.as_bytes()])? == 1)
    }

    /// Adds a link, or replaces what is known of it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_link(&self, row: &LinkRow) -> Result<(), StoreError> {
        let sql = "INSERT INTO link (address, case_key, state, body) VALUES (?1, ?2, ?3, ?4) \
                   ON CONFLICT (address) DO UPDATE SET case_key = excluded.case_key, \
                   state = excluded.state, body = excluded.body";
        let case_key = row.case_key.as_ref().map(Sha256Hash::as_bytes);
        let row = params![row.address.as_bytes(), case_key, row.state, row.body];
        self.sql().prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    /// The encrypted keys of a link's one-time copies.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn copy_keys(&self, address: &AddressId) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT body FROM link_copies WHERE address = ?1";
        let mut statement = self.sql().prepare_cached(sql)?;
        let body = statement.query_row(params![address.as_bytes()], |r| r.get(0));
        Ok(body.optional()?)
    }

    /// Keeps the encrypted keys of a link's one-time copies.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_copy_keys(&self, address: &AddressId, body: &[u8]) -> Result<(), StoreError> {
        let sql = "INSERT INTO link_copies (address, body) VALUES (?1, ?2) \
                   ON CONFLICT (address) DO UPDATE SET body = excluded.body";
        let row = params![address.as_bytes(), body];
        self.sql().prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    /// A link by its address.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn link(&self, address: &AddressId) -> Result<Option<LinkRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM link WHERE address = ?1");
        let mut statement = self.sql().prepare_cached(&sql)?;
        Ok(statement
            .query_row(params![address.as_bytes()], link)
            .optional()?)
    }

    /// The links of one case in one state, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn links_of_case(
        &self,
        case_key: &Sha256Hash,
        state: u8,
    ) -> Result<Vec<LinkRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM link WHERE case_key = ?1 AND state = ?2 ORDER BY id DESC"
        );
        let mut statement = self.sql().prepare_cached(&sql)?;
        let rows = statement.query_map(params![case_key.as_bytes(), state], link)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The links in one state, oldest first: the clerk's queue of codes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn links_in_state(&self, state: u8) -> Result<Vec<LinkRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM link WHERE state = ?1 ORDER BY id");
        let mut statement = self.sql().prepare_cached(&sql)?;
        let rows = statement.query_map(params![state], link)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
