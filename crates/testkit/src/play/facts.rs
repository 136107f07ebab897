//! Facts of a story: an office takes in one row that says exactly these claims.

use super::Play;
use crate::catalogue;
use denizen_gateway::{IntakeReport, Mapping};
use denizen_model::Sha256Hash;
use serde_json::{Value, json};

impl Play {
    /// An office takes in one row about a person; everybody syncs. It fails if the row is not taken.
    pub async fn row(&mut self, office: &str, person: &str, vct: &str, claims: Value) {
        let report = self.try_row(office, person, vct, claims).await;
        assert_eq!((report.taken, report.rows()), (1, 1), "{report:?}");
    }

    /// An office takes in one row about a person, as it is; everybody syncs.
    pub async fn try_row(
        &mut self,
        office: &str,
        person: &str,
        vct: &str,
        claims: Value,
    ) -> IntakeReport {
        let case = self.people[person].persona.case(office);
        let mapping = mapping(vct, &claims);
        let row = json!({
            "case": case,
            "row": Sha256Hash::of(claims.to_string().as_bytes()),
            "claims": claims,
        });
        let taken = self.at_office(office, |gateway, now, rng| {
            gateway.intake(row.to_string().as_bytes(), &mapping, now, rng)
        });
        taken.await.unwrap()
    }
}

/// A mapping that takes every claim as it is.
fn mapping(vct: &str, claims: &Value) -> Mapping {
    let mut text = format!(
        "kind = \"{vct}\"\nformat = \"ndjson\"\nencoding = \"utf-8\"\n\
         case_reference = \"/case\"\nunique = [\"/row\"]\n"
    );
    add(&mut text, &mut Vec::new(), claims);
    Mapping::parse(&text, &catalogue()).unwrap()
}

fn add(text: &mut String, path: &mut Vec<String>, value: &Value) {
    let kind = match value {
        Value::Object(members) => {
            for (name, value) in members {
                path.push(name.clone());
                add(text, path, value);
                path.pop();
            }
            return;
        }
        Value::Bool(_) => "type = \"boolean\"\n",
        Value::Number(_) => "type = \"integer\"\n",
        Value::Array(_) => "type = \"list\"\n",
        _ => "",
    };
    let names: Vec<_> = path.iter().map(|name| format!("\"{name}\"")).collect();
    let (names, column) = (names.join(", "), path.join("/"));
    text.push_str(&format!(
        "[[claim]]\npath = [{names}]\ncolumn = \"/claims/{column}\"\n{kind}"
    ));
}
