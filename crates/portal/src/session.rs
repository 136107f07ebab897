//! One unlocked profile in a worker.

mod act;
mod begin;
mod files;
mod helping;
mod keep;
mod leave;
mod people;
mod read;
mod renew;
mod ways;

pub use begin::{At, Files};
pub use files::{Attached, AttachedFiles};
pub use helping::GivenFile;
pub use keep::Packed;
pub use read::{Overview, Services};

use crate::{
    ahead::Browser,
    net::{FetchTransport, Send},
    runtime::{BrowserRng, now},
    view::Problem,
};
use denizen_holder::{Holder, HolderError, InvitationPreview};
use denizen_model::{MessageId, Sha256Hash};
use std::sync::Arc;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

/// What a method throws: a `Problem`.
pub(crate) type Thrown = JsValue;

/// An unlocked profile. Methods that send are not to be called while another one runs: the worker has
/// one queue.
#[wasm_bindgen]
pub struct Session {
    holder: Holder,
    transport: FetchTransport,
    /// The invitation that is on the page, until it is accepted or left.
    invitation: Option<InvitationPreview>,
    /// The profile with another root whose links this one takes over.
    earlier: Option<Holder>,
    /// Everything is being deleted.
    leaving: Option<leave::Leaving>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Session(..)")
    }
}

impl Session {
    fn of(mut holder: Holder, send: &Send) -> Self {
        holder.check_ahead_with(Arc::new(Browser));
        Self {
            holder,
            transport: FetchTransport::new(send),
            invitation: None,
            earlier: None,
            leaving: None,
        }
    }

    /// Throws an error in her words.
    fn said<T>(&self, result: Result<T, HolderError>) -> Result<T, Thrown> {
        result.map_err(|e| Problem::of_error(&self.holder, &e).into())
    }

    fn problem(&self, code: &str) -> Thrown {
        Problem::of(&self.holder, code).into()
    }

    fn record_named(&self, kept: &str) -> Result<Sha256Hash, Thrown> {
        Sha256Hash::parse(kept).map_err(|_| self.problem("not-open"))
    }

    fn message_named(&self, id: &str) -> Result<MessageId, Thrown> {
        MessageId::parse(id).map_err(|_| self.problem("not-open"))
    }
}

#[wasm_bindgen]
impl Session {
    /// The profile's bytes, encrypted under a key of the root: what the worker stores.
    pub fn encrypt(&self) -> Vec<u8> {
        self.holder.encrypt(&mut BrowserRng)
    }

    /// The root secret, for keeping it in a browser where she asked for that.
    #[wasm_bindgen(js_name = dangerRoot)]
    pub fn danger_root(&self) -> Vec<u8> {
        self.holder.danger_root().danger_bytes().to_vec()
    }

    /// Her language.
    #[wasm_bindgen(getter)]
    pub fn language(&self) -> String {
        self.holder.profile().language.clone()
    }

    /// Sends what waits, fetches every address once and takes in what came. Store
    /// [`Session::encrypt`] before and after, then call [`Session::send`]. Gives how many things are
    /// new. While links of an earlier profile are taken over, that comes first, and the rest with the
    /// next call.
    ///
    /// # Errors
    /// A `Problem`; what was taken in before stays.
    pub async fn sync(&mut self) -> Result<usize, Thrown> {
        let moved = self.carry_on().await?;
        if moved > 0 {
            return Ok(moved);
        }
        let done = self
            .holder
            .sync(&self.transport, 0, now(), &mut BrowserRng)
            .await;
        self.said(done).map(|report| report.events.len())
    }

    /// Sends what waits. The profile was stored since it was queued.
    ///
    /// # Errors
    /// A `Problem`; what was not answered still waits.
    pub async fn send(&mut self) -> Result<(), Thrown> {
        let done = self.holder.send(&self.transport, now()).await;
        self.said(done)?;
        self.send_earlier().await
    }

    /// How many things wait to be sent: messages, and addresses whose hub does not know yet that they
    /// are frozen or open.
    pub fn waiting(&self) -> usize {
        let profile = self.holder.profile();
        let freezes = profile.links.iter().filter(|l| l.freeze_due);
        profile.outbox.len() + freezes.count()
    }
}
