//! A record as it is shown.

use crate::{profile::HeldRecord, trust::StatusView};
use denizen_credential::Status;
use denizen_model::{OrgId, Sha256Hash, UnixTime, message::StatusChange, statement::Quality};
use serde_json::{Map, Value};
use std::sync::Arc;

/// A record as shown.
#[derive(Debug, Clone)]
pub struct RecordView {
    /// Names it: the hash of its kept copy.
    pub kept: Sha256Hash,
    /// Its kind.
    pub vct: String,
    /// The issuer.
    pub issuer: OrgId,
    /// In which quality it issues this kind, as the directory says now.
    pub quality: Option<Quality>,
    /// All its claims.
    pub claims: Arc<Map<String, Value>>,
    /// Issued at.
    pub issued: Option<UnixTime>,
    /// The last day on which it counts.
    pub expires: Option<jiff::civil::Date>,
    /// Status and how old that knowledge is.
    pub status: StatusView,
    /// The newest signed change, with its reason.
    pub changed: Option<(StatusChange, String)>,
    /// Another record replaces it.
    pub superseded: bool,
    /// She returned it as not about her.
    pub returned: bool,
    /// One-time copies that may still be shown.
    pub copies_left: usize,
    /// Whether its kind is issued with one-time copies.
    pub showing: bool,
    /// What the profile keeps of it.
    pub held: Arc<HeldRecord>,
}

impl RecordView {
    /// Nothing replaced it, and she did not give it back.
    #[must_use]
    pub fn is_current(&self) -> bool {
        !self.superseded && !self.returned
    }

    /// It came with a notice, and counts.
    #[must_use]
    pub fn is_against_her(&self) -> bool {
        self.held.notice.is_some() && self.status.status == Status::Valid && self.is_current()
    }
}
