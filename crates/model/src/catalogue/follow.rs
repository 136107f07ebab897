//! Whether a version of a kind may take the place of an earlier one under the same `vct`.

use super::{CatalogueError, Kind, check};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Members of a schema that only people who read the file see.
const REMARKS: [&str; 6] = [
    "$comment",
    "description",
    "examples",
    "title",
    "$id",
    "$schema",
];

/// Compares two versions; `files` has the later one's, for the lines.
pub(super) fn check(
    later: &Kind,
    earlier: &Kind,
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<(), CatalogueError> {
    let mut report = check::Report::new(files);
    let file = format!("kinds/{}.json", later.name);
    traits(later, earlier, &file, &mut report);
    claims(later, earlier, &file, &mut report);
    let file = format!("kinds/{}.schema.json", later.name);
    if later.metadata_hash == earlier.metadata_hash && later.schema_hash != earlier.schema_hash {
        let reason = "changed, but its metadata did not: records name the version by the metadata's \
                      hash, so change a word of its description too";
        report.wrong(&file, None, reason.into());
    }
    let read = |kind: &Kind| serde_json::from_slice::<Value>(&kind.schema_file).unwrap_or_default();
    let mut place = Vec::new();
    schema(
        &read(later),
        &read(earlier),
        &mut place,
        (&file, &mut report),
    );
    report.errors.into_iter().next().map_or(Ok(()), Err)
}

/// What decides how a record is treated is the same, or people would lose a protection that they had.
fn traits(later: &Kind, earlier: &Kind, file: &str, report: &mut check::Report<'_>) {
    let (now, before) = (&later.traits, &earlier.traits);
    let same = [
        ("category", now.category == before.category),
        ("sensitivity", now.sensitivity == before.sensitivity),
        ("adverse", now.adverse == before.adverse),
        ("adverse_when", now.adverse_when == before.adverse_when),
        ("showing", now.showing == before.showing),
        ("expires_claim", now.expires_claim == before.expires_claim),
        ("category_of", now.category_of == before.category_of),
    ];
    for (name, _) in same.iter().filter(|(_, same)| !same) {
        let reason = format!(
            "changes {name} of {}: another meaning is a new major",
            later.vct
        );
        report.wrong(file, Some(name), reason);
    }
}

fn claims(later: &Kind, earlier: &Kind, file: &str, report: &mut check::Report<'_>) {
    for before in &*earlier.claims {
        let path = check::names(&before.path).join(".");
        let last = before.path.last().and_then(Value::as_str);
        match later.claims.iter().find(|c| c.path == before.path) {
            None => {
                let reason = format!("takes the claim {path} away: that is a new major");
                report.wrong(file, None, reason);
            }
            Some(now) if now.sd != before.sd || now.mandatory != before.mandatory => {
                let what = if now.sd == before.sd {
                    "mandatory"
                } else {
                    "sd"
                };
                let reason = format!("changes {what} of the claim {path}: that is a new major");
                report.wrong(file, last, reason);
            }
            Some(_) => {}
        }
    }
    let known = |path: &[Value]| earlier.claims.iter().any(|c| c.path == path);
    for new in later
        .claims
        .iter()
        .filter(|c| c.mandatory && !known(&c.path))
    {
        let path = check::names(&new.path).join(".");
        let reason = format!("adds the mandatory claim {path}: that is a new major");
        report.wrong(file, new.path.last().and_then(Value::as_str), reason);
    }
}

/// Every value that the earlier schema took, the later one takes; and it means the same.
fn schema(
    later: &Value,
    earlier: &Value,
    place: &mut Vec<String>,
    (file, report): (&str, &mut check::Report<'_>),
) {
    let empty = Map::new();
    let (Some(now), Some(before)) = (later.as_object(), earlier.as_object()) else {
        if later != earlier {
            changed(place, "its form", (file, report));
        }
        return;
    };
    let members =
        |schema: &Map<String, Value>| schema.get("properties").and_then(Value::as_object).cloned();
    let (new, old) = (
        members(now).unwrap_or_default(),
        members(before).unwrap_or(empty),
    );
    for (name, earlier) in &old {
        place.push(name.clone());
        match new.get(name) {
            Some(later) => schema(later, earlier, place, (file, report)),
            None => changed(place, "that it is there", (file, report)),
        }
        place.pop();
    }
    if let (Some(later), Some(earlier)) = (now.get("items"), before.get("items")) {
        schema(later, earlier, place, (file, report));
    }
    let looked_at = |name: &&String| {
        let below = ["properties", "items"].contains(&name.as_str())
            && before.contains_key(*name) == now.contains_key(*name);
        !below && !REMARKS.contains(&name.as_str())
    };
    let all: std::collections::BTreeSet<_> = now.keys().chain(before.keys()).collect();
    for name in all.into_iter().filter(looked_at) {
        let more = |now: &Value, before: &Value| {
            let (now, before) = (now.as_array()?, before.as_array()?);
            Some(name == "enum" && before.iter().all(|value| now.contains(value)))
        };
        let fits = match (now.get(name), before.get(name)) {
            (Some(now), Some(before)) => now == before || more(now, before) == Some(true),
            _ => false,
        };
        if !fits {
            changed(place, name, (file, report));
        }
    }
}

fn changed(place: &[String], what: &str, (file, report): (&str, &mut check::Report<'_>)) {
    let reason = format!(
        "changes {what} of /{}: that is a new major",
        place.join("/")
    );
    report.wrong(file, place.last().map(String::as_str), reason);
}
