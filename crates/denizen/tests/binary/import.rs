//! An export by the command line alone, with no server anywhere: in, over again, meddled with, as history;
//! its dates as a calendar; a disputed record with both sides.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "tests of real processes"
)]

use crate::support::{denizen, refused, succeed};
use denizen_testkit::{
    AZIZA, GULAB, Play,
    play::{BORDER, vct},
};
use serde_json::json;
use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Output, Stdio},
};

/// Somebody's export as files, with the kit.
fn write(folder: &Path, name: &str, play: &Play, person: &str) -> String {
    for (file, bytes) in play.export(person) {
        let path = folder.join(name).join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    play.holder(person).kit().to_text().to_string()
}

/// Runs a command with something on its standard input.
fn fed(arguments: &[&str], input: &str) -> Output {
    let mut command = denizen();
    command.args(arguments).stdin(Stdio::piped());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

/// Two people with exports in a folder; one has disputed a crossing, and holds a paper that ends late.
async fn exports(folder: &Path) -> (String, String) {
    let mut play = Play::with(301, &[BORDER]).await;
    for persona in [AZIZA, GULAB] {
        play.arrive(persona).await;
        play.link(persona.name, &BORDER).await;
    }
    play.fill(&BORDER).await;
    let late = json!({
        "subject": {"names": {"latin": "Karimova Aziza"}, "birth_date": "1994-03-17"},
        "document_type": "identity-card",
        "document_number": "AD7712044",
        "issuing_state": "UZB",
        "nationality": "UZB",
        "valid_until": "2093-05-06"
    });
    play.row("border", "aziza", vct::TRAVEL, late).await;
    let crossing = play.record("aziza", vct::CROSSING).kept;
    let claims = vec![vec!["checkpoint".to_owned(), "name".to_owned()]];
    let said = "I crossed at Sheremetyevo.";
    let done = play.person("aziza", |h, with| {
        h.dispute(&crossing, claims, said, &[], with)
    });
    done.await.unwrap();
    (
        write(folder, "hers", &play, "aziza"),
        write(folder, "his", &play, "gulab"),
    )
}

#[tokio::test]
async fn an_export_goes_into_profiles_and_dates_into_a_calendar_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let (kit, his_kit) = exports(folder.path()).await;
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(
        folder.path().join("pass"),
        "seven invented words for tests\n",
    )
    .unwrap();
    let (hers, his, mine, pass) = (path("hers"), path("his"), path("mine"), path("pass"));
    let with = ["--passphrase-file", pass.as_str()];

    // Into a profile that the kit makes; a kit of somebody else makes none.
    let wrong = fed(&[&["import", &hers, &mine][..], &with].concat(), &his_kit);
    assert!(!wrong.status.success());
    let said = String::from_utf8(wrong.stderr).unwrap();
    assert!(said.contains("[other-profile]"), "{said}");
    assert!(!Path::new(&mine).exists(), "half an import is none");
    let made = fed(&[&["import", &hers, &mine][..], &with].concat(), &kit);
    let (out, err) = (made.stdout, String::from_utf8(made.stderr).unwrap());
    assert!(made.status.success(), "{err}");
    let out = String::from_utf8(out).unwrap();
    assert!(
        out.contains("Taken in. Records: 5. Already here: 0."),
        "{out}"
    );
    let again = succeed(&[&["import", &hers, &mine][..], &with].concat());
    assert!(
        again.contains("Records: 0. Already here: 5. Other things: 0."),
        "{again}"
    );

    // Both sides of the disputed crossing.
    let list = succeed(&[&["list", &mine][..], &with].concat());
    assert!(
        list.contains("Border crossing") && list.contains("disputed"),
        "{list}"
    );
    let shown = succeed(&[&["show", &mine, "border-crossing"][..], &with].concat());
    let recorded = shown.find("As recorded:").unwrap();
    let says = shown.find("As I say").unwrap();
    assert!(
        recorded < says && shown.contains("I crossed at Sheremetyevo."),
        "{shown}"
    );

    // Dates, and the same as a calendar.
    let ics = path("dates.ics");
    let far = ["due", &mine, "--days", "40000", "--ics", &ics];
    let due = succeed(&[&far[..], &with].concat());
    assert!(due.contains("2093-05-06"), "{due}");
    let calendar = fs::read_to_string(&ics).unwrap();
    assert!(
        calendar.contains("DTSTART;VALUE=DATE:20930506"),
        "{calendar}"
    );
    let near = succeed(&[&["due", &mine, "--days", "1"][..], &with].concat());
    assert!(!near.contains("2093-05-06"), "{near}");

    history(&his, &mine, &with);
    meddled(folder.path(), &kit, &with);
}

/// Somebody else's export is no record of hers; said to be an earlier one, it is history.
fn history(his: &str, mine: &str, with: &[&str]) {
    let no = refused(&[&["import", his, mine][..], with].concat());
    assert!(no.contains("[other-profile]"), "{no}");
    let earlier = succeed(&[&["import", his, mine, "--earlier"][..], with].concat());
    assert!(earlier.contains("Records: 2."), "{earlier}");
    let list = succeed(&[&["list", mine][..], with].concat());
    assert!(
        list.contains("From an earlier profile") && list.contains(" E2 "),
        "{list}"
    );
    let old = succeed(&[&["show", mine, "E1"][..], with].concat());
    assert!(
        old.contains("exported on") && old.contains("not shown"),
        "{old}"
    );
}

/// Changed since: left out and named; led elsewhere: refused whole.
fn meddled(folder: &Path, kit: &str, with: &[&str]) {
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (hers, mine, third) = (path("hers"), path("mine"), path("third"));
    let copy = folder.join("hers/records/0002.json");
    let mut bytes = fs::read(&copy).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&copy, bytes).unwrap();
    let partly = fed(&[&["import", &hers, &third][..], with].concat(), kit);
    let out = String::from_utf8(partly.stdout).unwrap();
    assert!(
        out.contains("Records: 4.") && out.contains("Kept out: records/0002.json"),
        "{out}"
    );
    fs::remove_file(&copy).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", &copy).unwrap();
    let led = refused(&[&["import", &hers, &mine][..], with].concat());
    assert!(
        led.contains("0002.json") && led.contains("no plain file"),
        "{led}"
    );
}
