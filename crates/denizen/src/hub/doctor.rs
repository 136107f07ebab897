//! What `denizen doctor` looks at in a hub's folder.

use super::{config::Config, folder::Folder};
use crate::{
    doctor::{Findings, connection, database, disk, key_files, key_windows},
    shell::Shell,
};
use denizen_hub::read_ends;
use denizen_store::hub::version;
use std::path::Path;

/// Looks at a hub.
pub(crate) async fn look(shell: &Shell, dir: &Path, findings: &mut Findings) {
    let folder = Folder::new(dir);
    let operator = match folder.operator() {
        Ok(operator) => operator,
        Err(error) => {
            let todo = "bring the file `statement` back from its copy: it says who the hub is";
            return findings.act("hub", format!("{error:#}"), todo);
        }
    };
    findings.good("hub", format!("its id is {}", operator.id.to_text()));
    if folder.config().is_file() {
        match Config::read(&folder.config()) {
            Ok(_) => findings.good("settings", "hub.toml is understood"),
            Err(error) => {
                let todo = "compare it with `denizen hub serve --example`";
                findings.act("settings", format!("{error:#}"), todo);
            }
        }
    }
    let keys = ["keys/log.key", "keys/head.key"].map(|name| dir.join(name));
    let restore = "bring it back from its copy: the hub cannot serve without it";
    key_files(&keys, restore, findings);
    key_windows(&operator.statement.keys, shell.now(), findings);
    if folder.identity().exists() {
        findings.advice(
            "keys",
            "the operator's identity key lies in the hub's folder",
            "move the folder `identity` to a medium that is kept offline, with a copy elsewhere",
        );
    }
    disk(dir, Some(&folder.database()), findings);
    if database(&folder.database(), version, findings).is_some() {
        log(&folder, findings);
    }
    if folder.is_taken() {
        findings.good("process", "a process serves this folder");
    } else {
        let todo = format!("denizen hub serve {}", dir.display());
        findings.act("process", "nobody serves this folder", todo);
    }
    match &operator.statement.url {
        Some(url) => _ = connection(shell, &operator.id, url, findings).await,
        None => findings.act(
            "connection",
            "the hub's statement names no URL",
            "state one in a next statement",
        ),
    }
}

/// The end of both logs, against what the hub is known to have signed (R12).
fn log(folder: &Folder, findings: &mut Findings) {
    let ends = || -> anyhow::Result<_> {
        let operator = folder.operator()?;
        let last = folder.last_checkpoint()?;
        let mut config = folder.hub_config(&operator)?;
        config.newest_known = last.verified(&operator.origins()?, &folder.keys()?)?;
        Ok((read_ends(&config)?, last.is_there()))
    };
    match ends() {
        Ok((ends, there)) => {
            let (deposits, directory) = (ends.deposits.0, ends.directory.0);
            let what = format!("{deposits} deposits and {directory} directory entries, ends whole");
            findings.good("log", what);
            if !there {
                findings.advice(
                    "log",
                    "`last-checkpoint` is missing: a restored backup would go unnoticed",
                    "serve once with the newest database: it is written then",
                );
            }
        }
        Err(error) => findings.act(
            "log",
            format!("{error:#}"),
            "do not serve; bring back the newest database (docs/operate/hub.md, backup and restore)",
        ),
    }
}
