//! Checking a fetched directory against the hub id that the caller pinned.

use crate::{
    receipt::{HubTrust, TrustError, has_keys, times_of_keys},
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
    /// None of the hub's keys counts now: the reader's clock is wrong, or the hub let them end.
    #[error("hub's keys do not count now")]
    OutOfTime,
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

impl VerifiedDirectory {
    /// Whether the hub has keys that count now. If not, nothing that it signs is believed.
    #[must_use]
    pub fn counts(&self, now: UnixTime) -> bool {
        let operator = self.directory.operator();
        operator.is_some_and(|operator| has_keys(operator, now))
    }
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
    let replayed = replay(&answer, hub, seen, verifier)?;
    let (trust, checkpoint) = close(&answer, &replayed, witnesses, now)?;
    Ok(whole(answer, replayed.0, trust, checkpoint))
}

/// Checks a directory that was verified before and kept where nobody else writes. If no key of the hub that
/// counts now signed it, it is read as of the time of the newest of its keys that did: the clock may be wrong,
/// and what is here stays readable. Never for a fetched one; [`VerifiedDirectory::counts`] tells.
///
/// # Errors
/// [`VerifyDirectoryError`].
pub fn verify_kept(
    answer: DirectoryAnswer,
    hub: &HubId,
    witnesses: WitnessPolicy,
    verifier: &dyn Verifier,
    now: UnixTime,
) -> Result<VerifiedDirectory, VerifyDirectoryError> {
    let replayed = replay(&answer, hub, None, verifier)?;
    let times = replayed.0.operator().map(times_of_keys);
    let at = |at: UnixTime| close(&answer, &replayed, witnesses.clone(), at);
    let (trust, checkpoint) = at(now).or_else(|error| {
        let mut then = times.into_iter().flatten();
        then.find_map(|then| at(then).ok()).ok_or(error)
    })?;
    Ok(whole(answer, replayed.0, trust, checkpoint))
}

fn whole(
    answer: DirectoryAnswer,
    directory: Directory,
    trust: HubTrust,
    checkpoint: Checkpoint,
) -> VerifiedDirectory {
    VerifiedDirectory {
        directory,
        trust,
        checkpoint,
        answer,
    }
}

/// The entries in their order, and the tree of them.
fn replay(
    answer: &DirectoryAnswer,
    hub: &HubId,
    seen: Option<(u64, Sha256Hash)>,
    verifier: &dyn Verifier,
) -> Result<(Directory, MemoryTiles), VerifyDirectoryError> {
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
    Ok((directory, log))
}

/// The hub's keys at `at`, and its checkpoint under them.
fn close(
    answer: &DirectoryAnswer,
    (directory, log): &(Directory, MemoryTiles),
    witnesses: WitnessPolicy,
    at: UnixTime,
) -> Result<(HubTrust, Checkpoint), VerifyDirectoryError> {
    let operator = directory.operator().ok_or(VerifyDirectoryError::OtherHub)?;
    let keys = directory.operator_keys();
    let trust = HubTrust::of(operator, keys, witnesses.clone(), at);
    let trust = trust.map_err(|error| {
        let sound = |then| HubTrust::of(operator, keys, witnesses.clone(), then).is_ok();
        if !has_keys(operator, at) && times_of_keys(operator).any(sound) {
            VerifyDirectoryError::OutOfTime
        } else {
            VerifyDirectoryError::Trust(error)
        }
    })?;
    let checkpoint = open_checkpoint(&answer.checkpoint, &trust.directory)?;
    let same = checkpoint.size == log.size() && checkpoint.root == log.root();
    if !holds(Check::DirectoryRoot, same) {
        return Err(VerifyDirectoryError::Root);
    }
    Ok((trust, checkpoint))
}
