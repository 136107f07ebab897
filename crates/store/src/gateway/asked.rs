//! Records that an organisation's own systems asked for one by one, and how far they are.

use super::{GatewayStore, LetterId, SentRow};
use crate::StoreError;
use denizen_model::{AddressId, Nonce, Sha256Hash, UnixTime};
use rusqlite::{OptionalExtension, Row, params};

/// A record that a client system asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedRow {
    /// What the client calls it.
    pub name: [u8; 16],
    /// Keyed hash of its idempotency key.
    pub key: Sha256Hash,
    /// Keyed hash of all that was asked under that key.
    pub asked: Sha256Hash,
    /// The row that it became.
    pub row_key: Sha256Hash,
    /// When.
    pub at: UnixTime,
}

/// A record that goes in a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LetterRecord {
    /// Hash of its kept copy.
    pub kept: Sha256Hash,
    /// What the client calls it; none of a file's row or a decision.
    pub name: Option<[u8; 16]>,
}

/// How far an issued record is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// On its way to the hub.
    Queued,
    /// The hub answered.
    Settled(SentRow),
    /// It was issued before that was written down.
    Unknown,
}

const COLUMNS: &str = "name, key, asked, row_key, at";

fn asked(r: &Row<'_>) -> rusqlite::Result<AskedRow> {
    Ok(AskedRow {
        name: r.get(0)?,
        key: Sha256Hash::new(r.get(1)?),
        asked: Sha256Hash::new(r.get(2)?),
        row_key: Sha256Hash::new(r.get(3)?),
        at: UnixTime(r.get(4)?),
    })
}

impl GatewayStore {
    /// Remembers what was asked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn add_asked(&self, row: &AskedRow) -> Result<(), StoreError> {
        let sql = format!("INSERT INTO record_asked ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5)");
        self.sql().prepare_cached(&sql)?.execute(params![
            row.name,
            row.key.as_bytes(),
            row.asked.as_bytes(),
            row.row_key.as_bytes(),
            row.at.0
        ])?;
        Ok(())
    }

    /// What was asked under an idempotency key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn asked_under(&self, key: &Sha256Hash) -> Result<Option<AskedRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM record_asked WHERE key = ?1");
        let mut statement = self.sql().prepare_cached(&sql)?;
        let row = statement.query_row(params![key.as_bytes()], asked);
        Ok(row.optional()?)
    }

    /// What was asked, by the client's name for it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn asked(&self, name: &[u8; 16]) -> Result<Option<AskedRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM record_asked WHERE name = ?1");
        let mut statement = self.sql().prepare_cached(&sql)?;
        Ok(statement.query_row(params![name], asked).optional()?)
    }

    /// The client's name of an issued record.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn asked_for_record(&self, kept: &Sha256Hash) -> Result<Option<[u8; 16]>, StoreError> {
        let sql = "SELECT name FROM record_asked JOIN row_taken USING (row_key) WHERE number = ?1";
        let mut statement = self.sql().prepare_cached(sql)?;
        let row = statement.query_row(params![self.number_of(kept)?], |r| r.get(0));
        Ok(row.optional()?)
    }

    /// A row that was taken: none if it was undone, and inside that the record that came of it, none
    /// while it waits.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn taken_row(
        &self,
        row_key: &Sha256Hash,
    ) -> Result<Option<Option<Sha256Hash>>, StoreError> {
        let sql = "SELECT kept FROM row_taken LEFT JOIN issued USING (number) WHERE row_key = ?1";
        let mut statement = self.sql().prepare_cached(sql)?;
        let kept: Option<Option<[u8; 32]>> = statement
            .query_row(params![row_key.as_bytes()], |r| r.get(0))
            .optional()?;
        Ok(kept.map(|kept| kept.map(Sha256Hash::new)))
    }

    /// How many rows wait for a case.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn waiting_for(&self, case_key: &Sha256Hash) -> Result<u64, StoreError> {
        let sql = "SELECT COUNT(*) FROM row_waiting WHERE case_key = ?1";
        let count = self
            .sql()
            .query_row(sql, params![case_key.as_bytes()], |r| r.get(0))?;
        crate::unsigned(count)
    }

    /// Says in which letter of the outbox a record goes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn record_goes_in(&self, kept: &Sha256Hash, letter: LetterId) -> Result<(), StoreError> {
        let sql = "INSERT INTO record_sent (number, letter) VALUES (?1, ?2) \
                   ON CONFLICT DO NOTHING";
        let row = params![self.number_for(kept)?, letter.0];
        self.sql().prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    /// The records that go in a letter, in the order of issuing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn records_in(&self, letter: LetterId) -> Result<Vec<LetterRecord>, StoreError> {
        let sql = "SELECT kept, (SELECT name FROM row_taken JOIN record_asked USING (row_key) \
                   WHERE row_taken.number = issued.number LIMIT 1) \
                   FROM record_sent JOIN issued USING (number) WHERE letter = ?1 ORDER BY number";
        let mut statement = self.sql().prepare_cached(sql)?;
        let rows = statement.query_map(params![letter.0], |r| {
            Ok(LetterRecord {
                kept: Sha256Hash::new(r.get(0)?),
                name: r.get(1)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How far a record is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn progress(&self, kept: &Sha256Hash) -> Result<Progress, StoreError> {
        let sql = "SELECT letter FROM record_sent WHERE number = ?1";
        let mut statement = self.sql().prepare_cached(sql)?;
        let letter = statement
            .query_row(params![self.number_of(kept)?], |r| r.get(0).map(LetterId))
            .optional()?;
        let Some(letter) = letter else {
            return Ok(Progress::Unknown);
        };
        let sent = self.sent(letter)?;
        Ok(sent.map_or(Progress::Queued, Progress::Settled))
    }

    /// Gives an invitation a name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn name_invitation(&self, name: &[u8; 16], nonce: &Nonce) -> Result<(), StoreError> {
        let sql = "INSERT INTO invitation_name (name, nonce) VALUES (?1, ?2)";
        self.sql().execute(sql, params![name, nonce.as_bytes()])?;
        Ok(())
    }

    /// The invitation of a name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn named_invitation(&self, name: &[u8; 16]) -> Result<Option<Nonce>, StoreError> {
        let sql = "SELECT nonce FROM invitation_name WHERE name = ?1";
        let nonce: Option<[u8; 32]> = self
            .sql()
            .query_row(sql, params![name], |r| r.get(0))
            .optional()?;
        Ok(nonce.map(Nonce::new))
    }

    /// How many addresses take nothing at present.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn parked_count(&self, now: UnixTime) -> Result<u64, StoreError> {
        let sql = "SELECT COUNT(*) FROM parked WHERE until > ?1";
        crate::unsigned(self.sql().query_row(sql, params![now.0], |r| r.get(0))?)
    }

    /// How many envelopes the hub has answered, by outcome.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn sent_counts(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let sql = "SELECT outcome, COUNT(*) FROM sent GROUP BY outcome ORDER BY outcome";
        let mut statement = self.sql().prepare_cached(sql)?;
        let rows = statement.query_map([], |r| Ok((r.get(0)?, r.get::<_, i64>(1)?)))?;
        rows.map(|row| {
            let (outcome, count) = row?;
            Ok((outcome, crate::unsigned(count)?))
        })
        .collect()
    }

    /// All links, oldest first: for what a restored database must change in each.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn link_addresses(&self) -> Result<Vec<AddressId>, StoreError> {
        let mut statement = self
            .sql()
            .prepare_cached("SELECT address FROM link ORDER BY id")?;
        let rows = statement.query_map([], |r| Ok(AddressId::new(r.get(0)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
