//! What happened with her data, in her words: who opened what and why, what was shown, put right, given
//! to helpers and destroyed, and what the law keeps.

mod papers;

pub use papers::HistoryPaper;

use super::{
    day,
    link::org_name,
    service::{flat, title},
};
use denizen_holder::{
    Alarm, Application, Dispute, Erasure, Helper, Holder, NoticeEntry, UseKind, Words,
};
use denizen_model::message::ErasureDone;
use papers::{asked_paper, kind_of_record, opened_papers, paper};
use serde::Serialize;
use tsify::Tsify;

/// A line of her history: a paper opened, a note, an erasure, a disclosure.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct HistoryRow {
    /// `opened`, `asked`, `shown`, `corrected`, `disputed`, `given`, `note`, `erased`, `alarm-over`.
    pub what: &'static str,
    /// The day.
    pub day: String,
    /// The organisation; a helper as she calls them.
    pub org: String,
    /// In whose role, for a paper that was opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Why, or the note's words.
    pub text: String,
    /// Which claims of which papers.
    pub papers: Vec<HistoryPaper>,
    /// What was destroyed, and what is kept under which law: a sentence each.
    pub lines: Vec<String>,
    /// The day on which an alarm was seen that is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
}

/// What happened with her data, newest first.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct History {
    /// The lines.
    pub rows: Vec<HistoryRow>,
}

/// Everything that happened with her data, newest first.
pub(crate) fn history(holder: &Holder) -> History {
    let profile = holder.profile();
    let notices = profile.notices.iter().map(|n| opened(holder, n));
    let applications = profile.applications.iter();
    let shown = applications.clone().map(|a| shown(holder, a));
    let corrected = applications.flat_map(|a| corrected(holder, a));
    let disputed = profile.disputes.iter().map(|d| disputed(holder, d));
    let given = profile.helpers.iter().flat_map(|h| given(holder, h));
    let notes = profile.notes.iter().map(|n| HistoryRow {
        text: n.text.clone(),
        ..row("note", day(n.at), org_name(holder, n.link))
    });
    let erased = profile.erasures.iter().map(|e| erased(holder, e));
    let over = profile.alarms.iter().filter_map(|a| over(holder, a));
    let mut rows: Vec<_> = notices.chain(shown).chain(corrected).collect();
    rows.extend(disputed.chain(given).chain(notes).chain(erased).chain(over));
    rows.sort_by(|a, b| b.day.cmp(&a.day));
    History { rows }
}

fn row(what: &'static str, day: String, org: String) -> HistoryRow {
    HistoryRow {
        what,
        day,
        org,
        role: None,
        text: String::new(),
        papers: Vec::new(),
        lines: Vec::new(),
        seen: None,
    }
}

/// A person of an office opened papers of hers; or a helper heard a state, and opened nothing.
fn opened(holder: &Holder, entry: &NoticeEntry) -> HistoryRow {
    let notice = &entry.notice;
    let asked = notice.role == "helper" && notice.claims == ["state"];
    let what = if asked { "asked" } else { "opened" };
    let papers = if asked {
        Vec::new()
    } else {
        opened_papers(holder, entry)
    };
    HistoryRow {
        role: Some(notice.role.clone()),
        text: why(holder, &notice.purpose),
        papers,
        ..row(what, day(notice.at), org_name(holder, entry.link))
    }
}

/// What a purpose means: of a service, its name and why papers are asked for.
fn why(holder: &Holder, purpose: &str) -> String {
    let words = holder.words();
    let service = holder.catalogue().service(purpose);
    match service.and_then(|s| words.known(&s.purpose_key)) {
        Some(why) => format!("{}. {why}", title(holder, purpose)),
        None if purpose.starts_with("urn:") => title(holder, purpose),
        None => words
            .known(&format!("portal-history-for-{purpose}"))
            .unwrap_or_else(|| purpose.to_owned()),
    }
}

/// What she showed with an application, in any version of it: claim by claim.
fn shown(holder: &Holder, application: &Application) -> HistoryRow {
    let words = holder.words();
    let filed = holder.filed_papers(application);
    let mut seen = Vec::new();
    let mut papers = Vec::new();
    for shown in &application.shown {
        let name = (&shown.query, &shown.kept);
        if seen.contains(&name) {
            continue;
        }
        seen.push(name);
        let same = |p: &&denizen_holder::FiledPaper| (&p.query, &p.kept) == name;
        papers.push(match filed.iter().find(same) {
            Some(filed) => {
                let lines = words.claims(&filed.vct, &filed.claims);
                let labels = lines.iter().flat_map(flat).map(|[label, _]| label);
                paper(&words, &filed.vct, labels.collect())
            }
            // Of an earlier version, or its record was destroyed since.
            None => asked_paper(holder, application, &shown.query, &shown.kept),
        });
    }
    HistoryRow {
        text: why(holder, &application.submit.purpose),
        papers,
        ..row(
            "shown",
            day(application.sent),
            org_name(holder, application.link),
        )
    }
}

/// What went to an office that was shown a record which another one replaced since (D11).
fn corrected(holder: &Holder, application: &Application) -> Vec<HistoryRow> {
    let profile = holder.profile();
    let sent = application.shown.iter().filter_map(|shown| {
        let mut records = profile.records.iter();
        let newer = records.find(|r| r.supersedes.contains(&shown.kept))?;
        let told = profile.corrected.contains(&shown.sd_hash);
        told.then(|| HistoryRow {
            text: title(holder, &application.submit.purpose),
            papers: vec![asked_paper(
                holder,
                application,
                &shown.query,
                &newer.kept_hash,
            )],
            ..row(
                "corrected",
                day(newer.received),
                org_name(holder, application.link),
            )
        })
    });
    sent.collect()
}

/// What she said is wrong.
fn disputed(holder: &Holder, dispute: &Dispute) -> HistoryRow {
    let words = holder.words();
    let vct = kind_of_record(holder, &dispute.open.kept).unwrap_or_default();
    let labels = dispute.open.claims.iter().map(|p| words.label(&vct, p));
    HistoryRow {
        text: dispute.open.text.clone(),
        papers: vec![paper(&words, &vct, labels.collect())],
        ..row(
            "disputed",
            day(dispute.sent),
            org_name(holder, dispute.link),
        )
    }
}

/// What she gave a helper to read.
fn given(holder: &Holder, helper: &Helper) -> Vec<HistoryRow> {
    let words = holder.words();
    let uses = helper.uses.iter().filter(|u| u.what == UseKind::Given);
    let rows = uses.map(|used| {
        let papers = used.about.iter().map(|vct| paper(&words, vct, Vec::new()));
        HistoryRow {
            papers: papers.collect(),
            ..row("given", day(used.at), helper.name.clone())
        }
    });
    rows.collect()
}

/// She asked that what is kept be destroyed, and what the office answered.
fn erased(holder: &Holder, erasure: &Erasure) -> HistoryRow {
    HistoryRow {
        lines: answered(&holder.words(), erasure.done.as_ref()),
        ..row("erased", day(erasure.sent), org_name(holder, erasure.link))
    }
}

fn answered(words: &Words<'_>, done: Option<&ErasureDone>) -> Vec<String> {
    let Some(done) = done else {
        return vec![words.text("portal-history-erased-waits", &[])];
    };
    let destroyed = done.destroyed.join(", ");
    let destroyed = if destroyed.is_empty() {
        words.text("portal-history-erased-nothing", &[])
    } else {
        words.text("cli-erased", &[("what", &destroyed)])
    };
    let kept = done.kept.iter().map(|kept| {
        let until = kept.until.to_string();
        let slots = [
            ("what", kept.what.as_str()),
            ("law", &kept.legal_basis),
            ("date", &until),
        ];
        words.text("cli-kept-by-law", &slots)
    });
    std::iter::once(destroyed).chain(kept).collect()
}

/// An alarm that is over.
fn over(holder: &Holder, alarm: &Alarm) -> Option<HistoryRow> {
    let org = alarm.link.map_or_else(String::new, |l| org_name(holder, l));
    Some(HistoryRow {
        text: holder.words().problem(&alarm.code).0,
        seen: Some(day(alarm.at)),
        ..row("alarm-over", day(alarm.over?), org)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::{papers::asked_by, *};
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
}
