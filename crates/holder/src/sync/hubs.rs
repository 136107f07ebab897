//! Hubs other than her own: one that does not answer, or is not believed, holds up nobody else.

use crate::{
    Holder,
    holder::HolderError,
    profile::{Link, LinkState},
    restore::LinkDue,
    trust::hub_key,
};
use denizen_api::Transport;
use denizen_model::{HubId, OrgId, UnixTime};
use std::collections::{BTreeMap, BTreeSet};

/// Hubs that failed in this sync: they are not asked again in it.
#[derive(Debug)]
pub(crate) struct Away {
    own: HubId,
    hubs: BTreeSet<HubId>,
}

impl Away {
    /// None yet. What goes wrong with her `own` hub is an error of the whole sync.
    pub(crate) fn none(own: HubId) -> Self {
        Self {
            own,
            hubs: BTreeSet::new(),
        }
    }

    pub(crate) fn has(&self, hub: &HubId) -> bool {
        self.hubs.contains(hub)
    }

    /// What was done at a hub; `None` if that failed and the hub is not her own.
    ///
    /// # Errors
    /// What went wrong with her own hub, or on this device.
    pub(crate) fn bear<T>(
        &mut self,
        hub: &HubId,
        done: Result<T, HolderError>,
    ) -> Result<Option<T>, HolderError> {
        match done {
            Ok(done) => Ok(Some(done)),
            Err(error) if *hub != self.own && error.is_of_the_hub() => {
                self.hubs.insert(*hub);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// A hub that did not answer, or was not believed, at the last sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubAway {
    /// Where it was asked.
    pub hub_url: String,
    /// When it first failed since it last did what it was asked.
    pub since: UnixTime,
    /// The organisations there with which she has a link, in the order of the links.
    pub orgs: Vec<OrgId>,
}

impl Holder {
    /// Hubs from which the last sync brought nothing. What their organisations send comes later, what she
    /// sends them waits; what she has of them stays.
    #[must_use]
    pub fn hubs_away(&self) -> Vec<HubAway> {
        let away = &self.profile.hubs_away;
        let mut all: BTreeMap<HubId, HubAway> = BTreeMap::new();
        let places = self.links_there().map(|l| (l.hub, &l.hub_url, l.org));
        let due = self.profile.links_due.iter().map(LinkDue::place);
        for (hub, hub_url, org) in places.chain(due) {
            let Some(since) = away.get(&hub_key(&hub)) else {
                continue;
            };
            let entry = all.entry(hub).or_insert_with(|| HubAway {
                hub_url: hub_url.clone(),
                since: *since,
                orgs: Vec::new(),
            });
            if !entry.orgs.contains(&org) {
                entry.orgs.push(org);
            }
        }
        all.into_values().collect()
    }

    /// Links that something is still fetched from.
    fn links_there(&self) -> impl Iterator<Item = &Link> {
        let over = |l: &&Link| !matches!(l.state, LinkState::Closed | LinkState::Refused);
        self.profile.links.iter().filter(over)
    }

    /// The directories of the other hubs.
    pub(super) async fn refresh_other_hubs<T: Transport>(
        &mut self,
        away: &mut Away,
        transport: &T,
        now: UnixTime,
    ) -> Result<(), HolderError> {
        let own = self.profile.hub;
        let links = self.profile.links.iter().filter(|l| l.hub != own);
        let others: BTreeMap<HubId, String> = links.map(|l| (l.hub, l.hub_url.clone())).collect();
        for (hub, url) in others {
            let done = self.refresh_directory(&hub, &url, transport, now).await;
            away.bear(&hub, done)?;
        }
        Ok(())
    }

    /// Remembers since when which hubs are away.
    pub(super) fn remember_away(&mut self, away: &Away, now: UnixTime) {
        let still: BTreeSet<String> = away.hubs.iter().map(hub_key).collect();
        let known = &mut self.profile.hubs_away;
        known.retain(|hub, _| still.contains(hub));
        for hub in still {
            known.entry(hub).or_insert(now);
        }
    }
}
