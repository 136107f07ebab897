//! What a gateway trusts: its hub's verified directory and the status lists of admitted issuers.

use crate::VERIFIER;
use denizen_api::{
    directory::{VerifiedDirectory, VerifyDirectoryError},
    receipt::HubTrust,
    wire::{DirectoryAnswer, status_read_latest},
};
use denizen_credential::{Status, StatusListToken, StatusRef};
use denizen_model::{
    HubId, OrgId, Sha256Hash, UnixTime, directory::Directory, key::Status as StatusKey,
    statement::split_kid,
};
use denizen_tlog::WitnessPolicy;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How old the knowledge of a status is: it is said, never hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Freshness {
    /// The list is as fresh as its issuer promises.
    Fresh,
    /// Older than promised, by seconds.
    Stale(i64),
    /// The list is of a time that is yet to come: the clock went back since it was taken, or is wrong now.
    Ahead,
    /// No list was ever fetched, or the credential names none.
    Unknown,
}

impl Freshness {
    /// In words for the desk.
    #[must_use]
    pub fn to_text(self) -> String {
        match self {
            Self::Fresh => "status known, fresh".to_owned(),
            Self::Stale(seconds) => {
                format!("status known, {} hours older than promised", seconds / 3600)
            }
            Self::Ahead => {
                "status known, of a time that is yet to come by this machine's clock".to_owned()
            }
            Self::Unknown => "no status list was fetched".to_owned(),
        }
    }
}

/// A verified directory and verified status lists.
#[derive(Debug, Clone)]
pub struct Trust {
    verified: VerifiedDirectory,
    statuses: BTreeMap<String, StatusListToken>,
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

    /// Checks a status list token and takes it in; `false` if it is refused, as one from the future is.
    pub fn add_status(&mut self, uri: &str, token: &str, now: UnixTime) -> bool {
        let list = self.check_status(uri, token, now);
        let list = list.filter(|list| list.is_signed_until(status_read_latest(now)));
        let Some(list) = list else { return false };
        self.statuses.insert(uri.to_owned(), list);
        true
    }

    /// Takes in a list that was taken before. If it is of the future now, the clock is wrong now or was wrong
    /// then: either way what it says is not forgotten, and no older one takes its place.
    pub fn keep_status(&mut self, uri: &str, token: &str, now: UnixTime) {
        // Its key counted when it was signed.
        let signed = StatusListToken::danger_iat(token).map_or(now, UnixTime);
        let at = signed.max(now);
        if let Some(list) = self.check_status(uri, token, at) {
            self.statuses.insert(uri.to_owned(), list);
        }
    }

    fn check_status(&self, uri: &str, token: &str, now: UnixTime) -> Option<StatusListToken> {
        let (org, _) = parse_status_uri(uri)?;
        let kid = StatusListToken::danger_kid(token).ok()?;
        let (id, kid) = split_kid(&kid)?;
        if OrgId::from(id) != org {
            return None;
        }
        let key = self.directory().key::<StatusKey>(&org, Some(kid), now)?;
        let seen = self.statuses.get(uri).map(StatusListToken::iat);
        let list = StatusListToken::verify(token, VERIFIER, key.key(), uri, seen).ok()?;
        list.is_large().then_some(list)
    }

    /// Whether a list was ever taken in.
    pub(crate) fn knows_status(&self, uri: &str) -> bool {
        self.statuses.contains_key(uri)
    }

    /// What is known of a credential's status: valid until a signed change says otherwise.
    #[must_use]
    pub fn status(&self, of: Option<&StatusRef>, now: UnixTime) -> (Status, Freshness) {
        let unknown = (Status::Valid, Freshness::Unknown);
        let Some((of, list)) = of.and_then(|of| Some((of, self.statuses.get(&of.uri)?))) else {
            return unknown;
        };
        let Ok(status) = list.status(of.idx) else {
            return unknown;
        };
        let promised = i64::try_from(list.ttl_s().unwrap_or(0)).unwrap_or(i64::MAX);
        let late = now.0.saturating_sub(list.iat().saturating_add(promised));
        let fresh = if !list.is_signed_until(status_read_latest(now)) {
            Freshness::Ahead
        } else if late > 0 {
            Freshness::Stale(late)
        } else {
            Freshness::Fresh
        };
        (status, fresh)
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

/// Organisation and list of a status URI.
fn parse_status_uri(uri: &str) -> Option<(OrgId, &str)> {
    let (org, list) = uri.strip_prefix("urn:denizen:status:")?.split_once(':')?;
    Some((OrgId::parse(org).ok()?, list))
}
