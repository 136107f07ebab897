//! Every published item of a digital profile, out of files as offices have them: who fills it, what
//! the person sees of it, and that nobody else may fill it. `demo/README.md` says what each file
//! holds; what it says is checked here.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_gateway::{GatewayError, IntakeError, IntakeReport, Mapping};
use denizen_holder::{HeldRecord, LinkState, RecordView, verify_export};
use denizen_model::statement::Quality;
use denizen_testkit::{
    AZIZA, Play, catalogue,
    catalogue::{demo_file, repository},
    persona::RUSTAM,
    play::{EVERY_OFFICE, OfficeKind},
};
use std::collections::{BTreeMap, BTreeSet};

/// The published list of what a profile holds, and the kinds of each item.
const ITEMS: [(&str, &[&str]); 17] = [
    (
        "who the person is",
        &["person", "travel-document", "identifier"],
    ),
    (
        "migration registration, entry and stay",
        &["registration", "stay-application", "residence-permit"],
    ),
    ("visa card", &["visa"]),
    ("crossing the state border", &["border-crossing"]),
    ("restrictions on entry", &["entry-restriction"]),
    ("diplomatic and consular staff", &["accreditation"]),
    ("employment", &["employment", "work-permit"]),
    (
        "vehicles, the right to drive, small vessels",
        &["vehicle", "driving-licence", "vessel-licence"],
    ),
    ("real estate", &["real-estate"]),
    (
        "tax debt, history, registration",
        &["tax-status", "tax-payment", "tax-registration"],
    ),
    (
        "education and its documents",
        &["enrolment", "qualification"],
    ),
    (
        "language",
        &["school-language-test", "language-certificate"],
    ),
    (
        "medical book, insurance",
        &["medical-book", "medical-insurance"],
    ),
    (
        "dangerous diseases: absence",
        &["medical-certificate", "vaccination"],
    ),
    ("contacts", &["phone", "email", "contact-address"]),
    ("administrative offences", &["administrative-offence"]),
    ("who may help or act", &["mandate"]),
];

/// Kinds that procedures mint; no file fills them.
const MINTED: [&str; 3] = ["application-filed", "check-receipt", "decision"];

fn vct(name: &str) -> String {
    format!("urn:denizen:kind:{name}:1")
}

/// What `demo/README.md` says of a file.
#[derive(Debug, PartialEq, Eq)]
struct Stated {
    mapping: String,
    kind: String,
    rows: u64,
    bad: u64,
    aziza: u64,
    rustam: u64,
}

/// The table of files in `demo/README.md`, by file.
fn stated() -> BTreeMap<String, Stated> {
    let text = String::from_utf8(demo_file("README.md")).unwrap();
    let lines = text
        .lines()
        .skip_while(|l| !l.starts_with("| file | mapping |"));
    let row = |line: &str| {
        let cells: Vec<_> = line
            .split('|')
            .map(|c| c.trim().trim_matches('`'))
            .collect();
        let count = |at: usize| cells[at].parse().unwrap();
        let (folder, _) = cells[1].split_once('/').unwrap();
        let stated = Stated {
            mapping: format!("{folder}/{}", cells[2]),
            kind: vct(cells[3]),
            rows: count(5),
            bad: count(6),
            aziza: count(7),
            rustam: count(8),
        };
        (cells[1].to_owned(), stated)
    };
    let rows = lines.skip(2).take_while(|l| l.starts_with('|'));
    rows.map(row).collect()
}

/// Line and column of the bad rows of a file, as `demo/README.md` lists them.
fn stated_bad(file: &str) -> Vec<(u64, String)> {
    let text = String::from_utf8(demo_file("README.md")).unwrap();
    let name = file.rsplit('/').next().unwrap();
    let section = text
        .split("\n## ")
        .find(|s| s.starts_with(&format!("Bad rows of `{name}`")));
    let rows = section.unwrap_or_default().lines().skip(3);
    let row = |line: &str| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        (cells[1].parse().unwrap(), cells[2].to_owned())
    };
    rows.take_while(|l| l.starts_with('|')).map(row).collect()
}

fn counts(report: &IntakeReport) -> (u64, u64, u64, u64) {
    let bad = report.bad.len() as u64;
    (report.taken, report.waiting, report.repeated, bad)
}

fn mapping(path: &str) -> Mapping {
    let text = String::from_utf8(demo_file(path)).unwrap();
    Mapping::parse(&text, &catalogue()).unwrap()
}

/// Whoever is not admitted for a kind can issue nothing of it.
fn assert_refused_elsewhere(play: &mut Play) {
    let now = play.world.now();
    for (at, office) in EVERY_OFFICE.iter().enumerate() {
        let others = EVERY_OFFICE
            .iter()
            .cycle()
            .skip(at + 1)
            .take(EVERY_OFFICE.len() - 1);
        let files = others.flat_map(|o| o.files.iter());
        let foreign = files.map(|(file, map)| (*file, mapping(map)));
        let (file, map) = { foreign }
            .find(|(_, map)| !office.kinds.contains(&map.vct()))
            .unwrap();
        let gateway = play.gateways.get_mut(office.name).unwrap();
        let refused = gateway.intake(demo_file(file).as_slice(), &map, now, &mut play.world.rng);
        let refused = refused.unwrap_err();
        let same = |vct: &str| vct == map.vct();
        assert!(
            matches!(&refused, IntakeError::Gateway(GatewayError::KindNotAdmitted(v)) if same(v)),
            "{}: {file}: {refused:?}",
            office.name
        );
    }
}

/// What a person sees of a record: whose it is, its issuer and in which quality it issues, the proof
/// of its delivery, its notice if it is against her.
/// A receipt is of one text and one time: with what proves another record's delivery, or a letter changed, there
/// is none.
fn assert_no_receipt_of_another(record: &RecordView, (play, me): (&Play, &str)) {
    let holder = play.holder(me);
    let other = holder.records(play.world.now()).into_iter();
    let other = other.map(|r| r.held).find(|o| o.kept_hash != record.kept);
    let mut borrowed = HeldRecord::clone(&record.held);
    borrowed.delivery = other.unwrap().delivery.clone();
    assert!(holder.receipt(&borrowed).is_none(), "another's");
    let mut changed = HeldRecord::clone(&record.held);
    changed.kept.push('~');
    assert!(holder.receipt(&changed).is_none(), "another text");
    let mut later = HeldRecord::clone(&record.held);
    later.received = later.received.plus_s(1);
    assert!(holder.receipt(&later).is_none(), "another time");
}

fn assert_shown(record: &RecordView, (play, me): (&Play, &str), admitted: &BTreeSet<&str>) {
    let (catalogue, name) = (catalogue(), &record.vct);
    let kind = catalogue.kind(name).unwrap();
    assert!(
        !record.claims["subject"]["names"]
            .as_object()
            .unwrap()
            .is_empty()
    );
    assert_eq!(record.quality, Some(Quality::Authority), "{name}");
    let issuer = play.gateways.iter().find(|(_, g)| g.id() == record.issuer);
    assert!(admitted.contains(issuer.unwrap().0), "{name}");
    assert!(
        play.holder(me).receipt(&record.held).is_some(),
        "{name}: its receipt does not verify"
    );
    assert_no_receipt_of_another(record, (play, me));
    assert_eq!(record.showing, kind.traits.showing, "{name}");
    // Many records of one office use up the copy keys of a link: then fresh ones are sent.
    assert_eq!(record.copies_left > 0, record.showing, "{name}");
    let adverse = kind.is_adverse(&record.claims);
    assert_eq!(record.held.notice.is_some(), adverse, "{name}");
    if let Some(notice) = &record.held.notice {
        for said in [
            &notice.who,
            &notice.ground,
            &notice.effect,
            &notice.appeal_where,
        ] {
            assert!(!said.is_empty(), "{name}");
        }
    }
}

#[tokio::test]
async fn every_published_item_is_filled_by_one_who_is_admitted_for_it_and_by_nobody_else() {
    let mut play = Play::with(71, &EVERY_OFFICE).await;
    let (me, stated) = (RUSTAM.name, stated());
    play.arrive(RUSTAM).await;
    for office in &EVERY_OFFICE {
        play.link(me, office).await;
    }
    let links = &play.holder(me).profile().links;
    assert!(links.iter().all(|l| l.state == LinkState::Confirmed));
    let mut taken = 0;
    for office in &EVERY_OFFICE {
        for (file, map) in office.files {
            let report = play.intake(office.name, &demo_file(file), map);
            let says = &stated[*file];
            let waiting = says.rows - says.bad - says.rustam;
            let want = (says.rustam, waiting, 0, says.bad);
            assert_eq!(counts(&report), want, "{file}: {:?}", report.bad);
            taken += report.taken;
        }
    }
    play.settle().await;
    let records = play.records(me);
    assert_eq!(records.len() as u64, taken);
    for (item, kinds) in ITEMS {
        for kind in kinds {
            let name = vct(kind);
            let admits = |o: &&OfficeKind| o.kinds.contains(&name.as_str());
            let admitted = EVERY_OFFICE.iter().filter(admits).map(|o| o.name).collect();
            let held: Vec<_> = records.iter().filter(|r| r.vct == name).collect();
            assert!(!held.is_empty(), "{item}: nobody fills {kind}");
            for record in held {
                assert_shown(record, (&play, me), &admitted);
            }
        }
    }
    assert_refused_elsewhere(&mut play);
    play.settle().await;
    assert_eq!(play.records(me).len(), records.len());
    let report = verify_export(&play.export(me), play.world.now()).unwrap();
    assert_eq!(report.records.len(), records.len());
    play.end().await;
}

#[tokio::test]
async fn one_persons_papers_are_more_than_sixty_and_of_every_category() {
    let knows = |office: &&OfficeKind| AZIZA.cases.iter().any(|(name, _)| *name == office.name);
    let mut play = Play::make(73).await;
    play.arrive(AZIZA).await;
    for office in EVERY_OFFICE.iter().filter(knows) {
        play.open(office).await;
        play.link(AZIZA.name, office).await;
    }
    for (file, says) in stated() {
        let (office, _) = file.split_once('/').unwrap();
        if play.gateways.contains_key(office) {
            let report = play.intake(office, &demo_file(&file), &says.mapping);
            assert_eq!(report.taken, says.aziza, "{file}");
        } else {
            assert_eq!(says.aziza, 0, "{file}");
        }
    }
    play.settle().await;
    let records = play.records(AZIZA.name);
    assert!(records.len() > 60, "{}", records.len());
    let holder = play.holder(AZIZA.name);
    assert!(records.iter().all(|r| holder.receipt(&r.held).is_some()));
    let category = |vct: &str| catalogue().kind(vct).unwrap().traits.category;
    let held: BTreeSet<_> = records.iter().map(|r| category(&r.vct).name()).collect();
    let all: BTreeSet<_> = catalogue()
        .kinds()
        .map(|k| k.traits.category.name())
        .collect();
    assert_eq!(held, all);
    play.end().await;
}

#[tokio::test]
async fn every_kind_has_a_file_and_an_office_or_is_minted_by_a_procedure() {
    let catalogue = catalogue();
    let all: BTreeSet<_> = catalogue.kinds().map(|k| k.vct.clone()).collect();
    let filed = ITEMS.iter().flat_map(|(_, kinds)| kinds.iter());
    let named: BTreeSet<_> = filed.chain(&MINTED).map(|k| vct(k)).collect();
    assert_eq!(all, named, "the table of items has every kind");
    for office in &EVERY_OFFICE {
        let of_files: BTreeSet<_> = office
            .files
            .iter()
            .map(|(_, m)| mapping(m).vct().to_owned())
            .collect();
        let admitted: BTreeSet<_> = office.kinds.iter().map(|k| (*k).to_owned()).collect();
        assert_eq!(
            of_files, admitted,
            "{} is admitted for its files",
            office.name
        );
    }
    let filled: BTreeSet<_> = EVERY_OFFICE
        .iter()
        .flat_map(|o| o.kinds.iter())
        .map(|k| (*k).to_owned())
        .collect();
    let minted = MINTED.iter().map(|k| vct(k)).collect();
    assert_eq!(
        all.difference(&filled).cloned().collect::<BTreeSet<_>>(),
        minted
    );
}

#[tokio::test]
async fn every_file_of_the_demo_holds_what_its_readme_says() {
    let stated = stated();
    let demo = repository().join("demo");
    let mut found = BTreeSet::new();
    for folder in std::fs::read_dir(&demo).unwrap() {
        let folder = folder.unwrap().path();
        if folder.is_dir() {
            for file in std::fs::read_dir(&folder).unwrap() {
                let path = file.unwrap().path();
                let rows = path
                    .extension()
                    .is_some_and(|e| e == "csv" || e == "ndjson");
                let name = path
                    .strip_prefix(&demo)
                    .unwrap()
                    .to_string_lossy()
                    .into_owned();
                found.extend(rows.then_some(name));
            }
        }
    }
    assert_eq!(
        found,
        stated.keys().cloned().collect(),
        "a table row for each file"
    );

    let mut play = Play::with(72, &EVERY_OFFICE).await;
    for (file, says) in &stated {
        let map = mapping(&says.mapping);
        assert_eq!(map.vct(), says.kind, "{file}");
        let (office, _) = file.split_once('/').unwrap();
        let bytes = demo_file(file);
        let report = play.intake(office, &bytes, &says.mapping);
        let want = (0, says.rows - says.bad, 0, says.bad);
        assert_eq!(counts(&report), want, "{file}: {:?}", report.bad);
        let bad: Vec<_> = report
            .bad
            .iter()
            .map(|b| (b.line, b.column.clone()))
            .collect();
        assert_eq!(bad, stated_bad(file), "{file}: {:?}", report.bad);
        let again = play.intake(office, &bytes, &says.mapping);
        assert_eq!(counts(&again), (0, 0, want.1, says.bad), "{file}");
    }
    // Nobody is here whose values could leak: a mark, so that the canary is awake.
    RUSTAM.mark(&mut play.world.marks);
    play.settle().await;
    play.end().await;
}
