//! What a client trusts: the pinned hub's verified directory, its log keys, status lists.

use denizen_api::{
    directory::{VerifiedDirectory, VerifyDirectoryError},
    wire::{DirectoryAnswer, status_read_latest},
};
use denizen_credential::{Status, StatusListToken, StatusRef};
use denizen_model::{
    HubId, OrgId, Sha256Hash, UnixTime, id::Bytes, jose::base64url_encode,
    key::Status as StatusKey, statement::split_kid,
};
use denizen_tlog::WitnessPolicy;
use std::collections::BTreeMap;

use crate::{Profile, checked::Checked};

/// How old a status is. It is said, never hidden: a record does not die because a server is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// The list is as fresh as its issuer promises.
    Fresh,
    /// Older than promised, by seconds.
    Stale(i64),
    /// The list is of a time that is yet to come: the clock went back since it was taken, or is wrong now.
    Ahead,
    /// No list was ever fetched.
    Unknown,
}

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
    statuses: BTreeMap<String, StatusListToken>,
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
                let _ = trust.add_directory(&hub, answer, now);
            }
        }
        for (uri, token) in &profile.statuses {
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

    /// Checks a status list token: by a status key that this hub's directory states for the
    /// organisation that the URI names, not older than one seen before, and not signed in the future.
    /// `false` if it is refused.
    pub fn add_status(&mut self, uri: &str, token: &str, hub: &HubId, now: UnixTime) -> bool {
        let list = self.check_status(uri, token, (hub, now));
        let list = list.filter(|list| list.is_signed_until(status_read_latest(now)));
        let Some(list) = list else { return false };
        self.statuses.insert(uri.to_owned(), list);
        true
    }

    /// Takes in a list that was taken before. If it is of the future now, the clock is wrong now or was wrong
    /// then: either way what it says is not forgotten, and no older one takes its place.
    fn keep_status(&mut self, uri: &str, token: &str, hub: &HubId, now: UnixTime) {
        // Its key counted when it was signed.
        let signed = StatusListToken::danger_iat(token).map_or(now, UnixTime);
        let at = signed.max(now);
        if let Some(list) = self.check_status(uri, token, (hub, at)) {
            self.statuses.insert(uri.to_owned(), list);
        }
    }

    fn check_status(
        &self,
        uri: &str,
        token: &str,
        (hub, now): (&HubId, UnixTime),
    ) -> Option<StatusListToken> {
        let (org, _) = parse_status_uri(uri)?;
        let kid = StatusListToken::danger_kid(token).ok()?;
        let (id, kid) = split_kid(&kid)?;
        let directory = &self.directories.get(hub)?.directory;
        let key = directory.key::<StatusKey>(&org, Some(kid), now);
        let key = key.filter(|_| OrgId::from(id) == org)?;
        let seen = self.statuses.get(uri).map(StatusListToken::iat);
        let list = StatusListToken::verify(token, &self.checked, key.key(), uri, seen).ok()?;
        list.is_large().then_some(list)
    }

    /// What is known of a credential's status.
    #[must_use]
    pub fn status(&self, of: Option<&StatusRef>, now: UnixTime) -> StatusView {
        let unknown = StatusView {
            status: Status::Valid,
            freshness: Freshness::Unknown,
            as_of: None,
        };
        let Some(of) = of else { return unknown };
        let Some(list) = self.statuses.get(&of.uri) else {
            return unknown;
        };
        let Ok(status) = list.status(of.idx) else {
            return unknown;
        };
        let promised = i64::try_from(list.ttl_s().unwrap_or(0)).unwrap_or(i64::MAX);
        let late = now.0.saturating_sub(list.iat().saturating_add(promised));
        let freshness = if !list.is_signed_until(status_read_latest(now)) {
            Freshness::Ahead
        } else if late > 0 {
            Freshness::Stale(late)
        } else {
            Freshness::Fresh
        };
        StatusView {
            status,
            freshness,
            as_of: Some(UnixTime(list.iat())),
        }
    }
}

/// Organisation and list of a status URI.
pub(crate) fn parse_status_uri(uri: &str) -> Option<(OrgId, &str)> {
    let (org, list) = uri.strip_prefix("urn:denizen:status:")?.split_once(':')?;
    Some((OrgId::parse(org).ok()?, list))
}

/// The text under which a hub is remembered.
pub(crate) fn hub_key(hub: &HubId) -> String {
    base64url_encode(hub.as_bytes())
}
