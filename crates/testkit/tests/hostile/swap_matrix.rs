//! The full swap matrix (R5, R6): everything that a hub, a sender or a recipient can put together out
//! of valid parts of several links is refused, by name. The hub here is the adversary with all its
//! keys: it signs a good receipt for whatever it hands over.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

use denizen_api::receipt::{DeliveryError, ReceiptError};
use denizen_holder::{Expected, OpenError, open};
use denizen_model::{
    AddressId, HubId, MessageId, Nonce, SecretKeyFor, Sha256Hash, UnixTime,
    cbor::{Item, array},
    deposit::Receipt,
    envelope::{EnvelopeError, Header},
    jose::{Object, ObjectError, Signer, Unverified},
    key::Message as MessageKey,
    message::{Attachment, From, MESSAGE_TYP, Message, MessageError, To},
};
use denizen_seal::KemSecret;
use denizen_testkit::{EvilLog, Office, Person, Rng, World, office::seal};
use std::collections::{BTreeMap, BTreeSet};

/// One message of one link, as it should arrive.
struct Letter {
    name: &'static str,
    office: Office,
    kem: KemSecret,
    message: Message,
    header: Header,
    enc: Vec<u8>,
    ct: Vec<u8>,
    log: usize,
}

struct Scene {
    letters: Vec<Letter>,
    logs: Vec<EvilLog>,
    rng: Rng,
}

async fn scene() -> Scene {
    let mut world = World::make(60).await;
    world.build_hub().await;
    let (here, abroad) = (world.houses[0].id, world.houses[1].id);
    let first = Office::make("First", here, &mut world.rng);
    let second = Office::make("Second", here, &mut world.rng);
    let far = Office {
        hub: abroad,
        ..first.clone()
    };
    let (person, other) = (Person::make(&mut world.rng), Person::make(&mut world.rng));
    let links = [
        ("link 1", &first, &person, 1, 0),
        ("link 2, another organisation", &second, &person, 2, 0),
        ("link 3, at another hub", &far, &person, 3, 1),
        ("another person's link", &first, &other, 1, 0),
        ("link 1, another message", &first, &person, 1, 0),
    ];
    let mut letters: Vec<Letter> = Vec::new();
    for (name, office, person, index, log) in links {
        let mut address = person.link_address(index, office, &mut world.rng);
        // Link 1 has one salt, whichever of its messages it is.
        let salt = Nonce::new([index as u8; 32]);
        address.keys = person
            .root
            .derive_address(denizen_seal::AddressIndex(index), Some(&salt));
        let mut message = office.note(address.to(office.hub), name, &mut world.rng);
        message.attachments.push(Attachment {
            id: "a".into(),
            media_type: "text/plain".into(),
            salt: Nonce::make(&mut world.rng),
            data: name.into(),
            object: None,
            name: None,
        });
        message.created_time = UnixTime(message.created_time.0 + letters.len() as i64);
        let envelope = office.seal(&message, &address.keys.kem.public(), &mut world.rng);
        letters.push(Letter {
            name,
            office: office.clone(),
            kem: address.keys.kem.clone(),
            header: envelope.header().clone(),
            enc: envelope.enc().to_vec(),
            ct: envelope.ct().to_vec(),
            message,
            log,
        });
    }
    let mut logs = Vec::new();
    for (number, house) in world.houses.iter().enumerate() {
        let trust = world.directory(number).await.trust;
        logs.push(EvilLog::of(house, trust));
    }
    let rng = world.rng.clone();
    Scene { letters, logs, rng }
}

fn envelope_bytes(header: &Header, enc: &[u8], ct: &[u8]) -> Vec<u8> {
    array(&[
        Item::Bytes(&header.encode()),
        Item::Bytes(enc),
        Item::Bytes(ct),
    ])
}

impl Scene {
    /// Hands bytes to the client of a letter's link, with a receipt that is good for them.
    fn hand_over(&self, link: &Letter, bytes: &[u8], header: &Header) -> Result<(), OpenError> {
        let receipt = self.logs[link.log].receipt(&header.to, &header.commit, bytes, 7);
        self.open(link, bytes, &receipt, 7)
    }

    fn open(
        &self,
        link: &Letter,
        bytes: &[u8],
        receipt: &Receipt,
        pos: u64,
    ) -> Result<(), OpenError> {
        let from = From::Org(link.office.id);
        let (kid, key) = (link.office.message_kid(), link.office.message.public_for());
        let expected = Expected {
            to: &link.message.to,
            kem: &link.kem,
            from: &from,
            key: &|claimed, _, _| (claimed == kid).then(|| key.key().clone()),
        };
        open(bytes, receipt, pos, &self.logs[link.log].trust, expected).map(drop)
    }

    /// Seals any signed bytes properly for a letter's link: what a sender or a recipient who kept a
    /// message can do.
    fn reseal(&mut self, at: usize, signed: &[u8], commit: Sha256Hash) -> Result<(), OpenError> {
        let link = &self.letters[at];
        let header = Header {
            commit,
            ..link.header.clone()
        };
        let sealed = seal(signed, &header, &link.kem.public(), &mut self.rng);
        self.hand_over(&self.letters[at], &sealed.encode(), &header)
    }
}

/// Counts of refusals by their error.
#[derive(Default)]
struct Matrix(BTreeMap<String, usize>);

impl Matrix {
    fn refused(&mut self, what: &str, got: Result<(), OpenError>, want: &[OpenError]) {
        let error = got.err().unwrap_or_else(|| panic!("opened: {what}"));
        assert!(
            want.contains(&error),
            "{what}: {error:?}, not one of {want:?}"
        );
        *self.0.entry(format!("{error:?}")).or_default() += 1;
    }

    fn print(&self, title: &str) {
        println!(
            "{title}: {} swaps, all refused",
            self.0.values().sum::<usize>()
        );
        for (error, count) in &self.0 {
            println!("  {count:>5}  {error}");
        }
    }

    fn total(&self) -> usize {
        self.0.values().sum()
    }
}

#[tokio::test]
async fn every_letter_opens_where_it_belongs() {
    let s = scene().await;
    for letter in &s.letters {
        let bytes = envelope_bytes(&letter.header, &letter.enc, &letter.ct);
        assert_eq!(
            s.hand_over(letter, &bytes, &letter.header),
            Ok(()),
            "{}",
            letter.name
        );
    }
}

/// Hub, address, commit, suite, encapsulated key and ciphertext, each from one of two letters.
#[tokio::test]
async fn parts_of_two_envelopes_never_open_as_one() {
    let s = scene().await;
    let (mut matrix, mut seen) = (Matrix::default(), BTreeSet::new());
    for (i, link) in s.letters.iter().enumerate() {
        for (j, other) in s.letters.iter().enumerate() {
            for bits in 0u32..64 {
                let pick = |bit: u32| if bits >> bit & 1 == 0 { link } else { other };
                let header = Header {
                    hub: pick(0).header.hub,
                    to: pick(1).header.to,
                    commit: pick(2).header.commit,
                    suite: if bits >> 3 & 1 == 0 { 1 } else { 2 },
                };
                let bytes = envelope_bytes(&header, &pick(4).enc, &pick(5).ct);
                let same_link = other.header.to == link.header.to;
                let whole = |l: &Letter| bytes == envelope_bytes(&l.header, &l.enc, &l.ct);
                if !seen.insert((i, bytes.clone())) || whole(link) || (same_link && whole(other)) {
                    continue;
                }
                let home = (header.hub, header.to) == (link.header.hub, link.header.to);
                let want = match (header.suite, home) {
                    (2, _) => {
                        OpenError::Delivery(DeliveryError::Envelope(EnvelopeError::SuiteUnknown))
                    }
                    (_, false) => OpenError::Delivery(DeliveryError::OtherAddress),
                    (_, true) => OpenError::Sealed,
                };
                let what = format!("{} with {} ({j}), bits {bits:06b}", link.name, other.name);
                matrix.refused(&what, s.hand_over(link, &bytes, &header), &[want]);
            }
        }
    }
    matrix.print("envelope parts (hub, address, commit, suite, enc, ct)");
    assert!(matrix.total() > 600, "{}", matrix.total());
}

/// A signed message of one link, sealed properly for another: by a sender who has it, or by a recipient
/// who passes it on.
#[tokio::test]
async fn a_message_of_one_link_is_refused_in_every_other() {
    let mut s = scene().await;
    let mut matrix = Matrix::default();
    for i in 0..s.letters.len() {
        for j in 0..s.letters.len() {
            let signed = s.letters[j].office.sign(&s.letters[j].message);
            let commits = [s.letters[i].header.commit, s.letters[j].header.commit];
            for commit in commits {
                let same_link = s.letters[i].header.to == s.letters[j].header.to;
                if same_link && commit == s.letters[j].header.commit {
                    assert_eq!(
                        s.reseal(i, &signed, commit),
                        Ok(()),
                        "sealed anew, it is the same"
                    );
                    continue;
                }
                let want: &[OpenError] = if same_link {
                    &[OpenError::Message(MessageError::OtherCommit)]
                } else {
                    &[
                        OpenError::Message(MessageError::ReAddressed),
                        OpenError::Message(MessageError::OtherSender),
                    ]
                };
                let got = s.reseal(i, &signed, commit);
                matrix.refused(&format!("message {j} in link {i}"), got, want);
            }
        }
    }
    matrix.print("whole messages in other links");
    assert_eq!(matrix.total(), 38);
}

/// Each member of a message from another one, under the old signature; and signed anew by whoever else
/// has a key.
#[tokio::test]
async fn a_member_of_another_message_breaks_the_signature_and_another_signer_is_refused() {
    let mut s = scene().await;
    let mut matrix = Matrix::default();
    let bad_signature = OpenError::Message(MessageError::Signature(ObjectError::BadSignature));
    let payload = |l: &Letter| serde_json::to_value(&l.message).unwrap();
    for i in 0..s.letters.len() {
        for j in 0..s.letters.len() {
            let (mine, theirs) = (payload(&s.letters[i]), payload(&s.letters[j]));
            for (name, value) in theirs.as_object().unwrap() {
                if mine[name] == *value {
                    continue;
                }
                let mut bent = mine.clone();
                bent[name] = value.clone();
                let bent = serde_json::to_vec(&bent).unwrap();
                let signed = s.letters[i].office.sign(&s.letters[i].message);
                let signed = with_payload(&signed, &bent);
                let message: Message = serde_json::from_slice(&bent).unwrap();
                let got = s.reseal(i, &signed, message.commit());
                matrix.refused(&format!("{name} of {j} in {i}"), got, &[bad_signature]);
            }
            signers(&mut s, &mut matrix, i, j);
        }
    }
    matrix.print("members and signers (id, chain, from, to, time, body, attachments)");
    assert!(matrix.total() > 150, "{}", matrix.total());
}

/// The message of link `i`, signed by the organisation of link `j` or naming it.
fn signers(s: &mut Scene, matrix: &mut Matrix, i: usize, j: usize) {
    let (mine, theirs) = (s.letters[i].office.clone(), s.letters[j].office.clone());
    if mine.id == theirs.id {
        return;
    }
    let message = s.letters[i].message.clone();
    let commit = message.commit();
    let sign = |m: &Message, key: &SecretKeyFor<MessageKey>, kid: &str| {
        m.sign(key.signer(), kid).into_bytes()
    };
    let other_sender = OpenError::Message(MessageError::OtherSender);
    let bad_signature = OpenError::Message(MessageError::Signature(ObjectError::BadSignature));
    let forged = sign(&message, &theirs.message, &mine.message_kid());
    matrix.refused(
        "forged under my kid",
        s.reseal(i, &forged, commit),
        &[bad_signature],
    );
    let own_kid = sign(&message, &theirs.message, &theirs.message_kid());
    matrix.refused(
        "signed by another",
        s.reseal(i, &own_kid, commit),
        &[other_sender],
    );
    let mut named = message.clone();
    named.from = From::Org(theirs.id);
    let named = sign(&named, &mine.message, &mine.message_kid());
    matrix.refused(
        "naming another sender",
        s.reseal(i, &named, commit),
        &[other_sender],
    );
}

/// What the right signer signed for another recipient, suite, hub or type, and other installations' chains.
#[tokio::test]
async fn the_right_signer_cannot_sign_for_another_place_type_or_commit() {
    let mut s = scene().await;
    let mut matrix = Matrix::default();
    let re_addressed = OpenError::Message(MessageError::ReAddressed);
    for i in 0..s.letters.len() {
        let office = s.letters[i].office.clone();
        let message = s.letters[i].message.clone();
        let here = message.to;
        for to in [
            To {
                hub: HubId::new([5; 32]),
                ..here
            },
            To {
                address: AddressId::new([5; 32]),
                ..here
            },
            To { suite: 2, ..here },
        ] {
            let moved = Message {
                to,
                ..message.clone()
            };
            let got = s.reseal(i, &office.sign(&moved), moved.commit());
            matrix.refused("another recipient", got, &[re_addressed]);
        }
        let got = s.reseal(i, &office.sign(&message), Sha256Hash::new([5; 32]));
        matrix.refused(
            "another commit",
            got,
            &[OpenError::Message(MessageError::OtherCommit)],
        );
        let payload = serde_json::to_vec(&message).unwrap();
        let signer: &dyn Signer = office.message.signer();
        for typ in [
            "denizen-service+json",
            "denizen-invitation+json",
            "denizen-pass+json",
            "",
        ] {
            let object = Object::sign(signer, &office.message_kid(), typ, &payload);
            let got = s.reseal(i, object.as_bytes(), message.commit());
            let want = OpenError::Message(MessageError::Signature(ObjectError::OtherType));
            matrix.refused("another type", got, &[want]);
        }
        let salted = Message {
            commit_salt: None,
            ..message.clone()
        };
        let mut moved = salted.clone();
        moved.attachments[0].salt = Nonce::new([1; 32]);
        let got = s.reseal(i, &office.sign(&moved), salted.commit());
        matrix.refused(
            "another salt",
            got,
            &[OpenError::Message(MessageError::OtherCommit)],
        );
        moved.chain.id = MessageId::new([1; 16]);
        let unsigned = with_payload(&office.sign(&salted), &serde_json::to_vec(&moved).unwrap());
        let got = s.reseal(i, &unsigned, moved.commit());
        let want = OpenError::Message(MessageError::Signature(ObjectError::BadSignature));
        matrix.refused("another chain", got, &[want]);
    }
    matrix.print("right signer, wrong place, type or commit");
    assert_eq!(MESSAGE_TYP, "denizen-message+json");
}

/// Receipts: of another envelope, place, address or log.
#[tokio::test]
async fn a_receipt_of_another_envelope_place_address_or_log_is_refused() {
    let s = scene().await;
    let mut matrix = Matrix::default();
    let other_envelope = OpenError::Delivery(DeliveryError::Receipt(ReceiptError::OtherEnvelope));
    for (i, link) in s.letters.iter().enumerate() {
        let bytes = envelope_bytes(&link.header, &link.enc, &link.ct);
        let log = &s.logs[link.log];
        let good = log.receipt(&link.header.to, &link.header.commit, &bytes, 7);
        let got = s.open(link, &bytes, &good, 8);
        matrix.refused(
            "another place",
            got,
            &[OpenError::Delivery(DeliveryError::OtherPlace)],
        );
        let abroad = &s.logs[1 - link.log];
        let foreign = abroad.receipt(&link.header.to, &link.header.commit, &bytes, 7);
        let got = s.open(link, &bytes, &foreign, 7).unwrap_err();
        assert!(
            matches!(
                got,
                OpenError::Delivery(DeliveryError::Receipt(ReceiptError::Proof(_)))
            ),
            "{got:?}"
        );
        matrix.refused("another log", Err(got), &[got]);
        for (j, other) in s.letters.iter().enumerate() {
            let theirs = envelope_bytes(&other.header, &other.enc, &other.ct);
            for bits in 1u32..8 {
                let pick = |bit: u32| bits >> bit & 1 == 1;
                let to = if pick(0) {
                    &other.header.to
                } else {
                    &link.header.to
                };
                let commit = if pick(1) {
                    &other.header.commit
                } else {
                    &link.header.commit
                };
                let of = if pick(2) { &theirs } else { &bytes };
                if (to, commit, of) == (&link.header.to, &link.header.commit, &bytes) {
                    continue;
                }
                let receipt = log.receipt(to, commit, of, 7);
                let got = s.open(link, &bytes, &receipt, 7);
                matrix.refused(&format!("receipt of {j} for {i}"), got, &[other_envelope]);
            }
        }
        let moved = Receipt {
            nonce_a: Nonce::new([1; 32]),
            ..good
        };
        matrix.refused("nonce", s.open(link, &bytes, &moved, 7), &[other_envelope]);
    }
    matrix.print("receipts (envelope, place, address, commit, log)");
}

/// A signed object with another payload under the old signature.
fn with_payload(signed: &[u8], payload: &[u8]) -> Vec<u8> {
    Unverified::parse(signed).unwrap();
    let mut d = minicbor::Decoder::new(signed);
    d.array().unwrap();
    let protected = d.bytes().unwrap();
    d.bytes().unwrap();
    array(&[
        Item::Bytes(protected),
        Item::Bytes(payload),
        Item::Bytes(d.bytes().unwrap()),
    ])
}
