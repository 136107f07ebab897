//! The committed vectors: each positive one gives what it states, each negative one is refused as
//! it states, and all are what the generator writes.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use denizen_oracles::say;
use denizen_oracles::{
    peer::root,
    vectors::{books, input_of, run},
};
use serde_json::Value;

fn committed() -> Vec<(String, Value)> {
    let folder = root().join("docs/spec/vectors");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|f| f.unwrap().path());
    let mut files: Vec<_> = files
        .filter(|f| f.extension().is_some_and(|e| e == "json"))
        .collect();
    files.sort();
    let read = |path: std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        (
            name,
            serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap(),
        )
    };
    files.into_iter().map(read).collect()
}

#[test]
fn committed_vectors_are_read_as_they_state() {
    let mut totals = (0, 0);
    for (name, book) in committed() {
        let positive = book["positive"].as_array().unwrap();
        for vector in positive {
            let got = run(vector["op"].as_str().unwrap(), &vector["in"]);
            assert_eq!(got, Ok(vector["out"].clone()), "{name}: {}", vector["name"]);
        }
        let negative = book["negative"].as_array().unwrap();
        for vector in negative {
            let got = run(vector["op"].as_str().unwrap(), &input_of(&book, vector));
            let want = vector["error"].as_str().unwrap();
            assert_eq!(got, Err(want.to_owned()), "{name}: {}", vector["because"]);
        }
        totals.0 += positive.len();
        totals.1 += negative.len();
        say!(
            "{name}: {} positive, {} negative",
            positive.len(),
            negative.len()
        );
    }
    say!(
        "all: {} positive read as stated, {} negative refused as stated",
        totals.0,
        totals.1
    );
    assert!(totals.0 >= 70 && totals.1 >= 200, "vectors are missing");
}

#[test]
fn committed_vectors_are_what_the_generator_writes() {
    let committed = committed();
    let made = books();
    let names: Vec<_> = committed.iter().map(|(name, _)| name.as_str()).collect();
    let mut wanted: Vec<_> = made.iter().map(|b| b.name()).collect();
    wanted.sort_unstable();
    assert_eq!(names, wanted, "a file has no generator, or the reverse");
    for book in made {
        let path = root()
            .join("docs/spec/vectors")
            .join(format!("{}.json", book.name()));
        let same = std::fs::read_to_string(path).unwrap() == book.encode();
        assert!(
            same,
            "{}: run `cargo run -p denizen-oracles --bin vectors`",
            book.name()
        );
    }
}

/// Features of a dependency are one for the whole build: an oracle must not change what the product
/// writes.
#[test]
fn no_dependency_changes_the_order_in_which_json_members_are_written() {
    let text = serde_json::json!({"b": 1, "a": 2}).to_string();
    assert_eq!(
        text, r#"{"a":2,"b":1}"#,
        "a dependency turned on `preserve_order` of serde_json"
    );
}
