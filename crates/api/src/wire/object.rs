//! Bodies of the requests for attachment objects: `docs/spec/attachments.md`.

use super::{DepositOutcome, Write, WriteError, as_written, read_receipt, write, write_receipt};
use denizen_model::{DepositId, cbor};
use minicbor::{Decoder, data::Type};

/// Uploads of one depositor at one address that may be unfinished at a time.
pub const UPLOADS_MAX: u64 = 4;

/// `PUT /v1/addresses/{a}/objects/{id}`: the next part of an object, or (without bytes) the question how
/// far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectPart {
    /// Drawn by the sender once for the object and kept for retries.
    pub deposit_id: DepositId,
    /// Bytes of the whole object.
    pub size: u64,
    /// Where these bytes begin.
    pub offset: u64,
    /// The deposit pass, for an inbox.
    pub pass: Option<Vec<u8>>,
    /// Belongs to a status change or an answer to a dispute: taken by a frozen address.
    pub reserved: bool,
    /// Whole chunks, at most [`denizen_model::object::PART_SIZE_BYTES_MAX`].
    pub bytes: Vec<u8>,
}

/// How far an upload is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadState {
    /// So many bytes are there: the next part begins here.
    Going {
        /// Bytes that are on the hub's disk.
        received: u64,
    },
    /// It is whole: stored with its receipt, or stored once and erased by its owner.
    Done(DepositOutcome),
}

impl ObjectPart {
    /// `[deposit_id, size, offset, pass / null, reserved, bytes]`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        write(|e| {
            e.array(6)?
                .bytes(self.deposit_id.as_bytes())?
                .u64(self.size)?
                .u64(self.offset)?;
            match &self.pass {
                Some(pass) => e.bytes(pass)?,
                None => e.null()?,
            };
            e.bool(self.reserved)?.bytes(&self.bytes)?;
            Ok(())
        })
    }

    /// Reads a part; `None` for another shape or encoding.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut d = Decoder::new(bytes);
        cbor::array_head(&mut d, 6)?;
        let deposit_id = DepositId::from_slice(d.bytes().ok()?).ok()?;
        let (size, offset) = (d.u64().ok()?, d.u64().ok()?);
        let pass = match d.datatype().ok()? {
            Type::Null => {
                d.null().ok()?;
                None
            }
            _ => Some(d.bytes().ok()?.to_vec()),
        };
        let part = Self {
            deposit_id,
            size,
            offset,
            pass,
            reserved: d.bool().ok()?,
            bytes: d.bytes().ok()?.to_vec(),
        };
        as_written(bytes, part, Self::encode)
    }
}

impl UploadState {
    /// `[0, pos, index, proof, nonce_a]`, `[1, index]` as for a deposit, or `[3, received]`. A refusal is
    /// a problem.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        write(|e| self.write(e))
    }

    fn write(&self, e: &mut Write) -> Result<(), WriteError> {
        match self {
            Self::Going { received } => {
                e.array(2)?.u8(3)?.u64(*received)?;
            }
            Self::Done(DepositOutcome::Stored {
                pos,
                index,
                receipt,
            }) => {
                e.array(5)?.u8(0)?.u64(*pos)?.u64(*index)?;
                write_receipt(e, receipt)?;
            }
            Self::Done(DepositOutcome::Gone { index }) => {
                e.array(2)?.u8(1)?.u64(*index)?;
            }
            Self::Done(DepositOutcome::Refused(kind)) => {
                e.array(2)?.u8(2)?.str(kind)?;
            }
        }
        Ok(())
    }

    /// Reads the answer; `None` for another shape or encoding.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut d = Decoder::new(bytes);
        let len = d.array().ok()??;
        let state = match (len, d.u8().ok()?) {
            (5, 0) => Self::Done(DepositOutcome::Stored {
                pos: d.u64().ok()?,
                index: d.u64().ok()?,
                receipt: read_receipt(&mut d)?,
            }),
            (2, 1) => Self::Done(DepositOutcome::Gone {
                index: d.u64().ok()?,
            }),
            (2, 3) => Self::Going {
                received: d.u64().ok()?,
            },
            _ => return None,
        };
        as_written(bytes, state, Self::encode)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_states_have_one_reading() {
        let part = ObjectPart {
            deposit_id: DepositId::new([1; 16]),
            size: 65_552,
            offset: 0,
            pass: Some(vec![7]),
            reserved: true,
            bytes: vec![9; 100],
        };
        let bytes = part.encode();
        assert_eq!(ObjectPart::decode(&bytes).unwrap(), part);
        assert!(ObjectPart::decode(&[&bytes[..], &[0]].concat()).is_none());
        let going = UploadState::Going { received: 3 };
        assert_eq!(UploadState::decode(&going.encode()).unwrap(), going);
        let gone = UploadState::Done(DepositOutcome::Gone { index: 3 });
        assert_eq!(UploadState::decode(&gone.encode()).unwrap(), gone);
        assert!(UploadState::decode(&[0x82, 2, 0]).is_none());
    }
}
