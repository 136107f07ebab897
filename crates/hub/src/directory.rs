//! The directory: the second log, with readable entries that everybody may fetch whole.

use crate::{
    Shared,
    log::{Published, Tx},
    refused::Refused,
};
use axum::body::Bytes;
use denizen_api::{ProblemKind, wire::DirectoryAnswer};
use denizen_jose::{Unverified, VERIFIER};
use denizen_model::{
    HubId, OrgId, UnixTime,
    directory::Directory,
    statement::{ENTRY_SIZE_BYTES_MAX, Role, SERVICE_TYP, STATEMENT_TYP, ServiceEntry, Statement},
};
use denizen_store::{
    StoreError,
    hub::{HubStore, LogId},
};
use denizen_tlog::{TILE_WIDTH, decode_bundle};
use std::sync::OnceLock;

/// The directory as it stands.
#[derive(Debug, Clone)]
pub(crate) struct Current {
    /// What the entries add up to.
    pub(crate) directory: Directory,
    /// The entries, in order.
    pub(crate) entries: Vec<Vec<u8>>,
    /// The checkpoint that covers them.
    pub(crate) published: Published,
    /// Filled when it is first asked for.
    pub(crate) answer: OnceLock<Bytes>,
}

impl Current {
    /// Replays the stored entries; `None` if one is missing or refused.
    pub(crate) fn load(db: &dyn HubStore, hub: HubId, published: Published) -> Option<Self> {
        let (directory, entries) = replay(db, hub, published.size)?;
        Some(Self {
            directory,
            entries,
            published,
            answer: OnceLock::new(),
        })
    }

    /// The answer to whoever asks for it: made once, and shared.
    pub(crate) fn answer(&self) -> Bytes {
        let made = self.answer.get_or_init(|| {
            let answer = DirectoryAnswer {
                checkpoint: self.published.checkpoint.clone(),
                entries: self.entries.clone(),
            };
            Bytes::from(answer.encode())
        });
        made.clone()
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
        let directory = self.replayed(entries)?;
        Some(Self {
            directory,
            entries: [&self.entries, entries].concat(),
            published: self.published.clone(),
            answer: OnceLock::new(),
        })
    }

    /// What the directory says with further entries, if every one of them may stand there.
    fn replayed(&self, entries: &[Vec<u8>]) -> Option<Directory> {
        let readable = |entry: &Vec<u8>| {
            entry.len() <= ENTRY_SIZE_BYTES_MAX && Unverified::parse(entry).is_ok()
        };
        if !entries.iter().all(readable) {
            return None;
        }
        let mut next = self.directory.clone();
        let mut new = Vec::new();
        for (at, entry) in entries.iter().enumerate() {
            let before = entries.iter().take(at);
            if self.entries.iter().chain(before).any(|e| e == entry) {
                return None;
            }
            new.extend(first_statement_of(entry));
            next.apply(entry, VERIFIER).ok()?;
        }
        let admitted = |org: &OrgId| next.organisation(org)?.admission.as_ref();
        new.iter()
            .all(|org| admitted(org).is_some())
            .then_some(next)
    }
}

/// Replays the stored entries of a directory of this size; `None` if one is missing or refused.
pub(crate) fn replay(
    db: &dyn HubStore,
    hub: HubId,
    size: u64,
) -> Option<(Directory, Vec<Vec<u8>>)> {
    let mut directory = Directory::new(hub);
    let mut entries = Vec::new();
    for index in 0..size.div_ceil(TILE_WIDTH as u64) {
        let bundle = db.bundle(LogId::Directory, index).ok()??;
        for entry in decode_bundle(&bundle).ok()? {
            directory.apply(entry, VERIFIER).ok()?;
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

/// The organisation whose service this verified entry declares.
fn service_of(entry: &[u8]) -> Option<OrgId> {
    let object = Unverified::parse(entry)
        .ok()
        .filter(|o| o.typ() == SERVICE_TYP)?;
    let entry: ServiceEntry = serde_json::from_slice(object.danger_payload()).ok()?;
    Some(entry.org)
}

/// Counts the services among verified entries; `false` if one organisation logs too many in a day.
fn count_services(tx: &Tx<'_>, entries: &[Vec<u8>], a_day: u32) -> Result<bool, StoreError> {
    let day = tx.now.0.div_euclid(UnixTime::DAY_S);
    for org in entries.iter().filter_map(|e| service_of(e)) {
        let bind = [b"services", org.as_bytes().as_slice()].concat();
        if !tx.db.use_pass(&bind, day, a_day)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Appends entries, all or none; gives the index of the first. The same entries again are answered
/// like the first time.
///
/// They are verified beside the writer first, so that garbage from anybody does not keep it busy.
///
/// # Errors
/// [`ProblemKind::EntryRefused`], [`ProblemKind::RateLimited`], [`ProblemKind::Busy`].
pub(crate) async fn append(shared: &Shared, entries: Vec<Vec<u8>>) -> Result<u64, Refused> {
    let refused = ProblemKind::EntryRefused;
    let current = shared.directory();
    let check = move || {
        let good = current.place_of(&entries).is_some() || current.replayed(&entries).is_some();
        good.then_some(entries)
    };
    let checked = tokio::task::spawn_blocking(check).await;
    let entries = checked.map_err(|_| ProblemKind::Internal)?.ok_or(refused)?;
    let a_day = shared.config.services_a_day;
    let work = move |tx: &mut Tx<'_>| {
        if let Some(first) = tx.directory.place_of(&entries) {
            return Ok(Ok(first));
        }
        let Some(next) = tx.directory.with(&entries) else {
            return Ok(Err(refused.into()));
        };
        if !count_services(tx, &entries, a_day)? {
            return Ok(Err(Refused::for_today(ProblemKind::RateLimited, tx.now)));
        }
        let mut first = None;
        for entry in entries {
            let index = tx.append(LogId::Directory, entry);
            first.get_or_insert(index);
        }
        tx.set_directory(next);
        Ok(first.ok_or(refused.into()))
    };
    let first = shared.write(work, |first, _| first).await;
    first.map_err(ProblemKind::from)?
}
