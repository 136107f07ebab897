//! The parcels of one transaction: one for each link that gets something.

use crate::{Gateway, GatewayError, issuer::together::Parcel, link::LinkState};
use denizen_model::Sha256Hash;
use std::collections::BTreeMap;

/// Parcels by case.
#[derive(Default)]
pub(crate) struct Parcels {
    /// Where the parcel of a case is; none if no confirmed link takes anything for it.
    by_case: BTreeMap<Sha256Hash, Option<usize>>,
    parcels: Vec<Parcel>,
}

impl Parcels {
    /// The parcel to the confirmed link of a case, if there is one and it is not held.
    pub(crate) fn of_case(
        &mut self,
        gateway: &Gateway,
        case_key: &Sha256Hash,
    ) -> Result<Option<&mut Parcel>, GatewayError> {
        let at = match self.by_case.get(case_key) {
            Some(at) => *at,
            None => {
                let confirmed = LinkState::Confirmed as u8;
                let links = gateway.store.links_of_case(case_key, confirmed)?;
                let link = links.into_iter().next().map(|row| gateway.link_of(row));
                let link = link.transpose()?.filter(|link| !link.body.held);
                let at = link.map(|link| {
                    self.parcels.push(Parcel::to(link));
                    self.parcels.len() - 1
                });
                self.by_case.insert(*case_key, at);
                at
            }
        };
        Ok(at.and_then(|at| self.parcels.get_mut(at)))
    }

    pub(crate) fn all_mut(&mut self) -> &mut [Parcel] {
        &mut self.parcels
    }
}
