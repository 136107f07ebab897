//! Message files: one flat file a language, slots `{name}`, plural categories as objects.

use super::{CatalogueError, check};
use serde::{Deserialize, Deserializer, de};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

/// The languages in which every text exists.
pub const LANGUAGES: [&str; 5] = ["en", "ru", "uz", "tg", "ky"];

/// A plural category. Source: Unicode CLDR, UTS 35 part 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are CLDR's")]
pub enum PluralCategory {
    One,
    Few,
    Many,
    Other,
}

/// The file of texts that may be the same as in English.
pub(super) const SAME_AS_ENGLISH: &str = "locales/same-as-english.json";

/// Language (`*` for all) -> key (a `*` at its end stands for the rest) -> why.
pub(super) type SameAsEnglish = BTreeMap<String, BTreeMap<String, String>>;

#[derive(Debug, Clone)]
enum Text {
    One(String),
    Plural(BTreeMap<PluralCategory, String>),
}

impl Text {
    fn forms(&self) -> Vec<&str> {
        match self {
            Self::One(text) => vec![text],
            Self::Plural(forms) => forms.values().map(String::as_str).collect(),
        }
    }

    fn is_plural(&self) -> bool {
        matches!(self, Self::Plural(_))
    }
}

// By hand, so that an error has the line of the text and not the one where the file ends.
impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, or one for each plural category")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text::One(text.to_owned()))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Text, A::Error> {
                Deserialize::deserialize(de::value::MapAccessDeserializer::new(map))
                    .map(Text::Plural)
            }
        }
        input.deserialize_any(Visitor)
    }
}

struct Texts(BTreeMap<String, Text>);

// By hand, since a key that is there twice would silently lose one of its texts.
impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Texts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of key and text")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Texts, A::Error> {
                let mut texts = BTreeMap::new();
                while let Some(key) = map.next_key::<String>()? {
                    if texts.contains_key(&key) {
                        let twice = format!("the text {key} is there twice");
                        return Err(de::Error::custom(twice));
                    }
                    texts.insert(key, map.next_value()?);
                }
                Ok(Texts(texts))
            }
        }
        input.deserialize_map(Visitor)
    }
}

/// The texts of one language.
#[derive(Debug, Clone)]
pub struct Locale {
    language: String,
    texts: BTreeMap<String, Text>,
}

/// A message file that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("message file: {0}")]
pub struct LocaleError(String);

impl Locale {
    /// Reads a message file.
    ///
    /// # Errors
    /// [`LocaleError`] with line and column.
    pub fn parse(language: &str, bytes: &[u8]) -> Result<Self, LocaleError> {
        let Texts(texts) = serde_json::from_slice(bytes).map_err(|e| LocaleError(e.to_string()))?;
        Ok(Self {
            language: language.to_owned(),
            texts,
        })
    }

    /// BCP 47 tag.
    #[must_use]
    pub fn language(&self) -> &str {
        &self.language
    }

    /// A text with its slots filled; the key itself if there is no such text (a missing key fails
    /// the load, so this is for keys of a deployment's own kinds).
    #[must_use]
    pub fn text(&self, key: &str, slots: &[(&str, &str)]) -> String {
        let text = match self.texts.get(key) {
            Some(Text::One(text)) => text.clone(),
            Some(Text::Plural(forms)) => {
                let count = slots.iter().find(|(name, _)| *name == "count");
                let count = count.and_then(|(_, n)| n.parse().ok()).unwrap_or(0);
                let form = forms.get(&plural(&self.language, count));
                form.or_else(|| forms.get(&PluralCategory::Other))
                    .cloned()
                    .unwrap_or_default()
            }
            None => key.to_owned(),
        };
        slots.iter().fold(text, |text, (name, value)| {
            let slot = format!("{{{name}}}");
            // A date may end with a full stop, like `2026 г.`: the sentence needs no second one.
            let text = if value.ends_with('.') {
                text.replace(&format!("{slot}."), value)
            } else {
                text
            };
            text.replace(&slot, value)
        })
    }

    /// The text of a key, if there is one.
    #[must_use]
    pub fn known(&self, key: &str) -> Option<String> {
        match self.texts.get(key)? {
            Text::One(text) => Some(text.clone()),
            Text::Plural(_) => Some(self.text(key, &[])),
        }
    }

    /// Whether there is a text of this key.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.texts.contains_key(key)
    }

    /// Adds texts without slots or plurals.
    pub(super) fn extend(&mut self, texts: impl IntoIterator<Item = (String, String)>) {
        let texts = texts.into_iter().map(|(key, text)| (key, Text::One(text)));
        self.texts.extend(texts);
    }

    fn slots(&self, key: &str) -> BTreeSet<String> {
        let of = |text: &str| {
            text.split('{')
                .skip(1)
                .filter_map(|part| part.split_once('}').map(|(name, _)| name.to_owned()))
                .collect::<BTreeSet<_>>()
        };
        match self.texts.get(key) {
            Some(Text::One(text)) => of(text),
            Some(Text::Plural(forms)) => forms.values().flat_map(|f| of(f)).collect(),
            None => BTreeSet::new(),
        }
    }
}

/// The plural category of a whole number. Source: CLDR 46 plural rules (ru; others one/other).
fn plural(language: &str, n: u64) -> PluralCategory {
    use PluralCategory::{Few, Many, One, Other};
    match (language, n % 10, n % 100) {
        ("ru", 1, h) if h != 11 => One,
        ("ru", 2..=4, h) if !(12..=14).contains(&h) => Few,
        ("ru", _, _) => Many,
        ("tg", _, _) => Other,
        _ if n == 1 => One,
        _ => Other,
    }
}

/// The plural categories that a whole number can have in a language, and `other`, which CLDR always
/// has. Source: CLDR 46 plural rules.
fn categories(language: &str) -> &'static [PluralCategory] {
    use PluralCategory::{Few, Many, One, Other};
    match language {
        "ru" => &[One, Few, Many, Other],
        "tg" => &[Other],
        _ => &[One, Other],
    }
}

/// Every language has every key with the same slots and its own plural forms, and a text of its own.
pub(super) fn check_all(
    locales: &BTreeMap<String, Arc<Locale>>,
    files: &BTreeMap<String, Vec<u8>>,
) -> Vec<CatalogueError> {
    let Some(english) = locales.get("en") else {
        return if locales.is_empty() {
            Vec::new()
        } else {
            vec![super::wrong("locales/en.json", "is missing".into())]
        };
    };
    let mut report = check::Report::new(files);
    let same = files.get(SAME_AS_ENGLISH);
    // A file that is no such list was named when it was read.
    let same: SameAsEnglish = same
        .and_then(|b| serde_json::from_slice(b).ok())
        .unwrap_or_default();
    let mut used = BTreeSet::new();
    for (language, locale) in locales {
        let file = format!("locales/{language}.json");
        for key in english.texts.keys().filter(|k| !locale.has(k)) {
            report.wrong(&file, None, format!("the text {key} is missing"));
        }
        for (key, text) in &locale.texts {
            for reason in problems(locale, english, key, text) {
                report.wrong(&file, Some(key), format!("the text {key} {reason}"));
            }
            let translated = english.texts.get(key).filter(|_| language != "en");
            if translated.is_some_and(|t| t.forms() == text.forms())
                && !excused(&same, language, key, &mut used)
            {
                let reason = format!("the text {key} is the same as in English");
                report.wrong(&file, Some(key), reason);
            }
        }
    }
    for (language, keys) in &same {
        for key in keys.keys() {
            if !used.contains(&(language.as_str(), key.as_str())) {
                let reason = format!("excuses {key} ({language}), which needs no excuse");
                report.wrong(SAME_AS_ENGLISH, Some(key), reason);
            }
        }
    }
    report.errors
}

/// What is wrong with one text of a language.
fn problems(locale: &Locale, english: &Locale, key: &str, text: &Text) -> Vec<&'static str> {
    let mut found = Vec::new();
    if text.forms().iter().any(|t| t.trim().is_empty()) {
        found.push("is empty");
    }
    match english.texts.get(key) {
        None => found.push("is not in English"),
        Some(other) if other.is_plural() != text.is_plural() => {
            found.push("has plural forms in one of this language and English only");
        }
        Some(_) if locale.slots(key) != english.slots(key) => {
            found.push("has other slots than in English");
        }
        Some(_) => (),
    }
    if let Text::Plural(forms) = text {
        if !forms.keys().eq(categories(&locale.language)) {
            found.push("does not have exactly the plural forms of its language");
        }
    }
    found
}

fn excused<'a>(
    same: &'a SameAsEnglish,
    language: &str,
    key: &str,
    used: &mut BTreeSet<(&'a str, &'a str)>,
) -> bool {
    let entries = same.iter().filter(|(of, _)| *of == language || *of == "*");
    let entries = entries.flat_map(|(of, keys)| keys.keys().map(move |pattern| (of, pattern)));
    let mut found = false;
    for (of, pattern) in entries {
        let fits = match pattern.strip_suffix('*') {
            Some(start) => key.starts_with(start),
            None => key == pattern,
        };
        if fits {
            used.insert((of.as_str(), pattern.as_str()));
            found = true;
        }
    }
    found
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn russian_has_three_forms_and_slots_are_filled() {
        let json = r#"{"d":{"one":"{count} день","few":"{count} дня","many":"{count} дней"}}"#;
        let locale = Locale::parse("ru", json.as_bytes()).unwrap();
        for (n, want) in [
            ("1", "1 день"),
            ("3", "3 дня"),
            ("11", "11 дней"),
            ("21", "21 день"),
        ] {
            assert_eq!(locale.text("d", &[("count", n)]), want);
        }
    }

    #[test]
    fn a_sentence_that_ends_with_a_date_has_one_full_stop() {
        let json = r#"{"u":"До {date}. Дальше {date}"}"#;
        let locale = Locale::parse("ru", json.as_bytes()).unwrap();
        let until = |date| locale.text("u", &[("date", date)]);
        assert_eq!(
            until("8 марта 2026 г."),
            "До 8 марта 2026 г. Дальше 8 марта 2026 г."
        );
        assert_eq!(
            until("8 March 2026"),
            "До 8 March 2026. Дальше 8 March 2026"
        );
    }

    #[test]
    fn a_missing_key_and_another_slot_are_named() {
        let locales = [
            ("en", r#"{"a":"x {n}","b":"y"}"#),
            ("ky", r#"{"a":"x {m}"}"#),
        ]
        .map(|(l, t)| {
            (
                l.to_owned(),
                Arc::new(Locale::parse(l, t.as_bytes()).unwrap()),
            )
        });
        let errors = check_all(&locales.into(), &BTreeMap::new());
        assert_eq!(errors.len(), 2, "{errors:?}");
    }
}
