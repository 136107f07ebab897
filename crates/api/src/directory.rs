//! Checking a fetched directory against the hub id that the caller pinned.

use crate::{
    receipt::{HubTrust, TrustError},
    wire::DirectoryAnswer,
};
use denizen_guard::{Check, holds};
use denizen_model::{
    HubId, Sha256Hash, UnixTime,
    directory::{Directory, DirectoryError},
    jose::Verifier,
};
use denizen_tlog::{
    Checkpoint, CheckpointError, MemoryTiles, WitnessPolicy, hash_leaf, open_checkpoint,
};

/// Why a directory is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyDirectoryError {
    /// The first entry is not the statement whose hash is the pinned hub id.
    #[error("directory is of another hub than the one that was pinned")]
    OtherHub,
    /// An entry that its signer may not make: the hub is at fault.
    #[error("directory entry {index} is refused")]
    Entry {
        /// Its index in the log.
        index: usize,
        /// Why.
        #[source]
        source: DirectoryError,
    },
    /// The operator's statement does not say what it must.
    #[error("directory gives no trust")]
    Trust(#[from] TrustError),
    /// The checkpoint is not the hub's.
    #[error("directory's checkpoint is refused")]
    Checkpoint(#[from] CheckpointError),
    /// The entries are not those that the checkpoint covers.
    #[error("directory's entries are not those of its signed checkpoint")]
    Root,
    /// Smaller than, or another than, a directory seen before: a rollback or a split view (R10).
    #[error("directory is older than, or another than, one seen before")]
    RolledBack,
}

/// A directory that was checked from its first entry to its signed root.
#[derive(Debug, Clone)]
pub struct VerifiedDirectory {
    /// What its entries add up to.
    pub directory: Directory,
    /// The hub's keys.
    pub trust: HubTrust,
    /// The checkpoint that covers it.
    pub checkpoint: Checkpoint,
    /// The answer as received, to keep and to export.
    pub answer: DirectoryAnswer,
}

/// Replays and checks a directory. `seen` is the (size, root) of the newest one checked before.
///
/// # Errors
/// [`VerifyDirectoryError`].
pub fn verify(
    answer: DirectoryAnswer,
    hub: &HubId,
    seen: Option<(u64, Sha256Hash)>,
    witnesses: WitnessPolicy,
    verifier: &dyn Verifier,
    now: UnixTime,
) -> Result<VerifiedDirectory, VerifyDirectoryError> {
    let first = answer
        .entries
        .first()
        .ok_or(VerifyDirectoryError::OtherHub)?;
    if HubId::from(Sha256Hash::of(first)) != *hub {
        return Err(VerifyDirectoryError::OtherHub);
    }
    let mut directory = Directory::new(*hub);
    let mut log = MemoryTiles::default();
    let mut prefix_matches = seen.is_none_or(|(size, _)| size == 0);
    for (index, entry) in answer.entries.iter().enumerate() {
        directory
            .apply(entry, verifier)
            .map_err(|source| VerifyDirectoryError::Entry { index, source })?;
        let root = log.append(&[hash_leaf(entry)]);
        prefix_matches |= seen == Some((log.size(), Sha256Hash::new(root)));
    }
    if !holds(Check::DirectorySeen, prefix_matches) {
        return Err(VerifyDirectoryError::RolledBack);
    }
    let operator = directory.operator().ok_or(VerifyDirectoryError::OtherHub)?;
    let trust = HubTrust::of(operator, directory.operator_keys(), witnesses, now)?;
    let checkpoint = open_checkpoint(&answer.checkpoint, &trust.directory)?;
    let same = checkpoint.size == log.size() && checkpoint.root == log.root();
    if !holds(Check::DirectoryRoot, same) {
        return Err(VerifyDirectoryError::Root);
    }
    Ok(VerifiedDirectory {
        directory,
        trust,
        checkpoint,
        answer,
    })
}
