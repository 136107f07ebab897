//! Dates to keep, as a calendar file: read back by Python's `icalendar`, in every language.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_holder::{Holder, Task, TaskKind};
use denizen_model::{HubId, MessageId, Sha256Hash, UnixTime, catalogue::Catalogue};
use denizen_oracles::{
    peer::{python, root},
    say,
};
use denizen_rules::Nearness;
use rand_core::SeedableRng as _;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

const NOW: UnixTime = UnixTime(1_795_500_000);

fn catalogue() -> Catalogue {
    let mut files = BTreeMap::new();
    for folder in ["kinds", "schema", "services", "locales"] {
        for entry in std::fs::read_dir(root().join("catalogue").join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            files.insert(format!("{folder}/{name}"), std::fs::read(&path).unwrap());
        }
    }
    Catalogue::load(&files).unwrap()
}

fn task(kind: TaskKind, on: &str) -> Task {
    Task {
        on: on.parse().unwrap(),
        kind,
        until: None,
        record: Some(Sha256Hash::of(on.as_bytes())),
        about: "urn:denizen:kind:work-permit:1".to_owned(),
        org: None,
        thread: None,
        special: false,
        near: Nearness::Soon(1),
    }
}

fn tasks() -> Vec<Task> {
    use TaskKind::{
        Appeal, Decision, DisputeAnswer, PaperEnds, PapersAsked, PaymentDue, PaymentMissed,
    };
    let missed = Task {
        until: Some("2026-12-20".parse().unwrap()),
        ..task(PaymentMissed, "2026-11-21")
    };
    let offence = Task {
        about: "urn:denizen:kind:administrative-offence:1".to_owned(),
        special: true,
        ..task(Appeal, "2026-12-04")
    };
    let decision = Task {
        record: None,
        about: "urn:denizen:service:work-permit".to_owned(),
        thread: Some(MessageId::new([7; 16])),
        ..task(Decision, "2027-02-28")
    };
    vec![
        missed,
        task(PaymentMissed, "2026-11-24"),
        offence,
        task(PapersAsked, "2026-12-05"),
        task(PaymentDue, "2026-12-23"),
        task(DisputeAnswer, "2026-12-31"),
        decision,
        task(PaperEnds, "2028-02-29"),
    ]
}

#[test]
fn a_foreign_calendar_reads_every_date_with_its_reminders_in_every_language() {
    let catalogue = Arc::new(catalogue());
    let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(7);
    let hub = HubId::new([1; 32]);
    let mut holder = Holder::make(hub, "http://hub", "en", catalogue, &mut rng);
    let mut uids: Option<Vec<Value>> = None;
    for language in ["en", "ru", "uz", "tg", "ky"] {
        holder.set_language(language);
        let (tasks, now) = (tasks(), NOW);
        let ics = holder.calendar(&tasks, now);
        assert_eq!(
            ics,
            holder.calendar(&tasks, now),
            "the same file every time"
        );
        let read = python("calendar_peer.py", &json!({ "ics": ics }));
        assert_eq!(read["version"], "2.0");
        assert!(read["longest"].as_u64().unwrap() <= 75, "{language}");
        let events = read["events"].as_array().unwrap();
        assert_eq!(events.len(), tasks.len());
        for (task, event) in tasks.iter().zip(events) {
            assert_eq!(event["errors"], json!([]));
            assert_eq!(event["from"], task.on.to_string());
            assert_eq!(event["until"], task.on.tomorrow().unwrap().to_string());
            assert_eq!(event["class"], "PRIVATE");
            let days = if task.kind.is_hers() {
                json!([-7, -1])
            } else {
                json!([])
            };
            assert_eq!(event["reminders"], days, "{:?}", task.kind);
            // What is of a special category is not named in a file that travels.
            let words = holder.task_text(task);
            let told = event["title"] == words;
            assert_eq!(told, !task.special, "{language} {:?}", task.kind);
        }
        let names: Vec<_> = events.iter().map(|e| e["uid"].clone()).collect();
        let mut once = names.iter().map(Value::to_string).collect::<Vec<_>>();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), tasks.len(), "two tasks have one name");
        // A newer file moves what an older one told, in whatever language.
        assert_eq!(uids.get_or_insert_with(|| names.clone()), &names);
    }
    say!(
        "PyPI icalendar read {} dates in five languages",
        tasks().len()
    );
}
