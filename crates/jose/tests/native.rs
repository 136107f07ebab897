//! ES256 and Ed25519 by two implementations: they take, refuse and make the same.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use curve25519_dalek::{
    EdwardsPoint, Scalar, constants::EIGHT_TORSION, edwards::CompressedEdwardsY,
};
use denizen_jose::{
    Alg, BadSignature, Native, Portable, PublicKey, SecretKey, Signer as _, Verifier as _,
};
use sha2::{Digest as _, Sha256, Sha512};
use std::collections::BTreeSet;

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

fn edwards(n: u32) -> SecretKey {
    let seed = Sha256::digest(n.to_be_bytes()).into();
    SecretKey::from_seed(Alg::Ed25519, &seed).unwrap()
}

/// The group order of edwards25519, little-endian. Source: RFC 8032 section 5.1.
fn order() -> [u8; 32] {
    let mut order = unhex("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed");
    order.reverse();
    order
}

/// `a + b` of little-endian numbers.
fn sum(a: &[u8], b: &[u8]) -> [u8; 32] {
    let mut carry = 0;
    std::array::from_fn(|at| {
        let next = u16::from(a[at]) + u16::from(b[at]) + carry;
        carry = next >> 8;
        next.to_le_bytes()[0]
    })
}

#[test]
fn ed25519_has_the_same_bytes_by_both_and_each_verifies_them() {
    for n in 0..128 {
        let (portable, message) = (edwards(n), message(n));
        let native = portable.clone().with_native();
        assert_eq!(native.public(), portable.public());
        assert_eq!(native.alg(), Alg::Ed25519);
        assert_eq!(native.danger_seed(), portable.danger_seed());
        let signature = native.sign(&message);
        assert_eq!(signature, portable.sign(&message));
        both(&portable.public(), &message, &signature).unwrap();
        both(&edwards(n + 1).public(), &message, &signature).unwrap_err();
    }
}

#[test]
fn ed25519_of_every_flipped_bit_and_every_other_length_is_refused_by_both() {
    let (key, message) = (edwards(7), b"a message".to_vec());
    let (public, signature) = (key.public(), key.sign(&message));
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
    for length in (0..64).chain([65, 66, 70, 96, 128]) {
        let mut other = signature.clone();
        other.resize(length, 0);
        both(&public, &message, &other).unwrap_err();
    }
}

#[test]
fn ed25519_is_strict_in_both_about_numbers_and_points() {
    let key = edwards(8);
    let (public, signature) = (key.public(), key.sign(b"m"));
    let (r, s) = signature.split_at(32);
    // The same number once more around the order, and the edges of it.
    both(&public, b"m", &[r, &sum(s, &order())].concat()).unwrap_err();
    let edges = [[0; 32], order(), sum(&order(), &[1; 32]), [0xff; 32]];
    for edge in edges {
        both(&public, b"m", &[r, &edge].concat()).unwrap_err();
        both(&public, b"m", &[&edge, s].concat()).unwrap_err();
    }
    for point in EIGHT_TORSION {
        let small = point.compress().to_bytes();
        PublicKey::from_ed25519(&small).unwrap_err();
        for number in [s, &[0; 32]] {
            both(&public, b"m", &[&small, number].concat()).unwrap_err();
        }
    }
}

/// `R` of small order and `S = h(R, A, m) a`: where `A` has a part of small order too, the equation holds
/// for some messages, and exactly. Without its own rule AWS-LC takes each of the eight.
#[test]
fn ed25519_takes_no_signature_whose_r_is_of_small_order_though_the_equation_holds() {
    let seed = [9; 32];
    let own = SecretKey::from_seed(Alg::Ed25519, &seed).unwrap().public();
    let own = CompressedEdwardsY(own.as_bytes().try_into().unwrap());
    let own = own.decompress().unwrap();
    let secret = Scalar::from_bytes_mod_order(clamped(&seed));
    let mut held = BTreeSet::new();
    for (part, point) in EIGHT_TORSION
        .into_iter()
        .flat_map(|part| EIGHT_TORSION.map(|p| (part, p)))
    {
        let public = (own + part).compress().to_bytes();
        let key = PublicKey::from_ed25519(&public).unwrap();
        let r = point.compress().to_bytes();
        for n in 0..16_u8 {
            let hash = Sha512::new()
                .chain_update(r)
                .chain_update(public)
                .chain_update([n]);
            let h = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
            let signature = [&r[..], (h * secret).as_bytes()].concat();
            both(&key, &[n], &signature).unwrap_err();
            if UnparsedPublicKey::new(&ED25519, public)
                .verify(&[n], &signature)
                .is_ok()
            {
                held.insert(r);
            }
        }
    }
    assert_eq!(held.len(), 8, "{held:02x?}");
}

/// The secret scalar of a seed, before it is reduced. Source: RFC 8032 section 5.1.5.
fn clamped(seed: &[u8; 32]) -> [u8; 32] {
    let hash: [u8; 64] = Sha512::digest(seed).into();
    let mut scalar: [u8; 32] = hash[..32].try_into().unwrap();
    scalar[0] &= 248;
    scalar[31] = scalar[31] & 127 | 64;
    scalar
}

/// A key with a part of small order, `A + T`: both compute the equation without multiplying by eight.
#[test]
fn ed25519_keys_with_a_part_of_small_order_are_the_same_to_both() {
    let seed = [10; 32];
    let own = SecretKey::from_seed(Alg::Ed25519, &seed).unwrap().public();
    let own = CompressedEdwardsY(own.as_bytes().try_into().unwrap());
    let own = own.decompress().unwrap();
    let secret = Scalar::from_bytes_mod_order(clamped(&seed));
    let (mut taken, mut refused) = (0, 0);
    for torsion in EIGHT_TORSION {
        let mixed = (own + torsion).compress().to_bytes();
        let key = PublicKey::from_ed25519(&mixed).unwrap();
        for n in 0..32_u8 {
            let nonce = Scalar::from_bytes_mod_order([n + 1; 32]);
            let r = EdwardsPoint::mul_base(&nonce).compress().to_bytes();
            let hash = Sha512::new()
                .chain_update(r)
                .chain_update(mixed)
                .chain_update([n]);
            let h = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
            let signature = [&r[..], (nonce + h * secret).as_bytes()].concat();
            match both(&key, &[n], &signature) {
                Ok(()) => taken += 1,
                Err(BadSignature) => refused += 1,
            }
        }
    }
    assert!(
        taken > 32 && refused > 32,
        "{taken} taken, {refused} refused"
    );
}

#[test]
fn an_ed25519_key_is_written_in_one_way() {
    // y = p + 3 and its like: bytes that say a number below 19 once more.
    let mut points = 0;
    for low in 0xed..=0xff_u8 {
        for high in [0x7f, 0xff] {
            let mut bytes = [0xff; 32];
            (bytes[0], bytes[31]) = (low, high);
            points += u32::from(CompressedEdwardsY(bytes).decompress().is_some());
            PublicKey::from_ed25519(&bytes).unwrap_err();
        }
    }
    assert!(points > 4, "{points} of them are points");
}
