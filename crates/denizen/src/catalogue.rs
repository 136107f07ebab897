//! The catalogue: from a folder, or the copy that the program carries.

use anyhow::{Context as _, anyhow};
use denizen_model::catalogue::{Catalogue, CatalogueError};
use std::{collections::BTreeMap, fs, path::Path};

/// Path below `catalogue/` and contents.
const EMBEDDED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));

/// Folders that are read.
const FOLDERS: [&str; 4] = ["kinds", "schema", "services", "locales"];

/// The shipped catalogue.
pub(crate) fn embedded() -> anyhow::Result<Catalogue> {
    let files = EMBEDDED
        .iter()
        .map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec()));
    // A test loads it with all its checks.
    Catalogue::load_known(&files.collect()).map_err(|errors| refusal(&errors))
}

/// A deployment's own catalogue.
pub(crate) fn read(folder: &Path) -> anyhow::Result<Catalogue> {
    let mut files = BTreeMap::new();
    for name in FOLDERS {
        let below = folder.join(name);
        let entries = fs::read_dir(&below).with_context(|| {
            let below = below.display();
            format!(
                "{below} cannot be read: a catalogue has the folders {}",
                FOLDERS.join(", ")
            )
        })?;
        for entry in entries {
            let path = entry?.path();
            let file = path
                .file_name()
                .and_then(|f| f.to_str())
                .filter(|f| f.ends_with(".json"));
            if let Some(file) = file {
                files.insert(format!("{name}/{file}"), fs::read(&path)?);
            }
        }
    }
    load(&files).with_context(|| format!("the catalogue in {} is refused", folder.display()))
}

fn load(files: &BTreeMap<String, Vec<u8>>) -> anyhow::Result<Catalogue> {
    Catalogue::load(files).map_err(|errors| refusal(&errors))
}

fn refusal(errors: &[CatalogueError]) -> anyhow::Error {
    let lines: Vec<String> = errors.iter().map(CatalogueError::to_string).collect();
    anyhow!("{}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_carries_the_whole_catalogue() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalogue");
        let (carried, read) = (embedded().expect("loads"), read(&folder).expect("loads"));
        let hashes = |c: &Catalogue| -> Vec<_> {
            c.kinds()
                .map(|k| (k.metadata_hash, k.schema_hash))
                .collect()
        };
        assert_eq!(hashes(&carried), hashes(&read));
        assert_eq!(carried.services().count(), read.services().count());
    }

    #[test]
    fn a_folder_that_is_no_catalogue_is_refused_with_its_name() {
        let error = read(Path::new("no-such-folder")).expect_err("is refused");
        assert!(format!("{error:#}").contains("no-such-folder/kinds"));
    }
}
