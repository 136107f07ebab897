//! What a person sees of those who act for her or help her, and of contacts that are not hers alone.

use super::short_service;
use crate::holder::Open;
use denizen_holder::{HelperUse, RecordView, UseKind};
use denizen_model::{mandate::MandateClaims, message::AccessNotice};
use serde_json::Value;

/// A contact that somebody else uses too (D5).
pub(super) fn shared_contact(at: &Open<'_>, view: &RecordView) {
    if let Some(shared) = at.holder.shared_contact_text(view) {
        at.say.plain(&format!("    {shared}"));
        at.say.indented("cli-contact-next", &[]);
    }
}

/// Which words say who looked: a helper hears a state, and opens nothing.
pub(super) fn opened_key(notice: &AccessNotice) -> &'static str {
    if notice.role == "helper" && notice.claims == ["state"] {
        "cli-helper-asked"
    } else {
        "cli-opened-by"
    }
}

/// Helpers with their mandates and everything that was done.
pub(in crate::holder) fn helpers(at: &Open<'_>) {
    let say = &at.say;
    let helpers = &at.holder.profile().helpers;
    if helpers.is_empty() {
        say.line("cli-helper-none", &[]);
    }
    for helper in helpers {
        say.plain(&helper.name);
        if let Ok(terms) = helper.terms() {
            self::terms(at, &terms);
        }
        if let Some(ended) = helper.ended {
            say.indented("cli-helper-over", &[("date", &say.date(ended))]);
        }
        for used in &helper.uses {
            one_use(at, used);
        }
    }
}

/// What a mandate allows, for which services, until when.
pub(in crate::holder) fn terms(at: &Open<'_>, terms: &MandateClaims) {
    let say = &at.say;
    let scope = terms.scope.iter().map(|s| {
        let name = serde_json::to_value(s).unwrap_or_default();
        let name = name.as_str().unwrap_or_default().to_owned();
        say.known(&format!("value-mandate-scope-{name}"))
            .unwrap_or(name)
    });
    let scope = scope.collect::<Vec<_>>().join(", ");
    let services = terms.services.iter().map(|s| short_service(s));
    let services = services.collect::<Vec<_>>().join(", ");
    let (from, until) = (terms.valid_from.to_string(), terms.valid_until.to_string());
    let slots = [
        ("scope", scope.as_str()),
        ("services", &services),
        ("from", &from),
        ("until", &until),
    ];
    say.indented("cli-helper-terms", &slots);
}

fn one_use(at: &Open<'_>, used: &HelperUse) {
    let say = &at.say;
    let about = used.about.iter().map(|about| match used.what {
        UseKind::Given => say.kind(about),
        UseKind::Refused => say
            .known(&format!("err-{about}"))
            .unwrap_or_else(|| about.clone()),
        _ => short_service(about).to_owned(),
    });
    let about = about.collect::<Vec<_>>().join(", ");
    let key = match used.what {
        UseKind::Begun => "cli-helper-use-begun",
        UseKind::Given => "cli-helper-use-given",
        UseKind::Told => "cli-helper-use-told",
        UseKind::Draft => "cli-helper-use-draft",
        UseKind::Filed => "cli-helper-use-filed",
        UseKind::Refused => "cli-helper-use-refused",
        UseKind::Ended => "cli-helper-use-ended",
    };
    let date = say.date(used.at);
    say.indented(key, &[("date", date.as_str()), ("about", &about)]);
}

/// Answers to a service's questions, as somebody prepared them.
pub(in crate::holder) fn answers(at: &Open<'_>, answers: &Value) {
    let Value::Object(members) = answers else {
        return at.say.plain(&format!("    {answers}"));
    };
    for (name, value) in members {
        let value = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        at.say.plain(&format!("    {name}: {value}"));
    }
}
