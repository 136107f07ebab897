//! Why papers are refused, each with its stable code.

use denizen_credential::CredentialError;
use denizen_model::mandate::MandateError;

/// Why an application is refused: she is told the code and can apply again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The directory has no such version of a service of this organisation.
    #[error("this version of the service is not known")]
    ServiceUnknown,
    /// Made for another purpose than the service's.
    #[error("the application was made for another purpose")]
    OtherPurpose,
    /// It came after its own expiry.
    #[error("the application had expired when it came")]
    Expired,
    /// The answers do not fit the service's questions.
    #[error("an answer is missing or not of the form that the service asks for")]
    Answers,
    /// A required paper is missing.
    #[error("a paper that the service asks for is missing")]
    Missing,
    /// More, or something else, is shown than was asked: it may not be taken.
    #[error("more is shown than the service asks for")]
    NotAsked,
    /// A paper is not what it must be.
    #[error("a paper is refused")]
    Refused(#[source] CredentialError),
    /// A paper was made for another recipient.
    #[error("a paper was made for another recipient")]
    OtherAudience,
    /// A paper was made for another application.
    #[error("a paper was made for another application")]
    OtherRequest,
    /// A paper was made outside its time.
    #[error("a paper was made too long before it came, or after it")]
    OutOfTime,
    /// Its issuer is not admitted for its kind, or not one that the service takes.
    #[error("the issuer of a paper may not issue it for this service")]
    IssuerNotAdmitted,
    /// Its issuer withdrew the key.
    #[error("the issuer has withdrawn the key that signed a paper")]
    IssuerKeyWithdrawn,
    /// Its kind is not known here.
    #[error("the kind of a paper is not known here")]
    KindUnknown,
    /// It is withdrawn.
    #[error("a paper has been withdrawn by its issuer")]
    Withdrawn,
    /// It is suspended.
    #[error("a paper is suspended by its issuer")]
    Suspended,
    /// It has expired.
    #[error("a paper has expired")]
    PaperExpired,
    /// It does not show whose it is.
    #[error("a paper does not show whose it is, which the service asks for")]
    SubjectMissing,
    /// What it shows of whose it is cannot be said again in a record.
    #[error("a paper shows whose it is in a form that cannot be used")]
    SubjectUnfit,
    /// A rule of the service on a shown value is not met.
    #[error("a paper does not meet what the service asks of it")]
    Constraint,
    /// Somebody acts for the applicant, and is not covered by a mandate.
    #[error("the mandate does not cover this")]
    Mandate(#[from] MandateError),
    /// A special category without her second confirmation (R28).
    #[error("a sensitive paper was sent without its second confirmation")]
    SpecialNotConfirmed,
}

impl From<CredentialError> for VerifyError {
    fn from(error: CredentialError) -> Self {
        match error {
            CredentialError::Audience => Self::OtherAudience,
            CredentialError::Nonce => Self::OtherRequest,
            CredentialError::IssuedAt => Self::OutOfTime,
            other => Self::Refused(other),
        }
    }
}

impl VerifyError {
    /// The stable code that she is told.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::ServiceUnknown => "unknown-service-version",
            Self::OtherPurpose => "wrong-purpose",
            Self::Expired => "expired",
            Self::Answers => "bad-answers",
            Self::Missing => "missing-evidence",
            Self::NotAsked => "not-asked",
            Self::Refused(_) | Self::SubjectUnfit => "evidence-refused",
            Self::OtherAudience => "wrong-audience",
            Self::OtherRequest => "wrong-request",
            Self::OutOfTime => "evidence-out-of-time",
            Self::IssuerNotAdmitted => "not-admitted",
            Self::IssuerKeyWithdrawn => "issuer-key-withdrawn",
            Self::KindUnknown => "unknown-kind",
            Self::Withdrawn => "evidence-withdrawn",
            Self::Suspended => "evidence-suspended",
            Self::PaperExpired => "evidence-expired",
            Self::SubjectMissing => "subject-missing",
            Self::Constraint => "constraint-not-met",
            Self::Mandate(error) => error.code(),
            Self::SpecialNotConfirmed => "special-not-confirmed",
        }
    }
}
