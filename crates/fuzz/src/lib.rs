//! Every parser of bytes from outside, as a function of bytes.
//!
//! Scope: what a stranger can send to a hub, a gateway, a holder's program or a page, and files that
//! people hand to one another. One [`Target`] a parser: it must not panic, and what it accepts and can
//! write has one encoding. Not in scope: what is done with what was read; how inputs are found. That is
//! [`bend`] for a commit, from fixed seeds, and libFuzzer for a campaign (`cargo xtask fuzz`).

mod bend;
mod deep;
mod samples;
mod targets;

pub use bend::bend;
pub use samples::{Samples, kept_file, kept_seeds, name_of};
pub use targets::TARGETS;

/// One parser.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name; its kept seeds are in `crates/fuzz/seeds/<name>.txt`.
    pub name: &'static str,
    /// Reads bytes. Gives what it would write back, if it accepts them and can.
    pub read: fn(&[u8]) -> Option<Vec<u8>>,
    /// Good inputs.
    pub samples: Samples,
}

impl Target {
    /// Reads bytes, and checks that what is accepted has one encoding.
    ///
    /// # Panics
    /// If the parser does, or if it accepts two encodings of one value.
    pub fn run(&self, bytes: &[u8]) {
        if let Some(written) = (self.read)(bytes) {
            assert!(
                written == bytes,
                "{}: two encodings of one value",
                self.name
            );
        }
    }
}
