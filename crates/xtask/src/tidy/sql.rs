//! All SQL of the product is in `store`.

use super::Source;

/// Beginnings of statements, as they stand at the beginning of a line or of a text.
const STATEMENTS: [&str; 9] = [
    "SELECT ",
    "INSERT INTO ",
    "INSERT OR ",
    "UPDATE ",
    "DELETE FROM ",
    "CREATE TABLE ",
    "CREATE INDEX ",
    "ALTER TABLE ",
    "PRAGMA ",
];

/// The canary reads a hub's database as an attacker would, without the product's ways; xtask has the
/// words above.
const MAY: [&str; 4] = [
    "crates/store/",
    "crates/testkit/src/canary",
    "crates/xtask/src/tidy/sql.rs",
    "crates/xtask/src/tidy/spread.rs",
];

pub(super) fn findings(sources: &[Source]) -> Vec<String> {
    let others = |s: &&Source| !MAY.iter().any(|may| s.path.starts_with(may));
    let mut findings = Vec::new();
    for source in sources.iter().filter(others) {
        if source.path.ends_with(".sql") {
            findings.push(format!("{}: SQL belongs in crates/store/sql", source.path));
        }
        if !source.path.ends_with(".rs") {
            continue;
        }
        for (at, line) in source.text.lines().enumerate() {
            if is_sql(line) {
                findings.push(format!(
                    "{}:{}: SQL belongs in crates/store",
                    source.path,
                    at + 1
                ));
            }
        }
    }
    findings
}

fn is_sql(line: &str) -> bool {
    let line = line.trim_start();
    let texts = line.split('"').skip(1).chain([line]);
    let mut begins = texts.map(str::trim_start);
    begins.any(|text| {
        STATEMENTS
            .iter()
            .any(|statement| text.starts_with(statement))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_found_in_one_line_and_over_several() {
        let source = |text: &str| Source {
            path: "crates/hub/src/a.rs".into(),
            text: text.into(),
        };
        for bad in [
            r#"db.execute("DELETE FROM envelope", ())"#,
            "let sql = \"\n    SELECT pos\n FROM envelope\";",
            r##"run(r#"UPDATE address SET frozen = 1"#)"##,
        ] {
            assert_eq!(findings(&[source(bad)]).len(), 1, "{bad}");
        }
        for good in [
            "let select = present.select(query);",
            "/// Selects. UPDATE is a word too.",
        ] {
            assert_eq!(findings(&[source(good)]), Vec::<String>::new());
        }
    }

    #[test]
    fn store_may() {
        let text = r#"db.execute("DELETE FROM envelope", ())"#.to_owned();
        let path = "crates/store/src/hub.rs".to_owned();
        assert!(findings(&[Source { path, text }]).is_empty());
    }
}
