//! Wrapped roots by random locators, and organisations' status lists.

use crate::{
    Shared,
    log::{Asking, Tx},
    queue::{Class, Lane, Weight},
};
use denizen_api::{
    ProblemKind,
    wire::{ROOT_SIZE_BYTES_MAX, STATUS_SIZE_BYTES_MAX, WrappedRoot, status_latest},
};
use denizen_guard::{Check, holds};
use denizen_jose::{PublicKey, UnverifiedCompact};
use denizen_model::{Nonce, OrgId};
use serde::Deserialize;

/// Leaves a wrapped root. The same one again is fine; another is never put in its place (R3).
///
/// # Errors
/// [`ProblemKind::Conflict`], [`ProblemKind::TooLarge`], [`ProblemKind::RateLimited`],
/// [`ProblemKind::Busy`].
pub(crate) async fn put_root(
    shared: &Shared,
    locator: Nonce,
    root: WrappedRoot,
) -> Result<(), ProblemKind> {
    if root.wrapped.0.len() > ROOT_SIZE_BYTES_MAX {
        return Err(ProblemKind::TooLarge);
    }
    let owner = root.owner.key().as_bytes().to_vec();
    let a_minute = shared.config.roots_a_minute;
    let work = move |tx: &mut Tx<'_>| {
        let old = tx.db.root(&locator)?;
        let put = match old {
            Some(old) if old.owner == owner && old.body == root.wrapped.0 => true,
            Some(_) if holds(Check::RootCreateOnly, false) => {
                tx.db.delete_root(&locator)?;
                tx.db.insert_root(&locator, &owner, &root.wrapped.0)?
            }
            Some(_) => false,
            // One counter for everybody, as for address 0.
            None if !tx.db.use_pass(b"root", tx.now.0.div_euclid(60), a_minute)? => {
                return Ok(Err(ProblemKind::RateLimited));
            }
            None => tx.db.insert_root(&locator, &owner, &root.wrapped.0)?,
        };
        Ok(put.then_some(()).ok_or(ProblemKind::Conflict))
    };
    let put = shared.write(work, |put, _| put).await;
    put.map_err(ProblemKind::from)?
}

/// Reads a wrapped root: owner's key and bytes.
///
/// # Errors
/// [`ProblemKind::NotFound`], [`ProblemKind::Busy`], [`ProblemKind::Internal`].
pub(crate) async fn root(shared: &Shared, locator: Nonce) -> Result<WrappedRoot, ProblemKind> {
    let row = shared.read(move |db| db.root(&locator)).await?;
    let row = row.ok_or(ProblemKind::NotFound)?;
    let owner = PublicKey::from_ed25519(&row.owner)
        .and_then(denizen_model::PublicKeyFor::new)
        .map_err(|_| ProblemKind::Internal)?;
    Ok(WrappedRoot {
        wrapped: denizen_model::id::Bytes(row.body),
        owner,
    })
}

/// Deletes a wrapped root.
///
/// # Errors
/// [`ProblemKind::Busy`].
pub(crate) async fn delete_root(shared: &Shared, locator: Nonce) -> Result<(), ProblemKind> {
    let work = move |tx: &mut Tx<'_>| {
        tx.set_erased();
        tx.db.delete_root(&locator)
    };
    shared
        .erase(locator.as_bytes().to_vec(), work, |(), _| ())
        .await
        .map_err(ProblemKind::from)
}

/// Publishes a status list token of an organisation. The hub does not verify it, whoever uses it does; it
/// reads when it was signed, so that a request that arrives late does not bring back an older list.
///
/// # Errors
/// [`ProblemKind::TooLarge`], [`ProblemKind::Busy`]; [`ProblemKind::Malformed`], also if it is signed too far
/// ahead; [`ProblemKind::Conflict`] if a newer list is there, or another of the same second.
pub(crate) async fn put_status(
    shared: &Shared,
    org: OrgId,
    list: String,
    token: Vec<u8>,
) -> Result<(), ProblemKind> {
    if token.len() > STATUS_SIZE_BYTES_MAX || list.len() > 32 {
        return Err(ProblemKind::TooLarge);
    }
    let token = String::from_utf8(token).map_err(|_| ProblemKind::Malformed)?;
    let iat = issued_at(&token).ok_or(ProblemKind::Malformed)?;
    let asking = Asking {
        lane: Lane::new(Class::Organisation, org.as_bytes().to_vec()),
        weight: Weight {
            items: 1,
            bytes: token.len(),
        },
        wanted: Vec::new(),
    };
    let work = move |tx: &mut Tx<'_>| {
        // One that is far ahead would keep every later list out.
        let latest = status_latest(tx.now);
        if iat > latest {
            return Ok(Err(ProblemKind::Malformed));
        }
        let there = tx.db.status(&org, &list)?;
        let since = there.as_deref().and_then(issued_at);
        let since = since.filter(|since| *since <= latest);
        let is_other = there.is_some_and(|there| there != token);
        if is_other && since.is_some_and(|since| since >= iat) {
            return Ok(Err(ProblemKind::Conflict));
        }
        tx.db.put_status(&org, &list, &token)?;
        Ok(Ok(()))
    };
    let put = shared.write_for(asking, work, |put, _| put).await;
    put.map_err(ProblemKind::from)?
}

/// When a token says that it was signed.
fn issued_at(token: &str) -> Option<i64> {
    let compact = UnverifiedCompact::parse(token).ok()?;
    let payload: IssuedAt = serde_json::from_slice(compact.danger_payload()).ok()?;
    Some(payload.iat)
}

#[derive(Deserialize)]
struct IssuedAt {
    iat: i64,
}
