//! X-Wing keys: what all implementations take for one, and what they expand it to.

use crate::{SealError, kept, portable};
use std::sync::{Arc, OnceLock};
use zeroize::ZeroizeOnDrop;

/// Bytes of an X-Wing public key: ML-KEM-768, then X25519.
pub(crate) const PUBLIC_SIZE_BYTES: usize = ML_KEM_PUBLIC_SIZE_BYTES + POINT_SIZE_BYTES;
/// Bytes of what HPKE calls `enc`: an ML-KEM-768 ciphertext, then an X25519 point.
pub(crate) const ENC_SIZE_BYTES: usize = ML_KEM_CIPHERTEXT_SIZE_BYTES + POINT_SIZE_BYTES;

const ML_KEM_PUBLIC_SIZE_BYTES: usize = 1184;
const ML_KEM_CIPHERTEXT_SIZE_BYTES: usize = 1088;
const POINT_SIZE_BYTES: usize = 32;
/// An ML-KEM public key ends with the seed of its matrix.
const MATRIX_SEED_SIZE_BYTES: usize = 32;
/// Coefficients are numbers modulo this.
const MODULUS: u16 = 3329;

/// x-coordinates with which X25519 gives zeros whatever the other side's key is, the top bit aside:
/// points of small order on the curve and its twist, in every encoding. Source: RFC 7748 sections 5
/// and 7.
const SMALL_ORDER: [[u8; POINT_SIZE_BYTES]; 7] = [
    point(0, 0),
    point(1, 0),
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4,
        0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49,
        0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef,
        0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f,
        0x11, 0x57,
    ],
    // p - 1, p, p + 1
    point(0xec, 0xff),
    point(0xed, 0xff),
    point(0xee, 0xff),
];

/// The first byte, and the others alike but for the top bit.
const fn point(first: u8, others: u8) -> [u8; POINT_SIZE_BYTES] {
    let mut point = [others; POINT_SIZE_BYTES];
    point[0] = first;
    point[POINT_SIZE_BYTES - 1] = others & 0x7f;
    point
}

/// An X-Wing public key, 1216 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KemPublic(Box<[u8; PUBLIC_SIZE_BYTES]>);

impl KemPublic {
    /// Reads a key.
    ///
    /// # Errors
    /// [`SealError::BadKey`] unless it is 1216 bytes of a valid encoding: coefficients below the
    /// modulus (FIPS 203 section 7.2), and a point with which something is agreed on.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SealError> {
        let bytes: [u8; PUBLIC_SIZE_BYTES] = bytes.try_into().map_err(|_| SealError::BadKey)?;
        let (ml_kem, point) = bytes.split_at(ML_KEM_PUBLIC_SIZE_BYTES);
        if is_reduced(ml_kem) && agrees(point) {
            Ok(Self(Box::new(bytes)))
        } else {
            Err(SealError::BadKey)
        }
    }

    /// The key's 1216 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_vec()
    }

    pub(crate) fn as_bytes(&self) -> &[u8; PUBLIC_SIZE_BYTES] {
        &self.0
    }

    /// The keys of ML-KEM and X25519.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn parts(&self) -> (&[u8], &[u8]) {
        self.0.split_at(ML_KEM_PUBLIC_SIZE_BYTES)
    }
}

/// An encapsulated key of the right length, with a point with which something is agreed on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Enc<'a>(&'a [u8; ENC_SIZE_BYTES]);

impl<'a> Enc<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let bytes: &[u8; ENC_SIZE_BYTES] = bytes.try_into().ok()?;
        let (_, point) = bytes.split_at(ML_KEM_CIPHERTEXT_SIZE_BYTES);
        agrees(point).then_some(Self(bytes))
    }

    pub(crate) fn as_bytes(self) -> &'a [u8; ENC_SIZE_BYTES] {
        self.0
    }

    /// The ciphertext of ML-KEM and the point of X25519.
    pub(crate) fn parts(self) -> (&'a [u8], &'a [u8]) {
        self.0.split_at(ML_KEM_CIPHERTEXT_SIZE_BYTES)
    }
}

/// Whether all coefficients are below the modulus: 12 bits each, little-endian, before the seed.
fn is_reduced(ml_kem: &[u8]) -> bool {
    let end = ml_kem.len().saturating_sub(MATRIX_SEED_SIZE_BYTES);
    let (coefficients, _) = ml_kem.split_at(end);
    coefficients.chunks_exact(3).all(|pair| match *pair {
        [low, middle, high] => {
            let (low, middle, high) = (u16::from(low), u16::from(middle), u16::from(high));
            let first = low | ((middle & 0xf) << 8);
            let second = (middle >> 4) | (high << 4);
            first < MODULUS && second < MODULUS
        }
        _ => false,
    })
}

/// Whether X25519 with this point depends on the other side's key. Not secret: no constant time.
fn agrees(bytes: &[u8]) -> bool {
    let mut point = [0; POINT_SIZE_BYTES];
    point.copy_from_slice(bytes);
    point[POINT_SIZE_BYTES - 1] &= 0x7f;
    !SMALL_ORDER.contains(&point)
}

/// An X-Wing secret key: a 32-byte seed, wiped when dropped. What the seed expands to is kept, and
/// wiped, with it: clones share it.
#[derive(Clone, ZeroizeOnDrop)]
pub struct KemSecret {
    seed: [u8; 32],
    #[zeroize(skip)]
    expanded: Arc<Expanded>,
}

/// The key of each implementation, made when it is first asked for. They wipe themselves.
#[derive(Default)]
struct Expanded {
    portable: OnceLock<portable::Secret>,
    kept: OnceLock<kept::Secret>,
    #[cfg(not(target_arch = "wasm32"))]
    native: OnceLock<crate::native::Secret>,
}

impl KemSecret {
    /// The key of a 32-byte seed (the X-Wing decapsulation key itself).
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self {
            seed,
            expanded: Arc::default(),
        }
    }

    /// The seed, to store it encrypted.
    #[must_use]
    pub fn danger_seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> KemPublic {
        #[cfg(not(target_arch = "wasm32"))]
        let bytes = self.native().public();
        #[cfg(target_arch = "wasm32")]
        let bytes = self.kept().public();
        KemPublic(Box::new(bytes))
    }

    pub(crate) fn portable(&self) -> &portable::Secret {
        let expanded = &self.expanded.portable;
        expanded.get_or_init(|| portable::expand(&self.seed))
    }

    pub(crate) fn kept(&self) -> &kept::Secret {
        let expanded = &self.expanded.kept;
        expanded.get_or_init(|| kept::Secret::expand(&self.seed))
    }

    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn native(&self) -> &crate::native::Secret {
        let expanded = &self.expanded.native;
        expanded.get_or_init(|| crate::native::Secret::expand(&self.seed))
    }
}
