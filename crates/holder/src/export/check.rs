//! The check of an export, without any server.

use super::{
    EXPORT_TYP, EarlierFile, KEYS_FILE, MANIFEST_FILE, Manifest, RecordFile,
    attached::check_attached,
};
use crate::{VERIFIER, profile::SentReceipt, records::issuer_key, trust::parse_status_uri};
use denizen_api::{
    directory::{VerifiedDirectory, verify},
    receipt::{VerifiedReceipt, verify_proof},
    wire::DirectoryAnswer,
};
use denizen_credential::{StatusListToken, UnverifiedCredential};
use denizen_jose::{PublicKey, Unverified};
use denizen_model::{
    HubId, OrgId, Sha256Hash, UnixTime, deposit::Receipt, key::Status as StatusKey,
    link::KeyStatement, message::holder_kid, statement::split_kid,
};
use denizen_tlog::WitnessPolicy;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

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
    /// The keys that its copies are bound to: the kept copy's first.
    pub bound_to: Vec<PublicKey>,
}

/// What an export proved.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ExportReport {
    /// The hubs under whose directories it was checked. Without a pinned id anybody can set up a hub
    /// that admits whom he likes: compare the ids.
    pub hubs: Vec<HubId>,
    /// Records, each with its delivery.
    pub records: Vec<VerifiedRecord>,
    /// Records of earlier profiles of hers, each with its delivery.
    pub earlier: Vec<VerifiedRecord>,
    /// One-time copies that verified.
    pub copies: usize,
    /// Receipts of what she sent.
    pub sent: usize,
    /// Files of messages, hers and those that came.
    pub attached: usize,
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

/// Replays the directories of an export, as they were when it was made.
pub(crate) fn read_directories(
    files: &BTreeMap<String, Vec<u8>>,
    pinned: Option<&[HubId]>,
    at: UnixTime,
) -> Result<BTreeMap<HubId, VerifiedDirectory>, ExportError> {
    let mut directories = BTreeMap::new();
    for (name, bytes) in under(files, "directories/") {
        let refused = || ExportError::Directory(name.to_owned());
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
        let (record, verified) = check_record_file(name, bytes, &directories)?;
        report.records.push(verified);
        report.copies += record.copies.len();
    }
    for (name, bytes) in under(files, "earlier/") {
        let earlier: EarlierFile = parse(name, bytes)?;
        let directory = directories.get(&earlier.record.hub);
        let directory = directory.ok_or_else(|| ExportError::Directory(name.to_owned()))?;
        report
            .earlier
            .push(verify_record(name, &earlier.record, directory)?);
    }
    for (name, bytes) in under(files, "sent/") {
        check_sent_file(name, bytes, &directories)?;
        report.sent += 1;
    }
    for (name, bytes) in under(files, "statuses/") {
        check_status_file(name, bytes, &directories)?;
    }
    report.attached = check_attached(files, &directories)?;
    Ok(report)
}

/// One record's file: its credentials, its delivery.
pub(crate) fn check_record_file(
    name: &str,
    bytes: &[u8],
    directories: &BTreeMap<HubId, VerifiedDirectory>,
) -> Result<(RecordFile, VerifiedRecord), ExportError> {
    let record: RecordFile = parse(name, bytes)?;
    let directory = directories.get(&record.hub);
    let directory = directory.ok_or_else(|| ExportError::Directory(name.to_owned()))?;
    let verified = verify_record(name, &record, directory)?;
    Ok((record, verified))
}

/// The receipt of something sent.
pub(crate) fn check_sent_file(
    name: &str,
    bytes: &[u8],
    directories: &BTreeMap<HubId, VerifiedDirectory>,
) -> Result<SentReceipt, ExportError> {
    let (hub, sent, receipt): (String, Sha256Hash, Receipt) = parse(name, bytes)?;
    let hub = HubId::parse(&hub).ok();
    let directory = hub.and_then(|h| Some((h, directories.get(&h)?)));
    let (hub, directory) = directory.ok_or_else(|| ExportError::Directory(name.to_owned()))?;
    let proof = verify_proof(&receipt.proof, &directory.trust).ok();
    if proof.is_none_or(|proof| proof.opening.envelope_hash != sent) {
        return Err(ExportError::Receipt(name.to_owned()));
    }
    Ok(SentReceipt {
        hub,
        envelope_hash: sent,
        receipt,
    })
}

/// A status list with its URI.
pub(crate) fn check_status_file(
    name: &str,
    bytes: &[u8],
    directories: &BTreeMap<HubId, VerifiedDirectory>,
) -> Result<(String, String, HubId), ExportError> {
    let (uri, token): (String, String) = parse(name, bytes)?;
    let signed = |(_, d): &(&HubId, &VerifiedDirectory)| is_signed_status(&uri, &token, d);
    match directories.iter().find(signed) {
        Some((hub, _)) => {
            let hub = *hub;
            Ok((uri, token, hub))
        }
        None => Err(ExportError::Status(name.to_owned())),
    }
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

pub(crate) fn under<'a>(
    files: &'a BTreeMap<String, Vec<u8>>,
    folder: &'a str,
) -> impl Iterator<Item = (&'a String, &'a Vec<u8>)> {
    files
        .iter()
        .filter(move |(name, _)| name.starts_with(folder))
}

pub(super) fn parse<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T, ExportError> {
    serde_json::from_slice(bytes).map_err(|_| ExportError::Changed(name.to_owned()))
}

fn changed(name: &str) -> ExportError {
    ExportError::Changed(name.to_owned())
}

fn read_manifest(files: &BTreeMap<String, Vec<u8>>) -> Result<Manifest, ExportError> {
    let (manifest, _) = open_manifest(files)?;
    match check_hashes(&manifest, files).into_iter().next() {
        Some(error) => Err(error),
        None => Ok(manifest),
    }
}

/// The manifest, signed by the address that states its keys in the export.
pub(crate) fn open_manifest(
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<(Manifest, KeyStatement), ExportError> {
    let bytes = |name: &str| files.get(name).ok_or_else(|| changed(name));
    let keys = KeyStatement::verify(bytes(KEYS_FILE)?, VERIFIER).map_err(|_| changed(KEYS_FILE))?;
    let object = Unverified::parse(bytes(MANIFEST_FILE)?)
        .and_then(|o| o.verify(VERIFIER, keys.sign.key(), EXPORT_TYP))
        .map_err(|_| changed(MANIFEST_FILE))?;
    let manifest: Manifest = parse(MANIFEST_FILE, object.payload())?;
    if object.kid() != holder_kid(&keys.address) || manifest.v != 1 || manifest.hub != keys.hub {
        return Err(changed(MANIFEST_FILE));
    }
    Ok((manifest, keys))
}

/// Every file that is missing, changed or not named by the manifest.
pub(crate) fn check_hashes(
    manifest: &Manifest,
    files: &BTreeMap<String, Vec<u8>>,
) -> Vec<ExportError> {
    let differs = |(name, hash): (&String, &Sha256Hash)| {
        let same = files.get(name).is_some_and(|b| Sha256Hash::of(b) == *hash);
        (!same).then(|| changed(name))
    };
    let known = |name: &&String| *name != MANIFEST_FILE && !manifest.files.contains_key(*name);
    let unknown = files.keys().filter(known);
    let unknown = unknown.map(|name| ExportError::Unknown(name.clone()));
    manifest
        .files
        .iter()
        .filter_map(differs)
        .chain(unknown)
        .collect()
}

fn verify_record(
    name: &str,
    record: &RecordFile,
    directory: &VerifiedDirectory,
) -> Result<VerifiedRecord, ExportError> {
    let refused = || ExportError::Credential(name.to_owned());
    let receipt = record
        .delivery
        .verify(&record.kept, record.received, &directory.trust)
        .ok_or_else(|| ExportError::Receipt(name.to_owned()))?;
    let mut bound_to = Vec::new();
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
        bound_to.push(credential.cnf().clone());
    }
    let org = directory.directory.organisation(&record.issuer);
    let name = org.and_then(|o| o.statement.names.get("en"));
    Ok(VerifiedRecord {
        vct: record.vct.clone(),
        issuer: record.issuer,
        issuer_name: name.cloned().unwrap_or_default(),
        receipt,
        bound_to,
    })
}
