//! Import: an export goes into a profile, without any server (D1, D6). Everything is checked as
//! `verify` does; what is bad is kept out with its reason, what is good goes in, and a rerun repeats
//! nothing. Specified in `docs/spec/export.md`.

mod adopt;
mod earlier;
mod read;

pub use earlier::EarlierView;

use crate::{
    ExportError, Holder,
    export::{MANIFEST_FILE, check_hashes, open_manifest, read_directories},
    profile::{Application, Dispute, EarlierRecord, Erasure, HeldRecord, NoteEntry, NoticeEntry},
    profile::{RefusedRecord, SentReceipt},
};
use denizen_api::directory::VerifiedDirectory;
use denizen_jose::PublicKey;
use denizen_model::{
    HubId, Sha256Hash, UnixTime,
    catalogue::Catalogue,
    message::{HubAddress, Reply},
};
use denizen_seal::{AddressIndex, RootSecret};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Why an export cannot be taken in at all; nothing is changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// Its manifest, its keys or its own hub's directory are not as they were made.
    #[error("the export is not as it was made")]
    Export(#[from] ExportError),
    /// It is of another profile, and the caller did not say that it was hers.
    #[error("the export is of another profile: say that it was yours before to keep it as history")]
    OtherProfile,
}

impl ImportError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Export(_) => "export-changed",
            Self::OtherProfile => "other-profile",
        }
    }
}

/// Why one file of an export was kept out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LeftOut {
    /// As the check of an export says.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// Not what such a file holds.
    #[error("{0}: is not understood by this version")]
    Malformed(String),
    /// The record, or a copy of it, is bound to a key that is not of this profile.
    #[error("{0}: is bound to a key of somebody else")]
    NotHers(String),
    /// The link was shredded: nothing of it may come back.
    #[error("{0}: is of a link that was shredded")]
    Shredded(String),
    /// The link is with another organisation than the record's issuer.
    #[error("{0}: is of another organisation than its link")]
    OtherLink(String),
}

impl LeftOut {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Export(ExportError::Changed(_)) => "import-changed",
            Self::Export(ExportError::Unknown(_)) => "import-unknown",
            Self::Export(ExportError::Directory(_) | ExportError::OtherHub(_)) => {
                "import-directory"
            }
            Self::Export(ExportError::Credential(_)) => "import-credential",
            Self::Export(ExportError::Status(_)) => "import-status",
            Self::Export(ExportError::Receipt(_)) => "import-receipt",
            Self::Malformed(_) => "import-malformed",
            Self::NotHers(_) => "import-not-hers",
            Self::Shredded(_) => "import-shredded",
            Self::OtherLink(_) => "import-other-link",
        }
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &str {
        match self {
            Self::Export(error) => error.file(),
            Self::Malformed(f) | Self::NotHers(f) | Self::Shredded(f) | Self::OtherLink(f) => f,
        }
    }
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportReport {
    /// Address 0 of the profile that was exported.
    pub owner: Option<HubAddress>,
    /// It is this profile; else its records are history.
    pub own: bool,
    /// The hubs under whose directories it was checked.
    pub hubs: Vec<HubId>,
    /// Records that went in.
    pub records: usize,
    /// Records that were here.
    pub repeated: usize,
    /// Applications, disputes, requests, notices, notes and receipts that went in.
    pub others: usize,
    /// What was kept out, each with its reason.
    pub left_out: Vec<LeftOut>,
}

/// A record with its file and the keys that its copies are bound to.
struct Found {
    file: String,
    record: HeldRecord,
    bound_to: Vec<PublicKey>,
}

/// The parts of an export that were checked.
#[derive(Default)]
struct Parts {
    directories: BTreeMap<HubId, VerifiedDirectory>,
    records: Vec<Found>,
    earlier: Vec<EarlierRecord>,
    statuses: Vec<(String, String, HubId)>,
    sent: Vec<SentReceipt>,
    applications: Vec<Application>,
    disputes: Vec<Dispute>,
    erasures: Vec<Erasure>,
    notices: Vec<NoticeEntry>,
    notes: Vec<NoteEntry>,
    returned: Vec<Sha256Hash>,
    refused: Vec<RefusedRecord>,
    replies: BTreeMap<String, Reply>,
    spent: BTreeSet<String>,
}

impl Holder {
    /// A profile of a root that knows nothing yet, for [`Holder::import`] without a server. The first
    /// sync restores from the hub what the export did not have.
    #[must_use]
    pub fn for_import(
        root: RootSecret,
        at: (HubId, &str),
        (language, catalogue): (&str, Arc<Catalogue>),
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Self {
        let mut holder = Self::fresh(root, at, language, catalogue, rng);
        holder.profile.awaits_hub = true;
        holder
    }

    /// Takes in an export. One of this profile: what is not here goes in; its one-time copies count as
    /// shown, since nobody knows what was shown after it was made. One of another profile, which the
    /// caller says was hers (`earlier`): its records are kept as history, whose keys are not hers now.
    /// A value changes only in memory: a caller that is killed before it keeps the profile has changed
    /// nothing.
    ///
    /// # Errors
    /// [`ImportError`]; nothing is changed.
    pub fn import(
        &mut self,
        files: &BTreeMap<String, Vec<u8>>,
        earlier: bool,
        now: UnixTime,
    ) -> Result<ImportReport, ImportError> {
        let (manifest, keys) = open_manifest(files)?;
        let owner = HubAddress {
            hub: keys.hub,
            address: keys.address,
        };
        let own = keys.address == self.own_keys().address();
        if !own && !earlier {
            return Err(ImportError::OtherProfile);
        }
        let bad = check_hashes(&manifest, files);
        let is_good = |name: &String| bad.iter().all(|e| e.file() != name);
        let good: BTreeMap<_, _> = files
            .iter()
            .filter(|(name, _)| is_good(name) && *name != MANIFEST_FILE)
            .map(|(name, bytes)| (name.clone(), bytes.clone()))
            .collect();
        let mut left_out: Vec<_> = bad.into_iter().map(LeftOut::Export).collect();
        let at = manifest.made.min(now);
        let (mut parts, further) = read::parts(&good, at);
        left_out.extend(further);
        let hubs = parts.directories.keys().copied().collect();
        let mut report = ImportReport {
            owner: Some(owner),
            own,
            hubs,
            left_out,
            ..ImportReport::default()
        };
        if own {
            self.keep_out_foreign(&mut parts.records, &mut report.left_out);
            self.adopt_directories(&mut parts, now);
        } else {
            parts = history(parts, (owner, manifest.made));
        }
        self.adopt(parts, &mut report);
        Ok(report)
    }

    /// Only what is bound to keys of this profile, of links that are not shredded, is hers.
    fn keep_out_foreign(&self, records: &mut Vec<Found>, left_out: &mut Vec<LeftOut>) {
        for found in std::mem::take(records) {
            let record = &found.record;
            let link = self.profile.link(record.link);
            let file = found.file.clone();
            if self.profile.shredded.contains(&record.link) {
                left_out.push(LeftOut::Shredded(file));
            } else if link.is_some_and(|l| l.org != record.issuer) {
                left_out.push(LeftOut::OtherLink(file));
            } else if !self.is_bound_to_her(&found) {
                left_out.push(LeftOut::NotHers(file));
            } else {
                records.push(found);
            }
        }
    }

    fn is_bound_to_her(&self, found: &Found) -> bool {
        let keys = self
            .root
            .derive_address(AddressIndex(found.record.link), None);
        let kept = keys.cnf.public_for().key().clone();
        let copies = found.record.copies.iter().map(|copy| {
            let key = self.root.derive_copy_key(&copy.copy_ref).public_for();
            key.key().clone()
        });
        let hers: Vec<_> = std::iter::once(kept).chain(copies).collect();
        hers == found.bound_to
    }
}

/// Of another profile only its records, as history; and what was history there.
fn history(parts: Parts, (owner, made): (HubAddress, UnixTime)) -> Parts {
    let records = parts.records.into_iter().map(|found| EarlierRecord {
        owner,
        made,
        record: found.record,
    });
    Parts {
        earlier: records.chain(parts.earlier).collect(),
        directories: parts.directories,
        ..Parts::default()
    }
}

/// Replays the directories one by one: a bad one keeps out what counts under it.
fn directories(
    files: &BTreeMap<String, Vec<u8>>,
    at: UnixTime,
) -> (BTreeMap<HubId, VerifiedDirectory>, Vec<LeftOut>) {
    let (mut good, mut bad) = (BTreeMap::new(), Vec::new());
    for (name, bytes) in crate::export::under(files, "directories/") {
        let one = BTreeMap::from([(name.clone(), bytes.clone())]);
        match read_directories(&one, None, at) {
            Ok(directory) => good.extend(directory),
            Err(error) => bad.push(LeftOut::Export(error)),
        }
    }
    (good, bad)
}
