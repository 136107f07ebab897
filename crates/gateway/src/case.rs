//! Cases: an application is filed, a person at the desk opens and decides it, its papers end.

mod change;
mod desk;
mod retain;
mod view;

pub use view::{Agreement, CaseView, SubjectRow};

use crate::{
    About, EventKind, Gateway, GatewayError,
    file::FileOwner,
    inbox::Opened,
    issuer::{Draft, sign::Credential, validate::validate},
    link::Link,
    vault::{Vault, context},
    verifier::{
        decide::{DECISION_VCT, FILED_VCT, FiledDates, filed},
        verify::{Evidence, EvidenceRequest, VerifyError, verify},
    },
};
use denizen_model::{
    AddressId, Sha256Hash, UnixTime,
    deposit::Receipt,
    message::{ApplicationEvent, ApplicationState, ApplicationSubmit, Body, Message},
};
use denizen_seal::LocalKey;
use denizen_store::gateway::{CaseChange, CaseRow};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where a case stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum CaseState {
    /// Filed; nobody has opened it.
    Filed = 0,
    /// A person has opened it.
    InReview = 1,
    /// Granted.
    Granted = 2,
    /// Refused.
    Refused = 3,
    /// Its retention has ended; only that there was a case is known.
    Destroyed = 4,
    /// Taken back by the applicant; only that there was a case is known.
    Withdrawn = 5,
}

impl CaseState {
    /// A stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Filed => "filed",
            Self::InReview => "in-review",
            Self::Granted => "granted",
            Self::Refused => "refused",
            Self::Destroyed => "destroyed",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The state of a stable name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        (0..=5)
            .filter_map(|n| Self::of(n).ok())
            .find(|s| s.name() == name)
    }

    fn of(number: u8) -> Result<Self, GatewayError> {
        Ok(match number {
            0 => Self::Filed,
            1 => Self::InReview,
            2 => Self::Granted,
            3 => Self::Refused,
            4 => Self::Destroyed,
            5 => Self::Withdrawn,
            _ => return Err(GatewayError::Damaged("database")),
        })
    }

    fn is_open(self) -> bool {
        matches!(self, Self::Filed | Self::InReview)
    }

    /// As an event says it.
    fn told(self) -> ApplicationState {
        match self {
            Self::Filed => ApplicationState::Filed,
            Self::InReview => ApplicationState::InReview,
            Self::Granted | Self::Refused | Self::Destroyed => ApplicationState::Decided,
            Self::Withdrawn => ApplicationState::Withdrawn,
        }
    }
}

/// A line of the desk's queue: nothing of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseSummary {
    /// The case reference.
    pub case_reference: String,
    /// The service's name.
    pub service: String,
    /// Where it stands.
    pub state: CaseState,
    /// When it was filed.
    pub filed_at: UnixTime,
    /// When a decision is due.
    pub due: UnixTime,
    /// Something came that nobody has seen: another version, or a correction.
    pub flagged: bool,
}

/// What is kept of a case under its own key.
#[derive(Serialize, Deserialize)]
struct CaseBody {
    evidence: Evidence,
    /// Where the application lies in the inbox: erased with the papers.
    pos: u64,
    /// Proof of when it came.
    receipt: Receipt,
    /// The service's declared version.
    #[serde(default)]
    service_hash: Option<Sha256Hash>,
    /// When this version of the application came, if it is not the first.
    #[serde(default)]
    sent: Option<UnixTime>,
    /// When the earlier versions came.
    #[serde(default)]
    earlier: Vec<UnixTime>,
    /// Where corrections lie in the inbox.
    #[serde(default)]
    more_pos: Vec<u64>,
    /// The proof of filing that counts.
    #[serde(default)]
    filed: Option<Sha256Hash>,
    /// Until when, if it was renewed.
    #[serde(default)]
    filed_until: Option<UnixTime>,
}

impl CaseBody {
    /// All that lies of it in the inbox.
    fn places(&self) -> Vec<u64> {
        [vec![self.pos], self.more_pos.clone()].concat()
    }
}

/// Letters and digits of a case reference that are not taken for one another.
const REFERENCE_CHARACTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl Gateway {
    /// `application/submit`: verified, filed and answered at once; or refused with a stable code.
    pub(crate) fn file(
        &self,
        link: &mut Link,
        opened: &Opened,
        submit: &ApplicationSubmit,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let pos = opened.verified().opening.pos;
        match self.check_papers(opened, submit, now) {
            Ok(evidence) => {
                let body = CaseBody {
                    evidence,
                    pos,
                    receipt: opened.receipt().clone(),
                    service_hash: Some(submit.service),
                    sent: None,
                    earlier: Vec::new(),
                    more_pos: Vec::new(),
                    filed: None,
                    filed_until: None,
                };
                self.file_case(link, body, opened.message(), (now, rng))
            }
            Err(error) => {
                self.store.add_erasure(pos)?;
                let event = ApplicationEvent {
                    state: ApplicationState::Refused,
                    case_reference: None,
                    code: Some(error.code().to_owned()),
                    text: self.words(link, error.code(), &error.to_string(), &[]),
                    due: None,
                    records: Vec::new(),
                };
                let thid = Some(opened.message().id);
                self.post(link, thid, Body::ApplicationEvent(event), now, rng)
            }
        }
    }

    /// Checks an application's papers; what was shown must be fit to be said again in the proof of
    /// filing.
    fn check_papers(
        &self,
        opened: &Opened,
        submit: &ApplicationSubmit,
        now: UnixTime,
    ) -> Result<Evidence, VerifyError> {
        let trust = self.trust().map_err(|_| VerifyError::ServiceUnknown)?;
        let entry = trust.directory().service(&submit.service);
        let request = EvidenceRequest {
            org: &self.config.org,
            service: &submit.service,
            entry: entry.ok_or(VerifyError::ServiceUnknown)?,
        };
        let evidence = verify(opened, submit, request, trust, &self.catalogue, now)?;
        let today = now.date();
        let dates = FiledDates {
            filed: today,
            due: today,
            until: today,
        };
        let draft = filed(&evidence, &self.own_name(), dates);
        match validate(draft, &self.catalogue, now) {
            Ok(_) => Ok(evidence),
            Err(_) => Err(VerifyError::SubjectUnfit),
        }
    }

    fn file_case(
        &self,
        link: &mut Link,
        mut body: CaseBody,
        message: &Message,
        (now, rng): (UnixTime, &mut dyn rand_core::CryptoRng),
    ) -> Result<(), GatewayError> {
        let mut rng = rng;
        let evidence = &body.evidence;
        let case_reference = make_reference(rng);
        let days = i64::from(evidence.service().deadline_days);
        let due = now.plus_s(days * UnixTime::DAY_S);
        let thread = *evidence.application();
        let key = LocalKey::make(&mut rng);
        let dates = FiledDates {
            filed: now.date(),
            due: due.date(),
            until: due.date(),
        };
        let service = evidence.service().service.clone();
        let drafts = vec![filed(evidence, &self.own_name(), dates)];
        let credentials = self.mint(link, drafts, now, rng)?;
        body.filed = credentials.first().map(|c| *c.kept_hash());
        let at = case_context(&case_reference);
        let row = CaseRow {
            case_reference: case_reference.clone(),
            thread,
            address: link.address,
            state: CaseState::Filed as u8,
            service,
            filed: now,
            due,
            retain_until: None,
            sealed: Some((
                self.vault.seal_bytes(&at, key.danger_bytes(), rng),
                Vault::new(key).seal(&at, &body, rng),
            )),
            flagged: false,
        };
        self.store.insert_case(&row)?;
        let vault = self.case_vault(&row)?;
        self.keep_files(FileOwner::Case(&case_reference), &vault, message, now, rng)?;
        let about = About::case(&case_reference);
        self.tell(EventKind::CaseFiled, &about, now, rng)?;
        let event = ApplicationEvent {
            state: ApplicationState::Filed,
            case_reference: Some(case_reference),
            code: None,
            text: self.words(link, "filed", "Your application was filed.", &[]),
            due: Some(due.date()),
            records: Vec::new(),
        };
        self.post_event(link, thread, (event, credentials), now, rng)
    }

    /// Validates and signs drafts of the kinds that the organisation is admitted for. A decision or
    /// proof of filing that it may not issue goes as words only; a granted record never does.
    fn mint(
        &self,
        link: &mut Link,
        drafts: Vec<Draft>,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Vec<Credential>, GatewayError> {
        let mut credentials = Vec::new();
        for draft in drafts {
            if !self.is_admitted(draft.vct(), now)? {
                if [DECISION_VCT, FILED_VCT].contains(&draft.vct()) {
                    continue;
                }
                return Err(GatewayError::KindNotAdmitted(draft.vct().to_owned()));
            }
            let record = validate(draft, &self.catalogue, now)?;
            credentials.push(self.sign_for(link, record, now, rng)?);
        }
        Ok(credentials)
    }

    /// The queue: all cases, by their due date.
    ///
    /// # Errors
    /// [`GatewayError::Store`].
    pub fn queue(&self) -> Result<Vec<CaseSummary>, GatewayError> {
        self.store.cases()?.iter().map(summary).collect()
    }

    /// One line of the queue.
    ///
    /// # Errors
    /// [`GatewayError::CaseUnknown`].
    pub fn case_summary(&self, case_reference: &str) -> Result<CaseSummary, GatewayError> {
        let row = self.store.case(case_reference)?;
        summary(&row.ok_or(GatewayError::CaseUnknown)?)
    }

    /// A page of the queue, by due date: of one service or all, in one state or all, after a line.
    ///
    /// # Errors
    /// [`GatewayError::Store`].
    pub fn queue_page(
        &self,
        (service, state): (Option<&str>, Option<CaseState>),
        after: Option<(UnixTime, &str)>,
        max: u32,
    ) -> Result<Vec<CaseSummary>, GatewayError> {
        let which = (service, state.map(|s| s as u8));
        let rows = self.store.cases_after(which, after, max)?;
        rows.iter().map(summary).collect()
    }

    fn case(&self, case_reference: &str) -> Result<(CaseRow, CaseBody), GatewayError> {
        let row = self
            .store
            .case(case_reference)?
            .ok_or(GatewayError::CaseUnknown)?;
        let (_, sealed) = row.sealed.as_ref().ok_or(GatewayError::CaseClosed)?;
        let body = self
            .case_vault(&row)?
            .open(&case_context(case_reference), sealed)?;
        Ok((row, body))
    }

    /// The law under which a case's papers are kept, and for how many days after the decision.
    pub(crate) fn case_law(&self, case_reference: &str) -> Result<(String, i64), GatewayError> {
        let (_, body) = self.case(case_reference)?;
        let service = body.evidence.service();
        let days = i64::from(service.retention_days);
        Ok((service.legal_basis.clone(), days))
    }

    /// After a move the proofs of filing have new kept copies.
    pub(crate) fn rename_filed(
        &self,
        address: &AddressId,
        again: &BTreeMap<Sha256Hash, Sha256Hash>,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        for row in self.store.cases_of(address)? {
            if row.sealed.is_none() {
                continue;
            }
            let (row, mut body) = self.case(&row.case_reference)?;
            if let Some(fresh) = body.filed.as_ref().and_then(|old| again.get(old)) {
                body.filed = Some(*fresh);
                self.save_case(&row, Some(&body), rng)?;
            }
        }
        Ok(())
    }

    /// Keeps a case as changed; without a body its key and papers are destroyed.
    fn save_case(
        &self,
        row: &CaseRow,
        body: Option<&CaseBody>,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let at = case_context(&row.case_reference);
        let sealed = match body {
            Some(body) => Some(self.case_vault(row)?.seal(&at, body, rng)),
            None => {
                self.destroy_files(FileOwner::Case(&row.case_reference))?;
                None
            }
        };
        let change = CaseChange {
            state: row.state,
            retain_until: row.retain_until,
            flagged: row.flagged,
            body: sealed.as_deref(),
        };
        Ok(self.store.change_case(&row.case_reference, change)?)
    }

    pub(crate) fn case_vault(&self, row: &CaseRow) -> Result<Vault, GatewayError> {
        let (wrapped, _) = row.sealed.as_ref().ok_or(GatewayError::CaseClosed)?;
        let key = self
            .vault
            .open_bytes(&case_context(&row.case_reference), wrapped)?;
        let key = key
            .try_into()
            .map_err(|_| GatewayError::Damaged("database"))?;
        Ok(Vault::new(LocalKey::from_bytes(key)))
    }

    fn own_name(&self) -> String {
        self.config.names.get("en").cloned().unwrap_or_default()
    }
}

fn case_context(case_reference: &str) -> Vec<u8> {
    context("case_file", case_reference.as_bytes())
}

fn summary(row: &CaseRow) -> Result<CaseSummary, GatewayError> {
    Ok(CaseSummary {
        case_reference: row.case_reference.clone(),
        service: row.service.clone(),
        state: CaseState::of(row.state)?,
        filed_at: row.filed,
        due: row.due,
        flagged: row.flagged,
    })
}

/// Random, so that it says nothing of how many or when.
fn make_reference(rng: &mut dyn rand_core::CryptoRng) -> String {
    let mut number = rng.next_u64();
    let mut reference = String::from("A-");
    for _ in 0..8 {
        let at = usize::try_from(number % 32).unwrap_or(0);
        reference.push(char::from(
            REFERENCE_CHARACTERS.get(at).copied().unwrap_or(b'0'),
        ));
        number >>= 5;
    }
    reference
}
