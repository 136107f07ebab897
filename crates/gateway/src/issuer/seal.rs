//! Seal: signed records, or another message, become envelopes to one address.

use super::sign::Credential;
use crate::SEALER;
use denizen_model::{
    AddressId, DepositId, HubId, MessageId, Nonce, OrgId, SecretKeyFor, Sha256Hash, UnixTime,
    envelope::{Header, SUITE_1},
    key::Message as MessageKey,
    message::{
        ApplicationEvent, Attachment, Body, From, IssuedCopy, Message, OutChain, RecordIssue,
        RecordsIssue, SD_JWT_MEDIA_TYPE, To,
    },
    object::ObjectFor,
};
use denizen_seal::{
    FileToAttach, KemPublic, ObjectTooLarge, SealError as HpkeError, SealedObject, attach_file,
    move_into_objects,
};

/// Bytes of attachments in one message, so that it fits the largest size class with all around it.
const ATTACHMENTS_SIZE_BYTES_MAX: usize = 200 * 1024;

/// Bytes of a message around one record: its names, its hash, the frames of its attachments.
const RECORD_SIZE_BYTES: usize = 600;

/// Attachments of a message that records share; a message has 256 at most.
const SHARED_ATTACHMENTS_MAX: usize = 200;

/// Why a message could not be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// A single credential, or the text around it, is too large.
    #[error("the message does not fit into an envelope")]
    Seal(#[from] HpkeError),
    /// A file, or a single credential, is larger than an object.
    #[error("an attachment is larger than 16 MiB")]
    Object(#[from] ObjectTooLarge),
}

/// Who writes.
#[derive(Debug, Clone, Copy)]
pub struct Sender<'a> {
    /// The organisation.
    pub org: &'a OrgId,
    /// `<organisation id>#<key id>`.
    pub kid: &'a str,
    /// The message key.
    pub key: &'a SecretKeyFor<MessageKey>,
}

/// Where a person is written to, out of her own key statement.
#[derive(Debug, Clone)]
pub struct HolderAddress {
    /// Her address's hub.
    pub hub: HubId,
    /// Her address.
    pub address: AddressId,
    /// Its key.
    pub kem: KemPublic,
}

/// Where a message stands in the correspondence with one address.
#[derive(Debug)]
pub struct Place<'a> {
    /// The organisation's chain; advances with each message.
    pub chain: &'a mut OutChain,
    /// Heads of the holder's chains.
    pub seen: &'a [Sha256Hash],
    /// The thread.
    pub thid: Option<MessageId>,
}

/// A sealed envelope with the id of its deposit: only this file makes one.
#[derive(Debug, Clone)]
pub struct Envelope {
    deposit_id: DepositId,
    address: AddressId,
    bytes: Vec<u8>,
    objects: Vec<(DepositId, SealedObject)>,
}

impl Envelope {
    /// Drawn once, the same for every attempt.
    #[must_use]
    pub fn deposit_id(&self) -> &DepositId {
        &self.deposit_id
    }

    /// The recipient.
    #[must_use]
    pub fn address(&self) -> &AddressId {
        &self.address
    }

    /// The bytes as deposited.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The objects that it refers to, each with the id of its deposit: they go before it.
    #[must_use]
    pub fn objects(&self) -> &[(DepositId, SealedObject)] {
        &self.objects
    }
}

/// A body with its papers.
pub(crate) struct Letter {
    pub(crate) body: Body,
    pub(crate) attachments: Vec<(String, String)>,
    /// Files that go with it.
    pub(crate) files: Vec<FileToAttach>,
}

impl Letter {
    /// Hashes of the kept copies of its records.
    pub(crate) fn kept(&self) -> Vec<Sha256Hash> {
        match &self.body {
            Body::RecordIssue(issue) => vec![issue.kept],
            Body::RecordsIssue(issued) => issued.records.iter().map(|r| r.kept).collect(),
            _ => Vec::new(),
        }
    }
}

impl std::convert::From<Body> for Letter {
    fn from(body: Body) -> Self {
        Self {
            body,
            attachments: Vec::new(),
            files: Vec::new(),
        }
    }
}

/// Seals a record: its kept copy and as many one-time copies as fit, the others in messages of their
/// own.
///
/// # Errors
/// [`SealError`].
pub fn seal(
    credential: Credential,
    sender: Sender<'_>,
    to: &HolderAddress,
    place: &mut Place<'_>,
    now: UnixTime,
    rng: &mut dyn rand_core::CryptoRng,
) -> Result<Vec<Envelope>, SealError> {
    let letters = record_letters(credential).into_iter();
    letters
        .map(|letter| seal_letter(letter, sender, to, place, now, rng))
        .collect()
}

/// A record's letters: its kept copy and as many one-time copies as fit, the others in messages of
/// their own.
pub(crate) fn record_letters(credential: Credential) -> Vec<Letter> {
    letters_together(vec![credential])
}

/// The letters of one person's records, as many together as fit; one-time copies that do not fit with
/// their kept copy follow in letters of their own.
pub(crate) fn letters_together(credentials: Vec<Credential>) -> Vec<Letter> {
    let mut letters = Vec::new();
    let mut open = Shared::default();
    for credential in credentials {
        if !open.records.is_empty() && !open.has_room(&credential) {
            letters.push(std::mem::take(&mut open).letter());
        }
        let mut rest = open.add(credential);
        while let Some(credential) = rest {
            letters.push(std::mem::take(&mut open).letter());
            rest = open.add(credential);
        }
    }
    if !open.records.is_empty() {
        letters.push(open.letter());
    }
    letters
}

/// A letter that more records may go into.
#[derive(Default)]
struct Shared {
    records: Vec<RecordIssue>,
    attachments: Vec<(String, String)>,
    size: usize,
}

impl Shared {
    fn has_room(&self, credential: &Credential) -> bool {
        let size = self.size + credential.size() + RECORD_SIZE_BYTES;
        let attachments = self.attachments.len() + credential.copies().len() + 1;
        size <= ATTACHMENTS_SIZE_BYTES_MAX && attachments <= SHARED_ATTACHMENTS_MAX
    }

    /// Adds a record; gives what is left of it for a further letter.
    fn add(&mut self, credential: Credential) -> Option<Credential> {
        let before = self.attachments.len();
        let budget = ATTACHMENTS_SIZE_BYTES_MAX.saturating_sub(self.size);
        let (issue, rest) = attach(credential, &mut self.attachments, budget);
        let added = self.attachments.iter().skip(before);
        self.size += added.map(|(_, text)| text.len()).sum::<usize>() + RECORD_SIZE_BYTES;
        self.records.push(issue);
        rest
    }

    fn letter(mut self) -> Letter {
        let body = match self.records.pop() {
            Some(only) if self.records.is_empty() => Body::RecordIssue(only),
            last => {
                self.records.extend(last);
                Body::RecordsIssue(RecordsIssue {
                    records: self.records,
                })
            }
        };
        Letter {
            body,
            attachments: self.attachments,
            files: Vec::new(),
        }
    }
}

/// An application's event with its records: all kept copies in one letter, with the one-time copies
/// that fit; the others in letters of their own.
pub(crate) fn event_letters(event: (ApplicationEvent, Vec<Credential>)) -> Vec<Letter> {
    let (mut event, credentials) = event;
    let budget = ATTACHMENTS_SIZE_BYTES_MAX / credentials.len().max(1);
    let (mut attachments, mut rest) = (Vec::new(), Vec::new());
    for credential in credentials {
        let (issue, left) = attach(credential, &mut attachments, budget);
        event.records.push(issue);
        rest.extend(left);
    }
    let mut letters = vec![Letter {
        body: Body::ApplicationEvent(event),
        attachments,
        files: Vec::new(),
    }];
    letters.extend(rest.into_iter().flat_map(record_letters));
    letters
}

/// Moves copies into attachments as long as they fit into `budget` bytes; the first always goes.
/// Gives what is left for a further message.
fn attach(
    mut credential: Credential,
    attachments: &mut Vec<(String, String)>,
    budget: usize,
) -> (RecordIssue, Option<Credential>) {
    let (mut copies, mut size) = (Vec::new(), 0);
    let kept = credential.take_kept().map(|text| (None, text));
    let all = kept.into_iter().chain(
        credential
            .take_copies()
            .into_iter()
            .map(|(copy_ref, text)| (Some(copy_ref), text)),
    );
    let mut left = Vec::new();
    for (copy_ref, text) in all {
        size += text.len();
        match copy_ref {
            Some(copy_ref) if size > budget && !copies.is_empty() => left.push((copy_ref, text)),
            _ => {
                let attachment = format!("{}", attachments.len());
                attachments.push((attachment.clone(), text));
                copies.push(IssuedCopy {
                    attachment,
                    copy_ref,
                });
            }
        }
    }
    let issue = RecordIssue {
        record: *credential.name(),
        vct: credential.vct().to_owned(),
        kept: *credential.kept_hash(),
        copies,
        sensitivity: credential.sensitivity(),
        legal_basis: credential.legal_basis().map(str::to_owned),
        notice: credential.notice().cloned(),
        supersedes: credential.supersedes().to_vec(),
    };
    let rest = (!left.is_empty()).then(|| credential.with_copies(left));
    (issue, rest)
}

/// Signs and seals any message of the organisation.
pub(crate) fn seal_letter(
    letter: Letter,
    sender: Sender<'_>,
    to: &HolderAddress,
    place: &mut Place<'_>,
    now: UnixTime,
    rng: &mut dyn rand_core::CryptoRng,
) -> Result<Envelope, SealError> {
    let mut rng = rng;
    let mut attachments = Vec::with_capacity(letter.attachments.len());
    for (id, data) in letter.attachments {
        attachments.push(Attachment {
            id,
            media_type: SD_JWT_MEDIA_TYPE.to_owned(),
            salt: Nonce::make(&mut rng),
            data,
            object: None,
            name: None,
        });
    }
    let mut message = Message {
        id: MessageId::make(&mut rng),
        thid: place.thid,
        from: From::Org(*sender.org),
        to: To {
            hub: to.hub,
            address: to.address,
            suite: SUITE_1,
        },
        created_time: now,
        expires_time: None,
        chain: place.chain.next_place(),
        seen: place.seen.to_vec(),
        body: letter.body,
        commit_salt: None,
        attachments,
    };
    let (sealed, payload) = set_apart(&mut message, &letter.files, rng)?;
    let signed = Message::sign_payload(&payload, sender.key.signer(), sender.kid);
    let header = Header {
        suite: SUITE_1,
        hub: to.hub,
        to: to.address,
        commit: message.commit(),
    };
    let envelope = SEALER.seal(&to.kem, &header, signed.as_bytes(), &mut rng)?;
    place.chain.advance(Sha256Hash::of(signed.as_bytes()));
    let objects = sealed
        .into_iter()
        .map(|object| (DepositId::make(&mut rng), object))
        .collect();
    Ok(Envelope {
        deposit_id: DepositId::make(&mut rng),
        address: to.address,
        bytes: envelope.encode(),
        objects,
    })
}

/// Seals files for the recipient, and moves credentials out of a message that is too large. Gives what is
/// to be signed too.
fn set_apart(
    message: &mut Message,
    files: &[FileToAttach],
    rng: &mut dyn rand_core::CryptoRng,
) -> Result<(Vec<SealedObject>, Vec<u8>), ObjectTooLarge> {
    let (of, mut objects) = (ObjectFor::from(&message.to), Vec::new());
    for (at, file) in files.iter().enumerate() {
        let (attachment, object) = attach_file(&format!("f{at}"), file, &of, rng)?;
        message.attachments.push(attachment);
        objects.push(object);
    }
    if message.attachments.is_empty() {
        message.commit_salt = Some(Nonce::make(&mut &mut *rng));
    }
    let (moved, payload) = move_into_objects(message, rng)?;
    objects.extend(moved);
    Ok((objects, payload))
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails loudly"
)]
mod tests {
    use super::*;
    use crate::issuer::{
        Draft,
        sign::{Bindings, CopyBinding, IssuerKey, KeptBinding, sign},
        validate::validate,
    };
    use denizen_credential::StatusRef;
    use denizen_model::{CopyRef, envelope, key::Cnf};
    use denizen_seal::{KemSecret, Sealer as _};
    use denizen_testkit::{Rng, START, catalogue, catalogue::repository};
    use rand_core::SeedableRng as _;

    fn status(idx: u64) -> StatusRef {
        StatusRef {
            idx,
            uri: "urn:denizen:status:x:1".to_owned(),
        }
    }

    fn credential(copies: u64, rng: &mut Rng) -> Credential {
        let path = repository().join("catalogue/examples/person/valid.json");
        let claims = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let draft = Draft::of_row("urn:denizen:kind:person:1", claims);
        let record = validate(draft, &catalogue(), START).unwrap();
        let key = SecretKeyFor::make(rng);
        let issuer = IssuerKey {
            org: &OrgId::new([1; 32]),
            kid: "k",
            key: &key,
        };
        let copy = |idx| CopyBinding {
            copy_ref: CopyRef::make(&mut Rng::seed_from_u64(idx)),
            key: SecretKeyFor::<Cnf>::make(&mut Rng::seed_from_u64(idx))
                .public_for()
                .key()
                .clone(),
            status: status(idx),
        };
        let bindings = Bindings {
            kept: Ok(KeptBinding {
                cnf: SecretKeyFor::make(rng).public_for(),
                status: status(0),
            }),
            copies: (1..=copies).map(copy).collect(),
        };
        sign(&record, issuer, bindings, START, rng)
    }

    #[test]
    fn copies_that_do_not_fit_follow_in_messages_of_the_same_record() {
        let mut rng = Rng::seed_from_u64(5);
        let credential = credential(120, &mut rng);
        let (name, kept) = (*credential.name(), *credential.kept_hash());
        let kem = KemSecret::from_seed([9; 32]);
        let to = HolderAddress {
            hub: HubId::new([2; 32]),
            address: AddressId::new([3; 32]),
            kem: kem.public(),
        };
        let key = SecretKeyFor::make(&mut rng);
        let sender = Sender {
            org: &OrgId::new([1; 32]),
            kid: "k",
            key: &key,
        };
        let mut chain = OutChain::make(Vec::new(), &mut rng);
        let mut place = Place {
            chain: &mut chain,
            seen: &[],
            thid: None,
        };
        let envelopes = seal(credential, sender, &to, &mut place, START, &mut rng).unwrap();
        assert!(envelopes.len() > 1);
        let (mut refs, mut kept_copies, mut prev) = (0, 0, None);
        for (seq, envelope) in envelopes.iter().enumerate() {
            let parsed = envelope::Envelope::parse(envelope.bytes()).unwrap();
            let signed = denizen_seal::Portable.open(&kem, &parsed).unwrap();
            let (message, _) = Message::danger_claimed(&signed).unwrap();
            assert_eq!((message.chain.seq, message.chain.prev), (seq as u64, prev));
            assert_eq!(message.commit(), parsed.header().commit);
            prev = Some(Sha256Hash::of(&signed));
            let Body::RecordIssue(issue) = message.body else {
                unreachable!("a record was sealed")
            };
            assert_eq!((issue.record, issue.kept), (name, kept));
            assert_eq!(issue.copies.len(), message.attachments.len());
            refs += issue.copies.iter().filter(|c| c.copy_ref.is_some()).count();
            kept_copies += issue.copies.iter().filter(|c| c.copy_ref.is_none()).count();
        }
        assert_eq!((refs, kept_copies), (120, 1));
        assert_ne!(envelopes[0].deposit_id(), envelopes[1].deposit_id());
    }
}
