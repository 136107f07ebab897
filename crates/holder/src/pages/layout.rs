//! Which records lie in which page.

use super::{Laid, PAGE_RECORDS_MAX, PAGE_SIZE_BYTES_MAX, Pages, form::Text};
use crate::{profile::HeldRecord, read::Read};
use denizen_model::Sha256Hash;
use std::sync::Arc;

/// What is sealed into a page, before it is.
pub(super) struct Draft {
    pub(super) records: Vec<(u32, Sha256Hash)>,
    pub(super) text: Text,
}

/// What lies in pages from now on.
pub(super) struct Layout {
    /// Leading pages that stay as they are.
    pub(super) same: usize,
    /// The pages after them.
    pub(super) drafts: Vec<Draft>,
    pub(super) laid: Vec<Arc<Laid>>,
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
            let text = Text::of(held, good, said.as_deref());
            let name = (held.link, held.kept_hash);
            let open = drafts.last_mut().filter(|draft| {
                let fits = draft.text.size() + text.size() < PAGE_SIZE_BYTES_MAX;
                fits && draft.records.len() < PAGE_RECORDS_MAX
            });
            match open {
                Some(draft) => {
                    draft.text.add(&text);
                    draft.records.push(name);
                }
                None => drafts.push(Draft {
                    records: vec![name],
                    text,
                }),
            }
        }
        Layout { same, drafts, laid }
    }
}
