//! Names of packages in the profiles are those of packages that are there: cargo only warns, and a name
//! that is left behind leaves its package unoptimised.

use super::Source;
use std::collections::BTreeSet;

pub(super) fn findings(sources: &[Source]) -> Vec<String> {
    let text = |path: &str| {
        let source = sources.iter().find(|source| source.path == path);
        source.map_or("", |source| source.text.as_str())
    };
    let locked: BTreeSet<&str> = text("Cargo.lock").lines().filter_map(locked_name).collect();
    named(text("Cargo.toml"))
        .into_iter()
        .filter(|(_, name)| *name != "*" && !locked.contains(name))
        .map(|(line, name)| format!("Cargo.toml:{line}: {name} is no package of Cargo.lock"))
        .collect()
}

fn locked_name(line: &str) -> Option<&str> {
    line.strip_prefix("name = \"")?.strip_suffix('"')
}

/// Packages that profiles name, each with its line: keys of `[profile.X.package]`, and tables
/// `[profile.X.package.NAME]`.
fn named(manifest: &str) -> Vec<(usize, &str)> {
    let (mut named, mut is_table) = (Vec::new(), false);
    for (at, line) in manifest.lines().enumerate() {
        if let Some(header) = line.strip_prefix('[') {
            let header = header.trim_end().trim_end_matches(']');
            let profile = header.strip_prefix("profile.");
            let of = profile.and_then(|rest| rest.split_once(".package"));
            is_table = of.is_some_and(|(_, rest)| rest.is_empty());
            let name = of.and_then(|(_, rest)| rest.strip_prefix('.'));
            named.extend(name.map(|name| (at + 1, bare(name))));
        } else if is_table
            && !line.starts_with('#')
            && let Some((name, _)) = line.split_once('=')
        {
            named.push((at + 1, bare(name.trim())));
        }
    }
    named
}

/// Without quotes, and without a version.
fn bare(name: &str) -> &str {
    let name = name.trim_matches('"');
    name.split(['@', ':']).next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(manifest: &str) -> Vec<String> {
        let source = |path: &str, text: &str| Source {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        let lock = "[[package]]\nname = \"there\"\nversion = \"1.0.0\"\n";
        findings(&[source("Cargo.toml", manifest), source("Cargo.lock", lock)])
    }

    #[test]
    fn a_package_that_is_not_there_is_found_in_both_forms() {
        let good = "[profile.dev.package]\n# why\nthere = { opt-level = 3 }\n\
                    [profile.dev.package.\"*\"]\ndebug = false\n\
                    [profile.dev.package.\"there@1\"]\ndebug = false\n\
                    [profile.release]\nlto = \"thin\"\n";
        assert_eq!(found(good), Vec::<String>::new());
        let table = "[profile.dev.package]\nthere = { opt-level = 3 }\ngone = { opt-level = 3 }\n";
        assert_eq!(
            found(table),
            ["Cargo.toml:3: gone is no package of Cargo.lock"]
        );
        let own = "[profile.release.package.gone]\nopt-level = 3\n";
        assert_eq!(
            found(own),
            ["Cargo.toml:1: gone is no package of Cargo.lock"]
        );
    }
}
