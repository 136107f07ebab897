//! Address 0: what she writes to herself, so that the printed kit alone restores everything.
//! Specified in `docs/spec/state.md`.

use crate::{
    Holder,
    holder::HolderError,
    link::make_id,
    outbox::{commit_salt, deposit_id, seal},
    profile::{Application, Link, LinkState, OutChain, Outgoing},
};
use denizen_model::{
    AddressId, CopyRef, HubId, MessageId, Nonce, OrgId, PublicKeyFor, Sha256Hash, UnixTime,
    envelope::SUITE_1,
    id::Bytes,
    key::Identity,
    message::{ApplicationSubmit, Body, From, HubAddress, Message, To, holder_kid},
};
use denizen_seal::{AddressIndex, AddressKeys};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    /// An application that is about to be sent.
    Sent(SentPart),
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

/// A copy of an application as sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SentPart {
    pub(crate) link: u32,
    /// The signed message; absent if it is too large to be written to herself as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<Bytes>,
    pub(crate) id: MessageId,
    pub(crate) sent: UnixTime,
}

/// The manifest: a newer one has a higher version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ManifestPart {
    pub(crate) version: u64,
    pub(crate) next_index: u32,
    pub(crate) links: Vec<ManifestLink>,
    /// SHA-256 over the kept-copy hashes of all records, sorted.
    pub(crate) records: Sha256Hash,
    pub(crate) log_sizes: BTreeMap<String, u64>,
}

/// What the manifest says of one link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ManifestLink {
    pub(crate) index: u32,
    pub(crate) state: LinkState,
    pub(crate) accept: Option<(MessageId, Sha256Hash)>,
    pub(crate) cursor: Option<u64>,
    pub(crate) out_head: Option<Sha256Hash>,
}

impl Part {
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
            copy_refs: Vec::new(),
        }
    }
}

impl Holder {
    /// Keys of address 0.
    pub(crate) fn own_keys(&self) -> AddressKeys {
        self.root.derive_address(AddressIndex::SELF, None)
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
            chain: self.profile.own_chain.next(),
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
        });
        Ok(())
    }

    /// Queues a manifest if what she has differs from the last one.
    pub(crate) fn queue_manifest(
        &mut self,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        let mut manifest = self.manifest();
        let unchanged = Sha256Hash::of(&serde_json::to_vec(&manifest).expect("JSON"));
        if self.profile.manifest == Some(unchanged) {
            return Ok(());
        }
        self.profile.version += 1;
        manifest.version = self.profile.version;
        self.queue_state(&Part::Manifest(manifest), now, rng)?;
        self.profile.manifest = Some(unchanged);
        Ok(())
    }

    /// What she has, as version 0 and without what changes by itself.
    fn manifest(&self) -> ManifestPart {
        let mut kept: Vec<_> = self.profile.records.iter().map(|r| r.kept_hash).collect();
        kept.sort_unstable();
        let bytes: Vec<u8> = kept.iter().flat_map(|h| *h.as_bytes()).collect();
        let link = |l: &Link| ManifestLink {
            index: l.index,
            state: l.state,
            accept: l.accept,
            cursor: l.cursor,
            out_head: l.out.head(),
        };
        ManifestPart {
            version: 0,
            next_index: self.profile.next_index,
            links: self.profile.links.iter().map(link).collect(),
            records: Sha256Hash::of(&bytes),
            log_sizes: BTreeMap::new(),
        }
    }

    /// Takes in a message that another installation of this profile wrote to herself.
    pub(crate) fn take_part(&mut self, part: Part, now: UnixTime) {
        match part {
            Part::Spent { refs } => {
                self.profile.spent.extend(refs.iter().map(CopyRef::to_text));
            }
            Part::Sent(sent) => self.take_sent(sent),
            Part::Manifest(manifest) => {
                if manifest.version < self.profile.version {
                    self.profile.alarm("restore-older", None, now);
                }
                self.profile.version = self.profile.version.max(manifest.version);
                self.profile.next_index = self.profile.next_index.max(manifest.next_index);
            }
            // Only restoring adds links: a device that runs already asks for their salts first.
            Part::Link(link) => {
                self.profile.next_index = self.profile.next_index.max(link.index + 1);
            }
        }
    }

    fn take_sent(&mut self, sent: SentPart) {
        if self.profile.applications.iter().any(|a| a.id == sent.id) {
            return;
        }
        let Some(bytes) = sent.message else { return };
        if let Some(submit) = read_submit(&bytes.0) {
            self.profile.applications.push(Application {
                id: sent.id,
                link: sent.link,
                submit,
                message: bytes,
                sent: sent.sent,
                events: Vec::new(),
            });
        }
    }
}

/// The submission inside a signed message that she wrote herself.
fn read_submit(signed: &[u8]) -> Option<ApplicationSubmit> {
    let (message, _) = Message::danger_claimed(signed).ok()?;
    match message.body {
        Body::ApplicationSubmit(submit) | Body::ApplicationAmend(submit) => Some(submit),
        _ => None,
    }
}
