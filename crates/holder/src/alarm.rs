//! Alarms: what a person must know. One that is about a state which was mended since is over: it is kept
//! with both times, and asks nothing of her any more. Only facts end one (what was held back came, a good
//! list was taken in); what shows that somebody lied stays until she acts.

use crate::Profile;
use denizen_model::UnixTime;
use serde::{Deserialize, Serialize};

/// Most alarms of one kind that are over and kept: a hub that lies every other time fills no device.
const OVER_MAX: usize = 16;

/// An address that the hub says is gone.
pub(crate) const ABOUT_ADDRESS: &str = "address";
/// Before the end that the hub signed of an address and does not show.
const ABOUT_END: &str = "end ";

/// Something that a person must know, by its stable code (`err-` and `rec-` texts).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// Stable code.
    pub code: String,
    /// Index of the link; none for her own address.
    #[serde(default)]
    pub link: Option<u32>,
    /// When it was seen.
    pub at: UnixTime,
    /// What exactly it is about, if facts can end it: a status list's URI, an object's id, `address`, or
    /// `end N`, the number of envelopes that the hub signed and does not show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// When it was over: what it is about was mended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<UnixTime>,
}

impl Alarm {
    /// Whether it still needs her.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.over.is_none()
    }

    /// Up to where the hub signed that an address goes.
    fn end(&self) -> Option<u64> {
        self.about.as_deref()?.strip_prefix(ABOUT_END)?.parse().ok()
    }

    fn is(&self, code: &str, link: Option<u32>, about: Option<&str>) -> bool {
        self.is_open() && self.code == code && self.link == link && self.about.as_deref() == about
    }
}

impl Profile {
    /// Alarms that need her, oldest first; several about one thing of one link are one.
    pub fn open_alarms(&self) -> impl Iterator<Item = &Alarm> {
        let first = |alarm: &Alarm, at: usize| {
            let mut before = self.alarms.iter().take(at);
            !before.any(|a| a.is_open() && a.code == alarm.code && a.link == alarm.link)
        };
        let open = self.alarms.iter().enumerate();
        open.filter(move |(at, alarm)| alarm.is_open() && first(alarm, *at))
            .map(|(_, alarm)| alarm)
    }

    /// Raises an alarm that stays until she acts.
    pub(crate) fn alarm(&mut self, code: &str, link: Option<u32>, at: UnixTime) {
        self.raise(code, link, None, at);
    }

    /// Raises an alarm that is over once this is mended.
    pub(crate) fn alarm_about(&mut self, code: &str, link: Option<u32>, about: &str, at: UnixTime) {
        self.raise(code, link, Some(about), at);
    }

    fn raise(&mut self, code: &str, link: Option<u32>, about: Option<&str>, at: UnixTime) {
        if self.alarms.iter().any(|a| a.is(code, link, about)) {
            return;
        }
        self.alarms.push(Alarm {
            code: code.to_owned(),
            link,
            at,
            about: about.map(str::to_owned),
            over: None,
        });
    }

    /// Raises the alarm that the hub signed so many envelopes of an address and does not show them. While it
    /// is open it is about the most that was signed: a smaller head takes nothing back.
    pub(crate) fn alarm_short(&mut self, link: Option<u32>, end: u64, at: UnixTime) {
        let known = |a: &&mut Alarm| a.is_open() && a.link == link && a.end().is_some();
        let about = |end: u64| format!("{ABOUT_END}{end}");
        match self.alarms.iter_mut().find(known) {
            Some(alarm) => alarm.about = Some(about(end.max(alarm.end().unwrap_or(0)))),
            None => self.raise("withheld", link, Some(&about(end)), at),
        }
    }

    /// So many envelopes of an address came.
    pub(crate) fn mend_short(&mut self, link: Option<u32>, came: u64, now: UnixTime) {
        let there = |a: &Alarm| a.end().is_some_and(|end| end <= came);
        self.end_alarms(now, |a| a.is_open() && a.link == link && there(a));
    }

    /// What an alarm is about was mended: it is over.
    pub(crate) fn mend(&mut self, code: &str, link: Option<u32>, about: &str, now: UnixTime) {
        self.end_alarms(now, |a| a.is(code, link, Some(about)));
    }

    /// All that alarms of this kind can be about was mended: those are over that do not say it, which an
    /// earlier release wrote.
    pub(crate) fn mend_unsaid(&mut self, code: &str, link: Option<u32>, now: UnixTime) {
        self.end_alarms(now, |a| a.is(code, link, None));
    }

    fn end_alarms(&mut self, now: UnixTime, which: impl Fn(&Alarm) -> bool) {
        for alarm in self.alarms.iter_mut().filter(|a| which(a)) {
            alarm.over = Some(now);
        }
    }

    /// Lets go of the oldest that are over.
    pub(crate) fn forget_old_alarms(&mut self) {
        let mut newer: Vec<(String, Option<u32>)> = Vec::new();
        let mut kept: Vec<Alarm> = Vec::new();
        for alarm in std::mem::take(&mut self.alarms).into_iter().rev() {
            let kind = (alarm.code.clone(), alarm.link);
            if !alarm.is_open() {
                if newer.iter().filter(|k| **k == kind).count() >= OVER_MAX {
                    continue;
                }
                newer.push(kind);
            }
            kept.push(alarm);
        }
        kept.reverse();
        self.alarms = kept;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use denizen_model::{HubId, message::OutChain};
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};

    const T: UnixTime = UnixTime(1_000);

    fn profile() -> Profile {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let chain = OutChain::make(Vec::new(), &mut rng);
        Profile::new(HubId::new([1; 32]), "https://hub.example", "en", chain)
    }

    fn open(profile: &Profile) -> Vec<(&str, Option<u32>)> {
        let open = profile.open_alarms();
        open.map(|a| (a.code.as_str(), a.link)).collect()
    }

    #[test]
    fn an_alarm_is_over_only_by_what_it_is_about_and_comes_again_as_another() {
        let mut p = profile();
        p.alarm_about("status-list-refused", Some(1), "urn:a", T);
        p.alarm_about("status-list-refused", Some(1), "urn:b", T);
        p.alarm("changed-key", Some(1), T);
        let two = [("status-list-refused", Some(1)), ("changed-key", Some(1))];
        assert_eq!(open(&p), two);
        p.mend("status-list-refused", Some(2), "urn:a", T.plus_s(1));
        p.mend("status-list-refused", Some(1), "urn:c", T.plus_s(1));
        assert!(p.alarms.iter().all(Alarm::is_open));
        p.mend("status-list-refused", Some(1), "urn:a", T.plus_s(1));
        assert_eq!(p.alarms[0].over, Some(T.plus_s(1)));
        assert_eq!(open(&p).len(), 2, "the other list is still refused");
        p.mend("status-list-refused", Some(1), "urn:b", T.plus_s(2));
        assert_eq!(open(&p), [("changed-key", Some(1))]);
        // It is no second one while it is open, and another one after it was over.
        p.alarm_about("status-list-refused", Some(1), "urn:b", T.plus_s(3));
        p.alarm_about("status-list-refused", Some(1), "urn:b", T.plus_s(4));
        assert_eq!(p.alarms.len(), 4);
        assert_eq!(p.alarms[0].over, Some(T.plus_s(1)), "the first end stays");
    }

    #[test]
    fn what_an_earlier_release_wrote_is_read_and_ends_with_all_of_its_kind() {
        let old = r#"{"code":"status-list-refused","link":3,"at":5}"#;
        let old: Alarm = serde_json::from_str(old).unwrap();
        assert!(old.is_open());
        let mut p = profile();
        p.alarms.push(old);
        p.alarm("withheld", Some(3), T);
        p.mend("status-list-refused", Some(3), "urn:a", T);
        assert_eq!(open(&p).len(), 2);
        p.mend_unsaid("status-list-refused", Some(3), T);
        assert_eq!(open(&p), [("withheld", Some(3))]);
        let text = serde_json::to_string(&p.alarms[1]).unwrap();
        assert_eq!(text, r#"{"code":"withheld","link":3,"at":1000}"#);
    }

    #[test]
    fn a_smaller_head_takes_nothing_back_of_what_was_signed() {
        let mut p = profile();
        p.alarm_short(Some(1), 5, T);
        p.alarm_short(Some(1), 3, T);
        p.alarm_short(Some(2), 1, T);
        p.mend_short(Some(1), 4, T);
        assert_eq!(open(&p), [("withheld", Some(1)), ("withheld", Some(2))]);
        p.alarm_short(Some(1), 6, T);
        p.mend_short(Some(1), 5, T);
        p.mend_short(None, 9, T);
        assert_eq!(open(&p).len(), 2);
        p.mend_short(Some(1), 6, T);
        assert_eq!(open(&p), [("withheld", Some(2))]);
    }

    #[test]
    fn a_hub_that_lies_every_other_time_fills_no_device_and_hides_no_open_alarm() {
        let mut p = profile();
        p.alarm("other-log", None, T);
        for at in 0..40 {
            p.alarm_short(Some(1), 1, T.plus_s(at));
            p.mend_short(Some(1), 1, T.plus_s(at));
        }
        p.alarm_short(Some(1), 1, T.plus_s(40));
        p.forget_old_alarms();
        assert_eq!(open(&p), [("other-log", None), ("withheld", Some(1))]);
        assert_eq!(p.alarms.len(), 2 + OVER_MAX);
        assert_eq!(p.alarms[1].at, T.plus_s(24), "the newest are kept");
    }
}
