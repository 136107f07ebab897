//! Texts for the person, in her language.

use crate::{
    shell::Shell,
    visible::{in_line, print_line},
};
use anyhow::{Context, anyhow};
use denizen_holder::{HolderError, Words};
use denizen_model::{UnixTime, catalogue::Catalogue};
use std::sync::Arc;

/// Says things in one language.
pub(crate) struct Say {
    catalogue: Arc<Catalogue>,
    language: String,
}

impl Say {
    pub(crate) fn new(shell: &Shell, language: &str) -> anyhow::Result<Self> {
        Self::over(&shell.catalogue, language)
    }

    /// With the texts of a catalogue.
    pub(crate) fn over(catalogue: &Arc<Catalogue>, language: &str) -> anyhow::Result<Self> {
        let catalogue = Arc::clone(catalogue);
        let locale = catalogue
            .locale(language)
            .context("the catalogue has no texts")?;
        let language = locale.language().to_owned();
        Ok(Self {
            catalogue,
            language,
        })
    }

    pub(crate) fn text(&self, key: &str, slots: &[(&str, &str)]) -> String {
        let slots: Vec<_> = slots.iter().map(|(k, v)| (*k, in_line(v))).collect();
        let slots: Vec<_> = slots.iter().map(|(k, v)| (*k, v.as_str())).collect();
        self.words().text(key, &slots)
    }

    fn words(&self) -> Words<'_> {
        Words::new(&self.catalogue, &self.language)
    }

    /// A text if there is one.
    pub(crate) fn known(&self, key: &str) -> Option<String> {
        self.words().known(key)
    }

    pub(crate) fn line(&self, key: &str, slots: &[(&str, &str)]) {
        self.plain(&self.text(key, slots));
    }

    pub(crate) fn indented(&self, key: &str, slots: &[(&str, &str)]) {
        self.plain(&format!("    {}", self.text(key, slots)));
    }

    /// A line as it is. A closed pipe is nobody's fault.
    pub(crate) fn plain(&self, text: &str) {
        print_line(text);
    }

    /// A question with yes or no, in her language or in English.
    pub(crate) fn ask(&self, key: &str, slots: &[(&str, &str)]) -> anyhow::Result<bool> {
        self.line(key, slots);
        let mut answer = String::new();
        std::io::stdin()
            .read_line(&mut answer)
            .context("no answer came")?;
        let answer = answer.trim().to_lowercase();
        let yes = self.text("cli-yes", &[]).to_lowercase();
        Ok(answer == yes || answer == "yes" || answer == "y")
    }

    /// An error in her words: what happened, what to do next, and its stable code.
    pub(crate) fn error(&self, error: &HolderError) -> anyhow::Error {
        let detail = match error {
            HolderError::Answers(errors) => {
                let lines = errors.iter().map(|e| format!("\n  {e}"));
                lines.collect::<String>()
            }
            _ => String::new(),
        };
        anyhow!("{}{detail}", self.refusal(error.code()))
    }

    /// What a stable code means and what to do next.
    pub(crate) fn refusal(&self, code: &str) -> anyhow::Error {
        let (what, next) = self.words().problem(code);
        anyhow!("{what} {next} [{code}]")
    }

    /// A date as people write it here: year, month, day.
    pub(crate) fn date(&self, at: UnixTime) -> String {
        at.date().to_string()
    }

    /// A kind's name.
    pub(crate) fn kind(&self, vct: &str) -> String {
        self.words().kind(vct)
    }
}
