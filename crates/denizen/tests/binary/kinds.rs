//! `denizen hub kinds`: what a deployment adds and replaces after its hub was made, and what is
//! refused with file, line and reason.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "tests of real processes"
)]

use crate::support::{HubFolder, refused, succeed, text};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

const VISA: &str = "urn:denizen:kind:visa:1";
const FISHING: &str = "urn:example-river:kind:fishing-permit:1";

/// A deployment's catalogue: the shipped one with some files changed.
struct Deployment {
    folder: tempfile::TempDir,
}

impl Deployment {
    fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalogue");
        for name in ["kinds", "schema", "services", "locales"] {
            fs::create_dir(folder.path().join(name)).unwrap();
            for file in fs::read_dir(shipped.join(name)).unwrap() {
                let file = file.unwrap();
                fs::copy(file.path(), folder.path().join(name).join(file.file_name())).unwrap();
            }
        }
        Self { folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let mut value: Value = serde_json::from_slice(&fs::read(self.file(name)).unwrap()).unwrap();
        change(&mut value);
        fs::write(self.file(name), serde_json::to_vec_pretty(&value).unwrap()).unwrap();
    }

    /// A kind of the deployment's own, made after the visa, with labels in every language.
    fn add_fishing(&self) {
        for (ending, own) in [
            ("json", "urn:denizen:kind:visa:1"),
            ("schema.json", "urn:denizen:schema:visa:1"),
        ] {
            let visa = fs::read_to_string(self.file(&format!("kinds/visa.{ending}"))).unwrap();
            let own_name = own
                .replace("denizen", "example-river")
                .replace("visa", "fishing-permit");
            let made = visa.replace(own, &own_name);
            fs::write(self.file(&format!("kinds/fishing-permit.{ending}")), made).unwrap();
        }
        for language in ["en", "ru", "uz", "tg", "ky"] {
            self.change(&format!("locales/{language}.json"), |texts| {
                let all = texts.as_object_mut().unwrap();
                let of_visa: Vec<_> = all
                    .iter()
                    .filter(|(key, _)| {
                        let rest = key
                            .split_once("-visa")
                            .map(|(start, rest)| (start, rest.to_owned()));
                        rest.is_some_and(|(start, rest)| {
                            ["kind", "claim", "value"].contains(&start)
                                && (rest.is_empty() || rest.starts_with('-'))
                        })
                    })
                    .map(|(key, text)| (key.replacen("visa", "fishing-permit", 1), text.clone()))
                    .collect();
                for (key, text) in of_visa {
                    let text = format!("{} ({language})", text.as_str().unwrap());
                    all.insert(key, text.into());
                }
            });
        }
    }

    fn kinds(&self, hub: &HubFolder) -> String {
        succeed(&[
            "hub",
            "kinds",
            text(&hub.path()),
            "--catalogue",
            text(self.folder.path()),
        ])
    }

    fn refused(&self, hub: &HubFolder) -> String {
        refused(&[
            "hub",
            "kinds",
            text(&hub.path()),
            "--catalogue",
            text(self.folder.path()),
        ])
    }
}

#[tokio::test]
async fn kinds_are_added_and_replaced_while_the_hub_serves() {
    let (hub, deployment) = (HubFolder::make(), Deployment::make());
    assert!(
        deployment
            .kinds(&hub)
            .contains("says already what the catalogue does")
    );
    let process = hub.serve();
    deployment.add_fishing();
    let said = deployment.kinds(&hub);
    assert!(said.contains(&format!("added     {FISHING}")), "{said}");
    assert!(said.contains("35 kinds are unchanged."), "{said}");
    deployment.change("kinds/visa.json", |kind| {
        kind["description"] = json!("A visa, said better.")
    });
    let said = deployment.kinds(&hub);
    assert!(said.contains(&format!("replaced  {VISA}")), "{said}");
    assert!(deployment.kinds(&hub).contains("36 kinds are unchanged."));

    let directory = hub.directory().await.directory;
    let versions: Vec<_> = directory.kinds().iter().filter(|k| k.vct == VISA).collect();
    // The one of `hub init`, the same with its files, and the one that replaced it.
    let with_files: Vec<_> = versions.iter().map(|k| k.files.is_some()).collect();
    assert_eq!(with_files, [false, true, true]);
    let hashes: Vec<_> = versions.iter().map(|k| k.metadata).collect();
    assert!(hashes.first() == hashes.get(1) && hashes.get(1) != hashes.get(2));
    let fishing = directory.kinds().iter().find(|k| k.vct == FISHING).unwrap();
    let texts = &fishing.files.as_ref().unwrap().texts;
    assert!(texts["tg"]["kind-fishing-permit"].ends_with("(tg)"));

    // The operator can admit somebody for a kind that the program does not carry.
    let office = crate::support::office::Office::make(hub.id, 7);
    let file = hub.file("office.statement");
    fs::write(&file, &office.statement).unwrap();
    let said = succeed(&[
        "hub",
        "admit",
        text(&hub.path()),
        text(&file),
        "--kind",
        FISHING,
    ]);
    assert!(said.contains(FISHING), "{said}");
    let said = refused(&[
        "hub",
        "admit",
        text(&hub.path()),
        text(&file),
        "--kind",
        "urn:x:y:1",
    ]);
    assert!(
        said.contains("neither the catalogue nor the directory"),
        "{said}"
    );
    process.signal("TERM");
    assert_eq!(process.ended().0, Some(0));
}

#[test]
fn what_would_change_the_meaning_of_records_is_refused_with_its_line() {
    let hub = HubFolder::make();
    type Change = fn(&mut Value);
    let cases: [(&str, Change, &str); 4] = [
        (
            "kinds/administrative-offence.json",
            |kind| kind["denizen"]["sensitivity"] = json!("ordinary"),
            "changes sensitivity of urn:denizen:kind:administrative-offence:1: another meaning is a new major",
        ),
        (
            "kinds/visa.json",
            |kind| kind["claims"][10]["sd"] = json!("never"),
            "changes sd of the claim purpose: that is a new major",
        ),
        (
            "kinds/visa.schema.json",
            |schema| schema["properties"]["days_allowed"]["maximum"] = json!(3),
            "but its metadata did not",
        ),
        (
            "kinds/visa.json",
            |kind| kind["denizen"]["copies"] = json!("many"),
            "kinds/visa.json: invalid type",
        ),
    ];
    for (file, change, reason) in cases {
        let deployment = Deployment::make();
        deployment.change(file, change);
        let said = deployment.refused(&hub);
        assert!(
            said.contains(file) && said.contains(reason),
            "{reason}: {said}"
        );
        // What is wrong with a whole file has no line.
        let whole = reason.contains("its metadata did not");
        assert!(whole || said.contains("line "), "{said}");
    }
    let deployment = Deployment::make();
    deployment.change("schema/common.schema.json", |common| {
        common["title"] = json!("Our own parts")
    });
    assert!(
        deployment
            .refused(&hub)
            .contains("another than this program's")
    );
}

#[test]
fn an_earlier_version_is_asked_for_and_never_comes_back() {
    // A hub that was made with another release: its directory lists what this program does not carry.
    let earlier = Deployment::make();
    earlier.change("kinds/visa.json", |kind| {
        kind["description"] = json!("As it was.")
    });
    let (hub, now) = (HubFolder::make(), Deployment::make());
    earlier.kinds(&hub);
    now.change("kinds/visa.json", |kind| {
        kind["description"] = json!("As it is.")
    });
    // Its files are in the directory, so nothing is asked for.
    assert!(now.kinds(&hub).contains(&format!("replaced  {VISA}")));
    let said = earlier.refused(&hub);
    assert!(
        said.contains("is an earlier version, which a later one replaced"),
        "{said}"
    );
}
