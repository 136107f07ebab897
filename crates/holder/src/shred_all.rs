//! Delete everything: every link ends, every address of hers is shredded at its hub, her own one last. What
//! is done stays done, and what a hub that is away still has is told until it is done there.

use crate::{Holder, holder::HolderError, profile::LinkState, state::Part, sync::Away};
use denizen_api::{HubClient, ProblemKind, Transport, client::ClientError};
use denizen_model::{HubId, MessageId, Nonce, OrgId, UnixTime};
use denizen_seal::AddressIndex;

/// One try to delete everything. The next one goes on where this one ended.
#[derive(Debug)]
pub struct ShredAll {
    away: Away,
    /// Address 0 is there.
    own_there: bool,
    /// Her own address goes although something else is left.
    without_rest: bool,
    sent: bool,
    over: bool,
}

impl ShredAll {
    /// Whether nothing is left that will be deleted: the caller forgets the profile.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }
}

/// What is still to be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShredLeft {
    /// How much is deleted.
    pub done: usize,
    /// Of how much: addresses, and roots that passkeys open.
    pub all: usize,
    /// Other hubs that still have something of hers: where each was asked, and for which organisations.
    pub hubs: Vec<(String, Vec<OrgId>)>,
}

/// Something of hers at a hub.
enum Target {
    Link { index: u32, hub: HubId },
    Root(Nonce),
    Own,
}

impl Holder {
    /// Begins to delete everything, or goes on with it: hears what other devices of hers wrote, takes back
    /// what is applied for, and queues a farewell for each link. The caller keeps the profile, then calls
    /// [`Holder::shred_next`]. `without_rest`: what a hub still has that is away, or an office that takes no
    /// farewell, is given up.
    ///
    /// # Errors
    /// [`HolderError`]: her own hub does not answer, and nothing has changed.
    pub async fn begin_shred_all<T: Transport>(
        &mut self,
        without_rest: bool,
        transport: &T,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<ShredAll, HolderError> {
        let own_there = self.own_is_there(transport, now).await?;
        if own_there && self.trust.directory(&self.profile.hub).is_some() {
            match self.fetch_own(transport, now).await {
                Err(error @ HolderError::Client(ClientError::Transport(_))) => return Err(error),
                // It is told as an alarm. A hub that is not believed keeps nobody from going.
                Err(error) if !error.is_of_the_hub() => return Err(error),
                _ => {}
            }
        }
        self.profile.registered = own_there;
        if self.profile.shredding_all.is_none() {
            self.end_others(now, rng)?;
        }
        self.queue_farewells(now, rng);
        let left = self.targets(own_there).len();
        let known = self.profile.shredding_all.unwrap_or_default();
        self.profile.shredding_all = Some(known.max(left));
        Ok(ShredAll {
            away: Away::none(self.profile.hub),
            own_there,
            without_rest,
            sent: false,
            over: false,
        })
    }

    /// Deletes one thing more; gives whether there may be another. Repeating what is done is harmless: the
    /// caller keeps the profile from time to time.
    ///
    /// # Errors
    /// [`HolderError`] of her own hub: another try goes on.
    pub async fn shred_next<T: Transport>(
        &mut self,
        all: &mut ShredAll,
        transport: &T,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<bool, HolderError> {
        if !all.sent {
            self.send_farewells(all, transport, now).await?;
            all.sent = true;
        }
        let waits = |index: u32| self.profile.outbox.iter().any(|o| o.index == index);
        let mut targets = self.targets(all.own_there).into_iter();
        let next = targets.find(|target| match target {
            Target::Link { index, hub } => !all.away.has(hub) && !waits(*index),
            Target::Root(_) => true,
            Target::Own => all.without_rest || self.is_last(),
        });
        match next {
            Some(Target::Link { index, hub }) => {
                let done = self.shred_one(index, all.own_there, transport, (now, rng));
                let done = done.await;
                all.away.bear(&hub, done)?;
            }
            Some(Target::Root(locator)) => {
                self.delete_root(&locator, transport, now).await?;
                self.take_ended(&[], &[locator]);
            }
            Some(Target::Own) => {
                let client = HubClient::new(transport, self.profile.hub, &self.profile.hub_url);
                let auth = self.root.derive_auth(AddressIndex::SELF);
                is_gone(client.shred(&auth, now).await)?;
                all.own_there = false;
                self.profile.registered = false;
                all.over = true;
            }
            None => {
                all.over = !all.own_there && (all.without_rest || self.is_last());
                if !all.over {
                    // The kit, and her other devices, know what is shredded already.
                    self.send_farewells(all, transport, now).await?;
                }
                return Ok(false);
            }
        }
        Ok(!all.over)
    }

    /// How far it is; none before it was begun.
    #[must_use]
    pub fn shred_left(&self) -> Option<ShredLeft> {
        let all = self.profile.shredding_all?;
        let mut hubs: Vec<(String, Vec<OrgId>)> = Vec::new();
        for (hub, url, org) in self.places() {
            if hub == self.profile.hub {
                continue;
            }
            match hubs.iter_mut().find(|(known, _)| *known == url) {
                Some((_, orgs)) if orgs.contains(&org) => {}
                Some((_, orgs)) => orgs.push(org),
                None => hubs.push((url, vec![org])),
            }
        }
        let left = self.targets(self.profile.registered).len();
        Some(ShredLeft {
            done: all.saturating_sub(left),
            all: all.max(left),
            hubs,
        })
    }

    /// Whether address 0 is at her hub, and was not shredded.
    pub(crate) async fn own_is_there<T: Transport>(
        &self,
        transport: &T,
        now: UnixTime,
    ) -> Result<bool, HolderError> {
        let client = HubClient::new(transport, self.profile.hub, &self.profile.hub_url);
        let auth = self.root.derive_auth(AddressIndex::SELF);
        match client.address(&auth, now).await {
            Ok(_) => Ok(true),
            Err(ClientError::Problem(ProblemKind::Closed | ProblemKind::NotFound)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Why address 0 was refused: it may have been shredded.
    pub(crate) async fn refused_own<T: Transport>(
        &self,
        kind: ProblemKind,
        transport: &T,
        now: UnixTime,
    ) -> HolderError {
        match self.own_is_there(transport, now).await {
            Ok(false) => HolderError::ProfileDeleted,
            _ => HolderError::Client(ClientError::Problem(kind)),
        }
    }

    /// Where her links are, those that are still to be restored too.
    fn places(&self) -> Vec<(HubId, String, OrgId)> {
        let links = self.profile.links.iter();
        let links = links.map(|l| (l.hub, l.hub_url.clone(), l.org));
        let due = self.profile.links_due.iter().map(|due| {
            let (hub, url, org) = due.place();
            (hub, url.clone(), org)
        });
        links.chain(due).collect()
    }

    /// What is left, in the order in which it goes: what other hubs have first, her own address last.
    fn targets(&self, own_there: bool) -> Vec<Target> {
        let profile = &self.profile;
        let links = profile.links.iter().map(|l| (l.index, l.hub));
        let due = profile.links_due.iter();
        let due = due.filter(|d| profile.link(d.index()).is_none());
        let due = due.map(|d| (d.index(), d.place().0));
        let mut links: Vec<(u32, HubId)> = links.chain(due).collect();
        links.sort_by_key(|(index, hub)| (*hub == profile.hub, *index));
        let links = links.into_iter();
        let links = links.map(|(index, hub)| Target::Link { index, hub });
        let ways = profile.devices.iter().flat_map(|d| &d.ways);
        let mut roots: Vec<Nonce> = ways.filter_map(|w| w.locator).collect();
        roots.sort();
        roots.dedup();
        let roots = roots.into_iter().map(Target::Root);
        let own = own_there.then_some(Target::Own);
        links.chain(roots).chain(own).collect()
    }

    fn is_last(&self) -> bool {
        self.targets(false).is_empty()
    }

    /// Her other devices forget the profile, if they hear of it before address 0 is gone.
    fn end_others(
        &mut self,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        let others = self.profile.devices.iter().map(|d| d.id);
        let others = others.filter(|id| Some(*id) != self.profile.device);
        let ids: Vec<MessageId> = others.collect();
        if ids.is_empty() {
            return Ok(());
        }
        let locators = Vec::new();
        self.queue_state(&Part::Ended { ids, locators }, now, rng)
    }

    /// Takes back every open application, and says farewell on every link. An office that cannot be written
    /// to is left without one.
    fn queue_farewells(&mut self, now: UnixTime, rng: &mut dyn rand_core::CryptoRng) {
        let applications = self.profile.applications.iter().map(|a| a.id);
        for application in applications.collect::<Vec<MessageId>>() {
            let _ = self.withdraw(&application, "", now, rng);
        }
        let links = self.profile.links.iter().map(|l| (l.index, l.state));
        for (index, state) in links.collect::<Vec<_>>() {
            if state == LinkState::Confirmed {
                let _ = self.close_link(index, "", now, rng);
            }
            let over = matches!(state, LinkState::Moved | LinkState::Refused);
            if let Some(link) = self.profile.link_mut(index).filter(|_| !over) {
                link.state = LinkState::Closed;
            }
        }
    }

    /// Sends what waits. What address 0 does not take any more goes with it, and an office that is to be done
    /// without hears nothing.
    async fn send_farewells<T: Transport>(
        &mut self,
        all: &mut ShredAll,
        transport: &T,
        now: UnixTime,
    ) -> Result<(), HolderError> {
        if !all.own_there {
            self.profile.outbox.retain(|o| o.index != 0);
        }
        let sent = self.flush(&mut all.away, transport, now).await;
        let refused = |e: &HolderError| {
            let client = matches!(e, HolderError::Client(ClientError::Problem(_)));
            client || *e == HolderError::ProfileDeleted
        };
        if sent.as_ref().is_err_and(refused) {
            self.profile.outbox.retain(|o| o.index != 0);
            self.flush(&mut all.away, transport, now).await?;
        } else {
            sent?;
        }
        if all.without_rest {
            self.profile.outbox.clear();
        }
        Ok(())
    }

    /// Shreds one link. As long as something is left at another hub, what address 0 has of it goes too: else
    /// that goes with address 0.
    async fn shred_one<T: Transport>(
        &mut self,
        index: u32,
        own_there: bool,
        transport: &T,
        (now, rng): (UnixTime, &mut dyn rand_core::CryptoRng),
    ) -> Result<(), HolderError> {
        let elsewhere = |(hub, ..): &(HubId, String, OrgId)| *hub != self.profile.hub;
        if own_there && self.places().iter().any(elsewhere) {
            return self.shred(index, transport, now, rng).await;
        }
        self.shred_at_hub(index, transport, now).await?;
        self.forget_link(index);
        Ok(())
    }
}

/// What is not there any more is as good as shredded.
pub(crate) fn is_gone(done: Result<(), ClientError>) -> Result<(), HolderError> {
    match done {
        Ok(()) | Err(ClientError::Problem(ProblemKind::Closed | ProblemKind::NotFound)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
