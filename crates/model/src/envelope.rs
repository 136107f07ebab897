//! The envelope: what the hub stores and forwards. Specified in `docs/spec/envelope.md`.
//!
//! `envelope = CBOR array [header: bstr, enc: bstr, ct: bstr]`;
//! `header = deterministic CBOR map {"to", "hub", "suite", "commit"}` in that (bytewise) order.
//! The header bytes as received are the AAD of the seal (R5): they are kept, never re-encoded.

use crate::{AddressId, HubId, Sha256Hash, cbor};
use denizen_guard::{Check, holds};
use minicbor::{Decoder, Encoder};

/// Suite 1: X-Wing (KEM 0x647a), HKDF-SHA256 (KDF 0x0001), ChaCha20-Poly1305 (AEAD 0x0003), SHA-256,
/// Ed25519 and ES256.
pub const SUITE_1: u16 = 1;

/// Plaintext size classes in bytes; a ciphertext is a class plus the AEAD's 16-byte tag.
pub const SIZE_CLASSES_BYTES: [usize; 4] = [4 << 10, 16 << 10, 64 << 10, 256 << 10];

/// Length of the AEAD tag in suite 1, in bytes.
pub const TAG_SIZE_BYTES: usize = 16;

/// Length of the encapsulated key in suite 1 (X-Wing), in bytes.
pub const ENC_SIZE_BYTES: usize = 1120;

/// Largest envelope in bytes.
pub const ENVELOPE_SIZE_BYTES_MAX: usize = SIZE_CLASSES_BYTES[3] + 2048;

/// Why bytes are no envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// Not the CBOR array in its deterministic form: cut, padded or of another shape.
    #[error("not an envelope: cut short, lengthened or of another shape")]
    Malformed,
    /// A suite that this version does not know.
    #[error("envelope is of a suite that this version does not know")]
    SuiteUnknown,
    /// A ciphertext that is of no size class.
    #[error("envelope is of no known size class")]
    SizeClass,
}

/// The part of an envelope that the hub reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Cipher suite; [`SUITE_1`].
    pub suite: u16,
    /// The hub of the address.
    pub hub: HubId,
    /// The address that it is for.
    pub to: AddressId,
    /// Merkle root over the salted attachments.
    pub commit: Sha256Hash,
}

impl Header {
    /// Deterministic CBOR of the header.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::new(Vec::with_capacity(128));
        e.map(4)
            .and_then(|e| e.str("to")?.bytes(self.to.as_bytes()))
            .and_then(|e| e.str("hub")?.bytes(self.hub.as_bytes()))
            .and_then(|e| e.str("suite")?.u16(self.suite))
            .and_then(|e| e.str("commit")?.bytes(self.commit.as_bytes()))
            .expect(cbor::MEMORY);
        e.into_writer()
    }

    /// Reads a header.
    ///
    /// # Errors
    /// [`EnvelopeError::Malformed`] for any other encoding, [`EnvelopeError::SuiteUnknown`].
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let header = Self::read(bytes).ok_or(EnvelopeError::Malformed)?;
        if header.encode() != bytes {
            return Err(EnvelopeError::Malformed);
        }
        if header.suite != SUITE_1 {
            return Err(EnvelopeError::SuiteUnknown);
        }
        Ok(header)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut d = Decoder::new(bytes);
        if d.map().ok()?? != 4 {
            return None;
        }
        let key = |d: &mut Decoder<'_>, name: &str| (d.str().ok()? == name).then_some(());
        key(&mut d, "to")?;
        let to = AddressId::from_slice(d.bytes().ok()?).ok()?;
        key(&mut d, "hub")?;
        let hub = HubId::from_slice(d.bytes().ok()?).ok()?;
        key(&mut d, "suite")?;
        let suite = d.u16().ok()?;
        key(&mut d, "commit")?;
        Some(Self {
            suite,
            hub,
            to,
            commit: cbor::hash(&mut d)?,
        })
    }
}

/// A sealed envelope, parsed but not opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    header: Header,
    header_bytes: Vec<u8>,
    enc: Vec<u8>,
    ct: Vec<u8>,
}

impl Envelope {
    /// Joins the parts that sealing made. `header_bytes` must be what was authenticated.
    ///
    /// # Errors
    /// [`EnvelopeError`] as [`Envelope::parse`].
    pub fn new(header_bytes: Vec<u8>, enc: Vec<u8>, ct: Vec<u8>) -> Result<Self, EnvelopeError> {
        let header = Header::parse(&header_bytes)?;
        if enc.len() != ENC_SIZE_BYTES {
            return Err(EnvelopeError::Malformed);
        }
        let mut classes = SIZE_CLASSES_BYTES.iter();
        let known = classes.any(|class| class + TAG_SIZE_BYTES == ct.len());
        if !holds(Check::SizeClass, known) {
            return Err(EnvelopeError::SizeClass);
        }
        Ok(Self {
            header,
            header_bytes,
            enc,
            ct,
        })
    }

    /// Reads an envelope.
    ///
    /// # Errors
    /// [`EnvelopeError`]; nothing is kept of bytes that are refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        if bytes.len() > ENVELOPE_SIZE_BYTES_MAX {
            return Err(EnvelopeError::Malformed);
        }
        let read = || {
            let mut d = Decoder::new(bytes);
            cbor::array_head(&mut d, 3)?;
            let part = |d: &mut Decoder<'_>| Some(d.bytes().ok()?.to_vec());
            Some((part(&mut d)?, part(&mut d)?, part(&mut d)?))
        };
        let (header, enc, ct) = read().ok_or(EnvelopeError::Malformed)?;
        let envelope = Self::new(header, enc, ct)?;
        if envelope.encode() == bytes {
            Ok(envelope)
        } else {
            Err(EnvelopeError::Malformed)
        }
    }

    /// The envelope's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        cbor::array(&[
            cbor::Item::Bytes(&self.header_bytes),
            cbor::Item::Bytes(&self.enc),
            cbor::Item::Bytes(&self.ct),
        ])
    }

    /// What the header says.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The header bytes as received: the AAD.
    #[must_use]
    pub fn header_bytes(&self) -> &[u8] {
        &self.header_bytes
    }

    /// The encapsulated key.
    #[must_use]
    pub fn enc(&self) -> &[u8] {
        &self.enc
    }

    /// The ciphertext.
    #[must_use]
    pub fn ct(&self) -> &[u8] {
        &self.ct
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn envelope() -> Vec<u8> {
        let header = Header {
            suite: SUITE_1,
            hub: HubId::new([1; 32]),
            to: AddressId::new([2; 32]),
            commit: Sha256Hash::new([3; 32]),
        };
        let ct = vec![9; SIZE_CLASSES_BYTES[0] + TAG_SIZE_BYTES];
        Envelope::new(header.encode(), vec![4; ENC_SIZE_BYTES], ct)
            .unwrap()
            .encode()
    }

    #[test]
    fn what_is_written_is_read_and_a_cut_or_longer_one_is_refused() {
        let bytes = envelope();
        assert_eq!(Envelope::parse(&bytes).unwrap().encode(), bytes);
        for len in 0..bytes.len() {
            assert!(Envelope::parse(&bytes[..len]).is_err());
        }
        assert!(Envelope::parse(&[bytes, vec![0]].concat()).is_err());
    }

    #[test]
    fn a_header_in_another_order_or_of_another_suite_is_refused() {
        let header = Envelope::parse(&envelope()).unwrap().header().clone();
        let other = Header {
            suite: 2,
            ..header.clone()
        };
        assert_eq!(
            Header::parse(&other.encode()),
            Err(EnvelopeError::SuiteUnknown)
        );
        let mut e = Encoder::new(Vec::new());
        e.map(4)
            .unwrap()
            .str("hub")
            .unwrap()
            .bytes(&[1; 32])
            .unwrap();
        e.str("to")
            .unwrap()
            .bytes(&[2; 32])
            .unwrap()
            .str("suite")
            .unwrap()
            .u16(1)
            .unwrap();
        e.str("commit").unwrap().bytes(&[3; 32]).unwrap();
        assert_eq!(
            Header::parse(&e.into_writer()),
            Err(EnvelopeError::Malformed)
        );
    }
}
