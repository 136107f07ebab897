//! Records in sealed pages of their own, with what was checked of them. Decided in
//! `docs/decisions/0009-packed-pages.md`, specified in `docs/spec/state.md`.
//!
//! The head (the profile without its records) names every page by version and seal. So a page that is
//! gone, older, altered, moved or of another profile shows, and its records are taken in again from
//! their envelopes. Nothing that lies in a page is believed because it lies there: a page that opens
//! was sealed by this profile's root, and it says that a signature was good, not that its key counts.

use crate::{
    Holder, Profile,
    checked::{Checked, Naming},
    profile::HeldRecord,
};
use denizen_model::{HubId, Sha256Hash, id::Bytes};
use denizen_seal::{LocalKey, RootSecret};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Records of one page, at most.
pub const PAGE_RECORDS_MAX: usize = 32;
/// Size of a page before it is sealed, in bytes, unless a single record is larger.
pub const PAGE_SIZE_BYTES_MAX: usize = 256 << 10;

const CONTEXT: &[u8] = b"denizen/v1/page";
/// Size of the authentication tag at a page's end.
const SEAL_SIZE_BYTES: usize = 16;

/// One page, as the head knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    /// Counts up with each writing of this page.
    version: u64,
    /// The tag of the sealed page: two pages of one version are told apart.
    seal: Bytes,
    /// SHA-256 of what was sealed.
    inside: Sha256Hash,
    /// The records in it: link and kept copy of each.
    records: Vec<(u32, Sha256Hash)>,
}

/// What the head keeps where records lie in pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PackedHead {
    pages: Vec<Mark>,
    /// Records that came out of an export, each with its place: no envelope would bring them again.
    imported: Vec<(usize, HeldRecord)>,
}

/// A record in a page.
#[derive(Deserialize)]
struct Entry {
    held: HeldRecord,
    /// The signature of the kept copy that was good, if it was.
    good: Option<Sha256Hash>,
}

#[derive(Serialize)]
struct EntryOf<'a> {
    held: &'a HeldRecord,
    good: Option<Sha256Hash>,
}

/// The pages of an opened profile, as they were last kept.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    marks: Vec<Mark>,
    /// By kept copy: its signature that was good.
    good: BTreeMap<Sha256Hash, Sha256Hash>,
}

/// A profile as it is kept in pages. Head and pages are written at once or not at all.
#[derive(Debug)]
pub struct Packed {
    /// The profile without its records, encrypted.
    pub head: Vec<u8>,
    /// Pages that changed since [`Holder::kept`], by number, sealed.
    pub pages: Vec<(u32, Vec<u8>)>,
    /// How many pages there are: what has a higher number is to be deleted.
    pub count: u32,
    marks: Vec<Mark>,
}

/// What is sealed into a page, before it is.
struct Draft {
    records: Vec<(u32, Sha256Hash)>,
    json: Vec<u8>,
}

impl Pages {
    /// Fills a decrypted head with the records of its pages.
    pub(crate) fn read(
        profile: &mut Profile,
        root: &RootSecret,
        pages: &BTreeMap<u32, Vec<u8>>,
        checked: &Checked,
    ) -> Self {
        let mut this = Self::default();
        let Some(head) = profile.packed.take() else {
            return this;
        };
        let key = root.derive_pages();
        for (number, mut mark) in (0..).zip(head.pages) {
            let page = pages.get(&number);
            let opened = page.and_then(|page| open(&key, &profile.hub, number, &mark, page));
            if let Some(entries) = opened {
                for entry in entries {
                    let good = entry.good.map(|good| (entry.held.kept_hash, good));
                    this.good.extend(good);
                    profile.records.push(entry.held);
                }
            } else {
                profile.lost.extend(std::mem::take(&mut mark.records));
                // Nothing has this hash: it is written anew.
                mark.inside = Sha256Hash::new([0; 32]);
            }
            this.marks.push(mark);
        }
        for (at, record) in head.imported {
            profile
                .records
                .insert(at.min(profile.records.len()), record);
        }
        checked.danger_remember(this.good.values().copied());
        this
    }

    /// The pages in the order of the records: what is added changes the last page alone.
    fn drafts(&self, records: &[HeldRecord]) -> Vec<Draft> {
        let mut drafts: Vec<Draft> = Vec::new();
        for held in records.iter().filter(|r| r.hub.is_none()) {
            let good = self.good.get(&held.kept_hash).copied();
            let json = serde_json::to_vec(&EntryOf { held, good }).expect("a record is JSON");
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
        drafts
    }

    /// Seals what changed; gives the marks of all pages.
    fn seal(
        &self,
        drafts: Vec<Draft>,
        (root, hub): (&RootSecret, &HubId),
        rng: &mut dyn rand_core::CryptoRng,
    ) -> (Vec<Mark>, Vec<(u32, Vec<u8>)>) {
        let (key, mut rng) = (root.derive_pages(), rng);
        let (mut marks, mut pages) = (Vec::new(), Vec::new());
        let mut known = self.marks.iter();
        for (number, draft) in (0..).zip(drafts) {
            let inside = Sha256Hash::of(&draft.json);
            let before = known.next();
            if let Some(same) = before.filter(|mark| mark.inside == inside) {
                marks.push(same.clone());
                continue;
            }
            let version = before.map_or(1, |mark| mark.version + 1);
            let page = key.encrypt(&context(hub, number, version), &draft.json, &mut rng);
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

impl Holder {
    /// The profile as it is kept in pages; only the pages that changed since [`Holder::kept`].
    #[must_use]
    pub fn pack(&mut self, rng: &mut dyn rand_core::CryptoRng) -> Packed {
        self.name_signatures();
        let drafts = self.pages.drafts(&self.profile.records);
        let at = (&self.root, &self.profile.hub);
        let (marks, pages) = self.pages.seal(drafts, at, rng);
        let checked = self.trust.checked().asked();
        Packed {
            head: seal_head(&mut self.profile, &marks, checked, (&self.root, rng)),
            count: u32::try_from(marks.len()).unwrap_or(u32::MAX),
            pages,
            marks,
        }
    }

    /// The caller has kept all of it: the next [`Holder::pack`] gives what changes from now on.
    pub fn kept(&mut self, packed: Packed) {
        self.pages.marks = packed.marks;
    }

    /// How many signatures of records, directories and lists were checked since the profile was opened;
    /// what was checked before that is not counted.
    #[must_use]
    pub fn signatures_checked(&self) -> u64 {
        self.checked.count() + self.trust.checked().count()
    }

    /// How many envelopes were opened, or tried, since the profile was.
    #[must_use]
    pub fn envelopes_opened(&self) -> u64 {
        self.envelopes_opened
    }

    /// Names the signature of each kept copy that is good; forgets those of records that are gone.
    fn name_signatures(&mut self) {
        let mut good = BTreeMap::new();
        for record in &self.profile.records {
            let known = self.pages.good.get(&record.kept_hash).copied();
            let named = known.or_else(|| {
                let naming = Naming::new(&self.checked);
                let verified = self.credential_by(&naming, record, &record.kept);
                verified.ok().and_then(|_| naming.named())
            });
            good.extend(named.map(|named| (record.kept_hash, named)));
        }
        self.pages.good = good;
    }
}

/// The profile without its records, but for those that no envelope would bring again.
fn seal_head(
    profile: &mut Profile,
    marks: &[Mark],
    checked: Vec<Sha256Hash>,
    (root, rng): (&RootSecret, &mut dyn rand_core::CryptoRng),
) -> Vec<u8> {
    let records = std::mem::take(&mut profile.records);
    let imported = records.iter().enumerate().filter(|(_, r)| r.hub.is_some());
    profile.packed = Some(PackedHead {
        pages: marks.to_vec(),
        imported: imported.map(|(at, r)| (at, r.clone())).collect(),
    });
    profile.checked = checked;
    let head = profile.encrypt(root, rng);
    profile.packed = None;
    profile.records = records;
    head
}

/// Opens a page if it is the one that the head names.
fn open(key: &LocalKey, hub: &HubId, number: u32, mark: &Mark, page: &[u8]) -> Option<Vec<Entry>> {
    if seal_of(page) != mark.seal.0.as_slice() {
        return None;
    }
    let json = key
        .decrypt(&context(hub, number, mark.version), page)
        .ok()?;
    let entries: Vec<Entry> = serde_json::from_slice(&json).ok()?;
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;
