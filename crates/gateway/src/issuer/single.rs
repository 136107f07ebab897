//! One record that an office's own system deposits: the same way as a row of a file.

use super::{
    Draft,
    intake::{Parcels, TakenDraft, has_unseen, offer},
    validate::Rejection,
};
use crate::{Gateway, GatewayError};
use denizen_credential::Status;
use denizen_model::{MessageId, Sha256Hash, UnixTime, catalogue::ClaimError, deposit::Receipt};
use denizen_store::gateway::{AskedRow, Progress};
use serde_json::{Map, Value};

/// Records of no run of intake: each is undone by itself.
const NO_RUN: i64 = 0;
/// Longest case reference, in bytes.
const REFERENCE_SIZE_BYTES_MAX: usize = 256;

/// A record as a client system asks for it.
#[derive(Debug, Clone)]
pub struct RecordRequest {
    /// The office's case reference: it alone joins the record with an address.
    pub case_reference: String,
    /// Its kind (`vct`).
    pub kind: String,
    /// Its claims.
    pub claims: Map<String, Value>,
    /// What makes it the same record as a row of a file; the idempotency key if there is nothing.
    pub unique: Vec<Value>,
}

/// Why a record is not taken. It names places and rules, never values.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The idempotency key was used for something else.
    #[error("the idempotency key was used with another body")]
    KeyReused,
    /// The case reference cannot be one.
    #[error("the case reference is empty, or has characters that nobody sees")]
    CaseReference,
    /// It does not fit its kind.
    #[error("the record does not fit its kind")]
    Rejected(Vec<ClaimError>),
    /// It was taken before with other content, or returned by its person.
    #[error("the record {0}")]
    Known(&'static str),
    /// The gateway cannot do it.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
}

impl std::convert::From<denizen_store::StoreError> for RecordError {
    fn from(error: denizen_store::StoreError) -> Self {
        Self::Gateway(error.into())
    }
}

/// How far a record is.
#[derive(Debug, Clone, PartialEq)]
pub enum RecordState {
    /// Its case has no confirmed link yet.
    WaitingForLink,
    /// Sealed, on its way to the hub.
    Queued,
    /// The hub has it, with its receipt.
    Delivered(Option<Receipt>),
    /// The hub refused it for good, for this problem.
    Refused(String),
    /// Nothing was written down of its way.
    Issued,
    /// It was undone before it was issued, or its run was.
    Undone,
}

/// A record that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordView {
    /// The name under which it was asked for; none for one of a file or a decision.
    pub id: Option<MessageId>,
    /// Hash of its kept copy; none while it waits.
    pub record: Option<Sha256Hash>,
    /// How far it is.
    pub state: RecordState,
    /// What the status list says, or will say.
    pub status: Status,
    /// Its person says that it is wrong, and no answer was given.
    pub contested: bool,
}

impl Gateway {
    /// Takes one record. The same idempotency key with the same request gives the same name again.
    ///
    /// # Errors
    /// [`RecordError`]; nothing is changed then, and the key may be used again.
    pub fn deposit_record(
        &mut self,
        key: &str,
        request: RecordRequest,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<MessageId, RecordError> {
        if !is_reference(&request.case_reference) {
            return Err(RecordError::CaseReference);
        }
        self.load_trust(now)?;
        let mut rng = rng;
        let key = self.vault.keyed("idempotency", &[key]);
        let name = MessageId::make(&mut rng);
        let row = self.asked_row(key, name, &request, now);
        self.tx(|g| {
            if let Some(known) = g.store.asked_under(&key)? {
                let same = known.asked == row.asked;
                let name = MessageId::new(known.name);
                return if same {
                    Ok(name)
                } else {
                    Err(RecordError::KeyReused)
                };
            }
            g.check_not_held()?;
            if !g.is_admitted(&request.kind, now)? {
                return Err(GatewayError::KindNotAdmitted(request.kind).into());
            }
            let draft = Draft::of_row(&request.kind, request.claims);
            let at = (request.case_reference.as_str(), row.row_key);
            let offered = offer(at, draft, (&g.vault, &g.catalogue), now)
                .map_err(|rejection| RecordError::Rejected(claim_errors(rejection)))?;
            let mut parcels = Parcels::default();
            let taken = g.take_offered(offered, NO_RUN, &mut parcels, (now, rng))?;
            if let TakenDraft::Refused(why) = taken {
                return Err(RecordError::Known(why));
            }
            g.send_parcels(parcels.all_mut(), now, rng)?;
            g.store.add_asked(&row)?;
            Ok(name)
        })
    }

    fn asked_row(
        &self,
        key: Sha256Hash,
        name: MessageId,
        request: &RecordRequest,
        now: UnixTime,
    ) -> AskedRow {
        let text = |value: &Value| value.to_string();
        let unique: Vec<_> = request.unique.iter().map(text).collect();
        let claims = Value::Object(request.claims.clone()).to_string();
        let mut asked = vec![
            request.case_reference.as_str(),
            request.kind.as_str(),
            claims.as_str(),
        ];
        asked.extend(unique.iter().map(String::as_str));
        let key_text = key.to_text();
        let parts: Vec<_> = if unique.is_empty() {
            vec!["idempotency", key_text.as_str()]
        } else {
            unique.iter().map(String::as_str).collect()
        };
        AskedRow {
            name: *name.as_bytes(),
            asked: self.vault.keyed("asked", &asked),
            row_key: self.vault.keyed(&format!("row {}", request.kind), &parts),
            key,
            at: now,
        }
    }

    /// How far a record is, by the name under which it was asked for.
    ///
    /// # Errors
    /// [`GatewayError::RecordUnknown`].
    pub fn asked_record(&self, name: &MessageId) -> Result<RecordView, GatewayError> {
        let asked = self.store.asked(name.as_bytes())?;
        let asked = asked.ok_or(GatewayError::RecordUnknown)?;
        match self.store.taken_row(&asked.row_key)? {
            Some(Some(kept)) => self.record_view(Some(*name), &kept),
            taken => Ok(RecordView {
                id: Some(*name),
                record: None,
                state: if taken.is_some() {
                    RecordState::WaitingForLink
                } else {
                    RecordState::Undone
                },
                status: Status::Valid,
                contested: false,
            }),
        }
    }

    /// How far an issued record is, by the hash of its kept copy.
    ///
    /// # Errors
    /// [`GatewayError::RecordUnknown`].
    pub fn issued_record(&self, kept: &Sha256Hash) -> Result<RecordView, GatewayError> {
        if self.store.record(kept)?.is_none() {
            return Err(GatewayError::RecordUnknown);
        }
        let name = self.store.asked_for_record(kept)?;
        self.record_view(name.map(MessageId::new), kept)
    }

    fn record_view(
        &self,
        id: Option<MessageId>,
        kept: &Sha256Hash,
    ) -> Result<RecordView, GatewayError> {
        let state = match self.store.progress(kept)? {
            Progress::Queued => RecordState::Queued,
            Progress::Unknown => RecordState::Issued,
            Progress::Settled(sent) if sent.receipt.is_some() || sent.outcome == "gone" => {
                RecordState::Delivered(sent.receipt)
            }
            Progress::Settled(sent) => RecordState::Refused(sent.outcome),
        };
        let (status, contested) = self.store.status_of(kept)?;
        Ok(RecordView {
            id,
            record: Some(*kept),
            state,
            status: match status {
                0 => Status::Valid,
                2 => Status::Suspended,
                _ => Status::Invalid,
            },
            contested,
        })
    }
}

/// A case reference is looked up letter by letter: what nobody sees would let a record wait for ever.
pub(crate) fn is_reference(text: &str) -> bool {
    !text.is_empty() && text.len() <= REFERENCE_SIZE_BYTES_MAX && !has_unseen(text)
}

fn claim_errors(rejection: Rejection) -> Vec<ClaimError> {
    match rejection {
        Rejection::Claims(errors) => errors,
        other => vec![ClaimError {
            pointer: "/".to_owned(),
            rule: other.to_string(),
        }],
    }
}
