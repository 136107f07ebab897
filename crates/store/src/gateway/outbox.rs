//! Envelopes on their way, and receipts.

use super::GatewayStore;
use crate::StoreError;
use denizen_model::{AddressId, DepositId, Nonce, Sha256Hash, UnixTime, deposit::Receipt};
use rusqlite::{OptionalExtension, Row, params};

/// [`Effect::status`] of a record that becomes contested.
pub const CONTESTED: u8 = 3;
/// [`Effect::status`] of a record that is no longer contested; its status is what it was.
pub const UNCONTESTED: u8 = 4;

/// How long what was refused waits: twice as long after each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// After the first refusal, in seconds.
    pub first_s: i64,
    /// At most, in seconds.
    pub most_s: i64,
}

impl Pause {
    pub(super) fn until(self, tries: i64, now: UnixTime) -> UnixTime {
        let doublings = u32::try_from(tries).unwrap_or(0).min(30);
        let s = self.first_s.saturating_mul(1_i64 << doublings);
        now.plus_s(s.min(self.most_s))
    }
}

/// What a settled deposit changes: the status of a record's copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effect {
    /// The record.
    pub kept: Sha256Hash,
    /// The status's two bits, or [`UNCONTESTED`].
    pub status: u8,
}

/// The number of a letter: of an envelope that was in the outbox. No other letter gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LetterId(pub(super) i64);

/// A sealed envelope on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// Drawn once.
    pub deposit_id: DepositId,
    /// The recipient.
    pub address: AddressId,
    /// The envelope's bytes.
    pub envelope: Vec<u8>,
    /// A frozen address takes it too.
    pub reserved: bool,
    /// What changes once it is settled.
    pub effect: Option<Effect>,
}

/// What became of a deposit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentRow {
    /// The recipient.
    pub address: AddressId,
    /// SHA-256 of the envelope.
    pub envelope_hash: Sha256Hash,
    /// `stored`, `gone`, or the name of the problem for which it was refused.
    pub outcome: String,
    /// The receipt of a stored one.
    pub receipt: Option<Receipt>,
}

fn sent(r: &Row<'_>) -> rusqlite::Result<SentRow> {
    let (proof, nonce_a): (Option<String>, Option<[u8; 32]>) = (r.get(3)?, r.get(4)?);
    let receipt = proof.zip(nonce_a).map(|(proof, nonce_a)| Receipt {
        proof,
        nonce_a: Nonce::new(nonce_a),
    });
    Ok(SentRow {
        address: AddressId::new(r.get(0)?),
        envelope_hash: Sha256Hash::new(r.get(1)?),
        outcome: r.get(2)?,
        receipt,
    })
}

fn outgoing(r: &Row<'_>) -> rusqlite::Result<OutboxRow> {
    let effect: (Option<[u8; 32]>, Option<u8>) = (r.get(4)?, r.get(5)?);
    Ok(OutboxRow {
        deposit_id: DepositId::new(r.get(0)?),
        address: AddressId::new(r.get(1)?),
        envelope: r.get(2)?,
        reserved: r.get(3)?,
        effect: effect.0.zip(effect.1).map(|(kept, status)| Effect {
            kept: Sha256Hash::new(kept),
            status,
        }),
    })
}

impl GatewayStore {
    /// Adds an envelope to the outbox; gives its number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn add_outgoing(&self, row: &OutboxRow) -> Result<LetterId, StoreError> {
        let sql = "INSERT INTO outbox (deposit_id, address, envelope, reserved, effect_kept, \
                   effect_status) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let id = self.sql().prepare_cached(sql)?.insert(params![
            row.deposit_id.as_bytes(),
            row.address.as_bytes(),
            row.envelope,
            row.reserved,
            row.effect.as_ref().map(|e| e.kept.as_bytes()),
            row.effect.map(|e| e.status),
        ])?;
        Ok(LetterId(id))
    }

    /// The oldest envelopes on their way, without those that wait and those whose address is parked: at
    /// most so many, and none behind those that have so many bytes together.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn outgoing(
        &self,
        (max, size_bytes): (usize, usize),
        now: UnixTime,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        let sql = "SELECT deposit_id, address, envelope, reserved, effect_kept, effect_status \
                   FROM outbox WHERE until <= ?2 AND NOT EXISTS (SELECT 1 FROM parked \
                   WHERE parked.address = outbox.address AND parked.reserved = outbox.reserved \
                   AND parked.until > ?2) ORDER BY id LIMIT ?1";
        let mut statement = self.sql().prepare_cached(sql)?;
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let mut rows = statement.query(params![max, now.0])?;
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while bytes < size_bytes
            && let Some(row) = rows.next()?
        {
            let row = outgoing(row)?;
            bytes += row.envelope.len();
            taken.push(row);
        }
        Ok(taken)
    }

    /// Lets an address's envelopes wait; the later time counts. `true` if it was not parked before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn park(
        &self,
        address: &AddressId,
        reserved: bool,
        until: UnixTime,
    ) -> Result<bool, StoreError> {
        let sql = "SELECT COUNT(*) FROM parked WHERE address = ?1 AND reserved = ?2";
        let key = params![address.as_bytes(), reserved];
        let known: i64 = self.sql().query_row(sql, key, |r| r.get(0))?;
        let sql = "INSERT INTO parked (address, reserved, until) VALUES (?1, ?2, ?3) \
                   ON CONFLICT DO UPDATE SET until = MAX(until, excluded.until)";
        self.sql()
            .execute(sql, params![address.as_bytes(), reserved, until.0])?;
        Ok(known == 0)
    }

    /// Lets an address's envelopes wait after a refusal, longer each time. `true` the first time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn park_for(
        &self,
        address: &AddressId,
        reserved: bool,
        pause: Pause,
        now: UnixTime,
    ) -> Result<bool, StoreError> {
        let sql = "SELECT tries FROM parked WHERE address = ?1 AND reserved = ?2";
        let key = params![address.as_bytes(), reserved];
        let tries: Option<i64> = self.sql().query_row(sql, key, |r| r.get(0)).optional()?;
        let tries = tries.unwrap_or(0);
        let sql = "INSERT INTO parked (address, reserved, until, tries) VALUES (?1, ?2, ?3, ?4) \
                   ON CONFLICT DO UPDATE SET until = MAX(until, excluded.until), \
                   tries = excluded.tries";
        let until = pause.until(tries, now).0;
        let row = params![address.as_bytes(), reserved, until, tries.saturating_add(1)];
        self.sql().execute(sql, row)?;
        Ok(tries == 0)
    }

    /// Lets one envelope wait after a refusal, longer each time. `true` the first time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn postpone(
        &self,
        id: &DepositId,
        pause: Pause,
        now: UnixTime,
    ) -> Result<bool, StoreError> {
        let sql = "SELECT tries FROM outbox WHERE deposit_id = ?1";
        let key = params![id.as_bytes()];
        let tries: Option<i64> = self.sql().query_row(sql, key, |r| r.get(0)).optional()?;
        // Another process has settled it.
        let Some(tries) = tries else {
            return Ok(false);
        };
        let sql = "UPDATE outbox SET tries = ?2, until = ?3 WHERE deposit_id = ?1";
        let until = pause.until(tries, now).0;
        self.sql()
            .execute(sql, params![id.as_bytes(), tries.saturating_add(1), until])?;
        Ok(tries == 0)
    }

    /// Ends the waiting of an address's envelopes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn unpark(&self, address: &AddressId, reserved: bool) -> Result<(), StoreError> {
        let sql = "DELETE FROM parked WHERE address = ?1 AND reserved = ?2";
        self.sql()
            .execute(sql, params![address.as_bytes(), reserved])?;
        Ok(())
    }

    /// Forgets a waiting that is over: the next refusal is the first again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn unpark_ended(
        &self,
        address: &AddressId,
        reserved: bool,
        now: UnixTime,
    ) -> Result<(), StoreError> {
        let sql = "DELETE FROM parked WHERE address = ?1 AND reserved = ?2 AND until <= ?3";
        self.sql()
            .prepare_cached(sql)?
            .execute(params![address.as_bytes(), reserved, now.0])?;
        Ok(())
    }

    /// How many envelopes are on their way.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn outgoing_count(&self) -> Result<u64, StoreError> {
        let sql = "SELECT COUNT(*) FROM outbox";
        crate::unsigned(self.sql().query_row(sql, [], |r| r.get(0))?)
    }

    /// Takes an envelope out of the outbox and keeps what became of it; gives the number that it had.
    /// `None` if another process settled it before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn settle(&self, id: &DepositId, row: &SentRow) -> Result<Option<LetterId>, StoreError> {
        let sql = "DELETE FROM outbox WHERE deposit_id = ?1 RETURNING id";
        let mut statement = self.sql().prepare_cached(sql)?;
        let letter = statement
            .query_row(params![id.as_bytes()], |r| r.get(0).map(LetterId))
            .optional()?;
        let Some(letter) = letter else {
            return Ok(None);
        };
        let sql = "DELETE FROM outbox_object WHERE letter = ?1";
        self.sql()
            .prepare_cached(sql)?
            .execute(params![id.as_bytes()])?;
        self.insert_sent(Some(letter), id, row)?;
        Ok(Some(letter))
    }

    /// Keeps what became of a letter, or of an object.
    pub(super) fn insert_sent(
        &self,
        letter: Option<LetterId>,
        id: &DepositId,
        row: &SentRow,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO sent (letter, deposit_id, address, envelope_hash, outcome, proof, \
                   nonce_a) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        self.sql().prepare_cached(sql)?.execute(params![
            letter.map(|letter| letter.0),
            id.as_bytes(),
            row.address.as_bytes(),
            row.envelope_hash.as_bytes(),
            row.outcome,
            row.receipt.as_ref().map(|r| r.proof.as_str()),
            row.receipt.as_ref().map(|r| r.nonce_a.as_bytes()),
        ])?;
        Ok(())
    }

    /// What became of a letter; none while it is on its way.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn sent(&self, letter: LetterId) -> Result<Option<SentRow>, StoreError> {
        let sql = "SELECT address, envelope_hash, outcome, proof, nonce_a FROM sent \
                   WHERE letter = ?1";
        let mut statement = self.sql().prepare_cached(sql)?;
        Ok(statement.query_row(params![letter.0], sent).optional()?)
    }

    /// What became of the envelopes to one address, and their receipts.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn sent_to(&self, address: &AddressId) -> Result<Vec<SentRow>, StoreError> {
        let sql = "SELECT address, envelope_hash, outcome, proof, nonce_a FROM sent \
                   WHERE address = ?1 ORDER BY id";
        let mut statement = self.sql().prepare_cached(sql)?;
        let rows = statement.query_map(params![address.as_bytes()], sent)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
