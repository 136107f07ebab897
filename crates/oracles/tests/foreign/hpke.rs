//! Envelopes beside another HPKE implementation: `hpke-rs` on libcrux.
#![allow(clippy::too_many_lines, clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_model::{
    AddressId, HubId, Sha256Hash,
    envelope::{Envelope, Header, SUITE_1},
};
use denizen_oracles::say;
use denizen_seal::{KemSecret, MESSAGE_INFO, Native, Portable, Sealer, pad, unpad};
use hpke_rs::{
    Hpke, HpkePrivateKey, HpkePublicKey, Mode,
    hpke_types::{AeadAlgorithm, KdfAlgorithm, KemAlgorithm},
};
use hpke_rs_libcrux::HpkeLibcrux;
use rand_core::SeedableRng;

fn peer() -> Hpke<HpkeLibcrux> {
    Hpke::new(
        Mode::Base,
        KemAlgorithm::XWingDraft06,
        KdfAlgorithm::HkdfSha256,
        AeadAlgorithm::ChaCha20Poly1305,
    )
}

/// The two implementations of ours.
const OURS: [&dyn Sealer; 2] = [&Portable, &Native];

fn header(n: u8) -> Header {
    Header {
        suite: SUITE_1,
        hub: HubId::new([1; 32]),
        to: AddressId::new([n; 32]),
        commit: Sha256Hash::new([3; 32]),
    }
}

#[test]
fn a_foreign_implementation_opens_what_we_seal() {
    let mut rng = rand_chacha::ChaCha20Rng::from_seed([1; 32]);
    for n in 0..16 {
        let key = KemSecret::from_seed([n; 32]);
        let message = vec![n; usize::from(n) * 900];
        let sealed = OURS[usize::from(n % 2)]
            .seal(&key.public(), &header(n), &message, &mut rng)
            .unwrap();
        let private = HpkePrivateKey::new(key.danger_seed().to_vec());
        let open = |aad: &[u8]| {
            peer().open(
                sealed.enc(),
                &private,
                MESSAGE_INFO,
                aad,
                sealed.ct(),
                None,
                None,
                None,
            )
        };
        assert_eq!(
            unpad(&open(sealed.header_bytes()).unwrap()).unwrap(),
            message
        );
        assert!(
            open(&header(n + 1).encode()).is_err(),
            "another header is refused by it too"
        );
    }
    say!("hpke-rs on libcrux opened 8 envelopes of each implementation of ours");
}

#[test]
fn we_open_what_a_foreign_implementation_seals() {
    for n in 0..8 {
        let key = KemSecret::from_seed([n; 32]);
        let message = vec![n; usize::from(n) * 900];
        let aad = header(n).encode();
        let public = HpkePublicKey::new(key.public().to_bytes());
        let plaintext = pad(&message).unwrap();
        let (enc, ct) = peer()
            .seal(&public, MESSAGE_INFO, &aad, &plaintext, None, None, None)
            .unwrap();
        let envelope = Envelope::new(aad, enc.clone(), ct.clone()).unwrap();
        let moved = Envelope::new(header(n + 1).encode(), enc, ct).unwrap();
        for ours in OURS {
            assert_eq!(ours.open(&key, &envelope).unwrap(), message);
            assert!(ours.open(&key, &moved).is_err());
        }
    }
    say!("both of ours opened 8 envelopes of hpke-rs on libcrux");
}
