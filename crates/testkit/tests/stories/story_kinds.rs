//! A deployment adds and replaces record kinds through its directory: people's programs and gateways
//! take them from there, without a rebuild; what would change the meaning of records is left out.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_gateway::{Gateway, IntakeReport, Mapping};
use denizen_model::{
    Sha256Hash,
    catalogue::{Catalogue, CatalogueError, Kind},
    statement::KindEntry,
};
use denizen_testkit::{
    Play, catalogue,
    catalogue::{demo_file, repository},
    persona::RUSTAM,
    play::OfficeKind,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

type Files = BTreeMap<String, Vec<u8>>;

const VISA: &str = "urn:denizen:kind:visa:1";
const FISHING: &str = "urn:example-river:kind:fishing-permit:1";
const OFFENCE: &str = "urn:denizen:kind:administrative-offence:1";

/// An office that issues a kind that no program carries.
const RIVER: OfficeKind = OfficeKind {
    name: "small-vessels",
    title: "River Office",
    kinds: &[FISHING],
    services: &[],
    files: &[],
};

const CONSULATE: OfficeKind = OfficeKind {
    name: "consulate",
    title: "Consulate General",
    kinds: &[VISA],
    services: &[],
    files: &[("consulate/visas.csv", "consulate/mapping.toml")],
};

const POLICE: OfficeKind = OfficeKind {
    name: "police",
    title: "Police",
    kinds: &[OFFENCE],
    services: &[],
    files: &[("police/offences.csv", "police/mapping.toml")],
};

/// Two shipped kinds, and a kind of a deployment with labels of its own in every language.
fn files() -> Files {
    let mut files = Files::new();
    let keep = |name: &str| {
        ["visa.", "administrative-offence."]
            .iter()
            .any(|k| name.starts_with(k))
    };
    for folder in ["kinds", "schema", "locales"] {
        for entry in std::fs::read_dir(repository().join("catalogue").join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if folder != "kinds" || keep(&name) {
                files.insert(format!("{folder}/{name}"), std::fs::read(path).unwrap());
            }
        }
    }
    let of_visa = |file: &str| String::from_utf8(files[file].clone()).unwrap();
    let metadata = of_visa("kinds/visa.json")
        .replace(VISA, FISHING)
        .replace("\"Visa\"", "\"Fishing permit\"");
    let schema = of_visa("kinds/visa.schema.json").replace(
        "urn:denizen:schema:visa:1",
        "urn:example-river:schema:fishing-permit:1",
    );
    files.insert("kinds/fishing-permit.json".into(), metadata.into());
    files.insert("kinds/fishing-permit.schema.json".into(), schema.into());
    for language in ["en", "ru", "uz", "tg", "ky"] {
        let file = format!("locales/{language}.json");
        let mut texts: BTreeMap<String, Value> = serde_json::from_slice(&files[&file]).unwrap();
        let own: Vec<_> = texts
            .iter()
            .filter_map(|(key, text)| {
                let (start, rest) = key.split_once("-visa")?;
                (rest.is_empty() || rest.starts_with('-')).then_some(())?;
                ["kind", "claim", "value"].contains(&start).then_some(())?;
                let text = format!("{} ({language})", text.as_str()?);
                Some((format!("{start}-fishing-permit{rest}"), text.into()))
            })
            .collect();
        texts.extend(own);
        files.insert(file, serde_json::to_vec(&texts).unwrap());
    }
    files
}

fn load(files: &Files) -> Arc<Catalogue> {
    Arc::new(Catalogue::load(files).unwrap())
}

/// The deployment's catalogue with one file changed.
fn changed(file: &str, change: impl FnOnce(&mut Value)) -> Arc<Catalogue> {
    let mut files = files();
    change_file(&mut files, file, change);
    load(&files)
}

fn change_file(files: &mut Files, file: &str, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_slice(&files[file]).unwrap();
    change(&mut value);
    files.insert(file.into(), serde_json::to_vec_pretty(&value).unwrap());
}

fn entry(of: &Catalogue, vct: &str) -> KindEntry {
    let kind = of.kind(vct).unwrap();
    KindEntry {
        v: 1,
        vct: vct.to_owned(),
        metadata: kind.metadata_hash,
        schema: kind.schema_hash,
        files: Some(of.files_of(kind).unwrap()),
    }
}

/// An entry whose files say what their hashes say, whatever they are.
fn hostile(
    vct: &str,
    from: &KindEntry,
    change: impl FnOnce(&mut String, &mut String),
) -> KindEntry {
    let mut files = from.files.clone().unwrap();
    change(&mut files.metadata, &mut files.schema);
    KindEntry {
        v: 1,
        vct: vct.to_owned(),
        metadata: Sha256Hash::of(files.metadata.as_bytes()),
        schema: Sha256Hash::of(files.schema.as_bytes()),
        files: Some(files),
    }
}

async fn log(play: &Play, entries: &[KindEntry]) {
    let house = play.world.house();
    let entries = entries.iter().map(|entry| house.kind(entry)).collect();
    house.hub().append_entries(entries).await.unwrap();
}

/// As `denizen gateway intake` does: with the newest directory.
async fn take_in(play: &mut Play, office: &str, rows: &str, mapping: &str) -> IntakeReport {
    let now = play.world.now();
    let (wire, rng) = (play.world.wire.clone(), &mut play.world.rng);
    let gateway = play.gateways.get_mut(office).unwrap();
    gateway.refresh_directory(&wire, now, rng).await.unwrap();
    let mapping = Mapping::parse(mapping, gateway.catalogue()).unwrap();
    gateway
        .intake(rows.as_bytes(), &mapping, now, &mut play.world.rng)
        .unwrap()
}

fn mapping(kind: &str, more: &str) -> String {
    let claims = [
        ("[\"subject\", \"names\", \"original\"]", "/name"),
        ("[\"visa_number\"]", "/number"),
        ("[\"visa_type\"]", "/type"),
        ("[\"issuing_state\"]", "/state"),
        ("[\"entries\"]", "/entries"),
        ("[\"valid_from\"]", "/from"),
        ("[\"valid_until\"]", "/until"),
    ];
    let claims = claims.map(|(path, at)| format!("[[claim]]\npath = {path}\ncolumn = \"{at}\"\n"));
    format!(
        "kind = \"{kind}\"\nformat = \"ndjson\"\nencoding = \"utf-8\"\ncase_reference = \"/case\"\n\
         unique = [\"/number\"]\n{}{more}",
        claims.concat()
    )
}

fn row(case: &str, number: &str, note: Option<&str>) -> String {
    let mut row = json!({
        "case": case, "number": number, "type": "ordinary", "state": "RUS", "entries": "multiple",
        "from": "2026-01-01", "until": "2030-01-01", "name": "Сафаров Рустам Далерович",
    });
    if let Some(note) = note {
        row["note"] = note.into();
    }
    format!("{row}\n")
}

#[tokio::test]
async fn a_kind_that_no_program_carries_comes_with_the_directory() {
    let mut play = Play::make(601).await;
    log(&play, &[entry(&load(&files()), FISHING)]).await;
    play.open(&RIVER).await;
    play.arrive(RUSTAM).await;
    play.link(RUSTAM.name, &RIVER).await;
    assert!(
        catalogue().kind(FISHING).is_none(),
        "the program does not carry it"
    );
    let rows = row(RUSTAM.case("small-vessels"), "F-1", None);
    let report = take_in(&mut play, "small-vessels", &rows, &mapping(FISHING, "")).await;
    assert_eq!((report.taken, report.bad.len()), (1, 0), "{:?}", report.bad);
    // What the kind does not have is refused as with any other.
    let odd = row(RUSTAM.case("small-vessels"), "F-2", None).replace("multiple", "often");
    let report = take_in(&mut play, "small-vessels", &odd, &mapping(FISHING, "")).await;
    assert_eq!((report.taken, report.bad.len()), (0, 1));
    play.settle().await;
    let record = play.record(RUSTAM.name, FISHING);
    assert!(
        record.showing
            && record.copies_left > 0
            && play.holder(RUSTAM.name).receipt(&record.held).is_some()
    );
    assert_eq!(record.expires.unwrap().to_string(), "2030-01-01");
    let holder = play.holder(RUSTAM.name);
    assert!(
        holder.kinds_left_out().is_empty(),
        "{:?}",
        holder.kinds_left_out()
    );
    let known = holder.catalogue().locale("tg").unwrap();
    assert!(known.text("kind-fishing-permit", &[]).ends_with("(tg)"));
    assert!(
        known
            .text("claim-fishing-permit-entries", &[])
            .ends_with("(tg)")
    );
    // It is there after the program was closed, and after the hub has gone.
    let report =
        denizen_holder::verify_export(&play.export(RUSTAM.name), play.world.now()).unwrap();
    assert_eq!(report.records.len(), 1);
    play.end().await;
}

#[tokio::test]
async fn a_replaced_kind_keeps_its_earlier_versions_by_hash() {
    let mut play = Play::with(602, &[CONSULATE]).await;
    let shipped = catalogue().kind(VISA).unwrap().clone();
    // As `hub init` logs what every program carries: without the files.
    log(
        &play,
        &[KindEntry {
            files: None,
            ..entry(&catalogue(), VISA)
        }],
    )
    .await;
    play.arrive(RUSTAM).await;
    play.link(RUSTAM.name, &CONSULATE).await;
    let case = RUSTAM.case("consulate");
    take_in(
        &mut play,
        "consulate",
        &row(case, "V-1", None),
        &mapping(VISA, ""),
    )
    .await;
    play.settle().await;

    let mut next = files();
    change_file(&mut next, "kinds/visa.json", |v| {
        let claims = v["claims"].as_array_mut().unwrap();
        claims.push(json!({"path": ["note"], "sd": "always"}));
    });
    change_file(&mut next, "kinds/visa.schema.json", |v| {
        v["properties"]["note"] = json!({"$ref": "urn:denizen:schema:common#/$defs/line"});
    });
    for language in ["en", "ru", "uz", "tg", "ky"] {
        let file = format!("locales/{language}.json");
        change_file(&mut next, &file, |v| {
            v["claim-visa-note"] = format!("Note {language}").into()
        });
    }
    let next = load(&next);
    log(&play, &[entry(&next, VISA)]).await;
    play.settle().await;
    let note = "\n[[claim]]\npath = [\"note\"]\ncolumn = \"/note\"\n";
    let rows = row(case, "V-2", Some("by the bridge"));
    let report = take_in(&mut play, "consulate", &rows, &mapping(VISA, note)).await;
    assert_eq!(report.taken, 1, "{:?}", report.bad);
    play.settle().await;

    let records = play.records(RUSTAM.name);
    assert_eq!(records.len(), 2);
    assert_eq!(records[0].claims["note"], "by the bridge");
    assert!(!records[1].claims.contains_key("note"));
    let known = play.holder(RUSTAM.name).catalogue();
    let newest = next.kind(VISA).unwrap().metadata_hash;
    assert_ne!(newest, shipped.metadata_hash);
    assert_eq!(known.kind(VISA).unwrap().metadata_hash, newest);
    let of_hash = |hash: &Sha256Hash| known.version(VISA, hash).map(|k| k.metadata_hash);
    assert_eq!(of_hash(&shipped.metadata_hash), Some(shipped.metadata_hash));
    assert_eq!(of_hash(&Sha256Hash::of(b"never")), None);
    assert_eq!(
        known.locale("ru").unwrap().text("claim-visa-note", &[]),
        "Note ru"
    );
    // The same version again does not come before the newer one.
    log(&play, &[entry(&catalogue(), VISA)]).await;
    play.settle().await;
    let known = play.holder(RUSTAM.name).catalogue();
    assert_eq!(known.kind(VISA).unwrap().metadata_hash, newest);
    play.end().await;
}

/// A directory that says an offence needs no notice and no second yes.
#[tokio::test]
async fn a_version_that_loosens_what_protects_her_is_left_out_and_its_records_are_refused() {
    let loose = |v: &mut Value| {
        v["denizen"]["adverse"] = json!(false);
        v["denizen"]["sensitivity"] = json!("ordinary");
        v["denizen"]["showing"] = json!(true);
        v["denizen"]["copies"] = json!(4);
    };
    let loosened = changed("kinds/administrative-offence.json", loose);
    let mut play = Play::with(603, &[POLICE]).await;
    play.arrive(RUSTAM).await;
    play.link(RUSTAM.name, &POLICE).await;
    log(&play, &[entry(&loosened, OFFENCE)]).await;
    // The gateway is in league with the hub: its own program carries the loosened kind.
    play.gateways.remove("police");
    let folder = play.world.folder("gateway-police");
    play.gateways
        .insert("police", Gateway::open(&folder, loosened).unwrap());
    let file = demo_file("police/offences.csv");
    let text = String::from_utf8(demo_file("police/mapping.toml")).unwrap();
    let map = Mapping::parse(&text, play.gateways["police"].catalogue()).unwrap();
    let now = play.world.now();
    let gateway = play.gateways.get_mut("police").unwrap();
    let report = gateway
        .intake(file.as_slice(), &map, now, &mut play.world.rng)
        .unwrap();
    assert_eq!(report.taken, 1, "{:?}", report.bad);
    play.settle().await;

    let holder = play.holder(RUSTAM.name);
    assert!(holder.profile().records.is_empty());
    let refused: Vec<_> = holder
        .profile()
        .refused
        .iter()
        .map(|r| r.code.as_str())
        .collect();
    assert_eq!(refused, ["unknown-kind"]);
    let left_out = holder.kinds_left_out();
    assert_eq!(left_out.len(), 1, "{left_out:?}");
    assert_eq!(left_out[0].file, "kinds/administrative-offence.json");
    assert!(left_out[0].reason.starts_with("line "), "{left_out:?}");
    assert!(
        left_out[0]
            .reason
            .contains("another meaning is a new major"),
        "{left_out:?}"
    );
    let kept = holder.catalogue().kind(OFFENCE).unwrap();
    assert!(kept.traits.adverse, "what the program carries stands");
    play.world.assert_no_mark().await;
}

/// An entry, the file that is named, and the reason.
type Hostile = (KindEntry, &'static str, &'static str);

fn hostile_entries() -> Vec<Hostile> {
    let deployment = load(&files());
    let (fishing, visa) = (entry(&deployment, FISHING), entry(&catalogue(), VISA));
    let without = |member: &str| {
        let mut other = fishing.clone();
        other
            .files
            .as_mut()
            .unwrap()
            .texts
            .get_mut("en")
            .unwrap()
            .remove(member);
        other
    };
    vec![
        (
            hostile(FISHING, &fishing, |metadata, _| metadata.push('}')),
            "kinds/fishing-permit.json",
            "at line 35",
        ),
        (
            hostile(FISHING, &fishing, |_, schema| {
                *schema = "{\n\"type\": 7}".into()
            }),
            "kinds/fishing-permit.schema.json",
            "7",
        ),
        (
            hostile(FISHING, &fishing, |_, schema| {
                *schema = schema.replacen(
                    "\"additionalProperties\": false",
                    "\"additionalProperties\": true",
                    1,
                );
            }),
            "kinds/fishing-permit.schema.json",
            "lets unknown claims into",
        ),
        (
            hostile(FISHING, &fishing, |_, schema| {
                *schema = schema.replacen(
                    "urn:denizen:schema:common#/$defs/line",
                    "#/properties/entries",
                    1,
                );
            }),
            "kinds/fishing-permit.schema.json",
            "refers to #/properties/entries",
        ),
        (
            hostile("urn:example-river:kind:other:1", &fishing, |_, _| {}),
            "kinds/other.json",
            "has another vct than its directory entry",
        ),
        (
            hostile("urn:example-river:kind:visa:1", &visa, |metadata, _| {
                *metadata = metadata.replace(VISA, "urn:example-river:kind:visa:1");
            }),
            "kinds/visa.json",
            "has the name of another kind, urn:denizen:kind:visa:1",
        ),
        (
            without("claim-fishing-permit-entries"),
            "kinds/fishing-permit.json",
            "needs the text",
        ),
    ]
}

#[tokio::test]
async fn a_hostile_kind_is_left_out_with_its_file_and_the_reason() {
    for (entry, file, reason) in hostile_entries() {
        let play = Play::make(604).await;
        let vct = entry.vct.clone();
        log(&play, &[entry]).await;
        let directory = play.world.directory(0).await.directory;
        let (known, left_out) = catalogue().with_directories([&directory]);
        assert_eq!(left_out.len(), 1, "{reason}: {left_out:?}");
        assert_eq!(left_out[0].file, file, "{left_out:?}");
        assert!(
            left_out[0].reason.contains(reason),
            "{reason}: {left_out:?}"
        );
        assert!(known.kind(&vct).is_none(), "{vct}");
        assert!(known.kind(VISA).is_some());
    }
}

#[tokio::test]
async fn an_entry_whose_files_are_not_those_of_its_hashes_stands_in_no_directory() {
    let play = Play::make(605).await;
    let good = entry(&load(&files()), FISHING);
    for change in [
        |e: &mut KindEntry| e.metadata = Sha256Hash::of(b"other"),
        |e: &mut KindEntry| e.schema = Sha256Hash::of(b"other"),
        |e: &mut KindEntry| e.files.as_mut().unwrap().schema.push(' '),
    ] {
        let mut bad = good.clone();
        change(&mut bad);
        let house = play.world.house();
        let refused = house.hub().append_entries(vec![house.kind(&bad)]).await;
        assert!(refused.is_err());
    }
    log(&play, &[good]).await;
}

/// A change of metadata and schema.
type Change = fn(&mut Value, &mut Value);

/// What is another meaning, so a new major.
const REFUSED: [(Change, &str); 12] = [
    (
        |m, s| {
            m["claims"]
                .as_array_mut()
                .unwrap()
                .retain(|c| c["path"] != json!(["host"]));
            s["properties"].as_object_mut().unwrap().remove("host");
        },
        "takes the claim host away",
    ),
    (
        |m, s| {
            m["claims"]
                .as_array_mut()
                .unwrap()
                .push(json!({"path": ["note"], "sd": "always", "mandatory": true}));
            s["properties"]["note"] = json!({"type": "string"});
            s["required"].as_array_mut().unwrap().push(json!("note"));
        },
        "adds the mandatory claim note",
    ),
    (
        |_, s| s["properties"]["days_allowed"] = json!({"type": "string"}),
        "/days_allowed",
    ),
    (
        |_, s| s["properties"]["days_allowed"]["maximum"] = json!(3),
        "changes maximum of /days_allowed",
    ),
    (
        |_, s| {
            s["properties"]["entries"]["enum"]
                .as_array_mut()
                .unwrap()
                .remove(0);
        },
        "changes enum of /entries",
    ),
    (
        |_, s| s["properties"]["host"] = json!({"$ref": "urn:denizen:schema:common#/$defs/number"}),
        "changes $ref of /host",
    ),
    (
        |_, s| s["minProperties"] = json!(9),
        "changes minProperties of /",
    ),
    (
        |m, _| m["denizen"]["sensitivity"] = json!("special"),
        "changes sensitivity",
    ),
    (
        |m, _| m["denizen"]["category"] = json!("stay"),
        "changes category",
    ),
    (
        |m, _| {
            m["denizen"]["showing"] = json!(false);
            m["denizen"]["copies"] = json!(0);
        },
        "changes showing",
    ),
    (
        |m, _| m["denizen"]["expires_claim"] = json!("valid_from"),
        "changes expires_claim",
    ),
    (
        |m, _| m["claims"][10]["sd"] = json!("never"),
        "changes sd of the claim purpose",
    ),
];

/// Whether the visa with both its files changed, and described anew, may follow the shipped one.
fn follows(change: Change) -> Result<(), CatalogueError> {
    let (metadata, schema) = ("kinds/visa.json", "kinds/visa.schema.json");
    let mut files = files();
    let parse = |file: &str| serde_json::from_slice::<Value>(&files[file]).unwrap();
    let (mut m, mut s) = (parse(metadata), parse(schema));
    change(&mut m, &mut s);
    m["description"] = json!("A visa, said better.");
    files.insert(metadata.into(), serde_json::to_vec_pretty(&m).unwrap());
    files.insert(schema.into(), serde_json::to_vec_pretty(&s).unwrap());
    for language in ["en", "ru", "uz", "tg", "ky"] {
        change_file(&mut files, &format!("locales/{language}.json"), |v| {
            v["value-visa-entries-daily"] = format!("daily {language}").into();
            v["claim-visa-note"] = format!("note {language}").into();
        });
    }
    load(&files)
        .kind(VISA)
        .unwrap()
        .may_follow(catalogue().kind(VISA).unwrap())
}

#[test]
fn a_version_may_add_what_nobody_must_know() {
    let good: [Change; 4] = [
        |_, _| {},
        |m, _| m["denizen"]["copies"] = json!(6),
        |m, s| {
            let claims = m["claims"].as_array_mut().unwrap();
            claims.push(json!({"path": ["note"], "sd": "always"}));
            s["properties"]["note"] = json!({"type": "string", "maxLength": 90});
        },
        |_, s| {
            let values = s["properties"]["entries"]["enum"].as_array_mut().unwrap();
            values.push(json!("daily"));
        },
    ];
    for change in good {
        assert_eq!(follows(change), Ok(()));
    }
}

#[test]
fn a_version_with_another_meaning_is_a_new_major() {
    for (change, reason) in REFUSED {
        let error = follows(change).unwrap_err();
        assert!(error.reason.contains(reason), "{reason}: {error}");
        assert!(error.reason.contains("new major"), "{error}");
    }
    // A schema of its own under the same metadata: two meanings of one hash.
    let again = changed("kinds/visa.schema.json", |v| {
        v["properties"]["entries"]["description"] = json!("x");
    });
    let error = again
        .kind(VISA)
        .unwrap()
        .may_follow(catalogue().kind(VISA).unwrap());
    let error = error.unwrap_err();
    assert!(error.reason.contains("but its metadata did not"), "{error}");
    let shipped = catalogue().kind(OFFENCE).unwrap().clone();
    let mut loose: Kind = shipped.clone();
    loose.traits.adverse = false;
    let error = loose.may_follow(&shipped).unwrap_err();
    assert!(error.reason.contains("changes adverse"), "{error}");
}
