//! Message types and their bodies, one struct a type: `docs/spec/message.md` is their table.

use crate::{CopyRef, MessageId, Nonce, Sha256Hash, UnixTime, id::Bytes, jose::PublicKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Type and body of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "body")]
pub enum Body {
    /// The holder accepts an invitation.
    #[serde(rename = "link/accept")]
    LinkAccept(Box<LinkAccept>),
    /// Challenge, then passes; or the refusal of a wrong code.
    #[serde(rename = "link/confirm")]
    LinkConfirm(LinkConfirm),
    /// Reveals the challenge; sends fresh keys; changes what is allowed.
    #[serde(rename = "link/update")]
    LinkUpdate(LinkUpdate),
    /// The holder has a new address.
    #[serde(rename = "link/move")]
    LinkMove(LinkMove),
    /// The link ends.
    #[serde(rename = "link/close")]
    LinkClose(LinkClose),
    /// Credentials.
    #[serde(rename = "record/issue")]
    RecordIssue(RecordIssue),
    /// Credentials of several records, in one envelope.
    #[serde(rename = "records/issue")]
    RecordsIssue(RecordsIssue),
    /// A record's status changes, with its reason.
    #[serde(rename = "record/status")]
    RecordStatus(RecordStatus),
    /// Fresh keys for one-time copies.
    #[serde(rename = "copies/refill")]
    CopiesRefill(CopiesRefill),
    /// An application with its papers.
    #[serde(rename = "application/submit")]
    ApplicationSubmit(ApplicationSubmit),
    /// Changed or further papers and answers.
    #[serde(rename = "application/amend")]
    ApplicationAmend(ApplicationSubmit),
    /// The applicant takes it back.
    #[serde(rename = "application/withdraw")]
    ApplicationWithdraw(Text),
    /// What the office did.
    #[serde(rename = "application/event")]
    ApplicationEvent(ApplicationEvent),
    /// Somebody opened her papers.
    #[serde(rename = "access/notice")]
    AccessNotice(AccessNotice),
    /// A correction, or her reply, reaches a past recipient.
    #[serde(rename = "evidence/update")]
    EvidenceUpdate(EvidenceUpdate),
    /// She says that a record is wrong.
    #[serde(rename = "dispute/open")]
    DisputeOpen(DisputeOpen),
    /// What became of a dispute.
    #[serde(rename = "dispute/event")]
    DisputeEvent(DisputeEvent),
    /// The record is not about her.
    #[serde(rename = "record/not-mine")]
    RecordNotMine(RecordRef),
    /// She asks that what was kept be destroyed.
    #[serde(rename = "erasure/request")]
    ErasureRequest(ErasureRequest),
    /// What was destroyed and what the law keeps.
    #[serde(rename = "erasure/done")]
    ErasureDone(ErasureDone),
    /// She tells an office of a helper who may ask for the state of one application.
    #[serde(rename = "mandate/give")]
    MandateGive(Box<MandateGive>),
    /// A mandate ends before its time.
    #[serde(rename = "mandate/end")]
    MandateEnd(MandateEnd),
    /// Plain text.
    #[serde(rename = "note")]
    Note(Text),
    /// To herself: a part of the profile's state.
    #[serde(rename = "self/state")]
    SelfState(Value),
}

/// A fresh key for one one-time copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CopyKey {
    /// Names the key; the issuer echoes it beside the copy.
    #[serde(rename = "ref")]
    pub copy_ref: CopyRef,
    /// The key: ES256, used once.
    pub key: PublicKey,
}

/// `link/accept`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkAccept {
    /// The invitation's nonce.
    pub invitation: Nonce,
    /// The signed key statement of the address.
    pub keys: Bytes,
    /// Kinds that she lets the organisation send.
    pub allowed_kinds: Vec<String>,
    /// Keys for one-time copies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copy_keys: Vec<CopyKey>,
    /// Commitment to the challenge of the six-digit code.
    pub code_commitment: Sha256Hash,
    /// The invitation's case reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_reference: Option<String>,
    /// The language in which the office should write.
    pub language: String,
}

/// `link/confirm`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case", deny_unknown_fields)]
pub enum LinkConfirm {
    /// The organisation's challenge of the code.
    Challenge {
        /// Its random part.
        challenge: Nonce,
    },
    /// The link stands.
    Confirmed {
        /// Lasting deposit pass, bound to the link's `deposit` key.
        deposit_pass: Bytes,
        /// For a later `link/move`.
        register_pass: Bytes,
    },
    /// The code did not agree, or the invitation was used before: nothing will be sent here.
    Refused {
        /// A stable code, `wrong-code` or `invitation-used`.
        code: String,
    },
}

/// `link/update`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkUpdate {
    /// The challenge that `link/accept` committed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reveal: Option<Nonce>,
    /// Kinds allowed from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_kinds: Option<Vec<String>>,
    /// From an organisation: the new inbox is in the statement with this hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<Sha256Hash>,
}

/// `link/move`: signed by the old `sign` key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkMove {
    /// The signed key statement of the new address.
    pub keys: Bytes,
    /// Fresh keys for one-time copies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copy_keys: Vec<CopyKey>,
    /// Why, in her words; may be empty.
    pub reason: String,
}

/// `link/close`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkClose {
    /// Why; may be empty.
    pub reason: String,
}

/// How sensitive a record is (R28).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sensitivity {
    /// Ordinary.
    Ordinary,
    /// Special category: second confirmation, never in a "share all".
    Special,
}

/// One credential of a `record/issue`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuedCopy {
    /// The attachment's id.
    pub attachment: String,
    /// The one-time key that it is bound to; none for the kept copy.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub copy_ref: Option<CopyRef>,
}

/// What must accompany an adverse record (D10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// The authority, as it names itself.
    pub who: String,
    /// On what ground.
    pub ground: String,
    /// The legal basis.
    pub legal_basis: String,
    /// What it means for her.
    pub effect: String,
    /// Until when it can be appealed (RFC 3339 date).
    pub appeal_until: jiff::civil::Date,
    /// Where to appeal.
    pub appeal_where: String,
}

/// `record/issue`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordIssue {
    /// Random name of the record: all its copies and its later history share it, within this link.
    pub record: MessageId,
    /// Its `vct`.
    pub vct: String,
    /// SHA-256 of the kept copy's text; `record/status` and `supersedes` name it.
    pub kept: Sha256Hash,
    /// The kept copy and one-time copies.
    pub copies: Vec<IssuedCopy>,
    /// Sensitivity.
    pub sensitivity: Sensitivity,
    /// The legal basis of issuing it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_basis: Option<String>,
    /// Required for adverse kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<Notice>,
    /// Kept-copy hashes of the records that this one replaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub supersedes: Vec<Sha256Hash>,
}

/// `records/issue`: records of one person that were issued together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordsIssue {
    /// Each as in a `record/issue` of its own; their attachments lie side by side.
    pub records: Vec<RecordIssue>,
}

/// What happened to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StatusChange {
    /// Suspended for a time.
    Suspended,
    /// Withdrawn for good.
    Revoked,
    /// Replaced by a corrected one.
    Corrected,
    /// In force again.
    Reinstated,
}

/// `record/status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordStatus {
    /// The kept copy's hash.
    pub kept: Sha256Hash,
    /// The change.
    pub change: StatusChange,
    /// Why, in words for her.
    pub reason: String,
    /// The notice, for a change that is adverse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<Notice>,
}

/// `copies/refill`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CopiesRefill {
    /// The kept copy's hash of the record.
    pub kept: Sha256Hash,
    /// Fresh keys.
    pub copy_keys: Vec<CopyKey>,
}

/// One presentation of an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PresentedAs {
    /// The credential query of the service that it answers.
    pub query: String,
    /// The attachment's id.
    pub attachment: String,
    /// What she says to a claim of a private body: it travels with the paper.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Reply>,
}

/// What she says to a record that is a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// In her words.
    pub text: String,
    /// When she said it.
    pub at: UnixTime,
}

/// `application/submit` and `application/amend`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplicationSubmit {
    /// Hash of the service's directory entry: its exact version.
    pub service: Sha256Hash,
    /// The purpose, as the key-binding nonce has it.
    pub purpose: String,
    /// The earlier attempt that this one replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<MessageId>,
    /// Answers to the service's questions.
    pub answers: Value,
    /// Her papers.
    pub presentations: Vec<PresentedAs>,
    /// Queries with special-category claims that she confirmed a second time (R28).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub special_confirmed: Vec<String>,
}

/// State of an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApplicationState {
    /// Filed; the *application filed* credential is attached.
    Filed,
    /// An officer has it.
    InReview,
    /// More evidence is needed.
    MoreNeeded,
    /// Decided; the decision and what it grants are attached.
    Decided,
    /// Not accepted, with the reason: nothing was filed.
    Refused,
    /// The applicant took it back: closed, and its papers destroyed.
    Withdrawn,
}

/// `application/event`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplicationEvent {
    /// The new state.
    pub state: ApplicationState,
    /// The office's case reference for the procedure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_reference: Option<String>,
    /// A stable code, where the state needs one (`unknown-service-version`, `missing-evidence`, ...).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Words for her.
    pub text: String,
    /// Until when she should act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<jiff::civil::Date>,
    /// Records in the attachments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<RecordIssue>,
}

/// `access/notice`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessNotice {
    /// When.
    pub at: UnixTime,
    /// The role of the person who opened the papers; never a name.
    pub role: String,
    /// For what.
    pub purpose: String,
    /// Which claims, as `query: path`.
    pub claims: Vec<String>,
}

/// `evidence/update`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceUpdate {
    /// `sd_hash` of the presentation that it replaces.
    pub old_sd_hash: String,
    /// The new presentation's attachment id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachment: Option<String>,
    /// Her reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<String>,
}

/// `dispute/open`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisputeOpen {
    /// The kept copy's hash.
    pub kept: Sha256Hash,
    /// Claims that are wrong, as paths.
    pub claims: Vec<Vec<String>>,
    /// What is right, in her words.
    pub text: String,
    /// Counter-evidence: attachment ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
}

/// State of a dispute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DisputeState {
    /// Received; the record is contested from now on.
    Received,
    /// The record will be corrected.
    Upheld,
    /// It stays, with the reason.
    Rejected,
}

/// `dispute/event`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisputeEvent {
    /// The state.
    pub state: DisputeState,
    /// Words for her.
    pub text: String,
    /// Until when the office answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<jiff::civil::Date>,
}

/// A record by its kept copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordRef {
    /// The kept copy's hash.
    pub kept: Sha256Hash,
    /// In her words; may be empty.
    pub text: String,
}

/// `erasure/request`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasureRequest {
    /// Thread whose papers should go; none for all of this link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<MessageId>,
}

/// `erasure/done`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasureDone {
    /// What was destroyed.
    pub destroyed: Vec<String>,
    /// What the law keeps: what, which law, until.
    pub kept: Vec<KeptByLaw>,
}

/// Something that the law keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptByLaw {
    /// What.
    pub what: String,
    /// Which law.
    pub legal_basis: String,
    /// Until.
    pub until: jiff::civil::Date,
}

/// `mandate/give`: signed, like every message, by her link's `sign` key. The thread is the application
/// that it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MandateGive {
    /// Names the mandate.
    pub mandate: MessageId,
    /// The claims of a mandate, as the kind has them.
    pub claims: serde_json::Map<String, Value>,
}

/// `mandate/end`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MandateEnd {
    /// The mandate that ends.
    pub mandate: MessageId,
}

/// Plain text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// The text.
    pub text: String,
}
