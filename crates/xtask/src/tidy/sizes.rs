//! Files stay small enough to read in one go.

use super::Source;

/// Lines of code in a file, without comments, empty lines and tests.
const LINES_MAX: usize = 500;

pub(super) fn findings(sources: &[Source]) -> Vec<String> {
    sources
        .iter()
        .filter(|s| s.is_rust())
        .map(|s| (s, s.code().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(s, lines)| format!("{}: {lines} lines of code, at most {LINES_MAX}", s.path))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_tests_do_not_count() {
        let path = "crates/a/src/lib.rs".to_owned();
        let tests = "fn a() {}\n".repeat(LINES_MAX);
        let text = format!("{tests}\n// why\n#[cfg(test)]\n{tests}");
        let small = Source { path, text };
        assert_eq!(findings(std::slice::from_ref(&small)), Vec::<String>::new());
        let large = Source {
            text: format!("fn b() {{}}\n{}", small.text),
            ..small
        };
        assert_eq!(findings(&[large]).len(), 1);
    }
}
