//! The swap matrix of an office's inbox (R5, R6): parts of letters of several people and links never
//! open as one, and nobody speaks in another's name.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

use denizen_api::receipt::DeliveryError;
use denizen_gateway::{Expected, OpenError, open};
use denizen_model::{
    Sha256Hash,
    cbor::{Item, array},
    envelope::{EnvelopeError, Header},
    jose::{ObjectError, PublicKey},
    message::{Attachment, From, HubAddress, Message, MessageError, To, holder_kid},
};
use denizen_seal::{AddressKeys, KemSecret};
use denizen_testkit::{
    EvilLog, Office, Person, Rng, World,
    office::{header_of, seal},
};
use std::collections::{BTreeMap, BTreeSet};

struct Letter {
    name: &'static str,
    keys: AddressKeys,
    office: Office,
    message: Message,
    header: Header,
    enc: Vec<u8>,
    ct: Vec<u8>,
}

struct Scene {
    letters: Vec<Letter>,
    log: EvilLog,
    rng: Rng,
    refused: BTreeMap<String, usize>,
}

async fn scene() -> Scene {
    let mut world = World::make(61).await;
    let hub = world.house().id;
    let first = Office::make("First", hub, &mut world.rng);
    let second = Office::make("Second", hub, &mut world.rng);
    let (person, other) = (Person::make(&mut world.rng), Person::make(&mut world.rng));
    let links = [
        ("her link", &first, &person, 1),
        ("her link with another office", &second, &person, 2),
        ("another person's link", &first, &other, 1),
        ("her second link with the same office", &first, &person, 3),
        ("her link, another message", &first, &person, 1),
    ];
    let mut letters = Vec::new();
    for (name, office, person, index) in links {
        let keys = person
            .root
            .derive_address(denizen_seal::AddressIndex(index), None);
        let to = To {
            hub,
            address: office.inbox_address(),
            suite: 1,
        };
        let mut message = office.note(to, name, &mut world.rng);
        message.from = From::Holder(HubAddress {
            hub,
            address: keys.address(),
        });
        message.attachments.push(Attachment {
            id: "a".into(),
            media_type: "text/plain".into(),
            salt: denizen_model::Nonce::make(&mut world.rng),
            data: name.into(),
            object: None,
            name: None,
        });
        let signed = sign(&message, &keys);
        let header = header_of(&message);
        let kem = office.inbox_kem.public();
        let envelope = seal(&signed, &header, &kem, &mut world.rng);
        letters.push(Letter {
            name,
            keys,
            office: office.clone(),
            message,
            header,
            enc: envelope.enc().to_vec(),
            ct: envelope.ct().to_vec(),
        });
    }
    let trust = world.directory(0).await.trust;
    let log = EvilLog::of(world.house(), trust);
    let rng = world.rng.clone();
    Scene {
        letters,
        log,
        rng,
        refused: BTreeMap::new(),
    }
}

fn sign(message: &Message, keys: &AddressKeys) -> Vec<u8> {
    let kid = holder_kid(&keys.address());
    message.sign(keys.sign.signer(), &kid).into_bytes()
}

impl Scene {
    fn hand_over(&self, office: &Office, bytes: &[u8], header: &Header) -> Result<(), OpenError> {
        let receipt = self.log.receipt(&header.to, &header.commit, bytes, 4);
        let to = To {
            hub: office.hub,
            address: office.inbox_address(),
            suite: 1,
        };
        let kem: &KemSecret = &office.inbox_kem;
        let key = |message: &Message, kid: &str| self.sender(message, kid);
        let expected = Expected {
            to: &to,
            kem,
            key: &key,
        };
        open(bytes, &receipt, 4, &self.log.trust, expected).map(drop)
    }

    /// The key of a link that the office knows, by the address and key id that a message claims.
    fn sender(&self, message: &Message, kid: &str) -> Option<PublicKey> {
        let From::Holder(from) = &message.from else {
            return None;
        };
        let of = |l: &&Letter| l.keys.address() == from.address && kid == holder_kid(&from.address);
        let letter = self.letters.iter().find(of)?;
        Some(letter.keys.sign.public_for().key().clone())
    }

    fn reseal(&mut self, at: usize, signed: &[u8], commit: Sha256Hash) -> Result<(), OpenError> {
        let office = self.letters[at].office.clone();
        let header = Header {
            commit,
            ..self.letters[at].header.clone()
        };
        let sealed = seal(signed, &header, &office.inbox_kem.public(), &mut self.rng);
        self.hand_over(&office, &sealed.encode(), &header)
    }

    fn refused(&mut self, what: &str, got: Result<(), OpenError>, want: &OpenError) {
        let error = got.err().unwrap_or_else(|| panic!("opened: {what}"));
        assert_eq!(error, *want, "{what}");
        *self.refused.entry(format!("{error:?}")).or_default() += 1;
    }

    fn print(&self, title: &str) -> usize {
        let total = self.refused.values().sum();
        println!("{title}: {total} swaps, all refused");
        for (error, count) in &self.refused {
            println!("  {count:>5}  {error}");
        }
        total
    }
}

fn bytes_of(header: &Header, enc: &[u8], ct: &[u8]) -> Vec<u8> {
    array(&[
        Item::Bytes(&header.encode()),
        Item::Bytes(enc),
        Item::Bytes(ct),
    ])
}

#[tokio::test]
async fn parts_of_two_letters_never_open_as_one() {
    let mut s = scene().await;
    let mut seen = BTreeSet::new();
    for i in 0..s.letters.len() {
        for j in 0..s.letters.len() {
            for bits in 0u32..32 {
                let (mine, theirs) = (&s.letters[i], &s.letters[j]);
                let pick = |bit: u32| if bits >> bit & 1 == 0 { mine } else { theirs };
                let header = Header {
                    hub: mine.header.hub,
                    to: pick(0).header.to,
                    commit: pick(1).header.commit,
                    suite: if bits >> 2 & 1 == 0 { 1 } else { 2 },
                };
                let bytes = bytes_of(&header, &pick(3).enc, &pick(4).ct);
                let office = mine.office.clone();
                let whole = s
                    .letters
                    .iter()
                    .any(|l| bytes == bytes_of(&l.header, &l.enc, &l.ct));
                let home = header.to == office.inbox_address();
                if (whole && home) || !seen.insert((i, bytes.clone())) {
                    continue;
                }
                let want = match (header.suite, home) {
                    (2, _) => {
                        OpenError::Delivery(DeliveryError::Envelope(EnvelopeError::SuiteUnknown))
                    }
                    (_, false) => OpenError::Delivery(DeliveryError::OtherAddress),
                    (_, true) => OpenError::Sealed,
                };
                let what = format!("{} with {}, bits {bits:05b}", mine.name, theirs.name);
                let got = s.hand_over(&office, &bytes, &header);
                s.refused(&what, got, &want);
            }
        }
    }
    assert!(s.print("envelope parts (address, commit, suite, enc, ct)") > 250);
}

#[tokio::test]
async fn nobody_speaks_in_anothers_name_or_to_another_office() {
    let mut s = scene().await;
    let bad_signature = OpenError::Message(MessageError::Signature(ObjectError::BadSignature));
    for i in 0..s.letters.len() {
        for j in 0..s.letters.len() {
            let (mine, keys) = (s.letters[i].message.clone(), s.letters[i].keys.clone());
            let theirs = s.letters[j].message.clone();
            let their_keys = s.letters[j].keys.clone();
            let same_office = mine.to == theirs.to;
            // Passed on by somebody who has it.
            let signed = sign(&theirs, &their_keys);
            let got = s.reseal(i, &signed, theirs.commit());
            if same_office {
                assert_eq!(got, Ok(()), "sealed anew, it is the same message");
            } else {
                s.refused(
                    "to another office",
                    got,
                    &OpenError::Message(MessageError::ReAddressed),
                );
            }
            if mine.commit() != theirs.commit() && same_office {
                let got = s.reseal(i, &signed, mine.commit());
                s.refused(
                    "commit",
                    got,
                    &OpenError::Message(MessageError::OtherCommit),
                );
            }
            if mine.from == theirs.from {
                continue;
            }
            // Another link's key under this link's name, and the other way about.
            let kid = holder_kid(&keys.address());
            let forged = mine.sign(their_keys.sign.signer(), &kid).into_bytes();
            let got = s.reseal(i, &forged, mine.commit());
            s.refused("forged", got, &bad_signature);
            let named = Message {
                from: theirs.from.clone(),
                ..mine.clone()
            };
            let got = s.reseal(i, &sign(&named, &keys), named.commit());
            s.refused("named, own kid", got, &OpenError::SenderUnknown);
            let kid = holder_kid(&their_keys.address());
            let named = named.sign(keys.sign.signer(), &kid).into_bytes();
            let got = s.reseal(i, &named, mine.commit());
            s.refused("named, their kid", got, &bad_signature);
            let org = Message {
                from: From::Org(s.letters[j].office.id),
                ..mine.clone()
            };
            let got = s.reseal(i, &sign(&org, &keys), org.commit());
            s.refused("as an organisation", got, &OpenError::SenderUnknown);
        }
    }
    assert!(s.print("messages, commits and senders") > 80);
}
