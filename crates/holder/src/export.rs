//! Export: everything she has as files, and their check without any server.
//!
//! `manifest.denizen` is a signed object (address 0's `sign` key) whose payload names every other
//! file with its SHA-256; `keys.denizen` is the key statement of address 0. Specified in
//! `docs/spec/export.md`. The files are in clear: whoever has them reads them.

use crate::{
    Holder, VERIFIER,
    profile::{Delivery, HeldRecord},
    records::issuer_key,
    trust::{hub_key, parse_status_uri},
};
use denizen_api::{
    directory::{VerifiedDirectory, verify},
    receipt::{VerifiedReceipt, verify_proof},
    wire::DirectoryAnswer,
};
use denizen_credential::{StatusListToken, UnverifiedCredential};
use denizen_jose::{Object, Unverified};
use denizen_model::{
    HubId, OrgId, Sha256Hash, UnixTime,
    commit::{attachment_hash, verify as verify_path},
    deposit::Receipt,
    key::Status as StatusKey,
    link::KeyStatement,
    message::holder_kid,
    statement::split_kid,
};
use denizen_tlog::WitnessPolicy;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::BTreeMap;

/// The file that names and hashes all others.
pub const MANIFEST_FILE: &str = "manifest.denizen";
/// `typ` of the manifest.
pub const EXPORT_TYP: &str = "denizen-export+json";
const KEYS_FILE: &str = "keys.denizen";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    v: u8,
    hub: HubId,
    made: UnixTime,
    files: BTreeMap<String, Sha256Hash>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordFile {
    hub: HubId,
    issuer: OrgId,
    vct: String,
    kept: String,
    copies: Vec<String>,
    received: UnixTime,
    delivery: Delivery,
}

/// Why an export is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// A file is missing, cut or changed.
    #[error("{0}: missing, cut or changed since it was exported")]
    Changed(String),
    /// A file is not in the manifest.
    #[error("{0}: is not part of this export")]
    Unknown(String),
    /// A hub's directory is refused.
    #[error("{0}: the hub's directory is refused")]
    Directory(String),
    /// A credential is refused.
    #[error("{0}: the credential is refused")]
    Credential(String),
    /// A hub's directory is in it that is not one of the pinned.
    #[error("{0}: is of another hub than the one that was asked for")]
    OtherHub(String),
    /// A status list is refused.
    #[error("{0}: the status list is not signed by its office")]
    Status(String),
    /// A receipt is refused, or is of something else.
    #[error("{0}: the receipt is refused")]
    Receipt(String),
}

impl ExportError {
    /// The file that is at fault.
    #[must_use]
    pub fn file(&self) -> &str {
        match self {
            Self::Changed(f)
            | Self::Unknown(f)
            | Self::Directory(f)
            | Self::Credential(f)
            | Self::OtherHub(f)
            | Self::Status(f)
            | Self::Receipt(f) => f,
        }
    }
}

/// One record of an export that verified.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedRecord {
    /// Its kind.
    pub vct: String,
    /// Its issuer.
    pub issuer: OrgId,
    /// The issuer's English name.
    pub issuer_name: String,
    /// The proof of its delivery: time, index, durable or witnessed.
    pub receipt: VerifiedReceipt,
}

/// What an export proved.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ExportReport {
    /// The hubs under whose directories it was checked. Without a pinned id anybody can set up a hub
    /// that admits whom he likes: compare the ids.
    pub hubs: Vec<HubId>,
    /// Records, each with its delivery.
    pub records: Vec<VerifiedRecord>,
    /// One-time copies that verified.
    pub copies: usize,
    /// Receipts of what she sent.
    pub sent: usize,
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
        for (at, (uri, token)) in self.profile.statuses.iter().enumerate() {
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

    fn record_file(&self, record: &HeldRecord) -> RecordFile {
        let hub = self.profile.link(record.link).map(|l| l.hub);
        RecordFile {
            hub: hub.unwrap_or(self.profile.hub),
            issuer: record.issuer,
            vct: record.vct.clone(),
            kept: record.kept.clone(),
            copies: record.copies.iter().map(|c| c.text.clone()).collect(),
            received: record.received,
            delivery: record.delivery.clone(),
        }
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("an export is JSON")
}

/// Checks an export without any server: that no file was changed, every credential under the keys of
/// its hub's directory, every receipt under the hub's log key. Which hubs those are the export says
/// itself: [`verify_export_of`] is for who knows them.
///
/// # Errors
/// [`ExportError`] with the first file that is at fault.
pub fn verify_export(
    files: &BTreeMap<String, Vec<u8>>,
    now: UnixTime,
) -> Result<ExportReport, ExportError> {
    check_export(files, None, now)
}

/// Checks an export as [`verify_export`] does, and that it names no other hubs than these.
///
/// # Errors
/// [`ExportError`] with the first file that is at fault.
pub fn verify_export_of(
    files: &BTreeMap<String, Vec<u8>>,
    pinned: &[HubId],
    now: UnixTime,
) -> Result<ExportReport, ExportError> {
    check_export(files, Some(pinned), now)
}

type Directories = BTreeMap<HubId, VerifiedDirectory>;

/// Replays the directories of an export, as they were when it was made.
fn read_directories(
    files: &BTreeMap<String, Vec<u8>>,
    pinned: Option<&[HubId]>,
    at: UnixTime,
) -> Result<Directories, ExportError> {
    let mut directories = BTreeMap::new();
    for (name, bytes) in under(files, "directories/") {
        let refused = || ExportError::Directory(name.clone());
        let hub = name
            .trim_start_matches("directories/")
            .trim_end_matches(".cbor");
        let hub = HubId::parse(hub).map_err(|_| refused())?;
        if pinned.is_some_and(|pinned| !pinned.contains(&hub)) {
            return Err(ExportError::OtherHub(name.clone()));
        }
        let answer = DirectoryAnswer::decode(bytes).ok_or_else(refused)?;
        let verified = verify(answer, &hub, None, WitnessPolicy::default(), VERIFIER, at);
        directories.insert(hub, verified.map_err(|_| refused())?);
    }
    Ok(directories)
}

fn check_export(
    files: &BTreeMap<String, Vec<u8>>,
    pinned: Option<&[HubId]>,
    now: UnixTime,
) -> Result<ExportReport, ExportError> {
    let manifest = read_manifest(files)?;
    // As it was when it was exported: the keys that count may have changed since.
    let directories = read_directories(files, pinned, manifest.made.min(now))?;
    if !directories.contains_key(&manifest.hub) {
        return Err(ExportError::Directory(MANIFEST_FILE.into()));
    }
    let mut report = ExportReport {
        hubs: directories.keys().copied().collect(),
        ..ExportReport::default()
    };
    for (name, bytes) in under(files, "records/") {
        let record: RecordFile = parse(name, bytes)?;
        let directory = directories.get(&record.hub);
        let directory = directory.ok_or_else(|| ExportError::Directory(name.clone()))?;
        report
            .records
            .push(verify_record(name, &record, directory)?);
        report.copies += record.copies.len();
    }
    for (name, bytes) in under(files, "sent/") {
        let (hub, sent, receipt): (String, Sha256Hash, Receipt) = parse(name, bytes)?;
        let hub = HubId::parse(&hub).ok().and_then(|h| directories.get(&h));
        let directory = hub.ok_or_else(|| ExportError::Directory(name.clone()))?;
        let proof = verify_proof(&receipt.proof, &directory.trust).ok();
        if proof.is_none_or(|proof| proof.opening.envelope_hash != sent) {
            return Err(ExportError::Receipt(name.clone()));
        }
        report.sent += 1;
    }
    for (name, bytes) in under(files, "statuses/") {
        let (uri, token): (String, String) = parse(name, bytes)?;
        let signed = |d: &VerifiedDirectory| is_signed_status(&uri, &token, d);
        if !directories.values().any(signed) {
            return Err(ExportError::Status(name.clone()));
        }
    }
    Ok(report)
}

/// Whether a status list is signed by a status key of the office that its URI names, which counted
/// when the list was made.
fn is_signed_status(uri: &str, token: &str, directory: &VerifiedDirectory) -> bool {
    let signed = || {
        let (org, _) = parse_status_uri(uri)?;
        let kid = StatusListToken::danger_kid(token).ok()?;
        let (id, kid) = split_kid(&kid)?;
        let office = directory.directory.organisation(&org)?;
        let stated = office.statement.keys.iter().find(|k| k.kid == kid)?;
        let key = stated.typed::<StatusKey>()?;
        let list = StatusListToken::verify(token, VERIFIER, key.key(), uri, None).ok()?;
        let made = UnixTime(list.iat());
        let counted = stated.not_before.day_start() <= made
            && made <= stated.not_after
            && stated.revoked_from.is_none_or(|from| made < from);
        Some(counted && OrgId::from(id) == org)
    };
    signed() == Some(true)
}

fn under<'a>(
    files: &'a BTreeMap<String, Vec<u8>>,
    folder: &'a str,
) -> impl Iterator<Item = (&'a String, &'a Vec<u8>)> {
    files
        .iter()
        .filter(move |(name, _)| name.starts_with(folder))
}

fn parse<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T, ExportError> {
    serde_json::from_slice(bytes).map_err(|_| ExportError::Changed(name.to_owned()))
}

fn read_manifest(files: &BTreeMap<String, Vec<u8>>) -> Result<Manifest, ExportError> {
    let changed = |name: &str| ExportError::Changed(name.to_owned());
    let bytes = |name: &str| files.get(name).ok_or_else(|| changed(name));
    let keys = KeyStatement::verify(bytes(KEYS_FILE)?, VERIFIER).map_err(|_| changed(KEYS_FILE))?;
    let object = Unverified::parse(bytes(MANIFEST_FILE)?)
        .and_then(|o| o.verify(VERIFIER, keys.sign.key(), EXPORT_TYP))
        .map_err(|_| changed(MANIFEST_FILE))?;
    let manifest: Manifest = parse(MANIFEST_FILE, object.payload())?;
    if object.kid() != holder_kid(&keys.address) || manifest.v != 1 {
        return Err(changed(MANIFEST_FILE));
    }
    for (name, hash) in &manifest.files {
        if Sha256Hash::of(bytes(name)?) != *hash {
            return Err(changed(name));
        }
    }
    let known = |name: &String| name == MANIFEST_FILE || manifest.files.contains_key(name);
    match files.keys().find(|name| !known(name)) {
        Some(unknown) => Err(ExportError::Unknown(unknown.clone())),
        None => Ok(manifest),
    }
}

fn verify_record(
    name: &str,
    record: &RecordFile,
    directory: &VerifiedDirectory,
) -> Result<VerifiedRecord, ExportError> {
    let refused = || ExportError::Credential(name.to_owned());
    let delivery = &record.delivery;
    let receipt = verify_proof(&delivery.receipt.proof, &directory.trust)
        .map_err(|_| ExportError::Receipt(name.to_owned()))?;
    let hash = attachment_hash(&delivery.salt, record.kept.as_bytes());
    let (index, count) = delivery.attachment;
    let proved = verify_path(&receipt.opening.commit, &hash, index, count, &delivery.path);
    if !proved || receipt.opening.time != record.received {
        return Err(ExportError::Receipt(name.to_owned()));
    }
    for text in std::iter::once(&record.kept).chain(&record.copies) {
        let unverified = UnverifiedCredential::parse(text).map_err(|_| refused())?;
        let (iss, kid) = unverified.danger_issuer().map_err(|_| refused())?;
        let at = record.received;
        let key = issuer_key(&directory.directory, &record.issuer, (&iss, &kid), at);
        let key = key.map_err(|_| refused())?;
        let credential = unverified
            .verify(VERIFIER, key.key())
            .map_err(|_| refused())?;
        let admitted = directory
            .directory
            .admitted(&record.issuer, &record.vct, at);
        if credential.vct() != record.vct || admitted.is_none() {
            return Err(refused());
        }
    }
    let org = directory.directory.organisation(&record.issuer);
    let name = org.and_then(|o| o.statement.names.get("en"));
    Ok(VerifiedRecord {
        vct: record.vct.clone(),
        issuer: record.issuer,
        issuer_name: name.cloned().unwrap_or_default(),
        receipt,
    })
}
