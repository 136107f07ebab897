//! Files that go with messages, between real processes: attached, listed, saved; names of others steer
//! nothing and lead nowhere; what lies on the disk is sealed.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "tests of real processes"
)]

use crate::support::{HubFolder, Process, denizen, refused, succeed, text};
use std::{fs, path::PathBuf};

const CASE: &str = "C-1";

/// A hub that serves, an office, and a person with a link to it.
struct Town {
    hub: HubFolder,
    _serving: Process,
}

impl Town {
    fn make() -> Self {
        let hub = HubFolder::make();
        let (dir, statement) = (hub.file("office"), hub.file("office.statement"));
        let (id, url) = (hub.id.to_text(), hub.url.clone());
        let at = ["--hub-id", &id, "--hub-url", &url];
        let init = ["gateway", "init", text(&dir), "--name", "Register"];
        succeed(&[&init[..], &at].concat());
        let written = denizen()
            .args(["gateway", "statement", text(&dir)])
            .output();
        fs::write(&statement, written.unwrap().stdout).unwrap();
        let serving = hub.serve();
        let kind = "urn:denizen:kind:person:1";
        let (hub_dir, statement) = (hub.path(), text(&statement).to_owned());
        succeed(&["hub", "admit", text(&hub_dir), &statement, "--kind", kind]);
        fs::write(hub.file("pass"), "to'rtta olma\n").unwrap();
        let town = Self {
            hub,
            _serving: serving,
        };
        town.office(&["sync"], &[]);
        let kit = town.file("kit");
        let person = [&at[..], &["--kit", text(&kit)]].concat();
        let person: Vec<String> = person.iter().map(|s| (*s).to_owned()).collect();
        let person: Vec<&str> = person.iter().map(String::as_str).collect();
        town.person(&["init"], &person);
        town.link();
        town
    }

    fn file(&self, name: &str) -> PathBuf {
        self.hub.file(name)
    }

    fn line(&self, command: &[&str], dir: &str, rest: &[&str]) -> Vec<String> {
        let dir = text(&self.file(dir)).to_owned();
        let words = command.iter().map(|s| (*s).to_owned());
        let rest = rest.iter().map(|s| (*s).to_owned());
        words.chain([dir]).chain(rest).collect()
    }

    fn office(&self, command: &[&str], rest: &[&str]) -> String {
        let line = self.line(&[&["gateway"], command].concat(), "office", rest);
        succeed(&line.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn person_line(&self, command: &[&str], rest: &[&str]) -> Vec<String> {
        let pass = text(&self.file("pass")).to_owned();
        let mut line = self.line(command, "person", rest);
        line.extend(["--passphrase-file".to_owned(), pass]);
        line
    }

    fn person(&self, command: &[&str], rest: &[&str]) -> String {
        let line = self.person_line(command, rest);
        succeed(&line.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn person_refused(&self, command: &[&str], rest: &[&str]) -> String {
        let line = self.person_line(command, rest);
        refused(&line.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn link(&self) {
        let said = self.office(&["invite"], &["--case", CASE, "--purpose", "register"]);
        let invitation = said.lines().find(|l| l.starts_with("denizen:invite#"));
        self.person(&["link"], &[invitation.unwrap(), "--yes"]);
        self.office(&["sync"], &[]);
        self.person(&["sync"], &[]);
        let said = self.person(&["code"], &[]);
        let digits: String = said.chars().filter(char::is_ascii_digit).collect();
        self.office(&["sync"], &[]);
        self.office(&["confirm"], &[CASE, &digits]);
        self.office(&["sync"], &[]);
        self.person(&["sync"], &[]);
    }
}

#[test]
fn files_go_both_ways_and_their_names_steer_nothing_and_lead_nowhere() {
    let town = Town::make();
    let photo: Vec<u8> = (0..150_000_u32).flat_map(u32::to_be_bytes).collect();
    // A name that would clear the screen, and a path that would lead out.
    let name = "a\u{1b}[2J photo.jpg";
    fs::write(town.file(name), &photo).unwrap();
    let path = town.file(name);
    town.person(&["note"], &["1", "see the photo", "--attach", text(&path)]);
    town.office(&["sync"], &[]);
    let said = town.office(&["notes"], &[]);
    let line = said.lines().find(|l| l.contains("photo.jpg")).unwrap();
    assert!(
        !said.contains('\u{1b}') && line.contains("image/jpeg"),
        "{said}"
    );
    assert!(line.contains("586 KiB"), "{line}");
    let number = line.split_whitespace().nth(1).unwrap();
    let said = town.office(&["files"], &["--note", "1"]);
    assert!(said.contains("photo.jpg"), "{said}");
    let out = town.file("saved.jpg");
    let said = town.office(&["save"], &[number, text(&out), "--role", "registrar"]);
    assert!(said.contains("is told"), "{said}");
    assert_eq!(fs::read(&out).unwrap(), photo);
    let twice = town.line(&["gateway", "save"], "office", &[number, text(&out)]);
    let twice = refused(&twice.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(twice.contains("choose a new name"), "{twice}");

    fs::write(town.file("answer.pdf"), b"%PDF-1.7 an answer").unwrap();
    let answer = town.file("answer.pdf");
    town.office(&["note"], &[CASE, "our answer", "--attach", text(&answer)]);
    town.office(&["sync"], &[]);
    let said = town.person(&["sync"], &[]);
    assert!(said.contains("A file came from Register"), "{said}");
    let said = town.person(&["attachments"], &[]);
    assert!(!said.contains('\u{1b}'), "{said}");
    assert!(said.contains("you sent it to Register"), "{said}");
    assert!(
        said.contains("2. answer.pdf (18 B): it came from Register"),
        "{said}"
    );
    let mine = town.file("mine.pdf");
    town.person(&["save"], &["2", text(&mine)]);
    assert_eq!(fs::read(&mine).unwrap(), b"%PDF-1.7 an answer");
    assert!(
        town.person_refused(&["save"], &["3", "x"])
            .contains("no-such-file")
    );
    let again = town.person_refused(&["save"], &["2", text(&mine)]);
    assert!(again.contains("choose a new name"), "{again}");

    // Beside the profile lie two sealed files, under names of their own.
    let objects: Vec<_> = fs::read_dir(town.file("person").join("objects"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(objects.len(), 2, "{objects:?}");
    for object in &objects {
        let bytes = fs::read(object).unwrap();
        assert!(bytes.len() % 65_552 == 0);
        assert!(
            !bytes
                .windows(8)
                .any(|w| w == b"%PDF-1.7" || w == &photo[..8])
        );
    }
    // Everything is in an export, and verifies without any server.
    let out = town.file("export");
    town.person(&["export"], &[text(&out)]);
    assert_eq!(
        fs::read(out.join("attachments/0001.bin")).unwrap(),
        b"%PDF-1.7 an answer"
    );
    succeed(&["verify", text(&out)]);
    fs::write(out.join("attachments/0001.bin"), b"%PDF-1.7 another..").unwrap();
    assert!(refused(&["verify", text(&out)]).contains("attachments/0001.bin"));
}

#[test]
fn what_cannot_be_sent_says_why_and_nothing_is_sent() {
    let town = Town::make();
    let large = fs::File::create(town.file("large.tif")).unwrap();
    large.set_len(16 << 20).unwrap();
    let large = town.file("large.tif");
    let said = town.person_refused(&["note"], &["1", "x", "--attach", text(&large)]);
    assert!(said.contains("16 MiB"), "{said}");
    let missing = town.file("missing.jpg");
    let said = town.person_refused(&["note"], &["1", "x", "--attach", text(&missing)]);
    assert!(said.contains("missing.jpg"), "{said}");
    let line = town.line(
        &["gateway", "note"],
        "office",
        &[CASE, "x", "--attach", text(&large)],
    );
    let said = refused(&line.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(said.contains("16 MiB"), "{said}");
    town.office(&["sync"], &[]);
    assert!(town.office(&["notes"], &[]).contains("No note"));
    let said = town.person(&["attachments"], &[]);
    assert!(said.contains("No file went"), "{said}");
}
