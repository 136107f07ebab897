//! Words: how records, notices and problems read in her language. Pure; the shells only show it.

use crate::{Freshness, Holder, RecordView};
use denizen_credential::Status;
use denizen_model::{
    UnixTime,
    catalogue::{Catalogue, ClaimMetadata, Kind, Locale, Service},
    message::Notice,
};
use serde_json::{Map, Value};

/// Claims that make a record's one-line summary.
const SUMMARY_CLAIMS: usize = 2;

/// Claims that tell a person nothing: numbers that programs use.
const NOT_TOLD: [&str; 2] = ["application", "service_version"];

/// One claim as it reads: its label, its value, or what lies below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimLine {
    /// Names of the claim and of those above it.
    pub path: Vec<String>,
    /// Its label in her language, or its own name.
    pub label: String,
    /// Its value in her language; none if it has members.
    pub value: Option<String>,
    /// The value as the issuer wrote it, where that is not what [`ClaimLine::value`] shows.
    pub original: Option<String>,
    /// What lies below it, in the order in which the kind lists it.
    pub members: Vec<ClaimLine>,
}

/// Texts of one language over one catalogue.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    catalogue: &'a Catalogue,
    locale: Option<&'a Locale>,
}

impl<'a> Words<'a> {
    /// The texts of a language, or English.
    #[must_use]
    pub fn new(catalogue: &'a Catalogue, language: &str) -> Self {
        Self {
            catalogue,
            locale: catalogue.locale(language),
        }
    }

    /// A text with its slots filled; the key itself if there is none.
    #[must_use]
    pub fn text(&self, key: &str, slots: &[(&str, &str)]) -> String {
        self.locale
            .map_or_else(|| key.to_owned(), |l| l.text(key, slots))
    }

    /// A text if there is one.
    #[must_use]
    pub fn known(&self, key: &str) -> Option<String> {
        self.locale?.known(key)
    }

    /// A kind's name, or its `vct`.
    #[must_use]
    pub fn kind(&self, vct: &str) -> String {
        let name = self.catalogue.kind(vct).map(|k| format!("kind-{}", k.name));
        name.and_then(|n| self.known(&n))
            .unwrap_or_else(|| vct.to_owned())
    }

    /// The law that lets the office of a service ask, by its name in her language if there is one.
    #[must_use]
    pub fn law(&self, service: &Service) -> String {
        // A name is of one law: nobody's service shows another law than it declares.
        let same = |s: &&Service| {
            s.legal_basis_key == service.legal_basis_key && s.legal_basis == service.legal_basis
        };
        let known = self.catalogue.services().find(same);
        let key = known.and_then(|s| s.legal_basis_key.as_deref());
        key.and_then(|key| self.known(key))
            .unwrap_or_else(|| service.legal_basis.clone())
    }

    /// What a stable code means, and what to do next.
    #[must_use]
    pub fn problem(&self, code: &str) -> (String, String) {
        let what = self.known(&format!("err-{code}"));
        let next = self.known(&format!("rec-{code}"));
        (
            what.unwrap_or_else(|| self.text("err-other", &[("code", code)])),
            next.unwrap_or_else(|| self.text("rec-other", &[])),
        )
    }

    /// A record's claims under their labels, in the order in which its kind lists them.
    #[must_use]
    pub fn claims(&self, vct: &str, claims: &Map<String, Value>) -> Vec<ClaimLine> {
        let kind = self.catalogue.kind(vct);
        self.members(kind, &[], claims)
    }

    /// One claim of a kind, with everything below it.
    #[must_use]
    pub fn claim(&self, vct: &str, path: &[String], value: &Value) -> ClaimLine {
        self.line(self.catalogue.kind(vct), path.to_vec(), value)
    }

    /// The label of one claim of a kind.
    #[must_use]
    pub fn label(&self, vct: &str, path: &[String]) -> String {
        let name = self.catalogue.kind(vct).map_or("", |k| k.name.as_str());
        let known = self.known(&format!("claim-{name}-{}", path.join("-")));
        known
            .or_else(|| path.last().cloned())
            .unwrap_or_else(|| name.to_owned())
    }

    /// Its first plain claims, so that two records of one kind are told apart.
    #[must_use]
    pub fn summary(&self, view: &RecordView) -> String {
        let kind = self.catalogue.kind(&view.vct);
        let plain = in_order(claims_of(kind), &[], &view.claims)
            .filter(|(name, value)| !value.is_object() && !NOT_TOLD.contains(&name.as_str()));
        let told = plain.take(SUMMARY_CLAIMS).filter_map(|(name, value)| {
            let key = key_of(kind, std::slice::from_ref(name));
            let label = self.known(&format!("claim-{key}"));
            let value = self.shown(&key, value)?;
            Some(format!("{}: {value}", label.as_ref().unwrap_or(name)))
        });
        told.collect::<Vec<_>>().join("; ")
    }

    /// A record's status in a word, and how old that knowledge is where it is not fresh.
    #[must_use]
    pub fn status(&self, view: &RecordView) -> (String, Option<String>) {
        let word = self.text(&format!("cli-record-status-{}", shown_status(view)), &[]);
        let age = match view.status.freshness {
            Freshness::Fresh => None,
            Freshness::Stale(late_s) => {
                let days = (late_s / UnixTime::DAY_S).to_string();
                Some(self.text("cli-status-stale", &[("days", &days)]))
            }
            Freshness::Ahead => Some(self.text("cli-status-ahead", &[])),
            Freshness::Unknown => Some(self.text("cli-status-unknown", &[])),
        };
        (word, age)
    }

    /// The lines of an adverse record's notice: who, ground, law, effect, until when and where to
    /// appeal (D10).
    #[must_use]
    pub fn notice(&self, vct: &str, notice: &Notice) -> Vec<String> {
        let until = notice.appeal_until.to_string();
        let effect = self.effect(vct, &notice.effect);
        [
            ("cli-notice-who", notice.who.as_str()),
            ("cli-notice-ground", &notice.ground),
            ("cli-notice-law", &notice.legal_basis),
            ("cli-notice-effect", &effect),
            ("cli-notice-appeal-until", &until),
            ("cli-notice-appeal-where", &notice.appeal_where),
        ]
        .map(|(key, value)| self.text(key, &[("value", value)]))
        .into()
    }

    /// The lines of a notice that tell what it means: ground, effect, until when to appeal.
    #[must_use]
    pub fn notice_in_short(&self, vct: &str, notice: &Notice) -> Vec<String> {
        let until = notice.appeal_until.to_string();
        let effect = self.effect(vct, &notice.effect);
        [
            ("cli-notice-ground", notice.ground.as_str()),
            ("cli-notice-effect", &effect),
            ("cli-notice-appeal-until", &until),
        ]
        .map(|(key, value)| self.text(key, &[("value", value)]))
        .into()
    }

    fn effect(&self, vct: &str, effect: &str) -> String {
        let kind = self.catalogue.kind(vct).map_or("", |k| k.name.as_str());
        let keys = ["effect", "penalty-type"].map(|claim| format!("value-{kind}-{claim}-{effect}"));
        let known = keys.iter().find_map(|key| self.known(key));
        known.unwrap_or_else(|| effect.to_owned())
    }

    fn members(
        &self,
        kind: Option<&Kind>,
        path: &[String],
        members: &Map<String, Value>,
    ) -> Vec<ClaimLine> {
        let below = in_order(claims_of(kind), path, members).map(|(name, value)| {
            let path = [path, std::slice::from_ref(name)].concat();
            self.line(kind, path, value)
        });
        below.collect()
    }

    fn line(&self, kind: Option<&Kind>, path: Vec<String>, value: &Value) -> ClaimLine {
        let key = key_of(kind, &path);
        let label = self
            .known(&format!("claim-{key}"))
            .or_else(|| path.last().cloned());
        let label = label.unwrap_or_default();
        let shown = self.shown(&key, value);
        let (members, written) = match value {
            Value::Object(below) => (self.members(kind, &path, below), None),
            Value::Array(items) => {
                let written: Vec<_> = items.iter().map(plain).collect();
                (Vec::new(), Some(written.join(", ")))
            }
            other => (Vec::new(), Some(plain(other))),
        };
        ClaimLine {
            original: written.filter(|w| shown.as_ref() != Some(w)),
            path,
            label,
            value: shown,
            members,
        }
    }

    /// A claim's value in her language; none if it has members.
    fn shown(&self, key: &str, value: &Value) -> Option<String> {
        match value {
            Value::Object(_) => None,
            Value::Array(items) => {
                let shown: Vec<_> = items.iter().map(|v| self.value(key, v)).collect();
                Some(shown.join(", "))
            }
            other => Some(self.value(key, other)),
        }
    }

    fn value(&self, key: &str, value: &Value) -> String {
        match value {
            Value::Bool(true) => self.text("value-true", &[]),
            Value::Bool(false) => self.text("value-false", &[]),
            Value::String(text) => self
                .known(&format!("value-{key}-{text}"))
                .or_else(|| self.known(&format!("value-country-{text}")))
                .unwrap_or_else(|| text.clone()),
            other => other.to_string(),
        }
    }
}

fn claims_of(kind: Option<&Kind>) -> &[ClaimMetadata] {
    kind.map_or(&[], |kind| &kind.claims)
}

/// How the texts of a claim are named.
fn key_of(kind: Option<&Kind>, path: &[String]) -> String {
    let name = kind.map_or("", |k| k.name.as_str());
    format!("{name}-{}", path.join("-"))
}

/// Claims in the order in which their kind lists them, then those that it does not list.
fn in_order<'m>(
    claims: &'m [ClaimMetadata],
    path: &'m [String],
    members: &'m Map<String, Value>,
) -> impl Iterator<Item = (&'m String, &'m Value)> {
    let listed = move || claims.iter().filter_map(|claim| member_of(claim, path));
    // A kind of a directory may list one twice.
    let once = listed()
        .enumerate()
        .filter(move |(at, name)| listed().take(*at).all(|before| before != *name));
    let first = once.filter_map(|(_, name)| members.get_key_value(name));
    let others = members
        .iter()
        .filter(move |(name, _)| listed().all(|l| l != name.as_str()));
    first.chain(others)
}

/// The name of a claim, if it lies directly below this path.
fn member_of<'c>(claim: &'c ClaimMetadata, path: &[String]) -> Option<&'c str> {
    let (last, above) = claim.path.split_last()?;
    let above = above.iter().map(Value::as_str);
    above
        .eq(path.iter().map(|n| Some(n.as_str())))
        .then_some(last.as_str())?
}

/// What is shown of a record's status: by a clock that nobody can rely on, nothing is called valid.
#[must_use]
pub fn shown_status(view: &RecordView) -> &'static str {
    match (view.status.freshness, view.status.status) {
        (Freshness::Ahead, Status::Valid) => "unknown",
        (_, status) => status_name(status),
    }
}

/// A status' stable word, as texts are named.
#[must_use]
pub fn status_name(status: Status) -> &'static str {
    match status {
        Status::Valid => "valid",
        Status::Invalid => "invalid",
        Status::Suspended => "suspended",
        Status::Contested => "contested",
    }
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

impl Holder {
    /// The texts of her language.
    #[must_use]
    pub fn words(&self) -> Words<'_> {
        Words::new(&self.catalogue, &self.profile.language)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn claims_stand_in_the_order_of_their_kind_each_once_and_unlisted_ones_last() {
        let path = |path: &[&str]| json!({"path": path, "sd": "always"});
        let listed = [
            &["z"][..],
            &["a"],
            &["a", "m"],
            &["a", "b"],
            &["z"],
            &["absent"],
        ];
        let claims = Value::from_iter(listed.map(path));
        let claims: Vec<ClaimMetadata> = serde_json::from_value(claims).unwrap();
        let members = |all: &[&str]| -> Map<String, Value> {
            all.iter()
                .map(|name| ((*name).to_owned(), json!(1)))
                .collect()
        };
        let told = |path: &[&str], all: &[&str]| -> Vec<String> {
            let path: Vec<_> = path.iter().map(|n| (*n).to_owned()).collect();
            let members = members(all);
            in_order(&claims, &path, &members)
                .map(|(n, _)| n.clone())
                .collect()
        };
        assert_eq!(told(&[], &["a", "b", "y", "z"]), ["z", "a", "b", "y"]);
        assert_eq!(told(&["a"], &["a", "b", "m"]), ["m", "b", "a"]);
        assert_eq!(in_order(&[], &[], &members(&["b", "a"])).count(), 2);
    }
}
