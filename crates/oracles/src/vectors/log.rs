//! `log.md`: notes, checkpoints, cosignatures, tree proofs, tiles.

use super::{Book, Outcome, array, b, bytes, named, no_such, number, text, value, with};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use denizen_tlog::{
    Checkpoint, CosignatureVerifier, Hash, MemoryTiles, NoteSigner, NoteVerifier, TilePath,
    TileReader as _, UnverifiedNote, cosign, decode_bundle, encode_bundle, hash_leaf,
    open_checkpoint, prove_consistency, prove_inclusion, sign_checkpoint, verify_consistency,
    verify_inclusion,
};
use serde_json::{Value, json};

fn hashes(input: &Value, name: &str) -> Vec<Hash> {
    let texts: Vec<String> = value(input, name);
    texts.iter().map(|t| array(&json!({"h": t}), "h")).collect()
}

pub(super) fn run(op: &str, input: &Value) -> Outcome {
    match op {
        "note" => {
            let key = NoteVerifier::parse(text(input, "vkey")).map_err(named)?;
            let note = UnverifiedNote::parse(text(input, "note")).map_err(named)?;
            Ok(json!({"text": note.verify(&key).map_err(named)?}))
        }
        "checkpoint" => {
            let key = NoteVerifier::parse(text(input, "vkey")).map_err(named)?;
            let checkpoint = open_checkpoint(text(input, "note"), &key).map_err(named)?;
            Ok(
                json!({"origin": checkpoint.origin, "size": checkpoint.size, "root": b(checkpoint.root)}),
            )
        }
        "cosignature" => {
            let witness = CosignatureVerifier::new(text(input, "witness"), &array(input, "key"))
                .map_err(named)?;
            let note = UnverifiedNote::parse(text(input, "note")).map_err(named)?;
            witness
                .cosigned_at(&note)
                .map_or_else(|| Err("None".into()), |time| Ok(json!({"time": time})))
        }
        "root" => {
            let entries: Vec<String> = value(input, "entries");
            let leaves: Vec<_> = entries
                .iter()
                .map(|e| hash_leaf(&bytes(&json!({"e": e}), "e")))
                .collect();
            Ok(json!({"root": b(MemoryTiles::default().append(&leaves))}))
        }
        "inclusion" => {
            let (index, size) = (number(input, "index"), number(input, "size"));
            let (leaf, root) = (array(input, "leaf_hash"), array(input, "root"));
            verify_inclusion(&leaf, index, size, &hashes(input, "proof"), &root).map_err(named)?;
            Ok(json!({}))
        }
        "consistency" => {
            let (old, size) = (number(input, "old"), number(input, "size"));
            let (old_root, root) = (array(input, "old_root"), array(input, "root"));
            verify_consistency(old, &old_root, size, &root, &hashes(input, "proof"))
                .map_err(named)?;
            Ok(json!({}))
        }
        "tile_path" => {
            let path = TilePath::parse(text(input, "path")).ok_or("Malformed")?;
            Ok(json!({"level": path.level, "index": path.index, "width": path.width}))
        }
        "bundle" => {
            let bundle = bytes(input, "bundle");
            let entries = decode_bundle(&bundle).map_err(named)?;
            Ok(json!({"entries": entries.into_iter().map(b).collect::<Vec<_>>()}))
        }
        _ => no_such(),
    }
}

pub(super) fn book() -> Book {
    let mut book = Book::new("log");
    notes(&mut book);
    checkpoints(&mut book);
    proofs(&mut book);
    tiles(&mut book);
    book
}

fn notes(book: &mut Book) {
    // golang.org/x/mod/sumdb/note, package documentation.
    let vkey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let body = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    let line = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    let note = format!("{body}\n{line}");
    let good = json!({"vkey": vkey, "note": note});
    book.good(
        "the note of Go's documentation",
        "log.note",
        good.clone(),
        json!({"text": body}),
    );
    let foreign = NoteSigner::new("other.example", &[2; 32])
        .unwrap()
        .sign(body)
        .replace(body, "");
    let both = format!("{note}{}", foreign.trim_start());
    book.good(
        "a line of another key is ignored",
        "log.note",
        with(&good, json!({"note": both})),
        json!({"text": body}),
    );
    let lines: String = (0..101).map(|_| line).collect();
    for (because, members, error) in [
        (
            "a letter of the text is changed",
            json!({"note": note.replace("answer", "Answer")}),
            "BadSignature",
        ),
        (
            "signed by nobody who is trusted",
            json!({"note": NoteSigner::new("other.example", &[2; 32]).unwrap().sign(body)}),
            "Unsigned",
        ),
        (
            "the same line twice",
            json!({"note": format!("{note}{line}")}),
            "Malformed",
        ),
        (
            "more than 100 lines",
            json!({"note": format!("{body}\n{lines}")}),
            "Malformed",
        ),
        (
            "no signature",
            json!({"note": format!("{body}\n")}),
            "Malformed",
        ),
        (
            "line ends of another system",
            json!({"note": note.replace('\n', "\r\n")}),
            "Malformed",
        ),
        (
            "without its last newline",
            json!({"note": note.trim_end()}),
            "Malformed",
        ),
        (
            "a hyphen for the dash",
            json!({"note": note.replace('\u{2014}', "-")}),
            "Malformed",
        ),
        (
            "base64 that is not canonical",
            json!({"note": note.replace("nAM=", "nAN=")}),
            "Malformed",
        ),
        (
            "a control character in the text",
            json!({"note": note.replace("answer", "an\u{7}swer")}),
            "Malformed",
        ),
        (
            "a key whose id is another's",
            json!({"vkey": vkey.replace("c74f20a3", "c74f20a4")}),
            "BadKey",
        ),
        (
            "a key of an unknown type",
            json!({"vkey": vkey.replace("+ARpc", "+CRpc")}),
            "BadKey",
        ),
    ] {
        book.bad(because, "log.note", with(&good, members), error);
    }
}

fn checkpoints(book: &mut Book) {
    let signer = NoteSigner::new("log.example/a", &[0x11; 32]).unwrap();
    let vkey = signer.verifier().to_vkey();
    let checkpoint = Checkpoint {
        origin: "log.example/a".into(),
        size: 7,
        root: [9; 32],
    };
    let note = sign_checkpoint(&checkpoint, &signer);
    let good = json!({"vkey": vkey, "note": note});
    book.good(
        "a checkpoint",
        "log.checkpoint",
        good.clone(),
        json!({"origin": "log.example/a", "size": 7, "root": b([9; 32])}),
    );
    let root = STANDARD.encode([9; 32]);
    for (because, text, error) in [
        (
            "of another origin",
            format!("log.example/b\n7\n{root}\n"),
            "OtherLog",
        ),
        (
            "a leading zero",
            format!("log.example/a\n07\n{root}\n"),
            "Malformed",
        ),
        (
            "a negative size",
            format!("log.example/a\n-7\n{root}\n"),
            "Malformed",
        ),
        (
            "a plus sign",
            format!("log.example/a\n+7\n{root}\n"),
            "Malformed",
        ),
        (
            "a size of 2^63",
            format!("log.example/a\n9223372036854775808\n{root}\n"),
            "Malformed",
        ),
        (
            "a short root",
            "log.example/a\n7\nAA==\n".into(),
            "Malformed",
        ),
        ("no root", "log.example/a\n7\n".into(), "Malformed"),
        (
            "an extension line",
            format!("log.example/a\n7\n{root}\nmore\n"),
            "Malformed",
        ),
        ("no origin", format!("\n7\n{root}\n"), "Malformed"),
    ] {
        let input = with(&good, json!({"note": signer.sign(&text)}));
        book.bad(because, "log.checkpoint", input, error);
    }
    let stranger = NoteSigner::new("log.example/a", &[0x12; 32]).unwrap();
    let input = with(
        &good,
        json!({"note": sign_checkpoint(&checkpoint, &stranger)}),
    );
    book.bad(
        "by another key of the same name",
        "log.checkpoint",
        input,
        "Note(Unsigned)",
    );
    cosignatures(book, &checkpoint.to_text(), &note);
}

fn cosignatures(book: &mut Book, body: &str, note: &str) {
    let key = denizen_jose::SecretKey::from_seed(denizen_jose::Alg::Ed25519, &[0x99; 32]).unwrap();
    let public = denizen_jose::Signer::public(&key);
    let line = cosign(body, "witness.example", &[0x99; 32], 1_790_000_009);
    let good = json!({"witness": "witness.example", "key": b(public.as_bytes()), "note": format!("{note}{line}")});
    book.good(
        "cosignature/v1",
        "log.cosignature",
        good.clone(),
        json!({"time": 1_790_000_009}),
    );
    let mut later = line.clone();
    later.signature[7] ^= 1;
    let other = cosign(
        "log.example/a\n8\n",
        "witness.example",
        &[0x99; 32],
        1_790_000_009,
    );
    for (because, members) in [
        (
            "its time is changed",
            json!({"note": format!("{note}{later}")}),
        ),
        (
            "over another text",
            json!({"note": format!("{note}{other}")}),
        ),
        ("by another name", json!({"witness": "witness2.example"})),
        ("there is none", json!({"note": note})),
    ] {
        book.bad(because, "log.cosignature", with(&good, members), "None");
    }
}

fn proofs(book: &mut Book) {
    let entries: Vec<Vec<u8>> = (0..11u8).map(|i| vec![i; usize::from(i)]).collect();
    let root_of = |n: usize| {
        MemoryTiles::default().append(
            &entries[..n]
                .iter()
                .map(|e| hash_leaf(e))
                .collect::<Vec<_>>(),
        )
    };
    for n in [0, 1, 2, 7, 11] {
        let input = json!({"entries": entries[..n].iter().map(b).collect::<Vec<_>>()});
        book.good(
            &format!("root of {n} entries"),
            "log.root",
            input,
            json!({"root": b(root_of(n))}),
        );
    }
    let mut log = MemoryTiles::default();
    let root = log.append(&entries.iter().map(|e| hash_leaf(e)).collect::<Vec<_>>());
    let texts = |hashes: &[Hash]| hashes.iter().map(b).collect::<Vec<_>>();
    let inclusion = |index: u64, size: u64| {
        let leaf = hash_leaf(&entries[usize::try_from(index).unwrap()]);
        let root = root_of(usize::try_from(size).unwrap());
        json!({"leaf_hash": b(leaf), "index": index, "size": size, "root": b(root), "proof": texts(&prove_inclusion(&log, index, size).unwrap())})
    };
    for (index, size) in [(0, 1), (0, 11), (6, 11), (10, 11), (6, 7)] {
        book.good(
            &format!("entry {index} of {size}"),
            "log.inclusion",
            inclusion(index, size),
            json!({}),
        );
    }
    let good = inclusion(6, 11);
    let proof = good["proof"].as_array().unwrap();
    let mut turned = proof.clone();
    turned.swap(0, 1);
    let longer = [&proof[..], &proof[..1]].concat();
    for (because, members, error) in [
        ("another index", json!({"index": 5}), "Root"),
        (
            "an index beyond the size",
            json!({"index": 11}),
            "OutOfRange",
        ),
        ("an empty tree", json!({"size": 0}), "OutOfRange"),
        ("another leaf", json!({"leaf_hash": b([0; 32])}), "Root"),
        ("two hashes change places", json!({"proof": turned}), "Root"),
        ("a hash is missing", json!({"proof": proof[1..]}), "Length"),
        ("a hash too many", json!({"proof": longer}), "Length"),
        ("another root", json!({"root": b([0; 32])}), "Root"),
    ] {
        book.bad(because, "log.inclusion", with(&good, members), error);
    }
    let consistency = |old: u64, size: u64| {
        let at = |n: u64| root_of(usize::try_from(n).unwrap());
        json!({"old": old, "old_root": b(at(old)), "size": size, "root": b(at(size)), "proof": texts(&prove_consistency(&log, old, size).unwrap())})
    };
    for (old, size) in [(1, 11), (4, 11), (6, 11), (7, 8), (11, 11)] {
        book.good(
            &format!("{old} within {size}"),
            "log.consistency",
            consistency(old, size),
            json!({}),
        );
    }
    let good = consistency(6, 11);
    let proof = good["proof"].as_array().unwrap();
    for (because, members, error) in [
        ("another old root", json!({"old_root": b([0; 32])}), "Root"),
        ("another new root", json!({"root": b([0; 32])}), "Root"),
        ("a hash is missing", json!({"proof": proof[1..]}), "Length"),
        ("the old is larger", json!({"old": 12}), "OutOfRange"),
    ] {
        book.bad(because, "log.consistency", with(&good, members), error);
    }
    assert_eq!(log.root(), root);
}

fn tiles(book: &mut Book) {
    for (path, level, index, width) in [
        ("tile/0/000", json!(0), 0u64, 256),
        ("tile/0/x001/x234/067.p/8", json!(0), 1_234_067, 8),
        ("tile/1/x001/067", json!(1), 1067, 256),
        ("tile/entries/000.p/255", Value::Null, 0, 255),
    ] {
        let output = json!({"level": level, "index": index, "width": width});
        book.good(path, "log.tile_path", json!({"path": path}), output);
    }
    for path in [
        "tile/0/0",
        "tile/0/001/067",
        "tile/0/x001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/8/000",
        "tile/-1/000",
        "tile/00/000",
        "tile/data/000",
        "tile/0/x000/001",
        "/tile/0/000",
    ] {
        book.bad(
            &format!("{path} is no path"),
            "log.tile_path",
            json!({"path": path}),
            "Malformed",
        );
    }
    let entries: [&[u8]; 3] = [b"one", b"", &[7; 300]];
    let bundle = encode_bundle(entries).unwrap();
    let output = json!({"entries": entries.map(b)});
    book.good(
        "three entries",
        "log.bundle",
        json!({"bundle": b(&bundle)}),
        output,
    );
    book.bad(
        "cut within an entry",
        "log.bundle",
        json!({"bundle": b(&bundle[..bundle.len() - 1])}),
        "Malformed",
    );
    book.bad(
        "cut within a length",
        "log.bundle",
        json!({"bundle": b(&bundle[..6])}),
        "Malformed",
    );
    book.bad(
        "257 entries",
        "log.bundle",
        json!({"bundle": b([0; 514])}),
        "Malformed",
    );
    assert!(MemoryTiles::default().tile(0, 0, 1).is_err());
}
