//! What the files of a catalogue must agree on: metadata with schema, services with kinds, and all of
//! them with the message files. Every rule is in `docs/spec/catalogue.md`.

use super::{
    Catalogue, CatalogueError, Constraint, ConstraintOp, Kind, Service, schema::Validator, wrong,
};
use crate::OrgId;
use serde_json::{Map, Value};
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

/// Checks every service: what it asks exists, what it rules on is asked, and each text exists.
pub(super) fn services(
    catalogue: &Catalogue,
    files: &BTreeMap<String, Vec<u8>>,
) -> Vec<CatalogueError> {
    let mut report = Report::new(files);
    for (file, bytes) in files {
        let name = file.strip_prefix("services/");
        let Some(name) = name.and_then(|f| f.strip_suffix(".json")) else {
            continue;
        };
        // A file that is no service was named when it was read.
        if let Ok(service) = serde_json::from_slice::<Service>(bytes) {
            let mut at = At {
                catalogue,
                service: &service,
                name,
                file,
                report: &mut report,
            };
            at.check();
        }
    }
    report.errors
}

/// One service and where it lies.
struct At<'a, 'r> {
    catalogue: &'a Catalogue,
    service: &'a Service,
    name: &'a str,
    file: &'a str,
    report: &'a mut Report<'r>,
}

/// What one credential query asks.
struct Asked<'a> {
    kinds: Vec<&'a Kind>,
    paths: Vec<Vec<String>>,
}

impl<'a> At<'a, '_> {
    fn wrong(&mut self, shown: &str, reason: String) {
        self.report.wrong(self.file, Some(shown), reason);
    }

    fn check(&mut self) {
        let service = self.service;
        let named = service.service.rsplit(':').next();
        if named != Some(self.name) {
            let reason = "is not named as its service says".into();
            self.wrong(&service.service, reason);
        }
        for vct in &service.grants {
            if self.catalogue.kind(vct).is_none() {
                let reason = format!("grants the kind {vct}, which the catalogue does not have");
                self.wrong(vct, reason);
            }
        }
        let currency = |c: &str| c.len() == 3 && c.bytes().all(|b| b.is_ascii_uppercase());
        if service
            .fee
            .as_ref()
            .is_some_and(|fee| !currency(&fee.currency))
        {
            self.wrong("currency", "has a fee in no ISO 4217 currency".into());
        }
        if service.deadline_days == 0 {
            self.wrong("deadline_days", "gives the office no day to decide".into());
        }
        let asked = self.evidence();
        self.sets(&asked);
        self.issuers(&asked);
        self.subjects(&asked);
        for constraint in &service.constraints {
            self.constraint(&asked, constraint);
        }
        self.answers();
        self.texts(&asked);
    }

    fn evidence(&mut self) -> BTreeMap<&'a str, Asked<'a>> {
        let mut asked = BTreeMap::new();
        let credentials = self.service.evidence.get("credentials");
        let Some(credentials) = credentials.and_then(Value::as_array) else {
            self.wrong("evidence", "its evidence is no DCQL query".into());
            return asked;
        };
        for query in credentials {
            let Some(id) = query.get("id").and_then(Value::as_str) else {
                self.wrong("credentials", "asks for evidence without an id".into());
                continue;
            };
            if query.get("format").and_then(Value::as_str) != Some("dc+sd-jwt") {
                self.wrong(id, format!("{id}: asks for another format than dc+sd-jwt"));
            }
            let one = self.query(id, query);
            if asked.insert(id, one).is_some() {
                self.wrong(id, format!("{id}: is asked for twice"));
            }
        }
        asked
    }

    fn query(&mut self, id: &str, query: &'a Value) -> Asked<'a> {
        let vcts = query.get("meta").and_then(|m| m.get("vct_values"));
        let vcts: Vec<_> = vcts
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        if vcts.is_empty() {
            self.wrong(id, format!("{id}: asks for no kind"));
        }
        let mut kinds = Vec::new();
        for vct in vcts {
            match self.catalogue.kind(vct) {
                Some(kind) => kinds.push(kind),
                None => {
                    let reason =
                        format!("{id}: asks for {vct}, a kind that the catalogue does not have");
                    self.wrong(vct, reason);
                }
            }
        }
        let claims = query.get("claims").and_then(Value::as_array);
        let mut paths = Vec::new();
        for claim in claims.into_iter().flatten() {
            let path = claim.get("path").and_then(Value::as_array);
            let path = names(path.map_or(&[][..], Vec::as_slice));
            if let Some(kind) = kinds.iter().find(|k| !has(k, &path)) {
                let reason = format!("{id}: {} has no claim {}", kind.vct, path.join("."));
                self.wrong(path.last().map_or(id, String::as_str), reason);
            }
            paths.push(path);
        }
        if paths.is_empty() {
            let reason = format!("{id}: names no claim, which would ask for all of them");
            self.wrong(id, reason);
        }
        Asked { kinds, paths }
    }

    fn sets(&mut self, asked: &BTreeMap<&str, Asked<'_>>) {
        let sets = self.service.evidence.get("credential_sets");
        let mut rest: BTreeSet<&str> = asked.keys().copied().collect();
        let Some(sets) = sets.and_then(Value::as_array) else {
            return;
        };
        let options = sets.iter().filter_map(|s| s.get("options")?.as_array());
        for id in options.flatten().filter_map(Value::as_array).flatten() {
            let id = id.as_str().unwrap_or_default();
            if asked.contains_key(id) {
                rest.remove(id);
            } else {
                let reason = format!("{id}: is in a set, but is not asked for");
                self.wrong(id, reason);
            }
        }
        for id in rest {
            self.wrong(id, format!("{id}: is in no set, so nobody would show it"));
        }
    }

    fn issuers(&mut self, asked: &BTreeMap<&str, Asked<'_>>) {
        for id in asked.keys() {
            if self.service.issuers.get(*id).is_none_or(Vec::is_empty) {
                self.wrong(id, format!("{id}: says nowhere who may issue it"));
            }
        }
        for (id, issuers) in &self.service.issuers {
            if !asked.contains_key(id.as_str()) {
                self.wrong(id, format!("{id}: has issuers, but is not asked for"));
            }
            let bad = |i: &&String| *i != "admitted" && OrgId::parse(i).is_err();
            if let Some(issuer) = issuers.iter().find(bad) {
                let reason = format!("{id}: an issuer is neither admitted nor an organisation");
                self.wrong(issuer, reason);
            }
        }
    }

    fn subjects(&mut self, asked: &BTreeMap<&str, Asked<'_>>) {
        for id in &self.service.subject_required {
            let of = asked.get(id.as_str());
            let starts = |p: &Vec<String>| p.first().is_some_and(|n| n == "subject");
            if of.is_none_or(|a| !a.paths.iter().any(starts)) {
                let reason = format!("{id}: needs a subject that its evidence does not ask for");
                self.wrong(id, reason);
            }
        }
    }

    fn constraint(&mut self, asked: &BTreeMap<&str, Asked<'_>>, constraint: &Constraint) {
        let Constraint { query, path, op } = constraint;
        let text = path.join(".");
        let of = asked.get(query.as_str());
        let Some(of) = of.filter(|a| a.paths.contains(path)) else {
            let reason = format!("{query}: rules on {text}, which is not asked for");
            self.wrong(query, reason);
            return;
        };
        let ConstraintOp::AtLeast { value, order } = op else {
            return;
        };
        let Some(least) = value.as_str() else {
            if !value.is_number() {
                let reason = format!("{query}: the least {text} is neither number nor text");
                self.wrong(query, reason);
            }
            return;
        };
        if !order.iter().any(|v| v == least) {
            let reason = format!("{query}: the order of {text} lacks the least value");
            self.wrong(query, reason);
        }
        for kind in &of.kinds {
            let key = |v: &String| format!("value-{}-{}-{v}", kind.name, path.join("-"));
            let english = self.catalogue.locales.get("en");
            let unknown = |v: &&String| english.is_some_and(|e| !e.has(&key(v)));
            if let Some(value) = order.iter().find(unknown) {
                let reason = format!("{query}: {} has no {text} {value}", kind.vct);
                self.wrong(value, reason);
            }
        }
    }

    fn answers(&mut self) {
        let answers = &self.service.answers;
        if Validator::new(answers, None).is_err() {
            self.wrong("answers", "answers is no valid JSON Schema".into());
        }
        if answers.get("additionalProperties") != Some(&Value::Bool(false)) {
            self.wrong("answers", "answers lets unknown answers in".into());
        }
    }

    fn texts(&mut self, asked: &BTreeMap<&str, Asked<'_>>) {
        let Some(english) = self.catalogue.locales.get("en") else {
            return;
        };
        let (service, name) = (self.service, self.name);
        let answers = service.answers.get("properties").and_then(Value::as_object);
        let answers = answers.into_iter().flat_map(Map::keys);
        let answers = answers.map(|a| (a.as_str(), format!("service-{name}-answer-{a}")));
        let evidence = asked.keys();
        let evidence = evidence.map(|id| (*id, format!("service-{name}-evidence-{id}")));
        let own = [&service.title_key, &service.purpose_key].map(|k| (k.as_str(), k.clone()));
        let keys: Vec<_> = own.into_iter().chain(evidence).chain(answers).collect();
        for (shown, key) in keys.iter().filter(|(_, key)| !english.has(key)) {
            let reason = format!("needs the text {key}, which no message file has");
            self.wrong(shown, reason);
        }
    }
}

/// Whether a kind has a claim, or one below it.
fn has(kind: &Kind, path: &[String]) -> bool {
    !path.is_empty() && kind.claims.iter().any(|c| names(&c.path) == path)
}
