//! Acting and helping: what a mandate allows, and the file of a person whom she helps.

use super::{
    day,
    record::{Line, lines},
    service::{ServicePage, page, title},
};
use denizen_holder::{Holder, HolderError};
use denizen_model::mandate::{ALL_SERVICES, Excerpt, Given, MandateClaims};
use serde::{Deserialize, Serialize};
use tsify::Tsify;

/// What a mandate says.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct MandatePage {
    /// What is allowed, in her language.
    pub may: Vec<String>,
    /// For which services, in her language.
    pub services: Vec<String>,
    /// The first day.
    pub from: String,
    /// The last day.
    pub until: String,
}

/// On what it rests that a guardian uses this profile.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct ActingPage {
    /// The mandate of her key in this profile; none if no authority has issued one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mandate: Option<MandatePage>,
    /// Why it does not count now, in her language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// A card that she made for somebody whom she will help.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct CardPage {
    /// The card's text.
    pub card: String,
    /// What she reads out.
    pub digits: String,
}

/// What a helper may read of a record: values, no proof.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct ExcerptPage {
    /// Its name in the file.
    pub name: String,
    /// Its kind.
    pub title: String,
    /// Who issued it.
    pub issuer: String,
    /// The last day on which it counts.
    pub expires: Option<String>,
    /// The values that the person chose.
    pub claims: Vec<Line>,
}

/// An application of which she may ask the state at the office.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct AskRow {
    /// The office's case reference.
    pub case_reference: String,
    /// The service.
    pub service: String,
    /// The office.
    pub office: String,
}

/// The file of a person whom she helps.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct GivenPage {
    /// Whose it is, as she calls the person.
    pub person: String,
    /// When it was made.
    pub made: String,
    /// What it allows, and until when.
    pub mandate: MandatePage,
    /// What may be read.
    pub read: Vec<ExcerptPage>,
    /// What may be prepared.
    pub services: Vec<ServicePage>,
    /// What may be asked at offices.
    pub receive: Vec<AskRow>,
}

/// What she prepared.
#[derive(Debug, Clone, Deserialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct DraftGiven {
    /// The service's exact version.
    pub service: String,
    /// JSON text of the answers.
    pub answers: String,
    /// Records to add where the service leaves the choice, by their names in the file.
    pub records: Vec<String>,
    /// A word to the person.
    pub text: String,
}

/// What a mandate says, in her language.
pub(crate) fn mandate_page(holder: &Holder, terms: &MandateClaims) -> MandatePage {
    let words = holder.words();
    let may = terms.scope.iter().filter_map(|scope| {
        let name = serde_json::to_value(scope).ok()?;
        words.known(&format!("value-mandate-scope-{}", name.as_str()?))
    });
    let service = |name: &String| match name.as_str() {
        ALL_SERVICES => words.known(&format!("value-mandate-services-{ALL_SERVICES}")),
        name => Some(title(holder, name)),
    };
    MandatePage {
        may: may.collect(),
        services: terms.services.iter().filter_map(service).collect(),
        from: terms.valid_from.to_string(),
        until: terms.valid_until.to_string(),
    }
}

/// On what it rests that somebody else uses this profile; none if nobody does.
pub(crate) fn acting_page(holder: &Holder, now: denizen_model::UnixTime) -> Option<ActingPage> {
    if !holder.is_acted_for() {
        return None;
    }
    let Some((terms, state)) = holder.acting_terms(now) else {
        return Some(ActingPage {
            mandate: None,
            refused: None,
        });
    };
    let refused = state.err().map(|why| {
        let code = HolderError::Mandate(why).code();
        holder.words().problem(code).0
    });
    Some(ActingPage {
        mandate: Some(mandate_page(holder, &terms)),
        refused,
    })
}

/// The file of a person whom she helps.
pub(crate) fn given_page(
    holder: &Holder,
    person: &str,
    given: &Given,
) -> Result<GivenPage, HolderError> {
    let services = given.services.iter().map(|offered| {
        let office = offered.office.clone();
        page(holder, &offered.hash, &offered.service, office, true)
    });
    let receive = given.receive.iter().map(|about| AskRow {
        case_reference: about.case_reference.clone(),
        service: title(holder, &about.service),
        office: about.office.clone(),
    });
    Ok(GivenPage {
        person: person.to_owned(),
        made: day(given.made),
        mandate: mandate_page(holder, &given.mandate()?),
        read: given.read.iter().map(|e| excerpt(holder, e)).collect(),
        services: services.collect(),
        receive: receive.collect(),
    })
}

fn excerpt(holder: &Holder, excerpt: &Excerpt) -> ExcerptPage {
    let words = holder.words();
    ExcerptPage {
        name: excerpt.name.clone(),
        title: words.kind(&excerpt.vct),
        issuer: excerpt.issuer.clone(),
        expires: excerpt.expires.map(|d| d.to_string()),
        claims: lines(words.claims(&excerpt.vct, &excerpt.claims)),
    }
}
