//! Two worlds (R9): 20 pairs of lives that differ in everything that is said in them, and not in how
//! much of which size class there is. What the hub sees of them is the same: routes, order, sizes of
//! every request and answer.
//!
//! Left out of the comparison, since it says nothing of a record: the sizes of status list tokens, which
//! depend on which random indexes are in use.
#![allow(clippy::unwrap_used)]

use denizen_model::UnixTime;
use denizen_seal::FileToAttach;
use denizen_testkit::{
    AZIZA, Exchange, GURGEN, Persona, Play, campaign,
    play::{BORDER, vct},
};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use serde_json::json;

const PAIRS: u64 = 20;

/// One life: a link with the border service, a travel document, two crossings, a dispute, a note.
async fn live(seed: u64, persona: Persona, words: u64) -> Vec<String> {
    let mut play = Play::with(seed, &[BORDER]).await;
    play.arrive(persona).await;
    play.link(persona.name, &BORDER).await;
    let mut rng = ChaCha20Rng::seed_from_u64(words);
    let case = persona.case("border");
    let document = document(case, &mut rng);
    let mapping = "border/documents-mapping.toml";
    let report = play.intake("border", document.as_bytes(), mapping);
    assert_eq!((report.taken, report.bad.len()), (1, 0), "{:?}", report.bad);
    play.settle().await;
    let crossings = crossings(case, &mut rng);
    let report = play.intake("border", crossings.as_bytes(), "border/mapping.toml");
    assert_eq!((report.taken, report.bad.len()), (2, 0), "{:?}", report.bad);
    play.settle().await;
    say(&mut play, persona.name, &mut rng).await;
    assert_eq!(play.records(persona.name).len(), 3);
    assert_eq!(play.alarms(persona.name), Vec::<String>::new());
    play.world.wire.exchanges().iter().map(seen).collect()
}

/// She disputes one crossing and writes a note with a scan, in words of her own.
async fn say(play: &mut Play, me: &str, rng: &mut ChaCha20Rng) {
    let kept = play.record(me, vct::CROSSING).kept;
    let link = play.holder(me).profile().links.first().unwrap().index;
    let (wrong, note) = (word(rng, 200), word(rng, 400));
    let now: UnixTime = play.world.now();
    let holder = &mut play.people.get_mut(me).unwrap().holder;
    let claims = vec![vec!["date_time".to_owned()]];
    holder
        .dispute(&kept, claims, &wrong, &[], (now, &mut play.world.rng))
        .unwrap();
    // A scan of some size between one chunk and two.
    let mut scan = vec![0; 65_600 + rng.next_u32() as usize % 65_000];
    rng.fill_bytes(&mut scan);
    let media_type = one(rng, &["image/jpeg", "application/pdf", "text/plain"]);
    let scan = FileToAttach::new(&word(rng, 40), media_type, scan);
    holder.attach(vec![scan]).unwrap();
    holder
        .note(link, None, &note, now, &mut play.world.rng)
        .unwrap();
    play.settle().await;
}

/// A text of up to `most` letters in one of four scripts.
fn word(rng: &mut ChaCha20Rng, most: u32) -> String {
    let scripts = ["abcdefghij", "бвгдежзикл", "აბგდევზთიკ", "دذرزسشصضطظ"];
    let script: Vec<char> = scripts
        .into_iter()
        .nth(rng.next_u32() as usize % 4)
        .unwrap()
        .chars()
        .collect();
    let length = 2 + rng.next_u32() % (most - 1);
    (0..length)
        .map(|_| {
            script
                .get(rng.next_u32() as usize % script.len())
                .copied()
                .unwrap()
        })
        .collect()
}

fn one<'a>(rng: &mut ChaCha20Rng, of: &[&'a str]) -> &'a str {
    of.get(rng.next_u32() as usize % of.len()).copied().unwrap()
}

fn document(case: &str, rng: &mut ChaCha20Rng) -> String {
    let state = one(rng, &["UZB", "TJK", "KGZ", "AFG", "GEO"]);
    let latin = format!("{} {}", "a".repeat(2 + rng.next_u32() as usize % 30), "b");
    let mut text = json!({
        "номерДела": case,
        "лицо": {
            "имя": word(rng, 60), "латиницей": latin,
            "рождение": format!("19{}", 50 + rng.next_u32() % 50),
            "пол": one(rng, &["Ж", "М", "-"]), "гражданство": state, "странаРождения": state,
        },
        "документ": {
            "вид": "ПАСПОРТ", "номер": format!("FA{:07}", rng.next_u32() % 10_000_000),
            "государство": state, "орган": word(rng, 40),
            "выдан": "02.06.2025", "действителен": "01.06.2035",
        },
    })
    .to_string();
    text.push('\n');
    text
}

fn crossings(case: &str, rng: &mut ChaCha20Rng) -> String {
    let file = denizen_testkit::catalogue::demo_file("border/crossings.csv");
    let file = String::from_utf8(file).unwrap();
    let mut text = format!("{}\r\n", file.lines().next().unwrap());
    for day in ["12", "13"] {
        let direction = one(rng, &["въезд", "выезд"]);
        let place = word(rng, 40);
        let mode = one(rng, &["воздушный", "автомобильный", "пешеходный"]);
        let name = word(rng, 50);
        text.push_str(&format!(
            "{case};{name};Aa Bb;;;1990;FA1;UZB;{direction};{day}.03.2026 06:40+0300;10002010;{place};{mode};;;\r\n"
        ));
    }
    text
}

/// What a hub sees of an exchange: the route with ids left out, and sizes.
fn seen(exchange: &Exchange) -> String {
    // Ids are random or hashes: only that there is one is compared. What is asked stays.
    let (path, query) = match exchange.path().split_once('?') {
        Some((path, query)) => (path, format!("?{query}")),
        None => (exchange.path(), String::new()),
    };
    let hidden = |part: &'_ str| if part.len() > 20 { "*" } else { part }.to_owned();
    let path: Vec<String> = path.split('/').map(hidden).collect();
    let path = path.join("/") + &query;
    let (request, answer) = if path.contains("/status/") {
        (0, 0)
    } else {
        (exchange.request.len(), exchange.answer.len())
    };
    format!("{} {path} {request} -> {answer}", exchange.method)
}

#[tokio::test]
async fn lives_with_equal_counts_look_the_same_to_the_hub() {
    for pair in 0..campaign::times(PAIRS) {
        let first = live(pair, AZIZA, 1000 + pair).await;
        let second = live(pair, GURGEN, 2000 + pair).await;
        for (at, (a, b)) in first.iter().zip(&second).enumerate() {
            assert_eq!(a, b, "pair {pair}, exchange {at}");
        }
        assert_eq!(first.len(), second.len(), "pair {pair}");
    }
}

#[tokio::test]
async fn one_record_more_does_not_look_the_same() {
    let first = live(7, AZIZA, 1).await;
    let mut play = Play::with(7, &[BORDER]).await;
    play.arrive(AZIZA).await;
    play.link(AZIZA.name, &BORDER).await;
    let other: Vec<String> = play.world.wire.exchanges().iter().map(seen).collect();
    assert_ne!(first, other, "the comparison can fail");
}
