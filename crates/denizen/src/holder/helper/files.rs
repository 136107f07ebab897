//! Files between a person and her helper: one line of text, so that they go by any way that text goes,
//! small ones as a QR code too.

use crate::holder::show::on_screen;
use anyhow::{Context as _, bail};
use denizen_model::jose::{base64url_decode, base64url_encode};
use std::{
    fs::{self, OpenOptions},
    io::{Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// Largest file that is read, in bytes.
const FILE_SIZE_BYTES_MAX: u64 = 2 << 20;
/// Longest text that is shown as a QR code.
const QR_CHARACTERS_MAX: usize = 1200;

fn text_of(typ: &str, bytes: &[u8]) -> String {
    format!("denizen:{typ}#{}", base64url_encode(bytes))
}

/// Writes a new file, readable by its owner alone.
pub(super) fn write_file(path: &Path, typ: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let shown = path.display();
    let write = || -> std::io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(text_of(typ, bytes).as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()
    };
    write().with_context(|| format!("{shown} cannot be written: choose a new file"))
}

/// A small file as a QR code for a screen.
pub(super) fn qr(typ: &str, bytes: &[u8]) -> Option<String> {
    let text = text_of(typ, bytes);
    if text.len() > QR_CHARACTERS_MAX {
        return None;
    }
    on_screen(&text)
}

/// Reads a file of one type.
pub(crate) fn read_file(path: &Path, typ: &str) -> anyhow::Result<Vec<u8>> {
    let shown = path.display();
    let file = fs::File::open(path).with_context(|| format!("{shown} cannot be read"))?;
    let mut text = String::new();
    let size = file.take(FILE_SIZE_BYTES_MAX + 1).read_to_string(&mut text);
    let size = size.with_context(|| format!("{shown} is no text"))?;
    if size as u64 > FILE_SIZE_BYTES_MAX {
        bail!("{shown} is too large to be a file between a person and her helper");
    }
    let wrong = || format!("{shown} is not this kind of file: it begins with `denizen:{typ}#`");
    let text = text.trim();
    let data = text.strip_prefix(&format!("denizen:{typ}#"));
    let bytes = base64url_decode(data.with_context(wrong)?);
    bytes.with_context(|| format!("{shown} is cut short or changed: ask for it again"))
}
