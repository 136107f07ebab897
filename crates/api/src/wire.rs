//! Bodies of requests and answers. JSON, but for deposits and envelopes, which are CBOR arrays.

mod object;

pub use object::{ObjectPart, UPLOADS_MAX, UploadState};

use crate::signature::CREATED_SKEW_S;
use denizen_model::{
    DepositId, Nonce, OrgId, PublicKeyFor, Sha256Hash, UnixTime, cbor, deposit::Receipt, id::Bytes,
    key::Auth,
};
use minicbor::{Decoder, Encoder};
use serde::{Deserialize, Serialize};

/// Most deposits in one batch.
pub const BATCH_MAX: usize = 512;
/// Largest request body in bytes.
pub const BODY_SIZE_BYTES_MAX: usize = 16 << 20;
/// Longest long poll in seconds.
pub const WAIT_S_MAX: u32 = 30;
/// Most envelopes in one answer.
pub const FETCH_MAX: usize = 256;
/// Largest wrapped root in bytes.
pub const ROOT_SIZE_BYTES_MAX: usize = 4096;
/// Largest status list token in bytes.
pub const STATUS_SIZE_BYTES_MAX: usize = 1 << 20;

/// How far ahead of a hub's clock a status list may be signed, seconds.
pub const STATUS_AHEAD_S_MAX: i64 = 900;
/// How far ahead of a reader's clock: what a hub takes is refused by nobody whose clock the hub bears with.
pub const STATUS_READ_AHEAD_S_MAX: i64 = STATUS_AHEAD_S_MAX + CREATED_SKEW_S;

/// The latest time at which a status list may be signed that a hub takes now, Unix seconds.
#[must_use]
pub fn status_latest(now: UnixTime) -> i64 {
    now.0.saturating_add(STATUS_AHEAD_S_MAX)
}

/// The latest time at which a status list may be signed that is read now, Unix seconds.
#[must_use]
pub fn status_read_latest(now: UnixTime) -> i64 {
    now.0.saturating_add(STATUS_READ_AHEAD_S_MAX)
}

/// Media type of the CBOR bodies.
pub const CBOR_MEDIA_TYPE: &str = "application/cbor";

/// Who may deposit at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accept {
    /// This organisation: a link.
    Org(OrgId),
    /// The address's own `auth` key: address 0. JSON: `{"self": true}`.
    #[serde(rename = "self")]
    SelfOnly(bool),
    /// Whoever has a pass of this organisation: an inbox.
    PassBy(OrgId),
}

/// `POST /v1/addresses`, signed by `auth`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterAddress {
    /// Version, 1.
    pub v: u8,
    /// The address is its hash.
    pub auth: PublicKeyFor<Auth>,
    /// Kept by the hub and returned to `auth` only; absent for address 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<Nonce>,
    /// Who may deposit.
    pub accepts: Vec<Accept>,
    /// Register pass; absent for address 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass: Option<Bytes>,
}

/// What the hub knows of an address: answer to registering and to `GET /v1/addresses/{a}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddressState {
    /// As registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<Nonce>,
    /// Who may deposit.
    pub accepts: Vec<Accept>,
    /// Counts changes of `accepts`, from 0.
    pub version: u64,
    /// Only reserved deposits are taken.
    pub frozen: bool,
}

/// `PUT /v1/addresses/{a}/accepts`, signed by `auth`; `version` is one more than the current.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeAccepts {
    /// The new version.
    pub version: u64,
    /// Who may deposit from now on.
    pub accepts: Vec<Accept>,
    /// Only reserved deposits are taken.
    pub frozen: bool,
}

/// `PUT /v1/roots/{locator}`: create only (R3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrappedRoot {
    /// The wrapped root, at most [`ROOT_SIZE_BYTES_MAX`].
    pub wrapped: Bytes,
    /// The key that may delete it.
    pub owner: PublicKeyFor<Auth>,
}

/// One deposit of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DepositItem {
    /// Drawn by the sender once and kept for retries.
    pub deposit_id: DepositId,
    /// The envelope's bytes.
    pub envelope: Vec<u8>,
    /// The deposit pass, for an inbox.
    pub pass: Option<Vec<u8>>,
    /// A status change or an answer to a dispute: taken by a frozen address.
    pub reserved: bool,
}

/// What became of one deposit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DepositOutcome {
    /// Durable and in a signed tree.
    Stored {
        /// Position within the address.
        pos: u64,
        /// Index of its leaf.
        index: u64,
        /// The receipt, unverified.
        receipt: Receipt,
    },
    /// It was stored once, and erased by its owner.
    Gone {
        /// Index of its leaf.
        index: u64,
    },
    /// Not taken, by the name of a [`crate::ProblemKind`].
    Refused(String),
}

/// One place of an address, as fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// An envelope with its receipt, both unverified.
    Envelope {
        /// Position.
        pos: u64,
        /// The envelope's bytes.
        envelope: Vec<u8>,
        /// Its receipt.
        receipt: Receipt,
    },
    /// An attachment object: its bytes are asked for by its id. Receipt unverified.
    Object {
        /// Position.
        pos: u64,
        /// SHA-256 of its bytes.
        id: Sha256Hash,
        /// Its receipt.
        receipt: Receipt,
    },
    /// Erased.
    Tombstone {
        /// Position.
        pos: u64,
        /// Index of its leaf.
        index: u64,
    },
}

impl Fetched {
    /// Its position.
    #[must_use]
    pub fn pos(&self) -> u64 {
        match self {
            Self::Envelope { pos, .. } | Self::Object { pos, .. } | Self::Tombstone { pos, .. } => {
                *pos
            }
        }
    }
}

/// Answer to `GET /v1/addresses/{a}/envelopes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchAnswer {
    /// The signed head object.
    pub head: Vec<u8>,
    /// The checkpoint note whose hash the head names.
    pub checkpoint: String,
    /// Places in order of position.
    pub items: Vec<Fetched>,
}

/// Answer to `GET /v1/directory`: all entries from the first, and the checkpoint that covers them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryAnswer {
    /// The checkpoint note.
    pub checkpoint: String,
    /// Entries in the log's order.
    pub entries: Vec<Vec<u8>>,
}

/// Answer to `POST /v1/directory`: where the first entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryPlace {
    /// Index in the directory log.
    pub index: u64,
}

type Write = Encoder<Vec<u8>>;
type WriteError = minicbor::encode::Error<std::convert::Infallible>;

fn write(f: impl FnOnce(&mut Write) -> Result<(), WriteError>) -> Vec<u8> {
    let mut e = Encoder::new(Vec::new());
    f(&mut e).expect(cbor::MEMORY);
    e.into_writer()
}

/// Reads `n` items after an array head, refusing counts above `max`.
fn read_all<'b, T>(
    bytes: &'b [u8],
    d: &mut Decoder<'b>,
    max: usize,
    mut one: impl FnMut(&mut Decoder<'b>) -> Option<T>,
) -> Option<Vec<T>> {
    let count = usize::try_from(d.array().ok()??).ok()?;
    if count > max || count > bytes.len() {
        return None;
    }
    (0..count).map(|_| one(d)).collect()
}

/// The value, if these are the bytes that write it: one value has one encoding.
fn as_written<T>(bytes: &[u8], value: T, encode: impl FnOnce(&T) -> Vec<u8>) -> Option<T> {
    (encode(&value) == bytes).then_some(value)
}

fn write_receipt(e: &mut Write, receipt: &Receipt) -> Result<(), WriteError> {
    e.str(&receipt.proof)?.bytes(receipt.nonce_a.as_bytes())?;
    Ok(())
}

fn read_receipt(d: &mut Decoder<'_>) -> Option<Receipt> {
    let proof = d.str().ok()?.to_owned();
    Some(Receipt {
        proof,
        nonce_a: Nonce::from_slice(d.bytes().ok()?).ok()?,
    })
}

/// Encodes the body of `POST /v1/deposits`: array of `[deposit_id, envelope, pass / null, reserved]`.
#[must_use]
pub fn encode_batch(items: &[DepositItem]) -> Vec<u8> {
    write(|e| {
        e.array(items.len() as u64)?;
        for item in items {
            e.array(4)?
                .bytes(item.deposit_id.as_bytes())?
                .bytes(&item.envelope)?;
            match &item.pass {
                Some(pass) => e.bytes(pass)?,
                None => e.null()?,
            };
            e.bool(item.reserved)?;
        }
        Ok(())
    })
}

/// Reads a batch; `None` for another shape or encoding, or more than [`BATCH_MAX`] items.
#[must_use]
pub fn decode_batch(bytes: &[u8]) -> Option<Vec<DepositItem>> {
    let mut d = Decoder::new(bytes);
    let items = read_all(bytes, &mut d, BATCH_MAX, |d| {
        cbor::array_head(d, 4)?;
        let deposit_id = DepositId::from_slice(d.bytes().ok()?).ok()?;
        let envelope = d.bytes().ok()?.to_vec();
        let pass = match d.datatype().ok()? {
            minicbor::data::Type::Null => {
                d.null().ok()?;
                None
            }
            _ => Some(d.bytes().ok()?.to_vec()),
        };
        Some(DepositItem {
            deposit_id,
            envelope,
            pass,
            reserved: d.bool().ok()?,
        })
    })?;
    as_written(bytes, items, |items| encode_batch(items))
}

/// Encodes the answer to a batch, in the batch's order: `[0, pos, index, proof, nonce_a]`,
/// `[1, index]` or `[2, problem kind]`.
#[must_use]
pub fn encode_outcomes(outcomes: &[DepositOutcome]) -> Vec<u8> {
    write(|e| {
        e.array(outcomes.len() as u64)?;
        for outcome in outcomes {
            match outcome {
                DepositOutcome::Stored {
                    pos,
                    index,
                    receipt,
                } => {
                    e.array(5)?.u8(0)?.u64(*pos)?.u64(*index)?;
                    write_receipt(e, receipt)?;
                }
                DepositOutcome::Gone { index } => {
                    e.array(2)?.u8(1)?.u64(*index)?;
                }
                DepositOutcome::Refused(kind) => {
                    e.array(2)?.u8(2)?.str(kind)?;
                }
            }
        }
        Ok(())
    })
}

/// Reads the answer to a batch; `None` for another shape or encoding.
#[must_use]
pub fn decode_outcomes(bytes: &[u8]) -> Option<Vec<DepositOutcome>> {
    let mut d = Decoder::new(bytes);
    let outcomes = read_all(bytes, &mut d, BATCH_MAX, |d| {
        let len = d.array().ok()??;
        Some(match (len, d.u8().ok()?) {
            (5, 0) => DepositOutcome::Stored {
                pos: d.u64().ok()?,
                index: d.u64().ok()?,
                receipt: read_receipt(d)?,
            },
            (2, 1) => DepositOutcome::Gone {
                index: d.u64().ok()?,
            },
            (2, 2) => DepositOutcome::Refused(d.str().ok()?.to_owned()),
            _ => return None,
        })
    })?;
    as_written(bytes, outcomes, |outcomes| encode_outcomes(outcomes))
}

/// Most entries in one `POST /v1/directory`.
pub const ENTRIES_MAX: usize = 256;

/// Encodes the body of `POST /v1/directory`: array of entries, taken all or none.
#[must_use]
pub fn encode_entries(entries: &[&[u8]]) -> Vec<u8> {
    write(|e| {
        e.array(entries.len() as u64)?;
        for entry in entries {
            e.bytes(entry)?;
        }
        Ok(())
    })
}

/// Reads the body of `POST /v1/directory`; `None` for another shape or encoding.
#[must_use]
pub fn decode_entries(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut d = Decoder::new(bytes);
    let entries = read_all(bytes, &mut d, ENTRIES_MAX, |d| {
        Some(d.bytes().ok()?.to_vec())
    })?;
    as_written(bytes, entries, |entries| {
        let entries: Vec<_> = entries.iter().map(Vec::as_slice).collect();
        encode_entries(&entries)
    })
}

impl FetchAnswer {
    /// `[head, checkpoint, [[0, pos, envelope, proof, nonce_a] | [1, pos, index] |
    /// [2, pos, id, proof, nonce_a], ...]]`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        write(|e| {
            e.array(3)?.bytes(&self.head)?.str(&self.checkpoint)?;
            e.array(self.items.len() as u64)?;
            for item in &self.items {
                match item {
                    Fetched::Envelope {
                        pos,
                        envelope,
                        receipt,
                    } => {
                        e.array(5)?.u8(0)?.u64(*pos)?.bytes(envelope)?;
                        write_receipt(e, receipt)?;
                    }
                    Fetched::Object { pos, id, receipt } => {
                        e.array(5)?.u8(2)?.u64(*pos)?.bytes(id.as_bytes())?;
                        write_receipt(e, receipt)?;
                    }
                    Fetched::Tombstone { pos, index } => {
                        e.array(3)?.u8(1)?.u64(*pos)?.u64(*index)?;
                    }
                }
            }
            Ok(())
        })
    }

    /// Reads the answer; `None` for another shape or encoding.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut d = Decoder::new(bytes);
        cbor::array_head(&mut d, 3)?;
        let head = d.bytes().ok()?.to_vec();
        let checkpoint = d.str().ok()?.to_owned();
        let items = read_all(bytes, &mut d, FETCH_MAX, |d| {
            let len = d.array().ok()??;
            Some(match (len, d.u8().ok()?) {
                (5, 0) => Fetched::Envelope {
                    pos: d.u64().ok()?,
                    envelope: d.bytes().ok()?.to_vec(),
                    receipt: read_receipt(d)?,
                },
                (5, 2) => Fetched::Object {
                    pos: d.u64().ok()?,
                    id: cbor::hash(d)?,
                    receipt: read_receipt(d)?,
                },
                (3, 1) => Fetched::Tombstone {
                    pos: d.u64().ok()?,
                    index: d.u64().ok()?,
                },
                _ => return None,
            })
        })?;
        let answer = Self {
            head,
            checkpoint,
            items,
        };
        as_written(bytes, answer, Self::encode)
    }
}

impl DirectoryAnswer {
    /// `[checkpoint, [entry, ...]]`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        write(|e| {
            e.array(2)?
                .str(&self.checkpoint)?
                .array(self.entries.len() as u64)?;
            for entry in &self.entries {
                e.bytes(entry)?;
            }
            Ok(())
        })
    }

    /// Reads the answer; `None` for another shape or encoding.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut d = Decoder::new(bytes);
        cbor::array_head(&mut d, 2)?;
        let checkpoint = d.str().ok()?.to_owned();
        let entries = read_all(bytes, &mut d, 1 << 20, |d| Some(d.bytes().ok()?.to_vec()))?;
        let answer = Self {
            checkpoint,
            entries,
        };
        as_written(bytes, answer, Self::encode)
    }
}
