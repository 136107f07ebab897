//! The organisation: intake, validate, sign, seal, deposit on the issuer's side; inbox, verify,
//! decide on the verifier's.
//!
//! Scope: everything between an office's own files and its desk on one side and the hub on the other.
//! The steps ([`issuer`], [`verifier`]) are pure: no socket, database, clock or randomness of their
//! own, and each gives a value that only it can make. [`Gateway`] joins them over one database of
//! the organisation and a [`denizen_api::Transport`].
//!
//! Not in scope: the web desk and its sign-in, connections to an office's own systems. Nothing here
//! finds a person by an attribute: cases are found by reference and queue (D3).
//!
//! Every operation changes the database first, in one transaction, and sends afterwards: sealed
//! bytes are stored before the first attempt and repeated unchanged until the hub has answered.

mod alarm;
mod case;
mod dispute;
mod erasure;
mod error;
mod event;
mod file;
mod gateway;
mod health;
mod helper;
mod hook;
pub mod http;
mod inbox;
mod issue;
pub mod issuer;
mod keys;
mod lineage;
mod link;
mod moving;
mod note;
mod post;
mod renewal;
mod restore;
mod sync;
mod token;
mod trust;
mod vault;
pub mod verifier;

pub use alarm::Alarm;
pub use case::{Agreement, CaseState, CaseSummary, CaseView, SubjectRow};
pub use dispute::{Answer, DisputeKind, DisputeProgress, DisputeSummary, DisputeView};
pub use error::GatewayError;
pub use event::{About, Event, EventKind};
pub use file::{FILES_MAX, FileView};
pub use gateway::{Gateway, GatewaySetup};
pub use health::{Advice, Counts, Health};
pub use helper::HelperAnswer;
pub use hook::{HookSummary, Telling};
pub use inbox::{Expected, OpenError, Opened, open};
pub use issuer::IntakeRun;
pub use issuer::intake::PAGE_SIZE_BYTES_MAX;
pub use issuer::intake::{
    BAD_ROWS_HEADER, BadRow, CheckReport, Follow, IntakeError, IntakeReport, Mapping, MappingError,
    RestSource, SourceError, check_file,
};
pub use issuer::single::{RecordError, RecordRequest, RecordState, RecordView};
pub use link::{InvitationState, InviteRequest, LinkView, PendingLink};
pub use note::NoteView;
pub use restore::RestoreReport;
pub use sync::SyncReport;
pub use token::{AuditEntry, Client, Scope, TokenRequest, TokenSummary};
pub use trust::{Freshness, Trust, freshness_text};
pub use verifier::acting::Acting;
pub use verifier::decide::{Appeal, Grant, Officer, Verdict};

pub(crate) use denizen_model::jose::VERIFIER;
pub(crate) use denizen_seal::SEALER;
