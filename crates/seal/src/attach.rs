//! Attachments that lie in objects: files, and credentials of a message that is too large for one
//! envelope.

use crate::object::{ObjectTooLarge, SealedObject, open_object, seal_object};
use denizen_model::{
    Nonce,
    commit::attachment_hash,
    envelope::SIZE_CLASSES_BYTES,
    message::{Attachment, FILE_NAME_MAX, Message, SD_JWT_MEDIA_TYPE},
    object::{ObjectFor, ObjectRef},
};
use zeroize::Zeroizing;

/// Bytes of a message before its signature, so that both fit the largest envelope.
const PAYLOAD_SIZE_BYTES_MAX: usize = SIZE_CLASSES_BYTES[3] - 1024;

/// Media type of a file whose own is not one.
const UNKNOWN_MEDIA_TYPE: &str = "application/octet-stream";

/// A file that is to be attached.
#[derive(Clone, PartialEq, Eq)]
pub struct FileToAttach {
    /// What its sender calls it.
    pub name: String,
    /// `image/jpeg`, `application/pdf`, ...
    pub media_type: String,
    /// Its bytes.
    pub content: Zeroizing<Vec<u8>>,
}

impl FileToAttach {
    /// A file with its name and media type.
    #[must_use]
    pub fn new(name: &str, media_type: &str, content: Vec<u8>) -> Self {
        Self {
            name: name.to_owned(),
            media_type: media_type.to_owned(),
            content: Zeroizing::new(content),
        }
    }
}

impl std::fmt::Debug for FileToAttach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileToAttach({})", self.content.len())
    }
}

/// Seals a file for the recipient of a message; gives the attachment that refers to it, and the object
/// that must be there before the message is.
///
/// # Errors
/// [`ObjectTooLarge`].
pub fn attach_file(
    id: &str,
    file: &FileToAttach,
    of: &ObjectFor,
    rng: &mut dyn rand_core::CryptoRng,
) -> Result<(Attachment, SealedObject), ObjectTooLarge> {
    let mut rng = rng;
    let salt = Nonce::make(&mut rng);
    let sealed = seal_object(&file.content, of, rng)?;
    let attachment = Attachment {
        id: id.to_owned(),
        media_type: fit_media_type(&file.media_type),
        salt,
        data: String::new(),
        object: Some(reference(&sealed, &salt, &file.content)),
        name: Some(file.name.chars().take(FILE_NAME_MAX).collect()),
    };
    Ok((attachment, sealed))
}

/// What a message says of a sealed object.
#[must_use]
pub fn reference(sealed: &SealedObject, salt: &Nonce, content: &[u8]) -> ObjectRef {
    ObjectRef {
        id: sealed.id,
        key: sealed.key,
        size: content.len() as u64,
        hash: attachment_hash(salt, content),
    }
}

/// Moves credentials out of a message that is too large for one envelope, the largest first, until it
/// fits. What it commits to does not change by that. Gives the objects, and the payload that fits.
///
/// # Errors
/// [`ObjectTooLarge`] for a credential that no object holds.
pub fn move_into_objects(
    message: &mut Message,
    rng: &mut dyn rand_core::CryptoRng,
) -> Result<(Vec<SealedObject>, Vec<u8>), ObjectTooLarge> {
    let of = ObjectFor::from(&message.to);
    let (mut objects, mut payload) = (Vec::new(), message.payload());
    while payload.len() > PAYLOAD_SIZE_BYTES_MAX {
        let inside = message.attachments.iter_mut();
        let credentials =
            inside.filter(|a| a.object.is_none() && a.media_type == SD_JWT_MEDIA_TYPE);
        // A message that is too large without them is refused when it is padded.
        let Some(largest) = credentials.max_by_key(|a| a.data.len()) else {
            break;
        };
        let content = std::mem::take(&mut largest.data);
        let sealed = seal_object(content.as_bytes(), &of, rng)?;
        largest.object = Some(reference(&sealed, &largest.salt, content.as_bytes()));
        objects.push(sealed);
        payload = message.payload();
    }
    Ok((objects, payload))
}

/// Opens the object of an attachment: the ciphertext is that of its id, it opens at this address, and its
/// content is what was signed. `None` for every other.
#[must_use]
pub fn open_attachment(
    attachment: &Attachment,
    of: &ObjectFor,
    bytes: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let object = attachment.object.as_ref()?;
    let content = open_object(bytes, &object.id, &object.key, of).ok()?;
    attachment.is_of(&content).then_some(content)
}

/// A credential is never attached as a file: it would be taken for one of the message's papers.
fn fit_media_type(media_type: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$&^_.+-/".contains(c);
    let fits = media_type.len() <= 80
        && media_type.matches('/').count() == 1
        && media_type.chars().all(allowed)
        && !media_type.eq_ignore_ascii_case(SD_JWT_MEDIA_TYPE);
    if fits {
        media_type.to_ascii_lowercase()
    } else {
        UNKNOWN_MEDIA_TYPE.to_owned()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use denizen_model::{
        AddressId, HubId, MessageId, OrgId, UnixTime,
        envelope::SUITE_1,
        message::{Body, Chain, From, Text, To},
    };
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    fn message(papers: &[usize]) -> Message {
        let paper = |(at, size): (usize, &usize)| Attachment {
            id: format!("p{at}"),
            media_type: SD_JWT_MEDIA_TYPE.to_owned(),
            salt: Nonce::new([7; 32]),
            data: "a".repeat(*size),
            object: None,
            name: None,
        };
        Message {
            id: MessageId::new([1; 16]),
            thid: None,
            from: From::Org(OrgId::new([2; 32])),
            to: To {
                hub: HubId::new([3; 32]),
                address: AddressId::new([4; 32]),
                suite: SUITE_1,
            },
            created_time: UnixTime(0),
            expires_time: None,
            chain: Chain {
                id: MessageId::new([5; 16]),
                seq: 0,
                prev: None,
                follows: Vec::new(),
            },
            seen: Vec::new(),
            body: Body::Note(Text {
                text: "hello".to_owned(),
            }),
            attachments: papers.iter().enumerate().map(paper).collect(),
            commit_salt: None,
        }
    }

    #[test]
    fn a_message_that_is_too_large_keeps_what_fits_and_its_commitment() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        for (papers, moved) in [
            (vec![1000, 2000], vec![]),
            (vec![100_000, 150_000, 20_000], vec!["p1"]),
            (vec![300_000], vec!["p0"]),
            (vec![260_000, 1000, 270_000], vec!["p2", "p0"]),
        ] {
            let mut large = message(&papers);
            let commit = large.commit();
            let (objects, payload) = move_into_objects(&mut large, &mut rng).unwrap();
            assert_eq!(objects.len(), moved.len());
            assert_eq!(large.commit(), commit);
            assert!(payload.len() <= PAYLOAD_SIZE_BYTES_MAX);
            assert_eq!(payload, large.payload());
            let of = ObjectFor::from(&large.to);
            for (id, sealed) in moved.iter().zip(&objects) {
                let at = large.attachments.iter().position(|a| a.id == *id).unwrap();
                let apart = large.attachments[at].clone();
                assert!(apart.is_apart() && !apart.is_file());
                let content = open_attachment(&apart, &of, &sealed.bytes).unwrap();
                assert!(!large.fill("p9", &content) && !large.fill(id, b"other"));
                assert!(large.fill(id, &content));
                assert_eq!(large.attachments[at].data.len(), papers[at]);
            }
            assert_eq!(large.commit(), commit);
        }
    }

    #[test]
    fn a_file_is_named_and_typed_without_trust_and_opens_only_as_what_was_signed() {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let of = ObjectFor::from(&message(&[]).to);
        for (given, kept) in [
            ("image/JPEG", "image/jpeg"),
            (SD_JWT_MEDIA_TYPE, UNKNOWN_MEDIA_TYPE),
            ("APPLICATION/dc+sd-jwt", UNKNOWN_MEDIA_TYPE),
            ("image/\u{1b}[31m", UNKNOWN_MEDIA_TYPE),
            ("", UNKNOWN_MEDIA_TYPE),
        ] {
            let file = FileToAttach {
                name: "ж".repeat(500),
                media_type: given.to_owned(),
                content: Zeroizing::new(b"photo".to_vec()),
            };
            let (attachment, sealed) = attach_file("f0", &file, &of, &mut rng).unwrap();
            assert_eq!(attachment.media_type, kept);
            assert_eq!(attachment.name.as_ref().unwrap().chars().count(), 120);
            assert!(attachment.is_file());
            let opened = open_attachment(&attachment, &of, &sealed.bytes).unwrap();
            assert_eq!(*opened, b"photo");
            let mut other = attachment.clone();
            other.salt = Nonce::new([9; 32]);
            assert!(open_attachment(&other, &of, &sealed.bytes).is_none());
            let mut longer = attachment;
            longer.object.as_mut().unwrap().size += 1;
            assert!(open_attachment(&longer, &of, &sealed.bytes).is_none());
        }
    }
}
