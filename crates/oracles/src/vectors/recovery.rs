//! `recovery.md`: the printed kit, wrapped roots, and how they lie at a hub.

use super::{Book, Outcome, array, b, bytes, flipped, named, no_such, text, with, world::rng};
use denizen_recovery::{
    ARGON2_FLOOR, Kit, derive_locator, open_stored, seal_stored, unwrap_passphrase, unwrap_prf,
    wrap_passphrase, wrap_prf,
};
use denizen_seal::LocalKey;
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
        "unwrap_prf" => {
            let root = unwrap_prf(&bytes(input, "wrapped"), &prf(input));
            Ok(json!({"root": b(root.map_err(named)?.as_ref())}))
        }
        "stored" => {
            let wrapped = open_stored(&bytes(input, "stored"), &bytes(input, "secret"));
            Ok(json!({"wrapped": b(wrapped.ok_or("None")?)}))
        }
        "locator" => Ok(json!({"locator": b(derive_locator(&prf(input), &array(input, "hub")))})),
        _ => no_such(),
    }
}

fn prf(input: &Value) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(array(input, "prf"))
}

pub(super) fn book() -> Book {
    let mut book = Book::new("recovery");
    let root: [u8; 32] = std::array::from_fn(|i| u8::try_from(i).unwrap());
    kits(&mut book, root);
    passphrases(&mut book, root);
    passkeys(&mut book, root);
    locators(&mut book);
    book
}

fn passphrases(book: &mut Book, root: [u8; 32]) {
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
    stored(
        book,
        "a root under a passphrase, at a hub",
        &wrapped,
        &device[..],
    );
}

fn passkeys(book: &mut Book, root: [u8; 32]) {
    let prf = Zeroizing::new([0x93; 32]);
    let wrapped = wrap_prf(&root, &prf, &mut rng(0x94));
    let good = json!({"wrapped": b(&wrapped), "prf": b(prf.as_ref())});
    book.good(
        "a root under a passkey",
        "recovery.unwrap_prf",
        good.clone(),
        json!({"root": b(root)}),
    );
    let version = [&wrapped[..1], &[1], &wrapped[2..]].concat();
    for (because, members, error) in [
        (
            "another passkey's output",
            json!({"prf": b([0x92; 32])}),
            "WrongPassphrase",
        ),
        (
            "a bit of the ciphertext is changed",
            json!({"wrapped": b(flipped(&wrapped, wrapped.len() - 1))}),
            "WrongPassphrase",
        ),
        (
            "a bit of the key commitment is changed",
            json!({"wrapped": b(flipped(&wrapped, 30))}),
            "WrongPassphrase",
        ),
        (
            "a bit of the salt is changed",
            json!({"wrapped": b(flipped(&wrapped, 5))}),
            "WrongPassphrase",
        ),
        (
            "the version of a passphrase",
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
        book.bad(because, "recovery.unwrap_prf", with(&good, members), error);
    }
    stored(book, "a root under a passkey, at a hub", &wrapped, &prf[..]);
}

/// A wrapped root as it lies at a hub, under the device secret or the passkey's output.
fn stored(book: &mut Book, name: &str, wrapped: &[u8], secret: &[u8]) {
    let stored = seal_stored(wrapped, secret, &mut rng(0x95));
    let good = json!({"stored": b(&stored), "secret": b(secret)});
    book.good(
        name,
        "recovery.stored",
        good.clone(),
        json!({"wrapped": b(wrapped)}),
    );
    // What this crate never writes: other zeros, other lengths.
    let length = u16::try_from(wrapped.len()).unwrap().to_be_bytes();
    let mut inside = [&length[..], wrapped].concat();
    inside.resize(192, 0);
    let mut key = [0; 32];
    hkdf::Hkdf::<sha2::Sha256>::new(None, secret)
        .expand(b"denizen/v1/root-stored", &mut key)
        .unwrap();
    let sealed = |inside: &[u8]| {
        let sealed = LocalKey::from_bytes(key).encrypt(&[], inside, &mut rng(0x95));
        json!({"stored": b(sealed)})
    };
    assert_eq!(sealed(&inside), json!({"stored": b(&stored)}));
    let beyond = [&[0, 191], &inside[2..]].concat();
    for (because, members) in [
        ("another secret", json!({"secret": b(flipped(secret, 0))})),
        (
            "a bit of the nonce is changed",
            json!({"stored": b(flipped(&stored, 0))}),
        ),
        (
            "a bit of the tag is changed",
            json!({"stored": b(flipped(&stored, 219))}),
        ),
        ("cut", json!({"stored": b(&stored[..219])})),
        (
            "a byte follows",
            json!({"stored": b([&stored[..], &[0]].concat())}),
        ),
        ("one byte less inside", sealed(&inside[..191])),
        ("the last zero is none", sealed(&flipped(&inside, 191))),
        ("the length reaches beyond the end", sealed(&beyond)),
    ] {
        let because = format!("{name}: {because}");
        book.bad(&because, "recovery.stored", with(&good, members), "None");
    }
}

fn locators(book: &mut Book) {
    for (name, prf, hub) in [
        ("where a passkey's root lies", [0x93; 32], [0xb4; 32]),
        ("another hub has nothing in common", [0x93; 32], [0xb5; 32]),
        ("nor has another passkey", [0x92; 32], [0xb4; 32]),
    ] {
        let input = json!({"prf": b(prf), "hub": b(hub)});
        let output = run("locator", &input).unwrap();
        book.good(name, "recovery.locator", input, output);
    }
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
