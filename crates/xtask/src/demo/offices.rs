//! The four offices, as their clerks use a gateway.

use super::{
    demo_file,
    processes::{Place, wait_for},
    say,
};
use anyhow::{Context as _, Result};
use std::{fs, path::Path};

/// What an office is.
pub(crate) struct Plan {
    /// Its folder in the demo's place and among the demo's files.
    pub(crate) folder: &'static str,
    /// Its name in the directory.
    name: &'static str,
    /// What it says in an invitation.
    purpose: &'static str,
    /// Kinds that it issues.
    kinds: &'static [&'static str],
    /// Services that it offers.
    services: &'static [&'static str],
}

/// In the order of the story.
pub(crate) const OFFICES: [Plan; 4] = [
    Plan {
        folder: "border",
        name: "Border Service",
        purpose: "Your border crossings and travel document",
        kinds: &["travel-document", "border-crossing"],
        services: &[],
    },
    Plan {
        folder: "immigration",
        name: "Immigration Office",
        purpose: "Your applications to the immigration office",
        kinds: &["application-filed", "decision", "work-permit"],
        services: &["work-permit"],
    },
    Plan {
        folder: "test-centre",
        name: "Language Test Centre",
        purpose: "Your language certificate",
        kinds: &["language-certificate"],
        services: &[],
    },
    Plan {
        folder: "clinic",
        name: "City Clinic No. 4",
        purpose: "Your medical certificate and vaccinations",
        kinds: &["medical-certificate", "vaccination"],
        services: &[],
    },
];

/// An office with its gateway.
pub(crate) struct Office<'a> {
    place: &'a Place,
    plan: &'static Plan,
    dir: String,
}

impl<'a> Office<'a> {
    /// Makes its gateway.
    pub(crate) fn make(
        place: &'a Place,
        plan: &'static Plan,
        hub_id: &str,
        hub_url: &str,
    ) -> Result<Self> {
        let dir = place.path(plan.folder);
        let hub = ["--hub-id", hub_id, "--hub-url", hub_url];
        let init = ["gateway", "init", &dir, "--name", plan.name];
        place.denizen(&[&init[..], &hub].concat())?;
        Ok(Self { place, plan, dir })
    }

    pub(crate) fn name(&self) -> &'static str {
        self.plan.name
    }

    pub(crate) fn dir(&self) -> &str {
        &self.dir
    }

    /// Gives its statement to the operator, who admits it for its kinds.
    pub(crate) fn be_admitted(&self, hub_dir: &str) -> Result<()> {
        let file = self.place.path(&format!("{}.statement", self.plan.folder));
        let statement = self.place.bytes(&["gateway", "statement", &self.dir])?;
        fs::write(&file, statement)?;
        let kinds = self.kinds();
        let mut arguments = vec!["hub", "admit", hub_dir, &file];
        arguments.extend(kinds.iter().flat_map(|kind| ["--kind", kind]));
        self.place.denizen(&arguments).map(drop)
    }

    fn kinds(&self) -> Vec<String> {
        let vct = |name: &&str| format!("urn:denizen:kind:{name}:1");
        self.plan.kinds.iter().map(vct).collect()
    }

    /// Declares a service in the directory.
    pub(crate) fn publish(&self, service: &Path) -> Result<()> {
        let service = service.to_string_lossy();
        self.place
            .denizen(&["gateway", "publish", &self.dir, &service])
            .map(drop)
    }

    /// Takes in one of its files.
    pub(crate) fn intake(&self, file: &str, mapping: &str) -> Result<Intake> {
        let ours = |name| demo_file(&format!("{}/{name}", self.plan.folder));
        let (file, mapping) = (ours(file)?, ours(mapping)?);
        let arguments = ["gateway", "intake", &self.dir, &file, "--mapping", &mapping];
        let said = self.place.denizen(&arguments)?;
        Intake::of(&said).context("gateway intake did not say what became of the rows")
    }

    pub(crate) fn show(&self, text: &str) {
        self.place.show(text);
    }

    /// The list of bad rows that the last intake of a file left.
    pub(crate) fn bad_rows(&self, name: &str) -> Result<String> {
        Ok(fs::read_to_string(format!(
            "{}/bad-rows/{name}.bad.csv",
            self.dir
        ))?)
    }

    /// Invites the person of a case of its own; gives the invitation's text.
    pub(crate) fn invite(&self, case: &str) -> Result<String> {
        let (kinds, service) = (self.kinds(), |name: &&str| {
            format!("urn:denizen:service:{name}")
        });
        let services: Vec<String> = self.plan.services.iter().map(service).collect();
        let mut arguments = vec![
            "gateway",
            "invite",
            &self.dir,
            "--purpose",
            self.plan.purpose,
        ];
        arguments.push("--send");
        arguments.extend(kinds.iter().map(String::as_str));
        if !services.is_empty() {
            arguments.push("--ask");
            arguments.extend(services.iter().map(String::as_str));
        }
        arguments.extend(["--case", case]);
        self.place.show_command(&arguments);
        let said = self.place.quietly(&arguments)?;
        let invitation = said
            .split_whitespace()
            .find(|word| word.starts_with("denizen:invite"));
        invitation
            .map(str::to_owned)
            .context("gateway invite printed no invitation")
    }

    /// What the gateway shows beside a case that waits for its code; the six digits once they are known.
    pub(crate) fn digits(&self, case: &str) -> Result<Option<String>> {
        let said = self.place.quietly(&["gateway", "links", &self.dir])?;
        let line = said.lines().find(|line| line.contains(case));
        Ok(line.and_then(six_digits))
    }

    /// The clerk types the digits that the person reads out.
    pub(crate) fn confirm(&self, case: &str, digits: &str) -> Result<()> {
        self.place
            .denizen(&["gateway", "confirm", &self.dir, case, digits])
            .map(drop)
    }

    /// Opens the one case in its queue, shows the evidence, and grants.
    pub(crate) fn decide(&self, grant: &str) -> Result<()> {
        let queue = ["gateway", "queue", &self.dir];
        let (case, said) = wait_for("the application is in the queue", || {
            let said = self.place.quietly(&queue)?;
            let mut words = said.split_whitespace();
            let case = words.find(|word| word.starts_with("A-") && word.len() == 10);
            Ok(case.map(str::to_owned).map(|case| (case, said)))
        })?;
        self.place.show_command(&queue);
        self.place.show(&said);
        self.place.denizen(&["gateway", "show", &self.dir, &case])?;
        say("The subjects stand side by side. A person compares them; no program matches people.");
        let grant = demo_file(grant)?;
        self.place
            .denizen(&["gateway", "decide", &self.dir, &case, "--grant", &grant])
            .map(drop)
    }
}

/// What became of a file's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Intake {
    pub(crate) sent: u32,
    pub(crate) waiting: u32,
    pub(crate) repeated: u32,
    pub(crate) bad: u32,
}

impl Intake {
    fn of(said: &str) -> Option<Self> {
        let count = |what: &str| {
            let mut lines = said.lines().map(str::trim);
            lines.find_map(|line| line.split_once(what)?.0.trim().parse().ok())
        };
        Some(Self {
            sent: count("on their way")?,
            waiting: count("wait, encrypted")?,
            repeated: count("had been taken")?,
            bad: count("bad")?,
        })
    }
}

/// The first word of exactly six digits.
pub(crate) fn six_digits(line: &str) -> Option<String> {
    let words = line.split(|c: char| !c.is_ascii_digit());
    words
        .filter(|word| word.len() == 6)
        .map(str::to_owned)
        .next_back()
}

#[cfg(test)]
mod tests {
    use super::{Intake, six_digits};

    #[test]
    fn what_became_of_rows_is_read() {
        let said = "a.csv: 7 rows\n  2 on their way to their person\n  1 wait, encrypted, until\n  \
                    0 had been taken before\n  4 bad";
        let expected = Intake {
            sent: 2,
            waiting: 1,
            repeated: 0,
            bad: 4,
        };
        assert_eq!(Intake::of(said), Some(expected));
        assert_eq!(Intake::of("7 rows"), None);
    }

    #[test]
    fn six_digits_are_found_after_a_case_reference() {
        assert_eq!(
            six_digits("ПК-2026-000101  code 493027").as_deref(),
            Some("493027")
        );
        assert_eq!(
            six_digits("Read to the clerk: 493027.").as_deref(),
            Some("493027")
        );
        assert_eq!(six_digits("1234567 12345"), None);
    }
}
