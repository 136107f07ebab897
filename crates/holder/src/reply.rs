//! Reply: what she says to a paper without a new one, and the right of reply to claims of private
//! bodies, which travels with the record.

use crate::{
    Holder, RecordView,
    holder::HolderError,
    link::Draft,
    profile::{Application, HeldRecord, LinkState, SentReply},
    state::Part,
};
use denizen_model::{
    MessageId, OrgId, Sha256Hash, UnixTime,
    message::{Body, EvidenceUpdate, Reply},
    statement::Quality,
};
use std::{collections::BTreeMap, sync::Arc};

/// Longest reply, in characters: it goes with every showing.
const REPLY_CHARACTERS_MAX: usize = 2000;

impl Holder {
    /// Says something to a paper that she showed in an application, without a new paper. It stands
    /// beside the paper at the desk.
    ///
    /// # Errors
    /// [`HolderError::NotOpen`] for an application that is not there or was withdrawn, or a query
    /// that was not answered; [`HolderError::TooLarge`]; nothing is queued.
    pub fn reply(
        &mut self,
        application: &MessageId,
        query: &str,
        text: &str,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<MessageId, HolderError> {
        check_length(text)?;
        let mut applications = self.profile.applications.iter();
        let found = applications.find(|a| a.id == *application && !a.withdrawn);
        let found = found.ok_or(HolderError::NotOpen)?;
        // The newest version of the application counts.
        let shown = found.shown.iter().rev().find(|s| s.query == query);
        let shown = shown.ok_or(HolderError::NotOpen)?;
        let (link, sd_hash) = (found.link, shown.sd_hash.clone());
        self.queue_reply((link, *application, sd_hash), text, now, rng)
    }

    /// Replies to a record that is a claim of a private body. The reply is kept with the record, goes
    /// along whenever the record is shown, and reaches the offices that were shown it before. Another
    /// reply takes the place of the earlier one; an empty one takes it back.
    ///
    /// # Errors
    /// [`HolderError::NotOpen`] for a record that is not hers; [`HolderError::NotAClaim`] for one of
    /// an authority, which is disputed instead; [`HolderError::TooLarge`].
    pub fn reply_to_record(
        &mut self,
        kept: &Sha256Hash,
        text: &str,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        check_length(text)?;
        let view = self.record(kept, now).ok_or(HolderError::NotOpen)?;
        if view.quality != Some(Quality::Claim) {
            return Err(HolderError::NotAClaim);
        }
        let reply = Reply {
            text: text.trim().to_owned(),
            at: now,
        };
        let part = Part::Reply {
            kept: *kept,
            reply: reply.clone(),
        };
        self.queue_state(&part, now, rng)?;
        self.keep_reply(*kept, reply);
        let mut names = self.before_a_move(kept);
        names.push(*kept);
        let shown: Vec<_> = self
            .profile
            .applications
            .iter()
            .filter(|a| !a.withdrawn)
            .flat_map(|a| a.shown.iter().map(move |s| (a.link, a.id, s)))
            .filter(|(_, _, shown)| names.contains(&shown.kept))
            .map(|(link, id, shown)| (link, id, shown.sd_hash.clone()))
            .collect();
        for place in shown {
            let link = self.profile.link(self.current(place.0));
            if link.is_some_and(|l| l.state == LinkState::Confirmed) {
                self.queue_reply(place, text, now, rng)?;
            }
        }
        Ok(())
    }

    fn queue_reply(
        &mut self,
        (link, thread, old_sd_hash): (u32, MessageId, String),
        text: &str,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<MessageId, HolderError> {
        let body = Body::EvidenceUpdate(EvidenceUpdate {
            old_sd_hash,
            attachment: None,
            reply: Some(text.trim().to_owned()),
        });
        self.queue_kept(link, Draft::new(body, Some(thread)), now, rng)
    }

    /// The newer reply counts, whichever device wrote it.
    pub(crate) fn keep_reply(&mut self, kept: Sha256Hash, reply: Reply) {
        let replies = &mut self.profile.replies;
        let known = replies.get(&kept.to_text());
        if known.is_none_or(|known| known.at <= reply.at) {
            replies.insert(kept.to_text(), reply);
        }
    }

    /// What she says to a record, if she said something and did not take it back.
    #[must_use]
    pub fn reply_of(&self, kept: &Sha256Hash) -> Option<&Reply> {
        let direct = self.profile.replies.get(&kept.to_text());
        let reply = direct.or_else(|| self.reply_before_a_move(kept));
        reply.filter(|r| !r.text.is_empty())
    }

    /// What she said to the same record before its link was moved.
    fn reply_before_a_move(&self, kept: &Sha256Hash) -> Option<&Reply> {
        if self.profile.replies.is_empty() {
            return None;
        }
        let before = self.before_a_move(kept).into_iter();
        let mut said = before.filter_map(|kept| self.profile.replies.get(&kept.to_text()));
        said.next()
    }

    /// The names that a record had before its link was moved, the newest first: it came again under
    /// another hash, with the same claims.
    fn before_a_move(&self, kept: &Sha256Hash) -> Vec<Sha256Hash> {
        let records = &self.profile.records;
        let Some(record) = records.iter().find(|r| r.kept_hash == *kept) else {
            return Vec::new();
        };
        let moved = |link: u32| {
            let link = self.profile.link(link);
            link.is_some_and(|l| l.state == LinkState::Moved)
        };
        let older = |r: &&Arc<HeldRecord>| {
            let alike = r.vct == record.vct && r.issuer == record.issuer;
            alike && r.link < record.link && moved(r.link)
        };
        let claims = |r: &HeldRecord| {
            let credential = self.credential(r, &r.kept).ok()?;
            Some(credential.claims().clone())
        };
        let mut older = records.iter().rev().filter(older).peekable();
        if older.peek().is_none() {
            return Vec::new();
        }
        let same = claims(record);
        let older = older.filter(|r| same.is_some() && claims(r) == same);
        older.map(|r| r.kept_hash).collect()
    }

    /// What she says to records, by their kept copy.
    pub(crate) fn replies_by_record(&self) -> BTreeMap<Sha256Hash, String> {
        let replies = self.profile.records.iter().filter_map(|r| {
            let reply = self.reply_of(&r.kept_hash)?;
            Some((r.kept_hash, reply.text.clone()))
        });
        replies.collect()
    }

    /// The authority that issued the same fact: then it is no mere claim any more. Same kind, and
    /// every claim but the subject says the same; that both are hers the key binding shows, and no
    /// name is compared.
    #[must_use]
    pub fn confirmed_by(&self, view: &RecordView, now: UnixTime) -> Option<OrgId> {
        if view.quality != Some(Quality::Claim) {
            return None;
        }
        let others =
            self.profile.records.iter().filter(|r| {
                r.vct == view.vct && r.issuer != view.issuer && r.kept_hash != view.kept
            });
        let agrees = |other: &RecordView| {
            let mut claims = view.claims.iter().filter(|(name, _)| *name != "subject");
            claims.all(|(name, value)| other.claims.get(name) == Some(value))
        };
        let views = others.filter_map(|r| self.view(r, now));
        let confirming = views.filter(|other| {
            let in_force = !other.superseded
                && !other.returned
                && other.status.status == denizen_credential::Status::Valid;
            in_force && other.quality == Some(Quality::Authority)
        });
        let mut confirming = confirming.filter(agrees);
        confirming.next().map(|other| other.issuer)
    }
}

impl Application {
    /// Keeps what she said to a paper, once.
    pub(crate) fn remember_reply(
        &mut self,
        id: MessageId,
        update: &EvidenceUpdate,
        sent: UnixTime,
    ) {
        let Some(text) = update.reply.clone() else {
            return;
        };
        if self.replies.iter().all(|r| r.id != id) {
            self.replies.push(SentReply {
                id,
                sd_hash: update.old_sd_hash.clone(),
                reply: Reply { text, at: sent },
            });
        }
    }
}

fn check_length(text: &str) -> Result<(), HolderError> {
    if text.chars().count() > REPLY_CHARACTERS_MAX {
        return Err(HolderError::TooLarge);
    }
    Ok(())
}
