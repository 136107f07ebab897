//! One person's year up to today, out of the templates of `demo/year`.
//!
//! A line of a template begins with the month of the year in which the office has it (00 is the
//! header), and a day is `{dN:FORM}`: N days before today. What comes out is a file as the office has
//! it: its columns, encoding and line ends.

use super::{demo_file, processes::Place};
use crate::root::root;
use anyhow::{Context as _, Result, ensure};
use jiff::{Span, civil::Date};
use std::{fs, time::SystemTime};

/// Months of the story, of 30 days each; the last one ends today.
pub(crate) const MONTHS: u32 = 12;
/// Days of a month of the story.
const DAYS: u32 = 30;

/// The year.
pub(crate) struct Year {
    today: Date,
    /// What is known only at run time: the thumbprint of a guardian's key, for `{key}`.
    key: String,
}

impl Year {
    /// The year that ends today.
    #[expect(
        clippy::disallowed_methods,
        reason = "a tool that tells a story of today"
    )]
    pub(crate) fn to_today() -> Result<Self> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        let now = jiff::Timestamp::from_second(i64::try_from(now.as_secs())?)?;
        let today = jiff::tz::Offset::UTC.to_datetime(now).date();
        Ok(Self {
            today,
            key: String::new(),
        })
    }

    /// Sets what stands for `{key}` in the templates.
    pub(crate) fn set_key(&mut self, key: &str) {
        key.clone_into(&mut self.key);
    }

    /// The first day of a month of the story.
    pub(crate) fn first_day(&self, month: u32) -> Result<Date> {
        let ago = i64::from(MONTHS * DAYS) - i64::from((month - 1) * DAYS);
        self.days_ago(ago)
    }

    fn days_ago(&self, days: i64) -> Result<Date> {
        Ok(self.today.checked_sub(Span::new().try_days(days)?)?)
    }

    /// What an office has of one month in one of its files, written into the demo's folder; none if
    /// it has nothing.
    pub(crate) fn file(
        &self,
        place: &Place,
        (office, file, mapping): (&str, &str, &str),
        month: u32,
    ) -> Result<Option<String>> {
        let template = self.filled(&format!("{office}/{file}"))?;
        let of = |wanted: u32| {
            let lines = template.lines();
            let parts = lines.filter_map(|line| line.split_once('|'));
            let fits = parts.filter(move |(month, _)| month.parse() == Ok(wanted));
            fits.map(|(_, line)| line).collect::<Vec<_>>()
        };
        let rows = of(month);
        if rows.is_empty() {
            return Ok(None);
        }
        let mut lines = of(0);
        lines.extend(rows);
        let mapping = fs::read_to_string(demo_file(&format!("{office}/{mapping}"))?)?;
        let (stem, form) = file.split_once('.').context("a file has a form")?;
        let end = if form == "csv" { "\r\n" } else { "\n" };
        let text: String = lines.iter().flat_map(|line| [*line, end]).collect();
        let bytes = encoded(&text, &mapping)?;
        let folder = place.folder().join("files").join(office);
        fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{stem}-{}.{form}", self.first_day(month)?));
        ensure!(!fs::exists(&path)?, "{} is there already", path.display());
        fs::write(&path, bytes)?;
        Ok(Some(path.to_string_lossy().into_owned()))
    }

    /// A template that is one whole file.
    pub(crate) fn whole(&self, place: &Place, name: &str) -> Result<String> {
        let path = place.path(&name.replace('/', "-"));
        fs::write(&path, self.filled(name)?)?;
        Ok(path)
    }

    /// A template with its days.
    fn filled(&self, name: &str) -> Result<String> {
        let template = fs::read_to_string(root().join("demo/year").join(name))
            .with_context(|| format!("demo/year/{name} cannot be read"))?;
        let mut parts = template.split("{d");
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let day = part.split_once('}').and_then(|(day, rest)| {
                let (days, form) = day.split_once(':')?;
                Some((days.parse::<i64>().ok()?, form, rest))
            });
            match day {
                Some((days, form, rest)) => {
                    text.push_str(&self.days_ago(days)?.strftime(form).to_string());
                    text.push_str(rest);
                }
                None => {
                    text.push_str("{d");
                    text.push_str(part);
                }
            }
        }
        Ok(text.replace("{key}", &self.key))
    }
}

/// In the encoding that the office's mapping names.
fn encoded(text: &str, mapping: &str) -> Result<Vec<u8>> {
    let line = mapping
        .lines()
        .find_map(|line| line.strip_prefix("encoding = "));
    let label = line
        .context("the mapping names no encoding")?
        .trim_matches('"');
    let encoding = encoding_rs::Encoding::for_label(label.as_bytes());
    let encoding = encoding.with_context(|| format!("{label} is no encoding"))?;
    let (bytes, _, lost) = encoding.encode(text);
    ensure!(!lost, "a letter of the template has no place in {label}");
    Ok(bytes.into_owned())
}
