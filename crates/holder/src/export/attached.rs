//! Files of messages in an export: content, what the message says of it, and the proof of its delivery.

use super::{
    check::{ExportError, parse, under},
    json,
};
use crate::{Holder, profile::Delivery};
use denizen_api::{directory::VerifiedDirectory, receipt::verify_proof};
use denizen_model::{
    HubId, MessageId, Nonce, Sha256Hash, UnixTime,
    commit::{attachment_hash, verify as verify_path},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const FOLDER: &str = "attachments/";

/// What an export says of one file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AttachedFile {
    hub: HubId,
    message: MessageId,
    thread: MessageId,
    /// She sent it.
    hers: bool,
    /// When it was sent; of one that came, when it was delivered.
    at: UnixTime,
    /// What its sender calls it: never a path.
    name: String,
    media_type: String,
    size: u64,
    salt: Nonce,
    /// SHA-256(salt || content), as its envelope commits to it.
    hash: Sha256Hash,
    /// The file of the export with its content; none if it was not on the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    /// Of one that came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delivery: Option<Delivery>,
}

impl Holder {
    /// Adds the files of messages, each as what is said of it and its content beside that.
    pub(super) fn add_attached(&self, files: &mut BTreeMap<String, Vec<u8>>) {
        for (at, held) in self.files().iter().enumerate() {
            let Some(object) = &held.attachment.object else {
                continue;
            };
            let content = self.file_content(held);
            let content_file = format!("{FOLDER}{at:04}.bin");
            let link = self.profile.link(held.link);
            let file = AttachedFile {
                hub: link.map_or(self.profile.hub, |l| l.hub),
                message: held.message,
                thread: held.thread,
                hers: held.hers,
                at: held.at,
                name: held.name().to_owned(),
                media_type: held.attachment.media_type.clone(),
                size: object.size,
                salt: held.attachment.salt,
                hash: object.hash,
                content: content.is_some().then(|| content_file.clone()),
                delivery: held.delivery.clone(),
            };
            files.insert(format!("{FOLDER}{at:04}.json"), json(&file));
            if let Some(content) = content {
                files.insert(content_file, content.to_vec());
            }
        }
    }
}

/// Checks every file of an export: its content is the one that its message commits to, and one that came
/// was delivered when it says. Gives how many there are.
pub(super) fn check_attached(
    files: &BTreeMap<String, Vec<u8>>,
    directories: &BTreeMap<HubId, VerifiedDirectory>,
) -> Result<usize, ExportError> {
    let mut count = 0;
    for (name, bytes) in under(files, FOLDER) {
        if !name.ends_with(".json") {
            continue;
        }
        let file: AttachedFile = parse(name, bytes)?;
        if let Some(content_file) = &file.content {
            let changed = || ExportError::Changed(content_file.clone());
            let content = files.get(content_file).ok_or_else(changed)?;
            let same = file.size == content.len() as u64
                && file.hash == attachment_hash(&file.salt, content);
            if !same {
                return Err(changed());
            }
        }
        if let Some(delivery) = &file.delivery {
            let directory = directories.get(&file.hub);
            let directory = directory.ok_or_else(|| ExportError::Directory(name.clone()))?;
            check_delivery(&file, delivery, directory)
                .ok_or_else(|| ExportError::Receipt(name.clone()))?;
        }
        count += 1;
    }
    Ok(count)
}

fn check_delivery(
    file: &AttachedFile,
    delivery: &Delivery,
    directory: &VerifiedDirectory,
) -> Option<()> {
    let receipt = verify_proof(&delivery.receipt.proof, &directory.trust).ok()?;
    let (index, count) = delivery.attachment;
    let opening = &receipt.opening;
    let proved = verify_path(&opening.commit, &file.hash, index, count, &delivery.path);
    (proved && delivery.salt == file.salt && opening.time == file.at).then_some(())
}
