//! ES256 and Ed25519 on AWS-LC, for every build but a browser's. [`Portable`] is its oracle: both take
//! and refuse the same signatures. Why, and what differs: `docs/decisions/0012-native-fast-path.md`.

use crate::{Alg, BadSignature, PublicKey, Verifier};
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair,
        Ed25519KeyPair, UnparsedPublicKey,
    },
};
use std::sync::Arc;

/// Verifies with AWS-LC, Ed25519 as strictly as [`Portable`].
///
/// AWS-LC computes `R` anew and compares its one encoding with the signature's, as strict verification
/// does, and refuses an `S` that is not below the order. What it lets pass is a point of small order: a
/// [`PublicKey`] is none, and an `R` that is one of the eight is refused here.
#[derive(Debug, Clone, Copy, Default)]
pub struct Native;

impl Verifier for Native {
    fn verify(&self, key: &PublicKey, message: &[u8], sig: &[u8]) -> Result<(), BadSignature> {
        match key.alg() {
            Alg::Ed25519 => {
                let r = sig.first_chunk().ok_or(BadSignature)?;
                if SMALL_ORDER.contains(r) {
                    return Err(BadSignature);
                }
                UnparsedPublicKey::new(&ED25519, key.as_bytes()).verify(message, sig)
            }
            Alg::Es256 => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.as_bytes())
                .verify(message, sig),
        }
        .map_err(|_| BadSignature)
    }
}

/// The points of edwards25519 whose order divides eight, each in its one encoding: what a verifier
/// computes as `R` is written so. Of order 1, 2, 4 (two) and 8 (four); a test has them from the curve.
pub(crate) const SMALL_ORDER: [[u8; 32]; 8] = [
    first([0x01, 0x00], 0x00, 0x00),
    first([0xec, 0xff], 0xff, 0x7f),
    first([0x00, 0x00], 0x00, 0x00),
    first([0x00, 0x00], 0x00, 0x80),
    ORDER_8,
    negated(ORDER_8),
    ORDER_8_OTHER,
    negated(ORDER_8_OTHER),
];
const ORDER_8: [u8; 32] = [
    0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
    0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
];
const ORDER_8_OTHER: [u8; 32] = [
    0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
    0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
];

/// Two bytes, then one that repeats, and a last one.
const fn first(begin: [u8; 2], between: u8, last: u8) -> [u8; 32] {
    let mut bytes = [between; 32];
    [bytes[0], bytes[1]] = begin;
    bytes[31] = last;
    bytes
}

/// The point with the other `x`: the top bit is its sign.
const fn negated(mut point: [u8; 32]) -> [u8; 32] {
    point[31] ^= 0x80;
    point
}

/// An Ed25519 key pair in AWS-LC's memory, which wipes it when the last of its clones is dropped.
#[derive(Clone)]
pub(crate) struct Ed25519Pair(Arc<Ed25519KeyPair>);

impl Ed25519Pair {
    /// The pair of a seed.
    pub(crate) fn new(seed: &[u8; 32]) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed);
        Self(Arc::new(pair.expect("any 32 bytes are a seed")))
    }

    /// Signs; the same bytes as by [`Portable`](crate::Portable)'s arithmetic (RFC 8032).
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).as_ref().to_vec()
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
