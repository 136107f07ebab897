//! A profile's folder: the wrapped root, the device secret, the encrypted profile.

use super::say::Say;
use anyhow::{Context, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use denizen_holder::ObjectFiles;
use denizen_model::MessageId;
use denizen_recovery::{ARGON2_FLOOR, DeviceSecret, unwrap_passphrase, wrap_passphrase};
use denizen_seal::RootSecret;
use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};
use zeroize::Zeroizing;

const WRAPPED: &str = "root.wrapped";
const DEVICE: &str = "device.secret";
const PROFILE: &str = "profile.sealed";
const LOCK: &str = "lock";
const WARDS: &str = "wards";
const OBJECTS: &str = "objects";
/// There while a profile is being forgotten.
const ENDED: &str = "ended";
/// What is being written ends so, until it is whole.
const UNFINISHED: &str = "new";

/// How the passphrase is had: asked for, or read from a file; never an argument.
#[derive(Debug, clap::Args)]
pub(crate) struct PassphraseArg {
    /// Read the passphrase from this file's first line instead of asking
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
    /// Use the profile of this ward, which your own profile keeps
    #[arg(long, value_name = "NAME")]
    ward: Option<String>,
}

impl PassphraseArg {
    /// The passphrase of an existing profile.
    pub(crate) fn ask(&self, say: &Say) -> anyhow::Result<Zeroizing<String>> {
        let Some(file) = &self.passphrase_file else {
            return prompt(say, "cli-passphrase-ask");
        };
        first_line(file)
    }

    /// The ward whose profile is meant, if it is not the folder's own.
    pub(crate) fn ward(&self) -> Option<&str> {
        self.ward.as_deref()
    }

    /// A new passphrase, asked for twice.
    pub(crate) fn ask_twice(&self, say: &Say) -> anyhow::Result<Zeroizing<String>> {
        if self.ward.is_some() {
            bail!("--ward goes with a profile that is there: see `denizen ward --help`");
        }
        let first = self.ask(say)?;
        if self.passphrase_file.is_none() && *first != *prompt(say, "cli-passphrase-again")? {
            bail!(say.text("cli-passphrase-differ", &[]));
        }
        Ok(first)
    }
}

/// A passphrase in a file's first line.
pub(crate) fn first_line(file: &Path) -> anyhow::Result<Zeroizing<String>> {
    let text = fs::read_to_string(file).context("the passphrase file cannot be read")?;
    let text = Zeroizing::new(text);
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        bail!("the passphrase file is empty: write the passphrase in its first line");
    }
    Ok(Zeroizing::new(line.to_owned()))
}

/// Asks for a passphrase without showing it.
pub(crate) fn prompt(say: &Say, key: &str) -> anyhow::Result<Zeroizing<String>> {
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
        Self::go_on_forgetting(&path)?;
        if path.join(PROFILE).exists() || path.join(WRAPPED).exists() {
            bail!(
                "{} already holds a profile: choose another folder",
                path.display()
            );
        }
        fs::create_dir_all(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        Self::lock(path)
    }

    /// Makes a new folder beside the one that it will be, for [`Folder::take_place`]: what a killed
    /// command left of an earlier try is thrown away.
    pub(crate) fn prepare(path: &Path) -> anyhow::Result<Self> {
        let occupied = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
        if occupied {
            bail!("{} is not empty: choose another folder", path.display());
        }
        let name = path.file_name().context("the folder needs a name")?;
        let mut name = name.to_owned();
        name.push(".unfinished");
        let beside = path.with_file_name(name);
        if beside.exists() {
            fs::remove_dir_all(&beside)
                .with_context(|| format!("{} cannot be removed", beside.display()))?;
        }
        Self::make(beside)
    }

    /// The prepared folder, whole by now, becomes the one that was asked for.
    pub(crate) fn take_place(self, path: &Path) -> anyhow::Result<()> {
        // An empty folder may be there; anything else is refused by the system.
        fs::rename(&self.path, path).with_context(|| format!("{} cannot be made", path.display()))
    }

    /// Whether a folder holds a profile.
    pub(crate) fn is_profile(path: &Path) -> bool {
        path.join(PROFILE).exists()
    }

    /// Opens an existing one.
    pub(crate) fn open(path: PathBuf) -> anyhow::Result<Self> {
        Self::go_on_forgetting(&path)?;
        if !path.join(PROFILE).exists() {
            bail!(
                "{} holds no profile: make one with `denizen init` or `denizen restore`",
                path.display()
            );
        }
        Self::lock(path)
    }

    fn go_on_forgetting(path: &Path) -> anyhow::Result<()> {
        if path.join(ENDED).exists() {
            Self::lock(path.to_owned())?.forget()?;
        }
        Ok(())
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

    /// Where the profile of a ward lies: it has no passphrase of its own, its root is in the guardian's
    /// profile.
    pub(crate) fn ward_folder(&self, ward: &MessageId) -> PathBuf {
        self.path.join(WARDS).join(ward.to_text())
    }

    /// The encrypted profile of a ward, if it is on this device.
    pub(crate) fn read_ward(&self, ward: &MessageId) -> Option<Vec<u8>> {
        fs::read(self.ward_folder(ward).join(PROFILE)).ok()
    }

    /// Removes the profile of a ward from this device.
    pub(crate) fn remove_ward(&self, ward: &MessageId) -> anyhow::Result<()> {
        let folder = self.ward_folder(ward);
        if !folder.exists() {
            return Ok(());
        }
        fs::remove_dir_all(&folder)
            .with_context(|| format!("{} cannot be removed", folder.display()))
    }

    /// Where sealed files lie beside the profile: ciphertext, whose keys are in the profile.
    pub(crate) fn objects(&self) -> anyhow::Result<Arc<dyn ObjectFiles>> {
        let path = self.path.join(OBJECTS);
        fs::create_dir_all(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(Arc::new(Objects(path)))
    }

    /// Forgets the profile: what opens it first, so that a rest of it is of no use. If this is ended midway,
    /// the next command goes on with it.
    pub(crate) fn forget(&self) -> anyhow::Result<()> {
        write_secret(&self.path.join(ENDED), &[])?;
        for name in [DEVICE, WRAPPED, PROFILE] {
            let unfinished = Path::new(name).with_extension(UNFINISHED);
            remove(&self.path.join(name))?;
            remove(&self.path.join(unfinished))?;
        }
        for name in [OBJECTS, WARDS, ENDED] {
            remove(&self.path.join(name))?;
        }
        Ok(())
    }

    pub(crate) fn read_profile(&self) -> anyhow::Result<Vec<u8>> {
        fs::read(self.path.join(PROFILE)).context("the profile cannot be read")
    }

    pub(crate) fn write_profile(&self, bytes: &[u8]) -> anyhow::Result<()> {
        write_secret(&self.path.join(PROFILE), bytes)
    }
}

/// Sealed files of a profile, each under its name.
struct Objects(PathBuf);

impl Objects {
    /// Names are made by the profile; whatever else came in would be no file here.
    fn at(&self, name: &str) -> Option<PathBuf> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        (!name.is_empty() && name.chars().all(fits)).then(|| self.0.join(name))
    }
}

impl ObjectFiles for Objects {
    fn read(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.at(name)?).ok()
    }

    fn write(&self, name: &str, bytes: &[u8]) -> bool {
        let path = self.at(name);
        path.is_some_and(|path| write_secret(&path, bytes).is_ok())
    }

    fn remove(&self, name: &str) {
        if let Some(path) = self.at(name) {
            // What is not there needs no removing.
            let _ = fs::remove_file(path);
        }
    }
}

/// Removes a file or a folder, if it is there.
fn remove(path: &Path) -> anyhow::Result<()> {
    let removed = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be removed", path.display()))
        }
        _ => Ok(()),
    }
}

/// Writes a file that only its owner reads, whole or not at all.
pub(crate) fn write_secret(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let write = || -> std::io::Result<()> {
        let new = path.with_extension(UNFINISHED);
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
/// Largest file of an export, in bytes: a directory that has grown for long.
const FILE_SIZE_BYTES_MAX: u64 = 256 << 20;
/// Most files of an export.
const FILES_MAX: usize = 200_000;

/// Reads an export: a folder, or one file with everything, as the portal saves it.
pub(crate) fn read_export(path: &Path) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    if !path.is_file() {
        return read_all(path);
    }
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("{shown} cannot be read"))?;
    let text = read_up_to(file, EXPORT_SIZE_BYTES_MAX, path)?;
    let files: BTreeMap<String, String> =
        serde_json::from_slice(&text).with_context(|| format!("{shown} is no export"))?;
    if files.len() > FILES_MAX {
        bail!("{shown} is too large to be an export");
    }
    let decode = |(name, text): (String, String)| {
        let bytes = BASE64.decode(text);
        let bytes = bytes.with_context(|| format!("{shown} is no export: {name} is not base64"));
        bytes.map(|bytes| (name, bytes))
    };
    files.into_iter().map(decode).collect()
}

/// Reads an exported folder: plain files, in folders right below it. A link, a device or a deeper
/// folder is no part of an export, and could lead anywhere.
pub(crate) fn read_all(folder: &Path) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut size = 0;
    let mut folders = vec![(folder.to_owned(), String::new())];
    while let Some((next, above)) = folders.pop() {
        let entries =
            fs::read_dir(&next).with_context(|| format!("{} is no folder", next.display()))?;
        for entry in entries {
            let entry = entry?;
            let path = entry.path();
            let shown = path.display();
            let name = entry.file_name();
            let name = name
                .to_str()
                .with_context(|| format!("{shown} is no name"))?;
            let kind = entry.file_type()?;
            if kind.is_dir() && above.is_empty() {
                folders.push((path, format!("{name}/")));
                continue;
            }
            if !kind.is_file() {
                bail!("{shown} is no plain file: an export has no links and no deeper folders");
            }
            if files.len() >= FILES_MAX || size > EXPORT_SIZE_BYTES_MAX {
                bail!("{} is too large to be an export", folder.display());
            }
            let bytes = read_plain(&path)?;
            size += bytes.len() as u64;
            files.insert(format!("{above}{name}"), bytes);
        }
    }
    Ok(files)
}

/// Reads a file that somebody else may change meanwhile: never more than an export's file may hold.
fn read_plain(path: &Path) -> anyhow::Result<Vec<u8>> {
    let shown = path.display();
    let file = OpenOptions::new()
        .read(true)
        // It may have become a link since it was listed.
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
        .with_context(|| format!("{shown} cannot be read"))?;
    read_up_to(file, FILE_SIZE_BYTES_MAX, path)
}

fn read_up_to(file: File, size_bytes_max: u64, path: &Path) -> anyhow::Result<Vec<u8>> {
    let shown = path.display();
    let mut bytes = Vec::new();
    file.take(size_bytes_max + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("{shown} cannot be read"))?;
    if bytes.len() as u64 > size_bytes_max {
        bail!("{shown} is too large to be part of an export");
    }
    Ok(bytes)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails loudly")]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn an_export_is_read_from_plain_files_and_nothing_leads_out_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let export = folder.path().join("export");
        fs::create_dir_all(export.join("records")).unwrap();
        fs::write(export.join("notes.json"), b"[]").unwrap();
        fs::write(export.join("records/0000.json"), b"{}").unwrap();
        let read = read_all(&export).unwrap();
        let names: Vec<_> = read.keys().map(String::as_str).collect();
        assert_eq!(names, ["notes.json", "records/0000.json"]);

        let secret = folder.path().join("secret");
        fs::write(&secret, b"not hers to read").unwrap();
        symlink(&secret, export.join("records/0001.json")).unwrap();
        let refused = read_all(&export).unwrap_err().to_string();
        assert!(refused.contains("0001.json"), "{refused}");
        fs::remove_file(export.join("records/0001.json")).unwrap();

        symlink(folder.path(), export.join("sent")).unwrap();
        assert!(read_all(&export).is_err(), "a folder's link");
        fs::remove_file(export.join("sent")).unwrap();

        symlink("/dev/zero", export.join("endless")).unwrap();
        assert!(read_all(&export).is_err(), "an endless file");
        fs::remove_file(export.join("endless")).unwrap();

        fs::create_dir_all(export.join("records/deeper")).unwrap();
        assert!(read_all(&export).is_err(), "a deeper folder");
        fs::remove_dir(export.join("records/deeper")).unwrap();
        assert_eq!(read_all(&export).unwrap(), read);

        let whole = folder.path().join("export.json");
        fs::write(
            &whole,
            r#"{"notes.json": "W10=", "records/0000.json": "e30="}"#,
        )
        .unwrap();
        assert_eq!(read_export(&whole).unwrap(), read, "as one file");
        assert_eq!(read_export(&export).unwrap(), read, "as a folder");
        fs::write(&whole, r#"{"notes.json": "W1"}"#).unwrap();
        let refused = read_export(&whole).unwrap_err().to_string();
        assert!(refused.contains("notes.json"), "{refused}");
        fs::write(&whole, b"no export").unwrap();
        assert!(read_export(&whole).is_err());

        // A sparse file says that it is large without being so.
        let huge = File::create(export.join("records/0002.json")).unwrap();
        huge.set_len(FILE_SIZE_BYTES_MAX + 1).unwrap();
        let refused = read_all(&export).unwrap_err().to_string();
        assert!(refused.contains("too large"), "{refused}");
    }
}
