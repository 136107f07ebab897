//! What is printed may come from somebody else: it must not steer the terminal or turn the text around.

/// Stands for a character that would not be seen, and would act.
const MARK: char = '\u{FFFD}';

/// The text with a visible mark for every control character and every change of direction. Line ends
/// and tabs stay.
pub(crate) fn visible(text: &str) -> String {
    text.chars().map(mark).collect()
}

/// The same for a value within a line: it cannot begin a line of its own either.
pub(crate) fn in_line(text: &str) -> String {
    visible(text).replace(['\n', '\t'], &MARK.to_string())
}

fn mark(c: char) -> char {
    let acts = match c {
        '\n' | '\t' => false,
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => true,
        c => c.is_control(),
    };
    if acts { MARK } else { c }
}

/// Prints a line as [`visible`]. A closed pipe is nobody's fault.
pub(crate) fn print_line(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "{}", visible(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_marked_and_all_else_stays() {
        let bad = "a\u{1b}[2Jb\u{9b}31m\u{7}\r\u{202e}c\u{2066}\u{7f}";
        let marked = "a\u{fffd}[2Jb\u{fffd}31m\u{fffd}\u{fffd}\u{fffd}c\u{fffd}\u{fffd}";
        assert_eq!(visible(bad), marked);
        let good = "Гулаб oʻqituvchi Ҷ\n\tend";
        assert_eq!(visible(good), good);
        assert_eq!(in_line("a\nb\tc"), "a\u{fffd}b\u{fffd}c");
    }
}
