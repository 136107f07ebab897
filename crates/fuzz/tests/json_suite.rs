//! The JSON test suite (`json-test-suite/README.md`): what is no JSON is refused, and nothing of it
//! harms a parser of ours.
#![allow(clippy::unwrap_used)]

use denizen_fuzz::TARGETS;
use denizen_jose::base64url_decode;
use serde_json::Value;

const SUITE: &str = include_str!("json-test-suite/parsing.txt");

fn cases() -> Vec<(String, Vec<u8>)> {
    let case = |line: &str| {
        let (name, bytes) = line.split_once(' ').unwrap();
        (name.to_owned(), base64url_decode(bytes).unwrap())
    };
    let mut cases: Vec<_> = SUITE.lines().map(case).collect();
    let many = |name: &str, part: &str, times| (name.to_owned(), part.repeat(times).into_bytes());
    cases.push(many("n_structure_100000_opening_arrays", "[", 100_000));
    cases.push(many("n_structure_open_array_object", "[{\"\":", 50_000));
    cases
}

#[test]
fn what_is_no_json_is_refused_and_what_is_json_is_read() {
    let cases = cases();
    assert_eq!(cases.len(), 318);
    for (name, bytes) in &cases {
        let read = serde_json::from_slice::<Value>(bytes);
        match name.as_bytes().first() {
            Some(b'y') => assert!(read.is_ok(), "{name} is refused"),
            Some(b'n') => assert!(read.is_err(), "{name} is read"),
            _ => {}
        }
    }
}

#[test]
fn no_parser_of_ours_panics_over_it() {
    for (name, bytes) in cases() {
        for target in TARGETS {
            // Its name is in the message of a panic that comes from the parser.
            let run = std::panic::catch_unwind(|| target.run(&bytes));
            assert!(run.is_ok(), "{} over {name}", target.name);
        }
    }
}
