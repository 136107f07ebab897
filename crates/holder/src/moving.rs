//! Moving: a link ends, goes to a new address after a lost device, or is shredded.

use crate::{
    Holder,
    holder::HolderError,
    link::Draft,
    profile::{Link, LinkState, Move},
    shred_all::is_gone,
    state::Part,
};
use denizen_api::{HubClient, Transport};
use denizen_model::{
    AddressId, Nonce, UnixTime,
    id::Bytes,
    message::{Body, LinkClose, LinkMove, OutChain},
};
use denizen_seal::AddressIndex;
use std::sync::PoisonError;

/// Keys for one-time copies that go ahead with a move.
const COPY_KEYS_AHEAD: usize = 32;

impl Holder {
    /// Ends a link. Its records stay hers.
    ///
    /// # Errors
    /// [`HolderError::NotLinked`].
    pub fn close_link(
        &mut self,
        index: u32,
        reason: &str,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        let body = Body::LinkClose(LinkClose {
            reason: reason.to_owned(),
        });
        self.queue_message(index, Draft::new(body, None), now, rng)?;
        let link = self.profile.link_mut(index).ok_or(HolderError::NotLinked)?;
        link.state = LinkState::Closed;
        Ok(())
    }

    /// Moves a link to a fresh address: after a theft, or to rotate keys, which never change within
    /// an address. The next [`Holder::sync`] registers it and queues `link/move`, signed by the old
    /// `sign` key: keep the profile first. What the organisation sends next comes to the new address.
    /// Gives the new link's index, which changes if another device took it meanwhile.
    ///
    /// # Errors
    /// [`HolderError::NotLinked`] without a confirmed link and its pass for this.
    pub fn move_link(
        &mut self,
        index: u32,
        reason: &str,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<u32, HolderError> {
        let mut fresh = &mut *rng;
        let salt = Nonce::make(&mut fresh);
        let old = self.profile.link(index).ok_or(HolderError::NotLinked)?;
        let under_way = |l: &&Link| l.moves.as_ref().is_some_and(|m| m.from == index);
        if let Some(link) = self.profile.links.iter().find(under_way) {
            return Ok(link.index);
        }
        if old.state != LinkState::Confirmed || old.register_pass.is_none() {
            return Err(HolderError::NotLinked);
        }
        let next = self.profile.next_index;
        let auth = self.root.derive_auth(AddressIndex(next));
        let new = Link {
            index: next,
            address: AddressId::of(&auth.public_for()),
            salt,
            state: LinkState::Opening,
            moves: Some(Move {
                from: index,
                reason: reason.to_owned(),
            }),
            org_challenge: None,
            accept: None,
            cursor: None,
            out: OutChain::make(Vec::new(), rng),
            heads: Default::default(),
            taken: Default::default(),
            copy_refs: Vec::new(),
            frozen: false,
            freeze_due: false,
            ..old.clone()
        };
        self.profile.next_index += 1;
        self.profile.links.push(new);
        Ok(next)
    }

    /// Queues `link/move` of a link whose new address is registered.
    pub(crate) fn queue_move(
        &mut self,
        index: u32,
        moves: &Move,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        let new = self
            .profile
            .link(index)
            .ok_or(HolderError::NotLinked)?
            .clone();
        let keys = self.link_keys(&new);
        let statement = Bytes(keys.statement(new.hub).into_bytes());
        self.queue_state(&Part::link(&new, &keys), now, rng)?;
        let copy_keys = self.fresh_copy_keys(index, COPY_KEYS_AHEAD, rng);
        let body = Body::LinkMove(LinkMove {
            keys: statement,
            copy_keys,
            reason: moves.reason.clone(),
        });
        self.queue_message(moves.from, Draft::new(body, None), now, rng)?;
        if let Some(link) = self.profile.link_mut(moves.from) {
            link.state = LinkState::Moved;
        }
        if let Some(link) = self.profile.link_mut(index) {
            link.state = LinkState::Accepted;
            link.register_pass = None;
            link.moves = None;
        }
        Ok(())
    }

    /// Whether two links are with the same organisation: one may have taken over the other's threads.
    pub(crate) fn is_same(&self, one: u32, other: u32) -> bool {
        let of = |index| self.profile.link(index).map(|l| (l.org, l.hub));
        one == other || (of(one).is_some() && of(one) == of(other))
    }

    /// The link over which messages of a link go now: after a move its successor.
    pub(crate) fn current(&self, index: u32) -> u32 {
        let moved = |l: &&Link| l.state == LinkState::Moved;
        if self.profile.link(index).filter(moved).is_none() {
            return index;
        }
        let next = self.profile.links.iter().filter(|l| {
            l.index > index && l.state == LinkState::Confirmed && self.is_same(l.index, index)
        });
        next.map(|l| l.index).max().unwrap_or(index)
    }

    /// Shreds a link: the hub deletes its salt and envelopes, her copies go from this profile, and
    /// neither root nor kit brings them back. Against a hub that secretly kept the salt this does not
    /// hold: the caller says so.
    ///
    /// # Errors
    /// [`HolderError::NotLinked`], [`HolderError::Client`]; nothing is deleted then.
    pub async fn shred<T: Transport>(
        &mut self,
        index: u32,
        transport: &T,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        self.shred_at_hub(index, transport, now).await?;
        let places = self.profile.own_places.remove(&index).unwrap_or_default();
        let own = HubClient::new(transport, self.profile.hub, &self.profile.hub_url);
        let auth = self.root.derive_auth(AddressIndex::SELF);
        for pos in &places {
            own.erase(&auth, *pos, now).await?;
        }
        self.profile.own_erased.extend(&places);
        self.forget_link(index);
        let erased = places;
        self.queue_state(&Part::Shredded { index, erased }, now, rng)
    }

    /// Shreds a link's address at its hub, also of a link that is still to be restored.
    pub(crate) async fn shred_at_hub<T: Transport>(
        &self,
        index: u32,
        transport: &T,
        now: UnixTime,
    ) -> Result<(), HolderError> {
        let profile = &self.profile;
        let due = profile.links_due.iter().find(|due| due.index() == index);
        let due = due.map(|due| due.place()).map(|(hub, url, _)| (hub, url));
        let place = profile.link(index).map(|l| (l.hub, &l.hub_url)).or(due);
        let (hub, url) = place.ok_or(HolderError::NotLinked)?;
        let auth = self.root.derive_auth(AddressIndex(index));
        is_gone(HubClient::new(transport, hub, url).shred(&auth, now).await)
    }

    /// Drops everything of a link from this profile.
    pub(crate) fn forget_link(&mut self, index: u32) {
        let keys = self.keys.get_mut();
        let keys = keys.unwrap_or_else(PoisonError::into_inner);
        keys.retain(|(of, _), _| *of != index);
        let profile = &mut self.profile;
        profile.shredded.insert(index);
        profile.outbox.retain(|o| o.index != index);
        profile.records.retain(|r| r.link != index);
        profile.lost.retain(|(link, _)| *link != index);
        profile.refused.retain(|r| r.link != index);
        profile.delivered.remove(&index);
        profile.applications.retain(|a| a.link != index);
        profile.disputes.retain(|d| d.link != index);
        profile.erasures.retain(|e| e.link != index);
        profile.notices.retain(|n| n.link != index);
        profile.notes.retain(|n| n.link != index);
        profile.unread.retain(|u| u.link != index);
        profile.links.retain(|l| l.index != index);
        profile.links_due.retain(|due| due.index() != index);
        self.forget_files(index);
    }
}
