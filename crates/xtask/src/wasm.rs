//! `cargo xtask wasm`: the portal's two modules, for a browser. It builds every crate of a person's client
//! for wasm32, so that they have no I/O, clock or randomness of their own.
//!
//! Two ways, the first that is there: the toolchain's own wasm32 target (rustup), or Debian's
//! `rustc-web` with the standard library built from `rust-web-src`.

use crate::{
    root::root,
    run::{command, output, run_command},
    setup::{apt_install, find},
};
use anyhow::{Result, bail};
use std::{fs, path::Path, process::Command};

const TARGET: &str = "wasm32-unknown-unknown";
/// What is fetched first; and the whole, which uses all the others that are marked W in `ARCHITECTURE.md`.
/// Package, its module, and what the page calls it.
const MODULES: [(&str, &str, &str); 2] = [
    ("denizen-door", "denizen_door.wasm", "door"),
    ("denizen-portal", "denizen_portal.wasm", "denizen"),
];
const BUILT: &str = "target/wasm/wasm32-unknown-unknown/wasm";
/// Where the page takes it from.
const GENERATED: &str = "web/packages/sdk/wasm";
const TARGET_DIR: &str = "target/wasm";
const DEBIAN: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-19"];
/// What no page shows is not in the module: panics, their places, and what `{:?}` writes. For a standard
/// library that is built as well, by a compiler that knows all of them.
const LEAN: [&str; 4] = [
    "-Zunstable-options",
    "-Cpanic=immediate-abort",
    "-Zlocation-detail=none",
    "-Zfmt-debug=none",
];
/// Every browser that runs the page has it (`docs/decisions/0018-browser-facts.md`): SHA-2 has a path for it.
const VECTORS: &str = "-Ctarget-feature=+simd128";
/// What `cargo run` and rustup set for the programs that they start.
const LEAKED: [&str; 4] = [
    "RUSTUP_TOOLCHAIN",
    "RUSTC",
    "CARGO",
    "CARGO_ENCODED_RUSTFLAGS",
];

enum Way {
    /// The toolchain has the target.
    Own,
    /// Debian's compiler and this linker.
    Debian(String),
}

/// Builds the modules and writes them as a browser loads them.
pub(crate) fn build() -> Result<()> {
    let build = match way() {
        Some(Way::Own) => {
            println!("   with the toolchain's own wasm32 target");
            flagged(command("cargo", &arguments(&[])), &[])
        }
        Some(Way::Debian(linker)) => {
            println!("   with Debian's rustc-web and rust-web-src, linker {linker}");
            let lean: &[&str] = if knows_lean() { &LEAN } else { &[] };
            flagged(debian(&linker), lean)
        }
        None => bail!(
            "no wasm32 target: run `rustup target add {TARGET}`, or install Debian's {}",
            DEBIAN.join(" ")
        ),
    };
    run_command(build)?;
    fs::create_dir_all(root().join(GENERATED))?;
    for (_, module, name) in MODULES {
        let module = format!("{BUILT}/{module}");
        let bindgen = [
            "run",
            "--quiet",
            "--locked",
            "--package",
            "denizen-bindgen",
            "--",
            &module,
            GENERATED,
            name,
        ];
        run_command(command("cargo", &bindgen))?;
    }
    Ok(())
}

fn arguments<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let all = [
        "build",
        "--quiet",
        "--locked",
        "--profile",
        "wasm",
        "--target",
        TARGET,
        "--target-dir",
        TARGET_DIR,
    ];
    let packages = MODULES
        .iter()
        .flat_map(|(package, ..)| ["--package", *package]);
    let all = all.iter().copied().chain(packages);
    all.chain(more.iter().copied()).collect()
}

/// The same bytes from any folder: paths of this machine are in no panic message.
fn flagged(mut build: Command, more: &[&str]) -> Command {
    let home = std::env::var_os("CARGO_HOME").map(std::path::PathBuf::from);
    let home = home.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".cargo")));
    let mut flags = vec![
        VECTORS.to_owned(),
        format!("--remap-path-prefix={}=/denizen", root().display()),
    ];
    if let Some(home) = home {
        flags.push(format!("--remap-path-prefix={}=/cargo", home.display()));
    }
    flags.extend(more.iter().map(|&flag| flag.to_owned()));
    // The separator that cargo defines for this variable.
    build.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    build
}

/// Installs the target if neither way is there.
pub(crate) fn set_up() -> Result<()> {
    if let Some(way) = way() {
        let from = match way {
            Way::Own => "the toolchain",
            Way::Debian(_) => "Debian's rustc-web",
        };
        println!("   there:   a wasm32 target ({from})");
        return Ok(());
    }
    println!("   missing: a wasm32 target");
    let added = Command::new("rustup")
        .args(["target", "add", TARGET])
        .status();
    if added.is_ok_and(|s| s.success()) && has_own() {
        return Ok(());
    }
    println!("   rustup does not bring it here: taking Debian's compiler for it");
    apt_install(&DEBIAN)
}

fn way() -> Option<Way> {
    if has_own() {
        return Some(Way::Own);
    }
    let debian = Path::new("/usr/bin/cargo").is_file() && has_library_sources();
    debian.then(newest_linker).flatten().map(Way::Debian)
}

fn has_own() -> bool {
    let libdir = output("rustc", &["--print", "target-libdir", "--target", TARGET]);
    libdir.is_ok_and(|folder| Path::new(folder.trim()).is_dir())
}

fn has_library_sources() -> bool {
    let root = output("/usr/bin/rustc", &["--print", "sysroot"]);
    root.is_ok_and(|r| {
        Path::new(r.trim())
            .join("lib/rustlib/src/rust/library")
            .is_dir()
    })
}

fn knows_lean() -> bool {
    let mut asked = Command::new("/usr/bin/rustc");
    asked.args(LEAN).args(["--print", "cfg"]);
    let answer = asked.env("RUSTC_BOOTSTRAP", "1").output();
    answer.is_ok_and(|answer| answer.status.success())
}

/// The newest `wasm-ld-NN`, or a plain `wasm-ld`.
fn newest_linker() -> Option<String> {
    let version = |name: &str| name.strip_prefix("wasm-ld-")?.parse::<u32>().ok();
    let entries = fs::read_dir("/usr/bin").ok()?.flatten();
    let names = entries.filter_map(|e| e.file_name().into_string().ok());
    let newest = names
        .filter(|n| version(n).is_some())
        .max_by_key(|n| version(n));
    let newest = newest.map(|name| format!("/usr/bin/{name}"));
    newest.or_else(|| find("wasm-ld").map(|p| p.display().to_string()))
}

fn debian(linker: &str) -> Command {
    let mut command = command(
        "/usr/bin/cargo",
        &arguments(&[
            "-Z",
            "build-std=std,panic_abort",
            "-Z",
            "build-std-features=optimize_for_size",
        ]),
    );
    for name in LEAKED {
        command.env_remove(name);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once("/usr/bin".into()).chain(std::env::split_paths(&path));
    if let Ok(path) = std::env::join_paths(folders) {
        command.env("PATH", path);
    }
    command
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTC", "/usr/bin/rustc")
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
    command
}
