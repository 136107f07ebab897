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

mod acting;
mod ahead;
mod alarm;
mod apply;
#[cfg(feature = "calendar")]
mod calendar;
mod checked;
mod clock;
mod contacts;
mod copies;
mod delivered;
mod device;
mod dispute;
mod due;
mod export;
mod file;
mod filed;
mod follow;
mod helper;
mod holder;
mod import;
mod link;
mod moving;
mod news;
mod open;
mod outbox;
mod pages;
mod passport;
mod present;
mod profile;
mod read;
mod records;
mod renew;
mod reply;
mod restore;
mod select;
mod shred_all;
mod state;
mod sync;
mod trust;
mod ward;
mod ways;
mod words;

pub use ahead::{CheckAhead, Checking, Signed};
pub use alarm::Alarm;
pub use apply::{Confirmed, Leaving, Preview};
pub use clock::DeviceClock;
pub use contacts::SharedContact;
pub use device::{DEVICE_LINK, DeviceLink};
pub use dispute::{AsISay, Paper, SaidClaim};
pub use due::{Task, TaskKind};
pub use export::{
    EXPORT_TYP, ExportError, ExportReport, MANIFEST_FILE, VerifiedRecord, verify_export,
    verify_export_of,
};
pub use file::{FILES_MAX, FileState, Files, HeldFile, OWN_COPIES_SIZE_BYTES_MAX, ObjectFiles};
pub use filed::FiledPaper;
pub use helper::{
    Digits, DraftView, Helper, HelperTerms, HelperUse, Helping, Reading, UseKind, card_of,
};
pub use holder::{Holder, HolderError};
pub use import::{EarlierView, ImportError, ImportReport, LeftOut};
pub use link::InvitationPreview;
pub use open::{Expected, OpenError, Opened, open};
pub use pages::{PAGE_RECORDS_MAX, PAGE_SIZE_BYTES_MAX, Packed};
pub use passport::{Renewal, Renewals};
pub use present::{PresentError, present_offer};
pub use profile::{
    Application, Copy, Delivery, Dispute, EarlierRecord, Erasure, HeldRecord, Link, LinkState,
    NoteEntry, NoticeEntry, Outgoing, Profile, ProfileError, RefusedRecord, SentReceipt, SentReply,
    Shown, Unread,
};
pub use records::{RecordError, RecordView};
pub use select::{EvidenceRequest, Missing, Offer, Selection, Unfit, UnfitReason, select};
pub use shred_all::{ShredAll, ShredLeft};
pub use sync::{Event, HubAway, SyncReport};
pub use trust::{Freshness, StatusView, Trust};
pub use ward::Ward;
pub use ways::{Device, PrfOutput, Way, WayKind};
pub use words::{ClaimLine, Words, shown_status, status_name};

pub(crate) use denizen_jose::VERIFIER;
pub(crate) use denizen_seal::SEALER;
