//! Sync: what waits goes out, what came is acted on, the answers go out.

use crate::{
    About, Alarm, EventKind, Gateway, GatewayError, VERIFIER,
    inbox::{Expected, Opened, open},
    issuer::deposit::flush,
    link::{Link, LinkState},
    vault::context,
};
use denizen_api::{
    HubClient, ProblemKind, Transport,
    client::ClientError,
    receipt::verify_head,
    wire::{FetchAnswer, Fetched},
};
use denizen_credential::{Taken, status_uri};
use denizen_guard::{Check, holds};
use denizen_model::{
    AddressId, OrgId, Sha256Hash, UnixTime,
    envelope::SUITE_1,
    jose::PublicKey,
    link::KeyStatement,
    message::{Body, From, HubAddress, LinkUpdate, Message, To, holder_kid, take_place},
};
use std::collections::BTreeMap;

/// A directory older than this is fetched again before anything of it is needed, in seconds.
const DIRECTORY_TTL_S: i64 = 60;
/// Status lists are pulled whole on this timer, never for one credential (R21).
const STATUS_EVERY_S: i64 = 600;
/// Changes of own statuses appear on this timer, so that they tell no moment, in seconds.
const PUBLISH_EVERY_S: i64 = 3600;
/// Most lists of one organisation.
const LISTS_MAX: u32 = 64;

/// What one [`Gateway::sync`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SyncReport {
    /// Messages that came and were acted on.
    pub received: u64,
    /// Messages that came before and were dropped.
    pub repeated: u64,
    /// Envelopes or messages that were refused; each is an alarm.
    pub alarms: u64,
    /// Envelopes that the hub stored, each with a good receipt.
    pub sent: u64,
    /// Envelopes that the hub refused for good; each is an alarm.
    pub refused: u64,
}

impl Gateway {
    /// Sends what waits, polls the inbox once (waiting up to `wait_s` seconds for something to
    /// come), acts on what came, and sends the answers. Interrupted anywhere it can be called again:
    /// nothing is lost and nothing done twice.
    ///
    /// # Errors
    /// [`GatewayError::Client`] if the hub cannot be reached; [`GatewayError::Head`],
    /// [`GatewayError::Withheld`], [`GatewayError::ReceiptRefused`] if it lies.
    pub async fn sync<T: Transport>(
        &mut self,
        transport: &T,
        wait_s: u32,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<SyncReport, GatewayError> {
        let mut report = SyncReport::default();
        self.load_trust(now)?;
        self.refresh_if_due(transport, now, rng).await?;
        let client = HubClient::new(transport, self.config.hub, &self.config.hub_url);
        flush(self, &client, &mut report, now, rng).await?;
        // Both before the request: another process may move them on meanwhile.
        let cursor: Option<u64> = self.setting("cursor")?;
        let seen: u64 = self.setting("log_size")?.unwrap_or(0);
        let answer = client.fetch(&self.keys.inbox, cursor, wait_s, now).await?;
        let root = self.setting("log_root")?;
        let head = self.check_head(&answer, (cursor, (seen, root)))?;
        if !answer.items.is_empty() {
            self.refresh_directory(transport, now, rng).await?;
            self.pull_missing_statuses(transport, now, rng).await?;
            self.fetch_objects(&client, &answer.items, now).await?;
            self.take_in((answer.items, head), cursor, &mut report, (now, rng))?;
            flush(self, &client, &mut report, now, rng).await?;
        }
        self.erase(&client, now).await?;
        Ok(report)
    }

    /// Erases at the hub what is no longer needed; what cannot be erased now is tried again.
    async fn erase<T: Transport>(
        &self,
        client: &HubClient<&T>,
        now: UnixTime,
    ) -> Result<(), GatewayError> {
        for pos in self.store.erasures()? {
            match client.erase(&self.keys.inbox, pos, now).await {
                Ok(()) | Err(ClientError::Problem(ProblemKind::Gone | ProblemKind::NotFound)) => {
                    self.store.remove_erasure(pos)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn refresh_if_due<T: Transport>(
        &mut self,
        transport: &T,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let due = |at: Option<UnixTime>, every_s| at.is_none_or(|at| now >= at.plus_s(every_s));
        if self.trust.is_none() || due(self.setting("directory_at")?, DIRECTORY_TTL_S) {
            self.refresh_directory(transport, now, rng).await?;
            self.check_generation(transport, now).await?;
            self.set_setting("directory_at", &now, rng)?;
        }
        if due(self.setting("status_published")?, PUBLISH_EVERY_S) {
            self.publish_status(transport, now, rng).await?;
        }
        if due(self.setting("statuses_at")?, STATUS_EVERY_S) {
            self.refresh_statuses(transport, now, rng).await?;
            self.set_setting("statuses_at", &now, rng)?;
        }
        Ok(())
    }

    /// Pulls every admitted organisation's status lists, whole.
    ///
    /// # Errors
    /// [`GatewayError::Client`].
    pub async fn refresh_statuses<T: Transport>(
        &mut self,
        transport: &T,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let orgs = self.issuers()?;
        self.pull_statuses(orgs, transport, now, rng).await
    }

    /// Pulls the lists of organisations of which none is known yet, whoever's message came.
    async fn pull_missing_statuses<T: Transport>(
        &mut self,
        transport: &T,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let trust = self.trust()?;
        let mut orgs = self.issuers()?;
        orgs.retain(|org| !trust.knows_status(&status_uri(&org.to_text(), "1")));
        if orgs.is_empty() {
            return Ok(());
        }
        self.pull_statuses(orgs, transport, now, rng).await
    }

    /// The organisations that may issue something.
    fn issuers(&self) -> Result<Vec<OrgId>, GatewayError> {
        let issues = |o: &&denizen_model::directory::Organisation| {
            o.admission.as_ref().is_some_and(|a| !a.kinds.is_empty())
        };
        let orgs = self.trust()?.directory().organisations();
        Ok(orgs.filter(issues).map(|o| o.id).collect())
    }

    async fn pull_statuses<T: Transport>(
        &mut self,
        orgs: Vec<OrgId>,
        transport: &T,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let mut tokens: BTreeMap<String, String> = self.setting("statuses")?.unwrap_or_default();
        let mut beside: BTreeMap<String, String> =
            self.setting("statuses_beside")?.unwrap_or_default();
        for org in orgs {
            for list in 1..=LISTS_MAX {
                let list = list.to_string();
                let Some(token) = self.client(transport).status(&org, &list).await? else {
                    break;
                };
                let uri = status_uri(&org.to_text(), &list);
                let trust = self.trust.as_mut().ok_or(GatewayError::NoDirectory)?;
                match trust.add_status(&uri, &token, now) {
                    Some(Taken::Newest) => {
                        beside.remove(&uri);
                        tokens.insert(uri, token);
                    }
                    Some(Taken::Beside) => {
                        beside.insert(uri, token);
                    }
                    None => {
                        let alarm = Alarm::StatusListRefused.code();
                        self.store.add_alarm(now, &alarm)?;
                    }
                }
            }
        }
        self.tx(|g| {
            g.set_setting("statuses_beside", &beside, rng)?;
            g.set_setting("statuses", &tokens, rng)
        })
    }

    /// The newest position and the size of the deposit log, as the hub has signed them: neither
    /// goes back, and what the head covers is shown (R10).
    fn check_head(
        &self,
        answer: &FetchAnswer,
        (cursor, seen): (Option<u64>, (u64, Option<Sha256Hash>)),
    ) -> Result<SignedHead, GatewayError> {
        let inbox = self.keys.inbox_address();
        let trust = self.trust()?.hub();
        let (head, checkpoint) =
            verify_head(&answer.head, &answer.checkpoint, &inbox, trust, VERIFIER)?;
        let root = Sha256Hash::new(checkpoint.root);
        let (size, known) = seen;
        let split = checkpoint.size == size && known.is_some_and(|known| known != root);
        let grew = holds(Check::LogSize, checkpoint.size >= size);
        if !grew || !holds(Check::LogRoot, !split) || head.pos_max < cursor {
            return Err(GatewayError::RolledBack);
        }
        let shown = !answer.items.is_empty() || head.pos_max <= cursor;
        if !holds(Check::HeadShown, shown) {
            return Err(GatewayError::Withheld);
        }
        Ok(SignedHead {
            pos_max: head.pos_max,
            size: checkpoint.size,
            root,
        })
    }

    fn take_in(
        &mut self,
        (items, head): (Vec<Fetched>, SignedHead),
        cursor: Option<u64>,
        report: &mut SyncReport,
        (now, rng): (UnixTime, &mut dyn rand_core::CryptoRng),
    ) -> Result<(), GatewayError> {
        let mut next = cursor.map_or(0, |c| c + 1);
        for item in items {
            let pos = item.pos();
            // Places are gap-free, and what is shown is what the head and its checkpoint cover.
            let counted = head.pos_max.is_some_and(|max| pos <= max);
            if !holds(Check::PlacesInOrder, pos == next && counted) {
                return Err(GatewayError::Withheld);
            }
            next = pos + 1;
            let counted = match self.take_one(&item, pos, head, now, rng) {
                // Its sender was not known when objects were fetched: the next sync goes on here.
                Err(GatewayError::ObjectWaits) => return Ok(()),
                counted => counted?,
            };
            match counted {
                Counted::Marker => {}
                Counted::Received => report.received += 1,
                Counted::Repeated => report.repeated += 1,
                Counted::Alarm => report.alarms += 1,
            }
        }
        Ok(())
    }

    /// Acts on one place of the inbox, and moves the cursor, in one transaction. What the message
    /// alone makes impossible is an alarm, so that no message can stop those behind it.
    fn take_one(
        &mut self,
        item: &Fetched,
        pos: u64,
        head: SignedHead,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Counted, GatewayError> {
        let moved = |g: &Self, rng: &mut dyn rand_core::CryptoRng| {
            g.set_setting("cursor", &pos, rng)?;
            g.set_setting("log_size", &head.size, rng)?;
            g.set_setting("log_root", &head.root, rng)
        };
        let taken: Result<_, GatewayError> = self.tx(|g| {
            let counted = match item {
                Fetched::Envelope {
                    envelope, receipt, ..
                } => {
                    let opened = g.open_at(envelope, receipt, pos);
                    g.act_on(opened, head.size, now, rng)?
                }
                Fetched::Object { id, receipt, .. } => {
                    g.take_marker(id, receipt, pos, head.size)?;
                    Counted::Marker
                }
                Fetched::Tombstone { .. } => Counted::Repeated,
            };
            moved(g, rng)?;
            Ok(counted)
        });
        match taken {
            Err(error) if error.is_of_the_message() => self.tx(|g| {
                moved(g, rng)?;
                g.alarm(Alarm::MessageNotHandled, now)
            }),
            other => other,
        }
    }

    pub(crate) fn open_at(
        &self,
        envelope: &[u8],
        receipt: &denizen_model::deposit::Receipt,
        pos: u64,
    ) -> Result<Result<Opened, crate::OpenError>, GatewayError> {
        let to = To {
            hub: self.config.hub,
            address: self.keys.inbox_address(),
            suite: SUITE_1,
        };
        let expected = Expected {
            to: &to,
            kem: &self.keys.kem,
            key: &|message, kid| self.sender_key(message, kid),
        };
        Ok(open(envelope, receipt, pos, self.trust()?.hub(), expected))
    }

    /// The key of a holder's message: out of the key statement in her acceptance, later out of the
    /// link.
    fn sender_key(&self, message: &Message, kid: &str) -> Option<PublicKey> {
        let From::Holder(from) = &message.from else {
            return None;
        };
        if kid != holder_kid(&from.address) {
            return None;
        }
        if let Body::LinkAccept(accept) = &message.body {
            let keys = KeyStatement::verify(&accept.keys.0, VERIFIER).ok()?;
            let same = keys.address == from.address && keys.hub == from.hub;
            return same.then(|| keys.sign.key().clone());
        }
        let link = self.link(&from.address).ok()??;
        (link.body.hub == from.hub).then(|| link.body.sign.key().clone())
    }

    fn act_on(
        &self,
        opened: Result<Result<Opened, crate::OpenError>, GatewayError>,
        size: u64,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Counted, GatewayError> {
        let mut opened = match opened? {
            Ok(opened) => opened,
            // The cursor stays: with an honest hub nothing is lost.
            Err(error) if error.is_of_the_hub() => return Err(GatewayError::ReceiptRefused),
            Err(error) => return self.alarm(error.into(), now),
        };
        if opened.verified().index >= size {
            return Err(GatewayError::ReceiptRefused);
        }
        let message = opened.message();
        let From::Holder(HubAddress { address, .. }) = message.from else {
            return self.alarm(Alarm::SenderUnknown, now);
        };
        match self
            .store
            .take_message(&address, &message.id, &opened.hash())?
        {
            Some(known) if known == opened.hash() => return Ok(Counted::Repeated),
            Some(_) => return self.alarm(Alarm::ReplayedWithOtherContent, now),
            None => {}
        }
        self.fill_apart(opened.message_mut(), now)?;
        let counted = self.dispatch(&opened, &address, now, rng)?;
        self.let_objects_go(opened.message())?;
        Ok(counted)
    }

    fn alarm(&self, alarm: Alarm, now: UnixTime) -> Result<Counted, GatewayError> {
        self.raise(alarm, now)?;
        Ok(Counted::Alarm)
    }

    fn dispatch(
        &self,
        opened: &Opened,
        address: &AddressId,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Counted, GatewayError> {
        let message = opened.message();
        if let Body::LinkAccept(accept) = &message.body {
            let Ok(keys) = KeyStatement::verify(&accept.keys.0, VERIFIER) else {
                return self.alarm(Alarm::AcceptRefused, now);
            };
            let delivered = opened.verified().opening.time;
            let named = (message.id, opened.hash());
            self.take_accept((accept, keys), named, delivered, now, rng)?;
            self.note_head(opened, address, now, rng)?;
            return Ok(Counted::Received);
        }
        let Some(mut link) = self.link(address)? else {
            return self.alarm(Alarm::SenderUnknown, now);
        };
        self.advance_head(&mut link, opened, now)?;
        self.compare_seen(address, message, rng)?;
        let counted = self.act_in_link(&mut link, opened, now, rng)?;
        self.save_link(&link, rng)?;
        Ok(counted)
    }

    /// Moves the head of the holder's chain on; a gap or another predecessor is an alarm, since a
    /// message may be withheld.
    fn advance_head(
        &self,
        link: &mut Link,
        opened: &Opened,
        now: UnixTime,
    ) -> Result<(), GatewayError> {
        let chain = &opened.message().chain;
        if take_place(&mut link.body.heads, chain, opened.hash()) {
            return Ok(());
        }
        self.raise(Alarm::MessageMissing, now)
    }

    /// The first head of a new link's chain.
    fn note_head(
        &self,
        opened: &Opened,
        address: &AddressId,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let Some(mut link) = self.link(address)? else {
            return Ok(());
        };
        self.advance_head(&mut link, opened, now)?;
        self.save_link(&link, rng)
    }

    fn act_in_link(
        &self,
        link: &mut Link,
        opened: &Opened,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Counted, GatewayError> {
        let message = opened.message();
        if let Body::LinkUpdate(LinkUpdate {
            reveal: Some(reveal),
            ..
        }) = &message.body
        {
            self.take_reveal(link, reveal, now, rng)?;
            return Ok(Counted::Received);
        }
        if link.state != LinkState::Confirmed {
            return self.alarm(Alarm::LinkNotConfirmed, now);
        }
        let at = (message, opened.verified().opening.pos);
        match &message.body {
            Body::LinkUpdate(update) => {
                if let Some(kinds) = &update.allowed_kinds {
                    link.body.allowed_kinds.clone_from(kinds);
                    self.issue_waiting(link, now, rng)?;
                }
            }
            Body::LinkClose(_) => {
                link.state = LinkState::Closed;
                self.tell(EventKind::LinkClosed, &About::link(link), now, rng)?;
            }
            Body::LinkMove(moved) => self.take_move(link, message.id, moved, now, rng)?,
            Body::CopiesRefill(refill) => self.refill(link, refill, now, rng)?,
            Body::ApplicationSubmit(submit) => self.file(link, opened, submit, now, rng)?,
            Body::ApplicationAmend(submit) => self.amend(link, opened, submit, now, rng)?,
            Body::ApplicationWithdraw(_) => self.withdraw(link, opened, now, rng)?,
            Body::EvidenceUpdate(update) => {
                self.update_evidence(link, opened, update, now, rng)?;
            }
            Body::ErasureRequest(request) => self.take_erasure(link, at, request, now, rng)?,
            Body::MandateGive(given) => self.take_mandate(link, opened, given, now, rng)?,
            Body::MandateEnd(end) => self.end_mandate(link, opened, end)?,
            Body::Note(note) => self.take_note(link, at, note, now, rng)?,
            Body::DisputeOpen(open) => self.take_dispute(link, at, open, now, rng)?,
            Body::RecordNotMine(record) => self.take_not_mine(link, at, record, now, rng)?,
            _ => {
                let body =
                    self.vault
                        .seal(&context("unread", link.address.as_bytes()), message, rng);
                self.store.keep_unread(&link.address, &body)?;
            }
        }
        Ok(Counted::Received)
    }
}

/// What the hub has signed of the inbox.
#[derive(Debug, Clone, Copy)]
struct SignedHead {
    pos_max: Option<u64>,
    size: u64,
    root: Sha256Hash,
}

enum Counted {
    /// An object's: what refers to it comes behind it.
    Marker,
    Received,
    Repeated,
    Alarm,
}
