//! Records whose page on this device was gone, older or altered come again from their envelopes.

use super::Away;
use crate::{Event, Holder, holder::HolderError, open::Opened};
use denizen_api::{ProblemKind, Transport, client::ClientError};
use denizen_model::{
    Sha256Hash, UnixTime,
    message::{Body, RecordIssue},
};
use std::collections::BTreeSet;

impl Holder {
    /// Fetches the addresses of links whose records a page has lost from their first positions, and
    /// takes those in: records, their one-time copies and their signed changes. What is not there any
    /// more raises an alarm. Whoever is `broken` is not listened to: that waits.
    pub(super) async fn refetch_lost<T: Transport>(
        &mut self,
        broken: &[u32],
        away: &mut Away,
        transport: &T,
        now: UnixTime,
    ) -> Result<Vec<Event>, HolderError> {
        let mut events = Vec::new();
        let links: BTreeSet<u32> = self.profile.lost.iter().map(|(link, _)| *link).collect();
        for index in links.into_iter().filter(|index| !broken.contains(index)) {
            let hub = self.profile.hub_of(index);
            if away.has(&hub) {
                continue;
            }
            let fetched = self.fetch_from_first(index, transport, now).await;
            let Some(fetched) = away.bear(&hub, fetched)? else {
                continue;
            };
            let lost = self.profile.lost.iter().filter(|(link, _)| *link == index);
            let lost: BTreeSet<Sha256Hash> = lost.map(|(_, kept)| *kept).collect();
            for opened in fetched {
                events.extend(self.take_lost(index, &opened, &lost));
            }
            let records = &self.profile.records;
            let there = |kept: &Sha256Hash| records.iter().any(|r| r.kept_hash == *kept);
            if !lost.iter().all(there) {
                self.profile.alarm("withheld", Some(index), now);
            }
            self.profile.lost.retain(|(link, _)| *link != index);
            self.profile.records.sort_by_key(|r| r.received);
        }
        Ok(events)
    }

    /// Everything that an address holds; what is new in it is still to come.
    async fn fetch_from_first<T: Transport>(
        &mut self,
        index: u32,
        transport: &T,
        now: UnixTime,
    ) -> Result<Vec<Opened>, HolderError> {
        let cursor = self.profile.link_mut(index).and_then(|l| l.cursor.take());
        let delivered = self.profile.delivered.remove(&index);
        let fetched = self.fetch_link(index, transport, 0, now).await;
        if let Some(link) = self.profile.link_mut(index) {
            link.cursor = cursor;
        }
        self.profile
            .delivered
            .extend(delivered.map(|at| (index, at)));
        match fetched {
            Err(
                HolderError::NotLinked
                | HolderError::Client(ClientError::Problem(
                    ProblemKind::NotFound | ProblemKind::Closed,
                )),
            ) => Ok(Vec::new()),
            fetched => fetched,
        }
    }

    fn take_lost(
        &mut self,
        index: u32,
        opened: &Opened,
        lost: &BTreeSet<Sha256Hash>,
    ) -> Vec<Event> {
        let issues: Vec<&RecordIssue> = match &opened.message().body {
            Body::RecordIssue(issue) => vec![issue],
            Body::RecordsIssue(issued) => issued.records.iter().collect(),
            Body::ApplicationEvent(event) => event.records.iter().collect(),
            Body::RecordStatus(status) if lost.contains(&status.kept) => {
                let delivered = opened.verified().opening.time;
                return self.take_status(index, status, delivered);
            }
            _ => return Vec::new(),
        };
        let issues = issues.into_iter().filter(|i| lost.contains(&i.kept));
        self.take_records(index, opened, &issues.collect::<Vec<_>>())
    }
}
