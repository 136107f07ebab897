//! Files that go with messages: read for sending, written when they are saved.

use anyhow::{Context as _, bail};
use denizen_model::object::CONTENT_SIZE_BYTES_MAX;
use denizen_seal::FileToAttach;
use std::{
    fs::{self, File, OpenOptions},
    io::{Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// Files that go with a message.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct AttachArg {
    /// A file that goes with it, up to 16 MiB: a photograph, a scan; several are possible
    #[arg(long, value_name = "FILE")]
    attach: Vec<PathBuf>,
}

impl AttachArg {
    /// The files, read whole.
    pub(crate) fn read(&self) -> anyhow::Result<Vec<FileToAttach>> {
        self.attach.iter().map(|path| read(path)).collect()
    }
}

fn read(path: &Path) -> anyhow::Result<FileToAttach> {
    let shown = path.display();
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.with_context(|| format!("{shown} has no name that can be sent"))?;
    let file = File::open(path).with_context(|| format!("{shown} cannot be read"))?;
    let mut content = Vec::new();
    file.take(CONTENT_SIZE_BYTES_MAX as u64 + 1)
        .read_to_end(&mut content)
        .with_context(|| format!("{shown} cannot be read"))?;
    if content.len() > CONTENT_SIZE_BYTES_MAX {
        bail!("{shown} is larger than 16 MiB: send a smaller scan, or several files");
    }
    Ok(FileToAttach::new(name, media_type(name), content))
}

/// What a file is, by the end of its name. It is only what the sender says: nobody relies on it.
fn media_type(name: &str) -> &'static str {
    let end = name
        .rsplit_once('.')
        .map(|(_, end)| end.to_ascii_lowercase());
    match end.as_deref().unwrap_or_default() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "webp" => "image/webp",
        "heic" => "image/heic",
        "tif" | "tiff" => "image/tiff",
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "odt" => "application/vnd.oasis.opendocument.text",
        _ => "application/octet-stream",
    }
}

/// Writes what came to a file that only its owner reads, where the person says: never under the name that
/// its sender gave it, and never over something that is there.
pub(crate) fn save(out: &Path, content: &[u8]) -> anyhow::Result<()> {
    let shown = out.display();
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(out)
        .with_context(|| format!("{shown} cannot be made: choose a new name for the file"))?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a file helps nobody.
        let _ = fs::remove_file(out);
    }
    written.with_context(|| format!("{shown} cannot be written"))
}

/// Bytes as people say them.
pub(crate) fn size_text(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails loudly")]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_the_limit_and_saved_over_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("билет.JPG"), b"photo").unwrap();
        let arg = AttachArg {
            attach: vec![at("билет.JPG")],
        };
        let file = arg.read().unwrap().remove(0);
        assert_eq!(
            (file.name.as_str(), file.media_type.as_str()),
            ("билет.JPG", "image/jpeg")
        );
        assert_eq!(*file.content, b"photo");
        let large = File::create(at("large.pdf")).unwrap();
        large.set_len(CONTENT_SIZE_BYTES_MAX as u64 + 1).unwrap();
        assert!(
            read(&at("large.pdf"))
                .unwrap_err()
                .to_string()
                .contains("16 MiB")
        );
        assert!(read(&at("missing")).is_err());

        save(&at("out"), b"photo").unwrap();
        assert_eq!(fs::read(at("out")).unwrap(), b"photo");
        assert!(save(&at("out"), b"other").is_err());
        std::os::unix::fs::symlink(at("elsewhere"), at("link")).unwrap();
        assert!(
            save(&at("link"), b"other").is_err(),
            "nothing through a link"
        );
        assert_eq!(fs::read(at("out")).unwrap(), b"photo");
        assert_eq!(size_text(10), "10 B");
        assert_eq!(size_text(70_000), "69 KiB");
        assert_eq!(size_text(3 << 19), "1.5 MiB");
    }
}
