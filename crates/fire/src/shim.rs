//! The preloaded shim (`shim/shim.c`): compiled when a test needs it, set up by the environment of the
//! program that runs on it.

use denizen_model::{HubId, deposit::Receipt};
use serde::{Deserialize, Serialize};
use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/shim/shim.c");

/// How a program runs on the shim.
#[derive(Debug, Clone, Default)]
pub struct Shim {
    /// Beginnings of the names of files that are watched.
    pub watch: Vec<String>,
    /// Where calls are written down.
    pub trace: Option<PathBuf>,
    /// Faults as `kind:call:ending:number[+]`; the source says what each is.
    pub faults: Vec<String>,
    /// Faults count and happen only while this file is there.
    pub gate: Option<PathBuf>,
}

impl Shim {
    /// A shim below a hub's database, which has this name.
    #[must_use]
    pub fn below(database: &str) -> Self {
        Self {
            watch: vec![database.to_owned()],
            ..Self::default()
        }
    }

    /// Makes a program run on it.
    pub fn put_below(&self, command: &mut Command) {
        command.env("LD_PRELOAD", library());
        command.env("DENIZEN_FIRE_WATCH", self.watch.join(":"));
        command.env("DENIZEN_FIRE_FAULTS", self.faults.join(","));
        if let Some(trace) = &self.trace {
            command.env("DENIZEN_FIRE_TRACE", trace);
        }
        if let Some(gate) = &self.gate {
            command.env("DENIZEN_FIRE_GATE", gate);
        }
    }
}

/// The compiled shim; once a process, in a folder that goes away with the machine's temporary files.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/fire");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.canonicalize().unwrap();
        let file = file.join(format!("shim-{}.so", std::process::id()));
        let made = Command::new("cc")
            .args(["-O1", "-Wall", "-Wextra", "-shared", "-fPIC", "-o"])
            .args([file.as_path(), Path::new(SOURCE)])
            .args(["-ldl", "-lpthread"])
            .status();
        assert!(made.expect("a C compiler is there").success());
        // One name for all: a program that runs on an old one keeps it.
        let shared = folder.join("shim.so");
        std::fs::rename(&file, &shared).unwrap();
        shared.canonicalize().unwrap()
    })
}

/// A line that `recorded` writes between the calls.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Mark {
    /// Hub, office and addresses are there.
    Ready(HubId),
    /// A deposit was acknowledged: number, position, index, receipt.
    Stored(u64, u64, u64, Receipt),
    /// A deposit is about to be erased.
    Erasing(u64),
    /// That was acknowledged.
    Erased(u64),
}
