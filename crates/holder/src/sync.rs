//! Sync: send what waits, fetch what came, check that the hub withholds nothing that it can be caught
//! withholding (R10), take it in.

mod hubs;
mod page;
mod refetch;
mod statuses;

use crate::{
    Holder,
    alarm::{ABOUT_ADDRESS, Alarm},
    holder::HolderError,
    open::{Expected, Opened, open},
    outbox::flush,
    profile::{Link, LinkState},
    restore::LinkDue,
    state::Part,
};
use denizen_api::{ProblemKind, Transport, client::ClientError, wire::Fetched};
use denizen_guard::{Check, holds};
use denizen_jose::PublicKey;
use denizen_model::{
    CopyRef, HubId, MessageId, Sha256Hash, UnixTime,
    envelope::SUITE_1,
    key::Message as MessageKey,
    message::{
        AccessNotice, ApplicationState, Body, DisputeState, From, HubAddress, Message, To,
        holder_kid, take_place,
    },
    statement::split_kid,
};
use denizen_seal::AddressKeys;
pub(crate) use hubs::Away;
pub use hubs::HubAway;
use page::Place;
use std::collections::BTreeSet;

/// What a person should be told after a sync.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The six digits of a link can be read out.
    LinkCode {
        /// Index of the link.
        link: u32,
        /// The digits.
        code: String,
    },
    /// A link stands.
    LinkConfirmed {
        /// Index of the link.
        link: u32,
    },
    /// An organisation refused a link.
    LinkRefused {
        /// Index of the link.
        link: u32,
        /// Its stable code.
        code: String,
    },
    /// A record came and is good.
    RecordReceived {
        /// Its kept copy's hash.
        kept: Sha256Hash,
    },
    /// A record came and was refused; it is kept with its reason.
    RecordRefused {
        /// Index of the link.
        link: u32,
        /// Stable code of the reason.
        code: String,
    },
    /// A record's status changed, with a signed reason.
    StatusChanged {
        /// Its kept copy's hash.
        kept: Sha256Hash,
    },
    /// An office did something with an application.
    Application {
        /// The application.
        id: MessageId,
        /// What.
        state: ApplicationState,
    },
    /// Somebody opened her papers.
    PapersOpened(AccessNotice),
    /// An issuer answered a dispute.
    Dispute {
        /// The record's kept copy's hash.
        kept: Sha256Hash,
        /// What it says.
        state: DisputeState,
    },
    /// An organisation says what it destroyed and what the law keeps.
    Erased {
        /// Index of the link.
        link: u32,
    },
    /// An organisation ended a link.
    LinkClosed {
        /// Index of the link.
        link: u32,
    },
    /// A note came.
    Note {
        /// Index of the link.
        link: u32,
    },
    /// A message brought a file, which is still to be fetched.
    FileAnnounced {
        /// Index of the link.
        link: u32,
    },
    /// A file came whole.
    FileReceived {
        /// Index of the link.
        link: u32,
    },
    /// Something is wrong, by its stable code.
    Alarm {
        /// The code.
        code: String,
    },
    /// What an alarm was about was mended.
    AlarmOver {
        /// Its code.
        code: String,
    },
}

/// What a sync did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyncReport {
    /// In the order in which it came.
    pub events: Vec<Event>,
}

impl Holder {
    /// Sends what waits, fetches every address once and takes in what came. Answers are queued: the
    /// caller keeps the profile, then calls [`Holder::send`] (or this again). So nothing leaves that a
    /// device would not know after it was killed. `wait_s` is how long the last address may wait for
    /// something new.
    ///
    /// # Errors
    /// [`HolderError`]; what was taken in before stays, and a later sync goes on.
    pub async fn sync<T: Transport>(
        &mut self,
        transport: &T,
        wait_s: u32,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<SyncReport, HolderError> {
        if self.is_ended() {
            return Err(HolderError::DeviceEnded);
        }
        let mut report = SyncReport::default();
        if self.profile.awaits_hub {
            self.catch_up(transport, now, rng).await?;
        }
        let before = self.profile.alarms.clone();
        let mut away = Away::none(self.profile.hub);
        self.begin(transport, now).await?;
        self.refresh_other_hubs(&mut away, transport, now).await?;
        self.check_pins(now);
        self.flush(&mut away, transport, now).await?;
        self.send_freezes(&mut away, transport, now).await?;
        self.fetch_own(transport, now).await?;
        let restored = self.restore_due(&mut away, transport, now, rng).await?;
        report.events.extend(restored);
        if self.is_ended() {
            return Err(HolderError::DeviceEnded);
        }
        self.open_links(&mut away, transport, now, rng).await?;
        self.fetch_links(&mut report, &mut away, (transport, wait_s), (now, rng))
            .await?;
        let files = self.fetch_files(&mut away, transport, now).await?;
        report.events.extend(files);
        self.fetch_statuses(&away, transport, now).await;
        self.remember_away(&away, now);
        self.queue_corrections(now, rng)?;
        self.queue_refills(now, rng)?;
        self.tell_device(now, rng)?;
        self.queue_manifest(now, rng)?;
        self.tell_alarms(&mut report, &before);
        Ok(report)
    }

    /// Alarms that are new since `before`, and those that are over since.
    fn tell_alarms(&mut self, report: &mut SyncReport, before: &[Alarm]) {
        let of = |a: &Alarm| (a.code.clone(), a.link);
        let new = self.profile.alarms.iter().skip(before.len());
        let new: BTreeSet<_> = new.map(of).collect();
        let now = before.iter().zip(&self.profile.alarms);
        let over = now.filter(|(was, is)| was.is_open() && !is.is_open());
        // Of several of one kind and link she was told once: so it is when the last of them is over.
        let open: BTreeSet<_> = self.profile.open_alarms().map(of).collect();
        let over: BTreeSet<_> = over.map(|(was, _)| of(was)).collect();
        let new = new.into_iter().map(|(code, _)| Event::Alarm { code });
        let over = over.into_iter().filter(|kind| !open.contains(kind));
        report.events.extend(new);
        report
            .events
            .extend(over.map(|(code, _)| Event::AlarmOver { code }));
        self.profile.forget_old_alarms();
    }

    /// Fetches every link's address and takes in what came.
    async fn fetch_links<T: Transport>(
        &mut self,
        report: &mut SyncReport,
        away: &mut Away,
        (transport, wait_s): (&T, u32),
        (now, rng): (UnixTime, &mut dyn rand_core::CryptoRng),
    ) -> Result<(), HolderError> {
        // Whoever has other keys than those that were pinned is not listened to.
        let broken = self.check_pins(now);
        // An address whose registration was refused is not there.
        let open = |l: &&Link| match l.state {
            LinkState::Opening | LinkState::Closed => false,
            LinkState::Refused => l.accept.is_some(),
            _ => true,
        };
        // Nor is one fetched that is still to be taken in as it stands.
        let due = self
            .profile
            .links_due
            .iter()
            .filter(|due| due.is_restored());
        let due: Vec<u32> = due.map(LinkDue::index).collect();
        let listened = |l: &&Link| !broken.contains(&l.index) && !due.contains(&l.index);
        let links = self.profile.links.iter().filter(open).filter(listened);
        let mut links: Vec<(u32, HubId)> = links.map(|l| (l.index, l.hub)).collect();
        let again = self.refetch_lost(&broken, away, transport, now).await?;
        report.events.extend(again);
        links.retain(|(_, hub)| !away.has(hub));
        // In another order each time: a hub is not told which address is older than which.
        links.sort_by_cached_key(|_| rng.next_u64());
        for (at, (index, hub)) in links.iter().enumerate() {
            if away.has(hub) {
                continue;
            }
            let last = at + 1 == links.len() && report.events.is_empty();
            let wait_s = if last { wait_s } else { 0 };
            let opened = match self.fetch_link(*index, transport, wait_s, now).await {
                // The hub says that one address is gone: she is told, and the others go on.
                Err(HolderError::Client(ClientError::Problem(
                    ProblemKind::NotFound | ProblemKind::Closed,
                ))) => {
                    let link = Some(*index);
                    let profile = &mut self.profile;
                    profile.alarm_about("withheld", link, ABOUT_ADDRESS, now);
                    continue;
                }
                opened => match away.bear(hub, opened)? {
                    Some(opened) => opened,
                    None => continue,
                },
            };
            for opened in opened {
                report.events.extend(self.take(*index, &opened, now, rng)?);
            }
            let link = self.profile.link(*index);
            let came = link.and_then(|l| l.cursor).map_or(0, |c| c + 1);
            let profile = &mut self.profile;
            profile.mend_short(Some(*index), came, now);
            profile.mend("withheld", Some(*index), ABOUT_ADDRESS, now);
        }
        Ok(())
    }

    /// Sends what waits, and nothing else. The caller has kept the profile since it was queued.
    ///
    /// # Errors
    /// [`HolderError`]; what was not answered still waits.
    pub async fn send<T: Transport>(
        &mut self,
        transport: &T,
        now: UnixTime,
    ) -> Result<(), HolderError> {
        let mut away = Away::none(self.profile.hub);
        let held_back = self.flush(&mut away, transport, now).await?;
        self.add_away(&away, now);
        held_back.map_or(Ok(()), Err)
    }

    /// Sends what waits; gives what holds back a part of it.
    pub(crate) async fn flush<T: Transport>(
        &mut self,
        away: &mut Away,
        transport: &T,
        now: UnixTime,
    ) -> Result<Option<HolderError>, HolderError> {
        let with = (&self.trust, self.apart.as_deref());
        let sent = flush(&mut self.profile, &self.root, with, away, (transport, now)).await;
        match sent {
            Err(HolderError::Client(ClientError::Problem(ProblemKind::Closed))) => {
                Err(self.refused_own(ProblemKind::Closed, transport, now).await)
            }
            sent => sent,
        }
    }

    /// Every link's pinned statement is still in the chain that its directory shows (R2).
    pub(crate) fn check_pins(&mut self, now: UnixTime) -> Vec<u32> {
        let broken: Vec<u32> = self
            .profile
            .links
            .iter()
            .filter(|l| {
                let directory = self.trust.directory(&l.hub);
                let org = directory.and_then(|d| d.directory.organisation(&l.org));
                let there = org.is_some_and(|o| o.chain.contains(&l.statement));
                !holds(Check::PinnedStatement, there)
            })
            .map(|l| l.index)
            .collect();
        for index in &broken {
            self.profile.alarm("changed-key", Some(*index), now);
        }
        broken
    }

    /// Fetches address 0 and takes in what other installations wrote.
    pub(crate) async fn fetch_own<T: Transport>(
        &mut self,
        transport: &T,
        now: UnixTime,
    ) -> Result<Vec<Part>, HolderError> {
        let keys = self.own_keys();
        let at = Place {
            hub: self.profile.hub,
            url: self.profile.hub_url.clone(),
            index: 0,
            address: keys.address(),
            auth: keys.auth.clone(),
        };
        let (mut parts, mut gone, mut missing) = (Vec::new(), Vec::new(), 0);
        loop {
            let cursor = self.profile.own_cursor;
            let answer = self.fetch_page(&at, cursor, 0, transport, now).await?;
            if answer.items.is_empty() {
                break;
            }
            for item in answer.items {
                let pos = item.pos();
                if matches!(item, Fetched::Tombstone { .. }) {
                    gone.push(pos);
                } else if let Some((message, hash)) = self.open_own(item, &at, &keys, now)? {
                    let (part, gap) = self.take_own(&message, (pos, hash), now);
                    parts.extend(part);
                    missing += gap;
                }
                self.profile.own_cursor = Some(pos);
            }
        }
        let came = self.profile.own_cursor.map_or(0, |c| c + 1);
        self.profile.mend_short(None, came, now);
        // What is gone must be what she had erased: else the hub withholds it.
        let erased = gone.iter().all(|pos| self.profile.own_erased.contains(pos));
        if !erased && !self.own_is_there(transport, now).await? {
            return Err(HolderError::ProfileDeleted);
        }
        let whole = holds(Check::OwnChainGap, missing <= gone.len() as u64);
        if !erased || !whole {
            self.profile.alarm("withheld", None, now);
        }
        Ok(parts)
    }

    fn open_own(
        &mut self,
        item: Fetched,
        at: &Place,
        keys: &AddressKeys,
        now: UnixTime,
    ) -> Result<Option<(Message, Sha256Hash)>, HolderError> {
        let sign = keys.sign.public_for().key().clone();
        let own_kid = holder_kid(&at.address);
        let key = |kid: &str, _: &Message, _| (kid == own_kid).then(|| sign.clone());
        let from = From::Holder(HubAddress {
            hub: at.hub,
            address: at.address,
        });
        let opened = self.open_item(item, at, keys, (&from, &key), now)?;
        Ok(opened.map(|o| (o.message().clone(), o.hash())))
    }

    /// Takes in a message to herself; gives its part, and how many of its chain are missing before it.
    fn take_own(
        &mut self,
        message: &Message,
        (pos, hash): (u64, Sha256Hash),
        now: UnixTime,
    ) -> (Option<Part>, u64) {
        let part = match &message.body {
            Body::SelfState(value) => serde_json::from_value::<Part>(value.clone()).ok(),
            _ => None,
        };
        match &part {
            Some(Part::Ward(ward)) => {
                let places = &mut self.profile.ward_places;
                places.entry(ward.id.to_text()).or_default().push(pos);
            }
            Some(part) => {
                if let Some(link) = part.about() {
                    let copies = self.places_of_copies(part);
                    let places = self.profile.own_places.entry(link).or_default();
                    places.push(pos);
                    places.extend(copies);
                }
            }
            None => {}
        }
        match self.profile.own_taken.get(&message.id.to_text()) {
            Some(known) if *known == hash => return (None, 0),
            Some(_) => {
                self.profile.alarm("replayed", None, now);
                return (None, 0);
            }
            None => {}
        }
        let chain = &message.chain;
        let known = self.profile.own_heads.get(&chain.id.to_text());
        let next = known.map_or(0, |(seq, _)| seq + 1);
        let missing = chain.seq.saturating_sub(next);
        let follows = take_place(&mut self.profile.own_heads, chain, hash);
        // A gap is judged once all is there: what she had erased leaves one.
        if !follows && missing == 0 {
            self.profile.alarm("withheld", None, now);
        }
        self.profile.own_taken.insert(message.id.to_text(), hash);
        if let Some(part) = &part {
            self.take_part(part.clone());
        }
        (part, missing)
    }

    /// Fetches one link's address to its end. What does not open is reported and skipped.
    pub(crate) async fn fetch_link<T: Transport>(
        &mut self,
        index: u32,
        transport: &T,
        wait_s: u32,
        now: UnixTime,
    ) -> Result<Vec<Opened>, HolderError> {
        let link = self
            .profile
            .link(index)
            .ok_or(HolderError::NotLinked)?
            .clone();
        let keys = self.link_keys(&link);
        let at = Place {
            hub: link.hub,
            url: link.hub_url.clone(),
            index,
            address: link.address,
            auth: keys.auth.clone(),
        };
        let (mut cursor, mut opened, mut wait_s) = (link.cursor, Vec::new(), wait_s);
        let mut newest = self.profile.delivered.get(&index).copied();
        let directory = self.trust.directory(&link.hub).cloned();
        let key = |kid: &str, _: &Message, delivered| -> Option<PublicKey> {
            let (id, kid) = split_kid(kid)?;
            let directory = &directory.as_ref()?.directory;
            let key = directory.key::<MessageKey>(&link.org, Some(kid), delivered)?;
            (denizen_model::OrgId::from(id) == link.org).then(|| key.key().clone())
        };
        loop {
            let answer = self.fetch_page(&at, cursor, wait_s, transport, now).await?;
            if answer.items.is_empty() {
                self.check_ahead(&link, &opened).await;
                return Ok(opened);
            }
            wait_s = 0;
            for item in answer.items {
                cursor = Some(item.pos());
                let from = From::Org(link.org);
                let Some(mut one) = self.open_item(item, &at, &keys, (&from, &key), now)? else {
                    continue;
                };
                let dated = one.verified().opening.time;
                if !holds(Check::DeliveryTime, newest.is_none_or(|at| dated >= at)) {
                    self.profile.alarm("receipt-refused", Some(index), now);
                    return Err(HolderError::ReceiptRefused);
                }
                newest = Some(dated);
                self.fill_apart(index, one.message_mut(), transport, now)
                    .await?;
                opened.push(one);
            }
        }
    }

    fn open_item(
        &mut self,
        item: Fetched,
        at: &Place,
        keys: &AddressKeys,
        (from, key): (&From, KeyOf<'_>),
        now: UnixTime,
    ) -> Result<Option<Opened>, HolderError> {
        let link = (at.index > 0).then_some(at.index);
        if let Fetched::Object { pos, id, receipt } = &item {
            self.take_marker(at.index, (id, *pos), receipt, now)?;
            return Ok(None);
        }
        let Fetched::Envelope {
            pos,
            envelope,
            receipt,
        } = item
        else {
            // Nothing of hers erases single envelopes yet: a tombstone that she finds is the hub's.
            if !holds(Check::TombstoneAsked, false) {
                self.profile.alarm("withheld", link, now);
            }
            return Ok(None);
        };
        let to = To {
            hub: at.hub,
            address: at.address,
            suite: SUITE_1,
        };
        let expected = Expected {
            to: &to,
            kem: &keys.kem,
            from,
            key,
        };
        let directory = self
            .trust
            .directory(&at.hub)
            .ok_or(HolderError::NotLinked)?;
        self.envelopes_opened += 1;
        match open(&envelope, &receipt, pos, &directory.trust, expected) {
            Ok(opened) => Ok(Some(opened)),
            Err(error) => {
                self.profile.alarm(error.code(), link, now);
                if error.is_of_the_hub() {
                    // The cursor stays: with an honest hub nothing is lost.
                    return Err(HolderError::ReceiptRefused);
                }
                Ok(None)
            }
        }
    }

    /// Marks copies as spent, here and in address 0, before anything shows them (R18).
    pub(crate) fn spend(
        &mut self,
        refs: Vec<CopyRef>,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        if refs.is_empty() {
            return Ok(());
        }
        self.profile.spent.extend(refs.iter().map(CopyRef::to_text));
        self.queue_state(&Part::Spent { refs }, now, rng)
    }
}

/// Finds a sender's key by the `kid` of a message and the time of its delivery.
type KeyOf<'a> = &'a dyn Fn(&str, &Message, UnixTime) -> Option<PublicKey>;
