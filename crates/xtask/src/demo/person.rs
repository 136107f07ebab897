//! A person with a profile, as she uses the command line.

use super::{
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
    /// The name of her child, if this is the child's profile.
    ward: Option<&'static str>,
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
            ward: None,
        };
        let hub = ["--hub-id", hub_id, "--hub-url", hub_url];
        let rest = ["--kit", &this.kit, "--passphrase-file", &this.passphrase];
        place.denizen(&[&["init", &this.dir][..], &hub, &rest].concat())?;
        say(
            "The folder is encrypted; the kit (her root secret as words) was written for printing.",
        );
        Ok(this)
    }

    /// Leaves the profile for a browser: gives the address of the portal that takes it, and the
    /// passphrase that it asks for.
    pub(crate) fn offer_to_browser(&self) -> Result<(String, &'static str)> {
        let given = "invented words for a browser";
        let file = self.place.path("browser.passphrase");
        fs::write(&file, format!("{given}\n"))?;
        let own = [
            "device",
            "offer",
            &self.dir,
            "--link-passphrase-file",
            &file,
        ];
        self.place.show_command(&own[..3]);
        let passphrase = ["--passphrase-file", self.passphrase.as_str()];
        let said = self.place.quietly(&[&own[..], &passphrase].concat())?;
        let address = said.lines().find(|line| line.contains("/#/device/"));
        let address = address.context("device offer printed no address")?.trim();
        Ok((address.to_owned(), given))
    }

    /// Arguments of a command on this profile.
    fn with<'b>(&'b self, command: &'b str, rest: &[&'b str]) -> Vec<&'b str> {
        let own = [command, &self.dir];
        let passphrase = ["--passphrase-file", self.passphrase.as_str()];
        let mut all = [&own[..], rest, &passphrase].concat();
        if let Some(ward) = self.ward {
            all.extend(["--ward", ward]);
        }
        all
    }

    fn shown(&self, command: &str, rest: &[&str]) -> Result<String> {
        // The passphrase file is on every command; it is not shown on each.
        self.place
            .show_command(&[&[command, self.dir.as_str()], rest].concat());
        let said = self.place.quietly(&self.with(command, rest))?;
        self.place.show(&said);
        Ok(said)
    }

    /// Fetches what came; gives what the program said.
    pub(crate) fn sync(&self) -> Result<String> {
        self.place.quietly(&self.with("sync", &["--wait", "1"]))
    }

    /// Accepts the invitations of several offices, reads each clerk the six digits, and waits until
    /// every link stands.
    pub(crate) fn link(&self, offices: &[(&Office<'_>, &str)]) -> Result<()> {
        for (office, case) in offices {
            let invitation = office.invite(case)?;
            let arguments = self.with("link", &[&invitation, "--yes"]);
            self.place.quietly(&arguments)?;
        }
        let mut waiting = offices.to_vec();
        wait_for("everybody sees the same six digits", || {
            self.sync()?;
            let said = self.place.quietly(&self.with("code", &[]))?;
            let mut left = Vec::new();
            for (office, case) in waiting.drain(..) {
                let hers = after(&said, office.name()).and_then(six_digits);
                match (hers, office.digits(case)?) {
                    (Some(hers), Some(theirs)) => {
                        ensure!(hers == theirs, "she sees {hers}, the clerk {theirs}");
                        office.confirm(case, &hers)?;
                        say(&format!(
                            "{}: both see {hers}; the clerk types it in.",
                            office.name()
                        ));
                    }
                    _ => left.push((office, case)),
                }
            }
            waiting = left;
            Ok(waiting.is_empty().then_some(()))
        })?;
        let stands = self.text("cli-link-stands")?;
        wait_for("the links stand", || {
            self.sync()?;
            let said = self.place.quietly(&self.with("code", &[]))?;
            let all = offices
                .iter()
                .all(|(o, _)| said.contains(&stands.replace("{org}", o.name())));
            Ok(all.then_some(()))
        })
    }

    /// Syncs until a record of each of these kinds is there.
    pub(crate) fn wait_for_kinds(&self, kinds: &[&str]) -> Result<()> {
        for kind in kinds {
            let label = self.text(&format!("kind-{kind}"))?;
            wait_for(&format!("a record of the kind {kind} comes"), || {
                if self.count_records(&["--kind", kind])? > 0 {
                    return Ok(Some(()));
                }
                self.sync().map(|_| None)
            })?;
            say(&format!("She has it: {label}."));
        }
        Ok(())
    }

    pub(crate) fn list(&self, which: &[&str]) -> Result<String> {
        self.place.quietly(&self.with("list", which))
    }

    /// How many records she has that no later one replaces.
    pub(crate) fn count_records(&self, which: &[&str]) -> Result<usize> {
        let (said, replaced) = (self.list(which)?, self.text("cli-superseded")?);
        let records = said.lines().filter(|line| is_record(line)).count();
        let replaced = said.lines().filter(|line| line.trim() == replaced).count();
        Ok(records - replaced)
    }

    /// How many records she has, also those that a later one replaces.
    pub(crate) fn count_all(&self) -> Result<usize> {
        Ok(self
            .list(&[])?
            .lines()
            .filter(|line| is_record(line))
            .count())
    }

    /// Syncs until so many records are there, and not one more.
    pub(crate) fn wait_for_records(&self, count: usize) -> Result<()> {
        wait_for(&format!("she has {count} records"), || {
            self.sync()?;
            Ok((self.count_records(&[])? >= count).then_some(()))
        })?;
        // One more round would bring what should not come.
        self.place.quietly(&self.with("sync", &[]))?;
        let there = self.count_records(&[])?;
        ensure!(there == count, "she has {there} records, not {count}");
        Ok(())
    }

    /// The leaf of the log that the newest record of a kind came under, as its receipt says.
    pub(crate) fn leaf_of(&self, kind: &str) -> Result<String> {
        let said = self.place.quietly(&self.with("show", &[kind]))?;
        let leaf = said.split_whitespace().find(|word| word.starts_with('#'));
        leaf.map(str::to_owned)
            .with_context(|| format!("the record of the kind {kind} has no receipt"))
    }

    /// Shows the newest record of a kind in full; gives what the program said.
    pub(crate) fn show(&self, kind: &str) -> Result<String> {
        self.shown("show", &[kind])
    }

    /// Shows the records of a kind; gives what the program said.
    pub(crate) fn show_kind(&self, kind: &str) -> Result<String> {
        self.shown("list", &["--kind", kind])
    }

    /// Applies for a service; the program shows exactly what leaves.
    pub(crate) fn apply(&self, service: &str, answers: &str) -> Result<()> {
        let rest = [service, "--answers", answers, "--yes", "--confirm-special"];
        self.shown("apply", &rest).map(drop)
    }

    /// Says that a record is wrong, with a paper and a scan that show it.
    pub(crate) fn dispute(&self, kind: &str, text: &str, paper: &str, scan: &str) -> Result<()> {
        let what = [kind, "--claim", "state", "--text", text];
        let shown = ["--paper", paper, "--attach", scan];
        self.shown("dispute", &[&what[..], &shown].concat())
            .map(drop)
    }

    /// Moves every link to a fresh address; gives how many.
    pub(crate) fn move_links(&self) -> Result<usize> {
        let said = self.place.quietly(&self.with("links", &[]))?;
        let mut moved = 0;
        for line in said.lines() {
            let number = line.split_whitespace().next();
            if let Some(number) = number.filter(|word| word.parse::<u32>().is_ok()) {
                self.place.quietly(&self.with("move", &[number]))?;
                moved += 1;
            }
        }
        Ok(moved)
    }

    /// The links that have ended, as the list of links says.
    pub(crate) fn ended_links(&self) -> Result<usize> {
        let said = self.place.quietly(&self.with("links", &[]))?;
        let ended = self.text("cli-link-ended")?;
        let (before, after) = ended
            .split_once("{org}")
            .context("the text names no office")?;
        let is_ended = |line: &&str| {
            let line = line.trim();
            line.starts_with(before) && line.ends_with(after)
        };
        Ok(said.lines().filter(is_ended).count())
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
            ward: None,
        })
    }

    /// Makes the profile of her child, which hers keeps; gives it with the thumbprint of her key for
    /// him.
    pub(crate) fn add_child(&self, name: &'static str) -> Result<(Self, String)> {
        let kit = self.place.path(&format!("{name}.kit"));
        let rest = [
            &self.dir,
            name,
            "--kit",
            &kit,
            "--passphrase-file",
            &self.passphrase,
        ];
        let arguments = [&["ward", "add"][..], &rest].concat();
        self.place.show_command(&["ward", "add", &self.dir, name]);
        let said = self.place.quietly(&arguments)?;
        self.place.show(&said);
        let text = self.text("cli-ward-key")?;
        let (before, _) = text
            .split_once("{thumbprint}")
            .context("the text has no thumbprint")?;
        let key = said
            .lines()
            .find_map(|line| line.trim().strip_prefix(before));
        let key = key
            .context("ward add printed no thumbprint")?
            .trim()
            .to_owned();
        Ok((self.child(name), key))
    }

    /// Brings her child's profile back on this device.
    pub(crate) fn restore_child(&self, name: &'static str) -> Result<Self> {
        let rest = [&self.dir, name, "--passphrase-file", &self.passphrase];
        self.place
            .show_command(&["ward", "restore", &self.dir, name]);
        let said = self
            .place
            .quietly(&[&["ward", "restore"][..], &rest].concat())?;
        self.place.show(&said);
        Ok(self.child(name))
    }

    fn child(&self, name: &'static str) -> Self {
        Self {
            place: self.place,
            dir: self.dir.clone(),
            passphrase: self.passphrase.clone(),
            kit: self.kit.clone(),
            texts: self.texts.clone(),
            ward: Some(name),
        }
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
