//! The manifest: what she has, so that something older shows when it is given back (R10).

use super::Part;
use crate::{
    Holder,
    holder::HolderError,
    profile::{Link, LinkState},
};
use denizen_model::{MessageId, Sha256Hash, UnixTime};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The manifest: a newer one has a higher version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ManifestPart {
    pub(crate) version: u64,
    pub(crate) next_index: u32,
    pub(crate) links: Vec<ManifestLink>,
    /// SHA-256 over the kept-copy hashes of all records, sorted.
    pub(crate) records: Sha256Hash,
    /// Links were still to be restored: `records` has none of theirs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) partial: bool,
    pub(crate) log_sizes: BTreeMap<String, u64>,
}

/// What the manifest says of one link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ManifestLink {
    pub(crate) index: u32,
    pub(crate) state: LinkState,
    pub(crate) accept: Option<(MessageId, Sha256Hash)>,
    pub(crate) cursor: Option<u64>,
    pub(crate) out_head: Option<Sha256Hash>,
}

impl Holder {
    /// Queues a manifest if what she has differs from the last one.
    pub(crate) fn queue_manifest(
        &mut self,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        let mut manifest = self.manifest();
        let unchanged = Sha256Hash::of(&serde_json::to_vec(&manifest).expect("JSON"));
        if self.profile.manifest == Some(unchanged) {
            return Ok(());
        }
        self.profile.version += 1;
        manifest.version = self.profile.version;
        self.queue_state(&Part::Manifest(manifest), now, rng)?;
        self.profile.manifest = Some(unchanged);
        Ok(())
    }

    /// SHA-256 over the kept-copy hashes of all records, sorted; those that wait to come again count.
    pub(crate) fn records_hash(&self) -> Sha256Hash {
        let mut kept: Vec<_> = self.profile.records.iter().map(|r| r.kept_hash).collect();
        kept.extend(self.profile.lost.iter().map(|(_, kept)| *kept));
        kept.sort_unstable();
        kept.dedup();
        let bytes: Vec<u8> = kept.iter().flat_map(|h| *h.as_bytes()).collect();
        Sha256Hash::of(&bytes)
    }

    /// What she has, as version 0 and without what changes by itself.
    fn manifest(&self) -> ManifestPart {
        let link = |l: &Link| ManifestLink {
            index: l.index,
            state: l.state,
            accept: l.accept,
            cursor: l.cursor,
            out_head: l.out.head(),
        };
        let due = &self.profile.links_due;
        let said = due.iter().filter_map(|due| due.said().cloned());
        ManifestPart {
            version: 0,
            next_index: self.profile.next_index,
            links: self.profile.links.iter().map(link).chain(said).collect(),
            records: self.records_hash(),
            partial: !due.is_empty(),
            log_sizes: BTreeMap::new(),
        }
    }
}
