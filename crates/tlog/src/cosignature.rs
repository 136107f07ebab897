//! Witness cosignatures, version `cosignature/v1` with Ed25519. Source: c2sp.org/tlog-cosignature.

use crate::note::{NoteError, SignatureLine, UnverifiedNote, key_id, verify_ed25519};
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};

/// Signature type of a timestamped Ed25519 cosignature.
const TYPE_COSIGNATURE: u8 = 0x04;

/// A witness's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CosignatureVerifier {
    name: String,
    key: VerifyingKey,
}

/// Which witnesses are trusted, and how many of them must have cosigned.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WitnessPolicy {
    /// Trusted witnesses; none of them run by the log's operator (R11).
    pub witnesses: Vec<CosignatureVerifier>,
    /// How many must have cosigned for a receipt to be *witnessed*; 0 means that none ever is.
    pub quorum: usize,
}

impl CosignatureVerifier {
    /// The verifier of a witness's Ed25519 key under its name.
    ///
    /// # Errors
    /// [`NoteError::BadKey`].
    pub fn new(name: &str, key: &[u8; 32]) -> Result<Self, NoteError> {
        let key = VerifyingKey::from_bytes(key).map_err(|_| NoteError::BadKey)?;
        if key.is_weak() {
            return Err(NoteError::BadKey);
        }
        Ok(Self {
            name: name.to_owned(),
            key,
        })
    }

    /// The time of this witness's cosignature on a note, in seconds since 1970, if there is a good
    /// one.
    #[must_use]
    pub fn cosigned_at(&self, note: &UnverifiedNote<'_>) -> Option<u64> {
        let id = key_id(&self.name, TYPE_COSIGNATURE, self.key.as_bytes());
        let line = note
            .signatures()
            .iter()
            .find(|l| l.name == self.name && l.key_id == id)?;
        let (time, signature) = line.signature.split_first_chunk::<8>()?;
        let time = u64::from_be_bytes(*time);
        let message = message(time, note.danger_text());
        verify_ed25519(&self.key, message.as_bytes(), signature)
            .ok()
            .map(|()| time)
    }
}

impl WitnessPolicy {
    /// Whether a quorum of witnesses has cosigned a note.
    #[must_use]
    pub fn met(&self, note: &UnverifiedNote<'_>) -> bool {
        let count = self
            .witnesses
            .iter()
            .filter(|w| w.cosigned_at(note).is_some())
            .count();
        self.quorum > 0 && count >= self.quorum
    }
}

/// A witness's cosignature line over a checkpoint's text at `time` (seconds since 1970).
#[must_use]
pub fn cosign(text: &str, name: &str, seed: &[u8; 32], time: u64) -> SignatureLine {
    let key = SigningKey::from_bytes(seed);
    let signature = key.sign(message(time, text).as_bytes()).to_bytes();
    SignatureLine {
        name: name.to_owned(),
        key_id: key_id(name, TYPE_COSIGNATURE, key.verifying_key().as_bytes()),
        signature: [&time.to_be_bytes()[..], &signature].concat(),
    }
}

fn message(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}
