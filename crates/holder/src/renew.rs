//! Renew: a profile with a new root takes over every link of an older one. So a child of age takes her
//! profile with her, and whoever has the old root opens nothing new.

use crate::{
    Holder,
    holder::HolderError,
    link::Draft,
    profile::{Application, Dispute, Link, LinkState, NoteEntry, NoticeEntry},
    restore::LinkDue,
    shred_all::is_gone,
    state::Part,
    sync::Away,
};
use denizen_api::{HubClient, Transport};
use denizen_model::{
    AddressId, Nonce, UnixTime,
    id::Bytes,
    message::{Body, LinkMove, OutChain},
};
use denizen_seal::AddressIndex;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};

/// Keys for one-time copies that go ahead with a move.
const COPY_KEYS_AHEAD: usize = 32;
/// Notices and notes in one message to herself.
const CARRIED_MAX: usize = 50;

/// What an older profile knew of one link.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Carried {
    pub(crate) link: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    applications: Vec<Application>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    disputes: Vec<Dispute>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    notices: Vec<NoticeEntry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    notes: Vec<NoteEntry>,
}

impl Holder {
    /// A profile with a fresh root that will take over this one's links ([`Holder::take_over`]).
    #[must_use]
    pub fn renewed(&self, rng: &mut dyn rand_core::CryptoRng) -> Self {
        let (hub, url) = (self.profile.hub, self.profile.hub_url.clone());
        let catalogue = self.given_catalogue();
        let language = self.profile.language.clone();
        let mut fresh = Self::make(hub, &url, &language, Arc::clone(&catalogue), rng);
        fresh.profile.directories = self.profile.directories.clone();
        fresh.profile.log_sizes = self.profile.log_sizes.clone();
        fresh.trust = self.trust.clone();
        fresh.learn_kinds();
        fresh
    }

    /// Takes over every confirmed link of `old`, which has another root: registers fresh addresses of
    /// this root, and queues `link/move` there, signed by the old keys. What is in force comes again,
    /// to the new addresses. The caller has kept this profile after [`Holder::plan_over`]; it keeps both,
    /// the old one first, and sends this one's before the old one's.
    /// May be repeated. Gives how many links are under way.
    ///
    /// # Errors
    /// [`HolderError`]; what was begun is gone on with by the next call.
    pub async fn take_over<T: Transport>(
        &mut self,
        old: &mut Self,
        transport: &T,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<usize, HolderError> {
        self.begin(transport, now).await?;
        self.plan_over(old, rng);
        self.carry_wards(old, now, rng)?;
        let due: Vec<(u32, u32)> = self
            .profile
            .links
            .iter()
            .filter_map(|l| Some((l.index, l.takes_over?)))
            .collect();
        let (mut count, mut away) = (0, Away::none(self.profile.hub));
        for (index, from) in due {
            let hub = self.profile.hub_of(index);
            if away.has(&hub) {
                continue;
            }
            let done = self.register_link(index, transport, now).await;
            if let Some(Some(index)) = away.bear(&hub, done)? {
                self.queue_over(index, from, old, now, rng)?;
                count += 1;
            }
        }
        self.queue_manifest(now, rng)?;
        old.queue_manifest(now, rng)?;
        Ok(count)
    }

    /// Wards come along. The keys for them are others: a mandate that names the old key is no more use.
    fn carry_wards(
        &mut self,
        old: &Self,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        for ward in &old.profile.wards {
            if self.profile.wards.iter().all(|w| w.id != ward.id) {
                self.queue_state(&Part::Ward(Box::new(ward.clone())), now, rng)?;
                self.profile.wards.push(ward.clone());
            }
        }
        Ok(())
    }

    /// Draws a link of this profile for each of the old one that is not taken over yet. The caller keeps
    /// the profile before anything is registered under it.
    pub fn plan_over(&mut self, old: &Self, rng: &mut dyn rand_core::CryptoRng) {
        let planned: BTreeSet<u32> = self
            .profile
            .links
            .iter()
            .filter_map(|l| l.takes_over)
            .collect();
        let may = |l: &&Link| {
            let ready = l.state == LinkState::Confirmed && l.register_pass.is_some();
            ready && !planned.contains(&l.index)
        };
        for link in old.profile.links.iter().filter(may) {
            let mut fresh = &mut *rng;
            let salt = Nonce::make(&mut fresh);
            let index = self.profile.next_index;
            self.profile.next_index += 1;
            let auth = self.root.derive_auth(AddressIndex(index));
            // What she holds from there comes again, whatever the invitation once named.
            let held = old.profile.records.iter();
            let held = held.filter(|r| r.issuer == link.org).map(|r| r.vct.clone());
            let kinds: BTreeSet<String> = link.allowed_kinds.iter().cloned().chain(held).collect();
            self.profile.links.push(Link {
                index,
                address: AddressId::of(&auth.public_for()),
                salt,
                allowed_kinds: kinds.into_iter().collect(),
                state: LinkState::Opening,
                takes_over: Some(link.index),
                moves: None,
                org_challenge: None,
                accept: None,
                cursor: None,
                out: OutChain::make(Vec::new(), rng),
                heads: Default::default(),
                taken: Default::default(),
                copy_refs: Vec::new(),
                frozen: false,
                freeze_due: false,
                ..link.clone()
            });
        }
    }

    fn queue_over(
        &mut self,
        index: u32,
        from: u32,
        old: &mut Self,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        let new = self.profile.link(index).ok_or(HolderError::NotLinked)?;
        let (new, keys) = (new.clone(), self.link_keys(new));
        self.queue_state(&Part::link(&new, &keys), now, rng)?;
        self.carry_from(old, (index, from), now, rng)?;
        let confirmed = |l: &&Link| l.state == LinkState::Confirmed;
        // Otherwise it is on its way already: a device was interrupted between its two profiles.
        if old.profile.link(from).filter(confirmed).is_some() {
            let copy_keys = self.fresh_copy_keys(index, COPY_KEYS_AHEAD, rng);
            let body = Body::LinkMove(LinkMove {
                keys: Bytes(keys.statement(new.hub).into_bytes()),
                copy_keys,
                reason: String::new(),
            });
            old.queue_message(from, Draft::new(body, None), now, rng)?;
            if let Some(link) = old.profile.link_mut(from) {
                link.state = LinkState::Moved;
            }
        }
        if let Some(link) = self.profile.link_mut(index) {
            link.state = LinkState::Accepted;
            link.register_pass = None;
            link.takes_over = None;
        }
        Ok(())
    }

    /// Copies what the old profile knew of a link, and writes it to address 0.
    fn carry_from(
        &mut self,
        old: &Self,
        (link, from): (u32, u32),
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        let of = |index: u32| old.is_same(index, from);
        let empty = Carried {
            link,
            applications: Vec::new(),
            disputes: Vec::new(),
            notices: Vec::new(),
            notes: Vec::new(),
        };
        let profile = &old.profile;
        for application in profile.applications.iter().filter(|a| of(a.link)) {
            let application = Application {
                link,
                ..application.clone()
            };
            let short = Application {
                message: Bytes(Vec::new()),
                ..application.clone()
            };
            let part = |application: Application| Carried {
                applications: vec![application],
                ..empty.clone()
            };
            // One that is too large to be written to herself goes without its bytes.
            let whole = self.queue_carried(part(application), now, rng);
            match whole {
                Err(HolderError::TooLarge) => self.queue_carried(part(short), now, rng)?,
                other => other?,
            }
        }
        for dispute in profile.disputes.iter().filter(|d| of(d.link)) {
            let dispute = Dispute {
                link,
                ..dispute.clone()
            };
            let disputes = vec![dispute];
            self.queue_carried(
                Carried {
                    disputes,
                    ..empty.clone()
                },
                now,
                rng,
            )?;
        }
        let notices = profile.notices.iter().filter(|n| of(n.link));
        let notices: Vec<_> = notices.map(|n| NoticeEntry { link, ..n.clone() }).collect();
        for some in notices.chunks(CARRIED_MAX) {
            let notices = some.to_vec();
            self.queue_carried(
                Carried {
                    notices,
                    ..empty.clone()
                },
                now,
                rng,
            )?;
        }
        let notes = profile.notes.iter().filter(|n| of(n.link));
        let notes: Vec<_> = notes.map(|n| NoteEntry { link, ..n.clone() }).collect();
        for some in notes.chunks(CARRIED_MAX) {
            let notes = some.to_vec();
            self.queue_carried(
                Carried {
                    notes,
                    ..empty.clone()
                },
                now,
                rng,
            )?;
        }
        Ok(())
    }

    fn queue_carried(
        &mut self,
        carried: Carried,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        let part = Part::Carried(Box::new(carried.clone()));
        self.queue_state(&part, now, rng)?;
        self.take_carried(carried);
        Ok(())
    }

    pub(crate) fn take_carried(&mut self, carried: Carried) {
        let profile = &mut self.profile;
        for application in carried.applications {
            if profile.applications.iter().all(|a| a.id != application.id) {
                profile.applications.push(application);
            }
        }
        for dispute in carried.disputes {
            if profile.disputes.iter().all(|d| d.id != dispute.id) {
                profile.disputes.push(dispute);
            }
        }
        for notice in carried.notices {
            if !profile.notices.contains(&notice) {
                profile.notices.push(notice);
            }
        }
        for note in carried.notes {
            if !profile.notes.contains(&note) {
                profile.notes.push(note);
            }
        }
    }

    /// Links of `old` that this profile has taken over for good: their old addresses may be shredded.
    #[must_use]
    pub fn taken_over(&self, old: &Self) -> Vec<u32> {
        let stands = |l: &Link| {
            let mut links = self.profile.links.iter();
            links.any(|n| n.org == l.org && n.hub == l.hub && n.state == LinkState::Confirmed)
        };
        let moved = old.profile.links.iter();
        moved
            .filter(|l| l.state == LinkState::Moved && stands(l))
            .map(|l| l.index)
            .collect()
    }

    /// Destroys what lies at the old addresses once everything is taken over, `old`'s own address last:
    /// whoever has the old root finds nothing there any more. What they have copied stays theirs.
    ///
    /// # Errors
    /// [`HolderError::NotOpen`] while a link is not taken over, or something waits for a hub that is away; [`HolderError::Client`]: the next call goes
    /// on.
    pub async fn abandon<T: Transport>(
        &self,
        old: &mut Self,
        transport: &T,
        now: UnixTime,
    ) -> Result<(), HolderError> {
        if !self.not_taken_over(old).is_empty() {
            return Err(HolderError::NotOpen);
        }
        old.send(transport, now).await?;
        if !old.profile.outbox.is_empty() {
            return Err(HolderError::NotOpen);
        }
        let ways = old.profile.devices.iter().flat_map(|d| &d.ways);
        let locators: Vec<Nonce> = ways.filter_map(|w| w.locator).collect();
        for locator in &locators {
            old.delete_root(locator, transport, now).await?;
        }
        let links = self.taken_over(old).into_iter();
        let links = links.filter_map(|index| old.profile.link(index));
        let places = links.map(|l| (l.index, l.hub, l.hub_url.clone()));
        let own = (0, old.profile.hub, old.profile.hub_url.clone());
        for (index, hub, url) in places.chain([own]) {
            let auth = old.root.derive_auth(AddressIndex(index));
            is_gone(HubClient::new(transport, hub, &url).shred(&auth, now).await)?;
        }
        Ok(())
    }

    /// Links of `old` that still wait for their organisation's answer, are themselves still to be restored, or
    /// cannot be moved.
    #[must_use]
    pub fn not_taken_over(&self, old: &Self) -> Vec<u32> {
        let taken = self.taken_over(old);
        let open = old.profile.links.iter().filter(|l| {
            matches!(l.state, LinkState::Confirmed | LinkState::Moved) && !taken.contains(&l.index)
        });
        let due = old.profile.links_due.iter().map(LinkDue::index);
        let all: BTreeSet<u32> = open.map(|l| l.index).chain(due).collect();
        all.into_iter().collect()
    }
}
