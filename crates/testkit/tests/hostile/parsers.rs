//! Bytes from the network never panic. Every parser is given what really went over the wire in a whole
//! story, bent in thousands of ways from a seed; what it still accepts it writes back unchanged.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)]

use denizen_api::{
    receipt::verify_proof,
    wire::{
        AddressState, ChangeAccepts, DirectoryAnswer, FetchAnswer, ObjectPart, RegisterAddress,
        UploadState, decode_batch, decode_entries, decode_outcomes, encode_batch, encode_entries,
        encode_outcomes,
    },
};
use denizen_credential::{UnverifiedCredential, UnverifiedPresentation};
use denizen_fuzz::bend;
use denizen_jose::{Unverified, UnverifiedCompact};
use denizen_model::{
    DepositId, HubId,
    deposit::LeafOpening,
    directory::Directory,
    envelope::{Envelope, Header},
    invitation::UnverifiedInvitation,
    message::Message,
    statement::split_kid,
};
use denizen_recovery::{Kit, unwrap_passphrase};
use denizen_seal::FileToAttach;
use denizen_testkit::{
    AZIZA, Play, Rng, campaign,
    play::{BORDER, CLINIC, IMMIGRATION, TEST_CENTRE},
};
use denizen_tlog::{Tile, TilePath, UnverifiedNote, UnverifiedProof, decode_bundle};
use rand_core::SeedableRng as _;

/// Bent samples of each parser.
const ROUNDS: u64 = 1500;
const SEED: u64 = 91;

/// A name, samples, and the parser; it gives what it would write back, if it accepts.
struct Parser {
    name: &'static str,
    samples: Vec<Vec<u8>>,
    parse: Box<Parse>,
}

type Parse = dyn Fn(&[u8]) -> Option<Vec<u8>>;

fn parser(
    name: &'static str,
    samples: impl IntoIterator<Item = Vec<u8>>,
    parse: impl Fn(&[u8]) -> Option<Vec<u8>> + 'static,
) -> Parser {
    Parser {
        name,
        samples: samples.into_iter().take(12).collect(),
        parse: Box::new(parse),
    }
}

/// A parser of text.
fn text(
    name: &'static str,
    samples: impl IntoIterator<Item = String>,
    parse: impl Fn(&str) + 'static,
) -> Parser {
    parser(
        name,
        samples.into_iter().map(String::into_bytes),
        move |bytes| {
            parse(&String::from_utf8_lossy(bytes));
            None
        },
    )
}

#[tokio::test]
async fn bytes_from_the_network_never_panic_and_have_one_reading() {
    let mut play = Play::with(SEED, &[BORDER, CLINIC, TEST_CENTRE, IMMIGRATION]).await;
    play.arrive(AZIZA).await;
    let invitation = play.invite(&BORDER, Some("x-case"));
    for office in [&BORDER, &CLINIC, &TEST_CENTRE] {
        play.link("aziza", office).await;
        play.fill(office).await;
    }
    play.link_open("aziza", &IMMIGRATION).await;
    let scan = FileToAttach::new("scan.jpg", "image/jpeg", vec![7; 70_000]);
    let attached = play.person("aziza", |h, _| h.attach(vec![scan]));
    attached.await.unwrap();
    play.apply_for_permit("aziza").await;
    let (rounds, seed) = (campaign::times(ROUNDS), campaign::seed(SEED));
    let mut rng = Rng::seed_from_u64(seed);
    let mut accepted = 0;
    let parsers = parsers(&play, invitation).await;
    for parser in &parsers {
        assert!(!parser.samples.is_empty(), "{} has no samples", parser.name);
        for sample in &parser.samples {
            if let Some(written) = (parser.parse)(sample) {
                assert_eq!(written, *sample, "{}: a real one", parser.name);
            }
        }
        let mut samples = parser.samples.iter().cycle();
        for _ in 0..rounds {
            let bent = bend(samples.next().unwrap(), &mut rng);
            if let Some(written) = (parser.parse)(&bent) {
                accepted += 1;
                assert_eq!(written, bent, "{}: two encodings of one value", parser.name);
            }
        }
    }
    let count = parsers.len();
    println!(
        "{count} parsers, {rounds} bent samples each, seed {seed}: no panic; {accepted} accepted"
    );
}

async fn parsers(play: &Play, invitation: String) -> Vec<Parser> {
    let mut all = wire_parsers(play).await;
    all.extend(object_parsers(play).await);
    all.extend(text_parsers(play, invitation).await);
    all
}

/// Requests of a route in the story, or answers of what has this in its path.
fn bodies(play: &Play, request: bool, path: &str) -> Vec<Vec<u8>> {
    let exchanges = play.world.wire.exchanges().into_iter().rev();
    if request {
        let of = exchanges.filter(|e| e.method == "POST" && e.path() == path);
        of.map(|e| e.request).collect()
    } else {
        let of = exchanges.filter(|e| e.path().contains(path) && !e.answer.is_empty());
        of.map(|e| e.answer).collect()
    }
}

fn object_part() -> ObjectPart {
    ObjectPart {
        deposit_id: DepositId::new([1; 16]),
        size: 65_552,
        offset: 65_552,
        pass: Some(vec![7; 40]),
        reserved: true,
        bytes: vec![9; 200],
    }
}

/// What the hub said to each part of her scan.
fn upload_states(play: &Play) -> Vec<Vec<u8>> {
    let exchanges = play.world.wire.exchanges().into_iter().rev();
    let puts = exchanges.filter(|e| e.method == "PUT" && e.path().contains("/objects/"));
    let states: Vec<_> = puts.map(|e| e.answer).collect();
    assert!(!states.is_empty(), "a scan was sent");
    states
}

async fn wire_parsers(play: &Play) -> Vec<Parser> {
    let directory = play.world.directory(0).await.answer;
    let deposits = "/v1/deposits";
    vec![
        parser("batch", bodies(play, true, deposits), |b| {
            decode_batch(b).map(|i| encode_batch(&i))
        }),
        parser("outcomes", bodies(play, false, deposits), |b| {
            decode_outcomes(b).map(|o| encode_outcomes(&o))
        }),
        parser("object part", [object_part().encode()], |b| {
            ObjectPart::decode(b).map(|p| p.encode())
        }),
        parser("upload state", upload_states(play), |b| {
            UploadState::decode(b).map(|s| s.encode())
        }),
        parser("fetch", bodies(play, false, "/envelopes"), |b| {
            FetchAnswer::decode(b).map(|a| a.encode())
        }),
        parser("directory", [directory.encode()], |b| {
            DirectoryAnswer::decode(b).map(|a| a.encode())
        }),
        parser("entries", [encode_entries(&[b"one", b"two"])], |b| {
            let entries = decode_entries(b)?;
            let entries: Vec<_> = entries.iter().map(Vec::as_slice).collect();
            Some(encode_entries(&entries))
        }),
        parser("registration", bodies(play, true, "/v1/addresses"), |b| {
            drop(serde_json::from_slice::<RegisterAddress>(b));
            drop(serde_json::from_slice::<AddressState>(b));
            drop(serde_json::from_slice::<ChangeAccepts>(b));
            None
        }),
    ]
}

async fn object_parsers(play: &Play) -> Vec<Parser> {
    let hub: HubId = play.world.house().id;
    let entries = play.world.directory(0).await.answer.entries;
    let batches = bodies(play, true, "/v1/deposits");
    let items = batches.iter().filter_map(|b| decode_batch(b)).flatten();
    let envelopes: Vec<Vec<u8>> = items.map(|i| i.envelope).collect();
    let header = |e: &Vec<u8>| Envelope::parse(e).unwrap().header_bytes().to_vec();
    let headers: Vec<_> = envelopes.iter().map(header).collect();
    let applications = &play.holder("aziza").profile().applications;
    let signed: Vec<_> = applications.iter().map(|a| a.message.0.clone()).collect();
    let opening = |proof: &String| {
        let proof = UnverifiedProof::parse(proof).unwrap();
        proof.danger_extra().unwrap().to_vec()
    };
    let openings: Vec<_> = proofs(play).iter().map(opening).collect();
    vec![
        parser("envelope", envelopes, |b| {
            Envelope::parse(b).ok().map(|e| e.encode())
        }),
        parser("header", headers, |b| {
            Header::parse(b).ok().map(|h| h.encode())
        }),
        parser("signed object", entries.clone(), |b| {
            Unverified::parse(b).ok().map(|_| b.to_vec())
        }),
        parser("directory entry", entries, move |b| {
            let mut directory = Directory::new(hub);
            drop(directory.apply(b, &denizen_jose::Portable));
            None
        }),
        parser("message", signed, |b| {
            let (message, kid) = Message::danger_claimed(b).ok()?;
            let _ = (message.commit(), split_kid(&kid));
            None
        }),
        parser("opening", openings, |b| {
            LeafOpening::parse(b).map(|o| o.encode())
        }),
        parser(
            "bundle and tile",
            [b"\x00\x03abc\x00\x01x".to_vec(), vec![7; 64]],
            |b| {
                drop((decode_bundle(b), Tile::decode_hashes(b)));
                None
            },
        ),
        parser("wrapped root", [vec![0x87, 1, 0x1a, 0, 0, 1, 0]], |b| {
            let device = zeroize::Zeroizing::new([0; 16]);
            // Cut before its last part, so that no round stretches a passphrase.
            drop(unwrap_passphrase(&b[..b.len().min(40)], "x", &device));
            None
        }),
    ]
}

fn proofs(play: &Play) -> Vec<String> {
    let records = &play.holder("aziza").profile().records;
    let proofs = records.iter().map(|r| r.delivery.receipt.proof.clone());
    proofs.collect()
}

async fn text_parsers(play: &Play, invitation: String) -> Vec<Parser> {
    let directory = play.world.directory(0).await;
    let (trust, checkpoint) = (directory.trust, directory.answer.checkpoint);
    let holder = play.holder("aziza");
    let profile = holder.profile();
    let kept: Vec<String> = profile.records.iter().map(|r| r.kept.clone()).collect();
    let message = Message::danger_claimed(&profile.applications[0].message.0);
    let papers = message.unwrap().0.attachments.into_iter().map(|a| a.data);
    let papers: Vec<String> = papers.collect();
    let tokens: Vec<String> = profile.statuses.values().cloned().collect();
    let kit = holder.kit().to_text().to_string();
    let paths = ["tile/0/x001/067.p/8", "tile/entries/000"].map(str::to_owned);
    vec![
        text("proof", proofs(play), move |t| {
            drop(UnverifiedProof::parse(t));
            drop(verify_proof(t, &trust));
        }),
        text("note", [checkpoint], |t| drop(UnverifiedNote::parse(t))),
        text("tile path", paths, |t| {
            assert!(TilePath::parse(t).is_none_or(|p| p.to_string() == t));
        }),
        text("credential", kept, |t| drop(UnverifiedCredential::parse(t))),
        text("presentation", papers, |t| {
            drop(UnverifiedPresentation::parse(t))
        }),
        text("compact JWS", tokens, |t| drop(UnverifiedCompact::parse(t))),
        text("invitation", [invitation], |t| {
            drop(UnverifiedInvitation::parse(t))
        }),
        text("kit", [kit], |t| drop(Kit::parse(t))),
    ]
}
