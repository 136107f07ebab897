//! Tokens of an organisation's own systems, and what they did.

use super::GatewayStore;
use crate::StoreError;
use denizen_model::{Sha256Hash, UnixTime};
use rusqlite::{OptionalExtension, Row, params};

/// A token, of which only a hash is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// What the organisation calls it.
    pub label: String,
    /// The part of the token that is no secret.
    pub handle: [u8; 8],
    /// Hash of the whole token.
    pub hash: Sha256Hash,
    /// In which role its system acts.
    pub role: String,
    /// What it may, as the caller writes it.
    pub scopes: String,
    /// When it was made.
    pub created: UnixTime,
    /// Until when it counts.
    pub expires: UnixTime,
    /// Since when it does not count any more.
    pub revoked: Option<UnixTime>,
}

/// What somebody did with a token; never a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// When.
    pub at: UnixTime,
    /// The token's label.
    pub token: String,
    /// In which role.
    pub role: String,
    /// What, by its stable name.
    pub operation: String,
    /// On which case or number, encrypted.
    pub subject: Option<Vec<u8>>,
    /// HTTP status of the answer; 0 if the program ended before it was known.
    pub outcome: u16,
}

const COLUMNS: &str = "label, handle, hash, role, scopes, created, expires, revoked";

fn token(r: &Row<'_>) -> rusqlite::Result<TokenRow> {
    let revoked: Option<i64> = r.get(7)?;
    Ok(TokenRow {
        label: r.get(0)?,
        handle: r.get(1)?,
        hash: Sha256Hash::new(r.get(2)?),
        role: r.get(3)?,
        scopes: r.get(4)?,
        created: UnixTime(r.get(5)?),
        expires: UnixTime(r.get(6)?),
        revoked: revoked.map(UnixTime),
    })
}

impl GatewayStore {
    /// Adds a token; `false` if one has this label.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn add_token(&self, row: &TokenRow) -> Result<bool, StoreError> {
        let sql = format!(
            "INSERT INTO token ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
             ON CONFLICT (label) DO NOTHING"
        );
        let count = self.sql().execute(
            &sql,
            params![
                row.label,
                row.handle,
                row.hash.as_bytes(),
                row.role,
                row.scopes,
                row.created.0,
                row.expires.0,
                row.revoked.map(|at| at.0),
            ],
        )?;
        Ok(count == 1)
    }

    /// A token by the part of it that is no secret.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn token(&self, handle: &[u8; 8]) -> Result<Option<TokenRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM token WHERE handle = ?1");
        let mut statement = self.sql().prepare_cached(&sql)?;
        Ok(statement.query_row(params![handle], token).optional()?)
    }

    /// All tokens by their labels.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn tokens(&self) -> Result<Vec<TokenRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM token ORDER BY label");
        let mut statement = self.sql().prepare_cached(&sql)?;
        let rows = statement.query_map([], token)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Ends a token; `false` if none with this label counts.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn revoke_token(&self, label: &str, at: UnixTime) -> Result<bool, StoreError> {
        let sql = "UPDATE token SET revoked = ?2 WHERE label = ?1 AND revoked IS NULL";
        Ok(self.sql().execute(sql, params![label, at.0])? == 1)
    }

    /// Ends all tokens.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn revoke_tokens(&self, at: UnixTime) -> Result<usize, StoreError> {
        let sql = "UPDATE token SET revoked = ?1 WHERE revoked IS NULL";
        Ok(self.sql().execute(sql, params![at.0])?)
    }

    /// Writes down what is done; gives its number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn add_audit(&self, row: &AuditRow) -> Result<i64, StoreError> {
        let sql = "INSERT INTO audit (at, token, role, operation, subject, outcome) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        self.sql().prepare_cached(sql)?.execute(params![
            row.at.0,
            row.token,
            row.role,
            row.operation,
            row.subject,
            row.outcome
        ])?;
        Ok(self.sql().last_insert_rowid())
    }

    /// Writes down how it ended.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn end_audit(&self, number: i64, outcome: u16) -> Result<(), StoreError> {
        let sql = "UPDATE audit SET outcome = ?2 WHERE id = ?1";
        self.sql()
            .prepare_cached(sql)?
            .execute(params![number, outcome])?;
        Ok(())
    }

    /// Forgets what was done before a time; gives how much.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn forget_audit(&self, before: UnixTime) -> Result<usize, StoreError> {
        let sql = "DELETE FROM audit WHERE at < ?1";
        Ok(self.sql().execute(sql, params![before.0])?)
    }

    /// What was done, newest first, at most so many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn audit(&self, max: u32) -> Result<Vec<AuditRow>, StoreError> {
        let sql = "SELECT at, token, role, operation, subject, outcome FROM audit \
                   ORDER BY id DESC LIMIT ?1";
        let mut statement = self.sql().prepare_cached(sql)?;
        let rows = statement.query_map(params![max], |r| {
            Ok(AuditRow {
                at: UnixTime(r.get(0)?),
                token: r.get(1)?,
                role: r.get(2)?,
                operation: r.get(3)?,
                subject: r.get(4)?,
                outcome: r.get(5)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
