//! The status lists of what she holds.

use super::Away;
use crate::{Holder, trust::parse_status_uri};
use denizen_api::{HubClient, Transport};
use denizen_credential::StatusRef;
use denizen_model::UnixTime;
use std::collections::{BTreeMap, BTreeSet};

impl Holder {
    /// Fetches the status lists of what she holds, whole (R21). A list that cannot be had or is
    /// refused leaves the one before it: its age is said, and that one was refused.
    pub(super) async fn fetch_statuses<T: Transport>(
        &mut self,
        away: &Away,
        transport: &T,
        now: UnixTime,
    ) {
        let refs: BTreeSet<(u32, String)> = self
            .profile
            .records
            .iter()
            .filter_map(|r| Some((r.link, self.status_ref(r)?.uri)))
            .collect();
        let mut whole: BTreeMap<u32, bool> = BTreeMap::new();
        let asked = |link| !away.has(&self.profile.hub_of(link));
        let refs: Vec<_> = refs.into_iter().filter(|(link, _)| asked(*link)).collect();
        for (link, uri) in refs {
            let taken = self.fetch_status(link, &uri, transport, now).await;
            *whole.entry(link).or_insert(true) &= taken;
        }
        for (link, _) in whole.into_iter().filter(|(_, whole)| *whole) {
            let code = "status-list-refused";
            self.profile.mend_unsaid(code, Some(link), now);
        }
    }

    /// Whether the list came and was taken in.
    async fn fetch_status<T: Transport>(
        &mut self,
        link: u32,
        uri: &str,
        transport: &T,
        now: UnixTime,
    ) -> bool {
        let of = self.profile.link(link).zip(parse_status_uri(uri));
        let Some((link, (org, list))) = of else {
            return false;
        };
        let (index, hub) = (Some(link.index), link.hub);
        let client = HubClient::new(transport, hub, &link.hub_url);
        let Ok(Some(token)) = client.status(&org, list).await else {
            return false;
        };
        let code = "status-list-refused";
        let Some(taken) = self.trust.add_status(uri, &token, &hub, now) else {
            self.profile.alarm_about(code, index, uri, now);
            return false;
        };
        self.profile.keep_status(uri.to_owned(), token, taken);
        self.profile.mend(code, index, uri, now);
        true
    }

    /// Where the status of a record's kept copy stands.
    pub(crate) fn status_ref(&self, record: &crate::HeldRecord) -> Option<StatusRef> {
        self.says(record).ok()?.status().cloned()
    }
}
