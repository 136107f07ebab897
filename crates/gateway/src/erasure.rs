//! Erasure: what no law keeps is destroyed at once, and she is told what stays, why and until when.

use crate::{About, EventKind, Gateway, GatewayError, link::Link};
use denizen_credential::Status;
use denizen_model::{
    MessageId, Sha256Hash, UnixTime,
    message::{Body, ErasureDone, ErasureRequest, KeptByLaw, Message},
};
use denizen_rules::last_day;
use denizen_store::gateway::RecordRow;
use serde_json::Value;

/// Years for which a record without an end is in a register.
const REGISTER_DAYS: i64 = 10 * 365;

impl Gateway {
    /// `erasure/request`: about a thread, or about all of a link.
    pub(crate) fn take_erasure(
        &self,
        link: &mut Link,
        (message, pos): (&Message, u64),
        request: &ErasureRequest,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let about = request.about.as_ref();
        let mut done = ErasureDone {
            destroyed: Vec::new(),
            kept: Vec::new(),
        };
        self.erase_cases(link, about, &mut done)?;
        self.erase_disputes(link, about, &mut done)?;
        if self.destroy_notes(&link.address, about)? > 0 {
            let what = self.words(link, "erased-notes", "notes", &[]);
            done.destroyed.push(what);
        }
        if link.forget_helpers(about) {
            let what = self.words(link, "erased-helpers", "whom you told of helping you", &[]);
            done.destroyed.push(what);
        }
        if about.is_none() {
            if self.store.remove_unread(&link.address)? > 0 {
                let what = self.words(link, "erased-letters", "unread messages", &[]);
                done.destroyed.push(what);
            }
            for (kept, row) in self.store.records_of(&link.address)? {
                self.erase_record(link, (&kept, &row), now, &mut done)?;
            }
        }
        self.store.add_erasure(pos)?;
        self.tell(EventKind::ErasureAnswered, &About::link(link), now, rng)?;
        self.post(link, Some(message.id), Body::ErasureDone(done), now, rng)
    }

    fn erase_cases(
        &self,
        link: &Link,
        about: Option<&MessageId>,
        done: &mut ErasureDone,
    ) -> Result<(), GatewayError> {
        for row in self.store.cases_of(&link.address)? {
            if row.sealed.is_none() || about.is_some_and(|about| *about != row.thread) {
                continue;
            }
            // Undecided: the procedure needs it, and so does its retention after that.
            let (legal_basis, days) = self.case_law(&row.case_reference)?;
            let until = row
                .retain_until
                .unwrap_or_else(|| row.due.plus_s(days * UnixTime::DAY_S));
            let slots = [("case", row.case_reference.as_str())];
            done.kept.push(KeptByLaw {
                what: self.words(link, "kept-application", "an application", &slots),
                legal_basis,
                until: until.date(),
            });
        }
        Ok(())
    }

    fn erase_disputes(
        &self,
        link: &Link,
        about: Option<&MessageId>,
        done: &mut ErasureDone,
    ) -> Result<(), GatewayError> {
        for row in self.store.disputes_of(&link.address)? {
            if row.body.is_none() || about.is_some_and(|about| *about != row.thread) {
                continue;
            }
            done.kept.push(KeptByLaw {
                what: self.words(link, "kept-dispute", "a dispute", &[]),
                legal_basis: self.words(link, "law-answering", "the duty to answer", &[]),
                until: row.retain_until.unwrap_or(row.due).date(),
            });
        }
        Ok(())
    }

    /// A record in force is the register's; our copy of any other goes.
    fn erase_record(
        &self,
        link: &Link,
        (kept, row): (&Sha256Hash, &RecordRow),
        now: UnixTime,
        done: &mut ErasureDone,
    ) -> Result<(), GatewayError> {
        let draft = self.record_body(kept, row)?.draft;
        let kind = self.catalogue.kind(draft.vct());
        let expires = kind
            .and_then(|k| k.traits.expires_claim.as_ref())
            .and_then(|claim| draft.claims().get(claim))
            .and_then(Value::as_str)
            .and_then(last_day);
        let over = expires.is_some_and(|day| day < now.date());
        let label = self.label(link, draft.vct());
        let slots = [("kind", label.as_str())];
        if over || self.store.status_of(kept)?.0 == Status::Invalid as u8 {
            self.store.remove_record(kept)?;
            let what = self.words(link, "erased-record", "a record", &slots);
            done.destroyed.push(what);
            return Ok(());
        }
        let law = || self.words(link, "law-register", "the law of the register", &[]);
        let always = now.plus_s(REGISTER_DAYS * UnixTime::DAY_S);
        done.kept.push(KeptByLaw {
            what: self.words(link, "kept-record", "a record", &slots),
            legal_basis: draft.legal_basis().map_or_else(law, str::to_owned),
            until: expires.unwrap_or_else(|| always.date()),
        });
        Ok(())
    }

    /// A kind's name in her language.
    fn label(&self, link: &Link, vct: &str) -> String {
        let kind = self.catalogue.kind(vct);
        let locale = self.catalogue.locale(&link.body.language);
        let label = kind.zip(locale).map(|(kind, locale)| {
            let key = format!("kind-{}", kind.name);
            locale.text(&key, &[])
        });
        label.unwrap_or_else(|| vct.to_owned())
    }
}
