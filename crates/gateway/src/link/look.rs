//! How invitations and links stand, for the desk.

use super::{InvitationBody, LinkState};
use crate::{Gateway, GatewayError, RecordView, vault::context};
use denizen_model::{MessageId, UnixTime};

/// How an invitation stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationState {
    /// The office's case reference; none for an open invitation.
    pub case_reference: Option<String>,
    /// How many people may still use it.
    pub uses_left: u32,
    /// Until when it counts.
    pub expires: UnixTime,
}

/// What the office's own case reference leads to.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkView {
    /// The office's case reference.
    pub case_reference: String,
    /// Where its newest link stands: `none`, `waiting-for-client`, `waiting-for-digits`, `confirmed`,
    /// `refused`, `closed` or `moved`.
    pub state: &'static str,
    /// Rows that wait for a confirmed link.
    pub waiting: u64,
    /// Records that were issued to it, with their kinds.
    pub records: Vec<(String, RecordView)>,
}

/// A link that waits for its six digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingLink {
    /// The office's case reference.
    pub case_reference: String,
    /// The six digits that she must read out; none until her client has shown its part.
    pub code: Option<String>,
    /// How many wrong entries are left.
    pub tries_left: u8,
}

impl Gateway {
    /// How often an invitation may still be used, and until when; none if there is none of this name.
    ///
    /// # Errors
    /// [`GatewayError::Store`].
    pub fn invitation(&self, name: &MessageId) -> Result<Option<InvitationState>, GatewayError> {
        let Some(nonce) = self.store.named_invitation(name.as_bytes())? else {
            return Ok(None);
        };
        let Some(row) = self.store.invitation(&nonce)? else {
            return Ok(None);
        };
        let context = context("invitation", nonce.as_bytes());
        let body: InvitationBody = self.vault.open(&context, &row.body)?;
        Ok(Some(InvitationState {
            case_reference: body.case_reference,
            uses_left: row.uses_left,
            expires: body.expires,
        }))
    }

    /// The links that wait for their digits.
    ///
    /// # Errors
    /// [`GatewayError::Store`].
    pub fn pending_links(&self) -> Result<Vec<PendingLink>, GatewayError> {
        let mut pending = Vec::new();
        for state in [LinkState::Revealed, LinkState::Pending] {
            for row in self.store.links_in_state(state as u8)? {
                let link = self.link_of(row)?;
                pending.push(PendingLink {
                    code: link.code(),
                    case_reference: link.body.case_reference.unwrap_or_default(),
                    tries_left: link.body.tries_left,
                });
            }
        }
        Ok(pending)
    }

    /// What the office's own case reference leads to.
    ///
    /// # Errors
    /// [`GatewayError::LinkUnknown`] if nothing ever had it.
    pub fn link_of_office(&self, case_reference: &str) -> Result<LinkView, GatewayError> {
        let case_key = self.case_key(case_reference);
        let waiting = self.store.waiting_for(&case_key)?;
        let states = [
            (LinkState::Confirmed, "confirmed"),
            (LinkState::Revealed, "waiting-for-digits"),
            (LinkState::Pending, "waiting-for-client"),
            (LinkState::Closed, "closed"),
            (LinkState::Refused, "refused"),
            (LinkState::Moved, "moved"),
        ];
        let mut view = LinkView {
            case_reference: case_reference.to_owned(),
            state: "none",
            waiting,
            records: Vec::new(),
        };
        for (state, name) in states {
            let rows = self.store.links_of_case(&case_key, state as u8)?;
            let Some(row) = rows.first() else { continue };
            view.state = name;
            for (kept, record) in self.store.records_of(&row.address)? {
                let vct = self.record_body(&kept, &record)?.draft.vct().to_owned();
                view.records.push((vct, self.issued_record(&kept)?));
            }
            break;
        }
        if view.state == "none" && waiting == 0 {
            return Err(GatewayError::LinkUnknown);
        }
        Ok(view)
    }
}
