//! Cases: an application is filed, a person at the desk opens and decides it, its papers end.

mod view;

pub use view::{Agreement, CaseView, SubjectRow};

use crate::{
    Gateway, GatewayError,
    inbox::Opened,
    issuer::{
        Draft,
        deposit::enqueue,
        seal::{Place, seal_event},
        sign::Credential,
        validate::validate,
    },
    link::Link,
    vault::{Vault, context},
    verifier::{
        decide::{DECISION_VCT, FILED_VCT, Officer, Verdict, decide, filed},
        verify::{Evidence, EvidenceRequest, VerifyError, verify},
    },
};
use denizen_model::{
    MessageId, UnixTime,
    deposit::Receipt,
    message::{AccessNotice, ApplicationEvent, ApplicationState, ApplicationSubmit, Body, Text},
};
use denizen_seal::LocalKey;
use denizen_store::gateway::{CaseChange, CaseRow};
use serde::{Deserialize, Serialize};
use view::{shown_claims, view};

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
        }
    }

    fn of(number: u8) -> Result<Self, GatewayError> {
        Ok(match number {
            0 => Self::Filed,
            1 => Self::InReview,
            2 => Self::Granted,
            3 => Self::Refused,
            4 => Self::Destroyed,
            _ => return Err(GatewayError::Damaged("database")),
        })
    }

    fn is_open(self) -> bool {
        matches!(self, Self::Filed | Self::InReview)
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
}

/// What is kept of a case under its own key.
#[derive(Serialize, Deserialize)]
struct CaseBody {
    evidence: Evidence,
    /// Where the application lies in the inbox: erased with the papers.
    pos: u64,
    /// Proof of when it came.
    receipt: Receipt,
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
        let trust = self.trust()?;
        let pos = opened.verified().opening.pos;
        let verified = match trust.directory().service(&submit.service) {
            None => Err(VerifyError::ServiceUnknown),
            Some(entry) => {
                let request = EvidenceRequest {
                    org: &self.config.org,
                    service: &submit.service,
                    entry,
                };
                verify(opened, submit, request, trust, &self.catalogue, now)
            }
        };
        match verified.and_then(|evidence| self.check_minted(evidence, now)) {
            Ok(evidence) => {
                let body = CaseBody {
                    evidence,
                    pos,
                    receipt: opened.receipt().clone(),
                };
                self.file_case(link, body, now, rng)
            }
            Err(error) => {
                self.store.add_erasure(pos)?;
                let event = ApplicationEvent {
                    state: ApplicationState::Refused,
                    case_reference: None,
                    code: Some(error.code().to_owned()),
                    text: self.words(&link.body.language, error.code(), &error.to_string()),
                    due: None,
                    records: Vec::new(),
                };
                let thid = Some(opened.message().id);
                self.post(link, thid, Body::ApplicationEvent(event), now, rng)
            }
        }
    }

    /// What was shown must be fit to be said again in the proof of filing.
    fn check_minted(&self, evidence: Evidence, now: UnixTime) -> Result<Evidence, VerifyError> {
        let draft = filed(&evidence, &self.own_name(), now.date(), now);
        match validate(draft, &self.catalogue, now) {
            Ok(_) => Ok(evidence),
            Err(_) => Err(VerifyError::SubjectUnfit),
        }
    }

    fn file_case(
        &self,
        link: &mut Link,
        body: CaseBody,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let mut rng = rng;
        let evidence = &body.evidence;
        let case_reference = make_reference(rng);
        let days = i64::from(evidence.service().deadline_days);
        let due = now.plus_s(days * UnixTime::DAY_S);
        let thread = *evidence.application();
        let key = LocalKey::make(&mut rng);
        let drafts = vec![filed(evidence, &self.own_name(), due.date(), now)];
        let credentials = self.mint(link, drafts, now, rng)?;
        let at = case_context(&case_reference);
        let row = CaseRow {
            case_reference: case_reference.clone(),
            thread,
            address: link.address,
            state: CaseState::Filed as u8,
            service: evidence.service().service.clone(),
            filed: now,
            due,
            retain_until: None,
            sealed: Some((
                self.vault.seal_bytes(&at, key.danger_bytes(), rng),
                Vault::new(key).seal(&at, &body, rng),
            )),
        };
        self.store.insert_case(&row)?;
        let event = ApplicationEvent {
            state: ApplicationState::Filed,
            case_reference: Some(case_reference),
            code: None,
            text: self.words(&link.body.language, "filed", "Your application was filed."),
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

    fn post_event(
        &self,
        link: &mut Link,
        thread: MessageId,
        event: (ApplicationEvent, Vec<Credential>),
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let to = link.holder()?;
        let (seen, chain) = link.place();
        let mut place = Place {
            chain,
            seen: &seen,
            thid: Some(thread),
        };
        for envelope in seal_event(event, self.sender(), &to, &mut place, now, rng)? {
            enqueue(&self.store, envelope, false, None)?;
        }
        Ok(())
    }

    /// The queue: all cases, by their due date.
    ///
    /// # Errors
    /// [`GatewayError::Store`].
    pub fn queue(&self) -> Result<Vec<CaseSummary>, GatewayError> {
        self.store.cases()?.iter().map(summary).collect()
    }

    /// Opens a case at the desk. The person whose papers they are is told: when, in which role, for
    /// which purpose, which claims.
    ///
    /// # Errors
    /// [`GatewayError::CaseUnknown`], [`GatewayError::CaseClosed`] once destroyed.
    pub fn open_case(
        &mut self,
        case_reference: &str,
        role: &str,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<CaseView, GatewayError> {
        self.load_trust(now)?;
        self.tx(|g| {
            let (row, body) = g.case(case_reference)?;
            let state = CaseState::of(row.state)?;
            let evidence = body.evidence;
            let notice = AccessNotice {
                at: now,
                role: role.to_owned(),
                purpose: row.service.clone(),
                claims: shown_claims(&evidence),
            };
            if let Some(mut link) = g.link(&row.address)? {
                g.post(
                    &mut link,
                    Some(row.thread),
                    Body::AccessNotice(notice),
                    now,
                    rng,
                )?;
                g.save_link(&link, rng)?;
            }
            let state = if state == CaseState::Filed {
                CaseState::InReview
            } else {
                state
            };
            let (_, sealed) = row.sealed.as_ref().ok_or(GatewayError::CaseClosed)?;
            let change = CaseChange {
                state: state as u8,
                retain_until: row.retain_until,
                body: Some(sealed),
            };
            g.store.change_case(case_reference, change)?;
            let mut summary = summary(&row)?;
            summary.state = state;
            Ok(view(summary, &evidence, g.trust()?))
        })
    }

    /// Decides a case: the decision and what it grants go to her in one envelope; of the papers only
    /// the claims that were used stay, until retention ends.
    ///
    /// # Errors
    /// [`GatewayError::CaseUnknown`], [`GatewayError::CaseClosed`], [`GatewayError::Decide`],
    /// [`GatewayError::Rejected`], [`GatewayError::KindNotAdmitted`]: nothing is changed.
    pub fn decide(
        &mut self,
        case_reference: &str,
        verdict: Verdict,
        officer_role: &str,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        self.load_trust(now)?;
        self.tx(|g| {
            let (row, body) = g.case(case_reference)?;
            if !CaseState::of(row.state)?.is_open() {
                return Err(GatewayError::CaseClosed);
            }
            let authority = g.own_name();
            let officer = Officer {
                authority: &authority,
                role: officer_role,
                case_reference,
            };
            let drafts = decide(&body.evidence, &verdict, officer, now)?;
            let link = g.link(&row.address)?;
            let mut link = link.ok_or(GatewayError::Damaged("database"))?;
            let credentials = g.mint(&mut link, drafts, now, rng)?;
            let language = link.body.language.clone();
            let (state, text, due) = match &verdict {
                Verdict::Granted(_) => {
                    let text = g.words(&language, "granted", "Your application was granted.");
                    (CaseState::Granted, text, None)
                }
                Verdict::Refused { reason, appeal } => (
                    CaseState::Refused,
                    reason.trim().to_owned(),
                    Some(appeal.until),
                ),
            };
            let event = ApplicationEvent {
                state: ApplicationState::Decided,
                case_reference: Some(case_reference.to_owned()),
                code: Some(state.name().to_owned()),
                text,
                due,
                records: Vec::new(),
            };
            g.post_event(&mut link, row.thread, (event, credentials), now, rng)?;
            g.save_link(&link, rng)?;
            g.keep_used(&row, body, state, now, rng)
        })
    }

    /// Replaces a decided case's evidence by the claims that were used.
    fn keep_used(
        &self,
        row: &CaseRow,
        body: CaseBody,
        state: CaseState,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let days = i64::from(body.evidence.service().retention_days);
        self.store.add_erasure(body.pos)?;
        let used = CaseBody {
            evidence: body.evidence.used(),
            ..body
        };
        let at = case_context(&row.case_reference);
        let sealed = self.case_vault(row)?.seal(&at, &used, rng);
        let change = CaseChange {
            state: state as u8,
            retain_until: Some(now.plus_s(days * UnixTime::DAY_S)),
            body: Some(&sealed),
        };
        Ok(self.store.change_case(&row.case_reference, change)?)
    }

    /// Ends the retention of decided cases: their keys are destroyed, and each person is told.
    /// Gives how many.
    ///
    /// # Errors
    /// [`GatewayError::Store`].
    pub fn retain(
        &mut self,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<u64, GatewayError> {
        self.tx(|g| {
            let mut count = 0;
            for row in g.store.cases_to_destroy(now)? {
                let change = CaseChange {
                    state: CaseState::Destroyed as u8,
                    retain_until: row.retain_until,
                    body: None,
                };
                g.store.change_case(&row.case_reference, change)?;
                if let Some(mut link) = g.link(&row.address)? {
                    let text = format!(
                        "What was kept of your application {} has been destroyed.",
                        row.case_reference
                    );
                    g.post(
                        &mut link,
                        Some(row.thread),
                        Body::Note(Text { text }),
                        now,
                        rng,
                    )?;
                    g.save_link(&link, rng)?;
                }
                count += 1;
            }
            Ok(count)
        })
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

    fn case_vault(&self, row: &CaseRow) -> Result<Vault, GatewayError> {
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

    /// Words for her: the catalogue's text in her language, or plain English.
    fn words(&self, language: &str, code: &str, english: &str) -> String {
        let keys = [format!("event-{code}"), format!("err-{code}")];
        let locale = self.catalogue.locale(language);
        let text = locale.and_then(|l| keys.iter().find(|k| l.has(k)).map(|k| l.text(k, &[])));
        text.unwrap_or_else(|| english.to_owned())
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
