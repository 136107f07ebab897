//! Files that hold keys: readable by their owner alone, never overwritten, durable before use.

use anyhow::{Context as _, anyhow, bail};
use denizen_model::{KeyPurpose, SecretKeyFor, jose::base64url_decode, jose::base64url_encode};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
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

fn write_new(file: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let written = || -> std::io::Result<()> {
        let mut options = OpenOptions::new();
        let mut new = options.write(true).create_new(true).mode(mode).open(file)?;
        new.write_all(bytes)?;
        new.sync_all()?;
        // The name is durable once its folder is.
        file.parent()
            .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
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
