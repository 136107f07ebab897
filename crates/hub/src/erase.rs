//! Erase: one envelope or object, or a whole address (shred). Leaves stay in the log and say nothing any more.

use crate::{Shared, log::Tx};
use denizen_api::ProblemKind;
use denizen_model::{AddressId, Sha256Hash};

/// Erases one envelope; its place stays as a tombstone.
///
/// # Errors
/// [`ProblemKind::NotFound`], [`ProblemKind::Busy`].
pub(crate) async fn envelope(
    shared: &Shared,
    address: AddressId,
    pos: u64,
) -> Result<(), ProblemKind> {
    let there = shared.read(move |db| db.place(&address, pos)).await;
    if there == Err(ProblemKind::NotFound) {
        return Err(ProblemKind::NotFound);
    }
    let work = move |tx: &mut Tx<'_>| {
        let Some(row) = tx.db.address(&address)? else {
            return Ok(false);
        };
        if tx.db.place(&address, pos)?.is_none() {
            return Ok(false);
        }
        let freed = tx.db.erase_place(&address, pos)?;
        tx.set_erased();
        tx.db
            .set_address_fill(&address, row.next_pos, row.bytes.saturating_sub(freed))?;
        Ok(true)
    };
    let found = shared
        .erase(address.as_bytes().to_vec(), work, |found, _| found)
        .await
        .map_err(ProblemKind::from)?;
    if found {
        Ok(())
    } else {
        Err(ProblemKind::NotFound)
    }
}

/// Erases an object, wherever it lies in the address; its places stay as tombstones.
///
/// # Errors
/// [`ProblemKind::NotFound`], [`ProblemKind::Busy`].
pub(crate) async fn object(
    shared: &Shared,
    address: AddressId,
    id: Sha256Hash,
) -> Result<(), ProblemKind> {
    let work = move |tx: &mut Tx<'_>| {
        let Some(row) = tx.db.address(&address)? else {
            return Ok(false);
        };
        let places = tx.db.object_places(&address, &id)?;
        let mut bytes = row.bytes;
        for pos in &places {
            bytes = bytes.saturating_sub(tx.db.erase_place(&address, *pos)?);
            tx.set_erased();
        }
        tx.db.set_address_fill(&address, row.next_pos, bytes)?;
        Ok(!places.is_empty())
    };
    let found = shared
        .erase(address.as_bytes().to_vec(), work, |found, _| found)
        .await
        .map_err(ProblemKind::from)?;
    if found {
        Ok(())
    } else {
        Err(ProblemKind::NotFound)
    }
}

/// Shreds an address: salt, envelopes and objects go, it stays closed. Repeating it is harmless.
///
/// # Errors
/// [`ProblemKind::NotFound`], [`ProblemKind::Busy`].
pub(crate) async fn address(shared: &Shared, address: AddressId) -> Result<(), ProblemKind> {
    let work = move |tx: &mut Tx<'_>| {
        let found = tx.db.address(&address)?.is_some();
        if found {
            tx.db.shred_address(&address)?;
            tx.set_erased();
        }
        Ok(found)
    };
    let found = shared
        .erase(address.as_bytes().to_vec(), work, |found, _| found)
        .await
        .map_err(ProblemKind::from)?;
    if found {
        Ok(())
    } else {
        Err(ProblemKind::NotFound)
    }
}
