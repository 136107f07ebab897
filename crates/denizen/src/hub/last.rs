//! `last-checkpoint`: the newest checkpoints that a hub has signed, kept beside its database, so that
//! a database that was put back is noticed before anything is signed on it (R12).
//!
//! It is written once a second at most, and at the stop: after a crash it may be a second behind the
//! database, never before it.

use super::{config::Limits, connection::Connections};
use crate::files::{disk_bytes, replace_public};
use anyhow::{Context as _, bail};
use denizen_hub::{Hub, HubKeys, Machine, NewestKnown};
use denizen_model::statement::Origins;
use denizen_tlog::{Checkpoint, NoteSigner, NoteVerifier, open_checkpoint};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::sync::oneshot;

/// Pause between two writes.
const PAUSE: Duration = Duration::from_secs(1);

/// The file's form: both notes as signed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    v: u8,
    deposits: String,
    directory: String,
}

/// The file, and what stands in it.
pub(crate) struct LastCheckpoint {
    file: PathBuf,
    notes: Option<[String; 2]>,
}

impl LastCheckpoint {
    /// Reads the file; a hub that has signed nothing yet has none.
    pub(crate) fn read(file: PathBuf) -> anyhow::Result<Self> {
        let shown = file.display();
        let notes = match fs::read(&file) {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error).with_context(|| format!("{shown} cannot be read")),
            Ok(bytes) => {
                let written: Option<Written> = serde_json::from_slice(&bytes).ok();
                let written = written.filter(|w| w.v == 1);
                let written = written.with_context(|| damaged(&file))?;
                Some([written.deposits, written.directory])
            }
        };
        Ok(Self { file, notes })
    }

    /// Whether anything is remembered.
    pub(crate) fn is_there(&self) -> bool {
        self.notes.is_some()
    }

    /// What it says, if this hub signed it.
    pub(crate) fn verified(
        &self,
        origins: &Origins,
        keys: &HubKeys,
    ) -> anyhow::Result<NewestKnown> {
        let Some([deposits, directory]) = &self.notes else {
            return Ok(NewestKnown::default());
        };
        let [of_deposits, of_directory] = verifiers(origins, keys)?;
        let open = |note: &str, log: &NoteVerifier| -> anyhow::Result<Checkpoint> {
            open_checkpoint(note, log).with_context(|| damaged(&self.file))
        };
        Ok(NewestKnown {
            deposits: Some(open(deposits, &of_deposits)?),
            directory: Some(open(directory, &of_directory)?),
        })
    }

    /// Remembers newer checkpoints, durably.
    pub(crate) fn remember(&mut self, notes: &[String; 2]) -> anyhow::Result<()> {
        if self.notes.as_ref() == Some(notes) {
            return Ok(());
        }
        let [deposits, directory] = notes.clone();
        let written = Written {
            v: 1,
            deposits,
            directory,
        };
        let mut bytes = serde_json::to_vec_pretty(&written)?;
        bytes.push(b'\n');
        replace_public(&self.file, &bytes)?;
        self.notes = Some(notes.clone());
        Ok(())
    }
}

fn damaged(file: &Path) -> String {
    format!(
        "{} is damaged, or another hub's: bring it back from a copy; it says which database is the newest",
        file.display()
    )
}

/// The verifiers of both logs of a hub.
fn verifiers(origins: &Origins, keys: &HubKeys) -> anyhow::Result<[NoteVerifier; 2]> {
    let seed = keys.log.danger_seed();
    let of = |origin: &str| NoteSigner::new(origin, &seed).map(|signer| signer.verifier());
    let both = (of(&origins.deposits), of(&origins.directory));
    let (Ok(deposits), Ok(directory)) = both else {
        bail!("a log's origin is not a usable name");
    };
    Ok([deposits, directory])
}

/// A checkpoint that somebody else kept: a client, a mirror, a witness.
pub(crate) fn kept_elsewhere(
    file: &Path,
    origins: &Origins,
    keys: &HubKeys,
) -> anyhow::Result<NewestKnown> {
    let shown = file.display();
    let note = fs::read_to_string(file).with_context(|| format!("{shown} cannot be read"))?;
    let [deposits, directory] = verifiers(origins, keys)?;
    let mut known = NewestKnown::default();
    if let Ok(checkpoint) = open_checkpoint(&note, &deposits) {
        known.deposits = Some(checkpoint);
    } else if let Ok(checkpoint) = open_checkpoint(&note, &directory) {
        known.directory = Some(checkpoint);
    } else {
        bail!("{shown} is no checkpoint that this hub signed");
    }
    Ok(known)
}

/// Memory of this process, where the system says it.
fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib << 10)
}

/// Remembers what the hub publishes until it is told to stop, and once more then. Holds writing while
/// the disk is nearly full, and tells the metrics how the machine is.
pub(crate) async fn keep(
    hub: Hub,
    mut last: LastCheckpoint,
    (limits, connections): (Limits, Connections),
    mut stop: oneshot::Receiver<()>,
) {
    let mut held = false;
    loop {
        let disk = disk_bytes(last.file.parent().unwrap_or(Path::new(".")));
        let (open, refused) = connections.counts();
        hub.see_machine(Machine {
            disk,
            connections: open,
            connections_refused: refused,
            resident_bytes: resident_bytes(),
        });
        // A disk that cannot be asked is not taken for full.
        let hold = disk.is_some_and(|disk| limits.is_nearly_full(disk));
        if hold != held {
            hub.hold_writes(hold);
            let room = if hold {
                "too little, nothing is taken"
            } else {
                "enough again"
            };
            tracing::warn!(hub.held = hold, "room on the disk: {room}");
        }
        held = hold;
        let stopping = tokio::time::timeout(PAUSE, &mut stop).await.is_ok();
        let notes = hub.checkpoints();
        let write = tokio::task::spawn_blocking(move || {
            if let Err(error) = last.remember(&notes) {
                tracing::error!(
                    "the newest checkpoint is not remembered: a restored backup would go unnoticed: {error:#}"
                );
            }
            last
        });
        match write.await {
            Ok(written) if !stopping => last = written,
            _ => return,
        }
    }
}
