//! Good inputs: out of the vectors of the specification, the catalogue and the files of the
//! demonstration.

use denizen_jose::base64url_decode;
use denizen_model::Sha256Hash;
use denizen_testkit::catalogue::repository;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where good inputs of a parser are.
#[derive(Debug, Clone, Copy)]
pub enum Samples {
    /// Members of the inputs of an operation in a book of vectors: book, operation, member. Bytes are
    /// base64url there.
    Bytes(&'static [(&'static str, &'static str, &'static str)]),
    /// The same, of text.
    Text(&'static [(&'static str, &'static str, &'static str)]),
    /// Files of the repository.
    Files(&'static [&'static str]),
    /// Written here.
    Here(&'static [&'static [u8]]),
    /// Made of others.
    Made(fn() -> Vec<Vec<u8>>),
}

impl Samples {
    /// The inputs: at most twelve, those of negative vectors too.
    ///
    /// # Panics
    /// If one is not there.
    #[must_use]
    pub fn load(&self) -> Vec<Vec<u8>> {
        let all = match self {
            Self::Bytes(places) => members(places, |text| {
                base64url_decode(text).unwrap_or_else(|| text.as_bytes().to_vec())
            }),
            Self::Text(places) => members(places, |text| text.as_bytes().to_vec()),
            Self::Files(files) => files.iter().map(|file| file_of(file)).collect(),
            Self::Here(samples) => samples.iter().map(|s| s.to_vec()).collect(),
            Self::Made(make) => make(),
        };
        all.into_iter().take(12).collect()
    }
}

/// Where the seeds of a target are kept: one input a line, base64url.
#[must_use]
pub fn kept_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("seeds")
        .join(format!("{name}.txt"))
}

/// The kept seeds of a target: what a campaign found, and what once broke a parser.
#[must_use]
pub fn kept_seeds(name: &str) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(kept_file(name)).unwrap_or_default();
    let seeds = text.lines().map(base64url_decode);
    seeds
        .collect::<Option<_>>()
        .unwrap_or_else(|| unreachable!("{name}: a kept seed is no base64url"))
}

/// The name of an input's file.
#[must_use]
pub fn name_of(input: &[u8]) -> String {
    Sha256Hash::of(input).to_text()
}

/// A file of the repository.
pub(crate) fn file_of(file: &str) -> Vec<u8> {
    let bytes = fs::read(repository().join(file));
    bytes.unwrap_or_else(|error| unreachable!("{file}: {error}"))
}

/// Members of vectors' inputs; of lists each element.
fn members(places: &[(&str, &str, &str)], decode: impl Fn(&str) -> Vec<u8>) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for (book, operation, member) in places {
        let book = file_of(&format!("docs/spec/vectors/{book}.json"));
        let book: Value = serde_json::from_slice(&book).unwrap_or_default();
        for part in ["positive", "negative"] {
            let vectors = book.get(part).and_then(Value::as_array);
            let of = |v: &&Value| v.get("op").is_some_and(|op| op == *operation);
            for vector in vectors.into_iter().flatten().filter(of) {
                match vector.get("in").and_then(|input| input.get(*member)) {
                    Some(Value::String(text)) => found.push(decode(text)),
                    Some(Value::Array(all)) => {
                        found.extend(all.iter().filter_map(Value::as_str).map(&decode));
                    }
                    Some(other) => found.push(other.to_string().into_bytes()),
                    None => {}
                }
            }
        }
    }
    found
}
