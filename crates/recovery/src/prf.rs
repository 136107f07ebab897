//! Wrapping a root under the output of a passkey's PRF extension (R16, R7).
//!
//! `CBOR array [version 2, salt bstr 16, commitment bstr 32, nonce bstr 12, ct bstr]`.
//! key || commitment = HKDF-SHA256(salt, IKM = PRF output, info = `denizen/v1/wrap-prf`), 64 bytes. The
//! commitment is compared before anything is decrypted. A PRF output has 256 random bits and never
//! leaves the authenticator's client, so no password function is needed.
//! Source: Web Authentication Level 3, section 10.1.4 (`prf`).

use crate::WrapError;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, aead::Aead};
use hkdf::Hkdf;
use minicbor::{Decoder, Encoder};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

fn keys(prf: &[u8; 32], salt: &[u8; 16]) -> Zeroizing<[u8; 64]> {
    let mut out = Zeroizing::new([0; 64]);
    Hkdf::<Sha256>::new(Some(salt), prf)
        .expand(b"denizen/v1/wrap-prf", out.as_mut())
        .expect("64 bytes are within HKDF's limit");
    out
}

/// Wraps a root under 32 bytes of a passkey.
#[must_use]
pub fn wrap_prf(
    root: &[u8; 32],
    prf: &Zeroizing<[u8; 32]>,
    rng: &mut impl rand_core::CryptoRng,
) -> Vec<u8> {
    let (mut salt, mut nonce) = ([0; 16], [0; 12]);
    rng.fill_bytes(&mut salt);
    rng.fill_bytes(&mut nonce);
    let keys = keys(prf, &salt);
    let (key, commitment) = keys.split_at(32);
    let ct = ChaCha20Poly1305::new_from_slice(key)
        .expect("half of 64 bytes is a key")
        .encrypt(&nonce.into(), root.as_slice())
        .expect("32 bytes are below the cipher's limit");
    let mut e = Encoder::new(Vec::new());
    e.array(5)
        .and_then(|e| e.u8(2)?.bytes(&salt)?.bytes(commitment)?.bytes(&nonce))
        .and_then(|e| e.bytes(&ct))
        .expect("writing to memory does not fail");
    e.into_writer()
}

/// Unwraps a root.
///
/// # Errors
/// [`WrapError::Malformed`]; [`WrapError::WrongPassphrase`] for another passkey's output.
pub fn unwrap_prf(
    wrapped: &[u8],
    prf: &Zeroizing<[u8; 32]>,
) -> Result<Zeroizing<[u8; 32]>, WrapError> {
    let read = || {
        let mut d = Decoder::new(wrapped);
        (d.array().ok()?? == 5 && d.u8().ok()? == 2).then_some(())?;
        let salt: [u8; 16] = d.bytes().ok()?.try_into().ok()?;
        let commitment: [u8; 32] = d.bytes().ok()?.try_into().ok()?;
        let nonce: [u8; 12] = d.bytes().ok()?.try_into().ok()?;
        let ct = d.bytes().ok()?.to_vec();
        (d.position() == wrapped.len()).then_some((salt, commitment, nonce, ct))
    };
    let (salt, commitment, nonce, ct) = read().ok_or(WrapError::Malformed)?;
    let keys = keys(prf, &salt);
    let (key, expected) = keys.split_at(32);
    if !bool::from(commitment.as_slice().ct_eq(expected)) {
        return Err(WrapError::WrongPassphrase);
    }
    let root = ChaCha20Poly1305::new_from_slice(key)
        .expect("half of 64 bytes is a key")
        .decrypt(&nonce.into(), ct.as_slice())
        .map_err(|_| WrapError::WrongPassphrase)?;
    let root = Zeroizing::new(root);
    let root: [u8; 32] = root
        .as_slice()
        .try_into()
        .map_err(|_| WrapError::Malformed)?;
    Ok(Zeroizing::new(root))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};

    #[test]
    fn a_root_comes_back_under_its_passkey_alone() {
        let mut rng = ChaCha20Rng::from_seed([5; 32]);
        let (root, prf) = ([7; 32], Zeroizing::new([9; 32]));
        let wrapped = wrap_prf(&root, &prf, &mut rng);
        assert_eq!(*unwrap_prf(&wrapped, &prf).expect("unwraps"), root);
        let other = Zeroizing::new([8; 32]);
        assert_eq!(
            unwrap_prf(&wrapped, &other).expect_err("is refused"),
            WrapError::WrongPassphrase
        );
    }

    #[test]
    fn no_changed_bit_gives_a_root() {
        let mut rng = ChaCha20Rng::from_seed([5; 32]);
        let prf = Zeroizing::new([9; 32]);
        let wrapped = wrap_prf(&[7; 32], &prf, &mut rng);
        for at in 0..wrapped.len() * 8 {
            let mut bytes = wrapped.clone();
            if let Some(byte) = bytes.get_mut(at / 8) {
                *byte ^= 1 << (at % 8);
            }
            assert!(unwrap_prf(&bytes, &prf).is_err(), "bit {at}");
        }
    }
}
