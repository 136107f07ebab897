//! Restore: from the kit alone, on an empty device (D6). Records verify without their issuers.

use crate::{
    Event, Holder,
    alarm::ABOUT_ADDRESS,
    holder::HolderError,
    profile::LinkState,
    state::{LinkPart, ManifestLink, ManifestPart, Part},
    sync::Away,
};
use denizen_api::{HubClient, ProblemKind, Transport, client::ClientError};
use denizen_guard::{Check, holds};
use denizen_model::{
    AddressId, CopyRef, HubId, OrgId, Sha256Hash, UnixTime, catalogue::Catalogue, message::OutChain,
};
use denizen_seal::{AddressIndex, RootSecret};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A link that address 0 names and that is still to be restored, once its hub answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "kebab-case")]
pub(crate) enum LinkDue {
    /// Another device of hers made it while this one runs: what comes is answered.
    OtherDevice(Due),
    /// The profile is restored: it is taken in as it stands.
    Restored(Due),
    /// As `Restored`, and nobody knows which of its copies the lost device has shown.
    AfterLoss(Due),
}

/// What is known of a link that is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Due {
    part: Box<LinkPart>,
    /// The most that a manifest has said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    said: Option<ManifestLink>,
}

impl LinkDue {
    /// A link of which address 0 tells.
    pub(crate) fn new(part: Box<LinkPart>) -> Self {
        Self::OtherDevice(Due { part, said: None })
    }

    fn due(&self) -> &Due {
        let (Self::OtherDevice(due) | Self::Restored(due) | Self::AfterLoss(due)) = self;
        due
    }

    fn part(&self) -> &LinkPart {
        &self.due().part
    }

    pub(crate) fn index(&self) -> u32 {
        self.part().index
    }

    pub(crate) fn said(&self) -> Option<&ManifestLink> {
        self.due().said.as_ref()
    }

    /// Whether it is taken in as it stands.
    pub(crate) fn is_restored(&self) -> bool {
        !matches!(self, Self::OtherDevice(_))
    }

    /// The hub, its URL, and the organisation.
    pub(crate) fn place(&self) -> (HubId, &String, OrgId) {
        let part = self.part();
        (part.hub, &part.hub_url, part.org)
    }

    /// What a manifest says of a link with its index: a newer one says no less.
    pub(crate) fn hear(&mut self, heard: &ManifestLink) {
        let (Self::OtherDevice(due) | Self::Restored(due) | Self::AfterLoss(due)) = self;
        let known = due.said.as_ref().and_then(|said| said.cursor);
        if due.part.index == heard.index && heard.cursor >= known {
            due.said = Some(heard.clone());
        }
    }

    fn restored(self) -> Self {
        let (Self::OtherDevice(due) | Self::Restored(due) | Self::AfterLoss(due)) = self;
        Self::Restored(due)
    }

    fn after_loss(self) -> Self {
        match self {
            Self::Restored(due) => Self::AfterLoss(due),
            other => other,
        }
    }
}

impl Holder {
    /// Restores a profile from its root: address 0, then every link that it names. One-time copies
    /// that were not marked count as spent, and fresh ones are asked for.
    ///
    /// A bare kit cannot tell a consistent older state from the newest one: the caller says so.
    ///
    /// # Errors
    /// [`HolderError`]; nothing at the hub has changed but what a sync sends.
    pub async fn restore<T: Transport>(
        root: RootSecret,
        (hub, hub_url): (HubId, &str),
        (language, catalogue): (&str, Arc<Catalogue>),
        transport: &T,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Self, HolderError> {
        let (at, words) = ((hub, hub_url), (language, catalogue));
        let mut holder = Self::rebuild(root, at, words, transport, now, rng).await?;
        holder.spend_all(now, rng)?;
        holder.sync(transport, 0, now, rng).await?;
        Ok(holder)
    }

    /// The same profile on a second device, beside the first: as [`Holder::restore`], but one-time
    /// copies stay unspent, since the first device marks what it shows.
    ///
    /// # Errors
    /// [`HolderError`].
    pub async fn join<T: Transport>(
        root: RootSecret,
        at: (HubId, &str),
        words: (&str, Arc<Catalogue>),
        transport: &T,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Self, HolderError> {
        let mut holder = Self::rebuild(root, at, words, transport, now, rng).await?;
        holder.sync(transport, 0, now, rng).await?;
        Ok(holder)
    }

    pub(crate) async fn rebuild<T: Transport>(
        root: RootSecret,
        (hub, hub_url): (HubId, &str),
        (language, catalogue): (&str, Arc<Catalogue>),
        transport: &T,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Self, HolderError> {
        let mut holder = Self::fresh(root, (hub, hub_url), language, catalogue, rng);
        holder.begin(transport, now).await?;
        let parts = holder.fetch_own(transport, now).await?;
        let own: Vec<Sha256Hash> = holder.profile.own_heads.values().map(|(_, h)| *h).collect();
        holder.profile.own_chain = OutChain::make(own, rng);
        let newest = newest_manifest(&parts);
        let due = std::mem::take(&mut holder.profile.links_due);
        holder.profile.links_due = due.into_iter().map(LinkDue::restored).collect();
        let mut away = Away::none(hub);
        holder.restore_due(&mut away, transport, now, rng).await?;
        holder.check_records(newest, now);
        holder.read_sent(transport, now).await?;
        holder.index_shown();
        Ok(holder)
    }

    /// Restores the links that are due and whose hubs answer; gives what those of a restored profile
    /// brought. The others stay due.
    pub(crate) async fn restore_due<T: Transport>(
        &mut self,
        away: &mut Away,
        transport: &T,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Vec<Event>, HolderError> {
        let mut there = Vec::new();
        for due in self.profile.links_due.clone() {
            let (part, said) = (due.part(), due.said());
            if away.has(&part.hub) {
                continue;
            }
            let done = self.restore_link(part, said, transport, now, rng).await;
            if away.bear(&part.hub, done)? == Some(true) {
                there.push(due);
            }
        }
        // Whoever has other keys than those that were pinned is not listened to.
        let broken = if there.is_empty() {
            Vec::new()
        } else {
            self.check_pins(now)
        };
        let mut events = Vec::new();
        for due in there {
            let index = due.index();
            if due.is_restored() && broken.contains(&index) {
                continue;
            }
            if due.is_restored() {
                let done = self.replay(&due, transport, now, rng).await;
                if done.is_err() {
                    self.profile.links.retain(|l| l.index != index);
                }
                match away.bear(&due.part().hub, done)? {
                    Some(came) => events.extend(came),
                    None => continue,
                }
            }
            if let Some(said) = due.said() {
                self.take_end(index, said.state);
            }
            self.profile.links_due.retain(|d| *d != due);
            self.profile
                .mend("withheld", Some(index), ABOUT_ADDRESS, now);
        }
        if !events.is_empty() {
            self.index_shown();
        }
        Ok(events)
    }

    /// Whether the link is there now, or not to be restored: else it stays due.
    async fn restore_link<T: Transport>(
        &mut self,
        part: &LinkPart,
        said: Option<&ManifestLink>,
        transport: &T,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<bool, HolderError> {
        if self.profile.shredded.contains(&part.index) {
            return Ok(true);
        }
        if let Some(link) = self.profile.link(part.index) {
            if link.invitation == part.invitation {
                return Ok(true);
            }
            // Two devices took one index, at hubs that cannot tell: the one that no hub has yet gives way.
            if link.state != LinkState::Opening {
                return Ok(false);
            }
            self.renumber(part.index);
        }
        if part.hub != self.profile.hub {
            self.refresh_directory(&part.hub, &part.hub_url, transport, now)
                .await?;
        }
        let auth = self.root.derive_auth(AddressIndex(part.index));
        let client = HubClient::new(transport, part.hub, &part.hub_url);
        let state = match client.address(&auth, now).await {
            Ok(state) => state,
            // She wrote down that it was there, and not that she shredded it.
            Err(ClientError::Problem(ProblemKind::NotFound | ProblemKind::Closed)) => {
                let link = Some(part.index);
                self.profile
                    .alarm_about("withheld", link, ABOUT_ADDRESS, now);
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        };
        let Some(salt) = state.salt else {
            self.profile.alarm("other-salt", Some(part.index), now);
            return Ok(false);
        };
        let keys = self
            .root
            .derive_address(AddressIndex(part.index), Some(&salt));
        let same = Sha256Hash::of(&keys.kem.public().to_bytes()) == part.kem;
        if !holds(Check::SaltPinned, same) {
            self.profile.alarm("other-salt", Some(part.index), now);
            return Ok(false);
        }
        let follows = said.and_then(|m| m.out_head).into_iter().collect();
        let address = AddressId::of(&auth.public_for());
        let mut link = part.to_link(address, salt, OutChain::make(follows, rng));
        link.accept = said.and_then(|m| m.accept);
        self.profile.links.push(link);
        Ok(true)
    }

    /// Takes in everything that a link holds. Nothing is answered meanwhile: the other device did.
    async fn replay<T: Transport>(
        &mut self,
        due: &LinkDue,
        transport: &T,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Vec<Event>, HolderError> {
        let index = due.index();
        let Some(link) = self.profile.link(index) else {
            return Ok(Vec::new());
        };
        let out = link.out.clone();
        let waiting = self.profile.outbox.len();
        let mut events = Vec::new();
        for opened in self.fetch_link(index, transport, 0, now).await? {
            events.extend(self.take(index, &opened, now, rng)?);
        }
        // What is not sent is not in the chain either: the organisation would miss it.
        self.profile.outbox.truncate(waiting);
        if let Some(link) = self.profile.link_mut(index) {
            link.out = out;
        }
        let said = due.said().and_then(|m| m.cursor);
        let link = self.profile.link(index).ok_or(HolderError::NotLinked)?;
        let state = link.state;
        if !holds(Check::ManifestCursor, link.cursor >= said) {
            self.profile.alarm("restore-older", Some(index), now);
        }
        if state == LinkState::CodeReady {
            self.queue_reveal(index, now, rng)?;
        }
        if matches!(due, LinkDue::AfterLoss(_)) {
            self.spend_unmarked(Some(index), now, rng)?;
        }
        Ok(events)
    }

    /// Where no link has more than the manifest says, the records are those that it says.
    fn check_records(&mut self, manifest: Option<&ManifestPart>, now: UnixTime) {
        let whole = |m: &&ManifestPart| !m.partial && self.profile.links_due.is_empty();
        let Some(manifest) = manifest.filter(whole) else {
            return;
        };
        let said = |index: u32| manifest.links.iter().find(|l| l.index == index);
        let mut links = self.profile.links.iter();
        let same = links.all(|l| said(l.index).is_some_and(|m| m.cursor == l.cursor));
        if same && self.records_hash() != manifest.records {
            self.profile.alarm("restore-older", None, now);
        }
    }

    /// Nobody knows which unmarked copies the lost device has shown: all count as spent.
    pub(crate) fn spend_all(
        &mut self,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        let due = std::mem::take(&mut self.profile.links_due);
        self.profile.links_due = due.into_iter().map(LinkDue::after_loss).collect();
        self.spend_unmarked(None, now, rng)
    }

    fn spend_unmarked(
        &mut self,
        link: Option<u32>,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        let records = self.profile.records.iter();
        let records = records.filter(|r| link.is_none_or(|link| r.link == link));
        let unmarked = records
            .flat_map(|r| &r.copies)
            .filter(|c| self.profile.is_unspent(&c.copy_ref));
        let refs: Vec<CopyRef> = unmarked.map(|c| c.copy_ref).collect();
        self.spend(refs, now, rng)
    }
}

fn newest_manifest(parts: &[Part]) -> Option<&ManifestPart> {
    let manifests = parts.iter().filter_map(|p| match p {
        Part::Manifest(manifest) => Some(manifest),
        _ => None,
    });
    manifests.max_by_key(|m| m.version)
}
