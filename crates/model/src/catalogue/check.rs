//! What the files of a catalogue must agree on: metadata with schema, services with kinds, and all of
//! them with the message files. Every rule is in `docs/spec/catalogue.md`.

mod services;

pub(super) use services::services;

use super::{Catalogue, CatalogueError, Kind, wrong};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What the schemas' common parts are referred to by.
const COMMON: &str = "urn:denizen:schema:common";
const DEFS: &str = "#/$defs/";

/// Errors, each with the line where its file shows the name that is wrong.
pub(super) struct Report<'a> {
    files: &'a BTreeMap<String, Vec<u8>>,
    pub(super) errors: Vec<CatalogueError>,
}

impl<'a> Report<'a> {
    pub(super) fn new(files: &'a BTreeMap<String, Vec<u8>>) -> Self {
        Self {
            files,
            errors: Vec::new(),
        }
    }

    /// `shown` is a string of the file; its first line is named.
    pub(super) fn wrong(&mut self, file: &str, shown: Option<&str>, reason: String) {
        let line = shown.and_then(|shown| line_of(self.files.get(file)?, shown));
        let reason = match line {
            Some(line) => format!("line {line}: {reason}"),
            None => reason,
        };
        self.errors.push(wrong(file, reason));
    }
}

fn line_of(bytes: &[u8], shown: &str) -> Option<usize> {
    let text = std::str::from_utf8(bytes).ok()?;
    let before = text.split_once(&format!("\"{shown}\""))?.0;
    Some(before.matches('\n').count() + 1)
}

/// Checks every kind: metadata and schema say the same, and each label exists.
pub(super) fn kinds(
    catalogue: &Catalogue,
    files: &BTreeMap<String, Vec<u8>>,
) -> Vec<CatalogueError> {
    let mut report = Report::new(files);
    let parse = |file: &str| -> Option<Value> { serde_json::from_slice(files.get(file)?).ok() };
    let common = parse(super::COMMON_SCHEMA).unwrap_or_default();
    for kind in catalogue.kinds() {
        let file = format!("kinds/{}.json", kind.name);
        let schema = format!("kinds/{}.schema.json", kind.name);
        let mut shape = Shape::new(&common);
        if let Some(root) = parse(&schema) {
            shape.walk(&root, &mut Vec::new());
            check_schema(kind, &root, &shape, (&file, &schema), &mut report);
            check_adverse(kind, &root, &file, &mut report);
        }
        check_traits(kind, &shape, &file, &mut report);
        check_labels(catalogue, kind, &shape, &file, &mut report);
    }
    report.errors
}

/// What a schema says: every claim with its values, if they are listed.
struct Shape<'a> {
    common: &'a Value,
    /// Path -> values of an enumeration that have labels.
    claims: BTreeMap<Vec<String>, Vec<String>>,
    /// Objects that let unknown claims in.
    open: Vec<Vec<String>>,
    dates: BTreeSet<Vec<String>>,
    /// Claims that name a service.
    services: BTreeSet<Vec<String>>,
    /// References to anything but a common part: what they lead to would not be looked at.
    foreign: Vec<String>,
}

impl<'a> Shape<'a> {
    fn new(common: &'a Value) -> Self {
        Self {
            common,
            claims: BTreeMap::new(),
            open: Vec::new(),
            dates: BTreeSet::new(),
            services: BTreeSet::new(),
            foreign: Vec::new(),
        }
    }

    fn walk(&mut self, schema: &Value, path: &mut Vec<String>) {
        let common = self.common;
        let reference = schema.get("$ref").and_then(Value::as_str);
        // The common parts refer to one another without the name of their file.
        let part = |r: &'_ str| {
            Some(
                r.strip_prefix(COMMON)
                    .unwrap_or(r)
                    .strip_prefix(DEFS)?
                    .to_owned(),
            )
        };
        if let Some(reference) = reference {
            let name = part(reference).unwrap_or_default();
            let name = name.as_str();
            if matches!(name, "date" | "partial_date") {
                self.dates.insert(path.clone());
            }
            if name == "service" {
                self.services.insert(path.clone());
            }
            // Countries have labels of their own, for the common codes only.
            match common.get("$defs").and_then(|d| d.get(name)) {
                Some(part) if name != "country" => self.walk(part, path),
                Some(_) => {}
                None => self.foreign.push(reference.to_owned()),
            }
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            let values = values.iter().filter_map(Value::as_str).map(str::to_owned);
            self.claims.entry(path.clone()).or_default().extend(values);
        }
        if let Some(items) = schema.get("items") {
            self.walk(items, path);
        }
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            return;
        };
        if schema.get("additionalProperties") != Some(&Value::Bool(false)) {
            self.open.push(path.clone());
        }
        for (name, below) in properties {
            path.push(name.clone());
            self.claims.entry(path.clone()).or_default();
            self.walk(below, path);
            path.pop();
        }
    }
}

/// A claim's path of names; places in an array have none.
pub(super) fn names(path: &[Value]) -> Vec<String> {
    let names = path.iter().filter_map(Value::as_str);
    names.map(str::to_owned).collect()
}

fn check_schema(
    kind: &Kind,
    root: &Value,
    shape: &Shape<'_>,
    (file, schema): (&str, &str),
    report: &mut Report<'_>,
) {
    let listed: BTreeMap<_, _> = kind.claims.iter().map(|c| (names(&c.path), c)).collect();
    for path in shape.claims.keys().filter(|p| !listed.contains_key(*p)) {
        let reason = format!("does not list the claim {} of its schema", path.join("."));
        report.wrong(file, None, reason);
    }
    let required = root.get("required").and_then(Value::as_array);
    let required: BTreeSet<_> = required
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for (path, claim) in &listed {
        let shown = path.last().map(String::as_str);
        if !shape.claims.contains_key(path) {
            let reason = format!("lists the claim {}, unknown to its schema", path.join("."));
            report.wrong(file, shown, reason);
        }
        let [name] = path.as_slice() else { continue };
        if claim.mandatory != required.contains(name.as_str()) {
            let reason = format!("mandatory of {name} is not what its schema requires");
            report.wrong(file, shown, reason);
        }
    }
    for reference in &shape.foreign {
        let reason = format!("refers to {reference}, which is no part of the common schema");
        report.wrong(schema, Some(reference), reason);
    }
    for path in &shape.open {
        let reason = format!("lets unknown claims into /{}", path.join("/"));
        report.wrong(schema, path.last().map(String::as_str), reason);
    }
}

fn check_traits(kind: &Kind, shape: &Shape<'_>, file: &str, report: &mut Report<'_>) {
    if !is_named(&kind.vct, &kind.name) {
        report.wrong(file, Some(&kind.vct), "is not named as its vct says".into());
    }
    let traits = &kind.traits;
    if traits.showing != (traits.copies > 0) {
        let reason = "copies come with kinds for showing, and only with them";
        report.wrong(file, Some("copies"), reason.into());
    }
    let expires = traits.expires_claim.as_ref();
    if let Some(claim) = expires.filter(|c| !shape.dates.contains(&vec![(*c).clone()])) {
        let reason = format!("expires with {claim}, which is no date of its schema");
        report.wrong(file, Some("expires_claim"), reason);
    }
    let named = traits.category_of.as_ref();
    if let Some(claim) = named.filter(|c| !shape.services.contains(&vec![(*c).clone()])) {
        let reason = format!("has the category of {claim}, which names no service");
        report.wrong(file, Some("category_of"), reason);
    }
    let subject = kind.claims.iter().find(|c| names(&c.path) == ["subject"]);
    if subject.is_none_or(|c| !c.mandatory) {
        let reason = "has no mandatory subject: nobody could see whose it is";
        report.wrong(file, None, reason.into());
    }
}

/// `urn:<owner>:...:<name>:<major>`, in small Latin letters, digits and `-`.
fn is_named(vct: &str, name: &str) -> bool {
    let parts: Vec<&str> = vct.split(':').collect();
    let word = |part: &str| {
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !part.is_empty() && !part.starts_with('-') && part.bytes().all(letter)
    };
    let [urn, owner @ .., named, major] = parts.as_slice() else {
        return false;
    };
    let counts = major
        .parse::<u32>()
        .is_ok_and(|m| m > 0 && m.to_string() == *major);
    *urn == "urn" && !owner.is_empty() && parts.iter().all(|p| word(p)) && *named == name && counts
}

/// What can be adverse says by which claim, and holds all that its notice says (D10).
fn check_adverse(kind: &Kind, root: &Value, file: &str, report: &mut Report<'_>) {
    let traits = &kind.traits;
    if let Some(when) = &traits.adverse_when {
        let claim = &when.claim;
        let mandatory =
            |c: &&super::ClaimMetadata| names(&c.path) == [claim.as_str()] && c.mandatory;
        let mut wrong = |reason: String| report.wrong(file, Some("adverse_when"), reason);
        if traits.adverse {
            wrong("is always adverse: adverse_when says nothing more".into());
        }
        if !kind.claims.iter().any(|c| mandatory(&c)) {
            wrong(format!(
                "is adverse by {claim}, which is no mandatory claim"
            ));
        }
        let listed = root.get("properties").and_then(|p| p.get(claim));
        let can_be = |value: &Value| match listed.and_then(|l| l.get("enum")?.as_array()) {
            Some(values) => values.contains(value),
            None => {
                value.is_boolean()
                    && listed.is_some_and(|l| l.get("type") == Some(&"boolean".into()))
            }
        };
        if when.is.is_empty() || !when.is.iter().all(can_be) {
            wrong(format!("is adverse by a value that {claim} cannot have"));
        }
    } else if !traits.adverse {
        return;
    }
    for said in [&["authority"][..], &["legal_basis", "article"], &["appeal"]] {
        if !kind
            .claims
            .iter()
            .any(|c| matches!(&*names(&c.path), [one] if said.contains(&&**one)))
        {
            let reason = format!(
                "can be adverse, but has no claim {} for its notice",
                said.join(" or ")
            );
            report.wrong(file, Some("denizen"), reason);
        }
    }
}

fn check_labels(
    catalogue: &Catalogue,
    kind: &Kind,
    shape: &Shape<'_>,
    file: &str,
    report: &mut Report<'_>,
) {
    let Some(english) = catalogue.locales.get("en") else {
        return;
    };
    let category = format!("category-{}", kind.traits.category.name());
    let keys = [vec![category], keys_of(kind, shape)].concat();
    for key in keys.iter().filter(|key| !english.has(key)) {
        let reason = format!("needs the text {key}, which no message file has");
        report.wrong(file, None, reason);
    }
}

/// The labels of a kind, of its claims and of their values.
fn keys_of(kind: &Kind, shape: &Shape<'_>) -> Vec<String> {
    let name = &kind.name;
    let mut keys = vec![format!("kind-{name}")];
    for (path, values) in &shape.claims {
        let claim = format!("{name}-{}", path.join("-"));
        keys.extend(values.iter().map(|value| format!("value-{claim}-{value}")));
        keys.push(format!("claim-{claim}"));
    }
    keys
}

/// The labels of a kind by its schema.
pub(super) fn label_keys(kind: &Kind, root: &Value, common: &Value) -> Vec<String> {
    let mut shape = Shape::new(common);
    shape.walk(root, &mut Vec::new());
    keys_of(kind, &shape)
}
