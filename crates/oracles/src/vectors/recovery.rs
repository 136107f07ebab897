//! `recovery.md`: the printed kit and wrapped roots.

use super::{Book, Outcome, array, b, bytes, flipped, named, no_such, text, with, world::rng};
use denizen_recovery::{ARGON2_FLOOR, Kit, unwrap_passphrase, wrap_passphrase};
use serde_json::{Value, json};
use zeroize::Zeroizing;

pub(super) fn run(op: &str, input: &Value) -> Outcome {
    match op {
        "kit" => {
            let kit = Kit::parse(text(input, "text")).map_err(named)?;
            Ok(json!({"root": b(kit.root.as_ref()), "hub": kit.hub, "hub_url": kit.hub_url}))
        }
        "unwrap" => {
            let device = Zeroizing::new(array(input, "device_secret"));
            let root =
                unwrap_passphrase(&bytes(input, "wrapped"), text(input, "passphrase"), &device);
            Ok(json!({"root": b(root.map_err(named)?.as_ref())}))
        }
        _ => no_such(),
    }
}

pub(super) fn book() -> Book {
    let mut book = Book::new("recovery");
    let root: [u8; 32] = std::array::from_fn(|i| u8::try_from(i).unwrap());
    kits(&mut book, root);
    let device = Zeroizing::new([0x91; 16]);
    let wrapped =
        wrap_passphrase(&root, "to'rtta olma", &device, ARGON2_FLOOR, &mut rng(0x92)).unwrap();
    let good = json!({"wrapped": b(&wrapped), "passphrase": "to'rtta olma", "device_secret": b(device.as_ref())});
    book.good(
        "a root under passphrase and device secret",
        "recovery.unwrap",
        good.clone(),
        json!({"root": b(root)}),
    );
    // [7, version, memory 1a 00010000, passes, ...]: the cost stands in bytes 2 to 7.
    assert_eq!(wrapped[2..8], [0x1a, 0, 1, 0, 0, 3]);
    let memory = [&wrapped[..3], &[0, 0, 0xff, 0xff], &wrapped[7..]].concat();
    let absurd = [&wrapped[..3], &[0xff; 4], &wrapped[7..]].concat();
    let passes = [&wrapped[..7], &[2], &wrapped[8..]].concat();
    let version = [&wrapped[..1], &[2], &wrapped[2..]].concat();
    for (because, members, error) in [
        (
            "another passphrase",
            json!({"passphrase": "To'rtta olma"}),
            "WrongPassphrase",
        ),
        (
            "another device's secret",
            json!({"device_secret": b([0x90; 16])}),
            "WrongPassphrase",
        ),
        (
            "a bit of the ciphertext is changed",
            json!({"wrapped": b(flipped(&wrapped, wrapped.len() - 1))}),
            "WrongPassphrase",
        ),
        (
            "a bit of the key commitment is changed",
            json!({"wrapped": b(flipped(&wrapped, 40))}),
            "WrongPassphrase",
        ),
        (
            "less memory than the floor",
            json!({"wrapped": b(memory)}),
            "Cost",
        ),
        (
            "fewer passes than the floor",
            json!({"wrapped": b(passes)}),
            "Cost",
        ),
        (
            "more memory than the ceiling",
            json!({"wrapped": b(absurd)}),
            "Cost",
        ),
        (
            "another version",
            json!({"wrapped": b(version)}),
            "Malformed",
        ),
        ("cut", json!({"wrapped": b(&wrapped[..60])}), "Malformed"),
        (
            "a byte follows",
            json!({"wrapped": b([&wrapped[..], &[0]].concat())}),
            "Malformed",
        ),
    ] {
        book.bad(because, "recovery.unwrap", with(&good, members), error);
    }
    book
}

fn kits(book: &mut Book, root: [u8; 32]) {
    let hub = "HUB-ID-AS-TEXT";
    let kit = Kit {
        root: Zeroizing::new(root),
        hub: hub.into(),
        hub_url: "https://hub.example".into(),
    };
    let printed = kit.to_text().to_string();
    let output = json!({"root": b(root), "hub": hub, "hub_url": "https://hub.example"});
    let of = |text: &str| json!({"text": text});
    book.good(
        "a kit as printed",
        "recovery.kit",
        of(&printed),
        output.clone(),
    );
    let (words, rest) = printed.split_once("hub ").unwrap();
    let typed = words
        .split_whitespace()
        .filter(|w| w.parse::<u32>().is_err());
    let typed: Vec<_> = typed.collect();
    let line = |words: &[&str]| format!("{} hub {rest}", words.join(" "));
    book.good(
        "as typed, in capitals and on one line",
        "recovery.kit",
        of(&line(&typed).replace(&typed.join(" "), &typed.join(" ").to_uppercase())),
        output,
    );
    let mut wrong = typed.clone();
    wrong[6] = "denizen";
    book.bad(
        "the seventh word is on no kit",
        "recovery.kit",
        of(&line(&wrong)),
        "Word(7)",
    );
    book.bad(
        "a word is missing",
        "recovery.kit",
        of(&line(&typed[1..])),
        "Count(23)",
    );
    let mut exchanged = typed.clone();
    exchanged.swap(0, 23);
    book.bad(
        "two words are exchanged",
        "recovery.kit",
        of(&line(&exchanged)),
        "Checksum",
    );
    book.bad(
        "the line with the hub is missing",
        "recovery.kit",
        of(words),
        "Hub",
    );
}
