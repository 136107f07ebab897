//! Fetch: what lies in an address, with receipts and a signed head; waits for the first if asked.

use crate::{
    Shared,
    deposit::opening_of,
    load::{Held, SMALL_ANSWER_SIZE_BYTES_MAX, sent},
    log::Published,
    metrics::Reason,
    object,
    polls::NoPlace,
    receipt::receipt,
};
use axum::body::Bytes;
use denizen_api::{
    ProblemKind,
    wire::{FETCH_MAX, FetchAnswer, Fetched},
};
use denizen_model::{
    AddressId,
    deposit::{Head, LeafType, sign_head, tombstones_hash},
    statement::full_kid,
};
use denizen_store::{
    StoreError,
    hub::{HubStore, LogId, Page, StoredTiles},
};
use std::{sync::Arc, time::Duration};

/// Bytes of envelopes in one answer, at most (but one envelope always goes).
const ANSWER_SIZE_BYTES_MAX: usize = 4 << 20;

/// Bytes that head, receipts and frame of an answer may take beside its envelopes.
const RECEIPTS_SIZE_BYTES_MAX: usize = 1 << 20;

/// An answer as it is sent.
pub(crate) struct Answered {
    pub(crate) bytes: Bytes,
    /// Whether it waited for something new.
    pub(crate) waited: bool,
}

/// Places above `after`; waits up to `wait_s` seconds while there is none. Only what is new in this address
/// wakes it.
///
/// # Errors
/// [`ProblemKind::NotFound`] for an address that is not there; [`ProblemKind::RateLimited`] if too many wait
/// at it and [`ProblemKind::Busy`] if too many wait at all, unless there is something already;
/// [`ProblemKind::Internal`].
pub(crate) async fn fetch(
    shared: &Arc<Shared>,
    address: AddressId,
    after: Option<u64>,
    wait_s: u32,
) -> Result<Answered, ProblemKind> {
    let poll = (wait_s > 0).then(|| shared.polls.begin(address));
    let deadline = tokio::time::sleep(Duration::from_secs(u64::from(wait_s)));
    tokio::pin!(deadline);
    let (mut waited, mut over) = (false, false);
    let mut passed = after;
    loop {
        // Before it is read: what is published after the reading wakes it.
        let woken = match &poll {
            Some(Ok(poll)) => Some(poll.notify().notified()),
            _ => None,
        };
        let mut woken = std::pin::pin!(woken);
        if let Some(woken) = woken.as_mut().as_pin_mut() {
            woken.enable();
        }
        let Looked {
            answer,
            room,
            unpassed,
        } = look(shared, address, after, passed.take()).await?;
        if let Some(pos) = unpassed {
            object::pass(shared, address, pos).await;
        }
        if !answer.items.is_empty() || poll.is_none() || over {
            let bytes = sent(answer.encode(), room);
            return Ok(Answered { bytes, waited });
        }
        let Some(woken) = woken.as_mut().as_pin_mut() else {
            return Err(refused(shared, &poll));
        };
        drop((answer, room));
        waited = true;
        tokio::select! {
            () = woken => over = shared.polls.has_ended(),
            () = &mut deadline => over = true,
        }
    }
}

fn refused<T>(shared: &Shared, poll: &Option<Result<T, NoPlace>>) -> ProblemKind {
    shared.metrics.refused(Reason::Polls);
    match poll {
        Some(Err(NoPlace::Address)) => ProblemKind::RateLimited,
        _ => ProblemKind::Busy,
    }
}

/// What was found in an address.
struct Looked {
    answer: FetchAnswer,
    room: Option<Held>,
    /// What she passed by, if objects there do not know it yet.
    unpassed: Option<u64>,
}

/// What lies there now, as much of it as there is room for; one reading, whatever is asked.
async fn look(
    shared: &Arc<Shared>,
    address: AddressId,
    after: Option<u64>,
    passed: Option<u64>,
) -> Result<Looked, ProblemKind> {
    let published = Arc::clone(&shared.deposits.borrow());
    let reading = Arc::clone(shared);
    let read = move |db: &dyn HubStore| {
        let room = reading.answer_room(ANSWER_SIZE_BYTES_MAX + RECEIPTS_SIZE_BYTES_MAX);
        let limit = match room {
            Some(_) => ANSWER_SIZE_BYTES_MAX,
            None => SMALL_ANSWER_SIZE_BYTES_MAX,
        };
        let asked = (address, after, limit);
        let (answer, unpassed) = db.snapshot(|db| {
            let answer = read(&reading, db, asked, &published)?;
            let unpassed = match passed.filter(|_| answer.is_some()) {
                Some(pos) => db.has_unpassed(&address, pos)?,
                None => false,
            };
            Ok::<_, StoreError>((answer, unpassed))
        })?;
        Ok((answer, room, passed.filter(|_| unpassed)))
    };
    let (answer, room, unpassed) = shared.read(read).await?;
    let answer = answer.ok_or(ProblemKind::NotFound)?;
    Ok(Looked {
        answer,
        room,
        unpassed,
    })
}

/// All of one moment: head, tombstones and places agree, whatever the writer does meanwhile.
fn read(
    shared: &Shared,
    db: &dyn HubStore,
    (address, after, limit): (AddressId, Option<u64>, usize),
    published: &Published,
) -> Result<Option<FetchAnswer>, StoreError> {
    let address = &address;
    if db.address(address)?.is_none() {
        return Ok(None);
    }
    let tiles = StoredTiles::kept(db, LogId::Deposits, &shared.tiles);
    let mut items = Vec::new();
    let mut bytes = 0;
    let page = Page {
        rows: FETCH_MAX,
        size_bytes: limit,
    };
    for place in db.places(address, after, published.size, page)? {
        let Some((opening, nonce_a)) = opening_of(&place, address) else {
            items.push(Fetched::Tombstone {
                pos: place.pos,
                index: place.index,
            });
            continue;
        };
        let receipt = receipt(&opening, nonce_a, place.index, published, &tiles)?;
        if place.leaf_type == LeafType::Object {
            items.push(Fetched::Object {
                pos: place.pos,
                id: opening.envelope_hash,
                receipt,
            });
            continue;
        }
        let envelope = place.body.map(|(body, ..)| body).unwrap_or_default();
        bytes += envelope.len();
        if bytes > limit && !items.is_empty() {
            break;
        }
        items.push(Fetched::Envelope {
            pos: place.pos,
            envelope,
            receipt,
        });
    }
    let tombstones = db.tombstones(address)?;
    let head = Head {
        address: *address,
        pos_max: db.pos_max(address, published.size)?,
        tombstones_hash: tombstones_hash(tombstones.iter().map(|t| (t.pos, t.index))),
        checkpoint_hash: published.hash,
        time: shared.clock.now(),
    };
    let kid = full_kid(&shared.config.hub.into(), "head-1");
    let head = sign_head(&head, &shared.keys.head, &kid).into_bytes();
    Ok(Some(FetchAnswer {
        head,
        checkpoint: published.checkpoint.clone(),
        items,
    }))
}
