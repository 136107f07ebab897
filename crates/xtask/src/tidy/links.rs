//! Links between documents lead somewhere.

use super::Source;
use crate::root::root;
use std::path::Path;

pub(super) fn findings(sources: &[Source]) -> Vec<String> {
    let documents = sources.iter().filter(|s| s.path.ends_with(".md"));
    documents
        .flat_map(|document| dead(document, root()))
        .collect()
}

fn dead(document: &Source, top: &Path) -> Vec<String> {
    let folder = top.join(&document.path);
    let folder = folder.parent().unwrap_or(top).to_owned();
    let mut findings = Vec::new();
    for (at, line) in document.text.lines().enumerate() {
        for link in links(line) {
            let file = link.split('#').next().unwrap_or_default();
            let elsewhere = link.contains("://") || link.starts_with("mailto:");
            if !elsewhere && !file.is_empty() && !folder.join(file).exists() {
                findings.push(format!("{}:{}: {link} is not there", document.path, at + 1));
            }
        }
    }
    findings
}

/// Targets of Markdown links on a line, outside code.
fn links(line: &str) -> Vec<&str> {
    let outside_code = line.split('`').step_by(2);
    let targets = outside_code.flat_map(|text| text.split("](").skip(1));
    targets
        .filter_map(|rest| rest.split(')').next())
        .filter(|t| !t.contains(' '))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_read_but_not_in_code() {
        let line = "see [a](docs/a.md#part), [b](b.md) and `[c](c.md)`";
        assert_eq!(links(line), ["docs/a.md#part", "b.md"]);
    }

    #[test]
    fn a_dead_link_is_found() {
        let path = "README.md".to_owned();
        let text = "[a](Cargo.toml)\n[b](no-such-file.md) [c](https://example.org)".to_owned();
        assert_eq!(dead(&Source { path, text }, root()).len(), 1);
    }
}
