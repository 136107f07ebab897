//! Records in sealed pages of their own, with what was checked of them. Decided in
//! `docs/decisions/0009-packed-pages.md`, specified in `docs/spec/state.md`.
//!
//! The head (the profile without its records) names every page by version and seal. So a page that is
//! gone, older, altered, moved or of another profile shows, and its records are taken in again from
//! their envelopes. Nothing that lies in a page is believed because it lies there: a page that opens
//! was sealed by this profile's root, and it says that a signature was good, not that its key counts.

mod form;
mod layout;
mod seal;

use crate::{Holder, Profile, checked::Checked, profile::HeldRecord, read::Read};
use denizen_model::{Sha256Hash, id::Bytes};
use denizen_seal::RootSecret;
use seal::{open, seal_head};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// Records of one page, at most.
pub const PAGE_RECORDS_MAX: usize = 32;
/// Size of a page before it is sealed, in bytes, unless a single record is larger.
pub const PAGE_SIZE_BYTES_MAX: usize = 256 << 10;

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
    imported: Vec<(usize, Arc<HeldRecord>)>,
}

/// The pages of an opened profile, as they were last kept.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    marks: Vec<Mark>,
    /// By kept copy: its signature that was good.
    good: BTreeMap<Sha256Hash, Sha256Hash>,
    /// The records as they lie in the pages, in their order; none if that is not known.
    laid: Vec<Arc<Laid>>,
}

/// A record in a page, with its signature that was good, and whether the page says what it says.
pub(crate) type Laid = (Arc<HeldRecord>, Option<Sha256Hash>, bool);

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
    laid: Vec<Arc<Laid>>,
}

impl Pages {
    /// Fills a decrypted head with the records of its pages.
    pub(crate) fn read(
        profile: &mut Profile,
        root: &RootSecret,
        pages: &BTreeMap<u32, Vec<u8>>,
        (checked, read): (&Checked, &Read),
    ) -> Self {
        let mut this = Self::default();
        let Some(head) = profile.packed.take() else {
            return this;
        };
        let (key, mut whole) = (root.derive_pages(), true);
        for (number, mut mark) in (0..).zip(head.pages) {
            let page = pages.get(&number);
            let opened = page.and_then(|page| open(&key, &profile.hub, number, &mark, page));
            if let Some(entries) = opened {
                for entry in entries {
                    let good = entry.good.map(|good| (entry.held.kept_hash, good));
                    this.good.extend(good);
                    let said = entry.said.is_some();
                    let laid = Arc::new((Arc::clone(&entry.held), entry.good, said));
                    if let Some(said) = entry.said {
                        read.danger_remember(&laid, said);
                    }
                    this.laid.push(laid);
                    profile.records.push(entry.held);
                }
            } else {
                profile.lost.extend(std::mem::take(&mut mark.records));
                // Nothing has this hash: it is written anew.
                mark.inside = Sha256Hash::new([0; 32]);
                whole = false;
            }
            this.marks.push(mark);
        }
        if !whole {
            this.laid.clear();
        }
        for (at, record) in head.imported {
            profile
                .records
                .insert(at.min(profile.records.len()), record);
        }
        checked.danger_remember(this.good.values().copied());
        this
    }
}

impl Holder {
    /// The profile as it is kept in pages; only the pages that changed since [`Holder::kept`].
    #[must_use]
    pub fn pack(&mut self, rng: &mut dyn rand_core::CryptoRng) -> Packed {
        self.name_signatures();
        let mut layout = self.pages.layout(&self.profile.records, &self.read);
        let laid = std::mem::take(&mut layout.laid);
        let at = (&self.root, &self.profile.hub);
        let (marks, pages) = self.pages.seal(layout, at, rng);
        let checked = self.trust.checked().asked();
        Packed {
            head: seal_head(&mut self.profile, &marks, checked, (&self.root, rng)),
            count: u32::try_from(marks.len()).unwrap_or(u32::MAX),
            pages,
            marks,
            laid,
        }
    }

    /// The caller has kept all of it: the next [`Holder::pack`] gives what changes from now on.
    pub fn kept(&mut self, packed: Packed) {
        (self.pages.marks, self.pages.laid) = (packed.marks, packed.laid);
    }

    /// How many signatures of records, directories and lists were checked since the profile was opened;
    /// what was checked before that is not counted.
    #[must_use]
    pub fn signatures_checked(&self) -> u64 {
        self.checked.count() + self.trust.checked().count()
    }

    /// How many credentials were read since the profile was opened: parsed, and their disclosures hashed.
    #[must_use]
    pub fn credentials_read(&self) -> u64 {
        self.read.count()
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
            let named = known.or_else(|| self.known(record, &record.kept).ok()?.named);
            good.extend(named.map(|named| (record.kept_hash, named)));
        }
        self.read.retain(|kept| good.contains_key(kept));
        self.pages.good = good;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::{profile::Delivery, read::Said};
    use denizen_model::{
        HubId, MessageId, Nonce, OrgId, UnixTime,
        deposit::Receipt,
        message::{OutChain, Sensitivity},
    };
    use proptest::prelude::*;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    const HUB: HubId = HubId::new([3; 32]);
    const SECRET: &str = "a word that is in no clear text";

    fn root(n: u8) -> RootSecret {
        RootSecret::from_bytes([n; 32])
    }

    /// A record of so many bytes; what it says does not matter here.
    fn record(number: u16, size: usize) -> Arc<HeldRecord> {
        let kept = format!("{number} {SECRET} {}", "x".repeat(size));
        Arc::new(HeldRecord {
            record: MessageId::new([1; 16]),
            link: 1,
            issuer: OrgId::new([2; 32]),
            vct: "urn:denizen:kind:travel-document:1".into(),
            kept_hash: Sha256Hash::of(kept.as_bytes()),
            kept,
            copies: Vec::new(),
            sensitivity: Sensitivity::Ordinary,
            notice: None,
            legal_basis: None,
            received: UnixTime(1_790_000_000),
            delivery: Delivery {
                receipt: Receipt {
                    proof: String::new(),
                    nonce_a: Nonce::new([0; 32]),
                },
                salt: Nonce::new([0; 32]),
                attachment: (0, 1),
                path: Vec::new(),
            },
            supersedes: Vec::new(),
            changes: Vec::new(),
            changed_at: None,
            hub: None,
        })
    }

    /// What lies on the disk of a device, and what its program knows of it.
    struct Device {
        profile: Profile,
        pages: Pages,
        read: Read,
        disk: (Vec<u8>, BTreeMap<u32, Vec<u8>>),
        rng: ChaCha20Rng,
    }

    impl Device {
        fn new() -> Self {
            let mut rng = ChaCha20Rng::seed_from_u64(9);
            let profile = Profile::new(HUB, "https://hub", "en", OutChain::make(vec![], &mut rng));
            let (pages, read, disk) = Default::default();
            Self {
                profile,
                pages,
                read,
                disk,
                rng,
            }
        }

        /// Keeps all that changed; gives the numbers of the pages that were written.
        fn keep(&mut self, root: &RootSecret) -> Vec<u32> {
            let mut layout = self.pages.layout(&self.profile.records, &self.read);
            let laid = std::mem::take(&mut layout.laid);
            let (marks, pages) = self.pages.seal(layout, (root, &HUB), &mut self.rng);
            let head = seal_head(&mut self.profile, &marks, vec![], (root, &mut self.rng));
            let written = pages.iter().map(|(number, _)| *number).collect();
            self.disk.0 = head;
            self.disk.1.extend(pages);
            self.disk
                .1
                .retain(|number, _| (*number as usize) < marks.len());
            (self.pages.marks, self.pages.laid) = (marks, laid);
            written
        }

        fn open(&self, root: &RootSecret) -> (Profile, Pages) {
            let (profile, pages, _) = self.open_reading(root);
            (profile, pages)
        }

        fn open_reading(&self, root: &RootSecret) -> (Profile, Pages, Read) {
            let mut profile = Profile::decrypt(root, &self.disk.0).unwrap();
            let read = Read::default();
            let known = (&Checked::default(), &read);
            let pages = Pages::read(&mut profile, root, &self.disk.1, known);
            (profile, pages, read)
        }

        fn with(records: u16) -> Self {
            let mut device = Self::new();
            device.profile.records = (0..records).map(|n| record(n, 40)).collect();
            device.keep(&root(1));
            device
        }
    }

    fn names(profile: &Profile) -> Vec<(u32, Sha256Hash)> {
        profile
            .records
            .iter()
            .map(|r| (r.link, r.kept_hash))
            .collect()
    }

    #[test]
    fn a_record_more_writes_the_last_page_alone_and_a_record_less_leaves_nothing_behind() {
        let mut device = Device::with(100);
        assert_eq!(device.disk.1.len(), 4);
        assert!(device.keep(&root(1)).is_empty(), "nothing changed");
        device.profile.records.push(record(100, 40));
        assert_eq!(device.keep(&root(1)), vec![3]);
        Arc::make_mut(&mut device.profile.records[40]).link = 2;
        assert_eq!(device.keep(&root(1)), vec![1]);
        device.profile.records.retain(|r| r.link == 2);
        assert_eq!(device.keep(&root(1)), vec![0]);
        assert_eq!(device.disk.1.len(), 1);
        assert_eq!(device.open(&root(1)).0.records, device.profile.records);
    }

    #[test]
    fn what_lies_in_a_page_already_is_not_written_down_again() {
        let mut device = Device::with(100);
        let drafted = |device: &Device| {
            let layout = device.pages.layout(&device.profile.records, &device.read);
            let drafts = layout.drafts.iter().map(|d| d.records.len());
            (layout.same, drafts.collect::<Vec<_>>())
        };
        assert_eq!(drafted(&device), (4, vec![]));
        (_, device.pages) = device.open(&root(1));
        assert_eq!(drafted(&device), (4, vec![]), "nor after it was opened");
        device.profile.records.push(record(100, 40));
        assert_eq!(drafted(&device), (3, vec![5]));
        Arc::make_mut(&mut device.profile.records[40]).link = 2;
        assert_eq!(drafted(&device), (1, vec![32, 32, 5]));
        let kept = device.profile.records[40].kept_hash;
        Arc::make_mut(&mut device.profile.records[40]).link = 1;
        device.pages.good.insert(kept, Sha256Hash::new([7; 32]));
        assert_eq!(
            drafted(&device),
            (1, vec![32, 32, 5]),
            "a signature is known"
        );
        device.profile.records.clear();
        assert_eq!(drafted(&device), (0, vec![]));
    }

    #[test]
    fn what_a_record_says_lies_beside_it() {
        let said = || -> Said {
            let said = serde_json::json!(["i", "k", "AA", null, null, { "number": "7" }]);
            serde_json::from_value(said).unwrap()
        };
        let mut device = Device::with(3);
        let signed = device.profile.records[0].clone();
        let good = Sha256Hash::new([7; 32]);
        device.pages.good.insert(signed.kept_hash, good);
        for held in &device.profile.records[..2] {
            let laid = Arc::new((held.clone(), Some(good), true));
            device.read.danger_remember(&laid, said());
        }
        assert_eq!(device.keep(&root(1)), vec![0]);
        assert!(device.keep(&root(1)).is_empty(), "it is there");
        let (_, pages, read) = device.open_reading(&root(1));
        let there = read.said(&signed.kept_hash, &signed.kept).unwrap();
        assert_eq!(*there, said());
        assert!(read.said(&signed.kept_hash, "another text").is_none());
        let unsigned = &device.profile.records[1];
        assert!(read.said(&unsigned.kept_hash, &unsigned.kept).is_none());
        (device.pages, device.read) = (pages, read);
        assert!(device.keep(&root(1)).is_empty(), "nor after it was opened");
        // A page that says nothing is written anew once its records were read.
        let laid = Arc::new((signed.clone(), Some(good), true));
        let mut before = Device::with(3);
        before.pages.good.insert(signed.kept_hash, good);
        assert_eq!(before.keep(&root(1)), vec![0]);
        before.read.danger_remember(&laid, said());
        assert_eq!(before.keep(&root(1)), vec![0]);
    }

    #[test]
    fn a_page_is_bounded_and_nothing_in_it_or_in_the_head_lies_in_clear() {
        let mut device = Device::new();
        device.profile.records = (0..20).map(|n| record(n, 60_000)).collect();
        device.profile.records.push(record(20, 400_000));
        device.keep(&root(1));
        let large = device
            .disk
            .1
            .values()
            .filter(|p| p.len() > PAGE_SIZE_BYTES_MAX + 28);
        assert_eq!(large.count(), 1, "one record is larger than a page");
        let clear = |bytes: &[u8]| bytes.windows(SECRET.len()).any(|w| w == SECRET.as_bytes());
        assert!(clear(device.profile.records[0].kept.as_bytes()));
        assert!(!device.disk.1.values().any(|page| clear(page)) && !clear(&device.disk.0));
    }

    #[test]
    fn an_older_moved_altered_foreign_or_missing_page_is_noticed() {
        let fresh = || {
            let mut device = Device::with(100);
            let before = device.disk.1.clone();
            Arc::make_mut(&mut device.profile.records[40]).link = 2;
            device.keep(&root(1));
            (device, before)
        };
        type Attack = fn(&mut BTreeMap<u32, Vec<u8>>, &BTreeMap<u32, Vec<u8>>);
        let attacks: [Attack; 6] = [
            |disk, before| drop(disk.insert(1, before[&1].clone())),
            |disk, _| drop(disk.insert(1, disk[&2].clone())),
            |disk, _| disk.get_mut(&1).unwrap()[20] ^= 1,
            |disk, _| *disk.get_mut(&1).unwrap().last_mut().unwrap() ^= 1,
            |disk, _| drop(disk.remove(&1)),
            |disk, _| disk.get_mut(&1).unwrap().truncate(7),
        ];
        for attack in attacks {
            let (mut device, before) = fresh();
            attack(&mut device.disk.1, &before);
            let (profile, pages) = device.open(&root(1));
            let all = names(&device.profile);
            assert_eq!(profile.lost, all[32..64].iter().copied().collect());
            assert_eq!(names(&profile), [&all[..32], &all[64..]].concat());
            // What is there is kept anew, and opens whole.
            let mut mended = Device {
                profile,
                pages,
                ..device
            };
            mended.keep(&root(1));
            assert_eq!(mended.open(&root(1)).0, mended.profile);
        }
        // Another root's page of the same number, version and records.
        let (mut device, _) = fresh();
        let mut other = Device::new();
        other.profile.records = device.profile.records.clone();
        other.keep(&root(2));
        device.disk.1.insert(1, other.disk.1[&1].clone());
        assert_eq!(device.open(&root(1)).0.lost.len(), 32);
    }

    #[test]
    fn of_two_pages_of_one_version_only_the_one_that_the_head_names_opens() {
        // A device's folder was copied, and both went on.
        let (mut one, mut two) = (Device::with(5), Device::with(5));
        two.rng = ChaCha20Rng::seed_from_u64(10);
        for (device, link) in [(&mut one, 2), (&mut two, 3)] {
            Arc::make_mut(&mut device.profile.records[0]).link = link;
            device.keep(&root(1));
        }
        assert_eq!(one.pages.marks[0].version, two.pages.marks[0].version);
        one.disk.1 = two.disk.1;
        assert_eq!(one.open(&root(1)).0.lost.len(), 5);
    }

    #[test]
    fn what_an_export_brought_stays_in_the_head_and_in_its_place() {
        let mut device = Device::with(5);
        Arc::make_mut(&mut device.profile.records[2]).hub = Some(HUB);
        Arc::make_mut(&mut device.profile.records[4]).hub = Some(HUB);
        device.keep(&root(1));
        assert_eq!(device.open(&root(1)).0.records, device.profile.records);
        device.disk.1.clear();
        let (profile, _) = device.open(&root(1));
        assert_eq!((profile.records.len(), profile.lost.len()), (2, 3));
    }

    #[test]
    fn a_writing_that_failed_is_made_up_for_by_the_next() {
        let mut device = Device::with(40);
        device.profile.records.push(record(40, 40));
        // Drafted and sealed, but neither written nor confirmed.
        let layout = device.pages.layout(&device.profile.records, &device.read);
        let _lost = device.pages.seal(layout, (&root(1), &HUB), &mut device.rng);
        device.keep(&root(1));
        assert_eq!(device.open(&root(1)).0.records, device.profile.records);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Add(u16, usize),
        Drop(usize),
        Change(usize),
        Reopen,
        Spoil(usize, usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (any::<u16>(), 0..3_000usize).prop_map(|(n, size)| Step::Add(n, size)),
            1 => any::<usize>().prop_map(Step::Drop),
            2 => any::<usize>().prop_map(Step::Change),
            1 => Just(Step::Reopen),
            1 => (any::<usize>(), any::<usize>()).prop_map(|(page, at)| Step::Spoil(page, at)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        /// Whatever happens to records and pages: what opens is what was kept, and what does not is known
        /// to be lost.
        #[test]
        fn records_are_there_as_kept_or_known_to_be_lost(steps in prop::collection::vec(step(), 1..80)) {
            let mut device = Device::new();
            device.keep(&root(1));
            for step in steps {
                let many = device.profile.records.len();
                match step {
                    Step::Add(n, size) => {
                        let new = record(n, size);
                        if device.profile.records.iter().all(|r| r.kept_hash != new.kept_hash) {
                            device.profile.records.push(new);
                        }
                    }
                    Step::Drop(at) if many > 0 => drop(device.profile.records.remove(at % many)),
                    Step::Change(at) if many > 0 => Arc::make_mut(&mut device.profile.records[at % many]).link += 1,
                    Step::Spoil(page, at) if !device.disk.1.is_empty() => {
                        let page = u32::try_from(page % device.disk.1.len()).unwrap();
                        let bytes = device.disk.1.get_mut(&page).unwrap();
                        let at = at % bytes.len();
                        bytes[at] ^= 1;
                        let (profile, pages) = device.open(&root(1));
                        let gone = &device.pages.marks[page as usize].records;
                        prop_assert_eq!(&profile.lost, &gone.iter().copied().collect());
                        let mut left = device.profile.records.clone();
                        left.retain(|r| !gone.contains(&(r.link, r.kept_hash)));
                        prop_assert_eq!(&profile.records, &left);
                        (device.profile, device.pages) = (profile, pages);
                        // The next sync brings them.
                        device.profile.lost.clear();
                    }
                    _ => {
                        let (profile, pages) = device.open(&root(1));
                        prop_assert_eq!(&profile, &device.profile);
                        (device.profile, device.pages) = (profile, pages);
                    }
                }
                device.keep(&root(1));
            }
            prop_assert_eq!(device.open(&root(1)).0, device.profile);
        }
    }
}
