//! The profile: all that a client keeps, as one value. Specified in `docs/spec/state.md`.

use crate::{
    alarm::Alarm,
    file::Files,
    helper::{Helper, Helping},
    pages::PackedHead,
    restore::LinkDue,
    ward::Ward,
    ways::Device,
};
use denizen_credential::Taken;
use denizen_model::{
    AddressId, CopyRef, DepositId, HubId, MessageId, Nonce, OrgId, PublicKeyFor, Sha256Hash,
    UnixTime,
    deposit::Receipt,
    id::Bytes,
    key::Identity,
    message::{
        AccessNotice, ApplicationEvent, ApplicationSubmit, DisputeEvent, DisputeOpen, ErasureDone,
        HubAddress, Message, Notice, OutChain, RecordStatus, Reply, Sensitivity,
    },
};
use denizen_seal::RootSecret;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

const CONTEXT: &[u8] = b"denizen/v1/profile";

/// Why a profile's file is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// It does not open with this root.
    #[error("the profile's file is damaged or of another profile: restore it from the kit")]
    Sealed,
    /// Of a version that this program does not know.
    #[error("the profile was written by a newer version of this program")]
    Version,
}

/// Where a link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkState {
    /// Its address is not registered yet: [`crate::Holder::sync`] does that.
    Opening,
    /// `link/accept` is on its way.
    Accepted,
    /// The six digits can be shown.
    CodeReady,
    /// The link stands.
    Confirmed,
    /// The organisation refused, with its code.
    Refused,
    /// She moved to another address: this one is kept for what is still on its way.
    Moved,
    /// Ended.
    Closed,
}

/// A link with one organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Index of its address in the key tree.
    pub index: u32,
    /// The organisation.
    pub org: OrgId,
    /// The organisation's hub.
    pub hub: HubId,
    /// Where it answers.
    pub hub_url: String,
    /// Her address there.
    pub address: AddressId,
    /// Salt of its `kem`.
    pub salt: Nonce,
    /// Pinned identity key.
    pub identity: PublicKeyFor<Identity>,
    /// Pinned statement.
    pub statement: Sha256Hash,
    /// The invitation's nonce.
    pub invitation: Nonce,
    /// Why the link was wanted.
    pub purpose: String,
    /// Kinds that may be sent.
    pub allowed_kinds: Vec<String>,
    /// The office's case reference.
    pub case_reference: Option<String>,
    /// Where it stands.
    pub state: LinkState,
    /// The organisation's code, if it refused.
    #[serde(default)]
    pub refusal: Option<String>,
    /// The invitation's pass, then the lasting one.
    pub deposit_pass: Bytes,
    /// For a later `link/move`.
    #[serde(default)]
    pub register_pass: Option<Bytes>,
    /// Her part of the six digits.
    pub challenge: Nonce,
    /// The organisation's part.
    #[serde(default)]
    pub org_challenge: Option<Nonce>,
    /// Message id and hash of the signed `link/accept`, once it is made.
    #[serde(default)]
    pub accept: Option<(MessageId, Sha256Hash)>,
    /// Newest position that was taken in.
    #[serde(default)]
    pub cursor: Option<u64>,
    /// Her chain.
    pub out: OutChain,
    /// Heads of the organisation's chains: number and hash of the newest message of each.
    #[serde(default)]
    pub heads: BTreeMap<String, (u64, Sha256Hash)>,
    /// Messages taken in: id and hash.
    #[serde(default)]
    pub taken: BTreeMap<String, Sha256Hash>,
    /// She lets only status changes and answers to disputes in.
    #[serde(default)]
    pub frozen: bool,
    /// The hub does not know that yet.
    #[serde(default)]
    pub freeze_due: bool,
    /// The link that it takes over, until `link/move` is on its way.
    #[serde(default)]
    pub moves: Option<Move>,
    /// The link of an earlier root that it takes over, until `link/move` is on its way.
    #[serde(default)]
    pub takes_over: Option<u32>,
    /// Keys sent ahead for one-time copies that have not come back yet.
    #[serde(default)]
    pub copy_refs: Vec<CopyRef>,
}

/// A link that is moved to a new address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// Index of the old link.
    pub from: u32,
    /// Why, in her words; may be empty.
    pub reason: String,
}

/// What proves that a credential was delivered, without its envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The receipt.
    pub receipt: Receipt,
    /// Salt of the attachment.
    pub salt: Nonce,
    /// Which attachment, of how many.
    pub attachment: (usize, usize),
    /// Path under the envelope's `commit`.
    pub path: Vec<Sha256Hash>,
}

/// A one-time copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copy {
    /// Names its key.
    #[serde(rename = "ref")]
    pub copy_ref: CopyRef,
    /// The credential.
    pub text: String,
}

/// A record that was checked and taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldRecord {
    /// Its name within the link.
    pub record: MessageId,
    /// Index of the link.
    pub link: u32,
    /// The issuer.
    pub issuer: OrgId,
    /// Its kind.
    pub vct: String,
    /// The kept copy.
    pub kept: String,
    /// Hash of the kept copy: names the record in later messages.
    pub kept_hash: Sha256Hash,
    /// One-time copies, spent ones included.
    #[serde(default)]
    pub copies: Vec<Copy>,
    /// Signed sensitivity.
    pub sensitivity: Sensitivity,
    /// The notice of an adverse record.
    #[serde(default)]
    pub notice: Option<Notice>,
    /// The legal basis of issuing it.
    #[serde(default)]
    pub legal_basis: Option<String>,
    /// When it came.
    pub received: UnixTime,
    /// Proof of its delivery.
    pub delivery: Delivery,
    /// Hashes of the records that it replaces.
    #[serde(default)]
    pub supersedes: Vec<Sha256Hash>,
    /// Signed changes, oldest first.
    #[serde(default)]
    pub changes: Vec<RecordStatus>,
    /// When the newest change was delivered.
    #[serde(default)]
    pub changed_at: Option<UnixTime>,
    /// Its hub, if it came out of an export: its link may not be here.
    #[serde(default)]
    pub hub: Option<HubId>,
}

/// A record of an earlier profile, out of an export of it: readable and verifiable, not showable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierRecord {
    /// Address 0 of that profile.
    pub owner: HubAddress,
    /// When that profile was exported.
    pub made: UnixTime,
    /// The record.
    pub record: HeldRecord,
}

/// A record that was refused: nothing is lost, and the reason is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedRecord {
    /// Index of the link.
    pub link: u32,
    /// Stable code of the reason.
    pub code: String,
    /// What came.
    pub text: String,
}

/// An application that was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Application {
    /// The submission's message id: the thread.
    pub id: MessageId,
    /// Index of the link.
    pub link: u32,
    /// What was sent.
    pub submit: ApplicationSubmit,
    /// The signed message, byte for byte.
    pub message: Bytes,
    /// When.
    pub sent: UnixTime,
    /// What of which record was shown in it.
    #[serde(default)]
    pub shown: Vec<Shown>,
    /// Later versions that were sent (D9).
    #[serde(default)]
    pub amendments: Vec<MessageId>,
    /// What she said later to a paper that she showed.
    #[serde(default)]
    pub replies: Vec<SentReply>,
    /// She took it back.
    #[serde(default)]
    pub withdrawn: bool,
    /// What the office said, oldest first.
    #[serde(default)]
    pub events: Vec<ApplicationEvent>,
    /// The messages that brought it.
    #[serde(default)]
    pub heard: BTreeSet<String>,
}

/// What she said to a paper of an application, without a new paper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentReply {
    /// The message.
    pub id: MessageId,
    /// Names the presentation.
    pub sd_hash: String,
    /// Her words, and when.
    pub reply: Reply,
}

/// A record that was shown in an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The record.
    pub kept: Sha256Hash,
    /// The credential query that it answered.
    pub query: String,
    /// Names the presentation in corrections (D11).
    pub sd_hash: String,
}

/// A dispute that she opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// The message that opened it: the thread.
    pub id: MessageId,
    /// Index of the link.
    pub link: u32,
    /// What she said.
    pub open: DisputeOpen,
    /// When.
    pub sent: UnixTime,
    /// What the issuer answered, oldest first.
    #[serde(default)]
    pub events: Vec<DisputeEvent>,
    /// The messages that brought it.
    #[serde(default)]
    pub heard: BTreeSet<String>,
}

/// A request that what was kept be destroyed, and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// The request: the thread.
    pub id: MessageId,
    /// Index of the link.
    pub link: u32,
    /// The thread whose papers should go; none for all of the link.
    #[serde(default)]
    pub about: Option<MessageId>,
    /// When.
    pub sent: UnixTime,
    /// What was destroyed, and what the law keeps.
    #[serde(default)]
    pub done: Option<ErasureDone>,
}

/// An access notice with its link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeEntry {
    /// Index of the link.
    pub link: u32,
    /// The message that brought it.
    #[serde(default)]
    pub id: Option<MessageId>,
    /// Who, when, why, which claims.
    pub notice: AccessNotice,
}

/// A note that came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteEntry {
    /// Index of the link.
    pub link: u32,
    /// The message that brought it.
    #[serde(default)]
    pub id: Option<MessageId>,
    /// The thread that it belongs to.
    #[serde(default)]
    pub thread: Option<MessageId>,
    /// When it was written.
    pub at: UnixTime,
    /// The text.
    pub text: String,
}

/// A message that this release does not act on: kept until one does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unread {
    /// Index of the link.
    pub link: u32,
    /// The verified message.
    pub message: Message,
}

/// Sealed bytes on their way. Kept before the first attempt and sent unchanged until answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// Index of the address whose key signs; 0 for her own.
    pub index: u32,
    /// The hub to deposit at.
    pub hub: HubId,
    /// Where it answers.
    pub hub_url: String,
    /// The recipient.
    pub to: AddressId,
    /// Drawn once.
    pub deposit_id: DepositId,
    /// The envelope; empty for an object.
    pub envelope: Bytes,
    /// The deposit pass.
    #[serde(default)]
    pub pass: Option<Bytes>,
    /// The sealed object that goes, if it is one: its bytes lie among the profile's objects.
    #[serde(default)]
    pub object: Option<Sha256Hash>,
}

/// A receipt of something that she sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentReceipt {
    /// The hub that gave it.
    pub hub: HubId,
    /// Hash of the envelope or object.
    pub envelope_hash: Sha256Hash,
    /// The receipt.
    pub receipt: Receipt,
}

/// All that a client keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Counts changes that went to address 0; never goes back (R10).
    pub version: u64,
    /// The hub of address 0.
    pub hub: HubId,
    /// Where it answers.
    pub hub_url: String,
    /// The language of her texts.
    pub language: String,
    /// Newest position of address 0 that was taken in.
    #[serde(default)]
    pub own_cursor: Option<u64>,
    /// Chain of her messages to herself.
    pub own_chain: OutChain,
    /// The next address index to try.
    pub next_index: u32,
    /// Links.
    #[serde(default)]
    pub links: Vec<Link>,
    /// Records.
    #[serde(default)]
    pub records: Vec<Arc<HeldRecord>>,
    /// Records of earlier profiles.
    #[serde(default)]
    pub earlier: Vec<EarlierRecord>,
    /// Directories under which those count, where this profile has none of that hub.
    #[serde(default)]
    pub earlier_directories: BTreeMap<String, Bytes>,
    /// It was made from an export without its hub: the first sync restores the rest.
    #[serde(default)]
    pub awaits_hub: bool,
    /// Refused records.
    #[serde(default)]
    pub refused: Vec<RefusedRecord>,
    /// Applications.
    #[serde(default)]
    pub applications: Vec<Application>,
    /// Disputes.
    #[serde(default)]
    pub disputes: Vec<Dispute>,
    /// Requests for erasure.
    #[serde(default)]
    pub erasures: Vec<Erasure>,
    /// Records that she returned as not about her, by their kept copy (D3).
    #[serde(default)]
    pub returned: Vec<Sha256Hash>,
    /// What she says to claims of private bodies, by their kept copy: it travels with the record.
    #[serde(default)]
    pub replies: BTreeMap<String, Reply>,
    /// Corrections that reached past recipients: the presentation that was replaced.
    #[serde(default)]
    pub corrected: BTreeSet<String>,
    /// Who opened what.
    #[serde(default)]
    pub notices: Vec<NoticeEntry>,
    /// Notes from organisations.
    #[serde(default)]
    pub notes: Vec<NoteEntry>,
    /// Notes and decisions that she has looked at on this device.
    #[serde(default)]
    pub looked_at: BTreeSet<String>,
    /// Messages that this release does not act on.
    #[serde(default)]
    pub unread: Vec<Unread>,
    /// One-time copies that were shown, or may have been.
    #[serde(default)]
    pub spent: BTreeSet<String>,
    /// On their way.
    #[serde(default)]
    pub outbox: Vec<Outgoing>,
    /// What a hub refused for good: kept, so that nothing is lost.
    #[serde(default)]
    pub undelivered: Vec<Outgoing>,
    /// Receipts of what was sent.
    #[serde(default)]
    pub sent: Vec<SentReceipt>,
    /// Alarms, those that are over too.
    #[serde(default)]
    pub alarms: Vec<Alarm>,
    /// Directories as last verified, by hub id.
    #[serde(default)]
    pub directories: BTreeMap<String, Bytes>,
    /// Status list tokens as last verified, by URI.
    #[serde(default)]
    pub statuses: BTreeMap<String, String>,
    /// Older ones that count beside one that is of a time yet to come, by URI.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub statuses_beside: BTreeMap<String, String>,
    /// The latest time that has certainly come: a hub signed it, and this device's clock had reached it.
    #[serde(default = "long_ago", skip_serializing_if = "is_long_ago")]
    pub time_come: UnixTime,
    /// Hubs that failed at the last sync, each since when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hubs_away: Vec<(HubId, UnixTime)>,
    /// Links that address 0 names and that are still to be restored, each once its hub answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) links_due: Vec<LinkDue>,
    /// Largest deposit log seen, by hub id (R10).
    #[serde(default)]
    pub log_sizes: BTreeMap<String, u64>,
    /// The root of that log at that size, by hub id: one size has one root (R10).
    #[serde(default)]
    pub log_roots: BTreeMap<String, Sha256Hash>,
    /// By link: when the newest message was delivered, by its receipt. What comes later is not dated
    /// before it, so that a withdrawn key does not count again (R10).
    #[serde(default)]
    pub delivered: BTreeMap<u32, UnixTime>,
    /// Heads of chains that other installations of this profile wrote to herself.
    #[serde(default)]
    pub own_heads: BTreeMap<String, (u64, Sha256Hash)>,
    /// By link: positions of address 0 that hold something of it, to be erased when it is shredded.
    #[serde(default)]
    pub own_places: BTreeMap<u32, Vec<u64>>,
    /// Positions of address 0 that were erased.
    #[serde(default)]
    pub own_erased: BTreeSet<u64>,
    /// Links that were shredded.
    #[serde(default)]
    pub shredded: BTreeSet<u32>,
    /// All of it is being deleted: how much there was to delete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shredding_all: Option<usize>,
    /// Messages to herself taken in: id and hash.
    #[serde(default)]
    pub own_taken: BTreeMap<String, Sha256Hash>,
    /// What the manifest in address 0 says as of the last one written.
    #[serde(default)]
    pub manifest: Option<Sha256Hash>,
    /// By record: how many copies were spent when fresh keys were last sent.
    #[serde(default)]
    pub refills: BTreeMap<String, usize>,
    /// Children whose profiles this one keeps.
    #[serde(default)]
    pub wards: Vec<Ward>,
    /// By ward: positions of address 0 that hold her root, to be erased when she is given up.
    #[serde(default)]
    pub ward_places: BTreeMap<String, Vec<u64>>,
    /// Wards that were given up: none comes back from an older state.
    #[serde(default)]
    pub wards_gone: BTreeSet<String>,
    /// People who help her.
    #[serde(default)]
    pub helpers: Vec<Helper>,
    /// People whom she helps.
    #[serde(default)]
    pub helping: Vec<Helping>,
    /// This device's entry among the devices.
    #[serde(default)]
    pub device: Option<MessageId>,
    /// Devices that have this profile.
    #[serde(default)]
    pub devices: Vec<Device>,
    /// Devices and ways that were ended: none comes back from an older state.
    #[serde(default)]
    pub ended: BTreeSet<String>,
    /// Files and other objects.
    #[serde(default)]
    pub files: Files,
    /// Whether the address 0 of this profile is registered.
    #[serde(default)]
    pub registered: bool,
    /// Only where records lie in pages of their own, and only as kept ([`crate::Packed`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) packed: Option<PackedHead>,
    /// Records whose page was gone, older or altered, by link and kept copy: the next sync takes them in
    /// again.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub lost: BTreeSet<(u32, Sha256Hash)>,
    /// Signatures of directories and lists that were good.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) checked: Vec<Sha256Hash>,
}

fn long_ago() -> UnixTime {
    UnixTime(0)
}

fn is_long_ago(at: &UnixTime) -> bool {
    *at == long_ago()
}

impl Profile {
    /// A profile that holds nothing.
    pub(crate) fn new(hub: HubId, hub_url: &str, language: &str, own_chain: OutChain) -> Self {
        Self {
            version: 0,
            hub,
            hub_url: hub_url.trim_end_matches('/').to_owned(),
            language: language.to_owned(),
            own_cursor: None,
            own_chain,
            next_index: 1,
            links: Vec::new(),
            records: Vec::new(),
            earlier: Vec::new(),
            earlier_directories: BTreeMap::new(),
            awaits_hub: false,
            refused: Vec::new(),
            applications: Vec::new(),
            disputes: Vec::new(),
            erasures: Vec::new(),
            returned: Vec::new(),
            replies: BTreeMap::new(),
            corrected: BTreeSet::new(),
            notices: Vec::new(),
            notes: Vec::new(),
            looked_at: BTreeSet::new(),
            unread: Vec::new(),
            spent: BTreeSet::new(),
            outbox: Vec::new(),
            undelivered: Vec::new(),
            sent: Vec::new(),
            alarms: Vec::new(),
            directories: BTreeMap::new(),
            statuses: BTreeMap::new(),
            statuses_beside: BTreeMap::new(),
            time_come: long_ago(),
            hubs_away: Vec::new(),
            links_due: Vec::new(),
            log_sizes: BTreeMap::new(),
            log_roots: BTreeMap::new(),
            delivered: BTreeMap::new(),
            own_heads: BTreeMap::new(),
            own_places: BTreeMap::new(),
            own_erased: BTreeSet::new(),
            shredded: BTreeSet::new(),
            shredding_all: None,
            own_taken: BTreeMap::new(),
            manifest: None,
            refills: BTreeMap::new(),
            wards: Vec::new(),
            ward_places: BTreeMap::new(),
            wards_gone: BTreeSet::new(),
            helpers: Vec::new(),
            helping: Vec::new(),
            device: None,
            devices: Vec::new(),
            ended: BTreeSet::new(),
            files: Files::default(),
            registered: false,
            packed: None,
            lost: BTreeSet::new(),
            checked: Vec::new(),
        }
    }

    /// The profile's bytes, encrypted under a key of the root.
    #[must_use]
    pub fn encrypt(&self, root: &RootSecret, rng: &mut dyn rand_core::CryptoRng) -> Vec<u8> {
        let mut rng = rng;
        let json = serde_json::to_vec(self).expect("a profile is JSON");
        root.derive_local().encrypt(CONTEXT, &json, &mut rng)
    }

    /// Reads what [`Profile::encrypt`] wrote.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub fn decrypt(root: &RootSecret, bytes: &[u8]) -> Result<Self, ProfileError> {
        let json = root.derive_local().decrypt(CONTEXT, bytes);
        serde_json::from_slice(&json.map_err(|_| ProfileError::Sealed)?)
            .map_err(|_| ProfileError::Version)
    }

    /// The link with an index.
    #[must_use]
    pub fn link(&self, index: u32) -> Option<&Link> {
        self.links.iter().find(|l| l.index == index)
    }

    /// The hub at which the address with an index is: a link's, else her own.
    pub(crate) fn hub_of(&self, index: u32) -> HubId {
        self.link(index).map_or(self.hub, |l| l.hub)
    }

    pub(crate) fn link_mut(&mut self, index: u32) -> Option<&mut Link> {
        self.links.iter_mut().find(|l| l.index == index)
    }

    /// Whether a one-time copy may still be shown.
    #[must_use]
    pub fn is_unspent(&self, copy_ref: &CopyRef) -> bool {
        !self.spent.contains(&copy_ref.to_text())
    }

    /// Keeps a status list that was taken in.
    pub(crate) fn keep_status(&mut self, uri: String, token: String, taken: Taken) {
        match taken {
            Taken::Newest => {
                self.statuses_beside.remove(&uri);
                self.statuses.insert(uri, token);
            }
            Taken::Beside => {
                self.statuses_beside.insert(uri, token);
            }
        }
    }
}
