//! Links in the database.

use super::{CopyKeys, Link, LinkBody, LinkState};
use crate::{Gateway, GatewayError, vault::context};
use denizen_model::AddressId;
use denizen_store::gateway::LinkRow;

impl Gateway {
    /// A link by its address.
    pub(crate) fn link(&self, address: &AddressId) -> Result<Option<Link>, GatewayError> {
        self.store
            .link(address)?
            .map(|row| self.link_of(row))
            .transpose()
    }

    pub(crate) fn link_of(&self, row: LinkRow) -> Result<Link, GatewayError> {
        let context = context("link", row.address.as_bytes());
        let state = match row.state {
            0 => LinkState::Pending,
            1 => LinkState::Revealed,
            2 => LinkState::Confirmed,
            3 => LinkState::Refused,
            4 => LinkState::Closed,
            5 => LinkState::Moved,
            _ => return Err(GatewayError::Damaged("database")),
        };
        let mut body: LinkBody = self.vault.open(&context, &row.body)?;
        let before = std::mem::take(&mut body.copy_keys);
        let copy_keys = (!before.is_empty()).then(|| {
            let mut keys = CopyKeys::default();
            keys.add(&before);
            keys
        });
        Ok(Link {
            address: row.address,
            state,
            body,
            copy_keys,
        })
    }

    pub(crate) fn save_link(
        &self,
        link: &Link,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let context = context("link", link.address.as_bytes());
        let row = LinkRow {
            address: link.address,
            case_key: link
                .body
                .case_reference
                .as_deref()
                .map(|c| self.case_key(c)),
            state: link.state as u8,
            body: self.vault.seal(&context, &link.body, rng),
        };
        self.store.put_link(&row)?;
        self.save_copy_keys(link, rng)
    }
}
