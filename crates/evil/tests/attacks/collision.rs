//! One ciphertext that ChaCha20-Poly1305 opens under two keys: the block that makes both tags equal is
//! solved for in the field of Poly1305. Source: RFC 8439 section 2.5; Len, Grubbs, Ristenpart,
//! "Partitioning Oracle Attacks", section 3.2.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, aead::Aead};
use denizen_recovery::{ARGON2_FLOOR, DeviceSecret};
use hkdf::Hkdf;
use minicbor::Encoder;
use sha2::Sha256;

/// A number below 2^130 - 5, little end first, in five limbs of 26 bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Fe([u64; 5]);

const MASK: u64 = (1 << 26) - 1;

impl Fe {
    fn of(bytes: &[u8]) -> Self {
        let mut fe = Self([0; 5]);
        for bit in (0..bytes.len() * 8).filter(|bit| bytes[bit / 8] >> (bit % 8) & 1 == 1) {
            fe.0[bit / 26] |= 1 << (bit % 26);
        }
        fe.reduced()
    }

    fn reduced(mut self) -> Self {
        for _ in 0..3 {
            let mut carry = 0;
            for limb in &mut self.0 {
                *limb += carry;
                carry = *limb >> 26;
                *limb &= MASK;
            }
            self.0[0] += 5 * carry;
        }
        // At most one subtraction of the prime is left.
        let mut less = self.0;
        less[0] += 5;
        for at in 0..4 {
            less[at + 1] += less[at] >> 26;
            less[at] &= MASK;
        }
        if less[4] >> 26 == 1 {
            less[4] &= MASK;
            return Self(less);
        }
        self
    }

    fn add(self, other: Self) -> Self {
        let mut sum = self;
        for (limb, more) in sum.0.iter_mut().zip(other.0) {
            *limb += more;
        }
        sum.reduced()
    }

    /// 2^130 - 5 minus it.
    fn neg(self) -> Self {
        let prime = [MASK - 4, MASK, MASK, MASK, MASK];
        let (mut out, mut borrow) = ([0; 5], 0);
        for at in 0..5 {
            let (less, more) = (self.0[at] + borrow, prime[at]);
            borrow = u64::from(less > more);
            out[at] = more + (borrow << 26) - less;
        }
        Self(out).reduced()
    }

    fn mul(self, other: Self) -> Self {
        let mut wide = [0u128; 5];
        for (i, a) in self.0.iter().enumerate() {
            for (j, b) in other.0.iter().enumerate() {
                let fold = if i + j >= 5 { 5 } else { 1 };
                wide[(i + j) % 5] += u128::from(*a) * u128::from(*b) * fold;
            }
        }
        let mut limbs = [0; 5];
        let mut carry = 0;
        for (limb, wide) in limbs.iter_mut().zip(wide) {
            let sum = wide + carry;
            *limb = u64::try_from(sum & u128::from(MASK)).unwrap();
            carry = sum >> 26;
        }
        limbs[0] += u64::try_from(carry * 5).unwrap();
        Self(limbs).reduced()
    }

    /// By Fermat: to the power of the prime less two.
    fn inverse(self) -> Self {
        let mut out = Self([1, 0, 0, 0, 0]);
        // 2^130 - 7: all bits set but the second and third (…11111001).
        for bit in (0..130).rev() {
            out = out.mul(out);
            if bit != 1 && bit != 2 {
                out = out.mul(self);
            }
        }
        out
    }

    /// The low 128 bits, and what is above them.
    fn split(self) -> (u128, u64) {
        let shifted = |(at, limb): (usize, &u64)| u128::from(*limb) << (at * 26);
        let low = self
            .0
            .iter()
            .enumerate()
            .map(shifted)
            .fold(0, |low, part| low | part);
        (low, self.0[4] >> 24)
    }
}

/// r and s of Poly1305 under a key and nonce, out of the first block of ChaCha20.
fn poly_key(key: &[u8], nonce: &[u8; 12]) -> (Fe, u128) {
    let block = chacha_block(key, nonce);
    let mut r = [0u8; 16];
    r.copy_from_slice(&block[..16]);
    for at in [3, 7, 11, 15] {
        r[at] &= 15;
    }
    for at in [4, 8, 12] {
        r[at] &= 252;
    }
    let s = u128::from_le_bytes(block[16..32].try_into().unwrap());
    (Fe::of(&r), s)
}

/// Block 0 of ChaCha20 (RFC 8439 section 2.3).
fn chacha_block(key: &[u8], nonce: &[u8; 12]) -> [u8; 64] {
    let word = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap());
    let mut state = [0u32; 16];
    for (at, text) in [b"expa", b"nd 3", b"2-by", b"te k"].iter().enumerate() {
        state[at] = word(*text);
    }
    for at in 0..8 {
        state[4 + at] = word(&key[at * 4..at * 4 + 4]);
    }
    for at in 0..3 {
        state[13 + at] = word(&nonce[at * 4..at * 4 + 4]);
    }
    let mut x = state;
    let mut quarter = |a: usize, b: usize, c: usize, d: usize| {
        for (to, by, xor, turn) in [(a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)] {
            x[to] = x[to].wrapping_add(x[by]);
            x[xor] = (x[xor] ^ x[to]).rotate_left(turn);
        }
    };
    for _ in 0..10 {
        for at in 0..4 {
            quarter(at, 4 + at, 8 + at, 12 + at);
        }
        for at in 0..4 {
            quarter(at, 4 + (at + 1) % 4, 8 + (at + 2) % 4, 12 + (at + 3) % 4);
        }
    }
    let mut out = [0; 64];
    for (at, (a, b)) in x.iter().zip(state).enumerate() {
        out[at * 4..at * 4 + 4].copy_from_slice(&a.wrapping_add(b).to_le_bytes());
    }
    out
}

/// 32 bytes of ciphertext and their tag, good under both keys.
fn collide(keys: [&[u8]; 2], nonce: &[u8; 12]) -> Vec<u8> {
    let [(r1, s1), (r2, s2)] = keys.map(|key| poly_key(key, nonce));
    let top = |fe: Fe| fe.add(Fe([0, 0, 0, 0, 1 << 24]));
    let lengths = top(Fe::of(&[&[0; 8][..], &32u64.to_le_bytes()].concat()));
    // tag - s = (c1 r^3 + c2 r^2 + lengths r) mod p, for both: two equations in c1 and c2.
    let (r1_2, r2_2) = (r1.mul(r1), r2.mul(r2));
    let (r1_3, r2_3) = (r1_2.mul(r1), r2_2.mul(r2));
    let fixed = |r: Fe| lengths.mul(r);
    let det = r1_3.mul(r2_2).add(r2_3.mul(r1_2).neg()).inverse();
    for tag in 0u128.. {
        let want = |s: u128, r: Fe| Fe::of(&tag.wrapping_sub(s).to_le_bytes()).add(fixed(r).neg());
        let (w1, w2) = (want(s1, r1), want(s2, r2));
        let c1 = w1.mul(r2_2).add(w2.mul(r1_2).neg()).mul(det);
        let c2 = r1_3.mul(w2).add(r2_3.mul(w1).neg()).mul(det);
        // Each is a block only if it has just the bit above its 128.
        if let ((one, 1), (two, 1)) = (c1.split(), c2.split()) {
            let parts = [one.to_le_bytes(), two.to_le_bytes(), tag.to_le_bytes()];
            return parts.concat();
        }
    }
    unreachable!("one in sixteen tags fits")
}

/// A wrapped root that commits to the first passphrase's key and whose ciphertext opens under both.
pub(crate) fn opens_under_both(one: &str, other: &str, device: &DeviceSecret) -> Vec<u8> {
    let (salt, nonce) = ([3; 16], [4; 12]);
    let keys = |passphrase: &str| {
        let (memory, passes) = (ARGON2_FLOOR.memory_kib, ARGON2_FLOOR.passes);
        let params = Params::new(memory, passes, 1, Some(32)).unwrap();
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let (mut stretched, mut out) = ([0; 32], [0; 64]);
        argon2
            .hash_password_into(passphrase.as_bytes(), &salt, &mut stretched)
            .unwrap();
        let hkdf = Hkdf::<Sha256>::new(Some(device.as_ref()), &stretched);
        hkdf.expand(b"denizen/v1/wrap", &mut out).unwrap();
        out
    };
    let (first, second) = (keys(one), keys(other));
    let ct = collide([&first[..32], &second[..32]], &nonce);
    for key in [&first[..32], &second[..32]] {
        let opened = ChaCha20Poly1305::new_from_slice(key).unwrap();
        assert!(
            opened.decrypt(&nonce.into(), ct.as_slice()).is_ok(),
            "no collision"
        );
    }
    let mut e = Encoder::new(Vec::new());
    e.array(7).unwrap().u8(1).unwrap();
    e.u32(ARGON2_FLOOR.memory_kib)
        .unwrap()
        .u32(ARGON2_FLOOR.passes)
        .unwrap();
    e.bytes(&salt).unwrap().bytes(&first[32..]).unwrap();
    e.bytes(&nonce).unwrap().bytes(&ct).unwrap();
    e.into_writer()
}
