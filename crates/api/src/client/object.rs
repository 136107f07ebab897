//! Attachment objects: uploads that go on where they stopped, and downloads that do.

use super::{Call, HubClient, RequestSigner, own_path};
use crate::{
    ClientError, ProblemKind, Transport,
    wire::{CBOR_MEDIA_TYPE, DepositOutcome, ObjectPart, UploadState},
};
use denizen_model::{
    AddressId, DepositId, SecretKeyFor, Sha256Hash, UnixTime,
    key::Auth,
    object::{PART_SIZE_BYTES_MAX, SEALED_SIZE_BYTES_MAX, is_sealed_size},
};
use http::Method;

/// An object on its way: sealed bytes and the id that they are deposited under, both kept before the
/// first attempt and repeated unchanged.
#[derive(Debug, Clone, Copy)]
pub struct Upload<'a> {
    /// The address that it is for.
    pub to: &'a AddressId,
    /// SHA-256 of the bytes.
    pub id: &'a Sha256Hash,
    /// Drawn once.
    pub deposit_id: DepositId,
    /// The deposit pass, for an inbox.
    pub pass: Option<&'a [u8]>,
    /// Belongs to a status change or an answer to a dispute.
    pub reserved: bool,
    /// The sealed object.
    pub bytes: &'a [u8],
}

impl Upload<'_> {
    fn part(&self, offset: usize, end: usize) -> Option<ObjectPart> {
        Some(ObjectPart {
            deposit_id: self.deposit_id,
            size: self.bytes.len() as u64,
            offset: offset as u64,
            pass: self.pass.map(<[u8]>::to_vec),
            reserved: self.reserved,
            bytes: self.bytes.get(offset..end)?.to_vec(),
        })
    }
}

impl<T: Transport> HubClient<T> {
    /// Uploads an object to its end, from where an earlier attempt stopped: the hub is asked first.
    /// The receipt comes back unverified ([`crate::receipt::verify_object`]).
    ///
    /// # Errors
    /// [`ClientError`]; after [`ClientError::Transport`] call it again with the same bytes and id.
    pub async fn put_object(
        &self,
        upload: &Upload<'_>,
        signer: RequestSigner<'_>,
        now: UnixTime,
    ) -> Result<DepositOutcome, ClientError> {
        let (mut at, mut end) = (0, 0);
        loop {
            let part = upload.part(at, end).ok_or(ClientError::Answer)?;
            let received = match self.put_part(upload, &part, signer, now).await? {
                UploadState::Done(outcome) => return Ok(outcome),
                UploadState::Going { received } => received,
            };
            let next = usize::try_from(received).map_err(|_| ClientError::Answer)?;
            // A hub that says "nothing yet" for ever, or "all of it" without a receipt, is not asked on.
            let moved = next > at || end == at;
            if !moved || next >= upload.bytes.len() {
                return Err(ClientError::Answer);
            }
            at = next;
            end = upload.bytes.len().min(at + PART_SIZE_BYTES_MAX);
        }
    }

    /// Sends one part, or asks how far the upload is with one that has no bytes.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn put_part(
        &self,
        upload: &Upload<'_>,
        part: &ObjectPart,
        signer: RequestSigner<'_>,
        now: UnixTime,
    ) -> Result<UploadState, ClientError> {
        let path = format!(
            "/v1/addresses/{}/objects/{}",
            upload.to.to_text(),
            upload.id.to_text()
        );
        let mut call = Call::new(Method::PUT, path);
        call.body = part.encode();
        call.media_type = CBOR_MEDIA_TYPE;
        let answer = self.call(call.signed(signer, now)).await?;
        UploadState::decode(&answer).ok_or(ClientError::Answer)
    }

    /// Bytes of an object of an own address from `offset`, as many as one answer holds.
    ///
    /// # Errors
    /// [`crate::ProblemKind::NotFound`], [`crate::ProblemKind::Gone`]; [`ClientError`].
    pub async fn object_from(
        &self,
        auth: &SecretKeyFor<Auth>,
        id: &Sha256Hash,
        offset: u64,
        now: UnixTime,
    ) -> Result<Vec<u8>, ClientError> {
        let (path, keyid) = own_path(auth, &format!("/objects/{}", id.to_text()));
        let mut call = Call::new(Method::GET, path);
        call.query = format!("offset={offset}");
        let signer = RequestSigner::address(auth, &keyid);
        self.call(call.signed(signer, now)).await
    }

    /// Fetches the rest of an object: what is in `so_far` is not asked for again. What came stays there
    /// when it fails. The whole is known by its hash alone, not by what anybody says of its size; bytes
    /// that are not it are dropped.
    ///
    /// # Errors
    /// [`ClientError::Answer`] for more, fewer or other bytes than its id says; [`ClientError`].
    pub async fn get_object(
        &self,
        auth: &SecretKeyFor<Auth>,
        id: &Sha256Hash,
        so_far: &mut Vec<u8>,
        now: UnixTime,
    ) -> Result<(), ClientError> {
        while !is_whole(so_far, id) {
            let more = self.object_from(auth, id, so_far.len() as u64, now).await;
            let more = match more {
                // It ends here, and is not what its id says.
                Err(ClientError::Problem(ProblemKind::Malformed)) => Vec::new(),
                more => more?,
            };
            if more.is_empty() || so_far.len() + more.len() > SEALED_SIZE_BYTES_MAX {
                so_far.clear();
                return Err(ClientError::Answer);
            }
            so_far.extend_from_slice(&more);
        }
        Ok(())
    }

    /// Erases an object of an own address; its place stays as a tombstone.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn erase_object(
        &self,
        auth: &SecretKeyFor<Auth>,
        id: &Sha256Hash,
        now: UnixTime,
    ) -> Result<(), ClientError> {
        let (path, keyid) = own_path(auth, &format!("/objects/{}", id.to_text()));
        let call = Call::new(Method::DELETE, path);
        let signer = RequestSigner::address(auth, &keyid);
        self.call(call.signed(signer, now)).await.map(drop)
    }
}

/// Whether these are all bytes of an object. Objects have few sizes, so little is hashed in vain.
fn is_whole(bytes: &[u8], id: &Sha256Hash) -> bool {
    is_sealed_size(bytes.len() as u64) && Sha256Hash::of(bytes) == *id
}
