//! The README's table of published items: each command shows what its row says, run on a profile that
//! the files of `demo/` filled. So the table cannot rot.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "tests of real processes"
)]

use crate::support::{refused, succeed, text};
use denizen_recovery::{ARGON2_FLOOR, DeviceSecret, wrap_passphrase};
use denizen_testkit::{
    Play, World, catalogue,
    catalogue::{demo_file, repository},
    persona::RUSTAM,
    play::{EVERY_OFFICE, IMMIGRATION},
};
use std::{collections::BTreeSet, fs, path::Path};

const PASSPHRASE: &str = "seven invented words for one profile only";

/// A row of the table.
struct Row {
    item: String,
    kinds: Vec<String>,
    filled_by: String,
    commands: Vec<String>,
}

/// What stands between backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

fn table() -> Vec<Row> {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let lines = readme
        .lines()
        .skip_while(|line| !line.starts_with("| published item |"));
    let rows = lines.skip(2).take_while(|line| line.starts_with('|'));
    let row = |line: &str| {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 4, "{line}");
        Row {
            item: cells[0].to_owned(),
            kinds: quoted(cells[1]),
            filled_by: cells[2].to_owned(),
            commands: quoted(cells[3]),
        }
    };
    rows.map(row).collect()
}

/// Everybody has filled what they fill, and an application was decided.
async fn filled() -> Play {
    let mut play = Play::in_world(World::make_at(81, crate::support::now()).await);
    play.arrive(RUSTAM).await;
    for office in &EVERY_OFFICE {
        play.open(office).await;
        play.link(RUSTAM.name, office).await;
    }
    for office in &EVERY_OFFICE {
        for (file, mapping) in office.files {
            play.intake(office.name, &demo_file(file), mapping);
        }
    }
    play.settle().await;
    play.open(&IMMIGRATION).await;
    play.link_open(RUSTAM.name, &IMMIGRATION).await;
    play.apply_for_permit(RUSTAM.name).await;
    play.decide("immigration", denizen_testkit::play::permit())
        .await
        .unwrap();
    play.settle().await;
    play
}

/// The profile as the program keeps it.
fn keep(play: &mut Play, folder: &Path) {
    let rng = &mut play.world.rng;
    let holder = &mut play.people.get_mut(RUSTAM.name).unwrap().holder;
    holder.set_language("en");
    let (root, device) = (
        holder.danger_root().danger_bytes(),
        DeviceSecret::new([7; 16]),
    );
    let wrapped = wrap_passphrase(root, PASSPHRASE, &device, ARGON2_FLOOR, rng).unwrap();
    fs::create_dir(folder).unwrap();
    fs::write(folder.join("device.secret"), [7; 16]).unwrap();
    fs::write(folder.join("root.wrapped"), wrapped).unwrap();
    fs::write(folder.join("profile.sealed"), holder.encrypt(rng)).unwrap();
}

#[tokio::test]
async fn each_command_of_the_readmes_table_shows_what_its_row_says() {
    let mut play = filled().await;
    let place = tempfile::tempdir().unwrap();
    let (profile, passphrase) = (
        place.path().join("profile"),
        place.path().join("passphrase"),
    );
    keep(&mut play, &profile);
    fs::write(&passphrase, PASSPHRASE).unwrap();
    let english = catalogue();
    let english = english.locale("en").unwrap();
    let mut shown = BTreeSet::new();
    for row in table() {
        let mut said = String::new();
        for command in &row.commands {
            let mut words = command.split(' ');
            assert_eq!(words.next(), Some("denizen"), "{command}");
            let words = words.map(|word| {
                if word == "profile" {
                    text(&profile)
                } else {
                    word
                }
            });
            let rest = ["--passphrase-file", text(&passphrase)];
            let arguments: Vec<_> = words.chain(rest).collect();
            said += &succeed(&arguments);
        }
        assert!(!row.filled_by.is_empty(), "{}", row.item);
        assert!(!row.kinds.is_empty(), "{}", row.item);
        for kind in row.kinds {
            assert!(
                catalogue().kinds().any(|k| k.name == kind),
                "there is no kind {kind}"
            );
            let label = format!("{}  [", english.text(&format!("kind-{kind}"), &[]));
            let is_there = said.contains(&label);
            let planned = row.filled_by.contains("(planned)") && row.commands.is_empty();
            assert!(
                is_there || planned,
                "{kind}: {:?} said\n{said}",
                row.commands
            );
            assert!(shown.insert(kind.clone()), "{kind} is there twice");
        }
    }
    let all: BTreeSet<_> = catalogue().kinds().map(|k| k.name.clone()).collect();
    assert_eq!(shown, all, "the table has every kind");

    // What is picked is only what was asked for; a word that is none is refused with those that are.
    let rest = ["--passphrase-file", text(&passphrase)];
    let list = |which: [&'static str; 2]| [&["list", text(&profile)][..], &which, &rest].concat();
    let borders = succeed(&list(["--category", "border"]));
    let label = |key: &str| format!("{}  [", english.text(key, &[]));
    assert!(
        borders.contains(&label("kind-border-crossing")),
        "{borders}"
    );
    assert!(!borders.contains(&label("kind-tax-payment")), "{borders}");
    // A decision stands under its service's heading.
    let work = succeed(&list(["--category", "employment"]));
    assert!(work.contains(&label("kind-decision")), "{work}");
    let said = refused(&list(["--category", "borders"]));
    assert!(
        said.contains("no such category") && said.contains("border, "),
        "{said}"
    );
    let said = refused(&list(["--kind", "passport"]));
    assert!(
        said.contains("no such kind") && said.contains("travel-document"),
        "{said}"
    );
}
