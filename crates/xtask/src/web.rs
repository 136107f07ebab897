//! `cargo xtask web`: the portal's bundle, from the module and the pages, under `web/dist`.

use crate::{
    root::{files_below, root},
    run::{command, run_command},
    wasm,
};
use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// What the portal fetches as it is.
const PUBLIC: &str = "web/generated/public";

/// Builds everything.
pub(crate) fn build() -> Result<()> {
    wasm::build()?;
    install()?;
    generate()?;
    run_command(npm(&["run", "--silent", "check"]))?;
    run_command(npm(&["run", "--silent", "build"]))?;
    println!("   the bundle is in {}", bundle().display());
    Ok(())
}

/// Builds the program with the bundle in it, as it is given out.
pub(crate) fn build_program() -> Result<()> {
    let program = ["--package", "denizen", "--features", "embed-web", "--bins"];
    let build = [&["build", "--quiet", "--locked"], &program[..]].concat();
    run_command(command("cargo", &build))
}

/// No file of the bundle names a folder of this machine: what two folders would make differ. The whole of it,
/// two builds in two folders, takes minutes, and is a part of `cargo xtask campaign`.
pub(crate) fn names_no_folder() -> Result<()> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from);
    // A home alone may be as short as `/root`, which is a part of other words.
    let within = |name: &str| folder("HOME").map(|home| home.join(name));
    let folders = [
        Some(root().to_owned()),
        folder("CARGO_HOME"),
        within(".cargo"),
        within(".rustup"),
    ];
    let told = folders.into_iter().flatten();
    let told = told.map(|folder| folder.to_string_lossy().into_owned());
    // What paths are written as wherever they lie.
    let told: Vec<_> = told.filter(|f| f != "/cargo" && f != "/denizen").collect();
    let files = files_below(&bundle())?;
    ensure!(
        !files.is_empty(),
        "there is no bundle: run `cargo xtask web`"
    );
    for file in &files {
        let bytes = fs::read(file)?;
        for folder in &told {
            let named = bytes.windows(folder.len()).any(|w| w == folder.as_bytes());
            ensure!(!named, "{} names {folder}", file.display());
        }
    }
    println!(
        "   none of {} files names a folder of this machine",
        files.len()
    );
    Ok(())
}

/// Builds what is committed in two folders; every file must have the same bytes.
pub(crate) fn same_from_two_folders() -> Result<()> {
    let root = root();
    let mut manifests = Vec::new();
    for name in ["one", "another-folder"] {
        let folder = root.join("target/reproducible").join(name);
        if folder.is_dir() {
            fs::remove_dir_all(&folder)?;
        }
        let shown = folder.to_string_lossy().into_owned();
        run_command(command("git", &["clone", "--quiet", ".", &shown]))?;
        let mut build = command("cargo", &["xtask", "web"]);
        build.current_dir(&folder).env_remove("CARGO_TARGET_DIR");
        run_command(build)?;
        manifests.push(fs::read_to_string(
            folder.join("web/dist/portal/manifest.json"),
        )?);
    }
    let lines = |at: usize| manifests.get(at).map_or("", String::as_str).lines();
    for (one, other) in lines(0).zip(lines(1)).filter(|(a, b)| a != b) {
        println!("   {one} / {other}");
    }
    ensure!(
        manifests.first() == manifests.last(),
        "two builds of one commit differ"
    );
    println!("   every file has the same bytes from two folders");
    Ok(())
}

/// Where the bundle lies.
pub(crate) fn bundle() -> PathBuf {
    root().join("web/dist/portal")
}

/// A program of the workspace.
pub(crate) fn npm(arguments: &[&str]) -> Command {
    let mut npm = command("npm", arguments);
    npm.current_dir(root().join("web"));
    npm
}

/// The locked packages, unless they are there.
pub(crate) fn install() -> Result<()> {
    let (lock, done) = (
        "web/package-lock.json",
        "web/node_modules/.package-lock.json",
    );
    let time = |file: &str| {
        fs::metadata(root().join(file))
            .and_then(|m| m.modified())
            .ok()
    };
    if time(done).is_some_and(|done| time(lock).is_some_and(|lock| done >= lock)) {
        println!("   there:   the pages' Node packages");
        return Ok(());
    }
    println!("   missing: the pages' Node packages");
    run_command(npm(&["ci", "--silent"]))?;
    // npm keeps the times of what it writes; this says that it was done.
    let done = root().join(done);
    Ok(fs::write(&done, fs::read(&done)?)?)
}

/// The catalogue in one file, the texts of each language, and the page's own small files.
fn generate() -> Result<()> {
    let public = root().join(PUBLIC);
    if public.is_dir() {
        fs::remove_dir_all(&public)?;
    }
    fs::create_dir_all(public.join("locales"))?;
    let mut catalogue = Map::new();
    for folder in ["kinds", "schema", "services"] {
        for file in json_files(&root().join("catalogue").join(folder))? {
            let name = file_name(&file);
            let text = compact(&file)?;
            // A kind is known by the hash of its file's bytes: they stay as they are.
            let text = if folder == "kinds" {
                fs::read_to_string(&file)?
            } else {
                text
            };
            catalogue.insert(format!("{folder}/{name}"), Value::String(text));
        }
    }
    fs::write(
        public.join("catalogue.json"),
        Value::Object(catalogue).to_string(),
    )?;
    for file in json_files(&root().join("catalogue/locales"))? {
        let name = file_name(&file);
        if name != "same-as-english.json" {
            fs::write(public.join("locales").join(name), compact(&file)?)?;
        }
    }
    for file in fs::read_dir(root().join("web/apps/portal/static"))? {
        let file = file?.path();
        fs::copy(&file, public.join(file_name(&file)))?;
    }
    Ok(())
}

fn json_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("{}", folder.display()))?;
    let mut files: Vec<_> = entries.flatten().map(|e| e.path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "json"));
    files.sort();
    Ok(files)
}

fn file_name(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// The same JSON without its spaces.
fn compact(file: &Path) -> Result<String> {
    let value: Value = serde_json::from_slice(&fs::read(file)?)
        .with_context(|| format!("{} is no JSON", file.display()))?;
    Ok(value.to_string())
}
