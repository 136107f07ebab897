//! The shipped catalogue loads, its valid examples fit and each invalid one fails where it says.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use denizen_model::catalogue::{Catalogue, LANGUAGES};
use serde_json::Value;
use std::{collections::BTreeMap, path::Path};

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalogue")
}

fn files() -> BTreeMap<String, Vec<u8>> {
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

#[test]
fn the_shipped_catalogue_loads_in_five_languages() {
    let catalogue = Catalogue::load(&files()).unwrap_or_else(|e| panic!("{e:#?}"));
    assert!(catalogue.kinds().count() >= 13);
    for language in LANGUAGES {
        let locale = catalogue.locale(language).unwrap();
        assert_eq!(locale.language(), language);
        for kind in catalogue.kinds() {
            assert!(
                locale.has(&format!("kind-{}", kind.name)),
                "{language} kind-{}",
                kind.name
            );
            for claim in &kind.claims {
                let path: Vec<_> = claim.path.iter().filter_map(Value::as_str).collect();
                let key = format!("claim-{}-{}", kind.name, path.join("-"));
                assert!(locale.has(&key), "{language} {key}");
            }
        }
    }
}

#[test]
fn valid_examples_fit_and_each_invalid_one_fails_where_it_says() {
    let catalogue = Catalogue::load(&files()).unwrap_or_else(|e| panic!("{e:#?}"));
    for kind in catalogue.kinds() {
        let folder = root().join("examples").join(&kind.name);
        let mut invalid = 0;
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|_| panic!("{folder:?}")) {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let example: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let claims = example.get("claims").unwrap_or(&example);
            let result = kind.check(claims);
            if name.starts_with("invalid") {
                invalid += 1;
                let pointer = example["pointer"].as_str().unwrap();
                let errors = result.expect_err(&name);
                let found = errors.iter().any(|e| {
                    let at = e.pointer.trim_end_matches('/');
                    at.starts_with(pointer.trim_end_matches('/')) || pointer.starts_with(at)
                });
                assert!(found, "{} {name}: {errors:?} not at {pointer}", kind.name);
            } else {
                assert_eq!(result, Ok(()), "{} {name}", kind.name);
            }
        }
        assert!(invalid >= 5, "{} has {invalid} invalid examples", kind.name);
    }
}

#[test]
fn a_bad_file_is_named_with_line_and_reason() {
    let mut files = files();
    files.insert("kinds/person.json".into(), b"{\n  \"vct\": 1\n".to_vec());
    let errors = Catalogue::load(&files).unwrap_err();
    assert!(
        errors
            .iter()
            .any(|e| e.file == "kinds/person.json" && e.reason.contains("line 2"))
    );
}
