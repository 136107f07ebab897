//! A profile's folder: the wrapped root, the device secret, the encrypted profile.

use super::say::Say;
use anyhow::{Context, bail};
use denizen_recovery::{ARGON2_FLOOR, DeviceSecret, unwrap_passphrase, wrap_passphrase};
use denizen_seal::RootSecret;
use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

const WRAPPED: &str = "root.wrapped";
const DEVICE: &str = "device.secret";
const PROFILE: &str = "profile.sealed";
const LOCK: &str = "lock";

/// How the passphrase is had: asked for, or read from a file; never an argument.
#[derive(Debug, clap::Args)]
pub(crate) struct PassphraseArg {
    /// Read the passphrase from this file's first line instead of asking
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
}

impl PassphraseArg {
    /// The passphrase of an existing profile.
    pub(crate) fn ask(&self, say: &Say) -> anyhow::Result<Zeroizing<String>> {
        let Some(file) = &self.passphrase_file else {
            return prompt(say, "cli-passphrase-ask");
        };
        let text =
            Zeroizing::new(fs::read_to_string(file).context("the passphrase file cannot be read")?);
        let line = text.lines().next().unwrap_or_default();
        if line.is_empty() {
            bail!("the passphrase file is empty: write the passphrase in its first line");
        }
        Ok(Zeroizing::new(line.to_owned()))
    }

    /// A new passphrase, asked for twice.
    pub(crate) fn ask_twice(&self, say: &Say) -> anyhow::Result<Zeroizing<String>> {
        let first = self.ask(say)?;
        if self.passphrase_file.is_none() && *first != *prompt(say, "cli-passphrase-again")? {
            bail!(say.text("cli-passphrase-differ", &[]));
        }
        Ok(first)
    }
}

fn prompt(say: &Say, key: &str) -> anyhow::Result<Zeroizing<String>> {
    let text = rpassword::prompt_password(format!("{} ", say.text(key, &[])));
    text.map(Zeroizing::new)
        .context("no terminal to ask for the passphrase: use --passphrase-file")
}

/// A folder that this process alone has open.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes a new folder.
    pub(crate) fn make(path: PathBuf) -> anyhow::Result<Self> {
        if path.join(PROFILE).exists() || path.join(WRAPPED).exists() {
            bail!(
                "{} already holds a profile: choose another folder",
                path.display()
            );
        }
        fs::create_dir_all(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        Self::lock(path)
    }

    /// Opens an existing one.
    pub(crate) fn open(path: PathBuf) -> anyhow::Result<Self> {
        if !path.join(PROFILE).exists() {
            bail!(
                "{} holds no profile: make one with `denizen init` or `denizen restore`",
                path.display()
            );
        }
        Self::lock(path)
    }

    fn lock(path: PathBuf) -> anyhow::Result<Self> {
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join(LOCK))
            .with_context(|| format!("{} cannot be written", path.display()))?;
        if lock.try_lock().is_err() {
            bail!(
                "{} is in use by another command: wait until it ends",
                path.display()
            );
        }
        Ok(Self { path, _lock: lock })
    }

    /// Wraps the root under passphrase and a fresh device secret (R16).
    pub(crate) fn wrap_root(
        &self,
        root: &RootSecret,
        passphrase: &str,
        rng: &mut impl rand_core::CryptoRng,
    ) -> anyhow::Result<()> {
        let mut device = DeviceSecret::default();
        rng.fill_bytes(device.as_mut());
        let wrapped = wrap_passphrase(root.danger_bytes(), passphrase, &device, ARGON2_FLOOR, rng)?;
        write_secret(&self.path.join(DEVICE), device.as_ref())?;
        write_secret(&self.path.join(WRAPPED), &wrapped)
    }

    /// Unwraps the root.
    pub(crate) fn unwrap_root(&self, passphrase: &str) -> anyhow::Result<RootSecret> {
        let read = |name| {
            fs::read(self.path.join(name))
                .with_context(|| format!("{name} of this profile is missing: restore from the kit"))
        };
        let device: [u8; 16] = read(DEVICE)?
            .as_slice()
            .try_into()
            .context("device.secret of this profile is damaged: restore from the kit")?;
        let root = unwrap_passphrase(&read(WRAPPED)?, passphrase, &DeviceSecret::new(device))?;
        Ok(RootSecret::from_bytes(*root))
    }

    pub(crate) fn read_profile(&self) -> anyhow::Result<Vec<u8>> {
        fs::read(self.path.join(PROFILE)).context("the profile cannot be read")
    }

    pub(crate) fn write_profile(&self, bytes: &[u8]) -> anyhow::Result<()> {
        write_secret(&self.path.join(PROFILE), bytes)
    }
}

/// Writes a file that only its owner reads, whole or not at all.
pub(crate) fn write_secret(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let write = || -> std::io::Result<()> {
        let new = path.with_extension("new");
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}

/// Writes an export into a new folder.
pub(crate) fn write_all(out: &Path, files: &BTreeMap<String, Vec<u8>>) -> anyhow::Result<()> {
    if out.exists() {
        bail!("{} is there already: choose a new folder", out.display());
    }
    for (name, bytes) in files {
        let path = out.join(name);
        let folder = path.parent().unwrap_or(out);
        fs::create_dir_all(folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
        write_secret(&path, bytes)?;
    }
    Ok(())
}

/// Largest export that is read, in bytes.
const EXPORT_SIZE_BYTES_MAX: u64 = 1 << 30;

/// Reads an exported folder.
pub(crate) fn read_all(folder: &Path) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut size = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let entries =
            fs::read_dir(&next).with_context(|| format!("{} is no folder", next.display()))?;
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
                continue;
            }
            size += entry.metadata()?.len();
            if size > EXPORT_SIZE_BYTES_MAX {
                bail!("{} is too large to be an export", folder.display());
            }
            let path = entry.path();
            let name = path
                .strip_prefix(folder)?
                .to_string_lossy()
                .replace('\\', "/");
            files.insert(name, fs::read(&path)?);
        }
    }
    Ok(files)
}
