//! Why an operation of a gateway failed, and who must act.

use crate::{issuer::seal::SealError, issuer::validate::Rejection, verifier::decide::DecideError};
use denizen_api::{client::ClientError, directory::VerifyDirectoryError, receipt::HeadError};
use denizen_model::mandate::MandateError;
use denizen_store::StoreError;

/// Why an operation of a gateway failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// The operator of this machine: the folder cannot be read or written.
    #[error("the gateway's folder cannot be read or written")]
    Folder(#[source] std::io::Error),
    /// There is a gateway in this folder already.
    #[error("there is a gateway in this folder already: take another folder")]
    AlreadyThere,
    /// A file of the folder is damaged.
    #[error("the gateway's file {0} is damaged: restore a backup of the whole folder")]
    Damaged(&'static str),
    /// The names lack an English one.
    #[error("the organisation needs a name in English (en)")]
    NameMissing,
    /// The database failed. After a failed commit its outcome is unknown: end the process (R24).
    #[error("the gateway's database failed")]
    Store(#[from] StoreError),
    /// The hub could not be reached, or says no.
    #[error("the hub did not do what was asked")]
    Client(#[from] ClientError),
    /// The directory is refused: the hub is at fault, or it is another hub.
    #[error("the hub's directory is refused")]
    Directory(#[from] VerifyDirectoryError),
    /// The head of the inbox is refused: the hub is at fault.
    #[error("the hub's head of the inbox is refused")]
    Head(#[from] HeadError),
    /// The hub left out or repeated a place of the inbox.
    #[error("the hub left out a place of the inbox: tell an auditor")]
    Withheld,
    /// The hub shows less than it has signed before.
    #[error("the hub shows an older state than it has signed before: tell an auditor")]
    RolledBack,
    /// The hub gave a receipt that is not good: what was sent may not be logged.
    #[error("the hub gave a receipt that its log does not support: tell an auditor")]
    ReceiptRefused,
    /// No directory was fetched yet.
    #[error("the hub's directory was never fetched: reach the hub once (denizen gateway sync)")]
    NoDirectory,
    /// The operator has not admitted this organisation.
    #[error(
        "this organisation is not admitted at the hub: give its statement to the operator \
         (denizen gateway statement)"
    )]
    NotAdmitted,
    /// The operator has not admitted this organisation for a kind.
    #[error("this organisation is not admitted to issue {0}: ask the operator of the hub")]
    KindNotAdmitted(String),
    /// The catalogue has no such kind.
    #[error("the catalogue has no kind {0}")]
    KindUnknown(String),
    /// A service that cannot be declared.
    #[error("the service cannot be declared: {0}")]
    Service(&'static str),
    /// An open invitation with a case reference.
    #[error("an open invitation carries no case reference: many people may use it")]
    OpenWithCase,
    /// An invitation that nobody could use.
    #[error("an invitation needs at least one use and a purpose")]
    InvitationEmpty,
    /// No link of this case waits for its code.
    #[error("no link of this case waits for its code")]
    NoPendingLink,
    /// The digits differ.
    #[error("the six digits differ: {tries_left} tries are left, then the link is refused")]
    WrongCode {
        /// How many tries are left.
        tries_left: u8,
    },
    /// There is no such case.
    #[error("there is no case with this reference")]
    CaseUnknown,
    /// The case is decided, or destroyed.
    #[error("the case is decided already, or its retention has ended")]
    CaseClosed,
    /// There is no such dispute.
    #[error("there is no dispute with this number")]
    DisputeUnknown,
    /// It was answered, cannot be answered like this, or was destroyed.
    #[error(
        "it is answered already, its retention has ended, or it is of the other kind: a returned \
         record is cleared, a dispute is answered"
    )]
    DisputeOver,
    /// Whoever acts or asks for somebody is not covered by a mandate.
    #[error("refused: {0} [{code}]", code = .0.code())]
    Mandate(#[from] MandateError),
    /// There is no such file, or it never came.
    #[error("there is no file with this number, or it never came")]
    FileUnknown,
    /// A file is larger than an object, or there are too many.
    #[error("a file is larger than 16 MiB, or there are more than 16 of them")]
    FileTooLarge,
    /// A message refers to an object that has not been fetched yet.
    #[error("an attachment has not been fetched yet: sync again")]
    ObjectWaits,
    /// A person reads why.
    #[error("say why: the person reads it")]
    ReasonMissing,
    /// There is no such run of intake.
    #[error("there is no run of intake with this number that could be undone")]
    RunUnknown,
    /// There is no link of this case.
    #[error("there is no link of this case")]
    LinkUnknown,
    /// There is no such record of this organisation.
    #[error("this organisation has issued no such record")]
    RecordUnknown,
    /// A record that does not fit its kind.
    #[error("the record does not fit its kind")]
    Rejected(#[from] Rejection),
    /// The decision cannot be made like this.
    #[error("the decision cannot be made like this")]
    Decide(#[from] DecideError),
    /// A token or hook that cannot be made.
    #[error("it cannot be made like this: {0}")]
    TokenRefused(&'static str),
    /// There is no such token, or it was revoked before.
    #[error("there is no token of this name that counts")]
    TokenUnknown,
    /// There is no such hook.
    #[error("there is no hook of this name")]
    HookUnknown,
    /// This database is a backup.
    #[error(
        "this database is a backup: put it back with `denizen gateway restore`, so that nothing is \
         used twice"
    )]
    IsBackup,
    /// The hub shows a status list that was not signed with this gateway's status key.
    #[error("the hub has a status list that the key {0} did not sign: tell an auditor")]
    StatusNotOurs(&'static str),
    /// A backup of this gateway was restored and took over.
    #[error(
        "a restored copy of this gateway has taken over: this one stops, so that no number is used \
         twice"
    )]
    Superseded,
    /// After a restore nothing new is issued until an operator has compared.
    #[error(
        "this gateway was restored, and nothing new is issued: compare with your own files, then \
         `denizen gateway restored --compared`"
    )]
    Held,
    /// A message does not fit into an envelope.
    #[error("a message could not be sealed")]
    Seal(#[from] SealError),
}

impl GatewayError {
    /// Whether the contents of a message alone lead to it: nothing that another attempt changes.
    pub(crate) fn is_of_the_message(&self) -> bool {
        match self {
            Self::Rejected(_) | Self::Seal(_) => true,
            Self::Store(error) => error.is_constraint(),
            _ => false,
        }
    }
}
