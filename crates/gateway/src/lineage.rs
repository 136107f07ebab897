//! Which of an organisation's databases counts. A backup that is put back is older than what was sent:
//! it takes over under the next version of the inbox's registration at the hub, and the one before it
//! stops.

use crate::{Gateway, GatewayError};
use denizen_api::{Transport, wire::AddressState};
use denizen_model::UnixTime;
use denizen_store::gateway::Lineage;

impl Gateway {
    /// Refuses to issue anything new until an operator has compared a restored database.
    pub(crate) fn check_not_held(&self) -> Result<(), GatewayError> {
        match self.store.lineage()?.held {
            None => Ok(()),
            Some(_) => Err(GatewayError::Held),
        }
    }

    /// Asks the hub under which version the inbox is registered.
    pub(crate) async fn check_generation<T: Transport>(
        &mut self,
        transport: &T,
        now: UnixTime,
    ) -> Result<(), GatewayError> {
        let client = self.client(transport);
        let state = client.address(&self.keys.inbox, now).await?;
        self.take_generation(&state)
    }

    /// Stops if another database has taken over.
    pub(crate) fn take_generation(&mut self, state: &AddressState) -> Result<(), GatewayError> {
        let lineage = self.store.lineage()?;
        match lineage.generation {
            Some(own) if state.version > own => Err(GatewayError::Superseded),
            Some(own) if state.version < own => Err(GatewayError::RolledBack),
            Some(_) => Ok(()),
            None => self.tx(|g| {
                let generation = Some(state.version);
                Ok(g.store.set_lineage(&Lineage {
                    generation,
                    ..lineage
                })?)
            }),
        }
    }

    /// Since when nothing new is issued, if this database was restored and nobody has compared yet.
    ///
    /// # Errors
    /// [`GatewayError::Store`].
    pub fn held_since(&self) -> Result<Option<UnixTime>, GatewayError> {
        Ok(self.store.lineage()?.held)
    }

    /// An operator has compared a restored database with the office's own files: new records are
    /// issued again.
    ///
    /// # Errors
    /// [`GatewayError::Store`].
    pub fn end_hold(&mut self) -> Result<(), GatewayError> {
        self.tx(|g| {
            let lineage = g.store.lineage()?;
            Ok(g.store.set_lineage(&Lineage {
                held: None,
                ..lineage
            })?)
        })
    }
}
