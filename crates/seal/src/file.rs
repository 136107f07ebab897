//! Files between a person and her helper: HPKE as for envelopes, with an `info` of their own, so that
//! neither can stand for the other (R4). Specified in `docs/spec/mandate.md`.

use crate::{
    KemPublic, KemSecret, OpenError, SealError,
    kem::Enc,
    sealer::{Bound, Hpke},
};
use zeroize::Zeroizing;

/// HPKE `info` of a file.
pub const FILE_INFO: &[u8] = b"denizen/v1/file";
/// Largest file that is opened, in bytes.
pub const FILE_SIZE_BYTES_MAX: usize = 1 << 20;

/// Seals bytes: deterministic CBOR array [enc, ct].
pub(crate) fn seal(
    hpke: &impl Hpke,
    to: &KemPublic,
    typ: &str,
    plaintext: &[u8],
    rng: &mut dyn rand_core::CryptoRng,
) -> Result<Vec<u8>, SealError> {
    let plaintext = Zeroizing::new(plaintext.to_vec());
    let (enc, ct) = hpke.seal_bytes(to, bound(typ), plaintext, rng)?;
    Ok(encode(&enc, &ct))
}

/// Opens what [`seal`] made for this key and type.
pub(crate) fn open(
    hpke: &impl Hpke,
    key: &KemSecret,
    typ: &str,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    if sealed.len() > FILE_SIZE_BYTES_MAX {
        return Err(OpenError);
    }
    let mut decoder = minicbor::Decoder::new(sealed);
    let two = decoder.array().map_err(|_| OpenError)? == Some(2);
    let enc = decoder.bytes().map_err(|_| OpenError)?;
    let ct = decoder.bytes().map_err(|_| OpenError)?;
    if !two || encode(enc, ct) != sealed {
        return Err(OpenError);
    }
    let enc = Enc::parse(enc).ok_or(OpenError)?;
    hpke.open_bytes(key, bound(typ), enc, ct)
}

fn bound(typ: &str) -> Bound<'_> {
    Bound {
        info: FILE_INFO,
        aad: typ.as_bytes(),
    }
}

fn encode(enc: &[u8], ct: &[u8]) -> Vec<u8> {
    let mut encoder = minicbor::Encoder::new(Vec::with_capacity(enc.len() + ct.len() + 16));
    encoder
        .array(2)
        .and_then(|e| e.bytes(enc))
        .and_then(|e| e.bytes(ct))
        .expect("writing to memory does not fail");
    encoder.into_writer()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use crate::{KemSecret, SEALER};
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};

    #[test]
    fn a_file_opens_with_its_key_and_type_only_and_not_when_a_byte_is_flipped() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let (key, other) = (KemSecret::from_seed([1; 32]), KemSecret::from_seed([2; 32]));
        let sealed = SEALER
            .seal_file(&key.public(), "t", b"what may be read", &mut rng)
            .unwrap();
        assert_eq!(
            &**SEALER.open_file(&key, "t", &sealed).unwrap(),
            b"what may be read"
        );
        assert!(SEALER.open_file(&other, "t", &sealed).is_err());
        assert!(SEALER.open_file(&key, "u", &sealed).is_err());
        for at in [0, 5, sealed.len() / 2, sealed.len() - 1] {
            let mut bent = sealed.clone();
            bent[at] ^= 1;
            assert!(SEALER.open_file(&key, "t", &bent).is_err(), "{at}");
        }
        assert!(
            SEALER
                .open_file(&key, "t", &[&sealed[..], b"x"].concat())
                .is_err()
        );
    }
}
