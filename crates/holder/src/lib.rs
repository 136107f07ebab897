//! The person: open, select, present, apply, follow, export, recover.
//!
//! Scope: everything a client of a holder does, without files, sockets, clock or randomness of its own:
//! a [`Profile`] is a value that the caller keeps encrypted ([`Profile::encrypt`]), requests go over a
//! [`denizen_api::Transport`]. The same code runs in the CLI and in a browser.
//!
//! Not in scope: what an office does (`denizen-gateway`), where files lie (`denizen`).
//!
//! Every operation changes the profile first and sends afterwards. The caller keeps the profile, calls
//! [`Holder::sync`], keeps it again, and lets the answers go with [`Holder::send`]: nothing leaves that
//! a device would not know after it was killed. What was interrupted is sent again with the same bytes.

mod apply;
mod dispute;
mod export;
mod follow;
mod holder;
mod link;
mod moving;
mod open;
mod outbox;
mod present;
mod profile;
mod records;
mod restore;
mod select;
mod state;
mod sync;
mod trust;
mod words;

pub use apply::{Confirmed, Leaving, Preview};
pub use dispute::Paper;
pub use export::{
    EXPORT_TYP, ExportError, ExportReport, MANIFEST_FILE, VerifiedRecord, verify_export,
    verify_export_of,
};
pub use holder::{Holder, HolderError};
pub use link::InvitationPreview;
pub use open::{Expected, OpenError, Opened, open};
pub use present::{PresentError, present_offer};
pub use profile::{
    Alarm, Application, Copy, Delivery, Dispute, Erasure, HeldRecord, Link, LinkState, NoteEntry,
    NoticeEntry, Outgoing, Profile, ProfileError, RefusedRecord, SentReceipt, Shown, Unread,
};
pub use records::{RecordError, RecordView};
pub use select::{EvidenceRequest, Missing, Offer, Selection, select};
pub use sync::{Event, SyncReport};
pub use trust::{Freshness, StatusView, Trust};
pub use words::{ClaimLine, Words, status_name};

use denizen_jose::Verifier;
use denizen_seal::Sealer;

/// Signatures are checked by the portable implementation; a faster one goes here.
pub(crate) const VERIFIER: &dyn Verifier = &denizen_jose::Portable;
/// Envelopes are sealed and opened by the portable implementation; a faster one goes here.
pub(crate) const SEALER: &dyn Sealer = &denizen_seal::Portable;
