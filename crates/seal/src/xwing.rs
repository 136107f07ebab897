//! What X-Wing and HPKE's key schedule are put together from, whoever computes their parts.
//! Source: draft-connolly-cfrg-xwing-kem-10 section 5, RFC 9180 sections 4 and 5.1.

use crate::kem::PUBLIC_SIZE_BYTES;
use hkdf::{Hkdf, HkdfExtract};
use ml_kem::{FromSeed as _, MlKem768, ml_kem_768};
use sha2::Sha256;
use shake::{ExtendableOutput as _, Shake256, Update as _, XofReader as _};
use zeroize::Zeroizing;

/// Ends what X-Wing hashes.
const LABEL: &[u8] = br"\.//^\";
/// Begins what HPKE extracts from and expands to.
const HPKE_VERSION: &[u8] = b"HPKE-v1";
/// `HPKE`, KEM 0x647a (X-Wing), KDF 0x0001 (HKDF-SHA256), AEAD 0x0003 (ChaCha20-Poly1305).
const SUITE_ID: &[u8] = b"HPKE\x64\x7a\x00\x01\x00\x03";
const MODE_BASE: &[u8] = &[0];

/// 32 bytes that are wiped.
pub(crate) type Key = Zeroizing<[u8; 32]>;

/// What a seed expands to: the pair of ML-KEM, and the scalar of X25519.
pub(crate) struct Expanded {
    pub(crate) ml_kem: (ml_kem_768::DecapsulationKey, ml_kem_768::EncapsulationKey),
    pub(crate) scalar: Key,
}

/// SHAKE256 of the seed: 64 bytes for ML-KEM's key generation, 32 for X25519.
pub(crate) fn expand(seed: &[u8; 32]) -> Expanded {
    let (mut d_and_z, mut scalar) = (Zeroizing::new([0; 64]), Key::default());
    let mut expanded = Shake256::default().chain(seed).finalize_xof();
    expanded.read(d_and_z.as_mut());
    expanded.read(scalar.as_mut());
    Expanded {
        ml_kem: MlKem768::from_seed(&(*d_and_z).into()),
        scalar,
    }
}

/// What SHA3-256 makes the shared secret from: both parts, the ephemeral and the recipient's point, the
/// label.
pub(crate) fn combined(ss_m: &[u8], ss_x: &[u8], ct_x: &[u8], pk_x: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([ss_m, ss_x, ct_x, pk_x, LABEL].concat())
}

/// HPKE's key schedule in base mode, for a single message: key and nonce of the AEAD.
pub(crate) fn key_schedule(shared: &Key, info: &[u8]) -> (Key, [u8; 12]) {
    let (psk_id_hash, _) = labeled_extract(&[], b"psk_id_hash", &[]);
    let (info_hash, _) = labeled_extract(&[], b"info_hash", info);
    let context = [MODE_BASE, psk_id_hash.as_ref(), info_hash.as_ref()].concat();
    let (_, secret) = labeled_extract(shared.as_ref(), b"secret", &[]);
    let (mut key, mut nonce) = (Key::default(), [0; 12]);
    labeled_expand(&secret, b"key", &context, key.as_mut());
    labeled_expand(&secret, b"base_nonce", &context, &mut nonce);
    (key, nonce)
}

fn labeled_extract(salt: &[u8], label: &[u8], ikm: &[u8]) -> (Key, Hkdf<Sha256>) {
    let mut extract = HkdfExtract::<Sha256>::new(Some(salt));
    for part in [HPKE_VERSION, SUITE_ID, label, ikm] {
        extract.input_ikm(part);
    }
    let (out, hkdf) = extract.finalize();
    (Key::new(out.into()), hkdf)
}

fn labeled_expand(secret: &Hkdf<Sha256>, label: &[u8], context: &[u8], out: &mut [u8]) {
    let length = u16::try_from(out.len())
        .expect("keys and nonces are short")
        .to_be_bytes();
    secret
        .expand_multi_info(&[&length, HPKE_VERSION, SUITE_ID, label, context], out)
        .expect("keys and nonces are within HKDF's limit");
}

/// A public key: that of ML-KEM, then the point.
pub(crate) fn public(ml_kem: &[u8], point: &[u8]) -> [u8; PUBLIC_SIZE_BYTES] {
    let mut both = [0; PUBLIC_SIZE_BYTES];
    for (to, from) in both.iter_mut().zip(ml_kem.iter().chain(point)) {
        *to = *from;
    }
    both
}
