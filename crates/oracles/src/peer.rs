//! Running a peer in another language: JSON in on its standard input, JSON out.

use serde_json::Value;
use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Says what was read, in every run: the test runner keeps back only what the print macros write.
#[macro_export]
macro_rules! say {
    ($($part:tt)*) => {
        $crate::peer::write_line(format_args!($($part)*))
    };
}

/// Writes a line past the test runner's capture.
pub fn write_line(line: std::fmt::Arguments<'_>) {
    let mut out = std::io::stdout();
    writeln!(out, "   {line}").unwrap();
}

/// What brings every peer.
const SETUP: &str = "run `cargo xtask setup` (Debian: golang-go, golang-golang-x-mod-dev, python3-venv, \
                     nodejs, npm; then pip and npm with the pinned versions in crates/oracles)";

/// The workspace's root.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap().to_path_buf()
}

/// A script in Python, in the virtual environment that set-up made.
///
/// # Panics
/// If the environment is missing: a missing peer is a failure, not a skip.
#[must_use]
pub fn python(script: &str, input: &Value) -> Value {
    let python = root().join("target/venv/bin/python");
    assert!(
        python.exists(),
        "peer `python` is missing at {}: {SETUP}",
        python.display()
    );
    let script = root().join("crates/oracles/python").join(script);
    run(Command::new(python).arg("-I").arg(script), input)
}

/// A script for Node, beside the packages that set-up installed.
///
/// # Panics
/// If Node or its packages are missing.
#[must_use]
pub fn node(script: &str, input: &Value) -> Value {
    let folder = root().join("crates/oracles/node");
    let packages = folder.join("node_modules");
    assert!(
        packages.exists(),
        "peers of npm are missing at {}: {SETUP}",
        packages.display()
    );
    run(Command::new("node").arg(folder.join(script)), input)
}

/// A program in Go on the distribution's `golang.org/x/mod`.
///
/// # Panics
/// If Go or the package is missing.
#[must_use]
pub fn go(program: &str, input: &Value) -> Value {
    let package = Path::new("/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog");
    assert!(
        package.exists(),
        "peer `golang-golang-x-mod-dev` is missing: {SETUP}"
    );
    let program = root().join("crates/oracles/go").join(program);
    let cache = root().join("target/go-cache");
    let mut command = Command::new("go");
    command.arg("run").arg(program).env("GO111MODULE", "off");
    command
        .env("GOPATH", "/usr/share/gocode")
        .env("GOCACHE", cache)
        .env("GOFLAGS", "");
    run(&mut command, input)
}

fn run(command: &mut Command, input: &Value) -> Value {
    let name = command.get_program().to_string_lossy().into_owned();
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let spawned = command.spawn();
    let mut child =
        spawned.unwrap_or_else(|e| panic!("peer `{name}` does not start ({e}): {SETUP}"));
    let mut stdin = child.stdin.take().unwrap();
    let bytes = input.to_string().into_bytes();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes));
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "peer `{name}` failed: {errors}");
    writer.join().unwrap().unwrap();
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("peer `{name}` answered no JSON ({e}): {errors}"))
}
