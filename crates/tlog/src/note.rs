//! Signed notes. Source: c2sp.org/signed-note.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

/// Largest note that is read, in bytes.
pub const NOTE_SIZE_BYTES_MAX: usize = 64 * 1024;
/// Most signature lines that are read.
pub const SIGNATURES_MAX: usize = 100;

/// Signature type of a log's Ed25519 key.
pub(crate) const TYPE_ED25519: u8 = 0x01;

/// Why bytes are no note, or not one that can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// Not a signed note.
    #[error("not a signed note")]
    Malformed,
    /// No signature by any of the keys that the reader trusts.
    #[error("note is not signed by a key that is trusted for it")]
    Unsigned,
    /// A line by a trusted key name and id whose signature is wrong.
    #[error("a signature of the note does not verify")]
    BadSignature,
    /// A key's text or name that is no key.
    #[error("not a note key")]
    BadKey,
}

/// One signature line: `— name base64(key id || signature)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureLine {
    /// Name of the key.
    pub name: String,
    /// First four bytes of the key's hash.
    pub key_id: [u8; 4],
    /// The signature as its type has it.
    pub signature: Vec<u8>,
}

impl std::fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let blob = STANDARD.encode([&self.key_id[..], &self.signature].concat());
        writeln!(f, "\u{2014} {} {blob}", self.name)
    }
}

/// The key id: first four bytes of SHA-256(name || LF || type || key).
pub(crate) fn key_id(name: &str, key_type: u8, key: &[u8]) -> [u8; 4] {
    let hash = Sha256::new()
        .chain_update(name)
        .chain_update(b"\n")
        .chain_update([key_type])
        .chain_update(key)
        .finalize();
    let mut id = [0; 4];
    id.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    id
}

fn valid_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '+')
}

/// Verifies notes of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteVerifier {
    name: String,
    key: VerifyingKey,
}

impl NoteVerifier {
    /// The verifier of an Ed25519 key under a name.
    ///
    /// # Errors
    /// [`NoteError::BadKey`].
    pub fn new(name: &str, key: &[u8]) -> Result<Self, NoteError> {
        let key: [u8; 32] = key.try_into().map_err(|_| NoteError::BadKey)?;
        let key = VerifyingKey::from_bytes(&key).map_err(|_| NoteError::BadKey)?;
        if !valid_name(name) || key.is_weak() {
            return Err(NoteError::BadKey);
        }
        Ok(Self {
            name: name.to_owned(),
            key,
        })
    }

    /// Reads a vkey: `name+hex(key id)+base64(type || key)`.
    ///
    /// # Errors
    /// [`NoteError::BadKey`].
    pub fn parse(vkey: &str) -> Result<Self, NoteError> {
        let mut parts = vkey.splitn(3, '+');
        let (name, _, key) = (parts.next(), parts.next(), parts.next());
        let key = key
            .and_then(|k| STANDARD.decode(k).ok())
            .ok_or(NoteError::BadKey)?;
        let key = key.strip_prefix(&[TYPE_ED25519]).ok_or(NoteError::BadKey)?;
        let this = Self::new(name.unwrap_or_default(), key)?;
        if this.to_vkey() == vkey {
            Ok(this)
        } else {
            Err(NoteError::BadKey)
        }
    }

    /// The vkey text.
    #[must_use]
    pub fn to_vkey(&self) -> String {
        use std::fmt::Write as _;
        let mut hex = String::new();
        for byte in self.key_id() {
            write!(hex, "{byte:02x}").expect("writing to a string does not fail");
        }
        let key = [&[TYPE_ED25519], &self.key.as_bytes()[..]].concat();
        format!("{}+{hex}+{}", self.name, STANDARD.encode(key))
    }

    /// The key's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn key_id(&self) -> [u8; 4] {
        key_id(&self.name, TYPE_ED25519, self.key.as_bytes())
    }
}

/// Signs notes.
pub struct NoteSigner {
    name: String,
    key: SigningKey,
}

impl NoteSigner {
    /// The signer of a 32-byte Ed25519 seed under a name.
    ///
    /// # Errors
    /// [`NoteError::BadKey`] for a name with white space or `+`.
    pub fn new(name: &str, seed: &[u8; 32]) -> Result<Self, NoteError> {
        if !valid_name(name) {
            return Err(NoteError::BadKey);
        }
        Ok(Self {
            name: name.to_owned(),
            key: SigningKey::from_bytes(seed),
        })
    }

    /// The verifier of this key.
    #[must_use]
    pub fn verifier(&self) -> NoteVerifier {
        NoteVerifier {
            name: self.name.clone(),
            key: self.key.verifying_key(),
        }
    }

    /// Signs a text that ends with a newline: the whole note.
    #[must_use]
    pub fn sign(&self, text: &str) -> String {
        let signature = self.key.sign(text.as_bytes()).to_bytes().to_vec();
        let key_id = self.verifier().key_id();
        let line = SignatureLine {
            name: self.name.clone(),
            key_id,
            signature,
        };
        format!("{text}\n{line}")
    }
}

/// A note whose signatures nobody has checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnverifiedNote<'a> {
    text: &'a str,
    signatures: Vec<SignatureLine>,
}

impl<'a> UnverifiedNote<'a> {
    /// Reads a note.
    ///
    /// # Errors
    /// [`NoteError::Malformed`] for other line ends, control characters, no or too many signatures,
    /// base64 that is not canonical.
    pub fn parse(note: &'a str) -> Result<Self, NoteError> {
        Self::read(note).ok_or(NoteError::Malformed)
    }

    fn read(note: &'a str) -> Option<Self> {
        let control = |c: char| c != '\n' && c < ' ' || c == '\u{7f}';
        if note.len() > NOTE_SIZE_BYTES_MAX || note.contains(control) {
            return None;
        }
        let at = note.rfind("\n\n")? + 1;
        let (text, rest) = note.split_at_checked(at)?;
        let lines = rest.strip_prefix('\n')?.strip_suffix('\n')?;
        let signatures: Option<Vec<_>> = lines.split('\n').map(line).collect();
        let signatures = signatures?;
        (signatures.len() <= SIGNATURES_MAX).then_some(Self { text, signatures })
    }

    /// The text, unverified, with its last newline.
    #[must_use]
    pub fn danger_text(&self) -> &'a str {
        self.text
    }

    /// The signature lines, unverified.
    #[must_use]
    pub fn signatures(&self) -> &[SignatureLine] {
        &self.signatures
    }

    /// The text, once it is signed by `key`. Lines of other keys are ignored.
    ///
    /// # Errors
    /// [`NoteError::Unsigned`], [`NoteError::BadSignature`]; a second line of the same key is
    /// [`NoteError::Malformed`].
    pub fn verify(&self, key: &NoteVerifier) -> Result<&'a str, NoteError> {
        let id = key.key_id();
        let mut lines = self
            .signatures
            .iter()
            .filter(|l| l.name == key.name && l.key_id == id);
        let line = lines.next().ok_or(NoteError::Unsigned)?;
        if lines.next().is_some() {
            return Err(NoteError::Malformed);
        }
        verify_ed25519(&key.key, self.text.as_bytes(), &line.signature)?;
        Ok(self.text)
    }
}

pub(crate) fn verify_ed25519(
    key: &VerifyingKey,
    message: &[u8],
    signature: &[u8],
) -> Result<(), NoteError> {
    let signature = Signature::from_slice(signature).map_err(|_| NoteError::BadSignature)?;
    key.verify_strict(message, &signature)
        .map_err(|_| NoteError::BadSignature)
}

fn line(line: &str) -> Option<SignatureLine> {
    let (name, blob) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    let blob = STANDARD.decode(blob).ok()?;
    let (key_id, signature) = blob.split_first_chunk::<4>()?;
    (valid_name(name) && !signature.is_empty()).then(|| SignatureLine {
        name: name.to_owned(),
        key_id: *key_id,
        signature: signature.to_vec(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The note, key and signature of golang.org/x/mod/sumdb/note's documentation.
    const VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn the_note_of_go_s_documentation_verifies_and_changed_ones_do_not() {
        let key = NoteVerifier::parse(VKEY).unwrap();
        let text = UnverifiedNote::parse(NOTE).unwrap().verify(&key).unwrap();
        assert!(text.ends_with("problem is.\n"));
        let changed = NOTE.replace("answer", "Answer");
        let result = UnverifiedNote::parse(&changed).unwrap().verify(&key);
        assert_eq!(result, Err(NoteError::BadSignature));
        for bad in [
            NOTE.replace('\n', "\r\n"),
            NOTE.trim_end().to_owned(),
            NOTE.replace("\n\n", "\n"),
            NOTE.replace("x08go", "x08g"),
            NOTE.replace('\u{2014}', "-"),
            String::new(),
        ] {
            assert_eq!(
                UnverifiedNote::parse(&bad),
                Err(NoteError::Malformed),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn a_doubled_line_of_a_trusted_key_is_refused_and_foreign_lines_are_ignored() {
        let signer = NoteSigner::new("log.example", &[1; 32]).unwrap();
        let other = NoteSigner::new("other.example", &[2; 32]).unwrap();
        let note = signer.sign("text\n");
        let foreign = other.sign("text\n").replace("text\n\n", "");
        let both = format!("{note}{foreign}");
        assert!(
            UnverifiedNote::parse(&both)
                .unwrap()
                .verify(&signer.verifier())
                .is_ok()
        );
        let twice = format!("{note}{}", note.replace("text\n\n", ""));
        let twice = UnverifiedNote::parse(&twice)
            .unwrap()
            .verify(&signer.verifier());
        assert_eq!(twice, Err(NoteError::Malformed));
        let unsigned = UnverifiedNote::parse(&note)
            .unwrap()
            .verify(&other.verifier());
        assert_eq!(unsigned, Err(NoteError::Unsigned));
    }
}
