//! `denizen doctor`: what is well with a folder, what is not, and what to do. It changes nothing.

mod checks;

pub(crate) use checks::{connection, database, disk, key_files, key_windows, version_of};

use crate::{gateway, hub, shell::Shell};
use anyhow::bail;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Arguments of `doctor`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A hub's folder, a gateway's, or a profile's
    dir: PathBuf,
    /// One JSON object instead of lines for people
    #[arg(long)]
    json: bool,
}

/// How a finding is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    /// As it should be.
    Good,
    /// Works, but could be better or needs a look some day.
    Advice,
    /// Does not work, or soon will not.
    Act,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    level: Level,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    todo: Option<String>,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    /// Something is as it should be.
    pub(crate) fn good(&mut self, check: &'static str, what: impl Into<String>) {
        self.add(check, Level::Good, what.into(), None);
    }

    /// Something works, but should be looked at some day.
    pub(crate) fn advice(
        &mut self,
        check: &'static str,
        what: impl Into<String>,
        todo: impl Into<String>,
    ) {
        self.add(check, Level::Advice, what.into(), Some(todo.into()));
    }

    /// Something does not work, or soon will not.
    pub(crate) fn act(
        &mut self,
        check: &'static str,
        what: impl Into<String>,
        todo: impl Into<String>,
    ) {
        self.add(check, Level::Act, what.into(), Some(todo.into()));
    }

    fn add(&mut self, check: &'static str, level: Level, what: String, todo: Option<String>) {
        self.0.push(Finding {
            check,
            level,
            what,
            todo,
        });
    }

    fn to_act(&self) -> usize {
        let act = |finding: &&Finding| finding.level == Level::Act;
        self.0.iter().filter(act).count()
    }

    fn print(&self) {
        for finding in &self.0 {
            let mark = match finding.level {
                Level::Good => "good  ",
                Level::Advice => "advice",
                Level::Act => "ACT   ",
            };
            println!("{mark} {:<10} {}", finding.check, finding.what);
            if let Some(todo) = &finding.todo {
                println!("       {:<10} -> {todo}", "");
            }
        }
    }
}

/// Looks at a folder. Fails if somebody has to act.
pub(crate) async fn run(shell: &Shell, arguments: &Arguments) -> anyhow::Result<()> {
    let dir = &arguments.dir;
    let mut findings = Findings::default();
    let program = format!("denizen {}", env!("CARGO_PKG_VERSION"));
    findings.good("program", program);
    let kind = if dir.join("hub.db").exists() || dir.join("keys/log.key").exists() {
        hub::doctor::look(shell, dir, &mut findings).await;
        "hub"
    } else if dir.join("gateway.json").exists() || dir.join("gateway.sqlite").exists() {
        gateway::doctor::look(shell, dir, &mut findings).await;
        "gateway"
    } else if dir.join("profile.sealed").exists() || dir.join("root.wrapped").exists() {
        look_at_profile(dir, &mut findings);
        "profile"
    } else {
        bail!(
            "{} is no hub's, gateway's or profile's folder: nothing was looked at",
            dir.display()
        );
    };
    if arguments.json {
        let all = serde_json::json!({"v": 1, "folder": kind, "findings": findings.0});
        println!("{all}");
    } else {
        findings.print();
    }
    match findings.to_act() {
        0 => Ok(()),
        count => bail!(
            "{count} of {} findings need somebody to act",
            findings.0.len()
        ),
    }
}

/// A profile is sealed: without its passphrase only its files can be looked at.
fn look_at_profile(dir: &Path, findings: &mut Findings) {
    let files = ["root.wrapped", "device.secret", "profile.sealed"].map(|name| dir.join(name));
    let restore = "restore the profile from its printed kit in a new folder: `denizen restore`";
    key_files(&files, restore, findings);
    disk(dir, None, findings);
    findings.good(
        "connection",
        "not looked at, since the hub's URL is sealed: `denizen sync` says how it is",
    );
}
