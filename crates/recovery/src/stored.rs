//! A wrapped root as it lies at a hub, and where a passkey finds its own.
//!
//! `nonce (12) || ChaCha20-Poly1305(key, nonce, length (2, big-endian) || wrapped || zeros, 192 bytes)`,
//! key = HKDF-SHA256(no salt, IKM = secret, info = `denizen/v1/root-stored`). The secret is the link's
//! device secret, or a passkey's PRF output. So all roots at a hub are 220 bytes that look random: none
//! says what opens it, and a passphrase cannot be tried without the secret (R16). Nothing is decided by
//! this layer alone: the wrapped root inside has its own key commitment (R7).

use chacha20poly1305::{ChaCha20Poly1305, KeyInit, aead::Aead};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

/// Size of every root at a hub, in bytes.
pub const STORED_SIZE_BYTES: usize = NONCE_SIZE_BYTES + INSIDE_SIZE_BYTES + 16;
const NONCE_SIZE_BYTES: usize = 12;
const INSIDE_SIZE_BYTES: usize = 192;

fn key(secret: &[u8]) -> Zeroizing<[u8; 32]> {
    expand(secret, &[b"denizen/v1/root-stored"])
}

/// Where the root lies that a passkey opens: 32 bytes that only the passkey can make. `hub` is the hub's
/// id, so that two hubs see nothing in common.
///
/// HKDF-SHA256(no salt, IKM = PRF output, info = `denizen/v1/passkey-locator` || 0x00 || hub id).
#[must_use]
pub fn derive_locator(prf: &Zeroizing<[u8; 32]>, hub: &[u8; 32]) -> [u8; 32] {
    *expand(prf.as_ref(), &[b"denizen/v1/passkey-locator\0", hub])
}

fn expand(secret: &[u8], info: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut out = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(None, secret)
        .expand_multi_info(info, out.as_mut())
        .expect("32 bytes are within HKDF's limit");
    out
}

/// Hides what kind of a wrapped root it is. `secret`: at least 16 random bytes.
///
/// # Panics
/// For a wrapped root above 190 bytes: this crate makes none.
#[must_use]
pub fn seal_stored(wrapped: &[u8], secret: &[u8], rng: &mut impl rand_core::CryptoRng) -> Vec<u8> {
    let length = u16::try_from(wrapped.len()).expect("a wrapped root is short");
    let mut inside = length.to_be_bytes().to_vec();
    inside.extend(wrapped);
    assert!(inside.len() <= INSIDE_SIZE_BYTES, "a wrapped root is short");
    inside.resize(INSIDE_SIZE_BYTES, 0);
    let mut nonce = [0; NONCE_SIZE_BYTES];
    rng.fill_bytes(&mut nonce);
    let sealed = ChaCha20Poly1305::new_from_slice(key(secret).as_ref())
        .expect("32 bytes are a key")
        .encrypt(&nonce.into(), inside.as_slice())
        .expect("192 bytes are below the cipher's limit");
    [nonce.as_slice(), &sealed].concat()
}

/// Gives back the wrapped root; none for another secret or changed bytes.
#[must_use]
pub fn open_stored(stored: &[u8], secret: &[u8]) -> Option<Vec<u8>> {
    if stored.len() != STORED_SIZE_BYTES {
        return None;
    }
    let (nonce, sealed) = stored.split_at_checked(NONCE_SIZE_BYTES)?;
    let nonce: [u8; NONCE_SIZE_BYTES] = nonce.try_into().ok()?;
    let cipher = ChaCha20Poly1305::new_from_slice(key(secret).as_ref()).ok()?;
    let inside = cipher.decrypt(&nonce.into(), sealed).ok()?;
    let (length, rest) = inside.split_first_chunk::<2>()?;
    let (wrapped, zeros) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    zeros.iter().all(|z| *z == 0).then(|| wrapped.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};

    #[test]
    fn every_kind_is_as_long_and_comes_back_under_its_secret_alone() {
        let mut rng = ChaCha20Rng::from_seed([5; 32]);
        for wrapped in [&[1; 123][..], &[2; 116]] {
            let stored = seal_stored(wrapped, &[7; 32], &mut rng);
            assert_eq!(stored.len(), 220);
            assert_eq!(open_stored(&stored, &[7; 32]).as_deref(), Some(wrapped));
            assert_eq!(open_stored(&stored, &[8; 32]), None);
            assert_ne!(stored, seal_stored(wrapped, &[7; 32], &mut rng));
        }
    }

    #[test]
    fn no_changed_bit_and_no_other_length_is_taken() {
        let mut rng = ChaCha20Rng::from_seed([5; 32]);
        let stored = seal_stored(&[1; 100], &[7; 16], &mut rng);
        for at in 0..stored.len() * 8 {
            let mut bytes = stored.clone();
            if let Some(byte) = bytes.get_mut(at / 8) {
                *byte ^= 1 << (at % 8);
            }
            assert_eq!(open_stored(&bytes, &[7; 16]), None, "bit {at}");
        }
        let longer = [stored.as_slice(), &[0]].concat();
        for bytes in [&[][..], stored.get(..219).unwrap_or_default(), &longer] {
            assert_eq!(open_stored(bytes, &[7; 16]), None);
        }
    }

    #[test]
    fn two_hubs_and_two_passkeys_have_no_locator_in_common() {
        let (one, other) = (Zeroizing::new([1; 32]), Zeroizing::new([2; 32]));
        let all = [
            derive_locator(&one, &[1; 32]),
            derive_locator(&one, &[2; 32]),
            derive_locator(&other, &[1; 32]),
            *one,
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
        assert_eq!(
            derive_locator(&one, &[1; 32]),
            derive_locator(&one, &[1; 32])
        );
    }
}
