//! What proves that a credential was delivered, checked: for a record that she looks at, and for an export.

use crate::profile::Delivery;
use denizen_api::receipt::{HubTrust, VerifiedReceipt, verify_proof};
use denizen_model::{
    UnixTime,
    commit::{attachment_hash, verify as verify_path},
};

impl Delivery {
    /// The receipt, if the hub's log says that this very text was delivered then: its proof verifies, and the
    /// text lies under the `commit` of its leaf.
    pub(crate) fn verify(
        &self,
        kept: &str,
        received: UnixTime,
        trust: &HubTrust,
    ) -> Option<VerifiedReceipt> {
        let receipt = verify_proof(&self.receipt.proof, trust).ok()?;
        let hash = attachment_hash(&self.salt, kept.as_bytes());
        let (index, count) = self.attachment;
        let proved = verify_path(&receipt.opening.commit, &hash, index, count, &self.path);
        (proved && receipt.opening.time == received).then_some(receipt)
    }
}
