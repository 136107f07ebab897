//! Passport: a newer travel document takes the place of an older one, and what was issued under the
//! older one stays linked with it (D21).

use crate::{Holder, RecordView};
use denizen_model::{Sha256Hash, UnixTime};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};

/// The kind of travel documents.
const TRAVEL_DOCUMENT: &str = "travel-document";

/// A document that was replaced, and the one that counts now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewal {
    /// The earlier number.
    pub old: String,
    /// The number that counts now.
    pub new: String,
    /// The record of the document that counts now.
    pub record: Sha256Hash,
}

/// The renewals of all her travel documents, by the number that was replaced.
#[derive(Debug, Clone, Default)]
pub struct Renewals(BTreeMap<String, Renewal>);

impl Renewals {
    /// The renewal of the document under which a record was issued: which number the record names,
    /// and which one counts now.
    #[must_use]
    pub fn of(&self, view: &RecordView) -> Option<&Renewal> {
        let own = view.vct.split(':').nth(3) == Some(TRAVEL_DOCUMENT);
        numbers(&view.claims, own).find_map(|number| self.0.get(number))
    }

    /// The renewal of one number.
    #[must_use]
    pub fn of_number(&self, number: &str) -> Option<&Renewal> {
        self.0.get(number)
    }
}

impl Holder {
    /// Which of her travel documents were replaced, and by which. A renewal is what an issuer said: by
    /// the message that brought the newer record (`supersedes`), or by the number that the newer one
    /// records as its previous one. Nothing is guessed from names or dates.
    #[must_use]
    pub fn renewals(&self, now: UnixTime) -> Renewals {
        let is_document =
            |r: &&Arc<crate::HeldRecord>| r.vct.split(':').nth(3) == Some(TRAVEL_DOCUMENT);
        let held = self.profile.records.iter().filter(is_document);
        let documents: Vec<_> = held.filter_map(|r| self.view(r, now)).collect();
        let mut next: BTreeMap<String, (String, Sha256Hash)> = BTreeMap::new();
        for newer in documents.iter().filter(|d| !d.returned) {
            let Some(number) = number_of(newer) else {
                continue;
            };
            let told = documents
                .iter()
                .filter(|old| newer.held.supersedes.contains(&old.kept))
                .filter_map(number_of);
            let recorded = text(&newer.claims, "previous_document_number");
            for old in told.chain(recorded).filter(|old| *old != number) {
                next.insert(old.to_owned(), (number.to_owned(), newer.kept));
            }
        }
        let chain = |old: &String| {
            let (mut new, mut record) = next.get(old)?.clone();
            // A chain is no longer than there are documents, even if somebody wrote a circle.
            for _ in 0..next.len() {
                match next.get(&new) {
                    Some((number, kept)) if number != old => {
                        (new, record) = (number.clone(), *kept);
                    }
                    _ => break,
                }
            }
            let old = old.clone();
            Some((old.clone(), Renewal { old, new, record }))
        };
        Renewals(next.keys().filter_map(chain).collect())
    }
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

fn number_of(document: &RecordView) -> Option<&str> {
    text(&document.claims, "document_number")
}

/// The numbers of travel documents that a record names: its subject's, that of a crossing, and a
/// document's own.
fn numbers(claims: &Map<String, Value>, own: bool) -> impl Iterator<Item = &str> {
    let below = |name: &str, member: &str| claims.get(name)?.get(member)?.as_str();
    let own = own.then(|| text(claims, "document_number")).flatten();
    [
        below("document", "number"),
        below("subject", "document_number"),
        own,
    ]
    .into_iter()
    .flatten()
}
