//! Lists the catalogue's files, so that the binary carries a copy of them.

use std::{
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// Folders of the catalogue that a running program reads.
const FOLDERS: [&str; 4] = ["kinds", "schema", "services", "locales"];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = |name| std::env::var_os(name).map(PathBuf::from).ok_or(name);
    let catalogue = folder("CARGO_MANIFEST_DIR")?.join("../../catalogue");
    let mut list = String::from("&[\n");
    for name in FOLDERS {
        let below = catalogue.join(name);
        println!("cargo::rerun-if-changed={}", below.display());
        for file in files(&below)? {
            let path = below.join(&file);
            writeln!(
                list,
                "    ({:?}, include_bytes!({path:?})),",
                format!("{name}/{file}")
            )?;
        }
    }
    list.push(']');
    fs::write(folder("OUT_DIR")?.join("catalogue.rs"), list)?;
    let bundle = folder("CARGO_MANIFEST_DIR")?.join("../../web/dist/portal");
    let portal = match std::env::var_os("CARGO_FEATURE_EMBED_WEB") {
        Some(_) => portal(&bundle)?,
        None => "&[]".to_owned(),
    };
    Ok(fs::write(folder("OUT_DIR")?.join("portal.rs"), portal)?)
}

/// The portal's bundle, as `cargo xtask web` writes it.
fn portal(bundle: &Path) -> Result<String, Box<dyn Error>> {
    println!("cargo::rerun-if-changed={}", bundle.display());
    let mut list = String::from("&[\n");
    let mut open = vec![bundle.to_owned()];
    while let Some(below) = open.pop() {
        let mut paths = Vec::new();
        for entry in fs::read_dir(&below)? {
            paths.push(entry?.path());
        }
        paths.sort();
        for path in paths {
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let name = path.strip_prefix(bundle)?;
            writeln!(list, "    ({name:?}, include_bytes!({path:?})),")?;
        }
    }
    list.push(']');
    Ok(list)
}

/// Names of the JSON files in a folder, in order.
fn files(folder: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().into_string();
        names.extend(name.ok().filter(|name| name.ends_with(".json")));
    }
    names.sort();
    Ok(names)
}
