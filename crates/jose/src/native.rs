//! ES256 on AWS-LC, for every build but a browser's. [`Portable`] is its oracle: both take and refuse
//! the same signatures. Why, and what differs: `docs/decisions/0012-native-fast-path.md`.

use crate::{Alg, BadSignature, Portable, PublicKey, Verifier};
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, UnparsedPublicKey,
    },
};

/// Verifies ES256 with AWS-LC. Ed25519 stays with [`Portable`]: AWS-LC takes points of small order
/// that strict verification refuses.
#[derive(Debug, Clone, Copy, Default)]
pub struct Native;

impl Verifier for Native {
    fn verify(&self, key: &PublicKey, message: &[u8], sig: &[u8]) -> Result<(), BadSignature> {
        match key.alg() {
            Alg::Ed25519 => Portable.verify(key, message, sig),
            Alg::Es256 => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.as_bytes())
                .verify(message, sig)
                .map_err(|_| BadSignature),
        }
    }
}

/// A P-256 key pair in AWS-LC's memory, which wipes it when it is freed.
#[derive(Clone)]
pub(crate) struct Pair(EcdsaKeyPair);

impl Pair {
    /// The pair of a scalar and its own point (65 bytes).
    pub(crate) fn new(scalar: &[u8; 32], point: &[u8]) -> Self {
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, scalar, point);
        Self(pair.expect("a scalar of the curve and its point are a key pair"))
    }

    /// Signs; the nonce is from the key, the message and the operating system's randomness.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        // The generator is asked for and not used: AWS-LC has its own.
        let signature = self.0.sign(&SystemRandom::new(), message);
        signature
            .expect("signing fails only where there is no memory")
            .as_ref()
            .to_vec()
    }
}
