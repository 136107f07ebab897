//! The shipped catalogue and the demo's files, read from the repository.

use denizen_model::catalogue::Catalogue;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

static CATALOGUE: OnceLock<Arc<Catalogue>> = OnceLock::new();

/// The repository's folder.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The shipped catalogue, read once a process.
#[must_use]
pub fn catalogue() -> Arc<Catalogue> {
    Arc::clone(CATALOGUE.get_or_init(|| {
        let mut files = BTreeMap::new();
        for folder in ["kinds", "schema", "services", "locales"] {
            for entry in std::fs::read_dir(repository().join("catalogue").join(folder)).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                files.insert(format!("{folder}/{name}"), std::fs::read(&path).unwrap());
            }
        }
        Arc::new(Catalogue::load(&files).unwrap())
    }))
}

/// A file of the demo, by its path below `demo/`.
#[must_use]
pub fn demo_file(path: &str) -> Vec<u8> {
    std::fs::read(repository().join("demo").join(path)).unwrap()
}
