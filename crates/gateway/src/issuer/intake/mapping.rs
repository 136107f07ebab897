//! Mapping files: how an office's columns become claims. Specified in `docs/spec/catalogue.md`.

use crate::issuer::Draft;
use denizen_model::catalogue::{Catalogue, Kind};
use encoding_rs::Encoding;
use jiff::fmt::strtime;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};

/// Why a mapping file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("mapping file: {0}")]
pub struct MappingError(String);

/// Form of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    Csv,
    Ndjson,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ClaimType {
    #[default]
    String,
    Integer,
    Boolean,
    /// Decimal text with a dot, from whatever way an office writes amounts.
    Decimal,
    List,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClaimMapping {
    path: Vec<String>,
    column: Option<String>,
    constant: Option<String>,
    values: Option<BTreeMap<String, String>>,
    date: Option<String>,
    #[serde(default, rename = "type")]
    claim_type: ClaimType,
    separator: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    kind: String,
    format: Format,
    encoding: String,
    delimiter: Option<char>,
    case_reference: String,
    unique: Vec<String>,
    claim: Vec<ClaimMapping>,
}

/// A mapping that fits its kind.
#[derive(Debug, Clone)]
pub struct Mapping {
    file: File,
    encoding: &'static Encoding,
    delimiter: Option<u8>,
}

/// One row as read.
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) cells: Cells,
}

/// The cells of a row.
pub(super) enum Cells {
    Csv {
        header: Arc<[String]>,
        cells: Vec<String>,
    },
    Json(Value),
}

/// What is wrong with a row; never a value.
pub(super) struct Fault {
    pub(super) column: Option<String>,
    pub(super) reason: String,
}

impl Fault {
    pub(super) fn row(reason: String) -> Self {
        Self {
            column: None,
            reason,
        }
    }

    fn at(column: &str, reason: &str) -> Self {
        Self {
            column: Some(column.to_owned()),
            reason: reason.to_owned(),
        }
    }
}

/// What a row says.
pub(super) struct Mapped {
    pub(super) case_reference: String,
    pub(super) unique: Vec<String>,
    pub(super) draft: Draft,
}

impl Mapping {
    /// Reads a mapping file and checks it against the catalogue.
    ///
    /// # Errors
    /// [`MappingError`] says what and where.
    pub fn parse(text: &str, catalogue: &Catalogue) -> Result<Self, MappingError> {
        let file: File = toml::from_str(text).map_err(|e| MappingError(e.to_string()))?;
        let wrong = |reason: String| Err(MappingError(reason));
        let Some(kind) = catalogue.kind(&file.kind) else {
            return wrong(format!("kind: the catalogue has no kind {}", file.kind));
        };
        let Some(encoding) = Encoding::for_label(file.encoding.as_bytes()) else {
            return wrong(format!("encoding: {} is not known", file.encoding));
        };
        let delimiter = match (file.format, file.delimiter) {
            (Format::Ndjson, None) => None,
            (Format::Ndjson, Some(_)) => return wrong("delimiter: only CSV has one".into()),
            (Format::Csv, None) => Some(b','),
            (Format::Csv, Some(c)) => match u8::try_from(c) {
                Ok(b) if b.is_ascii() && !b"\"\r\n".contains(&b) => Some(b),
                _ => return wrong("delimiter: one ASCII character, no quote, no line end".into()),
            },
        };
        if file.unique.is_empty() {
            return wrong("unique: names no column, so repeated rows could not be known".into());
        }
        for (at, claim) in file.claim.iter().enumerate() {
            check_claim(claim, &file, kind, at)?;
        }
        let this = Self {
            file,
            encoding,
            delimiter,
        };
        this.check_pointers()?;
        Ok(this)
    }

    /// The kind of the records.
    #[must_use]
    pub fn vct(&self) -> &str {
        &self.file.kind
    }

    pub(super) fn format(&self) -> Format {
        self.file.format
    }

    pub(super) fn encoding(&self) -> &'static Encoding {
        self.encoding
    }

    pub(super) fn delimiter(&self) -> Option<u8> {
        self.delimiter
    }

    /// All columns that the mapping names.
    pub(super) fn columns(&self) -> impl Iterator<Item = &str> {
        let claims = self.file.claim.iter().filter_map(|c| c.column.as_deref());
        let own = std::iter::once(self.file.case_reference.as_str());
        own.chain(self.file.unique.iter().map(String::as_str))
            .chain(claims)
    }

    fn check_pointers(&self) -> Result<(), MappingError> {
        let bad = |c: &&str| self.file.format == Format::Ndjson && !c.starts_with('/');
        match self.columns().find(bad) {
            Some(column) => Err(MappingError(format!("{column} is no JSON Pointer"))),
            None => Ok(()),
        }
    }

    /// The claims of a row.
    pub(super) fn map(&self, row: &Row) -> Result<Mapped, Fault> {
        let reference = &self.file.case_reference;
        let case_reference = match row.cell(reference) {
            // It is looked up letter by letter: what nobody sees would let the row wait for ever.
            Some(Value::String(text)) if has_unseen(&text) => {
                return Err(Fault::at(
                    reference,
                    "has unseen characters, or a space at an end",
                ));
            }
            Some(Value::String(text)) => text,
            Some(Value::Number(number)) => number.to_string(),
            Some(_) => return Err(Fault::at(reference, "is no case reference")),
            None => return Err(Fault::at(reference, "the case reference is missing")),
        };
        let unique = self.file.unique.iter().map(|column| {
            row.cell(column)
                .map_or_else(String::new, |value| value.to_string())
        });
        let mut claims = Map::new();
        for claim in &self.file.claim {
            let value = match (&claim.column, &claim.constant) {
                (Some(column), _) => match row.cell(column) {
                    Some(value) => claim.value(value).map_err(|why| Fault::at(column, why))?,
                    None => continue,
                },
                (None, Some(constant)) => claim
                    .value(Value::String(constant.clone()))
                    .map_err(|why| Fault::row(why.to_owned()))?,
                (None, None) => continue,
            };
            insert(&mut claims, &claim.path, value);
        }
        Ok(Mapped {
            case_reference,
            unique: unique.collect(),
            draft: Draft::of_row(&self.file.kind, claims),
        })
    }

    /// The column out of which the claim at a JSON Pointer came.
    pub(super) fn fault_at(&self, pointer: &str, reason: String) -> Fault {
        let path: Vec<_> = pointer
            .split('/')
            .skip(1)
            .filter(|p| !p.is_empty())
            .collect();
        let fits = |claim: &&ClaimMapping| {
            !path.is_empty()
                && claim.path.iter().zip(&path).all(|(a, b)| a == b)
                && claim.path.len() <= path.len()
        };
        let column = self
            .file
            .claim
            .iter()
            .find(fits)
            .and_then(|c| c.column.clone());
        let reason = match (&column, path.is_empty()) {
            (None, false) => format!("{}: {reason}", path.join(".")),
            _ => reason,
        };
        Fault { column, reason }
    }
}

fn check_claim(
    claim: &ClaimMapping,
    file: &File,
    kind: &Kind,
    at: usize,
) -> Result<(), MappingError> {
    let path = claim.path.join(".");
    let wrong = |reason: &str| Err(MappingError(format!("claim {path}: {reason}")));
    let listed = |c: &denizen_model::catalogue::ClaimMetadata| {
        c.path.len() == claim.path.len()
            && c.path
                .iter()
                .zip(&claim.path)
                .all(|(a, b)| a.as_str() == Some(b))
    };
    if !kind.claims.iter().any(listed) {
        return wrong("the kind has no such claim");
    }
    if claim.column.is_some() == claim.constant.is_some() {
        return wrong("has either a column or a constant");
    }
    let separates = |s: &String| claim.claim_type == ClaimType::List && !s.trim().is_empty();
    if claim.separator.as_ref().is_some_and(|s| !separates(s)) {
        return wrong("a separator is one or more characters, and only a list has one");
    }
    let earlier = file.claim.iter().take(at);
    if earlier.into_iter().any(|o| {
        let len = o.path.len().min(claim.path.len());
        o.path.get(..len) == claim.path.get(..len)
    }) {
        return wrong("is there twice, or within another claim");
    }
    if let Some(form) = &claim.date {
        let timed = ["%H", "%I", "%T", "%R"]
            .iter()
            .any(|part| form.contains(part));
        if timed && !form.contains("%z") && !form.contains("%:z") {
            return wrong("a form with a time needs the offset of the place, %z");
        }
    }
    Ok(())
}

impl Row {
    /// A cell; none for an empty one, a missing member or null.
    fn cell(&self, column: &str) -> Option<Value> {
        match &self.cells {
            Cells::Csv { header, cells } => {
                let at = header.iter().position(|name| name == column)?;
                let text = cells.get(at).filter(|text| !text.is_empty())?;
                Some(Value::String(text.clone()))
            }
            Cells::Json(value) => {
                let empty = |v: &&Value| !v.is_null() && v.as_str() != Some("");
                value.pointer(column).filter(empty).cloned()
            }
        }
    }
}

impl ClaimMapping {
    fn value(&self, value: Value) -> Result<Value, &'static str> {
        if self.claim_type != ClaimType::List {
            return self.scalar(value);
        }
        let items = match value {
            Value::Array(items) => items,
            Value::String(text) => match &self.separator {
                Some(separator) => {
                    let parts = text.split(separator.as_str()).map(str::trim);
                    let parts = parts.filter(|part| !part.is_empty());
                    parts.map(Value::from).collect()
                }
                None => vec![Value::String(text)],
            },
            one => vec![one],
        };
        let items = items.into_iter().map(|item| self.scalar(item));
        items.collect::<Result<Vec<_>, _>>().map(Value::Array)
    }

    fn scalar(&self, value: Value) -> Result<Value, &'static str> {
        let text = match (value, self.claim_type) {
            (Value::String(text), _) => text,
            (value @ (Value::Bool(_) | Value::Number(_)), _) if self.values.is_some() => {
                value.to_string()
            }
            (value @ Value::Bool(_), ClaimType::Boolean) => return Ok(value),
            (Value::Number(number), ClaimType::Integer) if number.is_i64() => {
                return Ok(Value::Number(number));
            }
            // A whole number is exact; one with a fraction may have been rounded on its way here.
            (Value::Number(number), ClaimType::Decimal) if number.is_i64() => number.to_string(),
            _ => return Err("is of another type than the mapping says"),
        };
        let text = match &self.values {
            None => text,
            Some(values) => match values.get(&text) {
                Some(value) => value.clone(),
                None => return Err("is none of the values that the mapping knows"),
            },
        };
        let text = match &self.date {
            None => text,
            Some(form) => date(form, &text)?,
        };
        Ok(match self.claim_type {
            ClaimType::String | ClaimType::List => Value::String(text),
            ClaimType::Integer => {
                let number: i64 = text.parse().map_err(|_| "is no whole number")?;
                Value::from(number)
            }
            ClaimType::Decimal => Value::String(decimal(&text)?),
            ClaimType::Boolean => match text.as_str() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                _ => return Err("is neither true nor false"),
            },
        })
    }
}

/// `8 900,00` and `8900.00` as `8900.00`. What could be read in two ways is refused.
fn decimal(text: &str) -> Result<String, &'static str> {
    let wrong = "is no decimal number with a point or a comma";
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let (whole, fraction) = match text.split_once([',', '.']) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text.as_str(), None),
    };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    match fraction {
        None if digits(whole) => Ok(whole.to_owned()),
        // Three digits may be thousands.
        Some(f) if digits(whole) && digits(f) && f.len() < 3 => Ok(format!("{whole}.{f:0<2}")),
        _ => Err(wrong),
    }
}

/// Whether a text has a space at an end, or a character that prints as nothing: of control, of zero
/// width, of direction.
/// Whether a text has characters that nobody sees, or a space at an end.
pub(crate) fn has_unseen(text: &str) -> bool {
    let unseen = |c: char| {
        let format = matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}');
        c.is_control() || format
    };
    text.trim() != text || text.contains(unseen)
}

/// Years that stand in papers of our calendar. A Persian, Islamic, Hebrew or Buddhist year is none.
const YEARS: std::ops::RangeInclusive<i16> = 1800..=2400;

/// A date, or a time with its own offset, written as the catalogue writes them.
fn date(form: &str, text: &str) -> Result<String, &'static str> {
    let parsed = strtime::parse(form, text).map_err(|_| "is not written in the date's form")?;
    let absent = "is no day of the calendar";
    if parsed.year().is_some_and(|year| !YEARS.contains(&year)) {
        return Err("has no year of the Gregorian calendar between 1800 and 2400");
    }
    if parsed.hour().is_none() {
        return parsed
            .to_date()
            .map(|date| date.to_string())
            .map_err(|_| absent);
    }
    let time = parsed.to_datetime().map_err(|_| absent)?;
    let offset = parsed.offset().ok_or("lacks the offset of its place")?;
    let sign = if offset.seconds() < 0 { '-' } else { '+' };
    let minutes = offset.seconds().unsigned_abs() / 60;
    let time = time.strftime("%Y-%m-%dT%H:%M:%S");
    Ok(format!(
        "{time}{sign}{:02}:{:02}",
        minutes / 60,
        minutes % 60
    ))
}

/// Puts a value at a path; the mapping's paths never lie within each other.
fn insert(claims: &mut Map<String, Value>, path: &[String], value: Value) {
    match path {
        [] => {}
        [name] => {
            claims.insert(name.clone(), value);
        }
        [name, rest @ ..] => {
            let inner = claims
                .entry(name.clone())
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails loudly")]
mod tests {
    use super::*;
    use denizen_testkit::{catalogue, catalogue::demo_file};
    use serde_json::json;

    #[test]
    fn a_date_is_a_day_that_exists_and_a_time_keeps_its_offset() {
        let good = |form: &str, text: &str| date(form, text).unwrap();
        assert_eq!(good("%d.%m.%Y", "09.06.2026"), "2026-06-09");
        let timed = "%d.%m.%Y %H:%M%z";
        assert_eq!(
            good(timed, "12.03.2026 06:40+0300"),
            "2026-03-12T06:40:00+03:00"
        );
        assert_eq!(
            good(timed, "12.03.2026 06:40-0330"),
            "2026-03-12T06:40:00-03:30"
        );
        for (form, bad) in [
            ("%d.%m.%Y", "31.11.2025"),
            ("%d.%m.%Y", "2025-11-30"),
            ("%d.%m.%Y", "30.11.2025 x"),
            ("%d.%m.%Y", "14.04.1405"),
            ("%d.%m.%Y", "05.07.2569"),
            (timed, "31.11.2025 09:30+0300"),
            (timed, "30.11.2025 09:30"),
        ] {
            assert!(date(form, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_mapping_file_that_does_not_fit_is_refused_with_its_place() {
        let good = String::from_utf8(demo_file("border/mapping.toml")).unwrap();
        let refused = |from: &str, to: &str| {
            let text = good.replacen(from, to, 1);
            assert_ne!(text, good, "{from}");
            Mapping::parse(&text, &catalogue()).unwrap_err().to_string()
        };
        assert!(refused("border-crossing:1", "border-crossing:9").contains("kind"));
        assert!(refused("utf-8", "utf-99").contains("utf-99"));
        assert!(refused("\";\"", "\"ж\"").contains("delimiter"));
        assert!(refused("[\"direction\"]", "[\"direktion\"]").contains("direktion"));
        assert!(refused("[\"direction\"]", "[\"document\"]").contains("within another"));
        assert!(refused("%H:%M%z", "%H:%M").contains("offset"));
        assert!(refused("column = \"ФИО\"\n", "").contains("either a column or a constant"));
        assert!(refused("format", "colour").contains("colour"));
        let separated = "column = \"ФИО\"\nseparator = \",\"\n";
        assert!(refused("column = \"ФИО\"\n", separated).contains("only a list"));
        Mapping::parse(&good, &catalogue()).unwrap();
    }

    fn convert(claim: Value, value: Value) -> Result<Value, &'static str> {
        serde_json::from_value::<ClaimMapping>(claim)
            .unwrap()
            .value(value)
    }

    #[test]
    fn amounts_are_taken_as_offices_write_them_or_refused() {
        let amount = json!({"path": ["a"], "type": "decimal"});
        for (text, want) in [
            ("8900", "8900"),
            ("8 900,5", "8900.50"),
            ("1\u{a0}840.50", "1840.50"),
        ] {
            assert_eq!(convert(amount.clone(), json!(text)), Ok(json!(want)));
        }
        assert_eq!(convert(amount.clone(), json!(740)), Ok(json!("740")));
        for bad in ["8,900", "1.840,50", "-5", "12 руб.", ",5", "5,", "٥"] {
            assert!(convert(amount.clone(), json!(bad)).is_err(), "{bad}");
        }
        assert!(convert(amount, json!(0.1)).is_err());
    }

    #[test]
    fn values_types_and_lists_are_converted_or_refused() {
        let boolean = json!({"path": ["a"], "type": "boolean", "values": {"да": "true"}});
        assert_eq!(convert(boolean.clone(), json!("да")), Ok(json!(true)));
        assert!(convert(boolean, json!("нет")).is_err());
        let plain = json!({"path": ["a"], "type": "boolean"});
        assert_eq!(convert(plain, json!(false)), Ok(json!(false)));
        let integer = json!({"path": ["a"], "type": "integer"});
        assert_eq!(convert(integer.clone(), json!("12")), Ok(json!(12)));
        assert_eq!(convert(integer.clone(), json!(12)), Ok(json!(12)));
        assert!(convert(integer, json!(1.5)).is_err());
        let list = json!({"path": ["a"], "type": "list"});
        assert_eq!(convert(list.clone(), json!("UZB")), Ok(json!(["UZB"])));
        assert_eq!(
            convert(list, json!(["UZB", "TJK"])),
            Ok(json!(["UZB", "TJK"]))
        );
        let parts = json!({"path": ["a"], "type": "list", "separator": ","});
        assert_eq!(convert(parts, json!("B, C,")), Ok(json!(["B", "C"])));
        let text = json!({"path": ["a"]});
        assert!(convert(text.clone(), json!(7)).is_err());
        assert!(convert(text, json!({"b": 1})).is_err());
    }
}
