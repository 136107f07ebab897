//! Which of an organisation's databases counts. A restored one is older than what was sent: it takes
//! over under the next version of the inbox's registration at the hub, and the one before it stops.

use crate::{Gateway, GatewayError};

impl Gateway {
    /// Refuses to issue anything new until an operator has compared a restored database.
    pub(crate) fn check_not_held(&self) -> Result<(), GatewayError> {
        match self.store.lineage()?.held {
            None => Ok(()),
            Some(_) => Err(GatewayError::Held),
        }
    }
}
