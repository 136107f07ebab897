//! Sealing of attachment objects: chunks of 64 KiB, each with its number and a last-flag in the nonce
//! (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, as age uses it), so that a cut,
//! a swapped, a repeated or an added chunk is refused. Specified in `docs/spec/attachments.md`.

use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit,
    aead::{Aead, Payload},
};
use denizen_model::{
    Sha256Hash,
    object::{
        CHUNK_SIZE_BYTES, LENGTH_SIZE_BYTES, ObjectFor, ObjectKey, SEALED_CHUNK_SIZE_BYTES,
        chunks_of,
    },
};
use zeroize::Zeroizing;

/// A sealed object: its id is the hash of its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedObject {
    /// SHA-256 of the bytes.
    pub id: Sha256Hash,
    /// Opens it; used for nothing else.
    pub key: ObjectKey,
    /// The ciphertext.
    pub bytes: Vec<u8>,
}

/// Content that is too large for one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the file is larger than one object holds")]
pub struct ObjectTooLarge;

/// An object that does not open: altered, cut, lengthened, of another key, address or hub, or wrongly
/// padded. The reasons are not told apart (R8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("object does not open with this key at this address")]
pub struct ObjectOpenError;

/// Seals content for one address under a fresh key.
///
/// # Errors
/// [`ObjectTooLarge`] over [`denizen_model::object::CONTENT_SIZE_BYTES_MAX`].
pub fn seal_object(
    content: &[u8],
    of: &ObjectFor,
    rng: &mut dyn rand_core::CryptoRng,
) -> Result<SealedObject, ObjectTooLarge> {
    let mut rng = rng;
    danger_seal_object_under(&ObjectKey::make(&mut rng), content, of)
}

/// Seals content under a given key: for vectors. A key that seals twice gives both contents away.
///
/// # Errors
/// As [`seal_object`].
pub fn danger_seal_object_under(
    key: &ObjectKey,
    content: &[u8],
    of: &ObjectFor,
) -> Result<SealedObject, ObjectTooLarge> {
    let chunks = chunks_of(content.len() as u64).ok_or(ObjectTooLarge)?;
    let length = u32::try_from(content.len()).map_err(|_| ObjectTooLarge)?;
    let mut plaintext = Zeroizing::new(Vec::with_capacity(chunks * CHUNK_SIZE_BYTES));
    plaintext.extend_from_slice(&length.to_be_bytes());
    plaintext.extend_from_slice(content);
    plaintext.resize(chunks * CHUNK_SIZE_BYTES, 0);
    let (cipher, aad) = (cipher(key), of.encode());
    let mut bytes = Vec::with_capacity(chunks * SEALED_CHUNK_SIZE_BYTES);
    for (at, chunk) in plaintext.chunks(CHUNK_SIZE_BYTES).enumerate() {
        let payload = Payload {
            msg: chunk,
            aad: &aad,
        };
        let sealed = cipher
            .encrypt(&nonce(at, at + 1 == chunks).into(), payload)
            .expect("a chunk is below the cipher's limit of 256 GiB");
        bytes.extend_from_slice(&sealed);
    }
    Ok(SealedObject {
        id: Sha256Hash::of(&bytes),
        key: *key,
        bytes,
    })
}

/// Opens an object: hash, number and order of chunks, address, length and padding.
///
/// # Errors
/// [`ObjectOpenError`], the same for every cause.
pub fn open_object(
    bytes: &[u8],
    id: &Sha256Hash,
    key: &ObjectKey,
    of: &ObjectFor,
) -> Result<Zeroizing<Vec<u8>>, ObjectOpenError> {
    let chunks = bytes.len() / SEALED_CHUNK_SIZE_BYTES;
    let whole = chunks * SEALED_CHUNK_SIZE_BYTES == bytes.len();
    if !whole || chunks == 0 || Sha256Hash::of(bytes) != *id {
        return Err(ObjectOpenError);
    }
    let (cipher, aad) = (cipher(key), of.encode());
    let mut plaintext = Zeroizing::new(Vec::with_capacity(chunks * CHUNK_SIZE_BYTES));
    for (at, chunk) in bytes.chunks(SEALED_CHUNK_SIZE_BYTES).enumerate() {
        let payload = Payload {
            msg: chunk,
            aad: &aad,
        };
        let opened = cipher.decrypt(&nonce(at, at + 1 == chunks).into(), payload);
        let opened = Zeroizing::new(opened.map_err(|_| ObjectOpenError)?);
        plaintext.extend_from_slice(&opened);
    }
    content_of(&plaintext, chunks).ok_or(ObjectOpenError)
}

/// One content has one padded form: the smallest power of two that holds it, and zeros behind it.
fn content_of(plaintext: &[u8], chunks: usize) -> Option<Zeroizing<Vec<u8>>> {
    let (length, rest) = plaintext.split_first_chunk::<LENGTH_SIZE_BYTES>()?;
    let length = u32::from_be_bytes(*length);
    if chunks_of(u64::from(length)) != Some(chunks) {
        return None;
    }
    let (content, zeros) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    let clean = zeros.iter().all(|b| *b == 0);
    clean.then(|| Zeroizing::new(content.to_vec()))
}

/// 11 bytes chunk number, big-endian, and 1 byte: 1 in the last chunk, else 0.
fn nonce(at: usize, last: bool) -> [u8; 12] {
    let mut nonce = [0; 12];
    let (_, number) = nonce.split_at_mut(3);
    let (number, flag) = number.split_at_mut(8);
    number.copy_from_slice(&(at as u64).to_be_bytes());
    flag.fill(u8::from(last));
    nonce
}

fn cipher(key: &ObjectKey) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new(&(*key.danger_bytes()).into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use denizen_model::{AddressId, HubId, envelope::SUITE_1, object::CONTENT_SIZE_BYTES_MAX};
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
    use rand_core::Rng as _;

    fn of() -> ObjectFor {
        ObjectFor {
            suite: SUITE_1,
            hub: HubId::new([1; 32]),
            to: AddressId::new([2; 32]),
        }
    }

    fn content(size: usize, rng: &mut ChaCha20Rng) -> Vec<u8> {
        let mut content = vec![0; size];
        rng.fill_bytes(&mut content);
        content
    }

    fn open(sealed: &SealedObject, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, ObjectOpenError> {
        // Whoever alters an object also names the altered one: the hash alone protects nothing.
        open_object(bytes, &Sha256Hash::of(bytes), &sealed.key, &of())
    }

    #[test]
    fn every_length_round_trips_and_equal_classes_have_equal_sizes() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        for size in [0, 1, 65_531, 65_532, 65_533, 131_068, 131_069, 1 << 20] {
            let content = content(size, &mut rng);
            let sealed = seal_object(&content, &of(), &mut rng).unwrap();
            assert_eq!(
                sealed.bytes.len() as u64,
                denizen_model::object::sealed_size(size as u64).unwrap()
            );
            let opened = open_object(&sealed.bytes, &sealed.id, &sealed.key, &of()).unwrap();
            assert!(*opened == content);
        }
        let large = vec![0; CONTENT_SIZE_BYTES_MAX + 1];
        assert_eq!(
            seal_object(&large, &of(), &mut rng).unwrap_err(),
            ObjectTooLarge
        );
    }

    #[test]
    fn two_seals_of_one_content_share_neither_key_nor_bytes() {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let a = seal_object(b"the same", &of(), &mut rng).unwrap();
        let b = seal_object(b"the same", &of(), &mut rng).unwrap();
        assert!(a.key != b.key && a.id != b.id);
    }

    #[test]
    fn cut_reordered_repeated_swapped_and_flipped_chunks_are_refused() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let (one, other) = (content(200_000, &mut rng), content(200_000, &mut rng));
        let sealed = seal_object(&one, &of(), &mut rng).unwrap();
        let other = seal_object(&other, &of(), &mut rng).unwrap();
        let chunk = SEALED_CHUNK_SIZE_BYTES;
        let bytes = &sealed.bytes;
        assert_eq!(bytes.len(), 4 * chunk);
        for cut in [0, 1, chunk, 2 * chunk, 3 * chunk, 4 * chunk - 1] {
            assert!(open(&sealed, &bytes[..cut]).is_err(), "cut at {cut}");
        }
        let longer = [bytes.as_slice(), &bytes[3 * chunk..]].concat();
        assert!(open(&sealed, &longer).is_err());
        for (a, b) in [(0, 1), (1, 2), (0, 3), (2, 3)] {
            let mut swapped = bytes.clone();
            swapped[a * chunk..(a + 1) * chunk].copy_from_slice(&bytes[b * chunk..(b + 1) * chunk]);
            swapped[b * chunk..(b + 1) * chunk].copy_from_slice(&bytes[a * chunk..(a + 1) * chunk]);
            assert!(open(&sealed, &swapped).is_err(), "{a} and {b}");
        }
        for at in 0..4 {
            let mut mixed = bytes.clone();
            let range = at * chunk..(at + 1) * chunk;
            mixed[range.clone()].copy_from_slice(&other.bytes[range]);
            assert!(open(&sealed, &mixed).is_err(), "chunk {at} of another");
        }
        for at in [0, chunk - 1, chunk, 3 * chunk + 5, 4 * chunk - 1] {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            assert!(open(&sealed, &flipped).is_err(), "bit at {at}");
        }
        assert!(open(&sealed, bytes).is_ok());
    }

    #[test]
    fn another_address_hub_suite_key_or_id_is_refused() {
        let mut rng = ChaCha20Rng::seed_from_u64(4);
        let sealed = seal_object(b"a paper", &of(), &mut rng).unwrap();
        let (bytes, id, key) = (&sealed.bytes, &sealed.id, &sealed.key);
        let to = ObjectFor {
            to: AddressId::new([3; 32]),
            ..of()
        };
        let hub = ObjectFor {
            hub: HubId::new([3; 32]),
            ..of()
        };
        let suite = ObjectFor { suite: 2, ..of() };
        for wrong in [to, hub, suite] {
            assert!(open_object(bytes, id, key, &wrong).is_err());
        }
        assert!(open_object(bytes, id, &ObjectKey::new([9; 32]), &of()).is_err());
        assert!(open_object(bytes, &Sha256Hash::new([9; 32]), key, &of()).is_err());
    }

    #[test]
    fn wrong_lengths_and_dirty_padding_are_refused() {
        let sized = |length: u32, chunks: usize, dirty: bool| {
            let mut plaintext = vec![0; chunks * CHUNK_SIZE_BYTES];
            plaintext[..4].copy_from_slice(&length.to_be_bytes());
            if dirty {
                *plaintext.last_mut().unwrap() = 1;
            }
            content_of(&plaintext, chunks)
        };
        assert!(sized(10, 1, false).is_some());
        assert!(sized(10, 1, true).is_none());
        assert!(sized(10, 2, false).is_none(), "a larger class than needed");
        assert!(sized(70_000, 1, false).is_none());
        assert!(sized(u32::MAX, 4, false).is_none());
        assert!(sized(140_000, 3, false).is_none(), "no power of two");
    }
}
