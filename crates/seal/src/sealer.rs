//! HPKE base mode (RFC 9180) with X-Wing (KEM 0x647a), HKDF-SHA256, ChaCha20-Poly1305: the envelope
//! around it, by every implementation alike.

use crate::{
    KemPublic, KemSecret, file,
    kem::Enc,
    padding::{PaddingError, pad, unpad},
};
use denizen_guard::{Check, holds};
use denizen_model::envelope::{Envelope, EnvelopeError, Header};
use zeroize::Zeroizing;

/// HPKE `info`: says that what is sealed is a message of protocol version 1 (R4).
pub const MESSAGE_INFO: &[u8] = b"denizen/v1/message";

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

/// Seals and opens envelopes. Synchronous; every implementation opens what [`Portable`] seals, seals
/// what it opens, and fails alike.
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

    /// Seals a file of one type between a person and her helper; the type is the AAD.
    ///
    /// # Errors
    /// [`SealError::BadKey`].
    fn seal_file(
        &self,
        to: &KemPublic,
        typ: &str,
        plaintext: &[u8],
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Vec<u8>, SealError>;

    /// Opens what [`Sealer::seal_file`] made for this key and type, at most
    /// [`crate::FILE_SIZE_BYTES_MAX`] bytes.
    ///
    /// # Errors
    /// [`OpenError`], the same for every cause.
    fn open_file(
        &self,
        key: &KemSecret,
        typ: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError>;
}

/// The portable implementation on RustCrypto: runs everywhere, and is the oracle of any faster one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Portable;

/// What a ciphertext is bound to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound<'a> {
    pub(crate) info: &'a [u8],
    pub(crate) aad: &'a [u8],
}

/// The encapsulated key and the ciphertext.
pub(crate) type Sealed = (Vec<u8>, Vec<u8>);

/// One HPKE message of suite 1 in base mode: what an implementation has to do.
pub(crate) trait Hpke {
    /// Seals; draws 64 bytes, as X-Wing's encapsulation asks for.
    fn seal_bytes(
        &self,
        to: &KemPublic,
        bound: Bound<'_>,
        plaintext: Zeroizing<Vec<u8>>,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Sealed, SealError>;

    /// Opens.
    fn open_bytes(
        &self,
        key: &KemSecret,
        bound: Bound<'_>,
        enc: Enc<'_>,
        ct: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError>;
}

/// The header bytes, as the AAD of the ciphertext (R5).
fn in_envelope(header: &[u8]) -> Bound<'_> {
    Bound {
        info: MESSAGE_INFO,
        aad: if holds(Check::HeaderIsAad, false) {
            &[]
        } else {
            header
        },
    }
}

impl<H: Hpke> Sealer for H {
    fn seal(
        &self,
        to: &KemPublic,
        header: &Header,
        message: &[u8],
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Envelope, SealError> {
        let plaintext = pad(message)?;
        let aad = header.encode();
        let (enc, ct) = self.seal_bytes(to, in_envelope(&aad), plaintext, rng)?;
        Ok(Envelope::new(aad, enc, ct)?)
    }

    fn open(&self, key: &KemSecret, envelope: &Envelope) -> Result<Vec<u8>, OpenError> {
        let enc = Enc::parse(envelope.enc()).ok_or(OpenError)?;
        let bound = in_envelope(envelope.header_bytes());
        let plaintext = self.open_bytes(key, bound, enc, envelope.ct())?;
        unpad(&plaintext).map(<[u8]>::to_vec).map_err(|_| OpenError)
    }

    fn seal_file(
        &self,
        to: &KemPublic,
        typ: &str,
        plaintext: &[u8],
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Vec<u8>, SealError> {
        file::seal(self, to, typ, plaintext, rng)
    }

    fn open_file(
        &self,
        key: &KemSecret,
        typ: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        file::open(self, key, typ, sealed)
    }
}
