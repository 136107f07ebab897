//! Services, and what an application would send.

use super::people::DraftName;
use denizen_holder::{ClaimLine, Holder, Leaving, LinkState, Missing, Offer, Preview, Unfit};
use denizen_model::{Sha256Hash, catalogue::Service, message::Sensitivity};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tsify::Tsify;

/// A service.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct ServicePage {
    /// Names its exact version.
    pub hash: String,
    /// `work-permit`.
    pub name: String,
    /// Under which heading it stands: `employment`, `stay`, ...
    pub category: &'static str,
    /// In her language.
    pub title: String,
    /// Why papers are asked for.
    pub purpose: String,
    /// Who offers it.
    pub org: String,
    /// Whether she is linked with it.
    pub linked: bool,
    /// The law.
    pub legal_basis: String,
    /// Days that the claims are kept after the decision.
    pub retention_days: u32,
    /// Days within which the office decides.
    pub deadline_days: u32,
    /// Amount and currency.
    pub fee: Option<String>,
    /// JSON Schema of the answers, as text.
    pub answers: String,
    /// Labels of the questions, by name.
    pub questions: Vec<Question>,
}

/// One question of a service.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct Question {
    /// Its name in the answers.
    pub name: String,
    /// In her language.
    pub label: String,
    /// `text`, `date`, `number`, `yes-no`, `choice`; `choices` and `list` have several answers.
    pub form: String,
    /// For a choice, or several: value and label.
    pub choices: Vec<[String; 2]>,
    /// Whether the service needs it.
    pub required: bool,
}

/// A paper that would leave, or that does not count.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct OfferPage {
    /// The credential query.
    pub query: String,
    /// The record.
    pub kept: String,
    /// Its kind.
    pub title: String,
    /// Its issuer.
    pub issuer: String,
    /// Exactly what is shown: label and value.
    pub values: Vec<[String; 2]>,
    /// Of a special category: needs a second yes.
    pub special: bool,
    /// A one-time copy is shown.
    pub single_use: bool,
    /// She may leave it out.
    pub optional: bool,
    /// The last day on which it counts.
    pub expires: Option<String>,
    /// What she says to it; it leaves with the paper.
    pub reply: Option<String>,
}

/// A paper that is hers and does not count.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct UnfitPage {
    /// The record.
    pub kept: String,
    /// Its kind.
    pub title: String,
    /// Its issuer.
    pub issuer: String,
    /// Why, in her language.
    pub reason: String,
}

/// A paper that is missing.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct MissingPage {
    /// The credential query.
    pub query: String,
    /// Kinds that would do.
    pub titles: Vec<String>,
    /// Who issues them.
    pub issuers: Vec<String>,
    /// The application needs it.
    pub required: bool,
    /// Papers with the same number stand for one another: one of them is enough.
    pub one_of: Option<usize>,
}

/// What an application would send.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct LeavingPage {
    /// The service.
    pub service: ServicePage,
    /// Exactly what leaves.
    pub leaving: Vec<OfferPage>,
    /// Papers that she could add.
    pub could_add: Vec<OfferPage>,
    /// Papers that nothing of hers answers.
    pub missing: Vec<MissingPage>,
    /// Papers that do not count long enough.
    pub expiring: Vec<OfferPage>,
    /// Papers of an asked kind that do not count for another reason.
    pub unfit: Vec<UnfitPage>,
    /// Papers that she disputes: the office will see that.
    pub contested: Vec<String>,
    /// Everything required is there.
    pub satisfied: bool,
}

/// What she said yes to.
#[derive(Debug, Clone, Deserialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct ConfirmedApplication {
    /// The service's exact version.
    pub hash: String,
    /// JSON text of the answers.
    pub answers: String,
    /// Optional papers that she added.
    pub include: Vec<String>,
    /// Special papers that she confirmed a second time.
    pub special: Vec<String>,
    /// A paper without one-time copies left may be linked.
    pub linkable: bool,
    /// The application that it is another version of.
    pub amends: Option<String>,
    /// The helper's draft that it began with.
    pub draft: Option<DraftName>,
}

/// A service's title.
pub(super) fn title(holder: &Holder, service: &str) -> String {
    let words = holder.words();
    let known = holder.catalogue().service(service);
    let known = known.and_then(|s| words.known(&s.title_key));
    known.unwrap_or_else(|| short(service).to_owned())
}

pub(super) fn short(service: &str) -> &str {
    service.rsplit(':').next().unwrap_or(service)
}

/// All services of the directories.
pub(crate) fn service_pages(holder: &Holder) -> Vec<ServicePage> {
    let services = holder.services();
    let pages = services.iter().map(|(hash, entry)| {
        let confirmed =
            |l: &denizen_holder::Link| l.org == entry.org && l.state == LinkState::Confirmed;
        let linked = holder.profile().links.iter().any(confirmed);
        page(
            holder,
            hash,
            &entry.service,
            holder.name_of(&entry.org),
            linked,
        )
    });
    pages.collect()
}

pub(super) fn page(
    holder: &Holder,
    hash: &Sha256Hash,
    service: &Service,
    org: String,
    linked: bool,
) -> ServicePage {
    let words = holder.words();
    let name = short(&service.service);
    let fee = service.fee.as_ref();
    ServicePage {
        hash: hash.to_text(),
        name: name.to_owned(),
        category: service.category.name(),
        title: words
            .known(&service.title_key)
            .unwrap_or_else(|| name.to_owned()),
        purpose: words.known(&service.purpose_key).unwrap_or_default(),
        org,
        linked,
        legal_basis: words.law(service),
        retention_days: service.retention_days,
        deadline_days: service.deadline_days,
        fee: fee.map(|f| format!("{} {}", f.amount, f.currency)),
        answers: service.answers.to_string(),
        questions: questions(holder, name, service),
    }
}

pub(super) fn questions(holder: &Holder, name: &str, service: &Service) -> Vec<Question> {
    let words = holder.words();
    let properties = service
        .answers
        .get("properties")
        .and_then(|p| p.as_object());
    let required = service.answers.get("required").and_then(|r| r.as_array());
    let is_required = |question: &String| {
        required.is_some_and(|r| r.iter().any(|v| v.as_str() == Some(question.as_str())))
    };
    let of = |(question, schema): (&String, &Value)| {
        let key = format!("service-{name}-answer-{question}");
        let choice = |value: &Value| {
            let value = value.as_str()?;
            let label = words.known(&format!("{key}-{value}"));
            Some([value.to_owned(), label.unwrap_or_else(|| value.to_owned())])
        };
        Question {
            name: question.clone(),
            label: words.known(&key).unwrap_or_else(|| question.clone()),
            form: form(schema).to_owned(),
            choices: offered(schema).filter_map(choice).collect(),
            required: is_required(question),
        }
    };
    let mut questions: Vec<_> = properties.into_iter().flatten().map(of).collect();
    // An object has no order, the list of what is required has one: it is the service's own.
    let place = |question: &Question| {
        let mut names = required.into_iter().flatten();
        names.position(|v| v.as_str() == Some(question.name.as_str()))
    };
    questions.sort_by_key(|question| place(question).unwrap_or(usize::MAX));
    questions
}

/// How a question is asked.
fn form(schema: &Value) -> &'static str {
    let text = |name: &str| schema.get(name).and_then(Value::as_str);
    let chosen = offered(schema).next().is_some();
    match (text("type"), text("format")) {
        (Some("array"), _) if chosen => "choices",
        (Some("array"), _) => "list",
        _ if chosen => "choice",
        (Some("boolean"), _) => "yes-no",
        (Some("integer" | "number"), _) => "number",
        (_, Some("date")) => "date",
        _ => "text",
    }
}

/// The values that a question offers.
fn offered(schema: &Value) -> impl Iterator<Item = &Value> {
    let listed = schema
        .get("enum")
        .or_else(|| schema.get("items")?.get("enum"));
    listed.and_then(Value::as_array).into_iter().flatten()
}

/// What a preview says.
pub(crate) fn leaving_page(holder: &Holder, hash: &Sha256Hash, preview: &Preview) -> LeavingPage {
    let offered = |query: &String| preview.leaving.iter().any(|l| l.offer.query == *query);
    let selection = &preview.selection;
    let addable = selection
        .present
        .iter()
        .filter(|o| selection.optional.contains(&o.query) && !offered(&o.query));
    LeavingPage {
        service: page(
            holder,
            hash,
            preview.service(),
            holder.name_of(&preview.org),
            true,
        ),
        leaving: preview.leaving.iter().map(|l| leaving(holder, l)).collect(),
        could_add: addable
            .map(|o| offer(holder, o, (o.copies_left > 0, true)))
            .collect(),
        missing: selection
            .missing
            .iter()
            .map(|m| missing(holder, m))
            .collect(),
        expiring: selection
            .expiring
            .iter()
            .map(|o| offer(holder, o, (false, false)))
            .collect(),
        unfit: selection.unfit.iter().map(|u| unfit(holder, u)).collect(),
        contested: selection
            .contested
            .iter()
            .map(|o| o.kept.to_text())
            .collect(),
        satisfied: selection.satisfied,
    }
}

fn leaving(holder: &Holder, leaving: &Leaving) -> OfferPage {
    let how = (leaving.single_use, leaving.optional);
    OfferPage {
        reply: leaving.reply.clone(),
        ..offer(holder, &leaving.offer, how)
    }
}

fn unfit(holder: &Holder, unfit: &Unfit) -> UnfitPage {
    UnfitPage {
        kept: unfit.kept.to_text(),
        title: holder.words().kind(&unfit.vct),
        issuer: holder.name_of(&unfit.issuer),
        reason: holder.unfit_text(unfit),
    }
}

fn offer(holder: &Holder, offer: &Offer, (single_use, optional): (bool, bool)) -> OfferPage {
    let words = holder.words();
    let values = offer.values.iter().flat_map(|(path, value)| {
        let names = path.split('.').filter(|n| !n.is_empty());
        let names: Vec<String> = names.map(str::to_owned).collect();
        flat(&words.claim(&offer.vct, &names, value))
    });
    OfferPage {
        query: offer.query.clone(),
        kept: offer.kept.to_text(),
        title: words.kind(&offer.vct),
        issuer: holder.name_of(&offer.issuer),
        values: values.collect(),
        special: offer.sensitivity == Sensitivity::Special,
        single_use,
        optional,
        expires: offer.expires.map(|d| d.to_string()),
        reply: None,
    }
}

/// Everything below a claim, each with its label.
pub(super) fn flat(line: &ClaimLine) -> Vec<[String; 2]> {
    match &line.value {
        Some(value) => vec![[line.label.clone(), value.clone()]],
        None => line.members.iter().flat_map(flat).collect(),
    }
}

fn missing(holder: &Holder, missing: &Missing) -> MissingPage {
    let words = holder.words();
    MissingPage {
        query: missing.query.clone(),
        titles: missing.vct_values.iter().map(|v| words.kind(v)).collect(),
        issuers: missing.issuers.iter().map(|o| holder.name_of(o)).collect(),
        required: missing.required,
        one_of: missing.one_of,
    }
}
