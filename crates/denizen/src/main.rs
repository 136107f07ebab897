//! The binary: one file per subcommand, configuration, real clock and randomness.
fn main() {}
