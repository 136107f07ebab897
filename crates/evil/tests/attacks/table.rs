//! The table of the attacks, and what it must hold.

use denizen_guard::Check;
use denizen_testkit::catalogue::repository;
use std::collections::BTreeSet;

const SOURCES: [&str; 10] = [
    include_str!("hand_over.rs"),
    include_str!("keys.rs"),
    include_str!("envelopes.rs"),
    include_str!("rollback.rs"),
    include_str!("copies.rs"),
    include_str!("papers.rs"),
    include_str!("status.rs"),
    include_str!("inbox.rs"),
    include_str!("desk.rs"),
    include_str!("files.rs"),
];

/// Number, rule, checks and test of every attack, in order.
fn attacks() -> Vec<(u32, String, Vec<String>, String)> {
    let mut attacks = Vec::new();
    for lines in SOURCES.map(|s| s.lines().map(str::trim).collect::<Vec<_>>()) {
        for (at, line) in lines.iter().enumerate() {
            let Some((number, rest)) = line.split_once(" \"R") else {
                continue;
            };
            let Ok(number) = number.parse() else { continue };
            let (rule, rest) = rest.split_once("\" [").unwrap();
            let (checks, _) = rest.split_once(']').unwrap();
            let test = lines[at + 1].strip_prefix("async fn ").unwrap();
            let test = test.split_once('(').unwrap().0.to_owned();
            let checks = checks.split(", ").map(str::to_owned).collect();
            attacks.push((number, format!("R{rule}"), checks, test));
        }
    }
    attacks.sort();
    attacks
}

#[test]
fn every_rule_has_an_attack_and_every_check_stops_one() {
    let attacks = attacks();
    assert!(attacks.len() >= 25, "{}", attacks.len());
    let rules = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 18, 19, 21].map(|n| format!("R{n}"));
    let have: BTreeSet<&String> = attacks.iter().map(|(_, rule, ..)| rule).collect();
    assert_eq!(have, rules.iter().collect(), "the rules that are attacked");
    let used: BTreeSet<&String> = attacks
        .iter()
        .flat_map(|(_, _, checks, _)| checks)
        .collect();
    for check in Check::ALL {
        assert!(
            used.contains(&format!("{check:?}")),
            "{check:?} stops no attack"
        );
    }
}

#[test]
fn the_table_of_the_documents_is_the_attacks() {
    let text = std::fs::read_to_string(repository().join("docs/evil-hub.md")).unwrap();
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let number: u32 = cells.get(1)?.parse().ok()?;
        Some((
            number,
            cells[2].to_owned(),
            cells[4].to_owned(),
            cells[7].to_owned(),
        ))
    });
    let rows: Vec<_> = rows.collect();
    let attacks = attacks();
    assert_eq!(rows.len(), attacks.len());
    for ((number, rule, checks, test), row) in attacks.iter().zip(rows) {
        assert_eq!((row.0, &row.1), (*number, rule));
        assert!(
            row.3.ends_with(&format!("::{test}`")),
            "{number}: {}",
            row.3
        );
        for check in checks {
            assert!(row.2.contains(&format!("`{check}`")), "{number}: {check}");
        }
    }
}
