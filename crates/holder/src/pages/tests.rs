use super::*;
use crate::profile::Delivery;
use denizen_model::{
    MessageId, Nonce, OrgId, UnixTime,
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
fn record(number: u16, size: usize) -> HeldRecord {
    let kept = format!("{number} {SECRET} {}", "x".repeat(size));
    HeldRecord {
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
    }
}

/// What lies on the disk of a device, and what its program knows of it.
struct Device {
    profile: Profile,
    pages: Pages,
    disk: (Vec<u8>, BTreeMap<u32, Vec<u8>>),
    rng: ChaCha20Rng,
}

impl Device {
    fn new() -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(9);
        let profile = Profile::new(HUB, "https://hub", "en", OutChain::make(vec![], &mut rng));
        let (pages, disk) = Default::default();
        Self {
            profile,
            pages,
            disk,
            rng,
        }
    }

    /// Keeps all that changed; gives the numbers of the pages that were written.
    fn keep(&mut self, root: &RootSecret) -> Vec<u32> {
        let drafts = self.pages.drafts(&self.profile.records);
        let (marks, pages) = self.pages.seal(drafts, (root, &HUB), &mut self.rng);
        let head = seal_head(&mut self.profile, &marks, vec![], (root, &mut self.rng));
        let written = pages.iter().map(|(number, _)| *number).collect();
        self.disk.0 = head;
        self.disk.1.extend(pages);
        self.disk
            .1
            .retain(|number, _| (*number as usize) < marks.len());
        self.pages.marks = marks;
        written
    }

    fn open(&self, root: &RootSecret) -> (Profile, Pages) {
        let mut profile = Profile::decrypt(root, &self.disk.0).unwrap();
        let pages = Pages::read(&mut profile, root, &self.disk.1, &Checked::default());
        (profile, pages)
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
    device.profile.records[40].link = 2;
    assert_eq!(device.keep(&root(1)), vec![1]);
    device.profile.records.retain(|r| r.link == 2);
    assert_eq!(device.keep(&root(1)), vec![0]);
    assert_eq!(device.disk.1.len(), 1);
    assert_eq!(device.open(&root(1)).0.records, device.profile.records);
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
        device.profile.records[40].link = 2;
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
        device.profile.records[0].link = link;
        device.keep(&root(1));
    }
    assert_eq!(one.pages.marks[0].version, two.pages.marks[0].version);
    one.disk.1 = two.disk.1;
    assert_eq!(one.open(&root(1)).0.lost.len(), 5);
}

#[test]
fn what_an_export_brought_stays_in_the_head_and_in_its_place() {
    let mut device = Device::with(5);
    device.profile.records[2].hub = Some(HUB);
    device.profile.records[4].hub = Some(HUB);
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
    let drafts = device.pages.drafts(&device.profile.records);
    let _lost = device.pages.seal(drafts, (&root(1), &HUB), &mut device.rng);
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
                Step::Change(at) if many > 0 => device.profile.records[at % many].link += 1,
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
