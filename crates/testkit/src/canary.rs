//! The canary: marked values of fixture persons, and a scan for them in everything that a hub or a
//! network could keep. A find says what and where, never the value.

use base64::{
    Engine as _,
    alphabet::{STANDARD, URL_SAFE},
    engine::{GeneralPurpose, general_purpose::NO_PAD},
};
use std::{collections::HashMap, fmt};

/// Shortest value that can be a mark: a shorter one would be found by chance.
pub const MARK_SIZE_BYTES_MIN: usize = 5;

/// Values that must be found nowhere, each under a label that may be printed.
#[derive(Clone, Default)]
pub struct Marks {
    values: Vec<(String, Vec<u8>)>,
}

/// A mark that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The mark's label.
    pub mark: String,
    /// The form that it was found in.
    pub form: &'static str,
    /// Where.
    pub place: String,
    /// Byte offset there.
    pub offset: usize,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            mark,
            form,
            place,
            offset,
        } = self;
        write!(f, "{mark} ({form}) in {place} at byte {offset}")
    }
}

impl fmt::Debug for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Marks({})", self.values.len())
    }
}

impl Marks {
    /// Marks a value. A value that is too short is refused: its finds would mean nothing.
    pub fn add(&mut self, label: &str, value: impl AsRef<[u8]>) {
        let value = value.as_ref();
        assert!(
            value.len() >= MARK_SIZE_BYTES_MIN,
            "mark {label} is too short to be looked for"
        );
        self.values.push((label.to_owned(), value.to_vec()));
    }

    /// Marks every text of a JSON value that is long enough, labelled by its pointer.
    pub fn add_json(&mut self, label: &str, value: &serde_json::Value) {
        use serde_json::Value;
        match value {
            Value::String(text) if text.len() >= MARK_SIZE_BYTES_MIN => self.add(label, text),
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.add_json(&format!("{label}/{at}"), item);
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    self.add_json(&format!("{label}/{name}"), member);
                }
            }
            _ => {}
        }
    }

    /// Number of marks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no mark: a scan would mean nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// These marks without those whose label begins so: for a place that may know them.
    #[must_use]
    pub fn without(&self, label_prefix: &str) -> Self {
        let mut rest = self.clone();
        rest.values
            .retain(|(label, _)| !label.starts_with(label_prefix));
        rest
    }

    /// Makes a scanner for these marks in all forms.
    #[must_use]
    pub fn scanner(&self) -> Scanner {
        Scanner::new(self)
    }
}

struct Needle {
    mark: String,
    form: &'static str,
    bytes: Vec<u8>,
}

/// Looks for all forms of all marks in one pass.
pub struct Scanner {
    needles: Vec<Needle>,
    starts: Vec<bool>,
    by_start: HashMap<[u8; 4], Vec<usize>>,
}

impl Scanner {
    fn new(marks: &Marks) -> Self {
        let mut this = Self {
            needles: Vec::new(),
            starts: vec![false; 1 << 16],
            by_start: HashMap::new(),
        };
        for (label, value) in &marks.values {
            for (form, bytes) in forms(value) {
                this.add(label, form, bytes);
            }
        }
        this
    }

    fn add(&mut self, label: &str, form: &'static str, bytes: Vec<u8>) {
        let Some(start) = bytes.first_chunk::<4>() else {
            return;
        };
        let number = self.needles.len();
        self.starts[usize::from(start[0]) << 8 | usize::from(start[1])] = true;
        self.by_start.entry(*start).or_default().push(number);
        self.needles.push(Needle {
            mark: label.to_owned(),
            form,
            bytes,
        });
    }

    /// Every place of every mark in `bytes`, which lie in `place`.
    #[must_use]
    pub fn scan(&self, place: &str, bytes: &[u8]) -> Vec<Found> {
        let mut found = Vec::new();
        for (offset, window) in bytes.windows(4).enumerate() {
            if !self.starts[usize::from(window[0]) << 8 | usize::from(window[1])] {
                continue;
            }
            let start = [window[0], window[1], window[2], window[3]];
            for number in self.by_start.get(&start).into_iter().flatten() {
                let needle = &self.needles[*number];
                if bytes[offset..].starts_with(&needle.bytes) {
                    found.push(Found {
                        mark: needle.mark.clone(),
                        form: needle.form,
                        place: place.to_owned(),
                        offset,
                    });
                }
            }
        }
        found
    }
}

/// The forms in which bytes may leak: plain, hex in both cases, base64 and base64url in all three
/// alignments, JSON-escaped (also with all but ASCII escaped, in both cases), percent-encoded.
fn forms(value: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let hex = |upper: bool| -> Vec<u8> {
        let digit = |b: &u8| {
            if upper {
                format!("{b:02X}")
            } else {
                format!("{b:02x}")
            }
        };
        value.iter().map(digit).collect::<String>().into_bytes()
    };
    let mut forms = vec![
        ("plain", value.to_vec()),
        ("hex", hex(false)),
        ("HEX", hex(true)),
    ];
    for before in 0..3 {
        forms.push(("base64", base64(value, before, &STANDARD)));
        forms.push(("base64url", base64(value, before, &URL_SAFE)));
    }
    if let Ok(text) = std::str::from_utf8(value) {
        let json = serde_json::to_string(text).unwrap();
        forms.push(("JSON-escaped", json.as_bytes()[1..json.len() - 1].to_vec()));
        forms.push(("JSON-escaped ASCII", escaped(text, false)));
        forms.push(("JSON-escaped ASCII", escaped(text, true)));
    }
    forms.push(("percent-encoded", percent(value, false)));
    forms.push(("percent-encoded", percent(value, true)));
    let mut seen = Vec::new();
    forms.retain(|(_, bytes)| {
        let new = !seen.contains(bytes);
        seen.push(bytes.clone());
        new
    });
    forms
}

/// The characters of a base64 text that depend on the value alone, if `before` bytes come before it.
fn base64(value: &[u8], before: usize, alphabet: &base64::alphabet::Alphabet) -> Vec<u8> {
    let engine = GeneralPurpose::new(alphabet, NO_PAD);
    let text = engine.encode([vec![0; before], value.to_vec()].concat());
    let first = (before * 8).div_ceil(6);
    let last = (before + value.len()) * 8 / 6;
    text.as_bytes()[first..last].to_vec()
}

fn escaped(text: &str, upper: bool) -> Vec<u8> {
    let mut out = String::new();
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte) if (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\' => {
                out.push(char::from(byte));
            }
            Ok(byte @ (b'"' | b'\\')) => {
                out.push('\\');
                out.push(char::from(byte));
            }
            _ if upper => out.push_str(&format!("\\u{unit:04X}")),
            _ => out.push_str(&format!("\\u{unit:04x}")),
        }
    }
    out.into_bytes()
}

fn percent(value: &[u8], upper: bool) -> Vec<u8> {
    let mut out = String::new();
    for byte in value {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(*byte));
            }
            _ if upper => out.push_str(&format!("%{byte:02X}")),
            _ => out.push_str(&format!("%{byte:02x}")),
        }
    }
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "Гулаб \"1988\"";

    fn found(bytes: &[u8]) -> Vec<&'static str> {
        let mut marks = Marks::default();
        marks.add("name", VALUE);
        marks
            .scanner()
            .scan("here", bytes)
            .iter()
            .map(|f| f.form)
            .collect()
    }

    #[test]
    fn a_mark_is_found_in_every_form_and_alignment() {
        let engine = base64::engine::general_purpose::STANDARD;
        let url = base64::engine::general_purpose::URL_SAFE_NO_PAD;
        for before in 0..7 {
            for after in 0..4 {
                let bytes = [vec![7; before], VALUE.as_bytes().to_vec(), vec![9; after]].concat();
                assert_eq!(found(&bytes), ["plain"]);
                assert!(found(engine.encode(&bytes).as_bytes()).contains(&"base64"));
                let form = found(url.encode(&bytes).as_bytes());
                assert!(form.contains(&"base64url") || form.contains(&"base64"));
            }
        }
        let json = serde_json::to_string(VALUE).unwrap();
        assert_eq!(found(json.as_bytes()), ["JSON-escaped"]);
        let ascii = r#""\u0413\u0443\u043b\u0430\u0431 \"1988\"""#;
        assert_eq!(found(ascii.as_bytes()), ["JSON-escaped ASCII"]);
        assert_eq!(
            found(b"d093d183d0bbd0b0d0b1202231393838 22"),
            Vec::<&str>::new()
        );
        assert_eq!(found(b"xd093d183d0bbd0b0d0b120223139383822"), ["hex"]);
        assert_eq!(
            found(b"/%D0%93%D1%83%D0%BB%D0%B0%D0%B1%20%221988%22"),
            ["percent-encoded"]
        );
    }

    #[test]
    fn a_find_is_printed_without_the_value() {
        let mut marks = Marks::default();
        marks.add("name", VALUE);
        let found = marks
            .scanner()
            .scan("hub.db", format!("x{VALUE}").as_bytes());
        assert_eq!(found[0].to_string(), "name (plain) in hub.db at byte 1");
        assert_eq!(format!("{marks:?}"), "Marks(1)");
    }
}
