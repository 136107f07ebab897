//! Which papers an application names: looked at before any signature, so that one message cannot
//! ask for the checking of thousands.

use super::refusal::VerifyError;
use denizen_model::message::PresentedAs;
use denizen_openid::Query;
use std::collections::BTreeSet;

/// Each attachment is shown once, and each query gets as many as it takes.
pub(super) fn check_named(query: &Query, presentations: &[PresentedAs]) -> Result<(), VerifyError> {
    let (mut attachments, mut queries) = (BTreeSet::new(), BTreeSet::new());
    for presented in presentations {
        let asked = query.credential(&presented.query);
        let asked = asked.ok_or(VerifyError::NotAsked)?;
        let first = queries.insert(&presented.query);
        if !attachments.insert(&presented.attachment) || !(first || asked.multiple) {
            return Err(VerifyError::NotAsked);
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use denizen_openid::ValueMatching;
    use serde_json::json;

    fn named(shown: &[(&str, &str)]) -> Result<(), VerifyError> {
        let one = |id: &str, multiple: bool| {
            json!({
                "id": id, "format": "dc+sd-jwt", "multiple": multiple,
                "meta": { "vct_values": ["urn:example:paper:1"] },
                "claims": [{ "path": ["number"] }],
            })
        };
        let query = json!({ "credentials": [one("single", false), one("many", true)] });
        let query = Query::from_value(&query, ValueMatching::Refused).unwrap();
        let shown: Vec<_> = shown
            .iter()
            .map(|(query, attachment)| PresentedAs {
                reply: None,
                query: (*query).to_owned(),
                attachment: (*attachment).to_owned(),
            })
            .collect();
        check_named(&query, &shown)
    }

    #[test]
    fn an_attachment_is_shown_once_and_a_query_gets_what_it_takes() {
        assert_eq!(
            named(&[("single", "1"), ("many", "2"), ("many", "3")]),
            Ok(())
        );
        for refused in [
            [("many", "1"), ("many", "1")],
            [("single", "1"), ("many", "1")],
            [("single", "1"), ("single", "2")],
            [("single", "1"), ("other", "2")],
        ] {
            assert_eq!(named(&refused), Err(VerifyError::NotAsked));
        }
    }
}
