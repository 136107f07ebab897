//! Words that are in no file: paths of somebody's machine, package hosts in lock files, `unwrap` in
//! product code, and in crates that run in a browser anything that reaches for the machine.

use super::Source;

/// Crates that build for wasm32: no disk, socket, clock or randomness of their own.
pub(super) const PURE: [&str; 11] = [
    "guard",
    "jose",
    "model",
    "tlog",
    "credential",
    "openid",
    "seal",
    "recovery",
    "rules",
    "api",
    "holder",
];

const MACHINE: [&str; 9] = [
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::time::SystemTime",
    "std::time::Instant",
    "getrandom::",
    "rand::rng()",
];

/// Tests and tools may `unwrap`.
const TOOLS: [&str; 4] = ["testkit", "oracles", "evil", "fire"];

/// Beginnings of paths on one person's machine; joined here so that this file has none.
const FOLDERS: [&str; 4] = ["home", "root", "Users", "work"];

pub(super) fn findings(sources: &[Source]) -> Vec<String> {
    let folders = FOLDERS.map(|folder| format!("/{folder}/"));
    let mut findings = Vec::new();
    for source in sources {
        for (at, line) in source.text.lines().enumerate() {
            if folders.iter().any(|folder| names_path(line, folder)) {
                findings.push(format!("{}:{}: a path of one machine", source.path, at + 1));
            }
        }
        if source.path.ends_with("package-lock.json")
            && source.text.contains("\"resolved\": \"http")
        {
            findings.push(format!("{}: names the host of a registry", source.path));
        }
        if source.is_rust() {
            findings.extend(code_findings(source));
        }
    }
    findings
}

/// Whether a line has the folder as the beginning of an absolute path.
fn names_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line.get(..at).and_then(|l| l.chars().next_back());
        before.is_none_or(|c| !c.is_alphanumeric() && !"._-/}~)*".contains(c))
    })
}

fn code_findings(source: &Source) -> Vec<String> {
    let krate = source.krate().unwrap_or_default();
    let (pure, tool) = (PURE.contains(&krate), TOOLS.contains(&krate));
    let mut findings = Vec::new();
    for (at, line) in source.code() {
        let place = format!("{}:{at}", source.path);
        let unwrap = concat!(".unwrap", "()");
        if !tool && line.contains(unwrap) {
            findings.push(format!("{place}: unwrap outside tests"));
        }
        if let Some(word) = MACHINE.iter().find(|word| pure && line.contains(**word)) {
            findings.push(format!(
                "{place}: {word}, but {krate} runs in a browser too"
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        findings(&[Source {
            path: path.into(),
            text: text.into(),
        }])
        .len()
    }

    #[test]
    fn a_path_of_one_machine_is_found_and_a_route_is_not() {
        let home = format!("see /{}/someone/file", "home");
        assert_eq!(found("README.md", &home), 1);
        assert_eq!(found("README.md", &format!("example.org/{}/a", "home")), 0);
    }

    #[test]
    fn a_clock_in_a_pure_crate_is_found_and_in_a_role_it_is_the_lints_business() {
        let text = "let now = std::time::SystemTime::now();\n";
        assert_eq!(found("crates/model/src/a.rs", text), 1);
        assert_eq!(found("crates/denizen/src/a.rs", text), 0);
        let tests = format!("fn a() {{}}\n#[cfg(test)]\nmod tests {{ {text} }}");
        assert_eq!(found("crates/model/src/a.rs", &tests), 0);
    }

    #[test]
    fn a_host_in_a_lock_file_is_found() {
        assert_eq!(
            found(
                "crates/oracles/node/package-lock.json",
                r#"{"resolved": "https://"}"#
            ),
            1
        );
    }
}
