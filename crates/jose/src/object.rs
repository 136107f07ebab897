//! Signed objects: JWS with an unencoded payload in a CBOR array.
//!
//! `CBOR array [protected: bstr, payload: bstr, signature: bstr]`, deterministic CBOR, no tag.
//! `protected` is the JSON header `{"alg","b64":false,"crit":["b64"],"kid","typ"}`; the signing
//! input is `ASCII(BASE64URL(protected)) || "." || payload`.
//! Source: RFC 7797 section 3, RFC 8949 section 4.2.1.

use crate::{Alg, PublicKey, Signer, Verifier, base64url_encode};
use denizen_guard::{Check, holds};
use serde::{Deserialize, Serialize};

/// Largest signed object that is read, in bytes. An envelope's largest size class is 256 KiB.
pub const OBJECT_SIZE_BYTES_MAX: usize = 512 * 1024;

/// Why bytes are no signed object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectError {
    /// Not the CBOR array in its deterministic form, or too large.
    #[error("not a signed object: a CBOR array of protected header, payload and signature")]
    Malformed,
    /// The protected header is not the JSON object that this version writes.
    #[error("protected header of a signed object is not understood")]
    HeaderUnknown,
    /// The object is of another type than the one asked for.
    #[error("signed object is of another type than expected")]
    OtherType,
    /// The key is of another algorithm than the header says.
    #[error("signed object names another algorithm than its key has")]
    OtherAlg,
    /// The signature does not verify.
    #[error("signature of a signed object does not verify")]
    BadSignature,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Protected {
    alg: Alg,
    b64: bool,
    crit: Vec<String>,
    kid: String,
    typ: String,
}

/// A signed object whose signature is known to be good: made here, or verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    bytes: Vec<u8>,
    kid: String,
    typ: String,
    payload: Vec<u8>,
}

impl Object {
    /// Signs `payload` as an object of type `typ` under the key named `kid`.
    #[must_use]
    pub fn sign(signer: &dyn Signer, kid: &str, typ: &str, payload: &[u8]) -> Self {
        let header = Protected {
            alg: signer.alg(),
            b64: false,
            crit: vec!["b64".into()],
            kid: kid.into(),
            typ: typ.into(),
        };
        let header = serde_json::to_vec(&header).expect("a header of strings is JSON");
        let signature = signer.sign(&signing_input(&header, payload));
        Self {
            bytes: encode(&header, payload, &signature),
            kid: kid.into(),
            typ: typ.into(),
            payload: payload.into(),
        }
    }

    /// The whole object as sent, hashed and stored.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The whole object, moved out.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The name of the key that signed.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The content type.
    #[must_use]
    pub fn typ(&self) -> &str {
        &self.typ
    }

    /// The signed bytes.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }
}

/// A signed object as received. Its header and payload may be used to find the key, not more.
#[derive(Debug, Clone)]
pub struct Unverified<'a> {
    bytes: &'a [u8],
    header: Protected,
    protected: &'a [u8],
    payload: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Unverified<'a> {
    /// Reads the array and its header.
    ///
    /// # Errors
    /// [`ObjectError::Malformed`], [`ObjectError::HeaderUnknown`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ObjectError> {
        use ObjectError::{HeaderUnknown, Malformed};
        if bytes.len() > OBJECT_SIZE_BYTES_MAX {
            return Err(Malformed);
        }
        let mut decoder = minicbor::Decoder::new(bytes);
        if decoder.array().map_err(|_| Malformed)? != Some(3) {
            return Err(Malformed);
        }
        let protected = decoder.bytes().map_err(|_| Malformed)?;
        let payload = decoder.bytes().map_err(|_| Malformed)?;
        let signature = decoder.bytes().map_err(|_| Malformed)?;
        if encode(protected, payload, signature) != bytes {
            return Err(Malformed);
        }
        let header: Protected = serde_json::from_slice(protected).map_err(|_| HeaderUnknown)?;
        if header.b64 || header.crit != ["b64"] {
            return Err(HeaderUnknown);
        }
        Ok(Self {
            bytes,
            header,
            protected,
            payload,
            signature,
        })
    }

    /// The key name that the object claims.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.header.kid
    }

    /// The type that the object claims.
    #[must_use]
    pub fn typ(&self) -> &str {
        &self.header.typ
    }

    /// The payload, unverified: to find out whose key to use.
    #[must_use]
    pub fn danger_payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Checks type, algorithm and signature.
    ///
    /// # Errors
    /// [`ObjectError::OtherType`], [`ObjectError::OtherAlg`], [`ObjectError::BadSignature`].
    pub fn verify(
        self,
        verifier: &dyn Verifier,
        key: &PublicKey,
        typ: &str,
    ) -> Result<Object, ObjectError> {
        if !holds(Check::ObjectType, self.header.typ == typ) {
            return Err(ObjectError::OtherType);
        }
        if self.header.alg != key.alg() {
            return Err(ObjectError::OtherAlg);
        }
        verifier
            .verify(
                key,
                &signing_input(self.protected, self.payload),
                self.signature,
            )
            .map_err(|_| ObjectError::BadSignature)?;
        Ok(Object {
            bytes: self.bytes.into(),
            kid: self.header.kid,
            typ: self.header.typ,
            payload: self.payload.into(),
        })
    }
}

fn signing_input(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    [base64url_encode(protected).as_bytes(), b".", payload].concat()
}

fn encode(protected: &[u8], payload: &[u8], signature: &[u8]) -> Vec<u8> {
    let mut encoder = minicbor::Encoder::new(Vec::with_capacity(payload.len() + 256));
    encoder
        .array(3)
        .and_then(|e| e.bytes(protected))
        .and_then(|e| e.bytes(payload))
        .and_then(|e| e.bytes(signature))
        .expect("writing to memory does not fail");
    encoder.into_writer()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::{Portable, SecretKey};

    fn key() -> SecretKey {
        SecretKey::from_seed(Alg::Ed25519, &[5; 32]).unwrap()
    }

    #[test]
    fn every_flipped_byte_is_refused() {
        let object = Object::sign(&key(), "k", "t", b"{\"x\":[1,2]}");
        for at in 0..object.as_bytes().len() {
            for bit in 0..8 {
                let mut bytes = object.as_bytes().to_vec();
                bytes[at] ^= 1 << bit;
                let read = Unverified::parse(&bytes)
                    .and_then(|o| o.verify(&Portable, &key().public(), "t"));
                assert!(read.is_err(), "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn trailing_bytes_other_types_and_long_forms_are_refused() {
        let object = Object::sign(&key(), "k", "t", b"p");
        let mut long = object.as_bytes().to_vec();
        long.push(0);
        assert_eq!(
            Unverified::parse(&long).unwrap_err(),
            ObjectError::Malformed
        );
        let indefinite = [&[0x9f], &object.as_bytes()[1..], &[0xff]].concat();
        assert_eq!(
            Unverified::parse(&indefinite).unwrap_err(),
            ObjectError::Malformed
        );
        let read = Unverified::parse(object.as_bytes()).unwrap();
        assert_eq!(
            read.verify(&Portable, &key().public(), "u").unwrap_err(),
            ObjectError::OtherType
        );
    }
}
