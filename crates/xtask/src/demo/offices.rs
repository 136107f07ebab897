//! The organisations, as their clerks use a gateway.

use super::{
    demo_file,
    plan::Plan,
    processes::{Place, wait_for},
    say,
    year::Year,
};
use anyhow::{Context as _, Result, ensure};
use std::{fs, path::Path};

/// An organisation with its gateway.
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
        place.quietly(&[&init[..], &hub].concat())?;
        Ok(Self { place, plan, dir })
    }

    pub(crate) fn plan(&self) -> &'static Plan {
        self.plan
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
        let mut kinds = self
            .plan
            .kinds
            .iter()
            .map(|kind| match kind.split_once('=') {
                Some((kind, quality)) => format!("{}={quality}", vct(kind)),
                None => vct(kind),
            });
        let kinds: Vec<String> = kinds.by_ref().collect();
        let mut arguments = vec!["hub", "admit", hub_dir, &file];
        arguments.extend(kinds.iter().flat_map(|kind| ["--kind", kind]));
        self.place.quietly(&arguments).map(drop)
    }

    /// Declares a service in the directory.
    pub(crate) fn publish(&self, service: &Path) -> Result<()> {
        let service = service.to_string_lossy();
        self.place
            .denizen(&["gateway", "publish", &self.dir, &service])
            .map(drop)
    }

    /// Takes in what it has of a month; gives how many records are on their way.
    pub(crate) fn take_in(&self, year: &Year, month: u32) -> Result<Vec<Taken>> {
        let mut taken = Vec::new();
        for (file, mapping) in self.plan.files {
            let of = (self.plan.folder, *file, *mapping);
            if let Some(path) = year.file(self.place, of, month)? {
                let intake = self.intake(&path, mapping)?;
                taken.push(Taken {
                    office: self.plan.folder,
                    file: path,
                    intake,
                });
            }
        }
        Ok(taken)
    }

    /// Takes in one of its files.
    pub(crate) fn intake(&self, file: &str, mapping: &str) -> Result<Intake> {
        let mapping = demo_file(&format!("{}/{mapping}", self.plan.folder))?;
        let arguments = ["gateway", "intake", &self.dir, file, "--mapping", &mapping];
        let said = self.place.quietly(&arguments)?;
        Intake::of(&said).context("gateway intake did not say what became of the rows")
    }

    /// The list of bad rows that the last intake of a file left.
    pub(crate) fn bad_rows(&self, file: &str) -> Result<String> {
        let stem = Path::new(file)
            .file_stem()
            .context("the file has no name")?;
        let list = format!("{}/bad-rows/{}.bad.csv", self.dir, stem.to_string_lossy());
        Ok(fs::read_to_string(list)?)
    }

    /// Invites the person of a case of its own; gives the invitation's text.
    pub(crate) fn invite(&self, case: &str) -> Result<String> {
        let kinds = self.plan.kinds.iter();
        let kinds: Vec<String> = kinds
            .map(|k| vct(k.split('=').next().unwrap_or(k)))
            .collect();
        let service = |name: &&str| format!("urn:denizen:service:{name}");
        let services: Vec<String> = self.plan.services.iter().map(service).collect();
        let purpose = ["--purpose", self.plan.purpose];
        let mut arguments = [&["gateway", "invite", &self.dir][..], &purpose].concat();
        arguments.push("--send");
        arguments.extend(kinds.iter().map(String::as_str));
        if !services.is_empty() {
            arguments.push("--ask");
            arguments.extend(services.iter().map(String::as_str));
        }
        arguments.extend(["--case", case]);
        let said = self.place.quietly(&arguments)?;
        let mut words = said.split_whitespace();
        let invitation = words.find(|word| word.starts_with("denizen:invite"));
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
        let arguments = ["gateway", "confirm", &self.dir, case, digits];
        self.place.quietly(&arguments).map(drop)
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
        self.place
            .denizen(&["gateway", "decide", &self.dir, &case, "--grant", grant])
            .map(drop)
    }

    /// Waits for the one dispute, and opens it.
    pub(crate) fn open_dispute(&self) -> Result<String> {
        let list = ["gateway", "disputes", &self.dir];
        let (number, said) = wait_for("the dispute is at the office", || {
            let said = self.place.quietly(&list)?;
            let mut words = said.split_whitespace();
            let number = words.find(|word| word.parse::<u32>().is_ok());
            Ok(number.map(str::to_owned).map(|number| (number, said)))
        })?;
        self.place.show_command(&list);
        self.place.show(&said);
        self.place
            .denizen(&["gateway", "dispute", &self.dir, &number])?;
        Ok(number)
    }

    /// Waits for the file that came with a dispute, and saves it.
    pub(crate) fn save_file(&self, dispute: &str, out: &str) -> Result<()> {
        let list = ["gateway", "files", &self.dir, "--dispute", dispute];
        let (number, said) = wait_for("the file of the dispute is at the office", || {
            let said = self.place.quietly(&list)?;
            let line = said.lines().find(|line| line.trim().starts_with("file "));
            let line = line.filter(|line| !line.contains("never came"));
            let number = line.and_then(|line| line.split_whitespace().nth(1));
            Ok(number.map(str::to_owned).map(|number| (number, said)))
        })?;
        self.place.show_command(&list);
        self.place.show(&said);
        let save = ["gateway", "save", &self.dir, &number, out];
        self.place.denizen(&save).map(drop)
    }

    /// Puts the record right.
    pub(crate) fn uphold(&self, dispute: &str, corrected: &str) -> Result<()> {
        self.place
            .denizen(&[
                "gateway", "answer", &self.dir, dispute, "--uphold", corrected,
            ])
            .map(drop)
    }
}

fn vct(kind: &str) -> String {
    format!("urn:denizen:kind:{kind}:1")
}

/// What became of a file.
pub(crate) struct Taken {
    pub(crate) office: &'static str,
    pub(crate) file: String,
    pub(crate) intake: Intake,
}

/// Every organisation takes in what it has of a month.
pub(crate) fn take_in_all(
    place: &Place,
    offices: &[Office<'_>],
    year: &Year,
    month: u32,
) -> Result<Vec<Taken>> {
    let work = |office: &Office<'_>| office.take_in(year, month);
    let taken: Vec<Taken> = std::thread::scope(|scope| {
        let (left, right) = offices.split_at(offices.len() / 2);
        let all = |some: &[Office<'_>]| some.iter().map(work).collect::<Result<Vec<_>>>();
        let right = scope.spawn(move || all(right));
        let left = all(left)?;
        let right = right
            .join()
            .map_err(|_| anyhow::anyhow!("an intake panicked"))??;
        Ok::<_, anyhow::Error>(left.into_iter().chain(right).flatten().collect())
    })?;
    for Taken {
        office,
        file,
        intake,
    } in &taken
    {
        let name = Path::new(file)
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        let mut line = format!("{office}: {name}: {} on their way", intake.sent);
        if intake.waiting > 0 {
            line += &format!(", {} waiting until their person is linked", intake.waiting);
        }
        if intake.bad > 0 {
            line += &format!(", {} bad", intake.bad);
        }
        place.show(&line);
        ensure!(intake.repeated == 0, "{file}: {intake:?}");
    }
    Ok(taken)
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

/// The last word of exactly six digits.
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
