//! Export: everything she has as files, and their check without any server.
//!
//! `manifest.denizen` is a signed object (address 0's `sign` key) whose payload names every other
//! file with its SHA-256; `keys.denizen` is the key statement of address 0. Specified in
//! `docs/spec/export.md`. The files are in clear: whoever has them reads them.

mod attached;
mod check;

pub use check::{ExportError, ExportReport, VerifiedRecord, verify_export, verify_export_of};
pub(crate) use check::{
    check_hashes, check_record_file, check_sent_file, check_status_file, open_manifest,
    read_directories, under,
};

use crate::{
    Holder,
    profile::{Delivery, HeldRecord, LinkState},
    trust::hub_key,
};
use denizen_jose::Object;
use denizen_model::{
    AddressId, CopyRef, HubId, MessageId, OrgId, Sha256Hash, UnixTime,
    message::{HubAddress, Notice, RecordStatus, Sensitivity, holder_kid},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The file that names and hashes all others.
pub const MANIFEST_FILE: &str = "manifest.denizen";
/// `typ` of the manifest.
pub const EXPORT_TYP: &str = "denizen-export+json";
pub(crate) const KEYS_FILE: &str = "keys.denizen";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub(crate) v: u8,
    pub(crate) hub: HubId,
    pub(crate) made: UnixTime,
    pub(crate) files: BTreeMap<String, Sha256Hash>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordFile {
    pub(crate) hub: HubId,
    pub(crate) issuer: OrgId,
    pub(crate) vct: String,
    pub(crate) kept: String,
    pub(crate) copies: Vec<String>,
    pub(crate) received: UnixTime,
    pub(crate) delivery: Delivery,
    /// What her profile keeps beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) held: Option<HeldPart>,
}

/// What a profile keeps beside a record; only the manifest's signature speaks for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeldPart {
    pub(crate) record: MessageId,
    pub(crate) link: u32,
    /// Refs of the copies, in their order.
    pub(crate) refs: Vec<CopyRef>,
    pub(crate) sensitivity: Sensitivity,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) notice: Option<Notice>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) legal_basis: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) supersedes: Vec<Sha256Hash>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) changes: Vec<RecordStatus>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) changed_at: Option<UnixTime>,
}

/// A record of an earlier profile.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EarlierFile {
    /// Address 0 of that profile.
    pub(crate) owner: HubAddress,
    /// When that profile was exported.
    pub(crate) made: UnixTime,
    pub(crate) record: RecordFile,
}

/// A link as an export names it: no salt, no pass, so no key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkFile {
    pub(crate) index: u32,
    pub(crate) org: OrgId,
    pub(crate) hub: HubId,
    pub(crate) hub_url: String,
    pub(crate) address: AddressId,
    pub(crate) purpose: String,
    pub(crate) state: LinkState,
}

impl Holder {
    /// All files of an export: records with their deliveries, directories, status lists, what she
    /// sent with its receipts, notices.
    #[must_use]
    pub fn export(&self, now: UnixTime) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        for (at, record) in self.profile.records.iter().enumerate() {
            let file = self.record_file(record);
            files.insert(format!("records/{at:04}.json"), json(&file));
        }
        for (hub, answer) in &self.profile.directories {
            files.insert(format!("directories/{hub}.cbor"), answer.0.clone());
        }
        let beside = &self.profile.statuses_beside;
        let statuses = self.profile.statuses.iter().chain(beside);
        for (at, (uri, token)) in statuses.enumerate() {
            files.insert(format!("statuses/{at:04}.json"), json(&(uri, token)));
        }
        for (at, sent) in self.profile.sent.iter().enumerate() {
            let sent = (hub_key(&sent.hub), &sent.envelope_hash, &sent.receipt);
            files.insert(format!("sent/{at:04}.json"), json(&sent));
        }
        for (at, application) in self.profile.applications.iter().enumerate() {
            files.insert(format!("applications/{at:04}.json"), json(application));
        }
        files.insert("notices.json".into(), json(&self.profile.notices));
        files.insert("notes.json".into(), json(&self.profile.notes));
        self.add_rest(&mut files);
        self.add_attached(&mut files);
        let keys = self.own_keys();
        let hub = self.profile.hub;
        files.insert(KEYS_FILE.into(), keys.statement(hub).into_bytes());
        let hashes = files
            .iter()
            .map(|(name, bytes)| (name.clone(), Sha256Hash::of(bytes)));
        let manifest = Manifest {
            v: 1,
            hub,
            made: now,
            files: hashes.collect(),
        };
        let kid = holder_kid(&keys.address());
        let manifest = Object::sign(keys.sign.signer(), &kid, EXPORT_TYP, &json(&manifest));
        files.insert(MANIFEST_FILE.into(), manifest.into_bytes());
        files
    }

    /// What an import needs beside the records, and the history of earlier profiles.
    fn add_rest(&self, files: &mut BTreeMap<String, Vec<u8>>) {
        let profile = &self.profile;
        let link = |l: &crate::Link| LinkFile {
            index: l.index,
            org: l.org,
            hub: l.hub,
            hub_url: l.hub_url.clone(),
            address: l.address,
            purpose: l.purpose.clone(),
            state: l.state,
        };
        let links: Vec<_> = profile.links.iter().map(link).collect();
        for (name, bytes) in [
            ("links.json", json(&links)),
            ("disputes.json", json(&profile.disputes)),
            ("erasures.json", json(&profile.erasures)),
            ("returned.json", json(&profile.returned)),
            ("refused.json", json(&profile.refused)),
            ("replies.json", json(&profile.replies)),
            ("spent.json", json(&profile.spent)),
        ] {
            files.insert(name.to_owned(), bytes);
        }
        for (at, earlier) in profile.earlier.iter().enumerate() {
            let file = EarlierFile {
                owner: earlier.owner,
                made: earlier.made,
                record: self.record_file(&earlier.record),
            };
            files.insert(format!("earlier/{at:04}.json"), json(&file));
        }
        for (hub, answer) in &profile.earlier_directories {
            let name = format!("directories/{hub}.cbor");
            files.entry(name).or_insert_with(|| answer.0.clone());
        }
    }

    fn record_file(&self, record: &HeldRecord) -> RecordFile {
        RecordFile {
            hub: self.hub_of(record).unwrap_or(self.profile.hub),
            issuer: record.issuer,
            vct: record.vct.clone(),
            kept: record.kept.clone(),
            copies: record.copies.iter().map(|c| c.text.clone()).collect(),
            received: record.received,
            delivery: record.delivery.clone(),
            held: Some(HeldPart {
                record: record.record,
                link: record.link,
                refs: record.copies.iter().map(|c| c.copy_ref).collect(),
                sensitivity: record.sensitivity,
                notice: record.notice.clone(),
                legal_basis: record.legal_basis.clone(),
                supersedes: record.supersedes.clone(),
                changes: record.changes.clone(),
                changed_at: record.changed_at,
            }),
        }
    }

    /// The hub under whose directory a record counts: of its link, or as it was imported.
    pub(crate) fn hub_of(&self, record: &HeldRecord) -> Option<HubId> {
        record
            .hub
            .or_else(|| self.profile.link(record.link).map(|l| l.hub))
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("an export is JSON")
}
