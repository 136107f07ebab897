//! Checkpoints. Source: c2sp.org/tlog-checkpoint.

use crate::{
    note::{NoteError, NoteSigner, NoteVerifier, UnverifiedNote},
    tree::Hash,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// A log's signed tree head: only made by verifying one, or by the log that signs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's unique name.
    pub origin: String,
    /// Number of leaves.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
}

/// Why a checkpoint is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The note is not signed by the log.
    #[error("checkpoint is not signed by the log that is trusted here")]
    Note(#[from] NoteError),
    /// Signed, but of another log.
    #[error("checkpoint is of another log")]
    OtherLog,
    /// The text is no checkpoint.
    #[error("note is no checkpoint")]
    Malformed,
}

impl Checkpoint {
    /// The note text: origin, size, root, each on its line. Denizen's logs write no extension lines.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            STANDARD.encode(self.root)
        )
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let origin = lines.next().filter(|o| !o.is_empty())?;
        let size = lines.next()?;
        let number: u64 = size.parse().ok()?;
        let root = lines.next()?;
        let bytes: Hash = STANDARD.decode(root).ok()?.try_into().ok()?;
        let canonical = number.to_string() == size && number < 1 << 63;
        // Extension lines are allowed by C2SP and never written here: refused, so that one
        // checkpoint has one text.
        (canonical && lines.next().is_none()).then(|| Self {
            origin: origin.to_owned(),
            size: number,
            root: bytes,
        })
    }
}

/// Signs a checkpoint.
#[must_use]
pub fn sign_checkpoint(checkpoint: &Checkpoint, signer: &NoteSigner) -> String {
    signer.sign(&checkpoint.to_text())
}

/// Verifies a checkpoint note of the log named by `log`: signature first, then origin and form.
///
/// # Errors
/// [`CheckpointError`]; [`CheckpointError::OtherLog`] for a checkpoint that this key signed for
/// another origin.
pub fn open_checkpoint(note: &str, log: &NoteVerifier) -> Result<Checkpoint, CheckpointError> {
    let text = UnverifiedNote::parse(note)?.verify(log)?;
    let checkpoint = Checkpoint::parse(text).ok_or(CheckpointError::Malformed)?;
    if checkpoint.origin == log.name() {
        Ok(checkpoint)
    } else {
        Err(CheckpointError::OtherLog)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_of_another_log_and_malformed_ones_are_refused() {
        let signer = NoteSigner::new("log.example/a", &[1; 32]).unwrap();
        let checkpoint = Checkpoint {
            origin: "log.example/a".into(),
            size: 7,
            root: [9; 32],
        };
        let note = sign_checkpoint(&checkpoint, &signer);
        assert_eq!(
            open_checkpoint(&note, &signer.verifier()).unwrap(),
            checkpoint
        );
        let other = Checkpoint {
            origin: "log.example/b".into(),
            ..checkpoint.clone()
        };
        let note = sign_checkpoint(&other, &signer);
        assert_eq!(
            open_checkpoint(&note, &signer.verifier()),
            Err(CheckpointError::OtherLog)
        );
        for text in [
            "log.example/a\n07\nAA==\n",
            "log.example/a\n-1\n",
            "log.example/a\n",
            "\n7\n",
        ] {
            let note = signer.sign(text);
            assert!(
                open_checkpoint(&note, &signer.verifier()).is_err(),
                "{text:?}"
            );
        }
        let extended = signer.sign(&format!("{}more\n", checkpoint.to_text()));
        assert_eq!(
            open_checkpoint(&extended, &signer.verifier()),
            Err(CheckpointError::Malformed)
        );
    }
}
