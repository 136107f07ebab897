//! A guardian and a child, a person and her helper, her two devices, a new root: by the command line alone.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "tests of real processes"
)]

use crate::support::{HubFolder, Process, denizen, refused, succeed, text};
use denizen_model::invitation::to_qr_text;
use std::{collections::BTreeMap, fs, path::PathBuf};

const PERSON: &str = "urn:denizen:kind:person:1";

/// Modules on a side of the code that was printed.
fn modules_of(printed: &str) -> usize {
    let code = |line: &&str| line.starts_with('█') && line.ends_with('█');
    printed.lines().find(code).unwrap().chars().count() - 2
}

/// What a camera reads of the code that was printed: it has few modules.
fn scanned(invitation: &str, printed: &str) -> String {
    let modules = modules_of(printed);
    assert!((80..=93).contains(&modules), "{modules} modules");
    to_qr_text(invitation).unwrap()
}

/// A hub that is served, an office that says who people are and asks whether they are of age.
struct Town {
    hub: HubFolder,
    _process: Process,
    office: PathBuf,
}

impl Town {
    fn make() -> Self {
        let hub = HubFolder::make();
        let process = hub.serve();
        let office = hub.file("office");
        let (dir, id) = (text(&office).to_owned(), hub.id.to_text());
        let at = ["--hub-id", &id, "--hub-url", &hub.url];
        succeed(&[&["gateway", "init", &dir, "--name", "Register"][..], &at].concat());
        let statement = hub.file("office.statement");
        let output = denizen()
            .args(["gateway", "statement", &dir])
            .output()
            .unwrap();
        fs::write(&statement, output.stdout).unwrap();
        let mut admit = vec!["hub", "admit"];
        let folder = hub.path();
        admit.extend([text(&folder), text(&statement)]);
        for kind in [
            PERSON,
            "urn:denizen:kind:application-filed:1",
            "urn:denizen:kind:decision:1",
        ] {
            admit.extend(["--kind", kind]);
        }
        succeed(&admit);
        succeed(&["gateway", "sync", &dir]);
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        let service = format!("{root}/catalogue/services/age-check.json");
        succeed(&["gateway", "publish", &dir, &service]);
        let town = Self {
            hub,
            _process: process,
            office,
        };
        fs::write(town.hub.file("pass"), "seven invented words for tests\n").unwrap();
        town
    }

    fn path(&self, name: &str) -> String {
        text(&self.hub.file(name)).to_owned()
    }

    /// A command on a profile.
    fn on(&self, command: &[&str], profile: &str, rest: &[&str]) -> Vec<String> {
        let own = [&self.path(profile), "--passphrase-file", &self.path("pass")].map(str::to_owned);
        let command = command.iter().chain(rest).map(|s| (*s).to_owned());
        let mut all: Vec<String> = command.collect();
        let at = all.len() - rest.len();
        all.insert(at, own[0].clone());
        all.extend_from_slice(&own[1..]);
        all
    }

    fn does(&self, command: &[&str], profile: &str, rest: &[&str]) -> String {
        let all = self.on(command, profile, rest);
        succeed(&all.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn is_refused(&self, command: &[&str], profile: &str, rest: &[&str]) -> String {
        let all = self.on(command, profile, rest);
        refused(&all.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn profile(&self, name: &str) {
        let id = self.hub.id.to_text();
        let kit = self.path(&format!("{name}.kit"));
        let rest = ["--hub-id", &id, "--hub-url", &self.hub.url, "--kit", &kit];
        self.does(&["init"], name, &rest);
    }

    fn office(&self, rest: &[&str]) -> String {
        let dir = text(&self.office);
        succeed(&[&["gateway", rest[0], dir], &rest[1..]].concat())
    }

    /// Links a profile by its case, six digits and all; the office says who it is.
    fn link(&self, profile: &str, case: &str, ward: &[&str]) {
        let asked = ["--purpose", "Who you are", "--send", PERSON, "--case", case];
        let said = self.office(&[&["invite", "--qr"][..], &asked].concat());
        let invitation = said.lines().find(|l| l.starts_with("denizen:invite#"));
        let read = scanned(invitation.unwrap(), &said);
        let rest = [&[&read, "--yes"][..], ward].concat();
        self.does(&["link"], profile, &rest);
        self.office(&["sync"]);
        self.does(&["sync"], profile, ward);
        let said = self.does(&["code"], profile, ward);
        let digits: String = said.chars().filter(char::is_ascii_digit).collect();
        self.office(&["sync"]);
        self.office(&["confirm", case, &digits]);
        let born = if case == "C-1" {
            "2017-10-02"
        } else {
            "1990-01-01"
        };
        let file = self.hub.file(&format!("{case}.csv"));
        fs::write(
            &file,
            format!(
                "case,name,born,adult\n{case},Somebody {case},{born},{}\n",
                case != "C-1"
            ),
        )
        .unwrap();
        let mapping = self.hub.file("mapping.toml");
        fs::write(&mapping, MAPPING).unwrap();
        self.office(&["intake", text(&file), "--mapping", text(&mapping)]);
        self.office(&["sync"]);
        self.does(&["sync"], profile, ward);
    }
}

const MAPPING: &str = r#"
kind = "urn:denizen:kind:person:1"
format = "csv"
encoding = "utf-8"
delimiter = ","
case_reference = "case"
unique = ["case"]

[[claim]]
path = ["subject", "names", "original"]
column = "name"

[[claim]]
path = ["subject", "birth_date"]
column = "born"

[[claim]]
path = ["nationalities"]
constant = "KGZ"
type = "list"

[[claim]]
path = ["age_over_14"]
column = "adult"
type = "boolean"

[[claim]]
path = ["age_over_16"]
column = "adult"
type = "boolean"

[[claim]]
path = ["age_over_18"]
column = "adult"
type = "boolean"
"#;

#[test]
fn a_guardian_keeps_a_childs_profile_and_hands_it_over() {
    let town = Town::make();
    town.profile("mother");
    let kit = town.path("child.kit");
    let said = town.does(&["ward", "add"], "mother", &["aibek", "--kit", &kit]);
    assert!(said.contains("--ward aibek"), "{said}");
    let said = town.does(&["ward", "list"], "mother", &[]);
    let print = said.split_whitespace().last().unwrap();
    assert_eq!(print.len(), 43, "{said}");
    let again = town.is_refused(&["ward", "add"], "mother", &["aibek"]);
    assert!(again.contains("[ward-known]"), "{again}");
    let ward = ["--ward", "aibek"];
    town.link("mother", "C-1", &ward);
    let his = town.does(&["list"], "mother", &ward);
    assert!(his.contains("Register"), "{his}");
    let hers = town.does(&["list"], "mother", &[]);
    assert!(!hers.contains("Register"), "{hers}");
    let nobody = town.is_refused(&["list"], "mother", &["--ward", "nobody"]);
    assert!(nobody.contains("[ward-unknown]"), "{nobody}");

    // Her device is lost: her own kit brings both back.
    let restored = denizen()
        .args([
            "restore",
            &town.path("again"),
            "--passphrase-file",
            &town.path("pass"),
        ])
        .stdin(fs::File::open(town.path("mother.kit")).unwrap())
        .output()
        .unwrap();
    assert!(restored.status.success());
    let missing = town.is_refused(&["list"], "again", &ward);
    assert!(missing.contains("[ward-not-here]"), "{missing}");
    town.does(&["ward", "restore"], "again", &["aibek"]);
    assert!(town.does(&["list"], "again", &ward).contains("Register"));

    // Handed over: a new root, then her copy is destroyed.
    let grown = town.path("grown");
    let new = [&[grown.as_str()][..], &ward].concat();
    let pass = town.path("pass");
    let kit = town.path("grown.kit");
    let rest = ["--new-passphrase-file", &pass, "--kit", &kit, "--shred"];
    let renew = [&new[..], &rest].concat();
    let said = town.does(&["renew"], "again", &renew);
    assert!(said.contains("not yet: Register"), "{said}");
    town.office(&["sync"]);
    let said = town.does(&["renew"], "again", &renew);
    assert!(!said.contains("not yet"), "{said}");
    assert!(town.does(&["list"], "grown", &[]).contains("Register"));
    assert!(!town.does(&["list"], "again", &ward).contains("Register"));
    let said = town.does(&["ward", "forget"], "again", &["aibek", "--yes"]);
    assert!(said.contains("does not undo"), "{said}");
    let gone = town.is_refused(&["list"], "again", &ward);
    assert!(gone.contains("[ward-unknown]"), "{gone}");
    assert!(
        !town
            .hub
            .file("again")
            .join("wards")
            .read_dir()
            .unwrap()
            .any(|_| true)
    );
}

/// The helper's card, and the mandate that begins with its digits alone.
fn compare(town: &Town, card: &str) {
    let rest = ["Aziza", "--called", "Nargis of the clinic", "--out", card];
    let said = town.does(&["helper", "card"], "nargis", &rest);
    let digits = said.split("Digits of this card: ").nth(1).unwrap();
    let digits = digits.split('.').next().unwrap().to_owned();
    let terms = [
        "--may",
        "read",
        "--may",
        "prepare",
        "--may",
        "receive",
        "--service",
        "age-check",
        "--until",
        "2099-12-31",
    ];
    let add = |digits: &str| {
        let own = ["Nargis", card, "--digits", digits].map(str::to_owned);
        own.into_iter()
            .chain(terms.map(str::to_owned))
            .collect::<Vec<_>>()
    };
    let wrong = add("1111 2222 3333 4444 5555 6666");
    let wrong: Vec<&str> = wrong.iter().map(String::as_str).collect();
    let said = town.is_refused(&["helper", "add"], "aziza", &wrong);
    assert!(said.contains("[helper-digits]"), "{said}");
    let right = add(&digits);
    let right: Vec<&str> = right.iter().map(String::as_str).collect();
    town.does(&["helper", "add"], "aziza", &right);
}

#[test]
fn a_helper_drafts_and_asks_and_the_person_files() {
    let town = Town::make();
    town.profile("aziza");
    town.profile("nargis");
    town.link("aziza", "C-2", &[]);
    let (card, given, draft, ask) = (
        town.path("card"),
        town.path("given"),
        town.path("draft"),
        town.path("ask"),
    );
    compare(&town, &card);

    let rest = ["Nargis", "--read", "1:age_over_18", "--out", &given];
    town.does(&["helper", "give"], "aziza", &rest);
    let said = town.does(&["helper", "read"], "nargis", &[&given]);
    assert!(said.contains("This is to read"), "{said}");
    assert!(
        !said.contains("Somebody") && !said.contains("1990"),
        "{said}"
    );
    let said = town.is_refused(&["helper", "read"], "aziza", &[&given]);
    assert!(said.contains("[helper-file]"), "{said}");
    let rest = [given.as_str(), "age-check", "--out", &draft];
    town.does(&["helper", "draft"], "nargis", &rest);
    let said = town.does(&["helper", "file"], "aziza", &[&draft, "--yes"]);
    assert!(said.contains("Nargis prepared this"), "{said}");
    town.office(&["sync"]);
    town.does(&["sync"], "aziza", &[]);
    let said = town.does(&["follow"], "aziza", &[]);
    let name = said.split(['[', ']']).nth(1).unwrap();
    let said = town.office(&["queue"]);
    let case = said.split_whitespace().next().unwrap().to_owned();

    town.does(&["helper", "tell"], "aziza", &["Nargis", name]);
    town.office(&["sync"]);
    fs::remove_file(&given).unwrap();
    town.does(&["helper", "give"], "aziza", &["Nargis", "--out", &given]);
    let rest = [given.as_str(), &case, "--out", &ask];
    let said = town.does(&["helper", "ask"], "nargis", &rest);
    let modules = modules_of(&said);
    assert!(modules <= 85, "{modules} modules; at level Q 113");
    let said = town.office(&["helper", &case, &ask]);
    assert!(said.contains("Nargis of the clinic may be told"), "{said}");
    assert!(said.contains("filed"), "{said}");
    let dir = text(&town.office);
    let again = refused(&["gateway", "helper", dir, &case, &ask]);
    assert!(again.contains("mandate-proof-refused"), "{again}");
    town.office(&["sync"]);
    let said = town.does(&["sync"], "aziza", &[]);
    assert!(said.contains("Your helper asked"), "{said}");
    let said = town.does(&["helper", "end"], "aziza", &["Nargis"]);
    assert!(said.contains("What Nargis has read stays read"), "{said}");
    let said = town.does(&["helper", "list"], "aziza", &[]);
    for what in [
        "begun",
        "given to read",
        "a draft came",
        "was told",
        "ended",
    ] {
        assert!(said.contains(what), "{what}: {said}");
    }
}

/// The telephone offers, the laptop takes; gives the laptop's profile.
fn second_device(town: &Town) -> &'static str {
    let given = town.path("link-pass");
    fs::write(&given, "seven green boats in the rain\n").unwrap();
    let with = ["--link-passphrase-file", &given];
    let said = town.does(&["device", "offer"], "telephone", &with);
    let link = said.lines().find(|l| l.starts_with("denizen:device#"));
    let file = town.path("device-link");
    fs::write(&file, link.unwrap()).unwrap();
    town.does(
        &["device", "take"],
        "laptop",
        &[&[&*file], &with[..]].concat(),
    );
    "laptop"
}

/// The list of a profile's devices, by name: that of its own has the mark behind it.
fn devices(town: &Town, profile: &str) -> BTreeMap<String, String> {
    let said = town.does(&["device", "list"], profile, &[]);
    let rows = said.lines().filter(|l| !l.contains("Here since"));
    let row = |row: &str| {
        let (number, name) = row.trim().split_once("  ").unwrap();
        (name.to_owned(), number.to_owned())
    };
    rows.map(row).collect()
}

fn names(devices: &BTreeMap<String, String>) -> Vec<&str> {
    devices.keys().map(String::as_str).collect()
}

/// Passphrases among what opens the profile, on all of its devices.
fn passphrases(town: &Town, profile: &str) -> usize {
    let said = town.does(&["device", "list"], profile, &[]);
    let way = |l: &&str| l.starts_with("      A passphrase: Here since the week of ");
    said.lines().filter(way).count()
}

#[test]
fn what_opens_a_profile_is_listed_from_its_beginning_and_on_each_device() {
    let town = Town::make();
    town.profile("telephone");
    assert_eq!(passphrases(&town, "telephone"), 1, "before any sync");
    town.does(&["sync"], "telephone", &[]);
    town.does(&["sync"], "telephone", &[]);
    assert_eq!(passphrases(&town, "telephone"), 1, "it is one");
    let restored = |command: &str, profile: &str| {
        let kit = fs::File::open(town.path("telephone.kit")).unwrap();
        let all = town.on(&[command], profile, &[]);
        let done = denizen().args(all).stdin(kit).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    restored("restore", "found-again");
    assert_eq!(passphrases(&town, "found-again"), 2);
    restored("join", "beside");
    assert_eq!(passphrases(&town, "beside"), 3);
    town.does(&["sync"], "telephone", &[]);
    assert_eq!(passphrases(&town, "telephone"), 3, "each hears of all");
}

#[test]
fn two_devices_are_listed_and_named_and_one_that_is_revoked_is_told_so_and_forgets() {
    let town = Town::make();
    town.profile("telephone");
    town.does(&["device", "name"], "telephone", &["the telephone"]);
    let listed = devices(&town, "telephone");
    assert_eq!(names(&listed), ["the telephone (this device)"]);
    assert_eq!(passphrases(&town, "telephone"), 1);
    let laptop = second_device(&town);
    town.does(&["sync"], laptop, &[]);
    let listed = devices(&town, laptop);
    let unnamed = "A device without a name (this device)";
    assert_eq!(names(&listed), [unnamed, "the telephone"]);
    assert_eq!(passphrases(&town, laptop), 2, "one on each");

    town.does(&["device", "name"], laptop, &["the old laptop"]);
    town.does(&["device", "name"], laptop, &["the laptop"]);
    let listed = devices(&town, laptop);
    let from_laptop = ["the laptop (this device)", "the telephone"];
    assert_eq!(names(&listed), from_laptop);
    town.does(&["sync"], "telephone", &[]);
    let listed = devices(&town, "telephone");
    let from_telephone = ["the laptop", "the telephone (this device)"];
    assert_eq!(names(&listed), from_telephone);

    let said = town.is_refused(&["device", "revoke"], "telephone", &["3"]);
    assert!(said.contains("no device has this number"), "{said}");
    let number = listed["the laptop"].as_str();
    let said = town.does(&["device", "revoke"], "telephone", &[number]);
    assert!(said.contains("Removed: the laptop"), "{said}");
    let listed = devices(&town, "telephone");
    assert_eq!(names(&listed), [from_telephone[1]]);

    let said = town.is_refused(&["sync"], laptop, &[]);
    assert!(said.contains("[device-ended]"), "{said}");
    assert!(said.contains("has removed this one"), "{said}");
    // Nothing of the profile is left there; what is left is the lock of the folder.
    let left = || {
        let left = town.hub.file(laptop).read_dir().unwrap();
        left.map(|f| f.unwrap().file_name()).collect::<Vec<_>>()
    };
    assert_eq!(left(), ["lock"]);
    // Forgetting that was ended midway is gone on with.
    for name in ["ended", "profile.sealed", "root.new"] {
        fs::write(town.hub.file(laptop).join(name), "rest").unwrap();
    }
    fs::create_dir_all(town.hub.file(laptop).join("objects/rest")).unwrap();
    let said = town.is_refused(&["list"], laptop, &[]);
    assert!(said.contains("holds no profile"), "{said}");
    assert_eq!(left(), ["lock"]);

    // The other one goes on.
    town.link("telephone", "C-2", &[]);
    let records = town.does(&["list"], "telephone", &[]);
    assert!(records.contains("Register"), "{records}");
}

#[test]
fn everything_is_deleted_by_one_command_and_a_restore_says_so() {
    let town = Town::make();
    town.profile("aziza");
    town.link("aziza", "C-7", &[]);
    let said = town.does(&["shred-all"], "aziza", &["--yes"]);
    assert!(said.contains("lawfully given"), "{said}");
    assert!(said.contains("Register"), "who keeps what: {said}");
    assert!(said.contains("Destroyed: 2 of 2"), "{said}");
    let left = town.hub.file("aziza").read_dir().unwrap();
    let left: Vec<_> = left.map(|f| f.unwrap().file_name()).collect();
    assert_eq!(left, ["lock"]);
    let restored = denizen()
        .args(["restore", &town.path("again")])
        .args(["--passphrase-file", &town.path("pass")])
        .stdin(fs::File::open(town.hub.file("aziza.kit")).unwrap())
        .output()
        .unwrap();
    assert!(!restored.status.success());
    let said = String::from_utf8_lossy(&restored.stderr);
    assert!(said.contains("[profile-deleted]"), "{said}");
}
