//! Steps out of order do not compile. Each pair under `ui/` is one file that compiles, as a module of
//! this test, and its twin that differs in one line and is refused with the error told here.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, dead_code)]

use std::path::Path;

/// Name of the pair and the compiler's code for the twin that is refused.
const PAIRS: [(&str, &str); 12] = [
    ("sign", "E0308"),
    ("seal", "E0308"),
    ("decide", "E0308"),
    ("record", "E0616"),
    ("draft", "E0624"),
    ("filed", "E0603"),
    ("claims", "E0599"),
    ("opened", "E0451"),
    ("invitation", "E0308"),
    ("preview", "E0451"),
    ("purpose", "E0308"),
    ("log", "E0277"),
];

#[path = "ui/claims.rs"]
mod claims;
#[path = "ui/decide.rs"]
mod decide;
#[path = "ui/draft.rs"]
mod draft;
#[path = "ui/filed.rs"]
mod filed;
#[path = "ui/invitation.rs"]
mod invitation;
#[path = "ui/log.rs"]
mod log;
#[path = "ui/opened.rs"]
mod opened;
#[path = "ui/preview.rs"]
mod preview;
#[path = "ui/purpose.rs"]
mod purpose;
#[path = "ui/record.rs"]
mod record;
#[path = "ui/seal.rs"]
mod seal;
#[path = "ui/sign.rs"]
mod sign;

fn read(file: &str) -> String {
    let ui = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    std::fs::read_to_string(ui.join(file)).unwrap()
}

#[test]
fn each_pair_differs_in_one_line_and_its_error_is_the_one_that_is_meant() {
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let count = std::fs::read_dir(files).unwrap().count();
    assert_eq!(count, 3 * PAIRS.len(), "a pair and its error each");
    for (name, code) in PAIRS {
        let (works, refused) = (
            read(&format!("{name}.rs")),
            read(&format!("{name}_refused.rs")),
        );
        assert_eq!(works.lines().count(), refused.lines().count(), "{name}");
        let pairs = works.lines().zip(refused.lines());
        assert_eq!(pairs.filter(|(a, b)| a != b).count(), 1, "{name}");
        let errors = read(&format!("{name}_refused.stderr"));
        let told: Vec<&str> = errors.lines().filter(|l| l.starts_with("error")).collect();
        assert!(
            told[0].starts_with(&format!("error[{code}]")),
            "{name}: {told:?}"
        );
        assert_eq!(told.len(), 1, "{name}: {told:?}");
    }
}

#[test]
fn the_twins_out_of_order_do_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/ui/*_refused.rs");
}
