//! Status lists on their way. Anybody may ask for one and read it slowly, so they have an allowance of their
//! own, and all who are sent the same one share its bytes.

use crate::{
    Shared,
    load::{Held, SMALL_ANSWER_SIZE_BYTES_MAX},
    metrics::Reason,
};
use axum::body::Bytes;
use denizen_api::ProblemKind;
use denizen_model::OrgId;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

/// A list, and the room that it takes until the last one who reads it has it.
struct List {
    token: Vec<u8>,
    #[expect(dead_code, reason = "is dropped with the bytes")]
    held: Option<Held>,
}

/// One who is sent a list.
struct Reader(Arc<List>);

impl AsRef<[u8]> for Reader {
    fn as_ref(&self) -> &[u8] {
        &self.0.token
    }
}

type Name = (OrgId, String);

/// Lists that are on their way.
#[derive(Default)]
pub(crate) struct Lists(Mutex<HashMap<Name, Weak<List>>>);

impl Lists {
    /// The bytes of a list as it is now: those that are on their way, if they are the same, or those for
    /// which `room` has room. Small ones need none.
    fn share(
        &self,
        name: Name,
        token: Vec<u8>,
        room: impl FnOnce(usize) -> Option<Held>,
    ) -> Option<Bytes> {
        if token.len() <= SMALL_ANSWER_SIZE_BYTES_MAX {
            return Some(Bytes::from(token));
        }
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lists.get(&name).and_then(Weak::upgrade);
        if let Some(known) = known.filter(|known| known.token == token) {
            return Some(Bytes::from_owner(Reader(known)));
        }
        let held = Some(room(token.len())?);
        let list = Arc::new(List { token, held });
        lists.retain(|_, list| list.strong_count() > 0);
        lists.insert(name, Arc::downgrade(&list));
        Some(Bytes::from_owner(Reader(list)))
    }
}

/// Reads a status list token.
///
/// # Errors
/// [`ProblemKind::NotFound`]; [`ProblemKind::Busy`] if too many other lists are on their way;
/// [`ProblemKind::Internal`].
pub(crate) async fn read(
    shared: &Arc<Shared>,
    org: OrgId,
    list: String,
) -> Result<Bytes, ProblemKind> {
    let reading = Arc::clone(shared);
    let read = move |db: &dyn denizen_store::hub::HubStore| {
        let Some(token) = db.status(&org, &list)? else {
            return Ok(Err(ProblemKind::NotFound));
        };
        let room = |bytes| reading.load.list(bytes);
        let shared = reading.lists.share((org, list), token.into_bytes(), room);
        Ok(shared.ok_or(ProblemKind::Busy))
    };
    let bytes = shared.read(read).await?;
    if bytes == Err(ProblemKind::Busy) {
        shared.metrics.refused(Reason::Answers);
    }
    bytes
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::load::{Load, LoadLimits};

    const LIST_SIZE_BYTES: usize = 100 << 10;

    fn load() -> Load {
        Load::new(LoadLimits {
            list_bytes_max: LIST_SIZE_BYTES,
            ..LoadLimits::default()
        })
    }

    fn name(list: &str) -> Name {
        (OrgId::new([1; 32]), list.to_owned())
    }

    #[test]
    fn all_who_read_the_same_list_take_the_room_of_one() {
        let (load, lists) = (load(), Lists::default());
        let read = |list: &str, byte: u8| {
            let token = vec![byte; LIST_SIZE_BYTES];
            lists.share(name(list), token, |bytes| load.list(bytes))
        };
        let slow: Vec<Bytes> = (0..100).map(|_| read("a", 1).unwrap()).collect();
        assert_eq!(load.bytes().1, LIST_SIZE_BYTES);
        assert!(read("b", 1).is_none(), "another one has no room meanwhile");
        assert!(read("a", 2).is_none(), "and a new version is another one");
        assert!(slow.iter().all(|bytes| bytes.len() == LIST_SIZE_BYTES));
        drop(slow);
        assert_eq!(load.bytes().1, 0);
        assert_eq!(read("a", 2).unwrap().first(), Some(&2));
    }

    #[test]
    fn slow_readers_of_lists_leave_the_room_of_other_answers_and_small_lists_need_none() {
        let (load, lists) = (load(), Lists::default());
        let read = |list: &str, size: usize| {
            lists.share(name(list), vec![1; size], |bytes| load.list(bytes))
        };
        let _slow = read("a", LIST_SIZE_BYTES).unwrap();
        assert!(load.answer(5 << 20).is_some());
        assert!(read("b", SMALL_ANSWER_SIZE_BYTES_MAX).is_some());
        assert!(read("c", SMALL_ANSWER_SIZE_BYTES_MAX + 1).is_none());
    }
}
