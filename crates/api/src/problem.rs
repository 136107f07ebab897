//! Problems: RFC 9457 with stable kinds. A problem never repeats what the client sent.

use serde::{Deserialize, Serialize};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:literal, $title:literal;)*) => {
        /// The stable kinds of problems. `type` is `urn:denizen:problem:<kind>`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ProblemKind {$($(#[$doc])* $name,)*}

        impl ProblemKind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The kind's stable name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {$(Self::$name => $text,)*}
            }

            /// The HTTP status that goes with it.
            #[must_use]
            pub fn status(self) -> u16 {
                match self {$(Self::$name => $status,)*}
            }

            /// One sentence: what happened and what to do next.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self {$(Self::$name => $title,)*}
            }

            /// The kind of a stable name.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                match name {$($text => Some(Self::$name),)* _ => None}
            }
        }
    };
}

kinds! {
    /// The body or a parameter cannot be read.
    Malformed = "malformed", 400, "The request cannot be read: it is cut short or of another shape.";
    /// No signature, or it does not verify.
    Unsigned = "unsigned", 401, "The request's signature is missing, wrong or too old: check the clock and sign again.";
    /// A pass is missing, expired or for something else.
    PassRefused = "pass-refused", 403, "The pass is missing, expired or for another use: ask the organisation for a new invitation.";
    /// A pass has been used as often as it allows.
    PassUsed = "pass-used", 403, "The invitation's pass has been used up: ask the organisation for a new invitation.";
    /// The depositor may not deposit here.
    NotAccepted = "not-accepted", 403, "This address does not accept deposits from this sender.";
    /// The organisation is not admitted, or suspended.
    NotAdmitted = "not-admitted", 403, "The organisation is not admitted at this hub: ask its operator.";
    /// The entry's signer may not make it.
    EntryRefused = "entry-refused", 403, "The directory does not take this entry: its signer may not make it, or it does not follow its chain.";
    /// No such address, object or entry. Closed addresses that never were look the same.
    NotFound = "not-found", 404, "There is nothing here.";
    /// The address was closed by its holder.
    Closed = "closed", 410, "The address is closed: nothing can be deposited here any more.";
    /// Erased; the index is told.
    Gone = "gone", 410, "What was here has been erased by its owner.";
    /// Registered with other contents, or the version is not the one expected.
    Conflict = "conflict", 409, "Something else is already there: read it again before changing it.";
    /// The same deposit id with other bytes.
    DepositIdReused = "deposit-id-reused", 409, "This deposit id was used with other bytes: draw a new one.";
    /// The address is frozen and takes reserved deposits only.
    Frozen = "frozen", 423, "The address is frozen by its holder: only status changes and answers to disputes are taken.";
    /// The envelope is not well formed or for another hub.
    EnvelopeRefused = "envelope-refused", 422, "The envelope is not well formed or is for another hub or address.";
    /// Its size is none that an object has, or its bytes are not those that its id says.
    ObjectRefused = "object-refused", 422, "The object is not of a size that objects have, or its bytes are not those of its id: seal it again.";
    /// Larger than allowed.
    TooLarge = "too-large", 413, "The request is larger than allowed.";
    /// Quota used up.
    Quota = "quota", 429, "The quota of this address or pass is used up.";
    /// Too many requests under this key.
    RateLimited = "rate-limited", 429, "Too many requests: wait as Retry-After says.";
    /// Not now.
    Busy = "busy", 503, "The hub is busy or stopping: try again as Retry-After says.";
    /// A fault of the hub.
    Internal = "internal", 500, "The hub has a fault: nothing was taken; try again later.";
}

/// The body of a problem answer, `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `urn:denizen:problem:<kind>`.
    #[serde(rename = "type")]
    pub problem_type: String,
    /// One sentence: what happened and what to do next.
    pub title: String,
    /// HTTP status.
    pub status: u16,
}

impl Problem {
    /// The problem of a kind.
    #[must_use]
    pub fn new(kind: ProblemKind) -> Self {
        Self {
            problem_type: format!("urn:denizen:problem:{}", kind.name()),
            title: kind.title().to_owned(),
            status: kind.status(),
        }
    }

    /// The kind, if this version knows it.
    #[must_use]
    pub fn kind(&self) -> Option<ProblemKind> {
        ProblemKind::parse(self.problem_type.strip_prefix("urn:denizen:problem:")?)
    }
}
