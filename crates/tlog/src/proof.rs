//! The offline-verifiable proof that an entry is in a log. Source: c2sp.org/tlog-proof@v1.

use crate::{
    checkpoint::{Checkpoint, CheckpointError, open_checkpoint},
    cosignature::WitnessPolicy,
    note::{NOTE_SIZE_BYTES_MAX, NoteVerifier, UnverifiedNote},
    tree::{Hash, VerifyError, verify_inclusion},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::sync::{Arc, Mutex, PoisonError};

const MAGIC: &str = "c2sp.org/tlog-proof@v1";

/// Most hashes of a proof: a tree has less than 2^63 leaves.
const HASHES_MAX: usize = 63;

/// Why a proof is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// Not a proof in its one form.
    #[error("not a log proof")]
    Malformed,
    /// The checkpoint is not the trusted log's.
    #[error("checkpoint of the proof is refused")]
    Checkpoint(#[from] CheckpointError),
    /// The entry is not under the checkpoint's root.
    #[error("proof does not show that the entry is in the log")]
    Inclusion(#[from] VerifyError),
}

/// How much a proof says (R11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The log's operator has signed: it is durable there. Not called proof.
    Durable,
    /// A quorum of independent witnesses has cosigned.
    Witnessed,
}

/// A proof whose contents are known to be good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// The entry's index.
    pub index: u64,
    /// The checkpoint that covers it.
    pub checkpoint: Checkpoint,
    /// Durable or witnessed.
    pub level: Level,
}

/// Remembers the checkpoint that was verified last: the entries of one batch are under the same one, and
/// a signature over given bytes under a given key stays good. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct LastCheckpoint(Arc<Mutex<Last>>);

#[derive(Debug, Default)]
struct Last {
    /// Key, note, and what the note says.
    good: Option<(NoteVerifier, String, Checkpoint)>,
    count: u64,
}

impl LastCheckpoint {
    /// Verifies a checkpoint note unless it is the one that was good last, under the same key.
    fn open(&self, note: &str, log: &NoteVerifier) -> Result<Checkpoint, CheckpointError> {
        let known = self.with(|last| {
            let (key, text, checkpoint) = last.good.as_ref()?;
            (key == log && text == note).then(|| checkpoint.clone())
        });
        if let Some(checkpoint) = known {
            return Ok(checkpoint);
        }
        let opened = open_checkpoint(note, log);
        self.with(|last| {
            last.count += 1;
            if let Ok(checkpoint) = &opened {
                last.good = Some((log.clone(), note.to_owned(), checkpoint.clone()));
            }
        });
        opened
    }

    /// How many checkpoints were verified, and not remembered.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.with(|last| last.count)
    }

    fn with<T>(&self, work: impl FnOnce(&mut Last) -> T) -> T {
        // What a panicking thread left is nothing, or a true statement.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A proof as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnverifiedProof<'a> {
    extra: Option<Vec<u8>>,
    index: u64,
    hashes: Vec<Hash>,
    checkpoint: &'a str,
}

impl<'a> UnverifiedProof<'a> {
    /// Writes a proof.
    #[must_use]
    pub fn format(extra: Option<&[u8]>, index: u64, hashes: &[Hash], checkpoint: &str) -> String {
        let mut text = format!("{MAGIC}\n");
        if let Some(extra) = extra {
            text.push_str(&format!("extra {}\n", STANDARD.encode(extra)));
        }
        text.push_str(&format!("index {index}\n"));
        for hash in hashes {
            text.push_str(&STANDARD.encode(hash));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(checkpoint);
        text
    }

    /// Reads a proof; only the form that [`UnverifiedProof::format`] writes.
    ///
    /// # Errors
    /// [`ProofError::Malformed`].
    pub fn parse(text: &'a str) -> Result<Self, ProofError> {
        Self::read(text).ok_or(ProofError::Malformed)
    }

    fn read(text: &'a str) -> Option<Self> {
        if text.len() > 2 * NOTE_SIZE_BYTES_MAX {
            return None;
        }
        let (head, checkpoint) = text.split_once("\n\n")?;
        let mut lines = head.split('\n').peekable();
        if lines.next()? != MAGIC {
            return None;
        }
        let extra = match lines.peek()?.strip_prefix("extra ") {
            Some(extra) => {
                lines.next();
                Some(STANDARD.decode(extra).ok()?)
            }
            None => None,
        };
        let index = lines.next()?.strip_prefix("index ")?.parse().ok()?;
        let hash = |line: &str| STANDARD.decode(line).ok()?.try_into().ok();
        let hashes: Vec<Hash> = lines.map(hash).collect::<Option<_>>()?;
        let this = Self {
            extra,
            index,
            hashes,
            checkpoint,
        };
        let canonical =
            Self::format(this.extra.as_deref(), index, &this.hashes, checkpoint) == text;
        (canonical && this.hashes.len() <= HASHES_MAX).then_some(this)
    }

    /// The `extra` bytes, unverified: what the application says of the entry.
    #[must_use]
    pub fn danger_extra(&self) -> Option<&[u8]> {
        self.extra.as_deref()
    }

    /// The index, unverified.
    #[must_use]
    pub fn danger_index(&self) -> u64 {
        self.index
    }

    /// The index that a proof claims, of which nothing else is read: for lists of many.
    #[must_use]
    pub fn danger_index_of(text: &str) -> Option<u64> {
        let mut lines = text.strip_prefix(MAGIC)?.strip_prefix('\n')?.split('\n');
        let first = lines.next()?;
        let line = match first.strip_prefix("extra ") {
            Some(_) => lines.next()?,
            None => first,
        };
        let index = line.strip_prefix("index ")?;
        // Only the form that is written: no sign, no zeros before.
        let value: u64 = index.parse().ok()?;
        (value.to_string() == index).then_some(value)
    }

    /// Checks that the entry with this leaf hash is in the log at the proof's index.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn verify(
        &self,
        leaf: &Hash,
        log: &NoteVerifier,
        witnesses: &WitnessPolicy,
    ) -> Result<TlogProof, ProofError> {
        self.verify_after(leaf, log, witnesses, &LastCheckpoint::default())
    }

    /// The same, for one of many proofs: a checkpoint that is the last one's is not verified again.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn verify_after(
        &self,
        leaf: &Hash,
        log: &NoteVerifier,
        witnesses: &WitnessPolicy,
        last: &LastCheckpoint,
    ) -> Result<TlogProof, ProofError> {
        let checkpoint = last.open(self.checkpoint, log)?;
        verify_inclusion(
            leaf,
            self.index,
            checkpoint.size,
            &self.hashes,
            &checkpoint.root,
        )?;
        let note = UnverifiedNote::parse(self.checkpoint).map_err(CheckpointError::from)?;
        let level = if witnesses.met(&note) {
            Level::Witnessed
        } else {
            Level::Durable
        };
        Ok(TlogProof {
            index: self.index,
            checkpoint,
            level,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::{
        MemoryTiles, NoteSigner,
        cosignature::{CosignatureVerifier, cosign},
        hash_leaf, prove_inclusion, sign_checkpoint,
    };

    fn proof(size: u64, index: u64) -> (String, NoteSigner) {
        let signer = NoteSigner::new("log.example", &[1; 32]).unwrap();
        let mut log = MemoryTiles::default();
        let leaves: Vec<_> = (0..size).map(|i| hash_leaf(&i.to_be_bytes())).collect();
        let root = log.append(&leaves);
        let checkpoint = Checkpoint {
            origin: "log.example".into(),
            size,
            root,
        };
        let hashes = prove_inclusion(&log, index, size).unwrap();
        let note = sign_checkpoint(&checkpoint, &signer);
        (
            UnverifiedProof::format(Some(b"extra"), index, &hashes, &note),
            signer,
        )
    }

    #[test]
    fn the_index_alone_is_read_like_the_whole_proof() {
        let (text, _) = proof(11, 6);
        assert_eq!(UnverifiedProof::danger_index_of(&text), Some(6));
        let bare = UnverifiedProof::format(None, 7, &[], "note\n");
        assert_eq!(UnverifiedProof::danger_index_of(&bare), Some(7));
        for bad in ["index 06", "index +6", "index -6", "index 6 ", "index", "6"] {
            let bad = text.replace("index 6", bad);
            assert_eq!(UnverifiedProof::danger_index_of(&bad), None, "{bad}");
        }
        assert_eq!(UnverifiedProof::danger_index_of(&text[1..]), None);
    }

    #[test]
    fn every_flipped_byte_is_refused_or_changes_the_extra() {
        let (text, signer) = proof(11, 6);
        let leaf = hash_leaf(&6u64.to_be_bytes());
        let check = |text: &str| {
            let proof = UnverifiedProof::parse(text)?;
            proof.verify(&leaf, &signer.verifier(), &WitnessPolicy::default())?;
            Ok::<_, ProofError>(proof.danger_extra().map(<[u8]>::to_vec))
        };
        assert_eq!(check(&text).unwrap().unwrap(), b"extra");
        for at in 0..text.len() {
            for flip in [1u8, 2, 0x20, 0x80] {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= flip;
                let Ok(other) = String::from_utf8(bytes) else {
                    continue;
                };
                // `extra` is opaque here: its owner binds it, Denizen by making the leaf from it.
                let read = check(&other);
                assert!(
                    read.is_err() || read.unwrap().as_deref() != Some(b"extra"),
                    "byte {at}"
                );
            }
        }
    }

    #[test]
    fn a_checkpoint_is_verified_once_for_all_proofs_under_it_and_only_by_its_own_key_and_text() {
        let ((one, signer), (two, _)) = (proof(11, 6), proof(11, 3));
        let (later, _) = proof(12, 6);
        let last = LastCheckpoint::default();
        let check = |text: &str, index: u64, key: &NoteVerifier| {
            let (proof, leaf) = (
                UnverifiedProof::parse(text)?,
                hash_leaf(&index.to_be_bytes()),
            );
            let verified = proof.verify_after(&leaf, key, &WitnessPolicy::default(), &last)?;
            Ok::<_, ProofError>(verified.checkpoint.size)
        };
        let key = signer.verifier();
        for _ in 0..3 {
            assert_eq!(check(&one, 6, &key).unwrap(), 11);
            assert_eq!(check(&two, 3, &key).unwrap(), 11);
        }
        assert_eq!(last.count(), 1);
        // What is remembered of the checkpoint says nothing of a leaf.
        assert!(matches!(
            check(&two, 6, &key),
            Err(ProofError::Inclusion(_))
        ));
        // Nor of another key, or another note.
        let other = NoteSigner::new("log.example", &[2; 32]).unwrap().verifier();
        assert!(check(&one, 6, &other).is_err());
        assert!(check(&one.replace("\n11\n", "\n12\n"), 6, &key).is_err());
        assert_eq!((check(&one, 6, &key).unwrap(), last.count()), (11, 3));
        assert_eq!((check(&later, 6, &key).unwrap(), last.count()), (12, 4));
    }

    #[test]
    fn a_receipt_is_witnessed_only_by_a_quorum_of_trusted_witnesses() {
        let (text, signer) = proof(3, 0);
        let leaf = hash_leaf(&0u64.to_be_bytes());
        let (_, note) = text.split_once("\n\n").unwrap();
        let body = UnverifiedNote::parse(note)
            .unwrap()
            .danger_text()
            .to_owned();
        let witness = |n: u8| format!("witness{n}.example");
        let verifier = |n: u8| {
            let key = ed25519_dalek::SigningKey::from_bytes(&[n; 32]).verifying_key();
            CosignatureVerifier::new(&witness(n), key.as_bytes()).unwrap()
        };
        let policy = WitnessPolicy {
            witnesses: vec![verifier(2), verifier(3)],
            quorum: 2,
        };
        let level = |text: &str| {
            let proof = UnverifiedProof::parse(text).unwrap();
            proof
                .verify(&leaf, &signer.verifier(), &policy)
                .unwrap()
                .level
        };
        let one = format!("{text}{}", cosign(&body, &witness(2), &[2; 32], 5));
        let stranger = format!("{one}{}", cosign(&body, &witness(4), &[4; 32], 5));
        let both = format!("{stranger}{}", cosign(&body, &witness(3), &[3; 32], 5));
        assert_eq!(level(&text), Level::Durable);
        assert_eq!(level(&one), Level::Durable);
        assert_eq!(level(&stranger), Level::Durable);
        assert_eq!(level(&both), Level::Witnessed);
        let forged = both.replace(
            &cosign(&body, &witness(3), &[3; 32], 5).to_string(),
            &cosign("other\n", &witness(3), &[3; 32], 5).to_string(),
        );
        assert_eq!(level(&forged), Level::Durable);
    }
}
