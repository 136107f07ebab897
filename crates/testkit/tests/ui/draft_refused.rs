//! A draft comes out of intake or of a decision, from nowhere else.

use denizen_gateway::issuer::Draft;

fn vct(draft: &Draft) -> String {
    Draft::of_row(draft.vct(), Default::default()).vct().to_owned()
}

fn main() {
    let _ = vct;
}
