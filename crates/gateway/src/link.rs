//! Link: invitations, acceptance, the six digits, confirmation. Specified in `docs/spec/link.md`.

mod copies;
mod keep;
mod look;

pub use look::{InvitationState, LinkView, PendingLink};

use copies::CopyKeys;

use crate::{
    About, Alarm, EventKind, Gateway, GatewayError,
    gateway::{LASTING_S, SKEW_S, holder_address},
    helper::ToldHelper,
    keys::PASS_KID,
    vault::context,
};
use denizen_guard::{Check, holds};
use denizen_model::{
    AddressId, HubId, MessageId, Nonce, PublicKeyFor, Sha256Hash, UnixTime,
    id::Bytes,
    invitation::{INVITATION_TYP, Invitation, to_text},
    jose::Object,
    key::{Cnf, Deposit, Sign},
    link::{KeyStatement, code_commitment, confirmation_code},
    message::{Body, CopyKey, LinkAccept, LinkConfirm, OutChain},
    pass::{Bind, Pass, PassUse},
    statement::full_kid,
};
use denizen_store::gateway::InvitationRow;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Wrong entries of the six digits, after which a link is refused.
const TRIES: u8 = 3;
/// Most keys for one-time copies that are kept of one link.
const COPY_KEYS_MAX: usize = 512;
/// Bytes that may lie in a person's address.
const ADDRESS_QUOTA_BYTES: u64 = 256 << 20;
/// Bytes that an invitation's deposits may have together.
const INVITATION_QUOTA_BYTES: u64 = 1 << 20;
/// Deposits a day of a lasting pass, and bytes of them.
const LASTING_USES: u32 = 200;
const LASTING_QUOTA_BYTES: u64 = 64 << 20;
/// Deposits of one invitation: accept, reveal, and two to spare.
const INVITATION_USES: u32 = 4;

/// What an invitation says.
#[derive(Debug, Clone, Default)]
pub struct InviteRequest {
    /// Why the link is wanted, in the organisation's words.
    pub purpose: String,
    /// Kinds that it will send (`vct`).
    pub sends: Vec<String>,
    /// Services for which it will ask for papers.
    pub asks: Vec<String>,
    /// The office's case reference; none for an open invitation.
    pub case_reference: Option<String>,
    /// How many people may use it; more than one makes it open.
    pub uses: u32,
    /// For how many seconds it counts.
    pub ttl_s: i64,
}

/// Where a link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum LinkState {
    /// The holder's part of the code is awaited.
    Pending = 0,
    /// The clerk can enter the digits.
    Revealed = 1,
    /// It stands.
    Confirmed = 2,
    /// Refused; nothing will be sent.
    Refused = 3,
    /// Ended by one of the two sides.
    Closed = 4,
    /// The holder has another address for it.
    Moved = 5,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct InvitationBody {
    case_reference: Option<String>,
    expires: UnixTime,
}

/// All that is kept of a link but its state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LinkBody {
    pub(crate) hub: HubId,
    pub(crate) sign: PublicKeyFor<Sign>,
    pub(crate) cnf: PublicKeyFor<Cnf>,
    kem: Bytes,
    deposit: PublicKeyFor<Deposit>,
    pub(crate) allowed_kinds: Vec<String>,
    /// Of a link that was written before they had a place of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    copy_keys: Vec<CopyKey>,
    pub(crate) language: String,
    case_reference: Option<String>,
    accept_id: MessageId,
    accept_hash: Sha256Hash,
    code_commitment: Sha256Hash,
    challenge: Nonce,
    revealed: Option<Nonce>,
    tries_left: u8,
    out: OutChain,
    #[serde(default)]
    out_reserved: Option<OutChain>,
    /// A record was returned: nothing but reserved letters goes there until a clerk clears it.
    #[serde(default)]
    pub(crate) held: bool,
    /// Helpers of whom she told.
    #[serde(default)]
    pub(crate) helpers: Vec<ToldHelper>,
    /// Heads of the holder's chains: number and hash of the newest message of each.
    pub(crate) heads: BTreeMap<String, (u64, Sha256Hash)>,
}

/// A link as loaded; [`Gateway::save_link`] keeps it.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) address: AddressId,
    pub(crate) state: LinkState,
    pub(crate) body: LinkBody,
    /// The keys of its one-time copies; none as long as they were not read.
    copy_keys: Option<CopyKeys>,
}

impl Link {
    pub(crate) fn case_reference(&self) -> Option<&str> {
        self.body.case_reference.as_deref()
    }

    /// The same link at another address: `link/move` is the message that began it.
    pub(crate) fn successor(
        &self,
        keys: KeyStatement,
        began: MessageId,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Self {
        Self {
            address: keys.address,
            state: LinkState::Confirmed,
            body: LinkBody {
                hub: keys.hub,
                sign: keys.sign,
                cnf: keys.cnf,
                kem: keys.kem,
                deposit: keys.deposit,
                copy_keys: Vec::new(),
                accept_id: began,
                out: OutChain::make(Vec::new(), rng),
                out_reserved: None,
                heads: BTreeMap::new(),
                ..self.body.clone()
            },
            copy_keys: None,
        }
    }

    /// Begins our chains anew behind the heads that are known, and gives these.
    pub(crate) fn begin_anew(
        &mut self,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> BTreeSet<Sha256Hash> {
        let heads = self.out_heads();
        let follows = self.body.out.head().into_iter().collect();
        self.body.out = OutChain::make(follows, rng);
        if let Some(reserved) = &self.body.out_reserved {
            let follows = reserved.head().into_iter().collect();
            self.body.out_reserved = Some(OutChain::make(follows, rng));
        }
        heads
    }

    /// The heads of our chains.
    pub(crate) fn out_heads(&self) -> BTreeSet<Sha256Hash> {
        let reserved = self.body.out_reserved.as_ref();
        let chains = [Some(&self.body.out), reserved];
        let heads = chains.into_iter().flatten();
        heads.filter_map(OutChain::head).collect()
    }

    pub(crate) fn set_case_reference(&mut self, case_reference: &str) {
        self.body.case_reference = Some(case_reference.to_owned());
    }

    fn code(&self) -> Option<String> {
        let revealed = self.body.revealed.as_ref()?;
        Some(confirmation_code(
            &self.body.accept_hash,
            revealed,
            &self.body.challenge,
        ))
    }

    /// The heads to acknowledge and the chain: what sealing needs. Reserved letters have a chain of
    /// their own, so that they can go while the others wait.
    pub(crate) fn place(
        &mut self,
        reserved: bool,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> (Vec<Sha256Hash>, &mut OutChain) {
        let seen = self.body.heads.values().map(|(_, hash)| *hash).collect();
        let chain = if reserved {
            let reserved = &mut self.body.out_reserved;
            reserved.get_or_insert_with(|| OutChain::make(Vec::new(), rng))
        } else {
            &mut self.body.out
        };
        (seen, chain)
    }

    pub(crate) fn holder(&self) -> Result<crate::issuer::seal::HolderAddress, GatewayError> {
        holder_address(self.body.hub, self.address, &self.body.kem.0)
    }
}

impl Gateway {
    /// Makes an invitation in its text form, for a link, a QR code or paper.
    ///
    /// # Errors
    /// As [`Gateway::invite_named`].
    pub fn invite(
        &mut self,
        request: InviteRequest,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<String, GatewayError> {
        Ok(self.invite_named(request, now, rng)?.0)
    }

    /// Makes an invitation, with a name by which its state can be asked for.
    ///
    /// # Errors
    /// [`GatewayError::InvitationEmpty`], [`GatewayError::OpenWithCase`],
    /// [`GatewayError::NoDirectory`], [`GatewayError::NotAdmitted`],
    /// [`GatewayError::KindNotAdmitted`] for a kind that the organisation may not send.
    pub fn invite_named(
        &mut self,
        request: InviteRequest,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(String, MessageId), GatewayError> {
        let mut rng = rng;
        if request.uses == 0 || request.purpose.trim().is_empty() {
            return Err(GatewayError::InvitationEmpty);
        }
        let open = request.uses > 1;
        if open && request.case_reference.is_some() {
            return Err(GatewayError::OpenWithCase);
        }
        for vct in &request.sends {
            self.check_admitted(vct, now)?;
        }
        self.load_trust(now)?;
        let org = self.trust()?.directory().organisation(&self.config.org);
        let org = org.ok_or(GatewayError::NotAdmitted)?;
        let expires = now.plus_s(request.ttl_s.max(0));
        let invitation = Invitation {
            v: 1,
            nonce: Nonce::make(&mut rng),
            org: self.config.org,
            hub: self.config.hub,
            hub_url: self.config.hub_url.clone(),
            identity: org.statement.identity.clone(),
            statement: org.statement_hash,
            purpose: request.purpose,
            sends: request.sends,
            asks: request.asks,
            case_reference: request.case_reference,
            open,
            expires,
        };
        let payload = serde_json::to_vec(&invitation).expect("an invitation is JSON");
        let object = Object::sign(
            self.keys.message.signer(),
            self.message_kid(),
            INVITATION_TYP,
            &payload,
        );
        let register = self.register_pass(request.uses, expires, now, rng);
        let deposit = self.deposit_pass(
            Bind::Nonce(Nonce::make(&mut rng)),
            (
                INVITATION_USES.saturating_mul(request.uses),
                INVITATION_QUOTA_BYTES,
            ),
            // Her reveal may come a little after the acceptance.
            (now, expires.plus_s(7 * UnixTime::DAY_S)),
        );
        let body = InvitationBody {
            case_reference: invitation.case_reference.clone(),
            expires,
        };
        let nonce = invitation.nonce;
        let body = self
            .vault
            .seal(&context("invitation", nonce.as_bytes()), &body, rng);
        let row = InvitationRow {
            uses_left: request.uses,
            body,
        };
        let name = MessageId::make(&mut rng);
        self.tx(|g| {
            g.store.insert_invitation(&nonce, &row)?;
            g.store.name_invitation(name.as_bytes(), &nonce)?;
            Ok::<_, GatewayError>(())
        })?;
        Ok((to_text(&object, &register, &deposit), name))
    }

    fn register_pass(
        &self,
        uses: u32,
        until: UnixTime,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Object {
        let mut rng = rng;
        let pass = Pass {
            v: 1,
            pass_use: PassUse::Register,
            org: self.config.org,
            hub: self.config.hub,
            inbox: None,
            bind: Bind::Nonce(Nonce::make(&mut rng)),
            uses,
            not_before: now.plus_s(-SKEW_S),
            not_after: until,
            quota: ADDRESS_QUOTA_BYTES,
        };
        pass.sign(
            &self.keys.pass,
            &full_kid(&self.config.org.into(), PASS_KID),
        )
    }

    fn deposit_pass(
        &self,
        bind: Bind,
        (uses, quota): (u32, u64),
        (now, until): (UnixTime, UnixTime),
    ) -> Object {
        let pass = Pass {
            v: 1,
            pass_use: PassUse::Deposit,
            org: self.config.org,
            hub: self.config.hub,
            inbox: Some(self.keys.inbox_address()),
            bind,
            uses,
            not_before: now.plus_s(-SKEW_S),
            not_after: until,
            quota,
        };
        pass.sign(
            &self.keys.pass,
            &full_kid(&self.config.org.into(), PASS_KID),
        )
    }

    /// The clerk enters the digits that the person reads out. Equal: the link stands, and the rows
    /// that waited for it are on their way.
    ///
    /// # Errors
    /// [`GatewayError::NoPendingLink`], [`GatewayError::WrongCode`].
    pub fn confirm(
        &mut self,
        case_reference: &str,
        digits: &str,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        self.load_trust(now)?;
        let case_key = self.case_key(case_reference);
        let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
        let outcome = self.tx(|g| {
            let rows = g
                .store
                .links_of_case(&case_key, LinkState::Revealed as u8)?;
            let links = rows.into_iter().map(|row| g.link_of(row));
            let mut links = links.collect::<Result<Vec<_>, _>>()?;
            let right = links.iter_mut().find(|l| {
                l.code()
                    .is_some_and(|code| holds(Check::LinkCode, code == digits))
            });
            if let Some(link) = right {
                g.confirm_link(link, now, rng)?;
                g.issue_waiting(link, now, rng)?;
                g.save_link(link, rng)?;
                return Ok(None);
            }
            let mut tries_left = None;
            for link in &mut links {
                let left = g.wrong_code(link, now, rng)?;
                tries_left = tries_left.max(Some(left));
            }
            tries_left.ok_or(GatewayError::NoPendingLink).map(Some)
        })?;
        match outcome {
            None => Ok(()),
            Some(tries_left) => Err(GatewayError::WrongCode { tries_left }),
        }
    }

    fn wrong_code(
        &self,
        link: &mut Link,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<u8, GatewayError> {
        link.body.tries_left = link.body.tries_left.saturating_sub(1);
        if link.body.tries_left == 0 {
            self.refuse_link(link, "wrong-code", now, rng)?;
        }
        self.save_link(link, rng)?;
        Ok(link.body.tries_left)
    }

    pub(crate) fn confirm_link(
        &self,
        link: &mut Link,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        link.state = LinkState::Confirmed;
        let until = now.plus_s(LASTING_S);
        let bind = Bind::Key(Sha256Hash::new(link.body.deposit.key().thumbprint()));
        let deposit = self.deposit_pass(bind, (LASTING_USES, LASTING_QUOTA_BYTES), (now, until));
        let register = self.register_pass(1, until, now, rng);
        let confirmed = LinkConfirm::Confirmed {
            deposit_pass: Bytes(deposit.into_bytes()),
            register_pass: Bytes(register.into_bytes()),
        };
        self.tell(EventKind::LinkConfirmed, &About::link(link), now, rng)?;
        let thid = Some(link.body.accept_id);
        self.post(link, thid, Body::LinkConfirm(confirmed), now, rng)
    }

    fn refuse_link(
        &self,
        link: &mut Link,
        code: &str,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        link.state = LinkState::Refused;
        let refused = LinkConfirm::Refused {
            code: code.to_owned(),
        };
        let thid = Some(link.body.accept_id);
        self.post(link, thid, Body::LinkConfirm(refused), now, rng)
    }

    /// `link/accept`: a new link, or its refusal with a stable code.
    pub(crate) fn take_accept(
        &self,
        (accept, keys): (&LinkAccept, KeyStatement),
        (id, hash): (MessageId, Sha256Hash),
        delivered: UnixTime,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let mut rng = rng;
        if self.store.link(&keys.address)?.is_some() || keys.hub != self.config.hub {
            return self.raise(Alarm::AcceptRefused, now);
        }
        if denizen_seal::KemPublic::from_bytes(&keys.kem.0).is_err() {
            return self.raise(Alarm::AcceptRefused, now);
        }
        let mut link = Link {
            address: keys.address,
            state: LinkState::Pending,
            body: LinkBody {
                hub: keys.hub,
                sign: keys.sign,
                cnf: keys.cnf,
                kem: keys.kem,
                deposit: keys.deposit,
                allowed_kinds: accept.allowed_kinds.clone(),
                copy_keys: Vec::new(),
                language: accept.language.clone(),
                case_reference: None,
                accept_id: id,
                accept_hash: hash,
                code_commitment: accept.code_commitment,
                challenge: Nonce::make(&mut rng),
                revealed: None,
                tries_left: TRIES,
                out: OutChain::make(Vec::new(), rng),
                out_reserved: None,
                held: false,
                helpers: Vec::new(),
                heads: BTreeMap::new(),
            },
            copy_keys: None,
        };
        self.add_copy_keys(&mut link, &accept.copy_keys)?;
        match self.use_invitation(accept, delivered)? {
            Err(code) => self.refuse_link(&mut link, code, now, rng)?,
            Ok(None) => self.confirm_link(&mut link, now, rng)?,
            Ok(case_reference) => {
                link.body.case_reference = case_reference;
                let challenge = link.body.challenge;
                let body = Body::LinkConfirm(LinkConfirm::Challenge { challenge });
                self.post(&mut link, Some(id), body, now, rng)?;
            }
        }
        self.save_link(&link, rng)
    }

    /// The case reference of a good invitation, whose use is counted; else a stable code.
    fn use_invitation(
        &self,
        accept: &LinkAccept,
        delivered: UnixTime,
    ) -> Result<Result<Option<String>, &'static str>, GatewayError> {
        let Some(row) = self.store.invitation(&accept.invitation)? else {
            return Ok(Err("invitation-unknown"));
        };
        let context = context("invitation", accept.invitation.as_bytes());
        let body: InvitationBody = self.vault.open(&context, &row.body)?;
        if delivered > body.expires {
            return Ok(Err("invitation-expired"));
        }
        if accept.case_reference != body.case_reference {
            return Ok(Err("invitation-unknown"));
        }
        let left = self.store.use_invitation(&accept.invitation)?;
        if !holds(Check::InvitationUses, left) {
            return Ok(Err("invitation-used"));
        }
        Ok(Ok(body.case_reference))
    }

    /// Her part of the six digits, to which `link/accept` bound her.
    pub(crate) fn take_reveal(
        &self,
        link: &mut Link,
        reveal: &Nonce,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        if link.state != LinkState::Pending {
            return self.raise(Alarm::RevealUnexpected, now);
        }
        let committed = code_commitment(reveal) == link.body.code_commitment;
        if holds(Check::CodeCommitment, committed) {
            link.body.revealed = Some(*reveal);
            link.state = LinkState::Revealed;
            self.tell(EventKind::LinkWaiting, &About::link(link), now, rng)
        } else {
            self.refuse_link(link, "wrong-code", now, rng)
        }
    }
}
