//! Address 0: what she writes to herself, so that the printed kit alone restores everything.
//! Specified in `docs/spec/state.md`.

mod manifest;

use crate::{
    Holder,
    file::OwnCopy,
    helper::{Helper, Helping},
    holder::HolderError,
    link::make_id,
    outbox::{commit_salt, deposit_id, seal},
    profile::{Application, Dispute, Erasure, Link, LinkState, Outgoing, Shown},
    renew::Carried,
    restore::LinkDue,
    ward::Ward,
    ways::Device,
};
use denizen_model::{
    AddressId, CopyRef, HubId, MessageId, Nonce, OrgId, PublicKeyFor, Sha256Hash, UnixTime,
    envelope::SUITE_1,
    id::Bytes,
    key::Identity,
    message::{Body, From, HubAddress, Message, OutChain, Reply, To, holder_kid},
    object::ObjectRef,
};
use denizen_seal::{AddressIndex, AddressKeys};
pub(crate) use manifest::{ManifestLink, ManifestPart};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::PoisonError,
};

/// Largest signed message of which she keeps a copy in address 0, in bytes.
const SENT_COPY_SIZE_BYTES_MAX: usize = 180 << 10;

/// One `self/state` body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "kebab-case")]
pub(crate) enum Part {
    /// A link was begun.
    Link(Box<LinkPart>),
    /// One-time copies that are about to be shown: written before they are (R18).
    Spent {
        /// Their refs.
        refs: Vec<CopyRef>,
    },
    /// A message that is about to be sent, and that she keeps byte for byte (D9).
    Sent(SentPart),
    /// What she says to a claim of a private body.
    Reply {
        /// The record's kept copy.
        kept: Sha256Hash,
        /// Her words; empty ones take back what she said.
        reply: Reply,
    },
    /// A link was shredded: nothing of it may come back.
    Shredded {
        /// Its index.
        index: u32,
        /// Positions of address 0 that were erased with it.
        erased: Vec<u64>,
    },
    /// A child's profile that she keeps: its root.
    Ward(Box<Ward>),
    /// A ward was given up: her root may not come back.
    WardGone {
        /// The ward.
        id: MessageId,
        /// Positions of address 0 that were erased with her.
        erased: Vec<u64>,
    },
    /// Somebody who helps her, as of now.
    Helper(Box<Helper>),
    /// Somebody whom she helps.
    Helping(Box<Helping>),
    /// A device that has the profile, as of now.
    Device(Box<Device>),
    /// Devices and ways that were ended, and roots that were deleted at the hub.
    Ended {
        /// Their ids: for good.
        ids: Vec<MessageId>,
        /// Where the roots lay.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        locators: Vec<Nonce>,
    },
    /// What a profile with another root knew of a link that this one took over.
    Carried(Box<Carried>),
    /// What she has (R10).
    Manifest(ManifestPart),
}

/// What finds a link again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LinkPart {
    pub(crate) index: u32,
    pub(crate) org: OrgId,
    pub(crate) hub: HubId,
    pub(crate) hub_url: String,
    pub(crate) identity: PublicKeyFor<Identity>,
    pub(crate) statement: Sha256Hash,
    pub(crate) invitation: Nonce,
    pub(crate) purpose: String,
    pub(crate) allowed_kinds: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) case_reference: Option<String>,
    pub(crate) challenge: Nonce,
    /// SHA-256 of the address's `kem` public key: shows whether the hub gives back another salt.
    pub(crate) kem: Sha256Hash,
    pub(crate) deposit_pass: Bytes,
}

/// A copy of a message as sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SentPart {
    pub(crate) link: u32,
    /// The signed message; absent if it is too large to be written to herself as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<Bytes>,
    /// Where the signed message lies if it is too large for that: in an object of address 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) apart: Option<ObjectRef>,
    /// Her own copies of what lies apart from the message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) copies: Vec<OwnCopy>,
    pub(crate) id: MessageId,
    pub(crate) sent: UnixTime,
}

impl Part {
    /// The link that a part is about, if it must go when that is shredded.
    pub(crate) fn about(&self) -> Option<u32> {
        match self {
            Self::Link(link) => Some(link.index),
            Self::Sent(sent) => Some(sent.link),
            Self::Carried(carried) => Some(carried.link),
            _ => None,
        }
    }

    /// The part that finds a link again.
    pub(crate) fn link(link: &Link, keys: &AddressKeys) -> Self {
        Self::Link(Box::new(LinkPart {
            index: link.index,
            org: link.org,
            hub: link.hub,
            hub_url: link.hub_url.clone(),
            identity: link.identity.clone(),
            statement: link.statement,
            invitation: link.invitation,
            purpose: link.purpose.clone(),
            allowed_kinds: link.allowed_kinds.clone(),
            case_reference: link.case_reference.clone(),
            challenge: link.challenge,
            kem: Sha256Hash::of(&keys.kem.public().to_bytes()),
            deposit_pass: link.deposit_pass.clone(),
        }))
    }
}

impl LinkPart {
    /// The link as begun, with the salt that the hub gave back.
    pub(crate) fn to_link(&self, address: AddressId, salt: Nonce, out: OutChain) -> Link {
        Link {
            index: self.index,
            org: self.org,
            hub: self.hub,
            hub_url: self.hub_url.clone(),
            address,
            salt,
            identity: self.identity.clone(),
            statement: self.statement,
            invitation: self.invitation,
            purpose: self.purpose.clone(),
            allowed_kinds: self.allowed_kinds.clone(),
            case_reference: self.case_reference.clone(),
            state: LinkState::Accepted,
            refusal: None,
            deposit_pass: self.deposit_pass.clone(),
            register_pass: None,
            challenge: self.challenge,
            org_challenge: None,
            accept: None,
            cursor: None,
            out,
            heads: BTreeMap::new(),
            taken: BTreeMap::new(),
            frozen: false,
            freeze_due: false,
            moves: None,
            takes_over: None,
            copy_refs: Vec::new(),
        }
    }
}

impl Holder {
    /// Keys of address 0, derived once. No link has its index.
    pub(crate) fn own_keys(&self) -> AddressKeys {
        let mut known = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let derive = || self.root.derive_address(AddressIndex::SELF, None);
        let name = (AddressIndex::SELF.0, Nonce::new([0; 32]));
        known.entry(name).or_insert_with(derive).clone()
    }

    /// Queues a message to herself.
    pub(crate) fn queue_state(
        &mut self,
        part: &Part,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        let keys = self.own_keys();
        let (hub, address) = (self.profile.hub, keys.address());
        let message = Message {
            id: make_id(rng),
            thid: None,
            from: From::Holder(HubAddress { hub, address }),
            to: To {
                hub,
                address,
                suite: SUITE_1,
            },
            created_time: now,
            expires_time: None,
            chain: self.profile.own_chain.next_place(),
            seen: self.profile.own_heads.values().map(|(_, h)| *h).collect(),
            body: Body::SelfState(serde_json::to_value(part).expect("a part is JSON")),
            attachments: Vec::new(),
            commit_salt: commit_salt(rng),
        };
        let kid = holder_kid(&address);
        let sealed = seal(&message, keys.sign.signer(), &kid, &keys.kem.public(), rng)?;
        let hash = Sha256Hash::of(&sealed.signed);
        self.profile.own_chain.advance(hash);
        self.profile.own_taken.insert(message.id.to_text(), hash);
        self.profile.outbox.push(Outgoing {
            index: 0,
            hub,
            hub_url: self.profile.hub_url.clone(),
            to: address,
            deposit_id: deposit_id(rng),
            envelope: Bytes(sealed.envelope),
            pass: None,
            object: None,
        });
        Ok(())
    }

    /// Takes in a message that another installation of this profile wrote to herself.
    pub(crate) fn take_part(&mut self, part: Part) {
        match part {
            Part::Spent { refs } => {
                self.profile.spent.extend(refs.iter().map(CopyRef::to_text));
            }
            Part::Sent(sent) => self.take_sent(sent),
            Part::Reply { kept, reply } => self.keep_reply(kept, reply),
            Part::Manifest(manifest) => {
                // Two devices write at the same time: a lower version is no sign of a rollback. That
                // shows in positions, chains and the size of the log.
                self.profile.version = self.profile.version.max(manifest.version);
                self.profile.next_index = self.profile.next_index.max(manifest.next_index);
                for link in &manifest.links {
                    self.take_end(link.index, link.state);
                    let mut due = self.profile.links_due.iter_mut();
                    if let Some(due) = due.find(|due| due.index() == link.index) {
                        due.hear(link);
                    }
                }
            }
            Part::Shredded { index, erased } => {
                self.profile.own_erased.extend(erased);
                self.forget_link(index);
            }
            Part::Ward(ward) => self.take_ward(*ward),
            Part::WardGone { id, erased } => self.drop_ward(&id, &erased),
            Part::Helper(helper) => self.take_helper(*helper),
            Part::Helping(helping) => self.take_helping(*helping),
            Part::Device(device) => self.take_device_part(*device),
            Part::Ended { ids, locators } => self.take_ended(&ids, &locators),
            Part::Carried(carried) => self.take_carried(*carried),
            // It is added once its hub has given its salt.
            Part::Link(link) => {
                self.profile.next_index = self.profile.next_index.max(link.index + 1);
                let known = self.profile.link(link.index);
                if known.is_none_or(|known| known.invitation != link.invitation) {
                    self.profile.links_due.push(LinkDue::new(link));
                }
            }
        }
    }

    /// Another device moved or closed a link: that is for good.
    pub(crate) fn take_end(&mut self, index: u32, state: LinkState) {
        if let Some(link) = self.profile.link_mut(index)
            && matches!(state, LinkState::Moved | LinkState::Closed)
        {
            link.state = state;
        }
    }

    fn take_sent(&mut self, sent: SentPart) {
        let Some(bytes) = sent.message.clone() else {
            self.profile.files.sent_due.push(sent);
            return;
        };
        let Ok((message, _)) = Message::danger_claimed(&bytes.0) else {
            return;
        };
        if message
            .attachments
            .iter()
            .any(|a| a.is_apart() && !a.is_file())
        {
            self.profile.files.sent_due.push(sent);
            return;
        }
        self.remember_sent(sent.link, &message, bytes, sent.sent);
        self.remember_files(sent.link, &message, sent.sent, &sent.copies);
    }

    /// Keeps what was sent: by this device, or by another as address 0 tells.
    pub(crate) fn remember_sent(
        &mut self,
        link: u32,
        message: &Message,
        signed: Bytes,
        sent: UnixTime,
    ) {
        let (id, profile) = (message.id, &mut self.profile);
        let application = |profile: &mut crate::Profile, thread: Option<MessageId>| {
            let mut all = profile.applications.iter_mut();
            all.position(|a| Some(a.id) == thread)
        };
        match &message.body {
            Body::ApplicationSubmit(submit) if profile.applications.iter().all(|a| a.id != id) => {
                profile.applications.push(Application {
                    id,
                    link,
                    submit: submit.clone(),
                    message: signed,
                    sent,
                    shown: Vec::new(),
                    amendments: Vec::new(),
                    replies: Vec::new(),
                    withdrawn: false,
                    events: Vec::new(),
                    heard: BTreeSet::new(),
                });
            }
            Body::ApplicationAmend(submit) => {
                let at = application(profile, message.thid);
                if let Some(known) = at.and_then(|at| profile.applications.get_mut(at))
                    && !known.amendments.contains(&id)
                {
                    known.amendments.push(id);
                    known.submit = submit.clone();
                    known.message = signed;
                }
            }
            Body::ApplicationWithdraw(_) => {
                let at = application(profile, message.thid);
                if let Some(known) = at.and_then(|at| profile.applications.get_mut(at)) {
                    known.withdrawn = true;
                }
            }
            Body::DisputeOpen(open) if profile.disputes.iter().all(|d| d.id != id) => {
                let (open, events) = (open.clone(), Vec::new());
                profile.disputes.push(Dispute {
                    id,
                    link,
                    open,
                    sent,
                    events,
                    heard: BTreeSet::new(),
                });
            }
            Body::EvidenceUpdate(update) => {
                let at = application(profile, message.thid);
                if let Some(known) = at.and_then(|at| profile.applications.get_mut(at)) {
                    known.remember_reply(id, update, sent);
                }
            }
            Body::RecordNotMine(record) if !profile.returned.contains(&record.kept) => {
                profile.returned.push(record.kept);
            }
            Body::ErasureRequest(request) if profile.erasures.iter().all(|e| e.id != id) => {
                profile.erasures.push(Erasure {
                    id,
                    link,
                    about: request.about,
                    sent,
                    done: None,
                });
            }
            _ => {}
        }
        self.remember_shown(message);
    }

    /// Which records an application showed, so that corrections reach its recipient (D11).
    fn remember_shown(&mut self, message: &Message) {
        let (thread, submit) = match &message.body {
            Body::ApplicationSubmit(submit) => (message.id, submit),
            Body::ApplicationAmend(submit) => (message.thid.unwrap_or(message.id), submit),
            _ => return,
        };
        let shown: Vec<Shown> = submit
            .presentations
            .iter()
            .filter_map(|p| {
                let attachment = message.attachments.iter().find(|a| a.id == p.attachment)?;
                let (kept, sd_hash) = self.presented(&attachment.data)?;
                Some(Shown {
                    kept,
                    query: p.query.clone(),
                    sd_hash,
                })
            })
            .collect();
        let mut applications = self.profile.applications.iter_mut();
        if let Some(application) = applications.find(|a| a.id == thread) {
            for shown in shown {
                application.shown.retain(|s| s.sd_hash != shown.sd_hash);
                application.shown.push(shown);
            }
        }
    }

    /// After a restore: which records the applications showed, now that the records are there.
    pub(crate) fn index_shown(&mut self) {
        let messages: Vec<_> = self
            .profile
            .applications
            .iter()
            .map(|a| a.message.clone())
            .collect();
        for bytes in messages {
            if let Ok((message, _)) = Message::danger_claimed(&bytes.0) {
                self.remember_shown(&message);
            }
        }
    }

    /// The record whose kept or one-time copy a presentation shows, and the presentation's hash.
    fn presented(&self, presentation: &str) -> Option<(Sha256Hash, String)> {
        let jwt = presentation.split('~').next()?;
        let of = |text: &str| text.split('~').next() == Some(jwt);
        let mut records = self.profile.records.iter();
        let record = records.find(|r| of(&r.kept) || r.copies.iter().any(|c| of(&c.text)))?;
        let end = presentation.rfind('~')? + 1;
        let hash = denizen_credential::sd_hash(presentation.get(..end)?);
        Some((record.kept_hash, hash))
    }

    /// Queues a message to an organisation after a copy of it to herself.
    pub(crate) fn queue_kept(
        &mut self,
        link: u32,
        mut draft: crate::link::Draft,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<MessageId, HolderError> {
        self.may_sign(now)?;
        if takes_files(&draft.body) {
            draft.files = std::mem::take(&mut self.to_attach);
        }
        let at = self.profile.outbox.len();
        let queued = self.queue_message(link, draft, now, rng)?;
        // Her own copy waits before the message, so that no device sends what it forgets.
        let sent = self.profile.outbox.split_off(at);
        let signed = Bytes(queued.signed);
        let copies = self.queue_copies(&queued.apart, rng)?;
        let fits = signed.0.len() <= SENT_COPY_SIZE_BYTES_MAX;
        let apart = if fits {
            None
        } else {
            let salt = Nonce::make(&mut &mut *rng);
            let (object, only_here) = self.queue_copy(&signed.0, &salt, rng)?;
            (!only_here).then_some(object)
        };
        let part = Part::Sent(SentPart {
            link,
            message: fits.then(|| signed.clone()),
            apart,
            copies: copies.iter().filter(|c| !c.only_here).cloned().collect(),
            id: queued.id,
            sent: now,
        });
        self.queue_state(&part, now, rng)?;
        self.profile.outbox.extend(sent);
        if let Ok((mut message, _)) = Message::danger_claimed(&signed.0) {
            queued.apart.fill(&mut message);
            self.remember_sent(link, &message, signed, now);
            self.remember_files(link, &message, now, &copies);
        }
        Ok(queued.id)
    }
}

/// Messages that files go with.
fn takes_files(body: &Body) -> bool {
    matches!(
        body,
        Body::ApplicationSubmit(_)
            | Body::ApplicationAmend(_)
            | Body::DisputeOpen(_)
            | Body::Note(_)
    )
}
