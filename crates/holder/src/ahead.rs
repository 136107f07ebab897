//! Checking ahead: what computes faster elsewhere, and not at once, checks the signatures of many
//! records before they are taken in.
//!
//! What it finds good is remembered like a signature that was found good here (`checked.rs`). Nothing
//! else follows from its answer: whatever it does not find good is checked here, by the one verifier
//! that decides.

use crate::{Holder, Link, open::Opened, records::issuer_key};
use denizen_credential::UnverifiedCredential;
use denizen_jose::{Alg, PublicKey};
use denizen_model::message::{Body, Message, RecordIssue, SD_JWT_MEDIA_TYPE};
use std::{pin::Pin, sync::Arc};

/// Whether signatures are good, in the order in which they were asked for.
pub type Checking = Pin<Box<dyn Future<Output = Vec<bool>>>>;

/// An ES256 signature that is to be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The key, a point of P-256.
    pub key: PublicKey,
    /// What was signed.
    pub message: Vec<u8>,
    /// `r || s`, or what claims to be that.
    pub signature: Vec<u8>,
}

/// Checks many signatures, somewhere else. It is as trusted as the verifier here: what it calls good is.
pub trait CheckAhead: Send + Sync {
    /// `true` for each that is good; `false` also where it cannot say.
    fn check(&self, asked: Vec<Signed>) -> Checking;
}

impl Holder {
    /// From now on signatures of records that come are checked ahead.
    pub fn check_ahead_with(&mut self, ahead: Arc<dyn CheckAhead>) {
        self.ahead = Some(ahead);
    }

    /// Checks the signatures of all records that came over a link and are not known to be good.
    pub(crate) async fn check_ahead(&self, link: &Link, opened: &[Opened]) {
        let Some(ahead) = &self.ahead else { return };
        let all = opened.iter().flat_map(|opened| self.signed(link, opened));
        let all = all.map(|signed| (self.checked.unknown(&signed), signed));
        let (names, asked): (Vec<_>, Vec<_>) = all
            .filter_map(|(name, signed)| Some((name?, signed)))
            .unzip();
        if asked.is_empty() {
            return;
        }
        let good = ahead.check(asked).await;
        let good = names.into_iter().zip(good).filter(|(_, good)| *good);
        self.checked.danger_remember(good.map(|(name, _)| name));
    }

    /// The signatures of a message's records under the keys that count for them.
    fn signed(&self, link: &Link, opened: &Opened) -> Vec<Signed> {
        let directory = self.trust.directory(&link.hub);
        let issues: &[RecordIssue] = match &opened.message().body {
            Body::RecordIssue(issue) => std::slice::from_ref(issue),
            Body::RecordsIssue(issued) => &issued.records,
            Body::ApplicationEvent(event) => &event.records,
            _ => &[],
        };
        let texts = issues.iter().flat_map(|i| texts(opened.message(), i));
        let signed = |text: &str| {
            let unverified = UnverifiedCredential::parse(text).ok()?;
            let (iss, kid) = unverified.danger_issuer().ok()?;
            let at = opened.verified().opening.time;
            let key = issuer_key(&directory?.directory, &link.org, (&iss, &kid), at).ok()?;
            let (message, signature) = unverified.danger_signed();
            (key.key().alg() == Alg::Es256).then(|| Signed {
                key: key.key().clone(),
                message: message.to_vec(),
                signature: signature.to_vec(),
            })
        };
        texts.filter_map(signed).collect()
    }
}

/// The credentials of a record: the kept copy and the one-time copies.
fn texts<'a>(message: &'a Message, issue: &'a RecordIssue) -> impl Iterator<Item = &'a str> {
    let named = |id: &str| issue.copies.iter().any(|c| c.attachment == id);
    let all = message.attachments.iter();
    let all = all.filter(move |a| a.media_type == SD_JWT_MEDIA_TYPE && named(&a.id));
    all.map(|a| a.data.as_str())
}
