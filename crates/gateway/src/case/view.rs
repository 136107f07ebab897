//! A case as the desk shows it.

use super::CaseSummary;
use crate::{
    Trust,
    verifier::{
        acting::Acting,
        verify::{Evidence, EvidenceItem},
    },
};
use denizen_model::UnixTime;
use serde_json::{Map, Value};

/// The kind whose newer record names the number before.
const TRAVEL_DOCUMENT_VCT: &str = "urn:denizen:kind:travel-document:1";

/// Whether papers say the same of their subject. A person decides what follows: no program matches
/// people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// All papers that show it show the same.
    Agree,
    /// Two papers show different values.
    Differ,
    /// They show different document numbers, and a document that is shown names the earlier ones: its
    /// issuer recorded that it was renewed.
    Renewed,
    /// No paper, or only one, shows it.
    NotShown,
}

/// One part of the subject, side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct SubjectRow {
    /// `names`, `birth_date` or `document_number`.
    pub part: String,
    /// What each paper shows of it: query id and value.
    pub shown: Vec<(String, Value)>,
    /// Whether they say the same.
    pub agreement: Agreement,
}

/// A case as the desk shows it.
#[derive(Debug, Clone)]
pub struct CaseView {
    /// The queue's line.
    pub summary: CaseSummary,
    /// The answers.
    pub answers: Value,
    /// The papers, as verified.
    pub evidence: Vec<EvidenceItem>,
    /// Names of the papers' issuers, in the papers' order.
    pub issuers: Vec<String>,
    /// The subjects side by side, of the papers that count.
    pub subjects: Vec<SubjectRow>,
    /// Who acts for the applicant, if somebody does: proved by the key of the mandate.
    pub acting: Option<Acting>,
    /// When earlier versions of the application came.
    pub earlier: Vec<UnixTime>,
}

/// Evidence as the desk shows it, with names of issuers out of the directory.
pub(super) fn view(
    summary: CaseSummary,
    evidence: &Evidence,
    earlier: Vec<UnixTime>,
    trust: &Trust,
) -> CaseView {
    let name = |item: &EvidenceItem| trust.name(item.issuer(), "en");
    CaseView {
        summary,
        answers: evidence.answers().clone(),
        issuers: evidence.items().iter().map(name).collect(),
        subjects: side_by_side(evidence.items()),
        evidence: evidence.items().to_vec(),
        acting: evidence.acting().cloned(),
        earlier,
    }
}

/// Every claim that a paper shows, as `query: path`.
pub(super) fn shown_claims(evidence: &Evidence) -> Vec<String> {
    let mut out = Vec::new();
    for item in evidence.items() {
        paths(item.claims(), "", &mut |path| {
            out.push(format!("{}: {path}", item.query()))
        });
    }
    out
}

fn paths(claims: &Map<String, Value>, above: &str, out: &mut dyn FnMut(&str)) {
    for (name, value) in claims {
        let path = if above.is_empty() {
            name.clone()
        } else {
            format!("{above}.{name}")
        };
        match value {
            Value::Object(inner) if above.is_empty() && name == "subject" => {
                paths(inner, &path, out);
            }
            _ => out(&path),
        }
    }
}

fn side_by_side(items: &[EvidenceItem]) -> Vec<SubjectRow> {
    let row = |part: &str| {
        let shown: Vec<_> = items
            .iter()
            .filter(|i| !i.is_superseded())
            .filter_map(|i| {
                let value = i.claims().get("subject")?.get(part)?;
                Some((i.query().to_owned(), value.clone()))
            })
            .collect();
        let renewed = part == "document_number" && is_one_chain(items, &shown);
        SubjectRow {
            part: part.to_owned(),
            agreement: match agreement(&shown) {
                Agreement::Differ if renewed => Agreement::Renewed,
                other => other,
            },
            shown,
        }
    };
    ["names", "birth_date", "document_number"].map(row).into()
}

/// Whether all these numbers are of one document and those that it took the place of, as documents
/// that are shown say. Only what an authority issued and nobody contests says so.
fn is_one_chain(items: &[EvidenceItem], shown: &[(String, Value)]) -> bool {
    let counts = |i: &&EvidenceItem| !i.is_superseded() && !i.is_contested() && !i.is_claim();
    let pairs: Vec<_> = items
        .iter()
        .filter(|i| i.vct() == TRAVEL_DOCUMENT_VCT)
        .filter(counts)
        .filter_map(|i| {
            let number = |name: &str| i.claims().get(name).and_then(Value::as_str);
            Some((
                number("previous_document_number")?,
                number("document_number")?,
            ))
        })
        .collect();
    let mut chain: Vec<&str> = Vec::new();
    let mut wanted: Vec<&str> = shown.iter().filter_map(|(_, v)| v.as_str()).collect();
    chain.extend(wanted.pop());
    // Each document names one before it: the chain grows from any of its numbers both ways.
    for _ in 0..=pairs.len() {
        for (old, new) in &pairs {
            if chain.contains(old) != chain.contains(new) {
                chain.extend([*old, *new]);
            }
        }
    }
    !pairs.is_empty() && wanted.iter().all(|number| chain.contains(number))
}

fn agreement(shown: &[(String, Value)]) -> Agreement {
    match shown {
        [] | [_] => Agreement::NotShown,
        [(_, first), rest @ ..] if rest.iter().all(|(_, value)| value == first) => Agreement::Agree,
        _ => Agreement::Differ,
    }
}
