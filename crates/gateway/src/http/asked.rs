//! What is asked, as JSON or in the query; what a schema cannot say of it is checked here.

use super::problem::{Refusal, RestProblem};
use crate::{
    Answer, Appeal, CaseState, Grant, InviteRequest, RecordRequest, Verdict,
    issuer::single::is_reference,
};
use denizen_model::{UnixTime, message::StatusChange};
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Most lines of one page.
const PAGE_MAX: u32 = 200;
/// Lines of a page if nothing else is asked.
const PAGE: u32 = 50;
/// Longest text for a person, in bytes.
const TEXT_SIZE_BYTES_MAX: usize = 8 << 10;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRecord {
    pub(crate) case_reference: String,
    kind: String,
    claims: Map<String, Value>,
    #[serde(default)]
    unique: Vec<Value>,
}

impl From<NewRecord> for RecordRequest {
    fn from(new: NewRecord) -> Self {
        Self {
            case_reference: new.case_reference,
            kind: new.kind,
            claims: new.claims,
            unique: new.unique,
        }
    }
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Changes {
    Suspended,
    Revoked,
    Corrected,
    Reinstated,
}

impl From<Changes> for StatusChange {
    fn from(change: Changes) -> Self {
        match change {
            Changes::Suspended => Self::Suspended,
            Changes::Revoked => Self::Revoked,
            Changes::Corrected => Self::Corrected,
            Changes::Reinstated => Self::Reinstated,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    pub(crate) change: Changes,
    pub(crate) reason: String,
    pub(crate) role: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Open {
    pub(crate) role: String,
    pub(crate) purpose: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AskMore {
    pub(crate) text: String,
    due: String,
    pub(crate) role: String,
}

impl AskMore {
    pub(crate) fn due(&self) -> Result<Date, Refusal> {
        date(&self.due)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantedRecord {
    kind: String,
    claims: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Where {
    until: String,
    to: String,
    #[serde(default)]
    how: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refuse {
    reason: String,
    appeal: Where,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decision {
    pub(crate) role: String,
    #[serde(default)]
    grant: Option<Vec<GrantedRecord>>,
    #[serde(default)]
    refuse: Option<Refuse>,
}

impl Decision {
    pub(crate) fn verdict(self) -> Result<Verdict, Refusal> {
        match (self.grant, self.refuse) {
            (Some(grants), None) => {
                let grant = |g: GrantedRecord| Grant {
                    vct: g.kind,
                    claims: g.claims,
                };
                Ok(Verdict::Granted(grants.into_iter().map(grant).collect()))
            }
            (None, Some(refuse)) => Ok(Verdict::Refused {
                reason: said(&refuse.reason)?.to_owned(),
                appeal: Appeal {
                    until: date(&refuse.appeal.until)?,
                    to: said(&refuse.appeal.to)?.to_owned(),
                    how: refuse.appeal.how,
                },
            }),
            _ => Err(either("grant", "refuse")),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewNote {
    pub(crate) text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenDispute {
    pub(crate) role: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    claims: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reply {
    pub(crate) role: String,
    #[serde(default)]
    reject: Option<Reason>,
    #[serde(default)]
    uphold: Option<Claims>,
}

impl Reply {
    pub(crate) fn answer(self) -> Result<Answer, Refusal> {
        match (self.reject, self.uphold) {
            (Some(Reason { reason }), None) => Ok(Answer::Reject {
                reason: said(&reason)?.to_owned(),
            }),
            (None, Some(Claims { claims })) => Ok(Answer::Uphold { claims }),
            _ => Err(either("reject", "uphold")),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Clear {
    pub(crate) role: String,
    #[serde(default)]
    case_reference: Option<String>,
}

impl Clear {
    pub(crate) fn case_reference(&self) -> Result<Option<&str>, Refusal> {
        self.case_reference.as_deref().map(reference).transpose()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Invite {
    purpose: String,
    #[serde(default)]
    sends: Vec<String>,
    #[serde(default)]
    asks: Vec<String>,
    #[serde(default)]
    case_reference: Option<String>,
    #[serde(default = "one")]
    uses: u32,
    #[serde(default = "thirty")]
    days: u16,
}

fn one() -> u32 {
    1
}

fn thirty() -> u16 {
    30
}

impl Invite {
    pub(crate) fn request(self) -> Result<InviteRequest, Refusal> {
        if self.asks.iter().any(|service| !service.starts_with("urn:")) {
            let why = "`asks` takes full names, such as urn:denizen:service:work-permit";
            return Err(Refusal::because(RestProblem::Refused, why));
        }
        self.case_reference.as_deref().map(reference).transpose()?;
        Ok(InviteRequest {
            purpose: said(&self.purpose)?.to_owned(),
            sends: self.sends,
            asks: self.asks,
            case_reference: self.case_reference,
            uses: self.uses,
            ttl_s: i64::from(self.days) * UnixTime::DAY_S,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Digits {
    pub(crate) digits: String,
    pub(crate) role: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Close {
    pub(crate) reason: String,
    pub(crate) role: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    #[serde(default)]
    pub(crate) after: i64,
    limit: Option<u32>,
}

impl PageQuery {
    pub(crate) fn limit(&self) -> Result<u32, Refusal> {
        limit(self.limit)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CaseQuery {
    pub(crate) service: Option<String>,
    state: Option<String>,
    after: Option<String>,
    limit: Option<u32>,
}

impl CaseQuery {
    pub(crate) fn limit(&self) -> Result<u32, Refusal> {
        limit(self.limit)
    }

    pub(crate) fn state(&self) -> Result<Option<CaseState>, Refusal> {
        let state = self.state.as_deref().map(CaseState::parse);
        match state {
            Some(None) => Err(RestProblem::Malformed.into()),
            state => Ok(state.flatten()),
        }
    }

    /// The line after which the page begins.
    pub(crate) fn after(&self) -> Result<Option<(UnixTime, String)>, Refusal> {
        let Some(text) = &self.after else {
            return Ok(None);
        };
        let parts = text.split_once('.');
        let parts = parts.and_then(|(due, case)| Some((due.parse().ok()?, case.to_owned())));
        let (due, case) = parts.ok_or(RestProblem::Malformed)?;
        Ok(Some((UnixTime(due), case)))
    }
}

fn limit(asked: Option<u32>) -> Result<u32, Refusal> {
    let limit = asked.unwrap_or(PAGE);
    if (1..=PAGE_MAX).contains(&limit) {
        Ok(limit)
    } else {
        Err(RestProblem::Malformed.into())
    }
}

/// Words for a person, without spaces around them; never none.
pub(crate) fn said(text: &str) -> Result<&str, Refusal> {
    let text = text.trim();
    if text.is_empty() || text.len() > TEXT_SIZE_BYTES_MAX || text.contains('\0') {
        let why = "say why, or what, in 1 to 8192 bytes: the person reads it";
        return Err(Refusal::because(RestProblem::Refused, why));
    }
    Ok(text)
}

fn reference(text: &str) -> Result<&str, Refusal> {
    if is_reference(text) {
        return Ok(text);
    }
    let why = "a case reference is 1 to 256 bytes, without unseen characters or spaces at its ends";
    Err(Refusal::because(RestProblem::Refused, why))
}

fn date(text: &str) -> Result<Date, Refusal> {
    let strict = text.len() == 10;
    let parsed = text.parse().ok().filter(|_| strict);
    parsed.ok_or_else(|| Refusal::because(RestProblem::Refused, "a date is written YYYY-MM-DD"))
}

fn either(one: &str, other: &str) -> Refusal {
    let why = format!("it has either `{one}` or `{other}`");
    Refusal::because(RestProblem::Refused, why)
}
