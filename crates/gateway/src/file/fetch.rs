//! Fetching the objects that messages refer to, before these are acted on.

use crate::{Gateway, GatewayError};
use denizen_api::{
    HubClient, ProblemKind, Transport, client::ClientError, receipt::verify_marker, wire::Fetched,
};
use denizen_model::{Sha256Hash, UnixTime, deposit::Receipt, object::ObjectRef};
use std::collections::BTreeMap;

impl Gateway {
    /// Fetches what the messages of a page refer to, each object from where an earlier attempt stopped.
    ///
    /// # Errors
    /// [`GatewayError::Withheld`] if the hub does not give what it shows; [`GatewayError::Client`].
    pub(crate) async fn fetch_objects<T: Transport>(
        &mut self,
        client: &HubClient<&T>,
        items: &[Fetched],
        now: UnixTime,
    ) -> Result<(), GatewayError> {
        let mut shown = BTreeMap::new();
        for item in items {
            match item {
                Fetched::Object { pos, id, .. } => {
                    shown.insert(*id, *pos);
                }
                Fetched::Envelope {
                    pos,
                    envelope,
                    receipt,
                } => {
                    // What is refused here is refused again when it is acted on.
                    let Ok(Ok(opened)) = self.open_at(envelope, receipt, *pos) else {
                        continue;
                    };
                    let objects = opened.message().attachments.iter();
                    let objects: Vec<_> = objects.filter_map(|a| a.object.clone()).collect();
                    for object in objects {
                        let known = self.store.inbox_object(&object.id)?;
                        if known.is_some() || shown.contains_key(&object.id) {
                            self.fetch_object(client, &object, now).await?;
                        }
                    }
                }
                Fetched::Tombstone { .. } => {}
            }
        }
        Ok(())
    }

    async fn fetch_object<T: Transport>(
        &mut self,
        client: &HubClient<&T>,
        object: &ObjectRef,
        now: UnixTime,
    ) -> Result<(), GatewayError> {
        let mut bytes = self.store.inbox_bytes(&object.id)?;
        let before = bytes.len();
        let auth = self.keys.inbox.clone();
        let fetched = client.get_object(&auth, &object.id, &mut bytes, now).await;
        match fetched {
            // The hub took it under its hash: other bytes are its own.
            Err(ClientError::Answer) => {
                self.tx(|g| {
                    g.store
                        .drop_inbox_parts(&object.id)
                        .map_err(GatewayError::from)
                })?;
                Err(GatewayError::Withheld)
            }
            // It is shown, and not given.
            Err(ClientError::Status(_)) => Err(GatewayError::Withheld),
            Err(ClientError::Problem(kind)) if !is_passing(kind) => Err(GatewayError::Withheld),
            fetched => {
                if let Some(more) = bytes.get(before..).filter(|m| !m.is_empty()) {
                    self.tx(|g| {
                        let start = before as u64;
                        g.store
                            .add_inbox_part(&object.id, start, more)
                            .map_err(GatewayError::from)
                    })?;
                }
                Ok(fetched?)
            }
        }
    }

    /// Takes in the marker of an object: its receipt says that it is one, of this id, at this place.
    pub(crate) fn take_marker(
        &self,
        id: &Sha256Hash,
        receipt: &Receipt,
        pos: u64,
        size: u64,
    ) -> Result<(), GatewayError> {
        let inbox = self.keys.inbox_address();
        let verified = verify_marker(id, receipt, pos, &inbox, self.trust()?.hub());
        // The cursor stays: with an honest hub nothing is lost.
        let verified = verified.map_err(|_| GatewayError::ReceiptRefused)?;
        if verified.index >= size {
            return Err(GatewayError::ReceiptRefused);
        }
        Ok(self.store.note_inbox_object(id, pos)?)
    }
}

fn is_passing(kind: ProblemKind) -> bool {
    use ProblemKind::{Busy, Internal, RateLimited, Unsigned};
    matches!(kind, Busy | Internal | RateLimited | Unsigned)
}
