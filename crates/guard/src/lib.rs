//! Names of the checks that stop a hostile hub, so that each can be shown to be the thing that does.
//!
//! Scope: one name a check, and a function through which its condition goes. In every ordinary build
//! that function is the condition. With the feature `danger-switches`, which only the tests of
//! `denizen-evil` turn on, a check can be switched off for a while: an attack that was refused must
//! then succeed. Why it is so: `docs/decisions/0007-switches.md`.
//!
//! Not in scope: the checks themselves. Each stands where its rule is kept.
//!
//! # Example
//!
//! ```
//! use denizen_guard::{Check, holds};
//!
//! fn follows(seq: u64, head: u64) -> Result<(), &'static str> {
//!     if !holds(Check::ChainGap, seq == head + 1) {
//!         return Err("one before it is missing");
//!     }
//!     Ok(())
//! }
//! assert_eq!(follows(3, 1), Err("one before it is missing"));
//! ```

#[cfg(feature = "danger-switches")]
mod switches;

#[cfg(feature = "danger-switches")]
pub use switches::{SwitchedOff, danger_switch_off};

/// Whether this build can switch checks off. The product asserts that it cannot.
pub const DANGER_SWITCHES: bool = cfg!(feature = "danger-switches");

macro_rules! checks {
    ($($(#[$doc:meta])* $name:ident = $rule:literal;)*) => {
        /// A check that can be switched off in a test build.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Check {$($(#[$doc])* $name,)*}

        impl Check {
            /// All checks.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The rule that it keeps (`docs/rules.md`).
            #[must_use]
            pub const fn rule(self) -> &'static str {
                match self {$(Self::$name => $rule,)*}
            }
        }
    };
}

checks! {
    /// An invitation's identity key and statement are those of the directory.
    InvitationKeys = "R1";
    /// An invitation is signed by the organisation that it names.
    InvitationSignature = "R1";
    /// An invitation has not expired.
    InvitationExpiry = "R1";
    /// An invitation serves as many people as it says.
    InvitationUses = "R1";
    /// The digits that a clerk enters are those of the link.
    LinkCode = "R1";
    /// What a person reveals for the digits is what her acceptance committed to.
    CodeCommitment = "R1";
    /// An address is the hash of the key that states its others.
    AddressIsHash = "R2";
    /// A statement follows the newest one of its organisation.
    StatementPrev = "R2";
    /// A statement names the identity key that its chain has.
    StatementIdentity = "R2";
    /// A statement is signed by the identity key that its chain has.
    StatementSignature = "R2";
    /// Every pinned statement is still in the chain of its organisation.
    PinnedStatement = "R2";
    /// A withdrawn key of an issuer counts only for what was delivered before.
    IssuerKeyWithdrawn = "R2";
    /// The operator decides, with its offline key, who is admitted.
    OperatorSignature = "R2";
    /// An admission or suspension stands once.
    DecisionOnce = "R2";
    /// A wrapped root is put once and never replaced.
    RootCreateOnly = "R3";
    /// Who may deposit at an address is only narrowed.
    AcceptsNarrow = "R3";
    /// The salt that a hub gives back leads to the key that was registered.
    SaltPinned = "R3";
    /// A signed object is of the type that is asked for.
    ObjectType = "R4";
    /// A stated key is used for its purpose alone.
    KeyPurpose = "R4";
    /// A pass is used for what it allows.
    PassUse = "R4";
    /// The header of an envelope is authenticated with its ciphertext.
    HeaderIsAad = "R5";
    /// A message has the attachments that its envelope commits to.
    MessageCommit = "R5";
    /// A file is the one that its message means.
    FileCommit = "R5";
    /// A receipt is of the envelope, or object, beside it.
    ReceiptOf = "R5";
    /// A receipt is of the place that was asked.
    ReceiptPlace = "R5";
    /// A message is signed by its sender.
    MessageSignature = "R6";
    /// A message was written for the address where it lies.
    MessageTo = "R6";
    /// A wrapped root commits to its key.
    KeyCommitment = "R7";
    /// What does not open and what opens to nonsense are answered alike.
    FailuresAlike = "R8";
    /// A message is padded to its size class.
    Padding = "R9";
    /// An envelope has a known size class.
    SizeClass = "R9";
    /// Padding is zeros, in the smallest class that holds the message.
    PaddingForm = "R9";
    /// Places of an address come without gaps, as its head counts them.
    PlacesInOrder = "R10";
    /// What a head counts is shown.
    HeadShown = "R10";
    /// The log that a head names never shrinks.
    LogSize = "R10";
    /// A log has one root for one size.
    LogRoot = "R10";
    /// A head is signed by the hub and of the address that was asked.
    HeadSignature = "R10";
    /// A message follows the one before it in its sender's chain.
    ChainGap = "R10";
    /// A message that was acted on is not acted on again.
    Replay = "R10";
    /// Deliveries of one address are dated in their order.
    DeliveryTime = "R10";
    /// One message id has one content.
    MessageIdOnce = "R10";
    /// What is erased was erased by its owner.
    TombstoneAsked = "R10";
    /// Nothing is missing in what a person wrote to herself.
    OwnChainGap = "R10";
    /// A restored link has at least what the manifest counts.
    ManifestCursor = "R10";
    /// A directory extends the one seen before.
    DirectorySeen = "R10";
    /// A directory's entries are those of its signed checkpoint.
    DirectoryRoot = "R10";
    /// A one-time copy's key is used for one copy.
    CopyOnce = "R18";
    /// Copies share no status index, no salt, and tell only the day.
    CopyApart = "R18";
    /// A one-time copy says what the kept copy says.
    CopySame = "R18";
    /// A mark that a copy is spent is kept before the copy is shown.
    SpentFirst = "R18";
    /// The issuer's signature of a credential.
    IssuerSignature = "R19";
    /// The type of a credential.
    CredentialType = "R19";
    /// Every disclosure is referenced.
    DisclosureReferenced = "R19";
    /// Every digest occurs once.
    DigestOnce = "R19";
    /// No registered claim is concealed.
    ClaimNotConcealed = "R19";
    /// Key binding is there where the policy asks for it.
    KeyBindingThere = "R19";
    /// Key binding is signed by the credential's holder.
    KeyBindingSignature = "R19";
    /// The type of a key binding.
    KeyBindingType = "R19";
    /// Key binding is for this verifier.
    KeyBindingAudience = "R19";
    /// Key binding is for this request.
    KeyBindingNonce = "R19";
    /// Key binding was made in its time.
    KeyBindingTime = "R19";
    /// Key binding is over what is shown.
    KeyBindingHash = "R19";
    /// Nothing in a token chooses the key that verifies it.
    TrustRoot = "R19";
    /// An issuer is admitted for the kind, by the hub of the link, when it issues.
    Admitted = "R19";
    /// Only the hub of a link says what its office may issue.
    AdmittedHere = "R19";
    /// A record is bound to its holder's key.
    BoundToHolder = "R19";
    /// The issuer of a paper that is shown was admitted when it issued.
    PaperIssuer = "R19";
    /// A paper under a withdrawn key is not taken.
    PaperKeyWithdrawn = "R2";
    /// A paper that its issuer withdrew is not taken.
    PaperStatus = "R21";
    /// A status list is signed by a status key of its issuer.
    StatusSignature = "R21";
    /// A status list is the one that the credential names.
    StatusList = "R21";
    /// A status list is not older than one seen before.
    StatusNotOlder = "R21";
    /// A status list is large enough to say nothing about one credential.
    StatusSize = "R21";
    /// A status list is not signed in the future.
    StatusNotAhead = "R21";
    /// A credential's status stands in a list of its issuer.
    StatusOfIssuer = "R21";
}

/// Whether a check lets something through: in every ordinary build, its condition.
#[cfg(not(feature = "danger-switches"))]
#[inline(always)]
#[must_use]
pub const fn holds(check: Check, condition: bool) -> bool {
    let _ = check;
    condition
}

/// Whether a check lets something through: if its condition is met, or it is switched off.
#[cfg(feature = "danger-switches")]
#[must_use]
pub fn holds(check: Check, condition: bool) -> bool {
    condition || switches::is_off(check)
}

/// The result of a check that says itself why something is refused: in every ordinary build,
/// unchanged.
///
/// # Errors
/// The result's, unless the check is switched off.
#[inline(always)]
pub fn checked<E>(check: Check, result: Result<(), E>) -> Result<(), E> {
    match result {
        Err(error) if !holds(check, false) => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(not(feature = "danger-switches"))]
    #[test]
    fn a_check_is_its_condition() {
        for check in Check::ALL {
            assert!(holds(*check, true));
            assert!(!holds(*check, false), "{check:?}");
        }
    }

    #[cfg(feature = "danger-switches")]
    #[test]
    fn a_check_is_off_until_its_guard_is_dropped_and_no_other_is() {
        let last = *Check::ALL.last().unwrap_or(&Check::Replay);
        {
            let _off = danger_switch_off(&[Check::InvitationKeys, last]);
            assert!(holds(Check::InvitationKeys, false) && holds(last, false));
            assert!(!holds(Check::Replay, false));
        }
        assert!(!holds(Check::InvitationKeys, false) && !holds(last, false));
    }
}
