//! What was checked goes into the profile, each thing once.

use super::{Found, ImportReport, Parts};
use crate::{
    Holder, HolderError,
    profile::{EarlierRecord, HeldRecord},
    trust::hub_key,
};
use denizen_api::Transport;
use denizen_model::{HubId, UnixTime, id::Bytes};
use std::sync::Arc;

impl Holder {
    /// Directories of an own export, where this profile has none of that hub yet.
    pub(super) fn adopt_directories(&mut self, parts: &mut Parts, now: UnixTime) {
        let mut added = false;
        for (hub, verified) in std::mem::take(&mut parts.directories) {
            if self.trust.directory(&hub).is_none() {
                let bytes = self.trust.keep_directory(hub, verified);
                self.profile.directories.insert(hub_key(&hub), bytes);
                added = true;
            }
        }
        if added {
            self.learn_kinds();
        }
        for (uri, token, hub) in std::mem::take(&mut parts.statuses) {
            let known = self.profile.statuses.get(&uri) == Some(&token);
            if known {
                continue;
            }
            if let Some(taken) = self.trust.add_status(&uri, &token, &hub, now) {
                self.profile.keep_status(uri, token, taken);
            }
        }
    }

    /// Everything of `parts` that is not here.
    pub(super) fn adopt(&mut self, parts: Parts, report: &mut ImportReport) {
        for Found { record, .. } in parts.records {
            let here = |r: &Arc<HeldRecord>| r.kept_hash == record.kept_hash;
            if self.profile.records.iter().any(here) {
                report.repeated += 1;
                continue;
            }
            // Nobody knows what was shown after the export was made (R18).
            let refs = record.copies.iter().map(|c| c.copy_ref.to_text());
            self.profile.spent.extend(refs);
            self.profile.next_index = self.profile.next_index.max(record.link + 1);
            self.profile.records.push(Arc::new(record));
            report.records += 1;
        }
        // In the order in which they came, as a profile that was there all the time has them.
        self.profile.records.sort_by_key(|r| r.received);
        for earlier in parts.earlier {
            self.adopt_earlier(earlier, report);
        }
        for (hub, verified) in parts.directories {
            self.keep_earlier_directory(hub, verified.answer.encode());
        }
        self.profile.spent.extend(parts.spent);
        for (kept, reply) in parts.replies {
            if let Ok(kept) = denizen_model::Sha256Hash::parse(&kept) {
                self.keep_reply(kept, reply);
            }
        }
        let shredded = self.profile.shredded.clone();
        let lives = |link: u32| !shredded.contains(&link);
        let profile = &mut self.profile;
        let counts = [
            add(&mut profile.sent, parts.sent, |s| s.envelope_hash, |_| true),
            add(
                &mut profile.applications,
                parts.applications,
                |a| a.id,
                |a| lives(a.link),
            ),
            add(
                &mut profile.disputes,
                parts.disputes,
                |d| d.id,
                |d| lives(d.link),
            ),
            add(
                &mut profile.erasures,
                parts.erasures,
                |e| e.id,
                |e| lives(e.link),
            ),
            add(&mut profile.notices, parts.notices, Clone::clone, |n| {
                lives(n.link)
            }),
            add(&mut profile.notes, parts.notes, Clone::clone, |n| {
                lives(n.link)
            }),
            add(&mut profile.refused, parts.refused, Clone::clone, |r| {
                lives(r.link)
            }),
            add(&mut profile.returned, parts.returned, |r| *r, |_| true),
        ];
        report.others += counts.iter().sum::<usize>();
    }

    fn adopt_earlier(&mut self, earlier: EarlierRecord, report: &mut ImportReport) {
        let hash = earlier.record.kept_hash;
        let own = self.profile.records.iter().any(|r| r.kept_hash == hash);
        let here = self
            .profile
            .earlier
            .iter()
            .any(|e| e.record.kept_hash == hash);
        if own || here {
            report.repeated += 1;
        } else {
            self.profile.earlier.push(earlier);
            report.records += 1;
        }
    }

    /// A directory of an earlier profile says nothing about the organisations of this one: it is kept
    /// apart, and only where there is none of that hub.
    fn keep_earlier_directory(&mut self, hub: HubId, answer: Vec<u8>) {
        let wanted = |e: &EarlierRecord| e.record.hub == Some(hub);
        let known = self.trust.directory(&hub).is_some();
        if !known && self.profile.earlier.iter().any(wanted) {
            let directories = &mut self.profile.earlier_directories;
            directories.entry(hub_key(&hub)).or_insert(Bytes(answer));
        }
    }

    /// The first sync after an import without a hub: everything is restored, and what only the export
    /// had stays beside it.
    pub(crate) async fn catch_up<T: Transport>(
        &mut self,
        transport: &T,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        let (hub, url) = (self.profile.hub, self.profile.hub_url.clone());
        let language = self.profile.language.clone();
        let words = (language.as_str(), self.given_catalogue());
        let root = self.root.clone();
        let mut whole = Self::rebuild(root, (hub, &url), words, transport, now, rng).await?;
        whole.spend_all(now, rng)?;
        let old = std::mem::replace(self, whole);
        let shredded = &self.profile.shredded;
        // What was shredded on another device meanwhile does not come back.
        let records = old.profile.records.into_iter();
        let records = records.filter(|r| !shredded.contains(&r.link));
        let parts = Parts {
            records: records.map(Arc::unwrap_or_clone).map(found).collect(),
            earlier: old.profile.earlier,
            sent: old.profile.sent,
            applications: old.profile.applications,
            disputes: old.profile.disputes,
            erasures: old.profile.erasures,
            notices: old.profile.notices,
            notes: old.profile.notes,
            returned: old.profile.returned,
            refused: old.profile.refused,
            replies: old.profile.replies,
            spent: old.profile.spent,
            ..Parts::default()
        };
        for (hub, answer) in old.profile.directories {
            let known = self.profile.directories.contains_key(&hub);
            if !known {
                self.profile.directories.insert(hub, answer);
            }
        }
        let earlier = old.profile.earlier_directories;
        self.profile.earlier_directories = earlier;
        self.trust = crate::Trust::of(&self.profile, now);
        self.learn_kinds();
        self.adopt(parts, &mut ImportReport::default());
        Ok(())
    }
}

/// A record that was checked before it was kept.
fn found(record: HeldRecord) -> Found {
    Found {
        file: String::new(),
        record,
        bound_to: Vec::new(),
    }
}

/// Adds what is not there, by its name; gives how many.
fn add<T, K: PartialEq>(
    to: &mut Vec<T>,
    from: Vec<T>,
    name: impl Fn(&T) -> K,
    wanted: impl Fn(&T) -> bool,
) -> usize {
    let before = to.len();
    for one in from.into_iter().filter(wanted) {
        let same = |known: &T| name(known) == name(&one);
        if !to.iter().any(same) {
            to.push(one);
        }
    }
    to.len() - before
}
