//! A draft comes out of intake or of a decision, from nowhere else.

use denizen_gateway::issuer::Draft;

fn vct(draft: &Draft) -> String {
    draft.vct().to_owned()
}

fn main() {
    let _ = vct;
}
