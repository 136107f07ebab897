//! A hub's PostgreSQL can be spread by address over machines: what a distributed engine needs, checked
//! on the SQL itself. The reasons stand in docs/operate/postgresql.md.

use super::Source;

/// Where the SQL is.
const PLACES: [&str; 2] = [
    "crates/store/src/hub/postgres",
    "crates/store/sql/hub-postgres/",
];

/// Tables that are distributed by `address`. The others stay on one node.
const BY_ADDRESS: [&str; 5] = ["address", "place", "deposit", "object", "object_part"];

/// Statements over all addresses: cleaning, and a check of the whole. Neither is for one person.
const OVER_ALL: [&str; 3] = [
    "FROM object WHERE pos IS NULL AND touched <",
    "FROM object WHERE passed IS NOT NULL AND NOT kept AND passed <",
    "FROM place WHERE kind = 0 AND sha256(body) <> hash",
];

/// What a distributed engine does not do, or does wrongly.
const NEVER: [(&str, &str); 11] = [
    ("TRIGGER", "no triggers"),
    ("SERIALIZABLE", "no isolation level guards across addresses"),
    ("LATERAL", "no LATERAL"),
    ("CTID", "no ctid"),
    ("REFERENCES", "no foreign keys"),
    ("FOREIGN KEY", "no foreign keys"),
    ("GENERATED", "no generated columns"),
    ("ON CONSTRAINT", "no constraint is known by its name"),
    ("SET ADDRESS =", "the address of a row never changes"),
    ("RANDOM()", "no volatile functions in what is written"),
    ("NOW()", "no volatile functions in what is written"),
];

pub(super) fn findings(sources: &[Source]) -> Vec<String> {
    let mut findings = Vec::new();
    let of_postgres = |s: &&Source| PLACES.iter().any(|place| s.path.starts_with(place));
    for source in sources.iter().filter(of_postgres) {
        for statement in statements(source) {
            let found = faults(&statement);
            let shown: String = statement.chars().take(60).collect();
            findings.extend(
                found
                    .into_iter()
                    .map(|fault| format!("{}: {fault}: {shown}...", source.path)),
            );
        }
    }
    findings
}

/// The SQL statements of a file, each on one line.
fn statements(source: &Source) -> Vec<String> {
    let texts = if source.path.ends_with(".sql") {
        let lines = source.text.lines();
        let code: Vec<&str> = lines
            .filter(|l| !l.trim_start().starts_with("--"))
            .collect();
        code.join(" ").split(';').map(str::to_owned).collect()
    } else {
        literals(&source.text)
    };
    let one_line = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let begins = |text: &String| {
        let first = text.split(' ').next().unwrap_or_default();
        matches!(
            first,
            "SELECT" | "INSERT" | "UPDATE" | "DELETE" | "CREATE" | "ALTER"
        )
    };
    texts.into_iter().map(one_line).filter(begins).collect()
}

/// The texts between quotes, with their continued lines joined.
fn literals(rust: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let mut text: Option<String> = None;
    let mut chars = rust.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, &mut text) {
            ('"', None) => text = Some(String::new()),
            ('"', Some(_)) => texts.extend(text.take()),
            ('\\', Some(inside)) => match chars.next() {
                Some('\n') => inside.push(' '),
                Some(escaped) => inside.push(escaped),
                None => {}
            },
            (c, Some(inside)) => inside.push(c),
            ('\'', None) if chars.peek() == Some(&'"') => _ = chars.next(),
            _ => {}
        }
    }
    texts
}

/// What is wrong with a statement.
fn faults(statement: &str) -> Vec<&'static str> {
    let upper = statement.to_uppercase();
    let mut faults: Vec<_> = NEVER
        .iter()
        .filter(|(words, _)| upper.contains(words))
        .map(|(_, fault)| *fault)
        .collect();
    let first = upper.split(' ').next().unwrap_or_default();
    let writes = matches!(first, "INSERT" | "UPDATE" | "DELETE");
    if writes && !upper.contains(" RETURNING ") {
        faults.push("a write is counted by RETURNING");
    }
    if first == "CREATE" {
        faults.extend(key_without_address(statement));
    } else if first != "ALTER" && !is_of_addresses(statement) {
        faults.push("a table that is spread is asked by address");
    }
    if upper.contains(" FOR UPDATE") && !upper.contains("ADDRESS = $") {
        faults.push("rows are locked by address");
    }
    faults
}

/// Tables with an address have it in their primary key, and in every unique index.
fn key_without_address(statement: &str) -> Option<&'static str> {
    let fault = "every key of a table that is spread has the address";
    let mut words = statement.split([' ', '(']).filter(|word| !word.is_empty());
    if statement.starts_with("CREATE TABLE") {
        let spread = words
            .nth(2)
            .is_some_and(|table| BY_ADDRESS.contains(&table));
        let by_column = statement.contains(" address bytea NOT NULL PRIMARY KEY");
        let by_key = statement.contains("PRIMARY KEY (address,");
        return (spread && !by_column && !by_key).then_some(fault);
    }
    let unique = statement.starts_with("CREATE UNIQUE INDEX");
    let table = words.skip_while(|word| *word != "ON").nth(1)?;
    let by_address = statement.contains("(address,");
    (unique && BY_ADDRESS.contains(&table) && !by_address).then_some(fault)
}

/// Whether a statement names no spread table, or its address, or is one of those over all.
fn is_of_addresses(statement: &str) -> bool {
    let named = |table: &&str| {
        ["FROM ", "INTO ", "UPDATE ", "JOIN "].iter().any(|before| {
            let mut after = statement.split(*before).skip(1);
            after.any(|rest| rest.split([' ', '(']).next() == Some(table))
        })
    };
    if !BY_ADDRESS.iter().any(named) {
        return true;
    }
    let by_address = [
        "address = $",
        "address = ANY($",
        "address = w.address",
        "address = f.address",
    ];
    let inserts = statement.starts_with("INSERT") && statement.contains("address");
    inserts
        || by_address.iter().any(|words| statement.contains(words))
        || OVER_ALL.iter().any(|words| statement.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        let path = path.to_owned();
        let text = text.to_owned();
        findings(&[Source { path, text }]).len()
    }

    #[test]
    fn what_a_distributed_engine_needs_is_found_missing() {
        let rust = "crates/store/src/hub/postgres/a.rs";
        for (bad, faults) in [
            ("SELECT pos FROM place WHERE pos = $1", 1),
            ("SELECT pos FROM place WHERE pos = $1 FOR UPDATE", 2),
            ("DELETE FROM object WHERE parts = $1 RETURNING parts", 1),
            ("UPDATE address SET closed = true WHERE address = $1", 1),
            (
                "UPDATE address SET address = $2 WHERE address = $1 RETURNING auth",
                1,
            ),
            ("INSERT INTO tile (log) SELECT 1 ON CONFLICT DO NOTHING", 1),
            (
                "DELETE FROM place WHERE address = $1 AND ctid = $2 RETURNING pos",
                1,
            ),
        ] {
            assert_eq!(
                found(rust, &format!("let sql = \"{bad}\";")),
                faults,
                "{bad}"
            );
        }
        for good in [
            "SELECT pos \\\n   FROM place WHERE address = $1",
            "SELECT size FROM log_head WHERE log = $1",
            "UPDATE address SET closed = true WHERE address = $1 RETURNING auth",
            "not SQL, FROM place",
        ] {
            assert_eq!(found(rust, &format!("let sql = \"{good}\";")), 0, "{good}");
        }
        assert_eq!(
            found("crates/store/src/hub/place.rs", "\"DELETE FROM place\""),
            0
        );
    }

    #[test]
    fn a_key_without_the_address_is_found() {
        let file = "crates/store/sql/hub-postgres/0002_a.sql";
        for bad in [
            "CREATE TABLE place (\n address bytea NOT NULL, pos bigint, PRIMARY KEY (pos));",
            "CREATE UNIQUE INDEX a ON object (id);",
            "-- why\nALTER TABLE place ADD CONSTRAINT a FOREIGN KEY (address) REFERENCES b;",
        ] {
            assert!(found(file, bad) > 0, "{bad}");
        }
        for good in [
            "CREATE TABLE place (\n address bytea NOT NULL, PRIMARY KEY (address, pos));",
            "CREATE TABLE tile (log bigint, PRIMARY KEY (log));",
            "CREATE INDEX a ON object (touched) WHERE pos IS NULL;",
            "CREATE UNIQUE INDEX a ON object (address, id);",
        ] {
            assert_eq!(found(file, good), 0, "{good}");
        }
    }
}
