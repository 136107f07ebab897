//! The shipped catalogue loads, its valid examples fit and each invalid one fails where and as it says.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use denizen_model::catalogue::{Catalogue, LANGUAGES};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::LazyLock,
};

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

static SHIPPED: LazyLock<Catalogue> =
    LazyLock::new(|| Catalogue::load(&files()).unwrap_or_else(|e| panic!("{e:#?}")));

fn parse(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// Every example of a folder, by its file name.
fn examples(folder: &str) -> BTreeMap<String, Value> {
    let folder = root().join("examples").join(folder);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|_| panic!("{folder:?}"));
    let paths = entries.map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let read = |path: std::path::PathBuf| (name(&path), parse(&std::fs::read(&path).unwrap()));
    paths.map(read).collect()
}

/// The rules that claims break: where and by which keyword.
fn broken(schema: &[u8], common: &[u8], claims: &Value) -> Vec<(String, String)> {
    let registry = jsonschema::Registry::new()
        .add("urn:denizen:schema:common", parse(common))
        .and_then(jsonschema::RegistryBuilder::prepare)
        .unwrap();
    let validator = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .should_validate_formats(true)
        .with_registry(&registry)
        .build(&parse(schema))
        .unwrap();
    let errors = validator.iter_errors(claims);
    let rule = |e: jsonschema::ValidationError<'_>| {
        let keyword = e.kind().keyword().to_owned();
        (e.instance_path().to_string(), keyword)
    };
    errors.map(rule).collect()
}

/// Every kind that the published list has, and those of the flow itself.
const KINDS: [&str; 35] = [
    "accreditation",
    "administrative-offence",
    "application-filed",
    "border-crossing",
    "check-receipt",
    "contact-address",
    "decision",
    "driving-licence",
    "email",
    "employment",
    "enrolment",
    "entry-restriction",
    "identifier",
    "language-certificate",
    "mandate",
    "medical-book",
    "medical-certificate",
    "medical-insurance",
    "person",
    "phone",
    "qualification",
    "real-estate",
    "registration",
    "residence-permit",
    "school-language-test",
    "stay-application",
    "tax-payment",
    "tax-registration",
    "tax-status",
    "travel-document",
    "vaccination",
    "vehicle",
    "vessel-licence",
    "visa",
    "work-permit",
];

const SERVICES: [&str; 10] = [
    "age-check",
    "bank-account",
    "clinic-registration",
    "driving-licence-exchange",
    "residence-permit-extension",
    "right-to-work-check",
    "school-enrolment",
    "tenancy-check",
    "university-admission",
    "work-permit",
];

#[test]
fn every_kind_and_service_is_there_in_five_languages() {
    let catalogue = &SHIPPED;
    let kinds: BTreeSet<_> = catalogue.kinds().map(|k| k.name.as_str()).collect();
    assert!(kinds.iter().eq(&KINDS), "{kinds:?}");
    let name = |service: &str| service.rsplit(':').next().unwrap().to_owned();
    let services = catalogue.services().map(|s| name(&s.service));
    let services: BTreeSet<_> = services.collect();
    assert!(services.iter().eq(&SERVICES), "{services:?}");
    for language in LANGUAGES {
        assert_eq!(catalogue.locale(language).unwrap().language(), language);
    }
}

#[test]
fn special_and_adverse_kinds_are_marked() {
    use denizen_model::{catalogue::Category, message::Sensitivity};
    for kind in SHIPPED.kinds() {
        let special = matches!(kind.traits.category, Category::Medical | Category::Offences)
            || kind.name == "entry-restriction";
        let marked = kind.traits.sensitivity == Sensitivity::Special;
        assert_eq!(marked, special, "{}", kind.name);
        let adverse = ["administrative-offence", "entry-restriction"].contains(&&*kind.name);
        assert_eq!(kind.traits.adverse, adverse, "{}", kind.name);
        assert!(!(adverse && kind.traits.showing), "{}", kind.name);
        let by_claim = kind.traits.adverse_when.is_some();
        assert_eq!(by_claim, kind.name == "tax-status", "{}", kind.name);
    }
    let tax = SHIPPED.kind("urn:denizen:kind:tax-status:1").unwrap();
    for (name, adverse) in [("valid.json", false), ("valid-debt.json", true)] {
        let example = &examples("tax-status")[name];
        assert_eq!(tax.is_adverse(example.as_object().unwrap()), adverse);
    }
}

#[test]
fn a_decision_has_the_category_of_its_service() {
    let decision = SHIPPED.kind("urn:denizen:kind:decision:1").unwrap();
    let mut claims = examples("decision")["valid.json"]
        .as_object()
        .unwrap()
        .clone();
    for service in SHIPPED.services() {
        claims.insert("service".into(), service.service.as_str().into());
        assert_eq!(SHIPPED.category(decision, &claims), service.category);
    }
    let categories: BTreeSet<_> = SHIPPED.services().map(|s| s.category.name()).collect();
    assert!(categories.len() >= 5, "{categories:?}");
    // A service that the catalogue does not have: the kind's own.
    claims.insert("service".into(), "urn:elsewhere:service:x".into());
    assert_eq!(
        SHIPPED.category(decision, &claims),
        decision.traits.category
    );
}

#[test]
fn valid_examples_fit_and_each_invalid_one_fails_where_and_as_it_says() {
    let (catalogue, files) = (&SHIPPED, files());
    let common = &files["schema/common.schema.json"];
    for kind in catalogue.kinds() {
        let schema = &files[&format!("kinds/{}.schema.json", kind.name)];
        let (mut valid, mut rules) = (0, BTreeSet::new());
        for (name, example) in examples(&kind.name) {
            if !name.starts_with("invalid") {
                valid += 1;
                assert_eq!(kind.check(&example), Ok(()), "{} {name}", kind.name);
                continue;
            }
            let claims = &example["claims"];
            assert!(kind.check(claims).is_err(), "{} {name}", kind.name);
            let text = |member: &str| example[member].as_str().unwrap().to_owned();
            let expected = (text("pointer"), text("because"));
            let errors = broken(schema, common, claims);
            assert!(
                errors.contains(&expected),
                "{} {name}: {errors:?}",
                kind.name
            );
            rules.insert(expected);
        }
        assert!(valid >= 1, "{} has no valid example", kind.name);
        assert!(rules.len() >= 5, "{}: {rules:?}", kind.name);
    }
}

#[test]
fn answers_that_fit_and_answers_that_do_not() {
    for service in SHIPPED.services() {
        let name = service.service.rsplit(':').next().unwrap();
        let (mut valid, mut invalid) = (0, 0);
        for (file, example) in examples(&format!("service-{name}")) {
            if file.starts_with("invalid") {
                invalid += 1;
                let errors = service.check_answers(&example["answers"]).unwrap_err();
                let pointer = example["pointer"].as_str().unwrap();
                let at = |e: &str| e == pointer || (e == "/" && pointer.is_empty());
                let found = errors.iter().any(|e| at(&e.pointer));
                assert!(found, "{name} {file}: {errors:?}");
            } else {
                valid += 1;
                assert_eq!(service.check_answers(&example), Ok(()), "{name} {file}");
            }
        }
        assert!(valid >= 1 && invalid >= 1, "{name}: {valid} {invalid}");
    }
}

/// A text in the wrong script was not translated, whatever it says.
#[test]
fn each_language_is_in_its_script() {
    let files = files();
    let excused = parse(&files["locales/same-as-english.json"]);
    let is_excused = |language: &str, key: &str| {
        let of = |l: &str| excused.get(l).and_then(Value::as_object);
        let mut keys = [language, "*"]
            .into_iter()
            .filter_map(of)
            .flat_map(|o| o.keys());
        keys.any(|k| {
            k == key
                || k.strip_suffix('*')
                    .is_some_and(|start| key.starts_with(start))
        })
    };
    let cyrillic = |c: char| ('\u{400}'..='\u{52f}').contains(&c);
    for language in LANGUAGES {
        let texts = parse(&files[&format!("locales/{language}.json")]);
        for (key, text) in texts.as_object().unwrap() {
            let text = text.to_string();
            let found = text.chars().any(cyrillic);
            let wanted = !["en", "uz"].contains(&language);
            assert!(
                found == wanted || is_excused(language, key),
                "{language} {key}: {text}"
            );
            if language == "uz" {
                let wrong = text.contains(['\'', '\u{2018}', '\u{2019}', '`']);
                assert!(!wrong, "uz {key}: write \u{2bb} and \u{2bc}: {text}");
            }
        }
    }
}

/// Letters that only one of the Cyrillic languages has, so that no file is a copy of another.
#[test]
fn no_language_is_a_copy_of_russian() {
    let files = files();
    let russian = parse(&files["locales/ru.json"]);
    for language in ["tg", "ky"] {
        let texts = parse(&files[&format!("locales/{language}.json")]);
        let same = |(key, text): &(&String, &Value)| russian[key.as_str()] == **text;
        let texts = texts.as_object().unwrap();
        let (same, all) = (texts.iter().filter(same).count(), texts.len());
        // Shared words: visa, tram, diploma.
        assert!(same * 20 < all, "{language}: {same} of {all}");
    }
}
