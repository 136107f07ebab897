//! ES256 by two implementations: they take, refuse and make the same.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_jose::{
    Alg, BadSignature, Native, Portable, PublicKey, SecretKey, Signer as _, Verifier as _,
};
use sha2::{Digest as _, Sha256};

/// The group order of P-256. Source: FIPS 186-5, SP 800-186 section 3.2.1.3.
const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
/// Its field's prime.
const PRIME: &str = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";

fn unhex(text: &str) -> [u8; 32] {
    std::array::from_fn(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap())
}

/// `a + by` modulo 2^256.
fn plus(a: [u8; 32], by: i16) -> [u8; 32] {
    let mut sum = a;
    let mut carry = by;
    for byte in sum.iter_mut().rev() {
        let next = i16::from(*byte) + carry;
        *byte = u8::try_from(next.rem_euclid(256)).unwrap();
        carry = next.div_euclid(256);
    }
    sum
}

/// `a - b`, of which a is the larger.
fn minus(a: [u8; 32], b: &[u8]) -> [u8; 32] {
    let (mut difference, mut borrow) = (a, 0);
    for (byte, of) in difference.iter_mut().zip(b).rev() {
        let next = i16::from(*byte) - i16::from(*of) - borrow;
        *byte = u8::try_from(next.rem_euclid(256)).unwrap();
        borrow = i16::from(next < 0);
    }
    difference
}

fn key(n: u32) -> SecretKey {
    let seed = Sha256::digest(n.to_be_bytes()).into();
    SecretKey::from_seed(Alg::Es256, &seed).unwrap()
}

fn message(n: u32) -> Vec<u8> {
    let text = Sha256::digest((n + 1_000_000).to_be_bytes()).repeat(n as usize % 40);
    text[..text.len().saturating_sub(n as usize % 32)].to_vec()
}

/// What both say; they must agree.
fn both(key: &PublicKey, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
    let portable = Portable.verify(key, message, signature);
    let native = Native.verify(key, message, signature);
    assert_eq!(portable, native, "{signature:02x?}");
    native
}

#[test]
fn each_verifies_what_the_other_signs_and_both_have_one_public_key() {
    for n in 0..128 {
        let (portable, message) = (key(n), message(n));
        let native = portable.clone().with_native();
        assert_eq!(native.public(), portable.public());
        assert_eq!(native.alg(), Alg::Es256);
        assert_eq!(native.danger_seed(), portable.danger_seed());
        for signer in [&portable, &native] {
            let signature = signer.sign(&message);
            assert_eq!(signature.len(), 64);
            both(&portable.public(), &message, &signature).unwrap();
            both(&key(n + 1).public(), &message, &signature).unwrap_err();
        }
    }
}

#[test]
fn every_flipped_bit_of_signature_and_message_and_every_other_length_is_refused_by_both() {
    let key = key(7).with_native();
    let (public, message) = (key.public(), b"a message".to_vec());
    let signature = key.sign(&message);
    for bit in 0..512 {
        let mut bent = signature.clone();
        bent[bit / 8] ^= 1 << (bit % 8);
        both(&public, &message, &bent).unwrap_err();
    }
    for bit in 0..message.len() * 8 {
        let mut bent = message.clone();
        bent[bit / 8] ^= 1 << (bit % 8);
        both(&public, &bent, &signature).unwrap_err();
    }
    for length in (0..64).chain([65, 66, 70, 72, 96, 128]) {
        let mut other = signature.clone();
        other.resize(length, 0);
        both(&public, &message, &other).unwrap_err();
    }
}

#[test]
fn halves_that_are_zero_or_not_below_the_order_are_refused_by_both() {
    let key = key(8);
    let (public, signature) = (key.public(), key.sign(b"m"));
    let (r, s) = (&signature[..32], &signature[32..]);
    let mut edges = vec![[0; 32], plus([0; 32], 1), [0xff; 32]];
    for number in [unhex(ORDER), unhex(PRIME)] {
        edges.extend([-1, 0, 1].map(|by| plus(number, by)));
    }
    for edge in &edges {
        both(&public, b"m", &[edge, s].concat()).unwrap_err();
        both(&public, b"m", &[r, edge].concat()).unwrap_err();
        for other in &edges {
            both(&public, b"m", &[*edge, *other].concat()).unwrap_err();
        }
    }
}

#[test]
fn the_twin_with_the_other_s_is_taken_by_both_as_rfc_7518_has_no_rule_against_it() {
    for n in 0..16 {
        let key = key(n);
        let signature = key.sign(b"m");
        let (r, s) = signature.split_at(32);
        let twin = [r, &minus(unhex(ORDER), s)].concat();
        both(&key.public(), b"m", &signature).unwrap();
        both(&key.public(), b"m", &twin).unwrap();
    }
}

#[test]
fn the_mirrored_point_and_a_signature_in_der_are_refused_by_both() {
    let key = key(9);
    let (public, signature) = (key.public(), key.sign(b"m"));
    let (x, y) = public.as_bytes()[1..].split_at(32);
    let mirrored = [&[4], x, &minus(unhex(PRIME), y)].concat();
    let mirrored = PublicKey::from_sec1(&mirrored).unwrap();
    both(&mirrored, b"m", &signature).unwrap_err();
    let (r, s) = signature.split_at(32);
    let der = [&[0x30, 70, 2, 33, 0], r, &[2, 33, 0], s].concat();
    both(&public, b"m", &der).unwrap_err();
}

#[test]
fn ed25519_is_strict_in_both() {
    let key = SecretKey::from_seed(Alg::Ed25519, &[3; 32]).unwrap();
    let signature = key.clone().with_native().sign(b"m");
    assert_eq!(signature, key.sign(b"m"), "there is one implementation");
    both(&key.public(), b"m", &signature).unwrap();
    // R = the neutral element, S = 0.
    let mut small = [0; 64];
    small[0] = 1;
    both(&key.public(), b"m", &small).unwrap_err();
}
