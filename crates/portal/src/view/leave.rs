//! How far the deletion of everything is.

use denizen_holder::{Holder, ShredLeft};
use serde::Serialize;
use tsify::Tsify;

/// What is deleted, and what is left.
#[derive(Debug, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct LeavePage {
    /// How much is deleted.
    pub done: usize,
    /// Of how much.
    pub all: usize,
    /// Nothing is left that will be deleted: this browser forgets the profile.
    pub over: bool,
    /// Other hubs that still have something.
    pub left: Vec<LeftRow>,
}

/// What another hub still has.
#[derive(Debug, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct LeftRow {
    /// Its URL.
    pub hub: String,
    /// Names of the organisations there.
    pub orgs: Vec<String>,
}

/// None if the deletion was not begun.
pub(crate) fn leave_page(
    holder: &Holder,
    earlier: Option<&Holder>,
    over: bool,
) -> Option<LeavePage> {
    let own = holder.shred_left()?;
    let earlier = earlier.and_then(Holder::shred_left);
    let all = [Some(own), earlier].into_iter().flatten();
    let all: Vec<ShredLeft> = all.collect();
    let row = |(hub, orgs): &(String, Vec<denizen_model::OrgId>)| LeftRow {
        hub: hub.clone(),
        orgs: orgs.iter().map(|org| holder.name_of(org)).collect(),
    };
    Some(LeavePage {
        done: all.iter().map(|l| l.done).sum(),
        all: all.iter().map(|l| l.all).sum(),
        over,
        left: all.iter().flat_map(|l| &l.hubs).map(row).collect(),
    })
}
