//! Message files: one flat file a language, slots `{name}`, plural categories as objects.

use super::CatalogueError;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

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

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Text {
    One(String),
    Plural(BTreeMap<PluralCategory, String>),
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
        let texts = serde_json::from_slice(bytes).map_err(|e| LocaleError(e.to_string()))?;
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
            text.replace(&format!("{{{name}}}"), value)
        })
    }

    /// Whether there is a text of this key.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.texts.contains_key(key)
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

/// Every language has every key with the same slots.
pub(super) fn check_all(locales: &BTreeMap<String, Locale>) -> Vec<CatalogueError> {
    let mut errors = Vec::new();
    let Some(english) = locales.get("en") else {
        return if locales.is_empty() {
            errors
        } else {
            vec![CatalogueError {
                file: "locales/en.json".into(),
                reason: "is missing".into(),
            }]
        };
    };
    for (language, locale) in locales {
        let mut wrong = |reason| {
            errors.push(CatalogueError {
                file: format!("locales/{language}.json"),
                reason,
            })
        };
        for key in english.texts.keys() {
            if !locale.has(key) {
                wrong(format!("the text {key} is missing"));
            } else if locale.slots(key) != english.slots(key) {
                wrong(format!("the text {key} has other slots than in English"));
            }
        }
        for key in locale.texts.keys().filter(|k| !english.has(k)) {
            wrong(format!("the text {key} is not in English"));
        }
    }
    errors
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
    fn a_missing_key_and_another_slot_are_named() {
        let locales = [
            ("en", r#"{"a":"x {n}","b":"y"}"#),
            ("ky", r#"{"a":"x {m}"}"#),
        ]
        .map(|(l, t)| (l.to_owned(), Locale::parse(l, t.as_bytes()).unwrap()));
        let errors = check_all(&locales.into());
        assert_eq!(errors.len(), 2, "{errors:?}");
    }
}
