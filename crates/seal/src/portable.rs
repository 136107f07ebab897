//! HPKE of suite 1 on RustCrypto: runs everywhere.

use crate::{
    KemPublic, OpenError, Portable, SealError,
    kem::Enc,
    sealer::{Bound, Hpke, Sealed},
};
use hpke::{
    Deserializable, OpModeR, OpModeS, Serializable, aead::ChaCha20Poly1305, kdf::HkdfSha256,
    kem::XWing,
};
use zeroize::Zeroizing;

/// The expanded key; it wipes itself.
pub(crate) type Secret = <XWing as hpke::Kem>::PrivateKey;

pub(crate) fn expand(seed: &[u8; 32]) -> Secret {
    Secret::from_bytes(seed).expect("an X-Wing seed is 32 bytes")
}

#[cfg(test)]
pub(crate) fn public(secret: &Secret) -> [u8; crate::kem::PUBLIC_SIZE_BYTES] {
    <XWing as hpke::Kem>::sk_to_pk(secret).to_bytes().into()
}

impl Hpke for Portable {
    fn seal_bytes(
        &self,
        to: &KemPublic,
        bound: Bound<'_>,
        plaintext: Zeroizing<Vec<u8>>,
        mut rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Sealed, SealError> {
        let to = <XWing as hpke::Kem>::PublicKey::from_bytes(to.as_bytes());
        let (enc, ct) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeS::Base,
            &to.map_err(|_| SealError::BadKey)?,
            bound.info,
            &plaintext,
            bound.aad,
            &mut rng,
        )
        .map_err(|_| SealError::BadKey)?;
        Ok((enc.to_bytes().to_vec(), ct))
    }

    fn open_bytes(
        &self,
        key: &crate::KemSecret,
        bound: Bound<'_>,
        enc: Enc<'_>,
        ct: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let enc =
            <XWing as hpke::Kem>::EncappedKey::from_bytes(enc.as_bytes()).map_err(|_| OpenError)?;
        let plaintext = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeR::Base,
            key.portable(),
            &enc,
            bound.info,
            ct,
            bound.aad,
        );
        plaintext.map(Zeroizing::new).map_err(|_| OpenError)
    }
}
