//! Keys, algorithms and the two traits.

use crate::{base64url_decode, base64url_encode};
use ed25519_dalek::Signer as _;
use p256::{ecdsa::signature::Verifier as _, elliptic_curve::sec1::ToSec1Point as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::ZeroizeOnDrop;

/// A signature algorithm of suite 1. Any other name in a header is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Alg {
    /// ECDSA with P-256 and SHA-256, signature r || s, 64 bytes. Source: RFC 7518 section 3.4.
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519 as a fully specified algorithm. Source: RFC 9864 section 2.2, RFC 8032.
    Ed25519,
}

/// A signature that does not verify, whatever the reason: callers learn no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("signature does not verify")]
pub struct BadSignature;

/// Bytes or a JWK that are no public or secret key of a known algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a key of a known algorithm")]
pub struct InvalidKey;

/// A public key: an Ed25519 point or a P-256 point, checked to be on its curve.
///
/// In JSON a JWK with exactly the members of its type (RFC 7517, RFC 8037).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Jwk", into = "Jwk")]
pub struct PublicKey(Inner);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Inner {
    Ed25519([u8; 32]),
    Es256([u8; 65]),
}

/// The JSON form of a public key: `{"kty":"OKP","crv":"Ed25519","x"}` or
/// `{"kty":"EC","crv":"P-256","x","y"}`. Further members (`use`, `alg`, `kid`) are ignored on
/// reading and never written. Source: RFC 7517, RFC 7518 section 6.2, RFC 8037 section 2.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// Key type: `OKP` or `EC`.
    pub kty: String,
    /// Curve: `Ed25519` or `P-256`.
    pub crv: String,
    /// Point, or its x coordinate: base64url of 32 bytes.
    pub x: String,
    /// y coordinate of a P-256 point: base64url of 32 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
}

impl PublicKey {
    /// An Ed25519 key from its 32 bytes.
    ///
    /// # Errors
    /// [`InvalidKey`] if the bytes are no point of the curve, one of small order, or not the one way to
    /// write it (RFC 8032 section 5.1.3: `y` below 2^255 - 19).
    pub fn from_ed25519(bytes: &[u8]) -> Result<Self, InvalidKey> {
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| InvalidKey)?;
        if !is_reduced(&bytes) {
            return Err(InvalidKey);
        }
        let key = ed25519_dalek::VerifyingKey::from_bytes(&bytes).map_err(|_| InvalidKey)?;
        if key.is_weak() {
            return Err(InvalidKey);
        }
        Ok(Self(Inner::Ed25519(bytes)))
    }

    /// A P-256 key from its SEC1 form, compressed (33 bytes) or not (65 bytes).
    ///
    /// # Errors
    /// [`InvalidKey`] if the bytes are no point of the curve.
    pub fn from_sec1(bytes: &[u8]) -> Result<Self, InvalidKey> {
        let key = p256::PublicKey::from_sec1_bytes(bytes).map_err(|_| InvalidKey)?;
        let point: [u8; 65] = key
            .to_sec1_point(false)
            .as_bytes()
            .try_into()
            .map_err(|_| InvalidKey)?;
        Ok(Self(Inner::Es256(point)))
    }

    /// The algorithm that this key verifies.
    #[must_use]
    pub fn alg(&self) -> Alg {
        match self.0 {
            Inner::Ed25519(_) => Alg::Ed25519,
            Inner::Es256(_) => Alg::Es256,
        }
    }

    /// The key's bytes: 32 for Ed25519, 65 (uncompressed SEC1) for P-256.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Inner::Ed25519(b) => b,
            Inner::Es256(b) => b,
        }
    }

    /// The key as a JWK.
    #[must_use]
    pub fn to_jwk(&self) -> Jwk {
        match &self.0 {
            Inner::Ed25519(b) => Jwk {
                kty: "OKP".into(),
                crv: "Ed25519".into(),
                x: base64url_encode(b),
                y: None,
            },
            Inner::Es256(b) => {
                let (x, y) = b.split_at(1).1.split_at(32);
                Jwk {
                    kty: "EC".into(),
                    crv: "P-256".into(),
                    x: base64url_encode(x),
                    y: Some(base64url_encode(y)),
                }
            }
        }
    }

    /// SHA-256 over the canonical JWK. Source: RFC 7638.
    #[must_use]
    pub fn thumbprint(&self) -> [u8; 32] {
        let Jwk { kty, crv, x, y } = self.to_jwk();
        let y = y.map_or_else(String::new, |y| format!(",\"y\":\"{y}\""));
        Sha256::digest(format!(r#"{{"crv":"{crv}","kty":"{kty}","x":"{x}"{y}}}"#)).into()
    }
}

impl TryFrom<Jwk> for PublicKey {
    type Error = InvalidKey;

    fn try_from(jwk: Jwk) -> Result<Self, InvalidKey> {
        let x = base64url_decode(&jwk.x)
            .filter(|x| x.len() == 32)
            .ok_or(InvalidKey)?;
        match (jwk.kty.as_str(), jwk.crv.as_str(), jwk.y) {
            ("OKP", "Ed25519", None) => Self::from_ed25519(&x),
            ("EC", "P-256", Some(y)) => {
                let y = base64url_decode(&y)
                    .filter(|y| y.len() == 32)
                    .ok_or(InvalidKey)?;
                Self::from_sec1(&[&[4], x.as_slice(), &y].concat())
            }
            _ => Err(InvalidKey),
        }
    }
}

impl From<PublicKey> for Jwk {
    fn from(key: PublicKey) -> Self {
        key.to_jwk()
    }
}

/// Signs bytes with one key. Synchronous; every implementation gives signatures that [`Portable`]
/// verifies.
pub trait Signer {
    /// The algorithm of every signature this signer makes.
    fn alg(&self) -> Alg;
    /// The public key that verifies them.
    fn public(&self) -> PublicKey;
    /// Signs one message. Ed25519 is deterministic (RFC 8032), ES256 by RFC 6979 unless the key is
    /// [`SecretKey::with_native`].
    fn sign(&self, message: &[u8]) -> Vec<u8>;
    /// Signs many messages, in their order: the place for an implementation that works faster,
    /// or only, on many at once.
    fn sign_batch(&self, messages: &[&[u8]]) -> Vec<Vec<u8>> {
        messages.iter().map(|m| self.sign(m)).collect()
    }
}

/// Verifies signatures.
pub trait Verifier {
    /// Checks `signature` over `message`.
    ///
    /// # Errors
    /// [`BadSignature`] if it does not verify, is of another length, or not strict (Ed25519 points
    /// of small order).
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8])
    -> Result<(), BadSignature>;
}

/// The portable implementation on RustCrypto: runs everywhere, and is the oracle of any faster one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Portable;

impl Verifier for Portable {
    fn verify(&self, key: &PublicKey, message: &[u8], sig: &[u8]) -> Result<(), BadSignature> {
        match &key.0 {
            Inner::Ed25519(bytes) => {
                let key =
                    ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| BadSignature)?;
                let sig = ed25519_dalek::Signature::from_slice(sig).map_err(|_| BadSignature)?;
                key.verify_strict(message, &sig).map_err(|_| BadSignature)
            }
            Inner::Es256(point) => {
                let key =
                    p256::ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(|_| BadSignature)?;
                let sig = p256::ecdsa::Signature::from_slice(sig).map_err(|_| BadSignature)?;
                key.verify(message, &sig).map_err(|_| BadSignature)
            }
        }
    }
}

/// A secret key held in memory, wiped when dropped. It signs by [`Portable`]'s arithmetic, the same
/// bytes for the same message, unless it is told otherwise.
#[derive(Clone, ZeroizeOnDrop)]
pub struct SecretKey(SecretInner);

#[derive(Clone, ZeroizeOnDrop)]
enum SecretInner {
    Ed25519(ed25519_dalek::SigningKey),
    Es256(p256::ecdsa::SigningKey),
    #[cfg(not(target_arch = "wasm32"))]
    Ed25519Native(
        ed25519_dalek::SigningKey,
        #[zeroize(skip)] crate::native::Ed25519Pair,
    ),
    #[cfg(not(target_arch = "wasm32"))]
    Es256Native(
        p256::ecdsa::SigningKey,
        #[zeroize(skip)] crate::native::Pair,
    ),
}

impl SecretKey {
    /// The key of a 32-byte seed: for Ed25519 the RFC 8032 seed, for P-256 the big-endian scalar.
    ///
    /// # Errors
    /// [`InvalidKey`] if a P-256 scalar is zero or not below the group order (chance 2^-32; a
    /// deriving caller tries its next candidate).
    pub fn from_seed(alg: Alg, seed: &[u8; 32]) -> Result<Self, InvalidKey> {
        Ok(Self(match alg {
            Alg::Ed25519 => SecretInner::Ed25519(ed25519_dalek::SigningKey::from_bytes(seed)),
            Alg::Es256 => SecretInner::Es256(
                p256::ecdsa::SigningKey::from_slice(seed).map_err(|_| InvalidKey)?,
            ),
        }))
    }

    /// A fresh random key.
    #[must_use]
    pub fn make(alg: Alg, rng: &mut impl rand_core::CryptoRng) -> Self {
        let mut seed = zeroize::Zeroizing::new([0; 32]);
        loop {
            rng.fill_bytes(seed.as_mut());
            if let Ok(key) = Self::from_seed(alg, &seed) {
                return key;
            }
        }
    }

    /// The same key, signing with the native implementation where the build has one: faster. Ed25519
    /// gives the same bytes by either; of ES256 no two signatures of a message are equal. For a key that
    /// signs much.
    #[must_use]
    pub fn with_native(self) -> Self {
        #[cfg(not(target_arch = "wasm32"))]
        match &self.0 {
            SecretInner::Ed25519(key) => {
                let pair = crate::native::Ed25519Pair::new(key.as_bytes());
                return Self(SecretInner::Ed25519Native(key.clone(), pair));
            }
            SecretInner::Es256(key) => {
                let scalar = zeroize::Zeroizing::new(<[u8; 32]>::from(key.to_bytes()));
                let pair = crate::native::Pair::new(&scalar, self.public().as_bytes());
                return Self(SecretInner::Es256Native(key.clone(), pair));
            }
            SecretInner::Ed25519Native(..) | SecretInner::Es256Native(..) => {}
        }
        self
    }

    /// The seed that [`SecretKey::from_seed`] takes. Handle as the secret it is.
    #[must_use]
    pub fn danger_seed(&self) -> zeroize::Zeroizing<[u8; 32]> {
        zeroize::Zeroizing::new(match &self.0 {
            SecretInner::Ed25519(k) => k.to_bytes(),
            SecretInner::Es256(k) => k.to_bytes().into(),
            #[cfg(not(target_arch = "wasm32"))]
            SecretInner::Ed25519Native(k, _) => k.to_bytes(),
            #[cfg(not(target_arch = "wasm32"))]
            SecretInner::Es256Native(k, _) => k.to_bytes().into(),
        })
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

impl Signer for SecretKey {
    fn alg(&self) -> Alg {
        match self.0 {
            SecretInner::Ed25519(_) => Alg::Ed25519,
            SecretInner::Es256(_) => Alg::Es256,
            #[cfg(not(target_arch = "wasm32"))]
            SecretInner::Ed25519Native(..) => Alg::Ed25519,
            #[cfg(not(target_arch = "wasm32"))]
            SecretInner::Es256Native(..) => Alg::Es256,
        }
    }

    fn public(&self) -> PublicKey {
        match &self.0 {
            SecretInner::Ed25519(k) => PublicKey(Inner::Ed25519(k.verifying_key().to_bytes())),
            SecretInner::Es256(k) => point_of(k),
            #[cfg(not(target_arch = "wasm32"))]
            SecretInner::Ed25519Native(k, _) => {
                PublicKey(Inner::Ed25519(k.verifying_key().to_bytes()))
            }
            #[cfg(not(target_arch = "wasm32"))]
            SecretInner::Es256Native(k, _) => point_of(k),
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.0 {
            SecretInner::Ed25519(k) => k.sign(message).to_vec(),
            SecretInner::Es256(k) => {
                let signature: p256::ecdsa::Signature = k.sign(message);
                signature.to_bytes().to_vec()
            }
            #[cfg(not(target_arch = "wasm32"))]
            SecretInner::Ed25519Native(_, pair) => pair.sign(message),
            #[cfg(not(target_arch = "wasm32"))]
            SecretInner::Es256Native(_, pair) => pair.sign(message),
        }
    }
}

/// Whether a little-endian number, but for its top bit, is below 2^255 - 19.
fn is_reduced(bytes: &[u8; 32]) -> bool {
    let [low, between @ .., high] = bytes;
    *low < 0xed || high & 0x7f != 0x7f || between.iter().any(|byte| *byte != 0xff)
}

fn point_of(key: &p256::ecdsa::SigningKey) -> PublicKey {
    let point = key.verifying_key().to_sec1_point(false);
    PublicKey::from_sec1(point.as_bytes()).expect("a key's own point is on its curve")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn rfc_7638_thumbprint_form_is_canonical_and_jwk_round_trips() {
        for alg in [Alg::Ed25519, Alg::Es256] {
            let key = SecretKey::from_seed(alg, &[9; 32]).unwrap().public();
            let json = serde_json::to_string(&key).unwrap();
            assert_eq!(serde_json::from_str::<PublicKey>(&json).unwrap(), key);
        }
        // RFC 8037 appendix A.3
        let jwk =
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        let key: PublicKey = serde_json::from_str(jwk).unwrap();
        assert_eq!(
            base64url_encode(key.thumbprint()),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
    }

    #[test]
    fn a_signature_of_one_key_or_message_or_algorithm_is_refused_for_another() {
        for alg in [Alg::Ed25519, Alg::Es256] {
            let key = SecretKey::from_seed(alg, &[1; 32]).unwrap();
            let other = SecretKey::from_seed(alg, &[2; 32]).unwrap();
            let sig = key.sign(b"m");
            Portable.verify(&key.public(), b"m", &sig).unwrap();
            assert!(Portable.verify(&other.public(), b"m", &sig).is_err());
            assert!(Portable.verify(&key.public(), b"n", &sig).is_err());
            assert!(
                Portable
                    .verify(&key.public(), b"m", sig.get(1..).unwrap())
                    .is_err()
            );
        }
    }

    #[test]
    fn a_weak_point_and_a_point_off_the_curve_are_no_keys() {
        assert!(PublicKey::from_ed25519(&[0; 32]).is_err());
        let mut point = [7; 65];
        point[0] = 4;
        assert!(PublicKey::from_sec1(&point).is_err());
    }
}
