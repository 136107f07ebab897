//! Which records lie in which page.

use super::{Laid, PAGE_RECORDS_MAX, PAGE_SIZE_BYTES_MAX, Pages};
use crate::{
    profile::HeldRecord,
    read::{Read, Said},
};
use denizen_model::Sha256Hash;
use serde::Serialize;
use std::sync::Arc;

/// What is sealed into a page, before it is.
pub(super) struct Draft {
    pub(super) records: Vec<(u32, Sha256Hash)>,
    pub(super) json: Vec<u8>,
}

/// What lies in pages from now on.
pub(super) struct Layout {
    /// Leading pages that stay as they are.
    pub(super) same: usize,
    /// The pages after them.
    pub(super) drafts: Vec<Draft>,
    pub(super) laid: Vec<Arc<Laid>>,
}

#[derive(Serialize)]
struct EntryOf<'a> {
    held: &'a HeldRecord,
    good: Option<Sha256Hash>,
    #[serde(skip_serializing_if = "Option::is_none")]
    said: Option<&'a Said>,
}

impl Pages {
    /// How many leading pages hold just these records, with the same signatures, and would be filled alike
    /// again: a page that is not full ends where the next one begins.
    fn same(&self, records: &[&Arc<HeldRecord>], read: &Read) -> usize {
        let stays = |at: usize| match (records.get(at), self.laid.get(at)) {
            (Some(held), Some(laid)) => {
                let good = self.good.get(&held.kept_hash).copied();
                laid.0 == **held
                    && laid.1 == good
                    && (laid.2 || good.is_none() || !read.has(&held.kept_hash))
            }
            _ => false,
        };
        let ends = |at: usize| at >= records.len() && at >= self.laid.len();
        let (mut same, mut from) = (0, 0);
        for mark in &self.marks {
            let end = from + mark.records.len();
            let full = mark.records.len() >= PAGE_RECORDS_MAX;
            let closed = full || stays(end) || ends(end);
            if mark.records.is_empty() || !closed || !(from..end).all(stays) {
                break;
            }
            (same, from) = (same + 1, end);
        }
        same
    }

    /// The pages in the order of the records: what is added changes the last page alone. What lies in a
    /// page already is not written down again.
    pub(super) fn layout(&self, records: &[Arc<HeldRecord>], read: &Read) -> Layout {
        let records: Vec<&Arc<HeldRecord>> = records.iter().filter(|r| r.hub.is_none()).collect();
        let same = self.same(&records, read);
        let known = self.marks.iter().take(same).map(|m| m.records.len()).sum();
        let mut laid: Vec<_> = self.laid.iter().take(known).cloned().collect();
        let mut drafts: Vec<Draft> = Vec::new();
        for held in records.into_iter().skip(known) {
            let good = self.good.get(&held.kept_hash).copied();
            let said = good.and_then(|_| read.said(&held.kept_hash, &held.kept));
            laid.push(Arc::new((Arc::clone(held), good, said.is_some())));
            let said = said.as_deref();
            let json = serde_json::to_vec(&EntryOf { held, good, said }).expect("a record is JSON");
            let name = (held.link, held.kept_hash);
            let open = drafts.last_mut().filter(|draft| {
                let fits = draft.json.len() + json.len() < PAGE_SIZE_BYTES_MAX;
                fits && draft.records.len() < PAGE_RECORDS_MAX
            });
            match open {
                Some(draft) => {
                    draft.json.push(b',');
                    draft.json.extend_from_slice(&json);
                    draft.records.push(name);
                }
                None => drafts.push(Draft {
                    records: vec![name],
                    json: [b"[", json.as_slice()].concat(),
                }),
            }
        }
        for draft in &mut drafts {
            draft.json.push(b']');
        }
        Layout { same, drafts, laid }
    }
}
