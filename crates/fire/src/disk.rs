//! A disk whose power goes: from the calls of a recorded run, what may lie on it afterwards.
//!
//! What was synced is there. Of what was written since, each sector may be there or not; a file that
//! grew may have grown without its bytes. Names are kept in the order in which they were made, up to some
//! point after the last sync of the folder. This is more than most file systems do, and what POSIX allows.

use crate::Shim;
use rand_chacha::ChaCha20Rng;
use rand_core::Rng as _;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// What a disk writes whole.
const SECTOR: usize = 512;

/// One call of a recorded run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// A file that was not known yet got this number and name.
    Named(u32, String),
    /// A name went.
    Unlinked(String),
    /// Bytes at an offset.
    Wrote(u32, u64, Vec<u8>),
    /// A file has this length.
    Truncated(u32, u64),
    /// What a file has is on the disk.
    Synced(u32),
    /// Names are on the disk.
    FolderSynced,
}

/// Reads what a [`Shim`] wrote down.
#[must_use]
pub fn read_trace(shim: &Shim) -> Vec<Call> {
    let bytes = fs::read(shim.trace.as_ref().unwrap()).unwrap();
    let mut rest = bytes.as_slice();
    let mut calls = Vec::new();
    while let Some((head, after)) = rest.split_first_chunk::<21>() {
        let file = u32::from_le_bytes(head[1..5].try_into().unwrap());
        let offset = u64::from_le_bytes(head[5..13].try_into().unwrap());
        let length = u64::from_le_bytes(head[13..21].try_into().unwrap());
        let (bytes, after) = after.split_at(usize::try_from(length).unwrap());
        let name = || String::from_utf8(bytes.to_vec()).unwrap();
        calls.push(match head[0] {
            b'o' => Call::Named(file, name()),
            b'u' => Call::Unlinked(name()),
            b'w' => Call::Wrote(file, offset, bytes.to_vec()),
            b't' => Call::Truncated(file, offset),
            b's' => Call::Synced(file),
            b'd' => Call::FolderSynced,
            other => panic!("a call {other} that is not known"),
        });
        rest = after;
    }
    calls
}

/// What becomes of what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Nothing of it is there.
    All,
    /// Everything is there, as after a kill.
    Nothing,
    /// The first calls are there, and the one after them in part.
    Tail,
    /// Each sector of each call is there or not.
    Sectors,
    /// Files are as long as they were made, with nothing in the new part.
    Lengths,
}

impl Loss {
    /// All of them.
    pub const EVERY: [Self; 5] = [
        Self::All,
        Self::Nothing,
        Self::Tail,
        Self::Sectors,
        Self::Lengths,
    ];
}

#[derive(Default)]
struct File {
    durable: Vec<u8>,
    pending: Vec<Call>,
}

/// A disk at some point of a run.
#[derive(Default)]
pub struct Disk {
    files: BTreeMap<u32, File>,
    names: BTreeMap<String, u32>,
    pending: Vec<Call>,
}

impl Disk {
    /// The next call.
    pub fn call(&mut self, call: Call) {
        match call {
            Call::Named(file, _) => {
                self.files.entry(file).or_default();
                self.pending.push(call);
            }
            Call::Unlinked(_) => self.pending.push(call),
            Call::FolderSynced => {
                let pending = std::mem::take(&mut self.pending);
                pending
                    .iter()
                    .for_each(|call| rename(&mut self.names, call));
            }
            Call::Synced(file) => {
                let file = self.files.entry(file).or_default();
                let pending = std::mem::take(&mut file.pending);
                pending
                    .iter()
                    .for_each(|call| apply(&mut file.durable, call));
            }
            Call::Wrote(file, ..) | Call::Truncated(file, _) => {
                self.files.entry(file).or_default().pending.push(call);
            }
        }
    }

    /// Whether anything was written since it was last synced.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.files.values().all(|f| f.pending.is_empty())
    }

    /// Writes what is there after the power went into a folder: files whose names begin like this.
    pub fn cut(&self, loss: Loss, rng: &mut ChaCha20Rng, folder: &Path, begin: &str) {
        let mut names = self.names.clone();
        let kept = match loss {
            Loss::All => 0,
            Loss::Nothing => self.pending.len(),
            _ => below(rng, self.pending.len() + 1),
        };
        let pending = &self.pending[..kept];
        pending.iter().for_each(|call| rename(&mut names, call));
        for (name, file) in names {
            // Shared memory is nobody's to keep.
            if name.starts_with(begin) && !name.ends_with("-shm") {
                let bytes = self.files[&file].cut(loss, rng);
                fs::write(folder.join(name), bytes).unwrap();
            }
        }
    }
}

impl File {
    fn cut(&self, loss: Loss, rng: &mut ChaCha20Rng) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        match loss {
            Loss::All => {}
            Loss::Nothing => self.pending.iter().for_each(|call| apply(&mut bytes, call)),
            Loss::Tail => {
                let whole = below(rng, self.pending.len() + 1);
                let (first, rest) = self.pending.split_at(whole);
                first.iter().for_each(|call| apply(&mut bytes, call));
                if let Some(Call::Wrote(file, at, part)) = rest.first() {
                    let torn = part[..below(rng, part.len() + 1)].to_vec();
                    apply(&mut bytes, &Call::Wrote(*file, *at, torn));
                }
            }
            Loss::Sectors => {
                for call in &self.pending {
                    self.some_sectors(call, rng, &mut bytes);
                }
            }
            Loss::Lengths => {
                let mut length = bytes.len();
                for call in &self.pending {
                    length = match call {
                        Call::Wrote(_, at, part) => length.max(index(*at) + part.len()),
                        Call::Truncated(_, to) => index(*to),
                        _ => length,
                    };
                }
                bytes.resize(length, 0);
            }
        }
        bytes
    }

    fn some_sectors(&self, call: &Call, rng: &mut ChaCha20Rng, bytes: &mut Vec<u8>) {
        match call {
            Call::Wrote(file, at, part) => {
                let mut from = 0;
                while from < part.len() {
                    let first = SECTOR - (index(*at) + from) % SECTOR;
                    let to = (from + first).min(part.len());
                    if rng.next_u32() & 1 == 0 {
                        let sector = part[from..to].to_vec();
                        apply(bytes, &Call::Wrote(*file, at + from as u64, sector));
                    }
                    from = to;
                }
            }
            other if rng.next_u32() & 1 == 0 => apply(bytes, other),
            _ => {}
        }
    }
}

/// A number below `end`.
pub fn below(rng: &mut ChaCha20Rng, end: usize) -> usize {
    index(rng.next_u64() % end as u64)
}

/// So many different numbers below `end`, in order; all, if there are no more.
#[must_use]
pub fn some_of(rng: &mut ChaCha20Rng, count: usize, end: usize) -> BTreeSet<usize> {
    let mut some = BTreeSet::new();
    while some.len() < count.min(end) {
        some.insert(below(rng, end));
    }
    some
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap()
}

fn rename(names: &mut BTreeMap<String, u32>, call: &Call) {
    match call {
        Call::Named(file, name) => drop(names.insert(name.clone(), *file)),
        Call::Unlinked(name) => drop(names.remove(name)),
        _ => {}
    }
}

fn apply(bytes: &mut Vec<u8>, call: &Call) {
    match call {
        Call::Wrote(_, at, part) => {
            let (from, to) = (index(*at), index(*at) + part.len());
            if bytes.len() < to {
                bytes.resize(to, 0);
            }
            bytes[from..to].copy_from_slice(part);
        }
        Call::Truncated(_, to) => bytes.resize(index(*to), 0),
        _ => {}
    }
}
