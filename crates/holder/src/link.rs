//! Link: an invitation is shown, accepted, confirmed by six digits. Specified in `docs/spec/link.md`.

use crate::{
    Holder, VERIFIER,
    file::Apart,
    holder::HolderError,
    outbox::{commit_salt, deposit_id, seal},
    profile::{Link, LinkState, Outgoing},
    state::Part,
    sync::Away,
    trust::hub_key,
};
use denizen_api::{
    HubClient, ProblemKind, Transport,
    client::ClientError,
    directory::VerifiedDirectory,
    wire::{Accept, RegisterAddress},
};
use denizen_model::{
    AddressId, CopyRef, MessageId, Nonce, Sha256Hash, UnixTime,
    envelope::SUITE_1,
    id::Bytes,
    invitation::{Invitation, UnverifiedInvitation, VerifiedInvitation},
    link::{code_commitment, confirmation_code},
    message::{
        Body, CopyKey, From, HubAddress, LinkAccept, LinkUpdate, Message, OutChain, To, holder_kid,
    },
    statement::Quality,
};
use denizen_seal::{AddressIndex, AddressKeys, FileToAttach, KemPublic};
use std::sync::PoisonError;

/// Keys for one-time copies that go ahead with a link.
const COPY_KEYS_AHEAD: usize = 32;
/// Indexes that are tried when another device took one.
const INDEX_TRIES: u32 = 64;

/// An invitation that was checked, for her to read before she accepts.
#[derive(Debug, Clone)]
pub struct InvitationPreview {
    verified: VerifiedInvitation,
    directory: VerifiedDirectory,
    /// The organisation's name in her language.
    pub name: String,
    /// In the directory since.
    pub since: UnixTime,
    /// Kinds that it will send, with the quality in which it may issue them (none: not admitted).
    pub sends: Vec<(String, Option<Quality>)>,
}

impl InvitationPreview {
    /// What the invitation says.
    #[must_use]
    pub fn invitation(&self) -> &Invitation {
        &self.verified.invitation
    }
}

impl Holder {
    /// Reads an invitation, fetches its hub's directory and checks it against that.
    ///
    /// # Errors
    /// [`HolderError::Invitation`], [`HolderError::Directory`], [`HolderError::Client`].
    pub async fn preview_invitation<T: Transport>(
        &mut self,
        text: &str,
        transport: &T,
        now: UnixTime,
    ) -> Result<InvitationPreview, HolderError> {
        let unverified = UnverifiedInvitation::parse(text)?;
        let (hub, url) = unverified.danger_hub();
        let (hub, url) = (*hub, url.to_owned());
        let directory = self.look_at_directory(&hub, &url, transport, now).await?;
        let verified = unverified.verify(&directory.directory, VERIFIER, now)?;
        let org = verified.invitation.org;
        let quality = |vct: &String| {
            let quality = directory.directory.admitted(&org, vct, now);
            (vct.clone(), quality)
        };
        let shown = directory.directory.organisation(&org);
        let names = shown.map(|o| &o.statement.names);
        let name = names.and_then(|n| n.get(&self.profile.language).or_else(|| n.get("en")));
        Ok(InvitationPreview {
            name: name.cloned().unwrap_or_default(),
            since: shown.map_or(UnixTime(0), |o| o.since),
            sends: verified.invitation.sends.iter().map(quality).collect(),
            verified,
            directory,
        })
    }

    /// Accepts an invitation. The address is registered and `link/accept` sent by the next
    /// [`Holder::sync`]: keep the profile first. Gives the index of the new link, which changes if
    /// another device took it meanwhile. The same invitation again gives the same link.
    ///
    /// # Errors
    /// None now.
    pub fn accept_invitation(
        &mut self,
        preview: InvitationPreview,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<u32, HolderError> {
        let mut rng = rng;
        let bytes = self
            .trust
            .keep_directory(preview.verified.invitation.hub, preview.directory);
        let hub = hub_key(&preview.verified.invitation.hub);
        self.profile.directories.insert(hub, bytes);
        let VerifiedInvitation {
            invitation,
            register_pass,
            deposit_pass,
        } = preview.verified;
        let same = |l: &&Link| l.org == invitation.org && l.invitation == invitation.nonce;
        if let Some(link) = self.profile.links.iter().find(same) {
            return Ok(link.index);
        }
        let index = self.profile.next_index;
        self.profile.next_index += 1;
        let link = Link {
            index,
            org: invitation.org,
            hub: invitation.hub,
            hub_url: invitation.hub_url,
            address: AddressId::of(&self.root.derive_auth(AddressIndex(index)).public_for()),
            salt: Nonce::make(&mut rng),
            identity: invitation.identity,
            statement: invitation.statement,
            invitation: invitation.nonce,
            purpose: invitation.purpose,
            allowed_kinds: invitation.sends,
            case_reference: invitation.case_reference,
            state: LinkState::Opening,
            refusal: None,
            deposit_pass: Bytes(deposit_pass),
            register_pass: Some(Bytes(register_pass)),
            challenge: Nonce::make(&mut rng),
            org_challenge: None,
            accept: None,
            cursor: None,
            out: OutChain::make(Vec::new(), rng),
            heads: Default::default(),
            taken: Default::default(),
            frozen: false,
            freeze_due: false,
            moves: None,
            takes_over: None,
            copy_refs: Vec::new(),
        };
        self.profile.links.push(link);
        Ok(index)
    }

    /// The six digits that she reads out, once both sides have shown their part.
    #[must_use]
    pub fn code(&self, index: u32) -> Option<String> {
        let link = self.profile.link(index)?;
        let org = link.org_challenge.as_ref()?;
        let (_, accept_hash) = link.accept.as_ref()?;
        Some(confirmation_code(accept_hash, &link.challenge, org))
    }

    /// Registers the addresses of links that were just accepted and queues their `link/accept`.
    pub(crate) async fn open_links<T: Transport>(
        &mut self,
        away: &mut Away,
        transport: &T,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        let opening = |l: &&Link| l.state == LinkState::Opening && l.takes_over.is_none();
        let waiting = self.profile.links.iter().filter(opening);
        let waiting: Vec<_> = waiting.map(|l| (l.index, l.hub)).collect();
        for (index, hub) in waiting {
            if away.has(&hub) {
                continue;
            }
            let done = self.register_link(index, transport, now).await;
            if let Some(Some(index)) = away.bear(&hub, done)? {
                match self.profile.link(index).and_then(|l| l.moves.clone()) {
                    Some(moves) => self.queue_move(index, &moves, now, rng)?,
                    None => self.queue_accept(index, now, rng)?,
                }
            }
        }
        Ok(())
    }

    /// Registers one link's address; gives its index, or none if the hub refused for good.
    pub(crate) async fn register_link<T: Transport>(
        &mut self,
        index: u32,
        transport: &T,
        now: UnixTime,
    ) -> Result<Option<u32>, HolderError> {
        let mut index = index;
        for _ in 0..INDEX_TRIES {
            let link = self.profile.link(index).ok_or(HolderError::NotLinked)?;
            let auth = self.root.derive_auth(AddressIndex(index));
            let body = RegisterAddress {
                v: 1,
                auth: auth.public_for(),
                salt: Some(link.salt),
                accepts: vec![Accept::Org(link.org)],
                pass: link.register_pass.clone(),
            };
            let client = HubClient::new(transport, link.hub, &link.hub_url);
            match client.register(&body, &auth, now).await {
                Ok(_) => return Ok(Some(index)),
                Err(ClientError::Problem(ProblemKind::Conflict)) => {
                    index = self.renumber(index);
                }
                Err(ClientError::Problem(kind)) if !crate::holder::is_passing(kind) => {
                    if let Some(link) = self.profile.link_mut(index) {
                        link.state = LinkState::Refused;
                        link.refusal = Some(kind.name().to_owned());
                    }
                    return Ok(None);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(HolderError::HubAtFault("no-free-index"))
    }

    /// Another device has this index: takes the next one.
    pub(crate) fn renumber(&mut self, index: u32) -> u32 {
        let next = self.profile.next_index.max(index + 1);
        self.profile.next_index = next + 1;
        let address = AddressId::of(&self.root.derive_auth(AddressIndex(next)).public_for());
        if let Some(link) = self.profile.link_mut(index) {
            link.index = next;
            link.address = address;
        }
        next
    }

    fn queue_accept(
        &mut self,
        index: u32,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        let link = self
            .profile
            .link(index)
            .ok_or(HolderError::NotLinked)?
            .clone();
        let keys = self.link_keys(&link);
        let copy_keys = self.fresh_copy_keys(index, COPY_KEYS_AHEAD, rng);
        let accept = LinkAccept {
            invitation: link.invitation,
            keys: Bytes(keys.statement(link.hub).into_bytes()),
            allowed_kinds: link.allowed_kinds.clone(),
            copy_keys,
            code_commitment: code_commitment(&link.challenge),
            case_reference: link.case_reference.clone(),
            language: self.profile.language.clone(),
        };
        self.queue_state(&Part::link(&link, &keys), now, rng)?;
        let body = Body::LinkAccept(Box::new(accept));
        let sent = self.queue_message(index, Draft::new(body, None), now, rng)?;
        if let Some(link) = self.profile.link_mut(index) {
            link.accept = Some((sent.id, sent.hash));
            link.state = LinkState::Accepted;
        }
        Ok(())
    }

    /// Draws refs for one-time copies and remembers them as on their way.
    pub(crate) fn fresh_copy_keys(
        &mut self,
        index: u32,
        count: usize,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Vec<CopyKey> {
        let mut rng = rng;
        let refs: Vec<_> = (0..count).map(|_| CopyRef::make(&mut rng)).collect();
        if let Some(link) = self.profile.link_mut(index) {
            link.copy_refs.extend(&refs);
        }
        let key = |r: &CopyRef| self.root.derive_copy_key(r).public_for().key().clone();
        refs.iter()
            .map(|r| CopyKey {
                copy_ref: *r,
                key: key(r),
            })
            .collect()
    }

    pub(crate) fn link_keys(&self, link: &Link) -> AddressKeys {
        let mut known = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let derive = || {
            let index = AddressIndex(link.index);
            self.root.derive_address(index, Some(&link.salt))
        };
        let name = (link.index, link.salt);
        known.entry(name).or_insert_with(derive).clone()
    }

    /// Answers the organisation's challenge with the part that `link/accept` committed to.
    pub(crate) fn queue_reveal(
        &mut self,
        index: u32,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        let link = self.profile.link(index).ok_or(HolderError::NotLinked)?;
        let update = LinkUpdate {
            reveal: Some(link.challenge),
            ..LinkUpdate::default()
        };
        let thread = link.accept.map(|(id, _)| id);
        let draft = Draft::new(Body::LinkUpdate(update), thread);
        self.queue_message(index, draft, now, rng).map(drop)
    }

    /// Signs a message to a link's organisation, seals it to the inbox that its newest statement
    /// names, and queues it.
    pub(crate) fn queue_message(
        &mut self,
        index: u32,
        draft: Draft,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Queued, HolderError> {
        let index = self.current(index);
        let link = self
            .profile
            .link(index)
            .ok_or(HolderError::NotLinked)?
            .clone();
        let directory = self
            .trust
            .directory(&link.hub)
            .ok_or(HolderError::NotLinked)?;
        let org = directory
            .directory
            .organisation(&link.org)
            .ok_or(HolderError::NotLinked)?;
        let inbox = org.statement.inbox.clone().ok_or(HolderError::NotLinked)?;
        let kem = KemPublic::from_bytes(&inbox.kem.0).map_err(|_| HolderError::NotLinked)?;
        let keys = self.link_keys(&link);
        let commit_salt = draft
            .attachments
            .is_empty()
            .then(|| commit_salt(rng))
            .flatten();
        let mut message = Message {
            id: draft.id.unwrap_or_else(|| make_id(rng)),
            thid: draft.thread,
            from: From::Holder(HubAddress {
                hub: link.hub,
                address: link.address,
            }),
            to: To {
                hub: link.hub,
                address: inbox.address,
                suite: SUITE_1,
            },
            created_time: now,
            expires_time: None,
            chain: link.out.next_place(),
            seen: link.heads.values().map(|(_, hash)| *hash).collect(),
            body: draft.body,
            attachments: draft.attachments,
            commit_salt,
        };
        let apart = Self::set_apart(&mut message, &draft.files, rng)?;
        let kid = holder_kid(&link.address);
        let sealed = seal(&message, keys.sign.signer(), &kid, &kem, rng)?;
        let outgoing = Outgoing {
            index,
            hub: link.hub,
            hub_url: link.hub_url,
            to: inbox.address,
            deposit_id: deposit_id(rng),
            envelope: Bytes(sealed.envelope),
            pass: Some(link.deposit_pass),
            object: None,
        };
        // What a message refers to is there before it is.
        self.queue_objects(&apart, &outgoing, rng)?;
        self.profile.outbox.push(outgoing);
        let hash = Sha256Hash::of(&sealed.signed);
        if let Some(link) = self.profile.link_mut(index) {
            link.out.advance(hash);
        }
        Ok(Queued {
            id: message.id,
            hash,
            signed: sealed.signed,
            apart,
        })
    }
}

/// A message before it has a sender, a place in a chain and a signature.
pub(crate) struct Draft {
    pub(crate) id: Option<MessageId>,
    pub(crate) thread: Option<MessageId>,
    pub(crate) body: Body,
    pub(crate) attachments: Vec<denizen_model::message::Attachment>,
    /// Files that go with it, each in an object of its own.
    pub(crate) files: Vec<FileToAttach>,
}

impl Draft {
    pub(crate) fn new(body: Body, thread: Option<MessageId>) -> Self {
        Self {
            id: None,
            thread,
            body,
            attachments: Vec::new(),
            files: Vec::new(),
        }
    }
}

/// A message that waits in the outbox.
pub(crate) struct Queued {
    pub(crate) id: MessageId,
    pub(crate) hash: Sha256Hash,
    pub(crate) signed: Vec<u8>,
    /// What lies apart from it.
    pub(crate) apart: Apart,
}

pub(crate) fn make_id(rng: &mut dyn rand_core::CryptoRng) -> MessageId {
    let mut rng = rng;
    MessageId::make(&mut rng)
}
