//! The directory: the second log, with readable entries that everybody may fetch whole.

use crate::{
    Shared,
    log::{Published, Tx},
};
use denizen_api::{ProblemKind, wire::DirectoryAnswer};
use denizen_jose::{Portable, Unverified};
use denizen_model::{
    HubId, OrgId, UnixTime,
    directory::Directory,
    statement::{ENTRY_SIZE_BYTES_MAX, Role, STATEMENT_TYP, Statement},
};
use denizen_store::{Database, hub::LogId};
use denizen_tlog::{TILE_WIDTH, decode_bundle};

/// The directory as it stands.
#[derive(Debug, Clone)]
pub(crate) struct Current {
    /// What the entries add up to.
    pub(crate) directory: Directory,
    /// The entries, in order.
    pub(crate) entries: Vec<Vec<u8>>,
    /// The checkpoint that covers them.
    pub(crate) published: Published,
}

impl Current {
    /// Replays the stored entries; `None` if one is missing or refused.
    pub(crate) fn load(db: &Database, hub: HubId, published: Published) -> Option<Self> {
        let (directory, entries) = replay(db, hub, published.size)?;
        Some(Self {
            directory,
            entries,
            published,
        })
    }

    pub(crate) fn answer(&self) -> DirectoryAnswer {
        DirectoryAnswer {
            checkpoint: self.published.checkpoint.clone(),
            entries: self.entries.clone(),
        }
    }

    /// Whether an organisation is admitted and not suspended.
    pub(crate) fn is_active(&self, org: &OrgId, now: UnixTime) -> bool {
        let org = self.directory.organisation(org);
        org.is_some_and(|org| org.is_active(now))
    }

    /// Where these entries stand already, in this order: they were posted again after a lost answer.
    fn place_of(&self, entries: &[Vec<u8>]) -> Option<u64> {
        let mut windows = self.entries.windows(entries.len().max(1));
        windows
            .position(|window| window == entries)
            .map(|at| at as u64)
    }

    /// The directory with further entries, if every one of them may stand there. An organisation
    /// comes in only together with its admission.
    fn with(&self, entries: &[Vec<u8>]) -> Option<Self> {
        let mut next = self.clone();
        let mut new = Vec::new();
        for entry in entries {
            if entry.len() > ENTRY_SIZE_BYTES_MAX || next.entries.contains(entry) {
                return None;
            }
            new.extend(first_statement_of(entry));
            next.directory.apply(entry, &Portable).ok()?;
            next.entries.push(entry.clone());
        }
        let admitted = |org: &OrgId| next.directory.organisation(org)?.admission.as_ref();
        new.iter()
            .all(|org| admitted(org).is_some())
            .then_some(next)
    }
}

/// Replays the stored entries of a directory of this size; `None` if one is missing or refused.
pub(crate) fn replay(db: &Database, hub: HubId, size: u64) -> Option<(Directory, Vec<Vec<u8>>)> {
    let mut directory = Directory::new(hub);
    let mut entries = Vec::new();
    for index in 0..size.div_ceil(TILE_WIDTH as u64) {
        let bundle = db.bundle(LogId::Directory, index).ok()??;
        for entry in decode_bundle(&bundle).ok()? {
            directory.apply(entry, &Portable).ok()?;
            entries.push(entry.to_vec());
        }
    }
    (entries.len() as u64 == size).then_some((directory, entries))
}

/// The organisation whose first statement this is.
fn first_statement_of(entry: &[u8]) -> Option<OrgId> {
    let object = Unverified::parse(entry)
        .ok()
        .filter(|o| o.typ() == STATEMENT_TYP)?;
    let statement: Statement = serde_json::from_slice(object.danger_payload()).ok()?;
    let first = statement.id.is_none() && statement.role == Role::Organisation;
    first.then(|| denizen_model::Sha256Hash::of(entry).into())
}

/// Appends entries, all or none; gives the index of the first. The same entries again are answered
/// like the first time.
///
/// # Errors
/// [`ProblemKind::EntryRefused`], [`ProblemKind::Busy`].
pub(crate) async fn append(shared: &Shared, entries: Vec<Vec<u8>>) -> Result<u64, ProblemKind> {
    let work = move |tx: &mut Tx<'_>| {
        if let Some(first) = tx.directory.place_of(&entries) {
            return Ok(Some(first));
        }
        let Some(next) = tx.directory.with(&entries) else {
            return Ok(None);
        };
        let mut first = None;
        for entry in entries {
            let index = tx.append(LogId::Directory, entry);
            first.get_or_insert(index);
        }
        tx.set_directory(next);
        Ok(first)
    };
    let first = shared
        .write(work, |first, _| first)
        .await
        .map_err(|_| ProblemKind::Busy)?;
    first.ok_or(ProblemKind::EntryRefused)
}
