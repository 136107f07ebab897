//! Hubs other than her own: one that does not answer, or is not believed, holds up nobody else.

use crate::{
    Holder,
    holder::HolderError,
    profile::{Link, LinkState},
    restore::LinkDue,
};
use denizen_api::Transport;
use denizen_model::{HubId, OrgId, UnixTime};
use std::collections::BTreeMap;

/// Hubs that failed in this sync: they are not asked again in it.
#[derive(Debug)]
pub(crate) struct Away {
    own: HubId,
    hubs: Vec<HubId>,
}

impl Away {
    /// None yet. What goes wrong with her `own` hub is an error of the whole sync.
    pub(crate) fn none(own: HubId) -> Self {
        Self {
            own,
            hubs: Vec::new(),
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
                self.hubs.push(*hub);
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
    /// The organisations there with which she has a link, in the order of the links; none whose name is not
    /// known because the hub's directory was never had.
    pub orgs: Vec<OrgId>,
}

impl Holder {
    /// Hubs from which the last sync brought nothing. What their organisations send comes later, what she
    /// sends them waits; what she has of them stays.
    #[must_use]
    pub fn hubs_away(&self) -> Vec<HubAway> {
        let links = self.links_there().map(|l| (l.hub, &l.hub_url, l.org));
        let due = self.profile.links_due.iter().map(LinkDue::place);
        let places: Vec<_> = links.chain(due).collect();
        let away = self.profile.hubs_away.iter().filter_map(|(away, since)| {
            let mut there = places.iter().filter(|(hub, ..)| hub == away).peekable();
            let hub_url = there.peek()?.1.clone();
            let mut orgs = Vec::new();
            for (.., org) in there {
                let directory = self.trust.directory(away);
                let named = directory.and_then(|d| d.directory.organisation(org));
                if named.is_some() && !orgs.contains(org) {
                    orgs.push(*org);
                }
            }
            Some(HubAway {
                hub_url,
                since: *since,
                orgs,
            })
        });
        away.collect()
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
        self.profile.hubs_away.retain(|(hub, _)| away.has(hub));
        self.add_away(away, now);
    }

    /// The same after something was only sent: others were not asked.
    pub(super) fn add_away(&mut self, away: &Away, now: UnixTime) {
        let known = &mut self.profile.hubs_away;
        for hub in &away.hubs {
            if !known.iter().any(|(known, _)| known == hub) {
                known.push((*hub, now));
            }
        }
    }
}
