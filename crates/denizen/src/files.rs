//! Files that hold keys: readable by their owner alone, never overwritten, durable before use.

use anyhow::{Context as _, anyhow, bail};
use denizen_model::{KeyPurpose, SecretKeyFor, jose::base64url_decode, jose::base64url_encode};
use denizen_store::Database;
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// A key as it lies in a file.
#[derive(Serialize, Deserialize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    /// Version, 1.
    v: u8,
    /// What it signs.
    purpose: String,
    /// 32 bytes, base64url.
    seed: String,
}

/// Makes a folder that only its owner enters. It must be new or empty.
pub(crate) fn make_folder(folder: &Path) -> anyhow::Result<()> {
    let shown = folder.display();
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("{shown} is not empty: nothing was written; choose a new folder");
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("{shown} could not be made"))
}

/// Writes a new file that only its owner reads, and waits until it is on the disk.
pub(crate) fn write_secret(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write_new(file, bytes, 0o600)
}

/// Writes a new file that everybody may read, and waits until it is on the disk.
pub(crate) fn write_public(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write_new(file, bytes, 0o644)
}

/// Replaces a file that everybody may read: after a crash it is the old one or the new one.
pub(crate) fn replace_public(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut new = file.as_os_str().to_owned();
    new.push(".new");
    let new = Path::new(&new);
    let replaced = || -> std::io::Result<()> {
        let mut options = OpenOptions::new();
        let written = options.write(true).create(true).truncate(true);
        let mut written = written.mode(0o644).open(new)?;
        written.write_all(bytes)?;
        written.sync_all()?;
        fs::rename(new, file)?;
        sync_folder_of(file)
    };
    replaced().with_context(|| format!("{} could not be written", file.display()))
}

/// A name is durable once its folder is.
pub(crate) fn sync_folder_of(file: &Path) -> std::io::Result<()> {
    match file.parent() {
        None => Ok(()),
        Some(folder) if folder.as_os_str().is_empty() => File::open(".")?.sync_all(),
        Some(folder) => File::open(folder)?.sync_all(),
    }
}

/// Copies a database, as it is at one moment, into a new file that only its owner reads.
pub(crate) fn copy_database(database: &Path, file: &Path) -> anyhow::Result<()> {
    let there = Database::open_reader(database)
        .with_context(|| format!("{} cannot be read", database.display()))?;
    write_secret(file, &[])?;
    let copied = there.copy_to(file).map_err(anyhow::Error::from);
    let durable = copied.and_then(|()| {
        File::open(file)?.sync_all()?;
        Ok(sync_folder_of(file)?)
    });
    durable.inspect_err(|_| {
        // What is there is no backup; that it stays does not matter then.
        let _ = fs::remove_file(file);
    })
}

/// A folder that this process has taken; others may have it once this is dropped.
pub(crate) struct FolderLock(#[expect(dead_code, reason = "the lock goes with the file")] File);

impl FolderLock {
    /// Takes it by a file in it; `None` while another process has it.
    pub(crate) fn take(file: &Path) -> anyhow::Result<Option<Self>> {
        let open = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(file);
        let lock = open.with_context(|| format!("{} cannot be opened", file.display()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self(lock))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => {
                bail!("{} cannot be locked: {error}", file.display())
            }
        }
    }
}

/// Bytes that may still be written to a folder's disk.
pub(crate) fn free_bytes(folder: &Path) -> Option<u64> {
    disk_bytes(folder).map(|(free, _)| free)
}

/// Bytes that this user may still write to the disk of a folder, and its size without what is kept for root.
pub(crate) fn disk_bytes(folder: &Path) -> Option<(u64, u64)> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    let reserved = disk.f_bfree.saturating_sub(disk.f_bavail);
    let of = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
    Some((
        of(disk.f_bavail),
        of(disk.f_blocks.saturating_sub(reserved)),
    ))
}

/// Lowercase hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn write_new(file: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let written = || -> std::io::Result<()> {
        let mut options = OpenOptions::new();
        let mut new = options.write(true).create_new(true).mode(mode).open(file)?;
        new.write_all(bytes)?;
        new.sync_all()?;
        sync_folder_of(file)
    };
    written().with_context(|| format!("{} could not be written", file.display()))
}

/// Writes a key.
pub(crate) fn write_key<P: KeyPurpose>(file: &Path, key: &SecretKeyFor<P>) -> anyhow::Result<()> {
    let seed = Zeroizing::new(key.danger_seed());
    let key = KeyFile {
        v: 1,
        purpose: P::NAME.to_owned(),
        seed: base64url_encode(seed.as_slice()),
    };
    write_secret(file, &Zeroizing::new(serde_json::to_vec(&key)?))
}

/// Reads a key of this purpose.
pub(crate) fn read_key<P: KeyPurpose>(file: &Path) -> anyhow::Result<SecretKeyFor<P>> {
    let shown = file.display();
    let bytes = fs::read(file).map(Zeroizing::new);
    let bytes = bytes.with_context(|| format!("the {} key {shown} cannot be read", P::NAME))?;
    // The parser's words could repeat a part of the key.
    let key: KeyFile =
        serde_json::from_slice(&bytes).map_err(|_| anyhow!("{shown} is no key file"))?;
    if key.v != 1 || key.purpose != P::NAME {
        bail!("{shown} is no {} key of this version", P::NAME);
    }
    let seed = base64url_decode(&key.seed).map(Zeroizing::new);
    let seed = seed.and_then(|s| s.as_slice().try_into().ok().map(Zeroizing::new));
    seed.and_then(|seed| SecretKeyFor::from_seed(&seed).ok())
        .with_context(|| format!("{shown} is damaged: restore it from its copy"))
}
