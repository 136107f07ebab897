//! HPKE of suite 1 composed on AWS-LC (ML-KEM-768, X25519, SHA3-256, ChaCha20-Poly1305), for every
//! build but a browser's. [`crate::Portable`] is its oracle.
//! Source: draft-connolly-cfrg-xwing-kem-10 section 5, RFC 9180 sections 4 and 5.1.

use crate::{
    KemPublic, KemSecret, OpenError, SealError,
    kem::{Enc, PUBLIC_SIZE_BYTES},
    sealer::{Bound, Hpke, Sealed},
    xwing::{self, Key, combined},
};
use aws_lc_rs::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey},
    agreement::{PrivateKey, UnparsedPublicKey, X25519, agree},
    digest::{SHA3_256, digest},
    error::Unspecified,
    kem::{DecapsulationKey, EncapsulationKey, ML_KEM_768},
};
use ml_kem::kem::KeyExport as _;
use zeroize::Zeroizing;

const TAG_SIZE_BYTES: usize = 16;

/// Seals and opens with AWS-LC. The randomness of ML-KEM's encapsulation is AWS-LC's own, that of
/// X25519 the caller's: either alone keeps a message secret.
#[derive(Debug, Clone, Copy, Default)]
pub struct Native;

/// What a seed expands to, in AWS-LC's memory, which wipes it when it is freed.
pub(crate) struct Secret {
    ml_kem: DecapsulationKey,
    x25519: PrivateKey,
    public: [u8; PUBLIC_SIZE_BYTES],
}

impl Secret {
    pub(crate) fn expand(seed: &[u8; 32]) -> Self {
        let expanded = xwing::expand(seed);
        // AWS-LC takes ML-KEM keys by the form that they expand to.
        let (secret, public) = expanded.ml_kem;
        let secret = Zeroizing::new(expanded_form(&secret));
        let x25519 = x25519_key(&expanded.scalar);
        let point = x25519.compute_public_key();
        let point = point.expect("an X25519 key has a public half");
        Self {
            ml_kem: DecapsulationKey::new(&ML_KEM_768, secret.as_ref())
                .expect("an expanded ML-KEM-768 key has 2400 bytes"),
            public: xwing::public(&public.to_bytes(), point.as_ref()),
            x25519,
        }
    }

    pub(crate) fn public(&self) -> [u8; PUBLIC_SIZE_BYTES] {
        self.public
    }

    /// The shared secret; of an altered ciphertext another one, which nobody knows (FIPS 203
    /// section 6.3).
    fn decapsulate(&self, enc: Enc<'_>) -> Option<Key> {
        let (ciphertext, point) = enc.parts();
        let ss_m = self.ml_kem.decapsulate(ciphertext.into()).ok()?;
        let ss_x = shared_point(&self.x25519, point)?;
        let (_, own) = self.public.split_at(PUBLIC_SIZE_BYTES - 32);
        Some(combine(ss_m.as_ref(), &ss_x, point, own))
    }
}

#[expect(deprecated, reason = "AWS-LC knows no other form of an ML-KEM key")]
fn expanded_form(
    secret: &ml_kem::ml_kem_768::DecapsulationKey,
) -> impl AsRef<[u8]> + zeroize::Zeroize {
    ml_kem::ExpandedKeyEncoding::to_expanded_bytes(secret)
}

fn encapsulate(to: &KemPublic, rng: &mut dyn rand_core::CryptoRng) -> Option<(Vec<u8>, Key)> {
    // ML-KEM's half is drawn as well, so that what is drawn next is the same by every implementation.
    let (mut half, mut scalar) = (Key::default(), Key::default());
    rng.fill_bytes(half.as_mut());
    rng.fill_bytes(scalar.as_mut());
    let (ml_kem, point) = to.parts();
    let ml_kem = EncapsulationKey::new(&ML_KEM_768, ml_kem).ok()?;
    let (ciphertext, ss_m) = ml_kem.encapsulate().ok()?;
    let ephemeral = x25519_key(&scalar);
    let own = ephemeral.compute_public_key().ok()?;
    let ss_x = shared_point(&ephemeral, point)?;
    let enc = [ciphertext.as_ref(), own.as_ref()].concat();
    Some((enc, combine(ss_m.as_ref(), &ss_x, own.as_ref(), point)))
}

fn x25519_key(scalar: &Key) -> PrivateKey {
    PrivateKey::from_private_key(&X25519, scalar.as_ref()).expect("X25519 keys are any 32 bytes")
}

/// `None` for a point of small order, which neither a key nor `enc` has by then.
fn shared_point(own: &PrivateKey, point: &[u8]) -> Option<Key> {
    let point = UnparsedPublicKey::new(&X25519, point);
    let copied = |shared: &[u8]| shared.try_into().map_err(|_| Unspecified);
    agree(own, point, Unspecified, copied).ok().map(Key::new)
}

/// SHA3-256 over both shared secrets, the ephemeral and the recipient's point, and the label.
fn combine(ss_m: &[u8], ss_x: &Key, ct_x: &[u8], pk_x: &[u8]) -> Key {
    let all = combined(ss_m, ss_x.as_ref(), ct_x, pk_x);
    let mut shared = Key::default();
    shared.copy_from_slice(digest(&SHA3_256, &all).as_ref());
    shared
}

/// The AEAD's key and nonce, for a single message.
fn key_schedule(shared: &Key, info: &[u8]) -> (LessSafeKey, [u8; 12]) {
    let (key, nonce) = xwing::key_schedule(shared, info);
    let key = UnboundKey::new(&CHACHA20_POLY1305, key.as_ref());
    (
        LessSafeKey::new(key.expect("a key of ChaCha20-Poly1305 has 32 bytes")),
        nonce,
    )
}

impl Hpke for Native {
    fn seal_bytes(
        &self,
        to: &KemPublic,
        bound: Bound<'_>,
        mut plaintext: Zeroizing<Vec<u8>>,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Sealed, SealError> {
        let (enc, shared) = encapsulate(to, rng).ok_or(SealError::BadKey)?;
        let (key, nonce) = key_schedule(&shared, bound.info);
        let (nonce, aad) = (Nonce::assume_unique_for_key(nonce), Aad::from(bound.aad));
        let tag = key.seal_in_place_separate_tag(nonce, aad, &mut plaintext);
        let tag = tag.map_err(|_| SealError::BadKey)?;
        Ok((enc, [plaintext.as_slice(), tag.as_ref()].concat()))
    }

    fn open_bytes(
        &self,
        key: &KemSecret,
        bound: Bound<'_>,
        enc: Enc<'_>,
        ct: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let shared = key.native().decapsulate(enc).ok_or(OpenError)?;
        let (key, nonce) = key_schedule(&shared, bound.info);
        let (nonce, aad) = (Nonce::assume_unique_for_key(nonce), Aad::from(bound.aad));
        let mut plaintext = Zeroizing::new(ct.to_vec());
        key.open_in_place(nonce, aad, &mut plaintext)
            .map_err(|_| OpenError)?;
        let length = ct.len().saturating_sub(TAG_SIZE_BYTES);
        plaintext.truncate(length);
        Ok(plaintext)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::{Kept, Portable, portable};
    use hpke::{Deserializable as _, kem::XWing};
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};

    /// What the portable implementation decapsulates.
    fn oracle(key: &KemSecret, enc: &[u8]) -> Vec<u8> {
        let enc = <XWing as hpke::Kem>::EncappedKey::from_bytes(enc).unwrap();
        let shared = <XWing as hpke::Kem>::decap(key.portable(), None, &enc).unwrap();
        shared.0.to_vec()
    }

    /// What both that are composed here decapsulate; they must agree.
    fn ours(key: &KemSecret, enc: &[u8]) -> Vec<u8> {
        let enc = Enc::parse(enc).unwrap();
        let shared = key.native().decapsulate(enc).unwrap();
        assert_eq!(key.kept().decapsulate(enc).unwrap(), shared);
        shared.to_vec()
    }

    fn unhex(text: &str) -> Vec<u8> {
        let digits = (0..text.len()).step_by(2);
        let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
        digits.map(byte).collect()
    }

    #[test]
    fn the_known_answers_of_x_wing_are_given() {
        let vectors = include_str!("../../oracles/tests/vectors/xwing-draft-10/kat.json");
        let vectors: Vec<std::collections::BTreeMap<String, String>> =
            serde_json::from_str(vectors).unwrap();
        assert!(!vectors.is_empty());
        for vector in &vectors {
            let field = |name: &str| unhex(&vector[name]);
            let key = KemSecret::from_seed(field("seed").try_into().unwrap());
            assert_eq!(key.public().to_bytes(), field("pk"));
            assert_eq!(ours(&key, &field("ct")), field("ss"));
        }
    }

    #[test]
    fn all_expand_a_seed_to_one_public_key() {
        for n in 0..32 {
            let key = KemSecret::from_seed([n; 32]);
            let public = portable::public(key.portable());
            assert_eq!(key.native().public(), public);
            assert_eq!(key.kept().public(), public);
        }
    }

    #[test]
    fn a_seed_is_expanded_once_however_often_and_by_whichever_clone_it_is_asked_for() {
        let key = KemSecret::from_seed([7; 32]);
        let clone = key.clone();
        assert!(std::ptr::eq(key.kept(), key.kept()));
        assert!(std::ptr::eq(key.kept(), clone.kept()));
        assert!(std::ptr::eq(key.native(), clone.native()));
    }

    #[test]
    fn altered_ciphertexts_decapsulate_to_the_same_unknown_secret() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let key = KemSecret::from_seed([7; 32]);
        let (enc, shared) = encapsulate(&key.public(), &mut rng).unwrap();
        assert_eq!(ours(&key, &enc), shared.to_vec());
        assert_eq!(oracle(&key, &enc), shared.to_vec());
        for at in (0..enc.len()).step_by(3) {
            let mut bent = enc.clone();
            bent[at] ^= 1 << (at % 8);
            let unknown = ours(&key, &bent);
            assert_eq!(unknown, oracle(&key, &bent), "byte {at}");
            assert_ne!(unknown, shared.to_vec(), "byte {at}");
        }
        for fill in [0, 0xff] {
            let mut bent = enc.clone();
            bent[..1088].fill(fill);
            assert_eq!(ours(&key, &bent), oracle(&key, &bent));
        }
    }

    #[test]
    fn all_draw_as_much_and_agree_on_what_they_were_bound_to() {
        let (mut one, mut two) = (ChaCha20Rng::seed_from_u64(2), ChaCha20Rng::seed_from_u64(2));
        let (key, other) = (KemSecret::from_seed([1; 32]), KemSecret::from_seed([2; 32]));
        let bound = |info, aad| Bound { info, aad };
        let all: [&dyn Hpke; 3] = [&Native, &Kept, &Portable];
        let pairs = all.iter().flat_map(|a| all.iter().map(move |b| (*a, *b)));
        for (sealer, opener) in pairs {
            let plaintext = Zeroizing::new(b"what is said".to_vec());
            let sealed = sealer.seal_bytes(&key.public(), bound(b"i", b"a"), plaintext, &mut one);
            let (enc, ct) = sealed.unwrap();
            let enc = Enc::parse(&enc).unwrap();
            let open = |key, bound, ct: &[u8]| opener.open_bytes(key, bound, enc, ct);
            assert_eq!(
                **open(&key, bound(b"i", b"a"), &ct).unwrap(),
                *b"what is said"
            );
            assert_eq!(open(&key, bound(b"j", b"a"), &ct), Err(OpenError));
            assert_eq!(open(&key, bound(b"i", b"b"), &ct), Err(OpenError));
            assert_eq!(open(&other, bound(b"i", b"a"), &ct), Err(OpenError));
            for length in 0..ct.len() {
                assert_eq!(open(&key, bound(b"i", b"a"), &ct[..length]), Err(OpenError));
            }
            let mut drawn = [0; 64];
            rand_core::Rng::fill_bytes(&mut two, &mut drawn);
        }
        assert!(one == two, "the next draw is the same after either");
    }
}
