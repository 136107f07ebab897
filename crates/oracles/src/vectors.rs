//! The vectors of `docs/spec/vectors/`: one file a page, positive and negative.
//!
//! Every vector names an operation, its input, and either what must come out or the error with
//! which it must be refused. [`books`] makes them from fixed seeds; [`run`] does what one says.
//! Byte values are base64url without padding, keys JWK, times Unix seconds, as on the wire.

mod attachments;
mod credential;
mod deposit;
mod directory;
mod envelope;
mod hub;
mod keys;
mod link;
mod log;
mod mandate;
mod message;
mod objects;
mod recovery;
pub mod world;

use denizen_jose::{PublicKey, base64url_decode, base64url_encode};
use serde_json::{Map, Value, json};
use std::fmt::Debug;

/// What an operation gives: its result, or the error's name.
pub type Outcome = Result<Value, String>;

/// The vectors of one page.
pub struct Book {
    name: &'static str,
    positive: Vec<Value>,
    negative: Vec<Value>,
}

impl Book {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            positive: Vec::new(),
            negative: Vec::new(),
        }
    }

    /// The file's name without its ending.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The file's bytes.
    #[must_use]
    pub fn encode(&self) -> String {
        let book = json!({
            "spec": format!("docs/spec/{}.md", self.name),
            "encoding": "bytes: base64url without padding; keys: JWK; times: Unix seconds",
            "negative_is": "the `in` of the positive vector named by `of` and `op`, with the members of `change` replaced",
            "positive": self.positive,
            "negative": self.negative,
        });
        serde_json::to_string_pretty(&book).unwrap() + "\n"
    }

    /// Adds a vector that must give `output`.
    fn good(&mut self, name: &str, op: &str, input: Value, output: Value) {
        match run(op, &input) {
            Ok(got) => assert_eq!(got, output, "{}: {name}", self.name),
            Err(error) => panic!("{}: {name} is refused: {error}", self.name),
        }
        self.positive
            .push(json!({"name": name, "op": op, "in": input, "out": output}));
    }

    /// Adds a vector that must be refused with `error`, and why. It is written as a change of the
    /// positive vector to which it is nearest.
    fn bad(&mut self, because: &str, op: &str, input: Value, error: &str) {
        assert_eq!(
            run(op, &input),
            Err(error.to_owned()),
            "{}: {because}",
            self.name
        );
        let same = self.positive.iter().filter(|good| good["op"] == op);
        let near = same.filter_map(|good| Some((&good["name"], change(&good["in"], &input)?)));
        let near = near.min_by_key(|(_, change)| change.to_string().len());
        let mut vector = json!({"because": because, "op": op, "error": error});
        match near {
            Some((of, change)) => vector = with(&vector, json!({"of": of, "change": change})),
            None => vector["in"] = input,
        }
        self.negative.push(vector);
    }
}

/// The members of `to` that are not those of `from`, if both have the same members.
fn change(from: &Value, to: &Value) -> Option<Value> {
    let (from, to) = (from.as_object()?, to.as_object()?);
    if !from.keys().eq(to.keys()) {
        return None;
    }
    let changed = to.iter().filter(|(name, value)| from[*name] != **value);
    Some(Value::Object(
        changed.map(|(n, v)| (n.clone(), v.clone())).collect(),
    ))
}

/// The whole input of a vector of a file: its own, or a positive one's with the change made.
#[must_use]
pub fn input_of(book: &Value, vector: &Value) -> Value {
    if vector["in"].is_object() {
        return vector["in"].clone();
    }
    let positive = book["positive"].as_array().unwrap();
    let of = positive
        .iter()
        .find(|good| good["op"] == vector["op"] && good["name"] == vector["of"]);
    with(
        &of.expect("a change is of a positive vector")["in"],
        vector["change"].clone(),
    )
}

/// All vectors, the same on every machine and at every run.
#[must_use]
pub fn books() -> Vec<Book> {
    let world = world::World::make();
    vec![
        keys::book(&world),
        objects::book(&world),
        directory::book(&world),
        link::book(&world),
        envelope::book(&world),
        message::book(&world),
        attachments::book(),
        deposit::book(&world),
        log::book(),
        credential::book(&world),
        mandate::book(&world),
        recovery::book(),
        hub::book(&world),
    ]
}

/// Does what a vector says with the product's own code.
///
/// # Errors
/// The error's name, or `NoSuchOperation`.
pub fn run(op: &str, input: &Value) -> Outcome {
    let (page, op) = op.split_once('.').unwrap_or((op, ""));
    let page = match page {
        "keys" => keys::run,
        "objects" => objects::run,
        "directory" => directory::run,
        "link" => link::run,
        "envelope" => envelope::run,
        "message" => message::run,
        "attachments" => attachments::run,
        "deposit" => deposit::run,
        "log" => log::run,
        "credential" => credential::run,
        "mandate" => mandate::run,
        "recovery" => recovery::run,
        "hub" => hub::run,
        _ => return no_such(),
    };
    page(op, input)
}

fn no_such() -> Outcome {
    Err("NoSuchOperation".into())
}

/// An error's name as the vectors state it.
fn named(error: impl Debug) -> String {
    format!("{error:?}")
}

fn b(bytes: impl AsRef<[u8]>) -> Value {
    base64url_encode(bytes).into()
}

fn bytes(input: &Value, name: &str) -> Vec<u8> {
    base64url_decode(text(input, name)).unwrap_or_else(|| panic!("{name} is no base64url"))
}

fn array<const N: usize>(input: &Value, name: &str) -> [u8; N] {
    bytes(input, name)
        .try_into()
        .unwrap_or_else(|_| panic!("{name} has another length"))
}

fn text<'a>(input: &'a Value, name: &str) -> &'a str {
    input[name]
        .as_str()
        .unwrap_or_else(|| panic!("{name} is no text"))
}

fn number(input: &Value, name: &str) -> u64 {
    input[name]
        .as_u64()
        .unwrap_or_else(|| panic!("{name} is no number"))
}

fn key(input: &Value, name: &str) -> PublicKey {
    serde_json::from_value(input[name].clone()).unwrap_or_else(|_| panic!("{name} is no key"))
}

/// A value of a product type that has a JSON form.
fn value<V: serde::de::DeserializeOwned>(input: &Value, name: &str) -> V {
    serde_json::from_value(input[name].clone()).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// `input` with some members replaced: a mutation.
fn with(input: &Value, members: Value) -> Value {
    let mut changed: Map<String, Value> = input.as_object().unwrap().clone();
    let Value::Object(members) = members else {
        panic!("members are an object")
    };
    changed.extend(members);
    Value::Object(changed)
}

/// `bytes` with one bit changed.
fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}
