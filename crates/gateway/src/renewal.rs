//! Renewal: a newer document takes the place of the one that it names by its number (D21).

use crate::{Gateway, GatewayError, issuer::validate::Record, link::Link};
use denizen_credential::Status;
use denizen_model::{Sha256Hash, UnixTime, message::StatusChange};
use serde_json::Value;

/// Kinds whose newer record names the older one: the claim that does, and the claim that it names.
const SUCCESSORS: [(&str, &str, &str); 1] = [(
    "travel-document",
    "previous_document_number",
    "document_number",
)];

impl Record {
    fn successor(&self) -> Option<(&'static str, &str)> {
        let name = self.kind().name.as_str();
        let (_, names, number) = SUCCESSORS.iter().find(|(kind, ..)| *kind == name)?;
        Some((number, self.claims().get(*names).and_then(Value::as_str)?))
    }

    /// Whether it says which older document it comes in the place of.
    pub(crate) fn names_older(&self) -> bool {
        self.successor().is_some()
    }
}

impl Gateway {
    /// The record of this link in whose place a new one comes, by the new one's own claims: the office
    /// has recorded the number before. Nobody is compared; both are of one link.
    pub(crate) fn replaced_by(
        &self,
        link: &Link,
        record: &Record,
    ) -> Result<Option<Sha256Hash>, GatewayError> {
        let Some((number, previous)) = record.successor() else {
            return Ok(None);
        };
        for (kept, row) in self.store.records_of(&link.address)? {
            let draft = self.record_body(&kept, &row)?.draft;
            let same = draft.vct() == record.kind().vct
                && draft.claims().get(number).and_then(Value::as_str) == Some(previous);
            let (status, _) = self.store.status_of(&kept)?;
            if same && status != Status::Invalid as u8 {
                return Ok(Some(kept));
            }
        }
        Ok(None)
    }

    /// Tells her that the older document no longer counts.
    pub(crate) fn end_replaced(
        &self,
        link: &mut Link,
        old: &Sha256Hash,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let english = "A newer document takes its place.";
        let text = self.words(link, "document-replaced", english, &[]);
        let about = (old, (StatusChange::Revoked, text));
        self.post_status(link, None, about, now, rng)
    }
}
