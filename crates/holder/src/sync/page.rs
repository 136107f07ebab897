//! One page of an address: what the hub has signed of it, and whether all of that is shown (R10).

use crate::{Holder, holder::HolderError, trust::hub_key};
use denizen_api::{
    HubClient, Transport,
    receipt::verify_head,
    wire::{FetchAnswer, Fetched},
};
use denizen_guard::{Check, holds};
use denizen_model::{AddressId, HubId, SecretKeyFor, Sha256Hash, UnixTime, key::Auth};
use denizen_tlog::Checkpoint;

/// An address that is fetched.
pub(super) struct Place {
    pub(super) hub: HubId,
    pub(super) url: String,
    pub(super) index: u32,
    pub(super) address: AddressId,
    /// Signs the request.
    pub(super) auth: SecretKeyFor<Auth>,
}

impl Holder {
    /// One page of an address, its head checked: places without gaps, the log never smaller.
    pub(super) async fn fetch_page<T: Transport>(
        &mut self,
        at: &Place,
        cursor: Option<u64>,
        wait_s: u32,
        transport: &T,
        now: UnixTime,
    ) -> Result<FetchAnswer, HolderError> {
        let client = HubClient::new(transport, at.hub, &at.url);
        let answer = client.fetch(&at.auth, cursor, wait_s, now).await?;
        let directory = self
            .trust
            .directory(&at.hub)
            .ok_or(HolderError::NotLinked)?;
        let verifier = crate::VERIFIER;
        let head = verify_head(
            &answer.head,
            &answer.checkpoint,
            &at.address,
            &directory.trust,
            verifier,
        );
        let link = (at.index > 0).then_some(at.index);
        let Ok((head, checkpoint)) = head else {
            self.profile.alarm("other-log", link, now);
            return Err(HolderError::HubAtFault("head-refused"));
        };
        let end = head.pos_max.map_or(0, |p| p + 1);
        let fault = self.log_fault(&at.hub, &checkpoint).or_else(|| {
            let next = cursor.map_or(0, |c| c + 1);
            (!is_whole(&answer.items, next, end)).then_some("withheld")
        });
        match fault {
            None => {
                self.saw_time(&at.hub, head.time, now);
                Ok(answer)
            }
            Some(code) => {
                match code {
                    "withheld" => self.profile.alarm_short(link, end, now),
                    _ => self.profile.alarm(code, link, now),
                }
                Err(HolderError::HubAtFault(code))
            }
        }
    }

    /// Remembers the newest state of a hub's deposit log; what is wrong with one that is smaller
    /// (`older-state`), or another of the same size (`other-log`) (R10).
    fn log_fault(&mut self, hub: &HubId, checkpoint: &Checkpoint) -> Option<&'static str> {
        let (hub, root) = (hub_key(hub), Sha256Hash::new(checkpoint.root));
        let seen = self.profile.log_sizes.entry(hub.clone()).or_default();
        if checkpoint.size < *seen {
            return (!holds(Check::LogSize, false)).then_some("older-state");
        }
        let known = self.profile.log_roots.get(&hub);
        let split = checkpoint.size == *seen && known.is_some_and(|known| *known != root);
        *seen = checkpoint.size;
        if !split {
            self.profile.log_roots.insert(hub, root);
        }
        (!holds(Check::LogRoot, !split)).then_some("other-log")
    }
}

/// Whether a page has the places from `next` on without gaps, and the head, which ends before `end`,
/// counts no more and no fewer than are shown.
fn is_whole(items: &[Fetched], next: u64, end: u64) -> bool {
    let shown = end >= next && (!items.is_empty() || end == next);
    let in_order = items.iter().zip(next..).all(|(item, at)| item.pos() == at);
    let counted = items.len() as u64 <= end.saturating_sub(next);
    holds(Check::HeadShown, shown) && holds(Check::PlacesInOrder, in_order && counted)
}
