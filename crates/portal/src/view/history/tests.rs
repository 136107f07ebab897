#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use crate::runtime::BrowserRng;
use denizen_model::{
    HubId, UnixTime,
    catalogue::Catalogue,
    message::{AccessNotice, KeptByLaw},
};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, OnceLock},
};

const NOW: UnixTime = UnixTime(1_796_000_000);
const PERMIT: &str = "urn:denizen:service:work-permit";

static CATALOGUE: OnceLock<Arc<Catalogue>> = OnceLock::new();

fn catalogue() -> Arc<Catalogue> {
    Arc::clone(CATALOGUE.get_or_init(read))
}

fn read() -> Arc<Catalogue> {
    let at = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalogue");
    let mut files = BTreeMap::new();
    for folder in ["kinds", "schema", "services", "locales"] {
        for entry in std::fs::read_dir(at.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            files.insert(format!("{folder}/{name}"), std::fs::read(&path).unwrap());
        }
    }
    Arc::new(Catalogue::load(&files).unwrap())
}

/// A profile in which something happened.
fn with(change: impl FnOnce(&mut denizen_holder::Profile)) -> Holder {
    let (catalogue, rng) = (catalogue(), &mut BrowserRng);
    let hub = HubId::new([7; 32]);
    let made = Holder::make(
        hub,
        "https://hub.example",
        "ru",
        Arc::clone(&catalogue),
        rng,
    );
    let mut profile = made.profile().clone();
    change(&mut profile);
    let root = made.danger_root();
    let kept = profile.encrypt(root, rng);
    Holder::open(root.clone(), &kept, catalogue, NOW).unwrap()
}

fn notice(role: &str, purpose: &str, claims: &[&str]) -> NoticeEntry {
    NoticeEntry {
        link: 1,
        id: None,
        notice: AccessNotice {
            at: NOW,
            role: role.to_owned(),
            purpose: purpose.to_owned(),
            claims: claims.iter().map(|c| (*c).to_owned()).collect(),
        },
    }
}

fn only(holder: &Holder) -> HistoryRow {
    let [row] = &history(holder).rows[..] else {
        unreachable!("one line")
    };
    row.clone()
}

#[test]
fn an_opened_paper_is_told_in_her_words_claim_by_claim_with_why() {
    let claims = [
        "travel_document: subject.names",
        "travel_document: document_number",
        "medical: outcome",
        "medical: valid_until",
    ];
    let holder = with(|p| p.notices.push(notice("case officer", PERMIT, &claims)));
    let row = only(&holder);
    assert_eq!(
        (row.what, row.role.as_deref()),
        ("opened", Some("case officer"))
    );
    assert!(row.text.contains("разрешение на работу"), "{}", row.text);
    let titles: Vec<_> = row.papers.iter().map(|p| p.title.as_str()).collect();
    let words = holder.words();
    let kind = |name: &str| words.text(&format!("kind-{name}"), &[]);
    assert_eq!(
        titles,
        [kind("travel-document"), kind("medical-certificate")]
    );
    let all = row.papers.iter().flat_map(|p| &p.claims);
    for claim in all {
        assert!(!claim.contains(|c: char| c.is_ascii_lowercase()), "{claim}");
    }
    assert_eq!(row.papers[0].claims.len(), 2);
}

#[test]
fn every_claim_that_a_service_asks_for_has_words_in_every_language() {
    let catalogue = catalogue();
    let mut without = Vec::new();
    for language in ["en", "ru", "uz", "tg", "ky"] {
        let words = Words::new(&catalogue, language);
        for service in catalogue.services() {
            let credentials = service.evidence["credentials"].as_array().unwrap();
            for query in credentials.iter().map(|c| c["id"].as_str().unwrap()) {
                let (vct, paths) = asked_by(service, query).unwrap();
                let kind = &catalogue.kind(&vct).unwrap().name;
                let key = |path: &Vec<String>| format!("claim-{kind}-{}", path.join("-"));
                let missing = paths
                    .iter()
                    .map(key)
                    .filter(|key| words.known(key).is_none());
                without.extend(missing.map(|key| format!("{language} {key}")));
            }
        }
    }
    assert_eq!(without, Vec::<String>::new());
}

#[test]
fn a_file_a_helper_s_question_and_an_unknown_purpose_are_told_without_codes() {
    let file = with(|p| {
        p.notices
            .push(notice("clerk", "dispute", &["file: билет.png"]))
    });
    let row = only(&file);
    assert_eq!(
        row.text,
        file.words().text("portal-history-for-dispute", &[])
    );
    assert_ne!(row.text, "portal-history-for-dispute");
    assert_eq!(row.papers.len(), 1);
    assert!(row.papers[0].title.ends_with("билет.png"));
    assert_ne!(row.papers[0].title, "file: билет.png");

    let asked = with(|p| p.notices.push(notice("helper", PERMIT, &["state"])));
    let row = only(&asked);
    assert_eq!((row.what, row.papers.len()), ("asked", 0));

    let own = with(|p| p.notices.push(notice("auditor", "Проверка за год", &[])));
    assert_eq!(only(&own).text, "Проверка за год");
}

#[test]
fn what_the_law_keeps_after_an_erasure_is_told_with_the_law_and_until_when() {
    let erasure = |done| Erasure {
        id: denizen_model::MessageId::new([3; 16]),
        link: 1,
        about: None,
        sent: NOW,
        done,
    };
    let waits = with(|p| p.erasures.push(erasure(None)));
    let text = |holder: &Holder, key: &str| holder.words().text(key, &[]);
    assert_eq!(
        only(&waits).lines,
        [text(&waits, "portal-history-erased-waits")]
    );
    let done = ErasureDone {
        destroyed: vec!["записки".to_owned()],
        kept: vec![KeptByLaw {
            what: "заявление A-1".to_owned(),
            legal_basis: "115-ФЗ, статья 13.3".to_owned(),
            until: "2029-01-31".parse().unwrap(),
        }],
    };
    let nothing = ErasureDone {
        destroyed: Vec::new(),
        kept: Vec::new(),
    };
    let told = with(|p| p.erasures.push(erasure(Some(done))));
    let [destroyed, kept] = &only(&told).lines[..] else {
        unreachable!("two sentences")
    };
    assert!(destroyed.contains("записки"), "{destroyed}");
    for part in ["заявление A-1", "115-ФЗ, статья 13.3", "2029-01-31"] {
        assert!(kept.contains(part), "{kept}");
    }
    let none = with(|p| p.erasures.push(erasure(Some(nothing))));
    assert_eq!(
        only(&none).lines,
        [text(&none, "portal-history-erased-nothing")]
    );
}

#[test]
fn a_note_is_news_until_she_has_read_it_also_after_the_profile_was_kept() {
    let note = |id: u8, at: i64| denizen_holder::NoteEntry {
        link: 1,
        id: Some(denizen_model::MessageId::new([id; 16])),
        thread: None,
        at: UnixTime(NOW.0 + at),
        text: "Приходите с паспортом".to_owned(),
    };
    let mut holder = with(|p| p.notes.extend([note(1, 0), note(2, 86_400)]));
    let news = crate::view::news_rows(&holder);
    let days: Vec<_> = news.iter().map(|n| (n.what, n.day.clone())).collect();
    let day = |at: i64| day(UnixTime(NOW.0 + at));
    assert_eq!(days, [("note", day(86_400)), ("note", day(0))]);

    holder.notes_read();
    assert!(crate::view::news_rows(&holder).is_empty());
    let kept = holder.encrypt(&mut BrowserRng);
    let root = holder.danger_root().clone();
    let again = Holder::open(root, &kept, catalogue(), NOW).unwrap();
    assert!(crate::view::news_rows(&again).is_empty());
}
