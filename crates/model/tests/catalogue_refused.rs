//! Every way to spoil a file of the catalogue is refused, and the file is named with the reason.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_model::catalogue::{Catalogue, CatalogueError};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path};

type Files = BTreeMap<String, Vec<u8>>;

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalogue")
}

fn files() -> Files {
    let mut files = BTreeMap::new();
    for folder in ["kinds", "services", "locales", "schema"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{folder}/{}", path.file_name().unwrap().to_str().unwrap());
            files.insert(name, std::fs::read(path).unwrap());
        }
    }
    files
}

fn parse(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// What is left of the catalogue where one file is spoilt, so that the tests stay quick.
const FEW: [&str; 8] = [
    "tax-status.",
    "visa.",
    "work-permit.",
    "travel-document.",
    "right-to-work-check.",
    "person.",
    "medical-certificate.",
    "age-check.",
];

fn few() -> Files {
    let mut files = files();
    files.retain(|file, _| match file.split_once('/') {
        Some(("kinds" | "services", name)) => FEW.iter().any(|few| name.starts_with(few)),
        _ => true,
    });
    files
}

/// Spoils one file and gives the errors.
fn spoilt(file: &str, spoil: impl FnOnce(&mut Value)) -> Vec<CatalogueError> {
    let mut files = few();
    let mut value = parse(&files[file]);
    spoil(&mut value);
    files.insert(file.into(), serde_json::to_vec_pretty(&value).unwrap());
    Catalogue::load(&files).unwrap_err()
}

#[track_caller]
fn names(errors: &[CatalogueError], file: &str, reason: &str) {
    let found = errors
        .iter()
        .any(|e| e.file == file && e.reason.contains(reason));
    assert!(found, "{file}: {reason}: not in {errors:#?}");
}

#[test]
fn a_file_that_is_no_json_is_named_with_its_line() {
    for (file, text, reason) in [
        ("kinds/person.json", "{\n  \"vct\": 1\n", "line 2"),
        ("kinds/visa.schema.json", "{\n\n  nothing", "line 3"),
        ("services/age-check.json", "{\n \"service\": 7}", "line 2"),
        (
            "services/age-check.json",
            "{\n \"sevrice\": \"x\"}",
            "unknown field `sevrice`",
        ),
        (
            "locales/ky.json",
            "{\n \"a\": \"x\",\n \"a\": \"y\"\n}",
            "the text a is there twice at line 3",
        ),
        ("locales/ky.json", "{\n \"a\":\n 5\n}", "line 3"),
        (
            "locales/ky.json",
            "{\n \"a\": {\"single\": \"x\"}\n}",
            "line 2",
        ),
        ("locales/same-as-english.json", "[\n]", "line 1"),
        ("schema/common.schema.json", "{\n\"$defs\":", "line 2"),
    ] {
        let mut files = few();
        files.insert(file.into(), text.into());
        names(&Catalogue::load(&files).unwrap_err(), file, reason);
    }
}

#[test]
fn a_missing_file_is_named() {
    for (file, named) in [
        ("kinds/visa.schema.json", "kinds/visa.schema.json"),
        ("schema/common.schema.json", "schema/common.schema.json"),
        ("locales/en.json", "locales/en.json"),
    ] {
        let mut files = few();
        files.remove(file);
        names(&Catalogue::load(&files).unwrap_err(), named, "is missing");
    }
}

#[test]
fn metadata_that_differs_from_its_schema_is_refused() {
    let file = "kinds/visa.json";
    let claims = |v: &mut Value| v["claims"].as_array_mut().unwrap().clone();
    let without = |v: &mut Value, name: &str| {
        let mut claims = claims(v);
        claims.retain(|c| c["path"] != json!([name]));
        v["claims"] = claims.into();
    };
    let errors = spoilt(file, |v| without(v, "entries"));
    names(&errors, file, "does not list the claim entries");
    let errors = spoilt(file, |v| without(v, "subject"));
    names(&errors, file, "has no mandatory subject");
    let errors = spoilt(file, |v| {
        let mut claims = claims(v);
        claims.push(json!({"path": ["colour"], "sd": "always"}));
        v["claims"] = claims.into();
    });
    names(
        &errors,
        file,
        "lists the claim colour, unknown to its schema",
    );
    let errors = spoilt(file, |v| v["claims"][9]["mandatory"] = json!(false));
    names(&errors, file, "is not what its schema requires");
    let errors = spoilt(file, |v| v["denizen"]["copies"] = json!(0));
    names(&errors, file, "copies come with kinds for showing");
    let errors = spoilt(file, |v| v["denizen"]["expires_claim"] = json!("entries"));
    names(&errors, file, "expires with entries, which is no date");
    let errors = spoilt(file, |v| v["vct"] = json!("urn:denizen:kind:vissa:1"));
    names(&errors, file, "is not named as its vct says");
    let errors = spoilt(file, |v| v["vct"] = json!("urn:denizen:kind:work-permit:1"));
    names(
        &errors,
        "kinds/work-permit.json",
        "has the vct of another file",
    );
    let errors = spoilt("kinds/visa.schema.json", |v| {
        v["additionalProperties"] = json!(true)
    });
    names(
        &errors,
        "kinds/visa.schema.json",
        "lets unknown claims into",
    );
    let errors = spoilt("kinds/visa.schema.json", |v| {
        let values = v["properties"]["entries"]["enum"].as_array_mut().unwrap();
        values.push(json!("triple"));
    });
    names(&errors, file, "needs the text value-visa-entries-triple");
}

#[test]
fn a_kind_whose_traits_do_not_fit_its_claims_is_refused() {
    let file = "kinds/tax-status.json";
    let when = |value: Value| spoilt(file, move |v| v["denizen"]["adverse_when"] = value);
    for (value, reason) in [
        (
            json!({"claim": "debt", "is": [true]}),
            "adverse by debt, which is no mandatory claim",
        ),
        (
            json!({"claim": "taxes", "is": ["land"]}),
            "adverse by taxes, which is no mandatory",
        ),
        (
            json!({"claim": "has_debt", "is": []}),
            "a value that has_debt cannot have",
        ),
        (
            json!({"claim": "has_debt", "is": ["yes"]}),
            "a value that has_debt cannot have",
        ),
        (
            json!({"claim": "as_of", "is": ["2026-01-01"]}),
            "a value that as_of cannot have",
        ),
        (json!({"claim": "has_debt"}), "missing field `is`"),
    ] {
        names(&when(value), file, reason);
    }
    let errors = spoilt(file, |v| v["denizen"]["adverse"] = json!(true));
    names(
        &errors,
        file,
        "is always adverse: adverse_when says nothing more",
    );
    let file = "kinds/visa.json";
    let errors = spoilt(file, |v| v["denizen"]["adverse"] = json!(true));
    names(&errors, file, "has no claim appeal for its notice");
    names(
        &errors,
        file,
        "has no claim legal_basis or article for its notice",
    );
    let errors = spoilt(file, |v| v["denizen"]["category_of"] = json!("purpose"));
    names(
        &errors,
        file,
        "has the category of purpose, which names no service",
    );
}

#[test]
fn a_schema_refers_to_nothing_that_is_not_looked_at() {
    let file = "kinds/visa.schema.json";
    for reference in ["#/$defs/own", "urn:denizen:schema:common#/$defs/nothing"] {
        let errors = spoilt(file, move |v| {
            v["$defs"]["own"] = json!({"type": "object"});
            v["properties"]["purpose"] = json!({ "$ref": reference });
        });
        let reason = format!("refers to {reference}, which is no part");
        let named = errors.iter().any(|e| e.reason.contains(&reason));
        // A part that the common schema does not have cannot be compiled either.
        let broken = errors.iter().any(|e| e.file == file);
        assert!(named || broken, "{reference}: {errors:#?}");
    }
}

/// How one file is spoilt, and what must be said of it.
type Case = (fn(&mut Value), &'static str);

#[track_caller]
fn refused(file: &str, cases: &[Case]) {
    for (spoil, reason) in cases {
        names(&spoilt(file, spoil), file, reason);
    }
}

fn query(service: &mut Value, member: &str, to: Value) {
    service["evidence"]["credentials"][0][member] = to;
}

fn rule(service: &mut Value, path: &str, op: &Value) {
    let mut rule = json!({"query": "permit", "path": [path]});
    let op = op.as_object().unwrap().clone();
    rule.as_object_mut().unwrap().extend(op);
    service["constraints"] = json!([rule]);
}

#[test]
fn a_service_that_asks_for_what_does_not_exist_is_refused() {
    refused(
        "services/right-to-work-check.json",
        &[
            (
                |v| {
                    query(
                        v,
                        "meta",
                        json!({"vct_values": ["urn:denizen:kind:permit:1"]}),
                    )
                },
                "a kind that the catalogue does not have",
            ),
            (|v| query(v, "meta", json!({})), "permit: asks for no kind"),
            (|v| query(v, "format", json!("mso_mdoc")), "another format"),
            (
                |v| query(v, "claims", json!([{"path": ["salary"]}])),
                "has no claim salary",
            ),
            (|v| query(v, "claims", json!([])), "names no claim"),
            (
                |v| query(v, "id", json!("other")),
                "other: says nowhere who may issue it",
            ),
            (|v| v["evidence"] = json!({}), "is no DCQL query"),
            (
                |v| v["evidence"]["credential_sets"] = json!([{"options": [["visa"]]}]),
                "visa: is in a set, but is not asked for",
            ),
            (
                |v| v["evidence"]["credential_sets"] = json!([]),
                "permit: is in no set",
            ),
        ],
    );
    let errors = spoilt("services/work-permit.json", |v| {
        v["evidence"]["credentials"][0]["claims"][3]["path"] = json!(["document_numbr"]);
    });
    let reason = "travel_document: urn:denizen:kind:travel-document:1 has no claim document_numbr";
    let found = errors.iter().find(|e| e.reason.contains(reason));
    let has_line = found.is_some_and(|e| e.reason.starts_with("line "));
    assert!(has_line, "{errors:#?}");
}

#[test]
fn a_service_that_rules_on_what_it_does_not_see_is_refused() {
    refused(
        "services/right-to-work-check.json",
        &[
            (
                |v| v["issuers"]["permit"] = json!(["anybody"]),
                "neither admitted nor an organisation",
            ),
            (
                |v| v["issuers"]["visa"] = json!(["admitted"]),
                "visa: has issuers, but is not asked for",
            ),
            (
                |v| v["subject_required"] = json!(["permit"]),
                "needs a subject that its evidence does not ask for",
            ),
            (
                |v| rule(v, "issued_on", &json!({"op": "not_expired_for", "days": 0})),
                "rules on issued_on, which is not asked for",
            ),
            (
                |v| rule(v, "may_work", &json!({"op": "at_least", "value": true})),
                "neither number nor text",
            ),
            (
                |v| {
                    let op = json!({"op": "at_least", "value": "a", "order": ["b"]});
                    rule(v, "valid_until", &op);
                },
                "lacks the least value",
            ),
        ],
    );
    let errors = spoilt("services/work-permit.json", |v| {
        v["constraints"] = json!([{"query": "medical", "path": ["outcome"], "op": "at_least",
            "value": "healthy", "order": ["fit", "healthy"]}]);
    });
    let reason = "urn:denizen:kind:medical-certificate:1 has no outcome healthy";
    names(&errors, "services/work-permit.json", reason);
}

#[test]
fn a_service_whose_form_and_texts_are_not_whole_is_refused() {
    refused(
        "services/right-to-work-check.json",
        &[
            (
                |v| v["grants"] = json!(["urn:denizen:kind:nothing:1"]),
                "grants the kind urn:denizen:kind:nothing:1",
            ),
            (
                |v| v["answers"] = json!({"type": "no such type"}),
                "answers is no valid JSON Schema",
            ),
            (
                |v| v["answers"]["additionalProperties"] = json!(true),
                "lets unknown answers in",
            ),
            (
                |v| v["answers"]["properties"]["pay"] = json!({"type": "string"}),
                "needs the text service-right-to-work-check-answer-pay",
            ),
            (
                |v| v["answers"]["properties"]["pay"] = json!({"enum": ["monthly"]}),
                "needs the text service-right-to-work-check-answer-pay-monthly",
            ),
            (
                |v| {
                    v["answers"]["properties"]["pay"] =
                        json!({"type": "array", "items": {"enum": ["monthly"]}});
                },
                "needs the text service-right-to-work-check-answer-pay-monthly",
            ),
            (
                |v| v["answers"]["properties"]["pay"] = json!({"enum": [1, 2]}),
                "pay: offers 1, which is no text to choose",
            ),
            (
                |v| v["title_key"] = json!("no-title"),
                "needs the text no-title",
            ),
            (
                |v| v["fee"] = json!({"currency": "roubles", "amount": 5}),
                "no ISO 4217 currency",
            ),
            (|v| v["deadline_days"] = json!(0), "no day to decide"),
            (
                |v| v["service"] = json!("urn:denizen:service:work"),
                "is not named as its service says",
            ),
            (
                |v| v["service"] = json!("urn:denizen:service:age-check"),
                "is a service that another file has already",
            ),
        ],
    );
}

#[test]
fn a_text_that_is_missing_foreign_or_half_a_plural_is_refused() {
    let file = "locales/ru.json";
    let set = |key: &'static str, text: Value| {
        spoilt(file, move |v| {
            v[key] = text;
        })
    };
    let errors = spoilt(file, |v| {
        v.as_object_mut().unwrap().remove("kind-visa");
    });
    names(&errors, file, "the text kind-visa is missing");
    names(
        &set("kind-visum", json!("Виза")),
        file,
        "the text kind-visum is not in English",
    );
    names(
        &set("kind-visa", json!("Visa")),
        file,
        "the text kind-visa is the same as in English",
    );
    names(
        &set("kind-visa", json!(" ")),
        file,
        "the text kind-visa is empty",
    );
    names(
        &set("kind-visa", json!("Виза {n}")),
        file,
        "kind-visa has other slots",
    );
    let one = json!({"one": "{count} запись", "other": "{count} записи"});
    names(
        &set("count-records", one),
        file,
        "exactly the plural forms of its language",
    );
    let flat = json!("{count} записей");
    names(
        &set("count-records", flat),
        file,
        "plural forms in one of this language and English only",
    );
    let tajik = json!({"one": "{count} сабт", "other": "{count} сабт"});
    let errors = spoilt("locales/tg.json", |v| v["count-records"] = tajik);
    names(
        &errors,
        "locales/tg.json",
        "exactly the plural forms of its language",
    );
    let file = "locales/same-as-english.json";
    let errors = spoilt(file, |v| v["uz"]["kind-visa"] = json!("why not"));
    names(
        &errors,
        file,
        "excuses kind-visa (uz), which needs no excuse",
    );
    // The line is that of the text.
    let errors = set("category-border", json!("Border and visas"));
    names(
        &errors,
        "locales/ru.json",
        "line 2: the text category-border",
    );
}
