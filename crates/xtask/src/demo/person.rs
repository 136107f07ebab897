//! A person with a profile, as she uses the command line.

use super::{
    demo_file,
    offices::{Office, six_digits},
    processes::{Place, wait_for},
    say,
};
use crate::root::root;
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use std::fs;

/// A person's profile.
pub(crate) struct Person<'a> {
    place: &'a Place,
    dir: String,
    passphrase: String,
    kit: String,
    texts: Value,
}

impl<'a> Person<'a> {
    /// Makes a profile.
    pub(crate) fn make(place: &'a Place, name: &str, hub_id: &str, hub_url: &str) -> Result<Self> {
        let passphrase = place.path(&format!("{name}.passphrase"));
        fs::write(&passphrase, "seven invented words for one profile only\n")?;
        let texts = fs::read(root().join("catalogue/locales/en.json"))?;
        let this = Self {
            place,
            dir: place.path(name),
            passphrase,
            kit: place.path(&format!("{name}.kit")),
            texts: serde_json::from_slice(&texts)?,
        };
        let hub = ["--hub-id", hub_id, "--hub-url", hub_url];
        let rest = ["--kit", &this.kit, "--passphrase-file", &this.passphrase];
        place.denizen(&[&["init", &this.dir][..], &hub, &rest].concat())?;
        say(
            "The folder is encrypted; the kit (her root secret as words) was written for printing.",
        );
        Ok(this)
    }

    /// Arguments of a command on this profile.
    fn with<'b>(&'b self, command: &'b str, rest: &[&'b str]) -> Vec<&'b str> {
        let own = [command, &self.dir];
        let passphrase = ["--passphrase-file", self.passphrase.as_str()];
        [&own[..], rest, &passphrase].concat()
    }

    fn shown(&self, command: &str, rest: &[&str]) -> Result<String> {
        // The passphrase file is on every command; it is not shown on each.
        self.place
            .show_command(&[&[command, self.dir.as_str()], rest].concat());
        let said = self.place.quietly(&self.with(command, rest))?;
        self.place.show(&said);
        Ok(said)
    }

    fn sync(&self) -> Result<String> {
        self.place.quietly(&self.with("sync", &["--wait", "2"]))
    }

    /// Accepts an office's invitation for a case, and reads the six digits to its clerk.
    pub(crate) fn link(&self, office: &Office<'_>, case: &str) -> Result<()> {
        let invitation = office.invite(case)?;
        say(&format!(
            "{} hands out an invitation of {} characters (or its QR code).",
            office.name(),
            invitation.len()
        ));
        self.place
            .show_command(&["link", &self.dir, "denizen:invite#...", "--yes"]);
        let said = self
            .place
            .quietly(&self.with("link", &[&invitation, "--yes"]))?;
        self.place.show(&said);
        let hers = wait_for("she sees six digits", || {
            self.sync()?;
            let said = self.place.quietly(&self.with("code", &[]))?;
            Ok(after(&said, office.name()).and_then(six_digits))
        })?;
        let theirs = wait_for("the clerk sees six digits", || office.digits(case))?;
        ensure!(hers == theirs, "she sees {hers}, the clerk {theirs}");
        say(&format!(
            "Both see {hers}. She reads the digits out; the clerk types them."
        ));
        office.confirm(case, &hers)?;
        let stands = self
            .text("cli-link-stands")?
            .replace("{org}", office.name());
        wait_for("the link stands", || {
            self.sync()?;
            let said = self.place.quietly(&self.with("code", &[]))?;
            Ok(said.contains(&stands).then_some(()))
        })?;
        say(&stands);
        Ok(())
    }

    /// Syncs until a record of each of these kinds is there.
    pub(crate) fn wait_for_kinds(&self, kinds: &[&str]) -> Result<()> {
        for kind in kinds {
            let label = self.text(&format!("kind-{kind}"))?;
            wait_for(&format!("a record of the kind {kind} comes"), || {
                if self
                    .list()?
                    .lines()
                    .any(|line| is_record(line) && line.contains(&label))
                {
                    return Ok(Some(()));
                }
                self.sync().map(|_| None)
            })?;
            say(&format!("She has it: {label}."));
        }
        Ok(())
    }

    fn list(&self) -> Result<String> {
        self.place.quietly(&self.with("list", &[]))
    }

    /// How many records she has.
    pub(crate) fn count_records(&self) -> Result<usize> {
        Ok(self.list()?.lines().filter(|line| is_record(line)).count())
    }

    /// Syncs until so many records are there, and not one more.
    pub(crate) fn wait_for_records(&self, count: usize) -> Result<()> {
        wait_for(&format!("she has {count} records"), || {
            self.sync()?;
            Ok((self.count_records()? >= count).then_some(()))
        })?;
        // One more round would bring what should not come.
        self.sync()?;
        let there = self.count_records()?;
        ensure!(there == count, "she has {there} records, not {count}");
        Ok(())
    }

    /// The leaf of the log that the newest record of a kind came under, as its receipt says.
    pub(crate) fn leaf_of(&self, kind: &str) -> Result<String> {
        let (label, list) = (self.text(&format!("kind-{kind}"))?, self.list()?);
        let mut lines = list.lines();
        let line = lines.find(|line| is_record(line) && line.contains(&label));
        let number = line.and_then(|line| line.split_whitespace().next());
        let number = number.with_context(|| format!("there is no record of the kind {kind}"))?;
        let said = self.place.quietly(&self.with("show", &[number]))?;
        let leaf = said.split_whitespace().find(|word| word.starts_with('#'));
        leaf.map(str::to_owned)
            .with_context(|| format!("the record of the kind {kind} has no receipt"))
    }

    pub(crate) fn show_list(&self) -> Result<()> {
        self.shown("list", &[])?;
        self.shown("show", &["1"]).map(drop)
    }

    /// Applies for a service; the program shows exactly what leaves.
    pub(crate) fn apply(&self, service: &str, answers: &str) -> Result<()> {
        let answers = demo_file(answers)?;
        let rest = [service, "--answers", &answers, "--yes", "--confirm-special"];
        self.shown("apply", &rest).map(drop)
    }

    pub(crate) fn follow(&self) -> Result<()> {
        self.shown("follow", &[]).map(drop)
    }

    /// Makes the profile again in a new folder, from the kit alone.
    pub(crate) fn restore(&self, name: &str) -> Result<Self> {
        let dir = self.place.path(name);
        let arguments = ["restore", &dir, "--passphrase-file", &self.passphrase];
        self.place.show_command(&["restore", &dir, "< the kit"]);
        let kit = fs::read_to_string(&self.kit)?;
        let (succeeded, said, error) = self.place.output(&arguments, &kit)?;
        self.place.show(&said);
        if !succeeded {
            bail!("restore: {}", error.trim());
        }
        let texts = self.texts.clone();
        let (passphrase, kit) = (self.passphrase.clone(), self.kit.clone());
        Ok(Self {
            place: self.place,
            dir,
            passphrase,
            kit,
            texts,
        })
    }

    /// Writes everything to a new folder of readable files.
    pub(crate) fn export(&self, out: &str) -> Result<()> {
        self.shown("export", &[out]).map(drop)
    }

    /// A text of the program in her language.
    pub(crate) fn text(&self, key: &str) -> Result<String> {
        let text = self.texts.get(key).and_then(Value::as_str);
        text.map(str::to_owned)
            .with_context(|| format!("the texts have no {key}"))
    }
}

/// The line after the one that is a name.
fn after<'a>(said: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = said.lines().skip_while(|line| line.trim() != name);
    lines.nth(1)
}

/// Whether a line of the list begins a record: a number, the kind, a short name in brackets.
fn is_record(line: &str) -> bool {
    let mut words = line.split_whitespace();
    words.next().is_some_and(|word| word.parse::<u32>().is_ok()) && line.contains("  [")
}
