//! The proof of filing is drafted by the desk alone, out of verified evidence.

use denizen_gateway::verifier::decide::decide as step;

fn main() {
    let _ = step;
}
