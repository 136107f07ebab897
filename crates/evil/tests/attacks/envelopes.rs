//! Ciphertexts and what is inside them (R5 to R9).

use crate::collision::opens_under_both;
use denizen_api::wire::Fetched;
use denizen_evil::{HubHand, Outcome, Scene, attacks, issued, reseal, stopped};
use denizen_model::{
    AddressId, HubId, Sha256Hash,
    envelope::{Envelope, Header, SUITE_1},
    message::To,
};
use denizen_recovery::{WrapError, unwrap_passphrase};
use denizen_seal::{KemSecret, Sealer as _};
use denizen_testkit::{
    Office, Rng,
    office::{header_of, seal},
};
use rand_core::SeedableRng as _;
use zeroize::Zeroizing;

/// What she is told at her next sync; else the note is shown as the office's.
async fn shown(s: &mut Scene, note: &str) -> Outcome {
    let synced = s.sync().await;
    match (synced, s.told()) {
        (Err(error), _) => stopped(error.code()),
        (Ok(_), Some(told)) => told,
        (Ok(_), None) => {
            assert_eq!(s.notes(), [note]);
            Outcome::Harm
        }
    }
}

/// Seals a padded plaintext that no sealer of ours would make.
fn seal_raw(plaintext: &[u8], header: &Header, s: &mut Scene) -> Envelope {
    use hpke::{Deserializable, Serializable};
    type Kem = hpke::kem::XWing;
    let key = <Kem as hpke::Kem>::PublicKey::from_bytes(&s.kem().to_bytes()).unwrap();
    let aad = header.encode();
    let (enc, ct) = hpke::single_shot_seal_with_rng::<
        hpke::aead::ChaCha20Poly1305,
        hpke::kdf::HkdfSha256,
        Kem,
    >(
        &hpke::OpModeS::Base,
        &key,
        denizen_seal::MESSAGE_INFO,
        plaintext,
        &aad,
        &mut s.world.rng,
    )
    .unwrap();
    Envelope::new(aad, enc.to_bytes().to_vec(), ct).unwrap()
}

/// What the hub sees of two syncs, after it put an envelope of its own into her link.
async fn seen_after(seed: u64, envelope: impl FnOnce(&mut Scene) -> Envelope) -> Vec<String> {
    let mut s = Scene::make(seed).await;
    let envelope = envelope(&mut s);
    s.hub_adds(&envelope).await;
    let before = s.world.wire.exchanges().len();
    for _ in 0..2 {
        let _ = s.sync().await;
    }
    let seen = s.world.wire.exchanges().split_off(before);
    let line = |e: &denizen_testkit::Exchange| {
        format!(
            "{} {} {} {}",
            e.method,
            e.path(),
            e.request.len(),
            e.answer.len()
        )
    };
    seen.iter().map(line).collect()
}

attacks! {
    /// The hub rewrites the commitment in a header: its receipt then proves that other papers came.
    21 "R5" [HeaderIsAad, MessageCommit] stopped("envelope-refused");
    async fn the_hub_rewrites_the_commitment() -> Outcome {
        let mut s = Scene::make(21).await;
        let note = s.note("yours");
        let signed = s.sign(&note);
        let envelope = s.seal(&signed, &note);
        let bent = reseal(&envelope, Sha256Hash::of(b"another paper"));
        s.hub_adds(&bent).await;
        shown(&mut s, "yours").await
    }

    /// An office commits in the log to other papers than it sends, so that she can prove nothing.
    22 "R5" [MessageCommit] stopped("envelope-refused");
    async fn an_office_commits_to_other_papers_than_it_sends() -> Outcome {
        let mut s = Scene::make(22).await;
        let note = s.note("not what the log says");
        let signed = s.sign(&note);
        let header = Header { commit: Sha256Hash::of(b"x"), ..header_of(&note) };
        let envelope = seal(&signed, &header, &s.kem(), &mut s.world.rng);
        s.deposit(&envelope).await;
        shown(&mut s, "not what the log says").await
    }

    /// The hub gives her the receipt of another envelope: hers was never logged.
    23 "R5" [ReceiptOf] stopped("receipt-refused");
    async fn a_receipt_of_another_envelope_is_given() -> Outcome {
        let mut s = Scene::make(23).await;
        let text = issued(&s.paper(), &mut s.world.rng);
        s.send_record(&[(None, text)]).await;
        let hand = HubHand::of(&s.world);
        let mut items = s.held(1).await;
        let other = match &items[0] {
            Fetched::Envelope { envelope, .. } => envelope.clone(),
            other => panic!("{other:?}"),
        };
        let to = s.link();
        let Some(Fetched::Envelope { pos, receipt, .. }) = items.last_mut() else {
            panic!("nothing came");
        };
        *receipt = hand.receipt(&to, &other, *pos);
        s.hub_shows(1, items).await;
        if let Err(error) = s.sync().await {
            return stopped(error.code());
        }
        let record = &s.holder.records(s.world.now())[0];
        // It was taken in, and nothing proves that it ever came.
        assert!(s.holder.receipt(&record.held).is_none(), "the proof is of something else");
        Outcome::Harm
    }

    /// The hub gives a receipt of a place far ahead: what comes before it is never asked for.
    24 "R5" [ReceiptPlace] stopped("receipt-refused");
    async fn a_receipt_of_a_later_place_skips_what_is_before_it() -> Outcome {
        let mut s = Scene::make(24).await;
        s.desk.note(&mut s.world, "first").await;
        let (hand, to) = (HubHand::of(&s.world), s.link());
        let mut items = s.held(1).await;
        let Some(Fetched::Envelope { envelope, receipt, .. }) = items.last_mut() else {
            panic!("nothing came");
        };
        *receipt = hand.receipt(&to, envelope, 1000);
        s.hub_shows(1, items).await;
        if let Err(error) = s.sync().await {
            return stopped(error.code());
        }
        s.world.wire.calm();
        s.desk.note(&mut s.world, "second").await;
        let hand = HubHand::of(&s.world);
        s.lie_in_fetch(&to, move |answer, _| {
            answer.items.clear();
            hand.sign_head(answer, |head| head.pos_max = Some(1000));
        });
        s.sync().await.unwrap();
        assert_eq!((s.notes(), s.told()), (vec!["first"], None), "held back unnoticed");
        Outcome::Harm
    }

    /// Another organisation writes in the office's name, under the office's key id; the hub lets it.
    25 "R6" [MessageSignature] stopped("envelope-refused");
    async fn another_office_writes_in_the_offices_name() -> Outcome {
        let mut s = Scene::make(25).await;
        let other = s.world.office("Mallory", &[]).await;
        let note = s.note("pay this fine");
        let kid = s.desk.office.message_kid();
        let forged = note.sign(other.message.signer(), &kid).into_bytes();
        let envelope = s.seal(&forged, &note);
        s.hub_adds(&envelope).await;
        shown(&mut s, "pay this fine").await
    }

    /// Somebody passes on what the office wrote to him, as if it were written to her.
    26 "R6" [MessageTo] stopped("envelope-refused");
    async fn a_letter_to_somebody_else_is_passed_on_to_her() -> Outcome {
        let mut s = Scene::make(26).await;
        let mut note = s.note("you must leave the country");
        note.to = To { address: AddressId::new([5; 32]), ..note.to };
        let signed = s.sign(&note);
        let header = Header { to: s.link(), ..header_of(&note) };
        let envelope = seal(&signed, &header, &s.kem(), &mut s.world.rng);
        s.hub_adds(&envelope).await;
        shown(&mut s, "you must leave the country").await
    }

    /// A hub that stores a wrapped root puts one there that opens under two passphrases: each try of
    /// hers tests both.
    27 "R7" [KeyCommitment] Outcome::Blind;
    async fn a_wrapped_root_opens_under_two_passphrases() -> Outcome {
        let device = Zeroizing::new([7; 16]);
        let wrapped = opens_under_both("olma", "anor", &device);
        assert!(unwrap_passphrase(&wrapped, "olma", &device).is_ok());
        match unwrap_passphrase(&wrapped, "anor", &device) {
            Err(WrapError::WrongPassphrase) => Outcome::Blind,
            Err(error) => panic!("{error:?}"),
            Ok(_) => Outcome::Harm,
        }
    }

    /// A hub puts bytes into a link and watches: does its client tell what did not open from what
    /// opened to nonsense?
    28 "R8" [FailuresAlike] Outcome::Blind;
    async fn the_hub_learns_which_envelopes_open() -> Outcome {
        let garbage = seen_after(28, |s| {
            let note = s.note("x");
            let signed = s.sign(&note);
            let envelope = s.seal(&signed, &note);
            let (header, enc) = (envelope.header().encode(), envelope.enc().to_vec());
            Envelope::new(header, enc, vec![1; envelope.ct().len()]).unwrap()
        })
        .await;
        let nonsense = seen_after(28, |s| {
            let note = s.note("x");
            s.seal(b"not a message", &note)
        })
        .await;
        if garbage == nonsense {
            assert!(garbage.len() > 4);
            Outcome::Blind
        } else {
            Outcome::Harm
        }
    }

    /// A hub guesses from an envelope's length what is inside.
    29 "R9" [Padding, SizeClass] Outcome::Blind;
    async fn the_hub_tells_messages_apart_by_their_length() -> Outcome {
        let mut rng = Rng::seed_from_u64(29);
        let office = Office::make("Office", HubId::new([1; 32]), &mut rng);
        let kem = KemSecret::from_seed([2; 32]).public();
        let address = AddressId::new([3; 32]);
        let to = To { hub: office.hub, address, suite: SUITE_1 };
        let mut sizes = Vec::new();
        for text in ["short".to_owned(), "a much longer letter ".repeat(40)] {
            let note = office.note(to, &text, &mut rng);
            let (signed, header) = (office.sign(&note), header_of(&note));
            let sealed = denizen_seal::Portable.seal(&kem, &header, &signed, &mut rng);
            sizes.push(sealed.map(|envelope| envelope.encode().len()));
        }
        match (&sizes[0], &sizes[1]) {
            (Ok(one), Ok(other)) if one != other => Outcome::Harm,
            _ => Outcome::Blind,
        }
    }

    /// An organisation marks a letter for a hub that it works with: by a size that the letter does not
    /// need.
    30 "R9" [PaddingForm] stopped("envelope-refused");
    async fn a_letter_is_marked_by_its_size() -> Outcome {
        let mut s = Scene::make(30).await;
        let note = s.note("small, in a large envelope");
        let signed = s.sign(&note);
        let mut plaintext = u32::try_from(signed.len()).unwrap().to_be_bytes().to_vec();
        plaintext.extend_from_slice(&signed);
        plaintext.resize(64 << 10, 0);
        let envelope = seal_raw(&plaintext, &header_of(&note), &mut s);
        s.deposit(&envelope).await;
        shown(&mut s, "small, in a large envelope").await
    }
}
