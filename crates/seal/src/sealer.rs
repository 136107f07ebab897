//! HPKE base mode (RFC 9180) with X-Wing (KEM 0x647a), HKDF-SHA256, ChaCha20-Poly1305.

use crate::padding::{PaddingError, pad, unpad};
use denizen_guard::{Check, holds};
use denizen_model::envelope::{Envelope, EnvelopeError, Header};
use hpke::{
    Deserializable, Kem as _, OpModeR, OpModeS, Serializable, aead::ChaCha20Poly1305,
    kdf::HkdfSha256, kem::XWing,
};
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// HPKE `info`: says that what is sealed is a message of protocol version 1 (R4).
pub const MESSAGE_INFO: &[u8] = b"denizen/v1/message";

/// An X-Wing public key, 1216 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KemPublic(<XWing as hpke::Kem>::PublicKey);

/// An X-Wing secret key: a 32-byte seed, wiped when dropped.
#[derive(Clone, ZeroizeOnDrop)]
pub struct KemSecret([u8; 32]);

/// Why sealing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The message is too large for one envelope.
    #[error("message does not fit into an envelope")]
    Padding(#[from] PaddingError),
    /// The recipient's key is no X-Wing key.
    #[error("recipient's key is no X-Wing key")]
    BadKey,
    /// The envelope could not be put together.
    #[error("envelope is not well formed")]
    Envelope(#[from] EnvelopeError),
}

/// An envelope that this key does not open: altered, for somebody else, or wrongly padded. The
/// reasons are not told apart (R8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("envelope does not open with this address's key")]
pub struct OpenError;

impl KemPublic {
    /// Reads a key.
    ///
    /// # Errors
    /// [`SealError::BadKey`] unless it is 1216 bytes of a valid encoding.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SealError> {
        <XWing as hpke::Kem>::PublicKey::from_bytes(bytes)
            .map(Self)
            .map_err(|_| SealError::BadKey)
    }

    /// The key's 1216 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes().to_vec()
    }

    pub(crate) fn key(&self) -> &<XWing as hpke::Kem>::PublicKey {
        &self.0
    }
}

impl KemSecret {
    /// The key of a 32-byte seed (the X-Wing decapsulation key itself).
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(seed)
    }

    /// The seed, to store it encrypted.
    #[must_use]
    pub fn danger_seed(&self) -> &[u8; 32] {
        &self.0
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> KemPublic {
        KemPublic(XWing::sk_to_pk(&self.private()))
    }

    pub(crate) fn private(&self) -> <XWing as hpke::Kem>::PrivateKey {
        <XWing as hpke::Kem>::PrivateKey::from_bytes(&self.0).expect("an X-Wing seed is 32 bytes")
    }
}

/// Seals and opens envelopes. Synchronous; a faster implementation must open what [`Portable`]
/// seals, seal what it opens, and fail alike.
pub trait Sealer {
    /// Pads and seals a signed message for `to` under `header`, whose encoding is the AAD.
    ///
    /// # Errors
    /// [`SealError`].
    fn seal(
        &self,
        to: &KemPublic,
        header: &Header,
        message: &[u8],
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Envelope, SealError>;

    /// Opens an envelope under its header bytes as received and removes the padding.
    ///
    /// # Errors
    /// [`OpenError`], the same for every cause.
    fn open(&self, key: &KemSecret, envelope: &Envelope) -> Result<Vec<u8>, OpenError>;
}

/// The portable implementation on RustCrypto: runs everywhere, and is the oracle of any faster one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Portable;

/// The header bytes, as the AAD of the ciphertext (R5).
fn bound(header: &[u8]) -> &[u8] {
    if holds(Check::HeaderIsAad, false) {
        &[]
    } else {
        header
    }
}

impl Sealer for Portable {
    fn seal(
        &self,
        to: &KemPublic,
        header: &Header,
        message: &[u8],
        mut rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Envelope, SealError> {
        let plaintext = pad(message)?;
        let aad = header.encode();
        let (enc, ct) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeS::Base,
            &to.0,
            MESSAGE_INFO,
            &plaintext,
            bound(&aad),
            &mut rng,
        )
        .map_err(|_| SealError::BadKey)?;
        Ok(Envelope::new(aad, enc.to_bytes().to_vec(), ct)?)
    }

    fn open(&self, key: &KemSecret, envelope: &Envelope) -> Result<Vec<u8>, OpenError> {
        let enc = <XWing as hpke::Kem>::EncappedKey::from_bytes(envelope.enc());
        let plaintext = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeR::Base,
            &key.private(),
            &enc.map_err(|_| OpenError)?,
            MESSAGE_INFO,
            envelope.ct(),
            bound(envelope.header_bytes()),
        );
        let plaintext = Zeroizing::new(plaintext.map_err(|_| OpenError)?);
        unpad(&plaintext).map(<[u8]>::to_vec).map_err(|_| OpenError)
    }
}
