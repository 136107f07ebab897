//! Validate: a draft becomes a record, if it is what its kind says.

use super::Draft;
use denizen_model::{
    Sha256Hash, UnixTime,
    catalogue::{Catalogue, ClaimError, Kind},
    message::{Notice, Sensitivity},
};
use serde_json::{Map, Value};

/// Why a draft is no record. It names places and rules, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The catalogue has no such kind.
    #[error("the catalogue has no kind of this name")]
    KindUnknown,
    /// A claim does not fit. The office corrects its row.
    #[error("a claim does not fit its kind")]
    Claims(Vec<ClaimError>),
}

impl Rejection {
    /// The first place and rule, for a report of bad rows.
    #[must_use]
    pub fn first(&self) -> (&str, String) {
        match self {
            Self::Claims(errors) => match errors.first() {
                Some(error) => (error.pointer.as_str(), error.rule.clone()),
                None => ("/", self.to_string()),
            },
            Self::KindUnknown => ("/", self.to_string()),
        }
    }
}

/// A fact that fits its kind: only this file makes one.
#[derive(Debug, Clone)]
pub struct Record {
    kind: Kind,
    claims: Map<String, Value>,
    legal_basis: Option<String>,
    notice: Option<Notice>,
    supersedes: Vec<Sha256Hash>,
}

impl Record {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Its claims.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// Its signed sensitivity.
    #[must_use]
    pub fn sensitivity(&self) -> Sensitivity {
        self.kind.traits.sensitivity
    }

    /// The notice of an adverse record.
    #[must_use]
    pub fn notice(&self) -> Option<&Notice> {
        self.notice.as_ref()
    }

    /// The law under which it is issued.
    #[must_use]
    pub fn legal_basis(&self) -> Option<&str> {
        self.legal_basis.as_deref()
    }

    /// Kept copies that it replaces.
    #[must_use]
    pub fn supersedes(&self) -> &[Sha256Hash] {
        &self.supersedes
    }

    /// The same record in the place of this kept copy's.
    pub(crate) fn replacing(mut self, old: Option<Sha256Hash>) -> Self {
        self.supersedes.extend(old);
        self
    }

    /// What it was made of, to be validated again when more copies are wanted.
    pub(crate) fn to_draft(&self) -> Draft {
        Draft {
            vct: self.kind.vct.clone(),
            claims: self.claims.clone(),
            legal_basis: self.legal_basis.clone(),
            supersedes: self.supersedes.clone(),
        }
    }
}

/// Checks a draft against its kind: schema, dates in their order, the notice of an adverse kind.
///
/// # Errors
/// [`Rejection`].
pub fn validate(draft: Draft, catalogue: &Catalogue, now: UnixTime) -> Result<Record, Rejection> {
    let kind = catalogue.kind(&draft.vct).ok_or(Rejection::KindUnknown)?;
    let claims = Value::Object(draft.claims);
    kind.check(&claims).map_err(Rejection::Claims)?;
    let Value::Object(claims) = claims else {
        return Err(Rejection::KindUnknown);
    };
    check_dates(&claims, now)?;
    let notice = if kind.is_adverse(&claims) {
        Some(notice(&claims).ok_or_else(|| no_notice(&claims))?)
    } else {
        None
    };
    Ok(Record {
        kind: kind.clone(),
        claims,
        legal_basis: draft.legal_basis,
        notice,
        supersedes: draft.supersedes,
    })
}

fn rejected(pointer: &str, rule: &str) -> Rejection {
    Rejection::Claims(vec![ClaimError {
        pointer: pointer.to_owned(),
        rule: rule.to_owned(),
    }])
}

/// Dates of the shipped kinds of which the second is never before the first.
const IN_ORDER: [(&str, &str); 14] = [
    ("valid_from", "valid_until"),
    ("issued_on", "valid_until"),
    ("examined_on", "valid_until"),
    ("tested_on", "valid_until"),
    ("tested_on", "retry_from"),
    ("issue_date", "expiry_date"),
    ("covers_from", "covers_until"),
    ("since", "until"),
    ("started_on", "planned_until"),
    ("started_on", "expected_until"),
    ("started_on", "ended_on"),
    ("registered_on", "registered_until"),
    ("registered_on", "deregistered_on"),
    ("filed_on", "state_on"),
];

/// What a schema cannot compare.
fn check_dates(claims: &Map<String, Value>, now: UnixTime) -> Result<(), Rejection> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    for (first, second) in IN_ORDER {
        let (Some(from), Some(until)) = (text(first), text(second)) else {
            continue;
        };
        // Both are whole dates by their schemas, so their texts sort as they do.
        if from > until {
            let rule = format!("is before {first}");
            return Err(rejected(&format!("/{second}"), &rule));
        }
    }
    let previous = text("previous_document_number");
    if previous.is_some() && previous == text("document_number") {
        return Err(rejected("/previous_document_number", "is the new number"));
    }
    let share = claims.get("share");
    let part = |name: &str| share.and_then(|s| s.get(name)).and_then(Value::as_u64);
    if part("numerator") > part("denominator") {
        return Err(rejected("/share", "is more than the whole"));
    }
    let born = claims
        .get("subject")
        .and_then(|s| s.get("birth_date"))
        .and_then(Value::as_str);
    let year = born
        .and_then(|b| b.get(..4))
        .and_then(|y| y.parse::<i16>().ok());
    if year.is_some_and(|year| year > now.date().year()) {
        return Err(rejected("/subject/birth_date", "is after today"));
    }
    Ok(())
}

/// The notice out of an adverse record's own claims (D10).
fn notice(claims: &Map<String, Value>) -> Option<Notice> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let appeal = claims.get("appeal")?;
    let article = text("article").or_else(|| text("legal_basis"))?;
    let number = text("decision_number")
        .or_else(|| text("number"))
        .unwrap_or_default();
    let penalty = claims.get("penalty");
    let penalty = penalty.and_then(|p| p.get("text").or_else(|| p.get("type")));
    let effect = penalty
        .and_then(Value::as_str)
        .or_else(|| text("effect_text"))
        .or_else(|| text("effect"))
        .or_else(|| text("state"))
        .map_or_else(|| debt(claims), str::to_owned);
    let words = text("ground_text").unwrap_or_default();
    Some(Notice {
        who: text("authority")?.to_owned(),
        ground: format!("{words} {article} {number}").trim().to_owned(),
        legal_basis: article.to_owned(),
        effect,
        appeal_until: appeal.get("until")?.as_str()?.parse().ok()?,
        appeal_where: appeal.get("to")?.as_str()?.to_owned(),
    })
}

/// What a debt means: how much, and by which day.
fn debt(claims: &Map<String, Value>) -> String {
    let said = ["debt_amount", "currency", "due_on"].map(|name| claims.get(name)?.as_str());
    said.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn no_notice(claims: &Map<String, Value>) -> Rejection {
    if claims.contains_key("appeal") {
        rejected(
            "/",
            "an adverse record names its authority and its legal basis",
        )
    } else {
        rejected(
            "/appeal",
            "an adverse record says where and until when it can be appealed",
        )
    }
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails loudly"
)]
mod tests {
    use super::*;
    use denizen_testkit::{START, catalogue, catalogue::repository};
    use serde_json::json;

    fn example(kind: &str) -> Value {
        example_named(kind, "valid")
    }

    fn example_named(kind: &str, name: &str) -> Value {
        let path = repository().join(format!("catalogue/examples/{kind}/{name}.json"));
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    fn check(kind: &str, claims: &Value) -> Result<Record, Rejection> {
        let vct = format!("urn:denizen:kind:{kind}:1");
        let draft = Draft::of_row(&vct, claims.as_object().unwrap().clone());
        validate(draft, &catalogue(), START)
    }

    fn pointer(rejected: Result<Record, Rejection>) -> String {
        rejected.unwrap_err().first().0.to_owned()
    }

    #[test]
    fn an_adverse_record_carries_a_notice_out_of_its_own_claims_or_is_rejected() {
        let mut claims = example("administrative-offence");
        let record = check("administrative-offence", &claims).unwrap();
        let notice = record.notice().unwrap();
        assert_eq!(Some(notice.who.as_str()), claims["authority"].as_str());
        assert_eq!(
            Some(notice.appeal_where.as_str()),
            claims["appeal"]["to"].as_str()
        );
        claims.as_object_mut().unwrap().remove("appeal");
        claims["state"] = json!("in-force");
        assert_eq!(pointer(check("administrative-offence", &claims)), "/appeal");
        assert!(
            check("work-permit", &example("work-permit"))
                .unwrap()
                .notice()
                .is_none()
        );
    }

    #[test]
    fn a_tax_status_is_adverse_by_its_debt_alone() {
        assert!(
            check("tax-status", &example("tax-status"))
                .unwrap()
                .notice()
                .is_none()
        );
        let mut claims = example_named("tax-status", "valid-debt");
        let record = check("tax-status", &claims).unwrap();
        let notice = record.notice().unwrap();
        assert_eq!(notice.effect, "1840.50 RUB 2026-12-01");
        assert_eq!(
            Some(notice.legal_basis.as_str()),
            claims["legal_basis"].as_str()
        );
        assert_eq!(
            Some(notice.appeal_where.as_str()),
            claims["appeal"]["to"].as_str()
        );
        claims.as_object_mut().unwrap().remove("appeal");
        assert!(check("tax-status", &claims).is_err());
    }

    #[test]
    fn a_restriction_on_entry_says_who_why_what_and_where_to_appeal() {
        let claims = example("entry-restriction");
        let record = check("entry-restriction", &claims).unwrap();
        let notice = record.notice().unwrap();
        let words = claims["ground_text"].as_str().unwrap();
        assert!(notice.ground.starts_with(words), "{}", notice.ground);
        assert_eq!(Some(notice.effect.as_str()), claims["effect"].as_str());
        assert_eq!(
            Some(notice.legal_basis.as_str()),
            claims["legal_basis"].as_str()
        );
    }

    #[test]
    fn every_valid_example_is_taken_and_dates_in_the_wrong_order_are_not() {
        for kind in catalogue().kinds() {
            let claims = example(&kind.name);
            assert!(check(&kind.name, &claims).is_ok(), "{}", kind.name);
        }
        for (kind, claim, early) in [
            ("driving-licence", "expiry_date", "2019-05-19"),
            ("tax-payment", "covers_until", "2026-04-03"),
            ("stay-application", "state_on", "2026-04-12"),
            ("enrolment", "expected_until", "2026-08-31"),
        ] {
            let mut claims = example(kind);
            claims[claim] = json!(early);
            assert_eq!(pointer(check(kind, &claims)), format!("/{claim}"));
        }
        let mut claims = example("real-estate");
        claims["share"]["numerator"] = json!(4);
        assert_eq!(pointer(check("real-estate", &claims)), "/share");
    }

    #[test]
    fn what_a_schema_cannot_compare_is_compared() {
        let mut claims = example("work-permit");
        claims["valid_from"] = json!("2030-01-02");
        claims["valid_until"] = json!("2030-01-01");
        assert_eq!(pointer(check("work-permit", &claims)), "/valid_until");
        let mut claims = example("work-permit");
        claims["subject"]["birth_date"] = json!("2027");
        assert_eq!(
            pointer(check("work-permit", &claims)),
            "/subject/birth_date"
        );
        assert_eq!(
            check("no-such-kind", &claims).unwrap_err(),
            Rejection::KindUnknown
        );
    }
}
