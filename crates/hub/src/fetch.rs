//! Fetch: what lies in an address, with receipts and a signed head; waits for the first if asked.

use crate::{Shared, deposit::opening_of, log::Published, object, receipt::receipt};
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
    hub::{HubStore, LogId, StoredTiles},
};
use std::{sync::Arc, time::Duration};

/// Bytes of envelopes in one answer, at most (but one envelope always goes).
const ANSWER_SIZE_BYTES_MAX: usize = 4 << 20;

/// Places above `after`; waits up to `wait_s` seconds while there is none.
///
/// # Errors
/// [`ProblemKind::NotFound`] for an address that is not there, [`ProblemKind::Internal`].
pub(crate) async fn fetch(
    shared: &Arc<Shared>,
    address: AddressId,
    after: Option<u64>,
    wait_s: u32,
) -> Result<FetchAnswer, ProblemKind> {
    if let Some(after) = after {
        object::pass(shared, address, after).await;
    }
    let mut published = shared.deposits.clone();
    let deadline = tokio::time::sleep(Duration::from_secs(u64::from(wait_s)));
    tokio::pin!(deadline);
    let mut waiting = wait_s > 0;
    loop {
        let state = Arc::clone(&published.borrow_and_update());
        let reading = Arc::clone(shared);
        let read =
            move |db: &dyn HubStore| db.snapshot(|db| read(&reading, db, &address, after, &state));
        let answer = shared.read(read).await;
        let answer = answer
            .map_err(|_| ProblemKind::Internal)?
            .ok_or(ProblemKind::NotFound)?;
        if !answer.items.is_empty() || !waiting {
            return Ok(answer);
        }
        tokio::select! {
            changed = published.changed() => waiting = changed.is_ok(),
            () = &mut deadline => waiting = false,
        }
    }
}

/// All of one moment: head, tombstones and places agree, whatever the writer does meanwhile.
fn read(
    shared: &Shared,
    db: &dyn HubStore,
    address: &AddressId,
    after: Option<u64>,
    published: &Published,
) -> Result<Option<FetchAnswer>, StoreError> {
    if db.address(address)?.is_none() {
        return Ok(None);
    }
    let tiles = StoredTiles::new(db, LogId::Deposits);
    let mut items = Vec::new();
    let mut bytes = 0;
    for place in db.places(address, after, published.size, FETCH_MAX)? {
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
        if bytes > ANSWER_SIZE_BYTES_MAX && !items.is_empty() {
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
