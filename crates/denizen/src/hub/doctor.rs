//! What `denizen doctor` looks at in a hub's folder.

use super::{
    config::{Config, Limits, Portal},
    folder::{Folder, Operator},
    portal,
};
use crate::{
    doctor::{Findings, connection, database, disk, key_files, key_windows, version_of},
    files::disk_bytes,
    shell::Shell,
};
use denizen_api::directory::VerifiedDirectory;
use denizen_hub::{MANIFEST_FILE, read_ends};
use denizen_store::hub::{Location, Readers, version};
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
    let (mut password_file, mut pages) = (None, Portal::default());
    if folder.config().is_file() {
        match Config::read(&folder.config()) {
            Ok(config) => {
                findings.good("settings", "hub.toml is understood");
                room(dir, &config.limits, findings);
                password_file = config.store_password_file;
                pages = config.portal;
            }
            Err(error) => {
                let todo = "compare it with `denizen hub serve --example`";
                findings.act("settings", format!("{error:#}"), todo);
            }
        }
    }
    let mut keys = vec![dir.join("keys/log.key"), dir.join("keys/head.key")];
    keys.extend(password_file);
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
    match folder.location() {
        Ok(Location::File(file)) => {
            disk(dir, Some(&file), findings);
            if database(&file, version, findings).is_some() {
                log(&folder, findings);
            }
        }
        Ok(at) => {
            disk(dir, None, findings);
            if server(&at, findings).is_some() {
                log(&folder, findings);
            }
        }
        Err(error) => {
            let todo = "compare `store` in hub.toml with `denizen hub serve --example`";
            findings.act("database", format!("{error:#}"), todo);
        }
    }
    if folder.is_taken() {
        findings.good("process", "a process serves this folder");
    } else {
        let todo = format!("denizen hub serve {}", dir.display());
        findings.act("process", "nobody serves this folder", todo);
    }
    let Some(url) = &operator.statement.url else {
        let todo = "state one in a next statement";
        return findings.act("connection", "the hub's statement names no URL", todo);
    };
    if let Some(directory) = connection(shell, &operator.id, url, findings).await {
        bundle((dir, &operator), &pages, &directory, findings);
    }
}

/// Whether anybody can check the pages that are served: the directory names them (R14).
fn bundle(
    (dir, operator): (&Path, &Operator),
    pages: &Portal,
    directory: &VerifiedDirectory,
    findings: &mut Findings,
) {
    let bundle = match portal::bundle(operator, pages) {
        Ok(None) => return,
        Ok(Some(bundle)) => bundle,
        Err(error) => {
            let todo = "build the bundle again, or name another folder under [portal] in hub.toml";
            return findings.act("portal", format!("{error:#}"), todo);
        }
    };
    let named = directory.directory.bundles().last();
    let both = named.zip(bundle.file(MANIFEST_FILE));
    if both.is_some_and(|(named, served)| served[..] == *named.manifest.as_bytes()) {
        findings.good("portal", "the directory names the bundle that is served");
    } else {
        let todo = format!("denizen hub bundle {}", dir.display());
        let what = "the directory does not name the bundle that is served: nobody can check it";
        findings.act("portal", what, todo);
    }
}

/// Whether a hub that serves from here takes anything.
fn room(dir: &Path, limits: &Limits, findings: &mut Findings) {
    let Some((free, size)) = disk_bytes(dir) else {
        return;
    };
    if limits.is_nearly_full((free, size)) {
        let used = size.saturating_sub(free).saturating_mul(100) / size.max(1);
        findings.act(
            "disk",
            format!("{used} % of it is used: nothing but erasing is written"),
            "make room, or see used_percent_max, free_bytes_enough and free_bytes_min in hub.toml",
        );
    }
}

/// A server's database: whether it answers, its version, its rows.
fn server(at: &Location, findings: &mut Findings) -> Option<()> {
    let reach = "see that the server runs, and that its user, password file and pg_hba.conf agree";
    let looked = Readers::open(at).and_then(|readers| {
        readers.with(|db| Ok((db.version()?, db.size_bytes()?, db.is_whole()?)))
    });
    let (version, size, whole) = match looked {
        Ok(looked) => looked,
        Err(error) => {
            findings.act(
                "database",
                format!("{:#}", anyhow::Error::from(error)),
                reach,
            );
            return None;
        }
    };
    version_of(version, findings);
    let size = size >> 20;
    if whole {
        findings.good(
            "database",
            format!("the server answers; {size} MiB, every envelope whole"),
        );
    } else {
        let restore = "stop the hub, look at the server's disks, and restore its backup";
        findings.act(
            "database",
            "envelopes have other bytes than were left",
            restore,
        );
    }
    Some(())
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
