//! Checks that hubs, gateways and profiles share.

use super::Findings;
use crate::{files::free_bytes, shell::Shell, transport::HttpTransport};
use denizen_api::{HubClient, Transport as _, directory::VerifiedDirectory};
use denizen_model::{HubId, UnixTime, jose::VERIFIER, statement::StatedKey};
use denizen_store::{Database, StoreError, Version};
use denizen_tlog::WitnessPolicy;
use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, path::PathBuf};

/// Clocks that differ by more than this are a finding, in seconds; requests are refused at 300.
const CLOCK_S_MAX: i64 = 60;

/// A key that ends within this time is a finding, in seconds.
const KEY_ENDS_S: i64 = 90 * UnixTime::DAY_S;

/// Free space below this is a finding, whatever the size of the database.
const FREE_BYTES_MIN: u64 = 1 << 30;

/// Whether the hub answers, over TLS, with the clock right, as the hub that is meant. Gives its
/// directory.
pub(crate) async fn connection(
    shell: &Shell,
    hub: &HubId,
    url: &str,
    findings: &mut Findings,
) -> Option<VerifiedDirectory> {
    let url = url.trim_end_matches('/');
    let reach = "see that the hub runs, that its name leads there, and that its certificate is one that this machine trusts";
    let answer = async {
        let transport = HttpTransport::pooled().ok()?;
        let request = http::Request::get(format!("{url}/healthz")).body(Vec::new());
        let answer = transport.send(request.ok()?).await.ok()?;
        Some((transport, answer))
    };
    let Some((transport, answer)) = answer.await else {
        findings.act("connection", format!("{url} does not answer"), reach);
        return None;
    };
    if !answer.status().is_success() {
        findings.act(
            "connection",
            format!("{url} answers, but not as a hub"),
            reach,
        );
        return None;
    }
    if url.starts_with("https://") {
        findings.good("connection", format!("{url} answers over TLS"));
    } else {
        let local = "in clear: right only on one machine, or behind a proxy with a certificate";
        findings.good("connection", format!("{url} answers {local}"));
    }
    let date = answer.headers().get(http::header::DATE);
    clock(shell.now(), date.and_then(|d| d.to_str().ok()), findings);
    let client = HubClient::new(transport, *hub, url);
    let witnesses = WitnessPolicy::default();
    let verified = client.directory().await.ok().map(|answer| {
        denizen_api::directory::verify(answer, hub, None, witnesses, VERIFIER, shell.now())
    });
    match verified {
        Some(Ok(verified)) => {
            let entries = verified.answer.entries.len();
            let what = format!("it is the hub that is meant; {entries} directory entries verify");
            findings.good("directory", what);
            return Some(verified);
        }
        Some(Err(error)) => findings.act(
            "directory",
            format!("its directory is refused: {error}"),
            "trust nothing that comes from there, and ask its operator by another way",
        ),
        None => findings.act("directory", "its directory cannot be fetched", reach),
    }
    None
}

fn clock(now: UnixTime, date: Option<&str>, findings: &mut Findings) {
    let hub = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
    let Some(hub) = hub else {
        let todo = "see that nothing in between removes it; compare the clocks by hand";
        findings.advice("clock", "the hub's answer has no date", todo);
        return;
    };
    let apart = now.0.abs_diff(hub.timestamp().as_second());
    if apart.cast_signed() > CLOCK_S_MAX {
        findings.act(
            "clock",
            format!("this machine's clock and the hub's are {apart} s apart"),
            "set both by NTP: from 300 s on every signed request is refused",
        );
    } else {
        findings.good("clock", format!("{apart} s from the hub's"));
    }
}

/// Files that only their owner may read.
pub(crate) fn key_files(files: &[PathBuf], restore: &str, findings: &mut Findings) {
    for file in files {
        let shown = file.display();
        match fs::metadata(file).map(|m| m.permissions().mode() & 0o777) {
            Err(_) => findings.act("keys", format!("{shown} is missing"), restore),
            Ok(mode) if mode & 0o077 != 0 => findings.act(
                "keys",
                format!("{shown} can be read by others (mode {mode:o})"),
                format!("chmod 600 {shown}, and find out who had access: replace the key if somebody did"),
            ),
            Ok(_) => findings.good("keys", format!("{shown}: only its owner reads it")),
        }
    }
}

/// Whether stated keys count, and for how long yet.
pub(crate) fn key_windows(keys: &[StatedKey], now: UnixTime, findings: &mut Findings) {
    let day = |time: UnixTime| {
        let time = jiff::Timestamp::from_second(time.0);
        time.map_or_else(|_| "?".to_owned(), |t| t.strftime("%Y-%m-%d").to_string())
    };
    let mut first_end = None;
    for key in keys {
        let name = format!("{} key {}", key.purpose, key.kid);
        let next = "state its successor in a next statement, signed by the identity key";
        if let Some(from) = key.revoked_from {
            findings.advice(
                "keys",
                format!("{name} is revoked from {}", day(from)),
                next,
            );
        } else if key.not_before > now {
            let what = format!("{name} counts only from {}", day(key.not_before));
            findings.act("keys", what, "set this machine's clock, or wait");
        } else if key.not_after <= now {
            findings.act(
                "keys",
                format!("{name} ended on {}", day(key.not_after)),
                next,
            );
        } else if key.not_after <= now.plus_s(KEY_ENDS_S) {
            findings.act(
                "keys",
                format!("{name} ends on {}", day(key.not_after)),
                next,
            );
        } else {
            first_end =
                Some(first_end.map_or(key.not_after, |end: UnixTime| end.min(key.not_after)));
        }
    }
    if let Some(end) = first_end {
        findings.good(
            "keys",
            format!("the others count until {} or later", day(end)),
        );
    }
}

/// Space for the database and a copy of it.
pub(crate) fn disk(dir: &Path, database: Option<&Path>, findings: &mut Findings) {
    let size = database
        .and_then(|file| fs::metadata(file).ok())
        .map_or(0, |m| m.len());
    let Some(free) = free_bytes(dir) else {
        let todo = "see that it is mounted and may be entered";
        findings.act("disk", "the folder's disk cannot be asked", todo);
        return;
    };
    let what = format!("{} MiB free, {} MiB of database", free >> 20, size >> 20);
    if free < FREE_BYTES_MIN.max(size) {
        let todo = "make room for the database to grow and to be copied, before it is full";
        findings.act("disk", what, todo);
    } else {
        findings.good("disk", what);
    }
}

/// Opens a database for reading: its version and whether it is whole.
pub(crate) fn database(
    file: &Path,
    version: impl FnOnce(&Database) -> Result<Version, StoreError>,
    findings: &mut Findings,
) -> Option<Database> {
    let shown = file.display();
    let restore = "stop what uses it, keep the file, look at the disk, and restore a backup";
    let opened = Database::open_reader(file);
    let Ok((db, version)) = opened.and_then(|db| version(&db).map(|version| (db, version))) else {
        findings.act("database", format!("{shown} cannot be read"), restore);
        return None;
    };
    version_of(version, findings);
    if db.is_whole().unwrap_or(false) {
        findings.good("database", format!("{shown} is whole"));
    } else {
        findings.act("database", format!("{shown} is damaged"), restore);
    }
    Some(db)
}

/// How a database stands to this program.
pub(crate) fn version_of(version: Version, findings: &mut Findings) {
    match version {
        Version::Current => findings.good("version", "the database is of this program's version"),
        Version::Older(count) => findings.advice(
            "version",
            format!("{count} step(s) to this program's version have not run"),
            "make a backup, then serve: they run at the start, each whole or not at all",
        ),
        Version::Other => findings.act(
            "version",
            "the database is of another program's version",
            "use the newer program: an older one does not open it",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;
    use denizen_model::{SecretKeyFor, key::Issuer};
    use rand_core::SeedableRng as _;

    #[test]
    fn a_clock_that_is_off_is_found_and_one_that_nobody_says_is_no_fault() {
        for (date, apart, level) in [
            (Some("Tue, 24 Nov 2026 15:53:45 GMT"), 60, Level::Good),
            (Some("Tue, 24 Nov 2026 15:53:45 GMT"), 61, Level::Act),
            (Some("Tue, 24 Nov 2026 15:53:45 GMT"), -61, Level::Act),
            (Some("yesterday"), 0, Level::Advice),
            (None, 0, Level::Advice),
        ] {
            let mut findings = Findings::default();
            clock(UnixTime(1_795_535_625 + apart), date, &mut findings);
            let found = findings.0.first().map(|f| f.level);
            assert_eq!(found, Some(level), "{date:?} {apart}");
        }
    }

    #[test]
    fn a_key_is_found_ninety_days_before_it_ends() {
        let mut rng = rand_chacha::ChaCha20Rng::from_seed([1; 32]);
        let key = SecretKeyFor::<Issuer>::make(&mut rng);
        let stated = StatedKey {
            kid: "issuer-1".into(),
            purpose: "issuer".into(),
            key: key.public_for().key().clone(),
            not_before: UnixTime(1_000),
            not_after: UnixTime(1_000 + 100 * UnixTime::DAY_S),
            revoked_from: None,
        };
        for (now, act) in [
            (999, 1),
            (1_000, 0),
            (1_000 + 11 * UnixTime::DAY_S, 1),
            (1 << 40, 1),
        ] {
            let mut findings = Findings::default();
            key_windows(std::slice::from_ref(&stated), UnixTime(now), &mut findings);
            assert_eq!(findings.to_act(), act, "{now}: {findings:?}");
        }
    }
}
