//! The status lists that one reader has taken in: which list counts, which are refused, and how old what
//! they say is.
//!
//! Every reader has the same rules, so they stand here once. Whose key signs a list and what time it is, the
//! reader says.
//!
//! **Of two clocks that disagree.** An issuer whose clock is ahead signs a list of a time that is yet to come,
//! and a reader whose clock is ahead as well takes it. Once both clocks are right again, the issuer's next
//! lists are dated before it. Refusing them would hide every withdrawal until that time comes; putting one in
//! its place would let a hub undo a withdrawal on a device whose clock went back, with a list that was good
//! once. So neither: the newer one stays, the older one is kept beside it, the stronger status of the two
//! counts, and it is said that what is known is dated later than the clock. A list that is not older than the
//! first takes the place of both. Nothing is lost either way; the price is that a suspension which was lifted
//! may be shown until then. An issuer that signed ahead ends that by withdrawing the key: the next list that is
//! taken in takes the place of both.

use crate::{Status, StatusListToken, StatusRef};
use denizen_jose::{PublicKey, Verifier};
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

/// A status, how old that knowledge is, and when it was signed, Unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The status: valid until a signed change says otherwise.
    pub status: Status,
    /// How old that knowledge is.
    pub freshness: Freshness,
    /// When the newest list was signed; none if there is none.
    pub as_of: Option<i64>,
}

/// The reader's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadAt {
    /// Now by its clock, Unix seconds.
    pub now: i64,
    /// The latest time at which a list may be signed that is read now, Unix seconds.
    pub latest: i64,
}

/// Which status key is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AskedKey<'a> {
    /// The organisation, as the list's URI names it.
    pub org: &'a str,
    /// The key, as the token names it.
    pub kid: &'a str,
    /// When it must count, Unix seconds.
    pub at: i64,
    /// Until when it must not be withdrawn, Unix seconds.
    pub now: i64,
}

/// Finds a status key.
pub type StatusKeyOf<'a> = &'a dyn Fn(AskedKey<'_>) -> Option<PublicKey>;

/// Where a list was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is the newest.
    Newest,
    /// Beside one that is of a time yet to come.
    Beside,
}

/// Verified status lists by their URIs.
#[derive(Debug, Clone, Default)]
pub struct StatusLists(BTreeMap<String, Kept>);

#[derive(Debug, Clone)]
struct Kept {
    newest: StatusListToken,
    /// The key that signed the newest.
    kid: String,
    /// An older one, taken in while the newest was ahead of the clock.
    beside: Option<StatusListToken>,
}

impl StatusLists {
    /// Checks a fetched list and takes it in: signed by the status key of the organisation that the URI
    /// names, no later than the reader's clock allows, not older than one taken before, and large enough.
    /// An older one is taken beside one that is of a time yet to come. `None` if it is refused; then all is
    /// as before.
    pub fn take(
        &mut self,
        uri: &str,
        token: &str,
        (verifier, key_of): (&dyn Verifier, StatusKeyOf<'_>),
        at: ReadAt,
    ) -> Option<Taken> {
        let counts = |k: &&Kept| {
            let (org, _) = split_status_uri(uri)?;
            let (kid, at, now) = (k.kid.as_str(), k.newest.iat(), at.now);
            key_of(AskedKey { org, kid, at, now })
        };
        let kept = self.0.get(uri);
        let ahead = kept.filter(|k| !k.newest.is_signed_until(at.latest));
        // One that is ahead is no longer believed once its key is withdrawn: what comes takes its place.
        let withdrawn = ahead.is_some_and(|k| counts(&k).is_none());
        let ahead = ahead.is_some();
        let seen = kept.and_then(|k| {
            if ahead {
                k.beside.as_ref()
            } else {
                Some(&k.newest)
            }
        });
        let seen = seen.map(StatusListToken::iat);
        let (list, kid) = check((uri, token), (verifier, key_of), seen, (at.now, at.now))?;
        if !list.is_signed_until(at.latest) {
            return None;
        }
        Some(self.put(uri, (list, kid), ahead && !withdrawn))
    }

    /// Takes in a list that was taken before, from where the reader keeps them. If it is of the future now,
    /// the clock is wrong now or was wrong then: either way what it says is not forgotten.
    pub fn keep(
        &mut self,
        uri: &str,
        token: &str,
        (verifier, key_of): (&dyn Verifier, StatusKeyOf<'_>),
        at: ReadAt,
    ) {
        // Its key counted when it was signed, whatever the clock shows now.
        let signed = StatusListToken::danger_iat(token).unwrap_or(at.now);
        let when = (signed, at.now);
        if let Some(signed) = check((uri, token), (verifier, key_of), None, when) {
            self.put(uri, signed, true);
        }
    }

    fn put(&mut self, uri: &str, (list, kid): (StatusListToken, String), beside: bool) -> Taken {
        let older = |kept: &&mut Kept| beside && list.iat() < kept.newest.iat();
        if let Some(kept) = self.0.get_mut(uri).filter(older) {
            kept.beside = Some(list);
            return Taken::Beside;
        }
        let kept = Kept {
            newest: list,
            kid,
            beside: None,
        };
        self.0.insert(uri.to_owned(), kept);
        Taken::Newest
    }

    /// Whether a list was ever taken in.
    #[must_use]
    pub fn contains(&self, uri: &str) -> bool {
        self.0.contains_key(uri)
    }

    /// What is known of a credential's status.
    #[must_use]
    pub fn status(&self, of: Option<&StatusRef>, at: ReadAt) -> Known {
        let unknown = Known {
            status: Status::Valid,
            freshness: Freshness::Unknown,
            as_of: None,
        };
        let Some((of, kept)) = of.and_then(|of| Some((of, self.0.get(&of.uri)?))) else {
            return unknown;
        };
        let Ok(status) = kept.newest.status(of.idx) else {
            return unknown;
        };
        let beside = kept.beside.as_ref().and_then(|b| b.status(of.idx).ok());
        Known {
            status: beside.map_or(status, |beside| status.stronger(beside)),
            freshness: freshness(&kept.newest, at),
            as_of: Some(kept.newest.iat()),
        }
    }
}

fn freshness(list: &StatusListToken, at: ReadAt) -> Freshness {
    let promised = i64::try_from(list.ttl_s().unwrap_or(0)).unwrap_or(i64::MAX);
    let late = at.now.saturating_sub(list.iat().saturating_add(promised));
    if !list.is_signed_until(at.latest) {
        Freshness::Ahead
    } else if late > 0 {
        Freshness::Stale(late)
    } else {
        Freshness::Fresh
    }
}

fn check(
    (uri, token): (&str, &str),
    (verifier, key_of): (&dyn Verifier, StatusKeyOf<'_>),
    seen: Option<i64>,
    (at, now): (i64, i64),
) -> Option<(StatusListToken, String)> {
    let (org, _) = split_status_uri(uri)?;
    let signer = StatusListToken::danger_kid(token).ok()?;
    let kid = &signer;
    let key = key_of(AskedKey { org, kid, at, now })?;
    let list = StatusListToken::verify(token, verifier, &key, uri, seen).ok()?;
    list.is_large().then_some((list, signer))
}

/// Organisation and list of a status URI.
#[must_use]
pub fn split_status_uri(uri: &str) -> Option<(&str, &str)> {
    uri.strip_prefix("urn:denizen:status:")?.split_once(':')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{StatusList, status_uri};
    use denizen_jose::{Alg, Portable, SecretKey, Signer as _};

    const NOW: i64 = 1_000_000;
    const AHEAD_MAX: i64 = 1200;
    const TTL_S: u64 = 3600;
    const YEAR_S: i64 = 365 * 86_400;
    const IDX: u64 = 5;

    fn key() -> SecretKey {
        SecretKey::from_seed(Alg::Es256, &[1; 32]).unwrap()
    }

    fn at(now: i64) -> ReadAt {
        ReadAt {
            now,
            latest: now + AHEAD_MAX,
        }
    }

    fn uri() -> String {
        status_uri("org", "1")
    }

    fn of() -> StatusRef {
        StatusRef {
            idx: IDX,
            uri: uri(),
        }
    }

    fn list(status: Status, iat: i64) -> String {
        list_by(status, iat, "org#s")
    }

    fn list_by(status: Status, iat: i64, kid: &str) -> String {
        let mut list = StatusList::new(0);
        list.set(IDX, status).unwrap();
        list.sign(&uri(), iat, TTL_S, kid, &key())
    }

    fn take(lists: &mut StatusLists, token: &str, now: i64) -> Option<Taken> {
        let key = |asked: AskedKey<'_>| {
            (asked.org == "org" && asked.kid == "org#s").then(|| key().public())
        };
        lists.take(&uri(), token, (&Portable, &key), at(now))
    }

    fn keep(lists: &mut StatusLists, token: &str, now: i64) {
        let key = |_: AskedKey<'_>| Some(key().public());
        lists.keep(&uri(), token, (&Portable, &key), at(now));
    }

    fn known(lists: &StatusLists, now: i64) -> (Status, Freshness) {
        let known = lists.status(Some(&of()), at(now));
        (known.status, known.freshness)
    }

    #[test]
    fn a_list_is_fresh_until_its_time_to_live_is_over_and_ahead_beyond_what_the_clock_allows() {
        let mut lists = StatusLists::default();
        assert_eq!(known(&lists, NOW), (Status::Valid, Freshness::Unknown));
        assert!(!lists.contains(&uri()));
        let token = list(Status::Suspended, NOW);
        assert_eq!(take(&mut lists, &token, NOW), Some(Taken::Newest));
        assert!(lists.contains(&uri()));
        for (now, freshness) in [
            (NOW - AHEAD_MAX - 1, Freshness::Ahead),
            (NOW - AHEAD_MAX, Freshness::Fresh),
            (NOW + 3600, Freshness::Fresh),
            (NOW + 3601, Freshness::Stale(1)),
            (i64::MAX, Freshness::Stale(i64::MAX - NOW - 3600)),
        ] {
            let at = ReadAt {
                now,
                latest: now.saturating_add(AHEAD_MAX),
            };
            let known = lists.status(Some(&of()), at);
            assert_eq!((known.freshness, known.as_of), (freshness, Some(NOW)));
            assert_eq!(known.status, Status::Suspended);
        }
        assert_eq!(lists.status(None, at(NOW)).freshness, Freshness::Unknown);
        let beyond = StatusRef {
            idx: 1 << 17,
            uri: uri(),
        };
        let beyond = lists.status(Some(&beyond), at(NOW));
        assert_eq!(beyond.freshness, Freshness::Unknown);
    }

    #[test]
    fn a_list_of_the_future_an_older_one_and_one_of_another_key_are_refused() {
        let mut lists = StatusLists::default();
        let ahead = NOW + AHEAD_MAX;
        let valid = |iat| list(Status::Valid, iat);
        assert_eq!(take(&mut lists, &valid(ahead + 1), NOW), None);
        assert!(!lists.contains(&uri()));
        assert_eq!(take(&mut lists, &valid(ahead), NOW), Some(Taken::Newest));
        assert_eq!(take(&mut lists, &valid(ahead - 1), NOW), None);
        assert_eq!(take(&mut lists, &valid(ahead), NOW), Some(Taken::Newest));
        let nobody = |_: AskedKey<'_>| None;
        let with: (&dyn Verifier, StatusKeyOf<'_>) = (&Portable, &nobody);
        assert_eq!(lists.take(&uri(), &valid(ahead), with, at(NOW)), None);
        let any = |_: AskedKey<'_>| Some(key().public());
        let with: (&dyn Verifier, StatusKeyOf<'_>) = (&Portable, &any);
        assert_eq!(lists.take("urn:other", &valid(ahead), with, at(NOW)), None);
        let small = StatusList::from_bytes(vec![0; 8]).sign(&uri(), ahead, TTL_S, "org#s", &key());
        assert_eq!(take(&mut lists, &small, NOW), None);
    }

    #[test]
    fn a_kept_list_is_read_with_the_key_of_its_time_unless_that_is_withdrawn_by_now() {
        let token = list(Status::Invalid, NOW);
        for (now, freshness) in [
            (0, Freshness::Ahead),
            (NOW, Freshness::Fresh),
            (NOW + 3601, Freshness::Stale(1)),
        ] {
            let then = |asked: AskedKey<'_>| {
                assert_eq!(asked.now, now);
                (asked.at == NOW).then(|| key().public())
            };
            let mut lists = StatusLists::default();
            lists.keep(&uri(), &token, (&Portable, &then), at(now));
            assert_eq!(known(&lists, now), (Status::Invalid, freshness));
        }
        let mut lists = StatusLists::default();
        lists.keep(&uri(), &token, (&Portable, &|_| None), at(NOW));
        assert!(!lists.contains(&uri()));
    }

    #[test]
    fn when_both_clocks_were_ahead_later_lists_still_withdraw() {
        for ahead_s in [3 * 86_400, YEAR_S] {
            let mut lists = StatusLists::default();
            let wrong = NOW + ahead_s;
            let first = list(Status::Valid, wrong);
            assert_eq!(take(&mut lists, &first, wrong), Some(Taken::Newest));
            // Both clocks are right again; the issuer withdraws.
            assert_eq!(known(&lists, NOW), (Status::Valid, Freshness::Ahead));
            let withdrawn = list(Status::Invalid, NOW);
            assert_eq!(take(&mut lists, &withdrawn, NOW), Some(Taken::Beside));
            assert_eq!(known(&lists, NOW), (Status::Invalid, Freshness::Ahead));
            // Not older than the one beside; nothing of the future.
            assert_eq!(take(&mut lists, &list(Status::Valid, NOW - 1), NOW), None);
            let far = list(Status::Valid, NOW + AHEAD_MAX + 1);
            assert_eq!(take(&mut lists, &far, NOW), None);
            assert_eq!(known(&lists, NOW), (Status::Invalid, Freshness::Ahead));
            // The time of the first comes: it hides no withdrawal then either.
            assert_eq!(known(&lists, wrong), (Status::Invalid, Freshness::Fresh));
            assert_eq!(take(&mut lists, &list(Status::Valid, NOW + 9), wrong), None);
            // One that is not older than both takes their place.
            let good = list(Status::Suspended, wrong + 1);
            assert_eq!(take(&mut lists, &good, wrong), Some(Taken::Newest));
            assert_eq!(known(&lists, wrong), (Status::Suspended, Freshness::Fresh));
        }
    }

    #[test]
    fn a_list_that_is_ahead_gives_way_once_its_key_is_withdrawn_and_no_other_does() {
        let (wrong, mut lists) = (NOW + YEAR_S, StatusLists::default());
        let mut later = list_by(Status::Valid, NOW, "org#t");
        let both = |asked: AskedKey<'_>| asked.kid.starts_with("org#").then(|| key().public());
        let other = |asked: AskedKey<'_>| (asked.kid == "org#t").then(|| key().public());
        assert_eq!(
            take(&mut lists, &list(Status::Suspended, wrong), wrong),
            Some(Taken::Newest)
        );
        assert_eq!(
            lists.take(&uri(), &later, (&Portable, &both), at(NOW)),
            Some(Taken::Beside)
        );
        assert_eq!(known(&lists, NOW), (Status::Suspended, Freshness::Ahead));
        later = list_by(Status::Valid, NOW + 1, "org#t");
        assert_eq!(
            lists.take(&uri(), &later, (&Portable, &other), at(NOW)),
            Some(Taken::Newest)
        );
        assert_eq!(known(&lists, NOW), (Status::Valid, Freshness::Fresh));
        // Of the past, what a withdrawn key said still keeps older lists out.
        let mut lists = StatusLists::default();
        assert_eq!(
            take(&mut lists, &list(Status::Invalid, NOW), NOW),
            Some(Taken::Newest)
        );
        let older = list_by(Status::Valid, NOW - 1, "org#t");
        assert_eq!(
            lists.take(&uri(), &older, (&Portable, &other), at(NOW)),
            None
        );
        assert_eq!(known(&lists, NOW), (Status::Invalid, Freshness::Fresh));
    }

    #[test]
    fn a_hub_that_replays_an_older_list_to_a_clock_that_went_back_undoes_no_withdrawal() {
        let mut lists = StatusLists::default();
        let withdrawn = list(Status::Invalid, NOW);
        assert_eq!(take(&mut lists, &withdrawn, NOW), Some(Taken::Newest));
        let (back, replayed) = (NOW - YEAR_S, list(Status::Valid, NOW - YEAR_S));
        assert_eq!(take(&mut lists, &replayed, back), Some(Taken::Beside));
        assert_eq!(known(&lists, back), (Status::Invalid, Freshness::Ahead));
        // Read anew, in whatever order.
        for tokens in [[&withdrawn, &replayed], [&replayed, &withdrawn]] {
            let mut again = StatusLists::default();
            for token in tokens {
                keep(&mut again, token, back);
            }
            assert_eq!(known(&again, back), (Status::Invalid, Freshness::Ahead));
        }
        // The clock is right again, and the hub goes on lying.
        assert_eq!(known(&lists, NOW), (Status::Invalid, Freshness::Fresh));
        assert_eq!(take(&mut lists, &replayed, NOW), None);
        assert_eq!(known(&lists, NOW), (Status::Invalid, Freshness::Fresh));
    }
}
