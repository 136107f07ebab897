//! How a page and the head are sealed, and how a page is opened.

use super::{
    Mark, PackedHead, Pages,
    form::{self, Entry},
    layout::Layout,
};
use crate::Profile;
use denizen_model::{HubId, Sha256Hash, id::Bytes};
use denizen_seal::{LocalKey, RootSecret};
use std::sync::Arc;

const CONTEXT: &[u8] = b"denizen/v1/page";
/// Size of the authentication tag at a page's end.
const SEAL_SIZE_BYTES: usize = 16;

impl Pages {
    /// Seals what changed; gives the marks of all pages.
    pub(super) fn seal(
        &self,
        layout: Layout,
        (root, hub): (&RootSecret, &HubId),
        rng: &mut dyn rand_core::CryptoRng,
    ) -> (Vec<Mark>, Vec<(u32, Vec<u8>)>) {
        let (key, mut rng) = (root.derive_pages(), rng);
        let mut marks: Vec<Mark> = self.marks.iter().take(layout.same).cloned().collect();
        let (mut pages, mut known) = (Vec::new(), self.marks.iter().skip(layout.same));
        let from = u32::try_from(layout.same).unwrap_or(u32::MAX);
        for (number, draft) in (from..).zip(layout.drafts) {
            let text = draft.text.whole();
            let inside = Sha256Hash::of(&text);
            let before = known.next();
            if let Some(same) = before.filter(|mark| mark.inside == inside) {
                marks.push(same.clone());
                continue;
            }
            let version = before.map_or(1, |mark| mark.version + 1);
            let page = key.encrypt(&context(hub, number, version), &text, &mut rng);
            marks.push(Mark {
                version,
                seal: Bytes(seal_of(&page).to_vec()),
                inside,
                records: draft.records,
            });
            pages.push((number, page));
        }
        (marks, pages)
    }
}

/// The profile without its records, but for those that no envelope would bring again.
pub(super) fn seal_head(
    profile: &mut Profile,
    marks: &[Mark],
    checked: Vec<Sha256Hash>,
    (root, rng): (&RootSecret, &mut dyn rand_core::CryptoRng),
) -> Vec<u8> {
    let records = std::mem::take(&mut profile.records);
    let imported = records.iter().enumerate().filter(|(_, r)| r.hub.is_some());
    profile.packed = Some(PackedHead {
        pages: marks.to_vec(),
        imported: imported.map(|(at, r)| (at, Arc::clone(r))).collect(),
    });
    profile.checked = checked;
    let head = profile.encrypt(root, rng);
    profile.packed = None;
    profile.records = records;
    head
}

/// Opens a page if it is the one that the head names.
pub(super) fn open(
    key: &LocalKey,
    hub: &HubId,
    number: u32,
    mark: &Mark,
    page: &[u8],
) -> Option<Vec<Entry>> {
    if seal_of(page) != mark.seal.0.as_slice() {
        return None;
    }
    let text = key
        .decrypt(&context(hub, number, mark.version), page)
        .ok()?;
    let entries = form::read(&text)?;
    let named = entries.iter().map(|e| (e.held.link, e.held.kept_hash));
    named.eq(mark.records.iter().copied()).then_some(entries)
}

/// What a page is and where it lies: the AAD of its seal.
fn context(hub: &HubId, number: u32, version: u64) -> Vec<u8> {
    let place = (number.to_be_bytes(), version.to_be_bytes());
    [CONTEXT, hub.as_bytes(), &place.0, &place.1].concat()
}

fn seal_of(page: &[u8]) -> &[u8] {
    page.last_chunk::<SEAL_SIZE_BYTES>()
        .map_or(&[][..], |tag| tag)
}
