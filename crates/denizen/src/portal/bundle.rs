//! The portal's files: from a folder, or those that the program carries.

use anyhow::Context as _;
use denizen_hub::{About, Bundle};
use std::{collections::BTreeMap, fs, path::Path};

/// Path in the bundle and contents; empty without the feature `embed-web`.
const EMBEDDED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/portal.rs"));

/// The bundle to serve, checked against its manifest; none if there is none.
pub(crate) fn bundle(folder: Option<&Path>, about: &About) -> anyhow::Result<Option<Bundle>> {
    let files = match folder {
        Some(folder) => read(folder)
            .with_context(|| format!("the portal's folder {} is refused", folder.display()))?,
        None if EMBEDDED.is_empty() => return Ok(None),
        None => EMBEDDED
            .iter()
            .map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec()))
            .collect(),
    };
    Ok(Some(Bundle::new(files, about)?))
}

/// All files below a folder, by their path in it.
fn read(folder: &Path) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(below) = open.pop() {
        let entries =
            fs::read_dir(&below).with_context(|| format!("{} cannot be read", below.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let name = path
                .strip_prefix(folder)?
                .to_str()
                .context("a name is no text")?;
            files.insert(name.to_owned(), fs::read(&path)?);
        }
    }
    Ok(files)
}
