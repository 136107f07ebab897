//! What `denizen doctor` looks at in a gateway's folder.

use crate::{
    doctor::{Findings, connection, database, disk, key_files, key_windows},
    shell::Shell,
};
use denizen_api::directory::VerifiedDirectory;
use denizen_model::{HubId, OrgId, id::Bytes, jose::Unverified, statement::Statement};
use denizen_store::{
    Database,
    gateway::{backlog, standing, version},
};
use serde::Deserialize;
use std::path::Path;

/// What is public of a gateway, as far as it is looked at.
#[derive(Deserialize)]
struct Config {
    org: OrgId,
    hub: HubId,
    hub_url: String,
    statement: Bytes,
}

/// Looks at a gateway.
pub(crate) async fn look(shell: &Shell, dir: &Path, findings: &mut Findings) {
    let bytes = std::fs::read(dir.join("gateway.json")).ok();
    let config: Option<Config> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let Some(config) = config else {
        let todo = "bring it back from its copy: it says who the organisation is";
        return findings.act("gateway", "gateway.json is missing or damaged", todo);
    };
    findings.good("gateway", format!("its id is {}", config.org.to_text()));
    let restore = "bring it back from its copy: without it nothing in the database can be read";
    key_files(&[dir.join("keys.json")], restore, findings);
    if dir.join("identity/identity.json").exists() {
        findings.advice(
            "keys",
            "identity/ lies in the gateway's folder",
            "move it to a medium that is kept offline, with a copy elsewhere",
        );
    }
    let file = dir.join("gateway.sqlite");
    disk(dir, Some(&file), findings);
    if let Some(db) = database(&file, version, findings) {
        waiting(&db, findings);
        stands(&db, findings);
    }
    let directory = connection(shell, &config.hub, &config.hub_url, findings).await;
    let newest = directory
        .as_ref()
        .and_then(|d| d.directory.organisation(&config.org));
    let first = || -> Option<Statement> {
        let object = Unverified::parse(&config.statement.0).ok()?;
        serde_json::from_slice(object.danger_payload()).ok()
    };
    let statement = newest.map(|org| org.statement.clone()).or_else(first);
    if let Some(statement) = statement {
        key_windows(&statement.keys, shell.now(), findings);
    }
    if let Some(directory) = directory {
        admission(shell, &config, &directory, findings);
    }
}

fn admission(
    shell: &Shell,
    config: &Config,
    directory: &VerifiedDirectory,
    findings: &mut Findings,
) {
    let org = directory.directory.organisation(&config.org);
    let Some(org) = org.filter(|org| org.admission.is_some()) else {
        return findings.act(
            "admission",
            "the hub's operator has not admitted the organisation",
            "give him what `denizen gateway statement` writes",
        );
    };
    if let Some(suspension) = &org.suspension {
        let what = format!(
            "the operator has suspended the organisation: {}",
            suspension.reason
        );
        let todo = "clear it up with the operator; what is sent now is refused and waits";
        findings.act("admission", what, todo);
    } else if org.is_active(shell.now()) {
        let kinds = org.admission.as_ref().map_or(0, |a| a.kinds.len());
        findings.good("admission", format!("admitted, for {kinds} kind(s)"));
    }
}

/// Whether it is a copy, was restored, and tells its hooks. An older schema has none of it.
fn stands(db: &Database, findings: &mut Findings) {
    let Ok(standing) = standing(db) else {
        return;
    };
    if standing.is_copy {
        let todo = "let it take over with `denizen gateway restore`, so that nothing is used twice";
        findings.act("lineage", "the database is a backup", todo);
    }
    if standing.is_held {
        let what = "restored from a backup: no new record is issued";
        let todo = "compare with your own files, then `denizen gateway restored --compared`";
        findings.act("lineage", what, todo);
    }
    for hook in standing.disabled_hooks {
        let todo = "mend its receiver, then `denizen gateway hook enable`: nothing is lost";
        findings.act(
            "hooks",
            format!("{hook} failed for too long and is told nothing"),
            todo,
        );
    }
    for hook in standing.failing_hooks {
        let todo = "look at its receiver: it is tried again, and after five days no more";
        findings.advice("hooks", format!("{hook} cannot be told at present"), todo);
    }
}

fn waiting(db: &Database, findings: &mut Findings) {
    let Ok(backlog) = backlog(db) else {
        let todo = "look at the disk, and restore a backup";
        return findings.act("backlog", "what waits cannot be counted", todo);
    };
    let what = format!("{} envelope(s) wait to be sent", backlog.outbox);
    if backlog.outbox == 0 {
        findings.good("backlog", what);
    } else {
        let todo =
            "`denizen gateway serve` sends them; if it runs, see the connection and the admission";
        findings.advice("backlog", what, todo);
    }
    if backlog.rows > 0 {
        let what = format!("{} row(s) of files wait for a confirmed link", backlog.rows);
        let todo = "invite the people that they belong to: `denizen gateway invite --case`";
        findings.advice("backlog", what, todo);
    }
    if backlog.alarms > 0 {
        let what = format!("{} message(s) gave an alarm, ever", backlog.alarms);
        let todo = "`denizen gateway sync` lists them, with what each means";
        findings.advice("alarms", what, todo);
    }
}
