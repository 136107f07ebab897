//! What she does. Each is queued: store the profile, then [`Session::send`].

use super::{Session, Thrown};
use crate::{
    runtime::{BrowserRng, now},
    view::{self, ConfirmedApplication, DraftName, InvitationPage, LeavingPage, Problem},
};
use denizen_holder::{Confirmed, Preview};
use denizen_model::Sha256Hash;
use tsify::Ts;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
impl Session {
    /// Reads an invitation and checks it against its hub's directory. The one that was read before is
    /// forgotten, also if this one is refused.
    ///
    /// # Errors
    /// A `Problem`; `invitation-changed-key` is the red page.
    #[wasm_bindgen(js_name = readInvitation)]
    pub async fn read_invitation(&mut self, text: String) -> Result<Ts<InvitationPage>, Thrown> {
        self.leave_invitation();
        let read = self
            .holder
            .preview_invitation(&text, &self.transport, now())
            .await;
        let preview = self.said(read)?;
        let page = view::invitation_page(&self.holder, &preview);
        self.invitation = Some(preview);
        self.given(page)
    }

    /// Forgets the invitation that was read last: its owner went away from it.
    #[wasm_bindgen(js_name = leaveInvitation)]
    pub fn leave_invitation(&mut self) {
        self.invitation = None;
    }

    /// Accepts the invitation that was read last; it is forgotten, whether it goes or not. Gives the link's
    /// number.
    ///
    /// # Errors
    /// A `Problem`.
    #[wasm_bindgen(js_name = acceptInvitation)]
    pub fn accept_invitation(&mut self) -> Result<u32, Thrown> {
        let preview = self.invitation.take();
        let preview = preview.ok_or_else(|| self.problem("invitation-malformed"))?;
        let accepted = self.holder.accept_invitation(preview, &mut BrowserRng);
        self.said(accepted)
    }

    /// What an application would send.
    ///
    /// # Errors
    /// A `Problem`; `bad-answers` names each answer in its details.
    pub fn preview(
        &self,
        application: Ts<ConfirmedApplication>,
    ) -> Result<Ts<LeavingPage>, Thrown> {
        let (hash, preview, _) = self.previewed(application)?;
        self.given(view::leaving_page(&self.holder, &hash, &preview))
    }

    /// Files it, or another version of it. Gives its name.
    ///
    /// # Errors
    /// A `Problem`; nothing is queued.
    pub fn apply(&mut self, application: Ts<ConfirmedApplication>) -> Result<String, Thrown> {
        let (_, preview, asked) = self.previewed(application)?;
        let confirmed = Confirmed {
            special: asked.special,
            linkable: asked.linkable,
        };
        let named = |draft: &DraftName| -> Result<_, Thrown> {
            let mandate = self.message_named(&draft.mandate)?;
            Ok((mandate, self.message_named(&draft.id)?))
        };
        let draft = asked.draft.as_ref().map(named).transpose()?;
        if let Some((mandate, draft)) = &draft {
            let counts = self.holder.draft_counts((mandate, draft));
            self.said(counts)?;
        }
        let (now, mut rng) = (now(), BrowserRng);
        let done = match asked.amends {
            Some(id) => {
                let id = self.message_named(&id)?;
                self.holder.amend(&id, &preview, &confirmed, now, &mut rng)
            }
            None => self.holder.apply(&preview, &confirmed, now, &mut rng),
        };
        let id = self.said(done)?;
        if let Some((mandate, draft)) = &draft {
            // The application is filed, even where the helper is gone.
            let _ = self.holder.draft_filed((mandate, draft), now, &mut rng);
        }
        Ok(id.to_text())
    }

    /// Takes an application back.
    ///
    /// # Errors
    /// A `Problem`.
    pub fn withdraw(&mut self, id: &str, text: &str) -> Result<(), Thrown> {
        let id = self.message_named(id)?;
        let done = self.holder.withdraw(&id, text, now(), &mut BrowserRng);
        self.said(done)
    }

    /// Says that a record is wrong; files that were attached go with it. `claims`: JSON text, a list of
    /// paths.
    ///
    /// # Errors
    /// A `Problem`.
    pub fn dispute(&mut self, kept: &str, claims: &str, text: &str) -> Result<(), Thrown> {
        let kept = self.record_named(kept)?;
        let claims = serde_json::from_str(claims).map_err(|_| self.problem("bad-answers"))?;
        let at = (now(), &mut BrowserRng as &mut dyn rand_core::CryptoRng);
        let done = self.holder.dispute(&kept, claims, text, &[], at);
        self.said(done).map(drop)
    }

    /// Replies to a record that is a claim of a private body; an empty text takes the reply back.
    ///
    /// # Errors
    /// A `Problem`.
    #[wasm_bindgen(js_name = replyToRecord)]
    pub fn reply_to_record(&mut self, kept: &str, text: &str) -> Result<(), Thrown> {
        let kept = self.record_named(kept)?;
        let done = self
            .holder
            .reply_to_record(&kept, text, now(), &mut BrowserRng);
        self.said(done)
    }

    /// Says something to a paper of an application.
    ///
    /// # Errors
    /// A `Problem`.
    #[wasm_bindgen(js_name = replyToPaper)]
    pub fn reply_to_paper(&mut self, id: &str, query: &str, text: &str) -> Result<(), Thrown> {
        let id = self.message_named(id)?;
        let done = self.holder.reply(&id, query, text, now(), &mut BrowserRng);
        self.said(done).map(drop)
    }

    /// Returns a record as not about her, and freezes its address.
    ///
    /// # Errors
    /// A `Problem`.
    #[wasm_bindgen(js_name = notMine)]
    pub fn not_mine(&mut self, kept: &str, text: &str) -> Result<(), Thrown> {
        let kept = self.record_named(kept)?;
        let done = self.holder.not_mine(&kept, text, now(), &mut BrowserRng);
        self.said(done).map(drop)
    }

    /// Freezes or opens a link.
    ///
    /// # Errors
    /// A `Problem`.
    pub fn freeze(&mut self, link: u32, frozen: bool) -> Result<(), Thrown> {
        let done = self.holder.freeze(link, frozen);
        self.said(done)
    }

    /// Ends a link.
    ///
    /// # Errors
    /// A `Problem`.
    #[wasm_bindgen(js_name = closeLink)]
    pub fn close_link(&mut self, link: u32, reason: &str) -> Result<(), Thrown> {
        let done = self.holder.close_link(link, reason, now(), &mut BrowserRng);
        self.said(done).map(drop)
    }

    /// Destroys an ended link's address and everything that came by it.
    ///
    /// # Errors
    /// A `Problem`.
    pub async fn shred(&mut self, link: u32) -> Result<(), Thrown> {
        let done = self
            .holder
            .shred(link, &self.transport, now(), &mut BrowserRng)
            .await;
        self.said(done).map(drop)
    }

    /// Writes a note to an organisation.
    ///
    /// # Errors
    /// A `Problem`.
    pub fn note(&mut self, link: u32, text: &str) -> Result<(), Thrown> {
        let done = self.holder.note(link, None, text, now(), &mut BrowserRng);
        self.said(done).map(drop)
    }

    /// Asks an organisation to destroy what it keeps.
    ///
    /// # Errors
    /// A `Problem`.
    #[wasm_bindgen(js_name = requestErasure)]
    pub fn request_erasure(&mut self, link: u32) -> Result<(), Thrown> {
        let done = self
            .holder
            .request_erasure(link, None, now(), &mut BrowserRng);
        self.said(done).map(drop)
    }
}

impl Session {
    fn previewed(
        &self,
        application: Ts<ConfirmedApplication>,
    ) -> Result<(Sha256Hash, Preview, ConfirmedApplication), Thrown> {
        let asked = application.to_rust().map_err(|_| Problem::bare("other"))?;
        let unknown = || self.problem("unknown-service-version");
        let hash = Sha256Hash::parse(&asked.hash).map_err(|_| unknown())?;
        let answers = serde_json::from_str(&asked.answers);
        let answers = answers.map_err(|_| self.problem("bad-answers"))?;
        let preview = self.holder.preview_application(&hash, answers, now());
        let mut preview = self.said(preview)?;
        for query in &asked.include {
            preview.include(query);
        }
        Ok((hash, preview, asked))
    }
}
