//! Restore: from the kit alone, on an empty device (D6). Records verify without their issuers.

use crate::{
    Holder,
    holder::HolderError,
    profile::LinkState,
    state::{LinkPart, ManifestLink, ManifestPart, Part},
};
use denizen_api::{HubClient, ProblemKind, Transport, client::ClientError};
use denizen_guard::{Check, holds};
use denizen_model::{
    AddressId, CopyRef, HubId, Sha256Hash, UnixTime, catalogue::Catalogue, message::OutChain,
};
use denizen_seal::{AddressIndex, RootSecret};
use std::{collections::BTreeMap, sync::Arc};

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
        let manifest: BTreeMap<u32, &ManifestLink> = newest
            .into_iter()
            .flat_map(|m| m.links.iter().map(|l| (l.index, l)))
            .collect();
        for part in &parts {
            let Part::Link(part) = part else { continue };
            let said = manifest.get(&part.index);
            holder
                .restore_link(part, said.copied(), transport, now, rng)
                .await?;
        }
        holder.replay(&manifest, transport, now, rng).await?;
        holder.check_records(newest, now);
        holder.read_sent(transport, now).await?;
        holder.index_shown();
        Ok(holder)
    }

    pub(crate) async fn restore_link<T: Transport>(
        &mut self,
        part: &LinkPart,
        said: Option<&ManifestLink>,
        transport: &T,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        let shredded = self.profile.shredded.contains(&part.index);
        if shredded || self.profile.link(part.index).is_some() {
            return Ok(());
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
                self.profile.alarm("withheld", Some(part.index), now);
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let Some(salt) = state.salt else {
            self.profile.alarm("other-salt", Some(part.index), now);
            return Ok(());
        };
        let keys = self
            .root
            .derive_address(AddressIndex(part.index), Some(&salt));
        let same = Sha256Hash::of(&keys.kem.public().to_bytes()) == part.kem;
        if !holds(Check::SaltPinned, same) {
            self.profile.alarm("other-salt", Some(part.index), now);
            return Ok(());
        }
        let follows = said.and_then(|m| m.out_head).into_iter().collect();
        let address = AddressId::of(&auth.public_for());
        let mut link = part.to_link(address, salt, OutChain::make(follows, rng));
        link.accept = said.and_then(|m| m.accept);
        self.profile.links.push(link);
        Ok(())
    }

    /// Takes in everything that the links hold. Nothing is answered meanwhile: the other device did.
    async fn replay<T: Transport>(
        &mut self,
        manifest: &BTreeMap<u32, &ManifestLink>,
        transport: &T,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        // Whoever has other keys than those that were pinned is not listened to.
        let broken = self.check_pins(now);
        let links: Vec<u32> = self.profile.links.iter().map(|l| l.index).collect();
        for index in links.into_iter().filter(|index| !broken.contains(index)) {
            let waiting = self.profile.outbox.len();
            let out = self.profile.link(index).map(|l| l.out.clone());
            for opened in self.fetch_link(index, transport, 0, now).await? {
                self.take(index, &opened, now, rng)?;
            }
            // What is not sent is not in the chain either: the organisation would miss it.
            self.profile.outbox.truncate(waiting);
            if let (Some(link), Some(out)) = (self.profile.link_mut(index), out) {
                link.out = out;
            }
            if let Some(said) = manifest.get(&index) {
                self.take_end(index, said.state);
            }
            let said = manifest.get(&index).and_then(|m| m.cursor);
            let link = self.profile.link(index).ok_or(HolderError::NotLinked)?;
            let state = link.state;
            if !holds(Check::ManifestCursor, link.cursor >= said) {
                self.profile.alarm("restore-older", Some(index), now);
            }
            if state == LinkState::CodeReady {
                self.queue_reveal(index, now, rng)?;
            }
        }
        Ok(())
    }

    /// Where no link has more than the manifest says, the records are those that it says.
    fn check_records(&mut self, manifest: Option<&ManifestPart>, now: UnixTime) {
        let Some(manifest) = manifest else { return };
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
        let copies = self.profile.records.iter().flat_map(|r| &r.copies);
        let unmarked = copies.filter(|c| self.profile.is_unspent(&c.copy_ref));
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
