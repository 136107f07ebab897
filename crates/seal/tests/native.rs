//! Envelopes by three implementations: each opens what the others seal, and they refuse alike.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_model::{
    AddressId, HubId, Sha256Hash,
    envelope::{Envelope, Header, SUITE_1},
};
use denizen_seal::{KemPublic, KemSecret, Kept, Native, OpenError, Portable, SealError, Sealer};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng as _},
};

const ALL: [&dyn Sealer; 3] = [&Native, &Kept, &Portable];

fn header(n: u8) -> Header {
    Header {
        suite: SUITE_1,
        hub: HubId::new([1; 32]),
        to: AddressId::new([n; 32]),
        commit: Sha256Hash::new([3; 32]),
    }
}

/// What all say of an envelope; they must agree.
fn open(key: &KemSecret, envelope: &Envelope) -> Result<Vec<u8>, OpenError> {
    let [native, kept, portable] = ALL.map(|sealer| sealer.open(key, envelope));
    assert_eq!(native, portable);
    assert_eq!(kept, portable);
    native
}

#[test]
fn each_opens_what_the_others_seal_in_every_size_class() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for (n, length) in [0, 1, 4091, 4092, 4093, 16_381, 65_533, 262_140]
        .into_iter()
        .enumerate()
    {
        let key = KemSecret::from_seed([u8::try_from(n).unwrap(); 32]);
        let mut message = vec![0; length];
        rng.fill_bytes(&mut message);
        for sealer in ALL {
            let sealed = sealer
                .seal(&key.public(), &header(1), &message, &mut rng)
                .unwrap();
            assert_eq!(open(&key, &sealed).unwrap(), message);
            let other = KemSecret::from_seed([99; 32]);
            assert_eq!(open(&other, &sealed), Err(OpenError));
            let moved = Envelope::new(header(2).encode(), sealed.enc().into(), sealed.ct().into());
            assert_eq!(open(&key, &moved.unwrap()), Err(OpenError));
        }
        let larger = vec![0; 262_141];
        let [native, kept, portable] = ALL.map(|s| {
            s.seal(&key.public(), &header(1), &larger, &mut rng)
                .unwrap_err()
        });
        assert_eq!((native, kept), (portable, portable));
    }
}

#[test]
fn a_flipped_bit_of_any_byte_is_refused_by_all_with_one_error() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let key = KemSecret::from_seed([1; 32]);
    for (sealer, step) in ALL.into_iter().zip([7, 11, 13]) {
        let sealed = sealer
            .seal(&key.public(), &header(1), b"m", &mut rng)
            .unwrap();
        let (enc, ct) = (sealed.enc(), sealed.ct());
        let bytes = [enc, ct].concat();
        for at in (0..enc.len()).chain((enc.len()..bytes.len()).step_by(step)) {
            let mut bent = bytes.clone();
            bent[at] ^= 1 << (at % 8);
            let (enc, ct) = bent.split_at(enc.len());
            let bent = Envelope::new(header(1).encode(), enc.into(), ct.into()).unwrap();
            assert_eq!(open(&key, &bent), Err(OpenError), "byte {at}");
        }
    }
}

/// A point of small order, alone or with the bit that X25519 does not read.
const SMALL: [(u8, u8, u8); 6] = [
    (0, 0, 0),
    (1, 0, 0),
    (0xec, 0xff, 0x7f),
    (0xed, 0xff, 0x7f),
    (0xee, 0xff, 0xff),
    (0, 0, 0x80),
];

fn small((first, others, last): (u8, u8, u8)) -> [u8; 32] {
    let mut point = [others; 32];
    (point[0], point[31]) = (first, last);
    point
}

#[test]
fn a_point_that_agrees_on_nothing_is_no_key_and_opens_nothing() {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let key = KemSecret::from_seed([1; 32]);
    let sealed = Portable
        .seal(&key.public(), &header(1), b"m", &mut rng)
        .unwrap();
    for point in SMALL.map(small) {
        let mut public = key.public().to_bytes();
        public[1184..].copy_from_slice(&point);
        assert_eq!(KemPublic::from_bytes(&public), Err(SealError::BadKey));
        let mut enc = sealed.enc().to_vec();
        enc[1088..].copy_from_slice(&point);
        let bent = Envelope::new(header(1).encode(), enc, sealed.ct().into()).unwrap();
        assert_eq!(open(&key, &bent), Err(OpenError));
    }
}

#[test]
fn a_key_of_another_length_or_with_a_coefficient_over_the_modulus_is_refused() {
    let public = KemSecret::from_seed([1; 32]).public().to_bytes();
    for length in [0, 1184, 1215, 1217, 2400] {
        let mut other = public.clone();
        other.resize(length, 0);
        assert_eq!(KemPublic::from_bytes(&other), Err(SealError::BadKey));
    }
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    for pair in [0, 1, 191, 192, 383] {
        // The first coefficient of a pair, then the second: 3328 is one, 3329 is none.
        for (value, taken) in [(3328_u16, true), (3329, false), (4095, false)] {
            let [low, high] = value.to_le_bytes();
            let at = pair * 3;
            let mut first = public.clone();
            (first[at], first[at + 1]) = (low, first[at + 1] & 0xf0 | high);
            let mut second = public.clone();
            second[at + 1] = second[at + 1] & 0x0f | low << 4;
            second[at + 2] = (value >> 4).to_le_bytes()[0];
            for bytes in [first, second] {
                let key = KemPublic::from_bytes(&bytes);
                assert_eq!(key.is_ok(), taken, "{value} in pair {pair}");
                // Whatever is taken as a key, all seal to.
                for sealer in ALL {
                    let sealed = key
                        .as_ref()
                        .map(|k| sealer.seal(k, &header(1), b"m", &mut rng));
                    assert!(sealed.is_ok_and(|s| s.is_ok()) == taken);
                }
            }
        }
    }
}
