//! What the hub saw meanwhile: counts and sizes, since it has nothing else.

use super::{Hub, processes::answers, say};
use crate::root::files_below;
use anyhow::{Context as _, Result, ensure};
use std::{fs, path::Path};

/// Counts of the hub.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    deposits: u64,
    requests: u64,
    leaves: u64,
    bytes: u64,
}

/// Looks at the hub now and then.
#[derive(Default)]
pub(crate) struct Meter(Seen);

impl Meter {
    /// Says what the hub saw since the last look.
    pub(crate) fn look(&mut self, hub: &Hub) -> Result<()> {
        let now = Seen::at(hub)?;
        let before = std::mem::replace(&mut self.0, now);
        ensure!(now.leaves >= before.leaves, "the hub's log became shorter");
        say(&format!(
            "The hub saw meanwhile: {} requests, {} sealed envelopes ({} in all); its database is now \
             {} KiB. What is in them it cannot say.",
            now.requests.saturating_sub(before.requests),
            now.deposits.saturating_sub(before.deposits),
            now.leaves,
            now.bytes / 1024
        ));
        Ok(())
    }
}

impl Seen {
    fn at(hub: &Hub) -> Result<Self> {
        let metrics = answers(&hub.url, "/metrics").context("the hub gives no metrics")?;
        let count = |name: &str| {
            let line = metrics.lines().find_map(|line| line.strip_prefix(name));
            let count = line.and_then(|rest| rest.trim().parse().ok());
            count.with_context(|| format!("the hub does not count {name}"))
        };
        let checkpoint = answers(&hub.url, "/log/deposits/checkpoint").context("no checkpoint")?;
        let body = checkpoint
            .split_once("\r\n\r\n")
            .map_or("", |(_, body)| body);
        let leaves = body.lines().nth(1).and_then(|line| line.parse().ok());
        Ok(Self {
            deposits: count("denizen_hub_deposits_stored_total")?,
            requests: count("denizen_hub_requests_total")?,
            leaves: leaves.context("the checkpoint says no size")?,
            bytes: sizes(hub)?,
        })
    }
}

fn sizes(hub: &Hub) -> Result<u64> {
    let mut bytes = 0;
    for file in fs::read_dir(&hub.dir)? {
        let file = file?;
        if file.file_name().to_string_lossy().starts_with("hub.db") {
            bytes += file.metadata()?.len();
        }
    }
    Ok(bytes)
}

/// Nothing that is hers lies at the hub: no name, number or paper of the year in any of its files.
pub(crate) fn assert_blind(hub: &Hub, marks: &[&str]) -> Result<()> {
    let mut read = 0;
    for path in files_below(Path::new(&hub.dir))? {
        let bytes = fs::read(&path)?;
        read += bytes.len();
        for mark in marks {
            let found = bytes
                .windows(mark.len())
                .any(|window| window == mark.as_bytes());
            ensure!(!found, "{} holds what is hers", path.display());
        }
    }
    say(&format!(
        "{} KiB of the hub's files were searched for her names, numbers and papers: none is there.",
        read / 1024
    ));
    Ok(())
}
