//! Delete everything, one step after the other.

use super::{Session, Thrown};
use crate::{
    runtime::{BrowserRng, now},
    view::{self, LeavePage},
};
use denizen_holder::ShredAll;
use tsify::Ts;
use wasm_bindgen::prelude::wasm_bindgen;

/// A try that is under way: of the earlier profile whose links are being taken over, and of this one.
pub(super) struct Leaving {
    earlier: Option<ShredAll>,
    own: ShredAll,
}

#[wasm_bindgen]
impl Session {
    /// Begins to delete everything, or goes on with it. Store [`Session::encrypt`], then call
    /// [`Session::leave_next`]. `without_rest` gives up what a hub still has that is away.
    ///
    /// # Errors
    /// A `Problem` of her own hub.
    #[wasm_bindgen(js_name = beginLeave)]
    pub async fn begin_leave(&mut self, without_rest: bool) -> Result<(), Thrown> {
        let (hub, now, mut rng) = (&self.transport, now(), BrowserRng);
        let earlier = match self.earlier.as_mut() {
            Some(old) => Some(old.begin_shred_all(without_rest, hub, now, &mut rng).await),
            None => None,
        };
        let earlier = self.said(earlier.transpose())?;
        let own = &mut self.holder;
        let own = own.begin_shred_all(without_rest, hub, now, &mut rng).await;
        let own = self.said(own)?;
        self.leaving = Some(Leaving { earlier, own });
        Ok(())
    }

    /// Deletes one thing more; gives whether there may be another.
    ///
    /// # Errors
    /// A `Problem`; another try goes on.
    #[wasm_bindgen(js_name = leaveNext)]
    pub async fn leave_next(&mut self) -> Result<bool, Thrown> {
        let (hub, now, mut rng) = (&self.transport, now(), BrowserRng);
        let Some(leaving) = self.leaving.as_mut() else {
            return Ok(false);
        };
        if let (Some(all), Some(old)) = (leaving.earlier.as_mut(), self.earlier.as_mut())
            && !all.is_over()
        {
            let more = old.shred_next(all, hub, now, &mut rng).await;
            let over = all.is_over();
            // Her own address goes last of all: it has the keys to what is left.
            return self.said(more).map(|more| more || over);
        }
        let own = &mut self.holder;
        let more = own.shred_next(&mut leaving.own, hub, now, &mut rng).await;
        self.said(more)
    }

    /// How far the deletion is; none if it was not begun.
    ///
    /// # Errors
    /// A `Problem`.
    pub fn leaving(&self) -> Result<Option<Ts<LeavePage>>, Thrown> {
        self.leave_page().map(|page| self.given(page)).transpose()
    }
}

impl Session {
    pub(super) fn leave_page(&self) -> Option<LeavePage> {
        let over = self.leaving.as_ref().is_some_and(|l| l.own.is_over());
        view::leave_page(&self.holder, self.earlier.as_ref(), over)
    }
}
