//! What a client trusts: the pinned hub's verified directory, its log keys, status lists.

use denizen_api::{
    directory::{VerifiedDirectory, VerifyDirectoryError},
    wire::{DirectoryAnswer, status_read_latest},
};
pub use denizen_credential::Freshness;
use denizen_credential::{
    AskedKey, ReadAt, Status, StatusKeyOf, StatusLists, StatusRef, Taken, split_status_uri,
};
use denizen_jose::{PublicKey, Verifier};
use denizen_model::{
    HubId, OrgId, Sha256Hash, UnixTime, directory::Directory, id::Bytes, jose::base64url_encode,
    key::Status as StatusKey,
};
use denizen_tlog::WitnessPolicy;
use std::collections::BTreeMap;

use crate::{Profile, checked::Checked};

/// A status with its freshness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusView {
    /// The status; valid until a signed change says otherwise.
    pub status: Status,
    /// How old that knowledge is.
    pub freshness: Freshness,
    /// When the list was made; none if there is none.
    pub as_of: Option<UnixTime>,
}

/// Verified directories and status lists.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    directories: BTreeMap<HubId, VerifiedDirectory>,
    statuses: StatusLists,
    /// Signatures of statements and lists.
    checked: Checked,
}

impl Trust {
    /// The trust that a profile's kept directories and status lists give, checked again.
    #[must_use]
    pub fn of(profile: &Profile, now: UnixTime) -> Self {
        let mut trust = Self::default();
        trust
            .checked
            .danger_remember(profile.checked.iter().copied());
        for (hub, answer) in &profile.directories {
            let answer = DirectoryAnswer::decode(&answer.0);
            if let (Ok(hub), Some(answer)) = (HubId::parse(hub), answer) {
                // What was verified once and kept encrypted verifies again, or is fetched anew.
                trust.keep_known(hub, answer, now);
            }
        }
        for (uri, token) in profile.statuses.iter().chain(&profile.statuses_beside) {
            let org = parse_status_uri(uri).map(|(org, _)| org);
            let link = profile.links.iter().find(|l| Some(l.org) == org);
            // What an import brought may have no link here.
            let imported = profile.records.iter().find(|r| Some(r.issuer) == org);
            let hub = link.map(|l| l.hub).or(imported.and_then(|r| r.hub));
            if let Some(hub) = hub {
                trust.keep_status(uri, token, &hub, now);
            }
        }
        trust
    }

    /// The signatures under everything that is trusted.
    pub(crate) fn checked(&self) -> &Checked {
        &self.checked
    }

    /// A hub's verified directory.
    #[must_use]
    pub fn directory(&self, hub: &HubId) -> Option<&VerifiedDirectory> {
        self.directories.get(hub)
    }

    /// All verified directories.
    pub fn directories(&self) -> impl Iterator<Item = &VerifiedDirectory> {
        self.directories.values()
    }

    /// Checks a fetched directory against its hub id and everything seen of it before.
    ///
    /// # Errors
    /// [`VerifyDirectoryError`]; what was trusted before stays.
    pub fn add_directory(
        &mut self,
        hub: &HubId,
        answer: DirectoryAnswer,
        now: UnixTime,
    ) -> Result<Bytes, VerifyDirectoryError> {
        let verified = self.check_directory(hub, answer, now)?;
        Ok(self.keep_directory(*hub, verified))
    }

    /// Takes in a directory that was verified before, whatever the clock shows now.
    fn keep_known(&mut self, hub: HubId, answer: DirectoryAnswer, now: UnixTime) {
        let witnesses = WitnessPolicy::default();
        let known =
            denizen_api::directory::verify_kept(answer, &hub, witnesses, &self.checked, now);
        if let Ok(known) = known {
            self.directories.insert(hub, known);
        }
    }

    /// Checks a directory and does not keep it: a hub that she only looks at says nothing about the
    /// organisations that she is linked with.
    ///
    /// # Errors
    /// [`VerifyDirectoryError`].
    pub(crate) fn check_directory(
        &self,
        hub: &HubId,
        answer: DirectoryAnswer,
        now: UnixTime,
    ) -> Result<VerifiedDirectory, VerifyDirectoryError> {
        let seen = self.directories.get(hub).map(|d| &d.checkpoint);
        let seen = seen.map(|c| (c.size, Sha256Hash::new(c.root)));
        let witnesses = WitnessPolicy::default();
        denizen_api::directory::verify(answer, hub, seen, witnesses, &self.checked, now)
    }

    /// Keeps a directory that was checked; gives its bytes.
    pub(crate) fn keep_directory(&mut self, hub: HubId, verified: VerifiedDirectory) -> Bytes {
        let bytes = Bytes(verified.answer.encode());
        self.directories.insert(hub, verified);
        bytes
    }

    /// Checks a status list token by the directory of this hub and takes it in ([`StatusLists::take`]).
    /// `None` if it is refused.
    pub fn add_status(
        &mut self,
        uri: &str,
        token: &str,
        hub: &HubId,
        now: UnixTime,
    ) -> Option<Taken> {
        let directory = &self.directories.get(hub)?.directory;
        let key = |asked: AskedKey<'_>| status_key(directory, asked);
        let with: (&dyn Verifier, StatusKeyOf<'_>) = (&self.checked, &key);
        self.statuses.take(uri, token, with, read_at(now))
    }

    /// Takes in a list that was taken before ([`StatusLists::keep`]).
    fn keep_status(&mut self, uri: &str, token: &str, hub: &HubId, now: UnixTime) {
        let Some(directory) = self.directories.get(hub) else {
            return;
        };
        let key = |asked: AskedKey<'_>| status_key(&directory.directory, asked);
        let with: (&dyn Verifier, StatusKeyOf<'_>) = (&self.checked, &key);
        self.statuses.keep(uri, token, with, read_at(now));
    }

    /// What is known of a credential's status.
    #[must_use]
    pub fn status(&self, of: Option<&StatusRef>, now: UnixTime) -> StatusView {
        let known = self.statuses.status(of, read_at(now));
        StatusView {
            status: known.status,
            freshness: known.freshness,
            as_of: known.as_of.map(UnixTime),
        }
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

/// Organisation and list of a status URI.
pub(crate) fn parse_status_uri(uri: &str) -> Option<(OrgId, &str)> {
    let (org, list) = split_status_uri(uri)?;
    Some((OrgId::parse(org).ok()?, list))
}

/// The text under which a hub is remembered.
pub(crate) fn hub_key(hub: &HubId) -> String {
    base64url_encode(hub.as_bytes())
}
