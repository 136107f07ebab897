//! Compact JWS. Source: RFC 7515 section 7.1.

use crate::{Alg, BadSignature, PublicKey, Signer, Verifier, base64url_decode, base64url_encode};
use serde_json::{Map, Value};

/// Largest compact JWS that is read, in bytes.
const COMPACT_SIZE_BYTES_MAX: usize = 1 << 20;

/// Why bytes are no compact JWS that Denizen accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompactError {
    /// Not three base64url parts, or a header that is no JSON object, or too large.
    #[error("not a compact JWS")]
    Malformed,
    /// `alg` is missing, `none`, or not of the allow-list.
    #[error("signature algorithm is not allowed")]
    AlgNotAllowed,
    /// A `crit` header that this reader does not know.
    #[error("critical header is not known")]
    CriticalUnknown,
    /// The signature does not verify with the given key.
    #[error("signature does not verify")]
    BadSignature,
}

impl From<BadSignature> for CompactError {
    fn from(_: BadSignature) -> Self {
        Self::BadSignature
    }
}

/// Signs `payload` with `header` (without `alg`, which the signer sets) as a compact JWS.
#[must_use]
pub fn sign_compact(signer: &dyn Signer, header: Map<String, Value>, payload: &[u8]) -> String {
    let mut header = header;
    let alg = serde_json::to_value(signer.alg()).expect("an algorithm is a string");
    header.insert("alg".into(), alg);
    let header = serde_json::to_vec(&header).expect("a map of JSON values is JSON");
    let header = base64url_encode(header);
    let input = format!("{header}.{}", base64url_encode(payload));
    let signature = base64url_encode(signer.sign(input.as_bytes()));
    format!("{input}.{signature}")
}

/// A compact JWS whose signature nobody has checked yet. What it says is a claim of whoever sent
/// it: use it only to find the key to check it with.
#[derive(Debug, Clone)]
pub struct UnverifiedCompact<'a> {
    header: Map<String, Value>,
    alg: Alg,
    input: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> UnverifiedCompact<'a> {
    /// Reads the three parts.
    ///
    /// # Errors
    /// [`CompactError`] for anything but a JWS with an allowed algorithm and no `crit`.
    pub fn parse(text: &'a str) -> Result<Self, CompactError> {
        use CompactError::Malformed;
        if text.len() > COMPACT_SIZE_BYTES_MAX {
            return Err(Malformed);
        }
        let (input, signature) = text.rsplit_once('.').ok_or(Malformed)?;
        let (header, payload) = input.split_once('.').ok_or(Malformed)?;
        let header = base64url_decode(header).ok_or(Malformed)?;
        let header: Map<String, Value> = serde_json::from_slice(&header).map_err(|_| Malformed)?;
        let alg = header.get("alg").cloned().unwrap_or_default();
        let alg = serde_json::from_value(alg).map_err(|_| CompactError::AlgNotAllowed)?;
        if header.contains_key("crit") {
            return Err(CompactError::CriticalUnknown);
        }
        Ok(Self {
            header,
            alg,
            input,
            payload: base64url_decode(payload).ok_or(Malformed)?,
            signature: base64url_decode(signature).ok_or(Malformed)?,
        })
    }

    /// The protected header, unverified.
    #[must_use]
    pub fn danger_header(&self) -> &Map<String, Value> {
        &self.header
    }

    /// The payload, unverified: to find out whose key to use.
    #[must_use]
    pub fn danger_payload(&self) -> &[u8] {
        &self.payload
    }

    /// What was signed, and what claims to be its signature, unverified: for whoever checks many at once.
    #[must_use]
    pub fn danger_signed(&self) -> (&[u8], &[u8]) {
        (self.input.as_bytes(), &self.signature)
    }

    /// Checks the signature and gives header and payload.
    ///
    /// # Errors
    /// [`CompactError::AlgNotAllowed`] if the key is of another algorithm than the header says,
    /// [`CompactError::BadSignature`].
    pub fn verify(
        self,
        verifier: &dyn Verifier,
        key: &PublicKey,
    ) -> Result<(Map<String, Value>, Vec<u8>), CompactError> {
        if key.alg() != self.alg {
            return Err(CompactError::AlgNotAllowed);
        }
        verifier.verify(key, self.input.as_bytes(), &self.signature)?;
        Ok((self.header, self.payload))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{Portable, SecretKey};

    fn key() -> SecretKey {
        SecretKey::from_seed(Alg::Es256, &[3; 32]).unwrap()
    }

    #[test]
    fn what_is_signed_verifies_and_a_changed_part_does_not() {
        let text = sign_compact(&key(), Map::new(), b"{\"a\":1}");
        let read = UnverifiedCompact::parse(&text).unwrap();
        assert_eq!(
            read.verify(&Portable, &key().public()).unwrap().1,
            b"{\"a\":1}"
        );
        let other = text.replace('.', "A.");
        assert!(
            UnverifiedCompact::parse(&other)
                .map_or(true, |r| r.verify(&Portable, &key().public()).is_err())
        );
    }

    #[test]
    fn none_unknown_algorithms_and_crit_are_refused() {
        for (header, want) in [
            (r#"{"alg":"none"}"#, CompactError::AlgNotAllowed),
            (r#"{"alg":"HS256"}"#, CompactError::AlgNotAllowed),
            ("{}", CompactError::AlgNotAllowed),
            (
                r#"{"alg":"ES256","crit":["b64"]}"#,
                CompactError::CriticalUnknown,
            ),
            ("[]", CompactError::Malformed),
        ] {
            let text = format!("{}.e30.AA", base64url_encode(header));
            assert_eq!(
                UnverifiedCompact::parse(&text).unwrap_err(),
                want,
                "{header}"
            );
        }
    }
}
