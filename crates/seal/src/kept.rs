//! Opening with a key that was expanded once, on RustCrypto: for a browser, which opens many envelopes
//! with one key and has no AWS-LC. [`crate::Portable`] expands the seed for each of them, seals for both,
//! and is the oracle.

use crate::{
    KemPublic, KemSecret, OpenError, Portable, SealError,
    kem::{Enc, PUBLIC_SIZE_BYTES},
    sealer::{Bound, Hpke, Sealed},
    xwing::{self, Key, combined, key_schedule},
};
use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit,
    aead::{Aead, Payload},
};
use ml_kem::{
    kem::{Decapsulate as _, KeyExport as _},
    ml_kem_768,
};
use sha3::{Digest as _, Sha3_256};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

/// Opens with the expanded key of a [`KemSecret`]; seals like [`Portable`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Kept;

/// What a seed expands to; its parts wipe themselves.
pub(crate) struct Secret {
    ml_kem: ml_kem_768::DecapsulationKey,
    x25519: StaticSecret,
    public: [u8; PUBLIC_SIZE_BYTES],
}

impl Secret {
    pub(crate) fn expand(seed: &[u8; 32]) -> Self {
        let expanded = xwing::expand(seed);
        let (ml_kem, public) = expanded.ml_kem;
        let x25519 = StaticSecret::from(*expanded.scalar);
        Self {
            ml_kem,
            public: xwing::public(&public.to_bytes(), PublicKey::from(&x25519).as_bytes()),
            x25519,
        }
    }

    #[cfg(any(test, target_arch = "wasm32"))]
    pub(crate) fn public(&self) -> [u8; PUBLIC_SIZE_BYTES] {
        self.public
    }

    /// The shared secret; of an altered ciphertext another one, which nobody knows (FIPS 203
    /// section 6.3).
    pub(crate) fn decapsulate(&self, enc: Enc<'_>) -> Option<Key> {
        let (ciphertext, point) = enc.parts();
        let ss_m = Key::new(self.ml_kem.decapsulate(&ciphertext.try_into().ok()?).into());
        let ct_x = PublicKey::from(<[u8; 32]>::try_from(point).ok()?);
        let ss_x = self.x25519.diffie_hellman(&ct_x);
        let (_, own) = self.public.split_at(PUBLIC_SIZE_BYTES - 32);
        let all = combined(ss_m.as_ref(), ss_x.as_bytes(), point, own);
        Some(Key::new(Sha3_256::digest(&all).into()))
    }
}

impl Hpke for Kept {
    fn seal_bytes(
        &self,
        to: &KemPublic,
        bound: Bound<'_>,
        plaintext: Zeroizing<Vec<u8>>,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Sealed, SealError> {
        Portable.seal_bytes(to, bound, plaintext, rng)
    }

    fn open_bytes(
        &self,
        key: &KemSecret,
        bound: Bound<'_>,
        enc: Enc<'_>,
        ct: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let shared = key.kept().decapsulate(enc).ok_or(OpenError)?;
        let (key, nonce) = key_schedule(&shared, bound.info);
        let payload = Payload {
            msg: ct,
            aad: bound.aad,
        };
        let plaintext = ChaCha20Poly1305::new(&(*key).into()).decrypt(&nonce.into(), payload);
        plaintext.map(Zeroizing::new).map_err(|_| OpenError)
    }
}
