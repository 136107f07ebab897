//! What a gateway trusts: its hub's verified directory and the status lists of admitted issuers.

use crate::VERIFIER;
use denizen_api::{
    directory::{VerifiedDirectory, VerifyDirectoryError},
    receipt::HubTrust,
    wire::{DirectoryAnswer, status_read_latest},
};
pub use denizen_credential::Freshness;
use denizen_credential::{AskedKey, ReadAt, Status, StatusKeyOf, StatusLists, StatusRef, Taken};
use denizen_model::{
    HubId, OrgId, Sha256Hash, UnixTime,
    directory::Directory,
    jose::{PublicKey, Verifier},
    key::Status as StatusKey,
};
use denizen_tlog::WitnessPolicy;

/// How old the knowledge of a status is, in words for the desk.
#[must_use]
pub fn freshness_text(freshness: Freshness) -> String {
    match freshness {
        Freshness::Fresh => "status known, fresh".to_owned(),
        Freshness::Stale(seconds) => {
            format!("status known, {} hours older than promised", seconds / 3600)
        }
        Freshness::Ahead => {
            "status known, of a time that is yet to come by this machine's clock".to_owned()
        }
        Freshness::Unknown => "no status list was fetched".to_owned(),
    }
}

/// A verified directory and verified status lists.
#[derive(Debug, Clone)]
pub struct Trust {
    verified: VerifiedDirectory,
    statuses: StatusLists,
}

impl Trust {
    /// Checks a fetched directory against the pinned hub id and what was seen of it before.
    ///
    /// # Errors
    /// [`VerifyDirectoryError`].
    pub fn of(
        answer: DirectoryAnswer,
        hub: &HubId,
        seen: Option<&Self>,
        now: UnixTime,
    ) -> Result<Self, VerifyDirectoryError> {
        let checkpoint = seen.map(|t| &t.verified.checkpoint);
        let seen_root = checkpoint.map(|c| (c.size, Sha256Hash::new(c.root)));
        let witnesses = WitnessPolicy::default();
        let verified =
            denizen_api::directory::verify(answer, hub, seen_root, witnesses, VERIFIER, now)?;
        let statuses = seen.map(|t| t.statuses.clone()).unwrap_or_default();
        Ok(Self { verified, statuses })
    }

    /// What the directory says.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.verified.directory
    }

    /// The hub's log and head keys.
    #[must_use]
    pub fn hub(&self) -> &HubTrust {
        &self.verified.trust
    }

    /// The directory as fetched, to keep.
    pub(crate) fn answer(&self) -> &DirectoryAnswer {
        &self.verified.answer
    }

    /// Checks a status list token and takes it in ([`StatusLists::take`]). `None` if it is refused.
    pub fn add_status(&mut self, uri: &str, token: &str, now: UnixTime) -> Option<Taken> {
        let directory = &self.verified.directory;
        let key = |asked: AskedKey<'_>| status_key(directory, asked);
        let with: (&dyn Verifier, StatusKeyOf<'_>) = (VERIFIER, &key);
        self.statuses.take(uri, token, with, read_at(now))
    }

    /// Takes in a list that was taken before ([`StatusLists::keep`]).
    pub fn keep_status(&mut self, uri: &str, token: &str, now: UnixTime) {
        let directory = &self.verified.directory;
        let key = |asked: AskedKey<'_>| status_key(directory, asked);
        let with: (&dyn Verifier, StatusKeyOf<'_>) = (VERIFIER, &key);
        self.statuses.keep(uri, token, with, read_at(now));
    }

    /// Whether a list was ever taken in.
    pub(crate) fn knows_status(&self, uri: &str) -> bool {
        self.statuses.contains(uri)
    }

    /// What is known of a credential's status: valid until a signed change says otherwise.
    #[must_use]
    pub fn status(&self, of: Option<&StatusRef>, now: UnixTime) -> (Status, Freshness) {
        let known = self.statuses.status(of, read_at(now));
        (known.status, known.freshness)
    }

    /// An organisation's name in a language, or in English.
    #[must_use]
    pub fn name(&self, org: &OrgId, language: &str) -> String {
        let names = self
            .directory()
            .organisation(org)
            .map(|o| &o.statement.names);
        let name = names.and_then(|n| n.get(language).or_else(|| n.get("en")));
        name.cloned().unwrap_or_else(|| org.to_text())
    }
}

fn read_at(now: UnixTime) -> ReadAt {
    ReadAt {
        now: now.0,
        latest: status_read_latest(now),
    }
}

fn status_key(directory: &Directory, asked: AskedKey<'_>) -> Option<PublicKey> {
    let org = OrgId::parse(asked.org).ok()?;
    let (at, now) = (UnixTime(asked.at), UnixTime(asked.now));
    let key = directory.named_key::<StatusKey>((&org, asked.kid), at, now)?;
    Some(key.key().clone())
}
