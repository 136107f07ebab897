//! Wrapping a root under a passphrase combined with a 128-bit device secret (R16, R17, R7).
//!
//! `CBOR array [version 1, memory KiB, passes, salt bstr 16, commitment bstr 32, nonce bstr 12, ct bstr]`.
//! stretched = Argon2id(passphrase, salt); key || commitment key = HKDF-SHA256(salt = device secret,
//! IKM = stretched, info = `denizen/v1/wrap`), 64 bytes. The commitment is the second half: it is
//! compared before anything is decrypted, since ChaCha20-Poly1305 does not commit to its key.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, aead::Aead};
use denizen_guard::{Check, holds};
use hkdf::Hkdf;
use minicbor::{Decoder, Encoder};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Cost of stretching a passphrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Argon2Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes.
    pub passes: u32,
}

/// The least cost that is written or read: compiled in, so that nobody can lower it.
pub const ARGON2_FLOOR: Argon2Cost = Argon2Cost {
    memory_kib: 64 * 1024,
    passes: 3,
};

/// The highest cost that is read: a hostile blob must not take the device's memory.
const ARGON2_CEILING: Argon2Cost = Argon2Cost {
    memory_kib: 1024 * 1024,
    passes: 16,
};

/// 128 random bits that stay on the device: whoever has the wrapped root cannot guess without it.
pub type DeviceSecret = Zeroizing<[u8; 16]>;

/// Why a root could not be unwrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WrapError {
    /// Not a wrapped root of this version.
    #[error("not a wrapped root of this version")]
    Malformed,
    /// A cost below the floor or above the ceiling.
    #[error("wrapped root asks for a cost that is not allowed")]
    Cost,
    /// The passphrase is wrong, or the device secret is another device's.
    #[error("the passphrase is wrong, or this is another device: try again, or use the kit")]
    WrongPassphrase,
}

fn keys(
    passphrase: &str,
    device: &DeviceSecret,
    salt: &[u8; 16],
    cost: Argon2Cost,
) -> Result<Zeroizing<[u8; 64]>, WrapError> {
    let params = Params::new(cost.memory_kib, cost.passes, 1, Some(32));
    let argon2 = Argon2::new(
        Algorithm::Argon2id,
        Version::V0x13,
        params.map_err(|_| WrapError::Cost)?,
    );
    let mut stretched = Zeroizing::new([0; 32]);
    argon2
        .hash_password_into(passphrase.as_bytes(), salt, stretched.as_mut())
        .map_err(|_| WrapError::Cost)?;
    let mut out = Zeroizing::new([0; 64]);
    Hkdf::<Sha256>::new(Some(device.as_ref()), stretched.as_ref())
        .expand(b"denizen/v1/wrap", out.as_mut())
        .expect("64 bytes are within HKDF's limit");
    Ok(out)
}

/// Wraps a root.
///
/// # Errors
/// [`WrapError::Cost`] for a cost below [`ARGON2_FLOOR`] or above the ceiling.
pub fn wrap_passphrase(
    root: &[u8; 32],
    passphrase: &str,
    device: &DeviceSecret,
    cost: Argon2Cost,
    rng: &mut impl rand_core::CryptoRng,
) -> Result<Vec<u8>, WrapError> {
    check(cost)?;
    let (mut salt, mut nonce) = ([0; 16], [0; 12]);
    rng.fill_bytes(&mut salt);
    rng.fill_bytes(&mut nonce);
    let keys = keys(passphrase, device, &salt, cost)?;
    let (key, commitment) = keys.split_at(32);
    let ct = ChaCha20Poly1305::new_from_slice(key)
        .expect("half of 64 bytes is a key")
        .encrypt(&nonce.into(), root.as_slice())
        .expect("32 bytes are below the cipher's limit");
    let mut e = Encoder::new(Vec::new());
    e.array(7)
        .and_then(|e| e.u8(1)?.u32(cost.memory_kib)?.u32(cost.passes))
        .and_then(|e| e.bytes(&salt)?.bytes(commitment)?.bytes(&nonce)?.bytes(&ct))
        .expect("writing to memory does not fail");
    Ok(e.into_writer())
}

/// Unwraps a root.
///
/// # Errors
/// [`WrapError`].
pub fn unwrap_passphrase(
    wrapped: &[u8],
    passphrase: &str,
    device: &DeviceSecret,
) -> Result<Zeroizing<[u8; 32]>, WrapError> {
    let read = || {
        let mut d = Decoder::new(wrapped);
        (d.array().ok()?? == 7 && d.u8().ok()? == 1).then_some(())?;
        let cost = Argon2Cost {
            memory_kib: d.u32().ok()?,
            passes: d.u32().ok()?,
        };
        let salt: [u8; 16] = d.bytes().ok()?.try_into().ok()?;
        let commitment: [u8; 32] = d.bytes().ok()?.try_into().ok()?;
        let nonce: [u8; 12] = d.bytes().ok()?.try_into().ok()?;
        let ct = d.bytes().ok()?.to_vec();
        (d.position() == wrapped.len()).then_some((cost, salt, commitment, nonce, ct))
    };
    let (cost, salt, commitment, nonce, ct) = read().ok_or(WrapError::Malformed)?;
    check(cost)?;
    let keys = keys(passphrase, device, &salt, cost)?;
    let (key, expected) = keys.split_at(32);
    let committed = bool::from(commitment.as_slice().ct_eq(expected));
    if !holds(Check::KeyCommitment, committed) {
        return Err(WrapError::WrongPassphrase);
    }
    let root = ChaCha20Poly1305::new_from_slice(key)
        .expect("half of 64 bytes is a key")
        .decrypt(&nonce.into(), ct.as_slice())
        .map_err(|_| WrapError::WrongPassphrase)?;
    let root = Zeroizing::new(root);
    root.as_slice()
        .try_into()
        .map(Zeroizing::new)
        .map_err(|_| WrapError::Malformed)
}

fn check(cost: Argon2Cost) -> Result<(), WrapError> {
    let Argon2Cost { memory_kib, passes } = cost;
    let memory = ARGON2_FLOOR.memory_kib..=ARGON2_CEILING.memory_kib;
    let allowed = memory.contains(&memory_kib)
        && (ARGON2_FLOOR.passes..=ARGON2_CEILING.passes).contains(&passes);
    if allowed {
        Ok(())
    } else {
        Err(WrapError::Cost)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use rand_core::SeedableRng;

    #[test]
    fn only_the_passphrase_with_its_device_gives_the_root_back() {
        let mut rng = rand_chacha::ChaCha20Rng::from_seed([1; 32]);
        let device = Zeroizing::new([1; 16]);
        let wrapped = wrap_passphrase(&[9; 32], "olma", &device, ARGON2_FLOOR, &mut rng).unwrap();
        assert_eq!(
            *unwrap_passphrase(&wrapped, "olma", &device).unwrap(),
            [9; 32]
        );
        let refused = Err(WrapError::WrongPassphrase);
        assert_eq!(unwrap_passphrase(&wrapped, "Olma", &device), refused);
        assert_eq!(
            unwrap_passphrase(&wrapped, "olma", &Zeroizing::new([2; 16])),
            refused
        );
        let mut cut = wrapped.clone();
        *cut.last_mut().unwrap() ^= 1;
        assert_eq!(unwrap_passphrase(&cut, "olma", &device), refused);
        assert_eq!(
            unwrap_passphrase(&wrapped[..40], "olma", &device),
            Err(WrapError::Malformed)
        );
    }

    #[test]
    fn a_lower_or_absurd_cost_is_refused_before_any_work() {
        let mut rng = rand_chacha::ChaCha20Rng::from_seed([1; 32]);
        let device = Zeroizing::new([1; 16]);
        for (memory_kib, passes) in [
            (8, 1),
            (65_535, 3),
            (65_536, 2),
            (u32::MAX, 3),
            (65_536, 99),
        ] {
            let cost = Argon2Cost { memory_kib, passes };
            let wrapped = wrap_passphrase(&[9; 32], "x", &device, cost, &mut rng);
            assert_eq!(wrapped, Err(WrapError::Cost));
        }
    }
}
