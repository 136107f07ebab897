//! What a hub says to its operator: counts and states, each of which is written down, and none of which
//! is of one person.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use denizen_testkit::{Person, World};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// Everything that a label may be called, and (but for routes and bounds) all that it may say.
const LABELS: [(&str, &[&str]); 6] = [
    ("method", &["GET", "PUT", "POST", "DELETE", "other"]),
    ("route", &[]),
    ("status", &["2xx", "4xx", "429", "5xx", "503"]),
    ("step", &["Write", "Commit", "Answer"]),
    (
        "reason",
        &[
            "Queue", "Caller", "Held", "Bodies", "Answers", "Reads", "Polls",
        ],
    ),
    ("le", &[]),
];

/// A world in which every kind of thing has happened once.
async fn busy_world() -> (World, Vec<denizen_model::AddressId>) {
    let mut world = World::make(710).await;
    let office = world.office("Office", &[]).await;
    let person = Person::make(&mut world.rng);
    let (address, own) = (
        person.link_address(1, &office, &mut world.rng),
        person.own_address(),
    );
    world.register(&address).await;
    world.register(&own).await;
    let item = world.note(&office, &address, "a note");
    world.deposit(&office, &[item.clone(), item]).await.unwrap();
    let (client, now, auth) = (world.client(), world.now(), &address.keys.auth);
    client.fetch(auth, None, 1, now).await.unwrap();
    client.erase(auth, 0, now).await.unwrap();
    client.erase(auth, 9, now).await.unwrap_err();
    client.directory().await.unwrap();
    world.house().hub().hold_writes(true);
    let item = world.note(&office, &address, "held");
    world.deposit(&office, &[item]).await.unwrap_err();
    world.house().hub().hold_writes(false);
    let stray = format!("/v1/addresses/{}/nothing", address.id().to_text());
    world.fetch_text(0, &stray).await;
    (world, vec![address.id(), own.id()])
}

/// Families of the metrics with their lines.
fn families(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut families = BTreeMap::<String, Vec<String>>::new();
    let mut family = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            family = rest.split(' ').next().unwrap().to_owned();
            families.entry(family.clone()).or_default();
        } else if !line.starts_with('#') {
            assert!(line.starts_with(&family), "{line}");
            families.get_mut(&family).unwrap().push(line.to_owned());
        }
    }
    families
}

#[tokio::test]
async fn every_label_is_one_of_a_fixed_list_and_no_address_is_told() {
    let (world, addresses) = busy_world().await;
    let text = world.fetch_text(0, "/metrics").await;
    assert!(text.ends_with("# EOF\n"), "OpenMetrics ends so");
    let routes: BTreeSet<&str> = denizen_hub::ROUTES
        .iter()
        .map(|(_, path, _)| *path)
        .collect();
    let known: BTreeMap<&str, &[&str]> = LABELS.into_iter().collect();
    let mut seen = BTreeSet::new();
    for line in families(&text).values().flatten() {
        let Some((_, labels)) = line.split_once('{') else {
            continue;
        };
        let (labels, _) = labels.rsplit_once('}').unwrap();
        for label in labels.split("\",") {
            let (name, value) = label.split_once("=\"").unwrap();
            let value = value.trim_end_matches('"');
            let values = known.get(name).unwrap_or_else(|| panic!("{line}"));
            let fits = match name {
                "route" => value == "none" || routes.contains(value),
                "le" => value == "+Inf" || value.parse::<f64>().is_ok(),
                _ => values.contains(&value),
            };
            assert!(fits, "{line}");
            seen.insert(format!("{name}={value}"));
        }
    }
    for expected in [
        "route=/v1/addresses/{address}/envelopes",
        "route=none",
        "reason=Held",
    ] {
        assert!(seen.contains(expected), "{expected} was not seen: {seen:?}");
    }
    world.assert_addresses_unspoken(&addresses).await;
    let logged = denizen_testkit::captured_logs(0);
    assert!(logged.contains("hub.route"), "requests are traced");
}

#[tokio::test]
async fn every_metric_is_written_down_for_the_operator_and_no_other() {
    let (world, _) = busy_world().await;
    let told: BTreeSet<String> = families(&world.fetch_text(0, "/metrics").await)
        .into_keys()
        .collect();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operate/metrics.md");
    let page = fs::read_to_string(page).unwrap();
    let rows = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `denizen_hub_"));
    let written: BTreeSet<String> = rows
        .map(|row| format!("denizen_hub_{}", row.split('`').next().unwrap()))
        .collect();
    assert_eq!(told, written);
}
