//! What the services of a catalogue must agree on with its kinds and texts.

use super::{
    super::{
        Catalogue, CatalogueError, Constraint, ConstraintOp, Kind, Service, schema::Validator,
    },
    Report, names,
};
use crate::OrgId;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Checks every service: what it asks exists, what it rules on is asked, and each text exists.
pub(in crate::catalogue) fn services(
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
        let questions = answers.get("properties").and_then(Value::as_object);
        for (answer, schema) in questions.into_iter().flatten() {
            if let Some(value) = offered(schema).find(|v| !v.is_string()) {
                let reason = format!("{answer}: offers {value}, which is no text to choose");
                self.wrong(answer, reason);
            }
        }
    }

    fn texts(&mut self, asked: &BTreeMap<&str, Asked<'_>>) {
        let Some(english) = self.catalogue.locales.get("en") else {
            return;
        };
        let (service, name) = (self.service, self.name);
        let answers = service.answers.get("properties").and_then(Value::as_object);
        let answers = answers.into_iter().flatten();
        let answers = answers.flat_map(|(answer, schema)| {
            let key = format!("service-{name}-answer-{answer}");
            let choices = texts_offered(schema).map({
                let key = key.clone();
                move |value| (value, format!("{key}-{value}"))
            });
            [(answer.as_str(), key)].into_iter().chain(choices)
        });
        let evidence = asked.keys();
        let evidence = evidence.map(|id| (*id, format!("service-{name}-evidence-{id}")));
        let own = [&service.title_key, &service.purpose_key];
        let own = own.into_iter().chain(&service.legal_basis_key);
        let own = own.map(|k| (k.as_str(), k.clone()));
        let keys: Vec<_> = own.chain(evidence).chain(answers).collect();
        for (shown, key) in keys.iter().filter(|(_, key)| !english.has(key)) {
            let reason = format!("needs the text {key}, which no message file has");
            self.wrong(shown, reason);
        }
    }
}

/// The values that a question offers: one of them, or for a list several.
fn offered(schema: &Value) -> impl Iterator<Item = &Value> {
    let listed = schema
        .get("enum")
        .or_else(|| schema.get("items")?.get("enum"));
    listed.and_then(Value::as_array).into_iter().flatten()
}

fn texts_offered(schema: &Value) -> impl Iterator<Item = &str> {
    offered(schema).filter_map(Value::as_str)
}

/// Whether a kind has a claim, or one below it.
fn has(kind: &Kind, path: &[String]) -> bool {
    !path.is_empty() && kind.claims.iter().any(|c| names(&c.path) == path)
}
