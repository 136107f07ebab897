//! Attachment objects: an upload in parts that goes on where it stopped, reading, and what ends by
//! itself. Who may upload, under which pass and quota, is what holds for deposits.

use crate::{
    Shared,
    deposit::{Asked, Depositor, Taken, admits, count, outcome, stand, verify_pass},
    load::sent,
    log::{After, Asking, Tx},
    queue::Weight,
    refused::Refused,
};
use axum::body::Bytes;
use denizen_api::{
    ProblemKind,
    wire::{DepositOutcome, ObjectPart, UPLOADS_MAX, UploadState},
};
use denizen_model::{
    AddressId, Sha256Hash, UnixTime,
    deposit::LeafType,
    key::Pass as PassKey,
    object::{OBJECT_COMMIT, PART_SIZE_BYTES_MAX, SEALED_CHUNK_SIZE_BYTES, is_sealed_size},
    pass::{Pass, PassUse},
};
use denizen_store::{
    StoreError,
    hub::{AddressRow, HubStore, NewUpload, ObjectRow},
};
use std::sync::Arc;

/// Ended objects that are removed with one job.
const ENDED_MAX: u32 = 32;

/// One part that is well formed.
struct Checked {
    address: AddressId,
    id: Sha256Hash,
    part: ObjectPart,
    pass: Option<Pass>,
}

impl Checked {
    fn asked(&self) -> Asked<'_> {
        Asked {
            address: &self.address,
            size: self.part.size,
            pass: self.pass.as_ref(),
            reserved: self.part.reserved,
        }
    }
}

/// What became of one part within the transaction.
enum Put {
    Going(u64),
    Done(Box<Taken>),
}

/// Takes a part of an object. What is acknowledged is on the disk; once the last part is there and the
/// hash is the object's id, it has its place, its leaf and its receipt.
///
/// # Errors
/// [`ProblemKind::ObjectRefused`], [`ProblemKind::Malformed`], [`ProblemKind::TooLarge`], everything that
/// refuses a deposit, [`ProblemKind::Busy`].
pub(crate) async fn put(
    shared: &Shared,
    depositor: Depositor,
    (address, id): (AddressId, Sha256Hash),
    part: ObjectPart,
) -> Result<UploadState, Refused> {
    let (lane, weight) = (
        depositor.lane(),
        Weight {
            items: 1,
            bytes: part.bytes.len(),
        },
    );
    let item = check(shared, address, id, part)?;
    let limits = Limits::of(shared);
    let work = move |tx: &mut Tx<'_>| {
        expire(tx, &limits)?;
        put_part(tx, &depositor, &item, &limits)
    };
    let answer = |put: Result<Put, Refused>, after: &After<'_>| {
        Ok(match put {
            Err(kind) => Err(kind),
            Ok(Put::Going(received)) => Ok(UploadState::Going { received }),
            Ok(Put::Done(taken)) => Ok(UploadState::Done(outcome(*taken, after)?)),
        })
    };
    let asking = Asking {
        lane,
        weight,
        wanted: Vec::new(),
    };
    let answered: Result<_, StoreError> = shared
        .write_for(asking, work, answer)
        .await
        .map_err(ProblemKind::from)?;
    match answered.map_err(|_| ProblemKind::Internal)? {
        Ok(UploadState::Done(outcome)) => {
            shared.metrics.deposits(std::slice::from_ref(&outcome));
            match outcome {
                DepositOutcome::Refused(kind) => {
                    let kind = ProblemKind::parse(&kind).unwrap_or(ProblemKind::Internal);
                    Err(kind.into())
                }
                outcome => Ok(UploadState::Done(outcome)),
            }
        }
        other => other,
    }
}

/// How long what nobody asks for stays.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    reserved_a_day: u32,
    unfinished_s: i64,
    unread_s: i64,
}

impl Limits {
    pub(crate) fn of(shared: &Shared) -> Self {
        let days = |days: u32| i64::from(days) * UnixTime::DAY_S;
        Self {
            reserved_a_day: shared.config.reserved_a_day,
            unfinished_s: days(shared.config.unfinished_days),
            unread_s: days(shared.config.unread_days),
        }
    }
}

/// Everything that needs no database.
fn check(
    shared: &Shared,
    address: AddressId,
    id: Sha256Hash,
    part: ObjectPart,
) -> Result<Checked, ProblemKind> {
    let length = part.bytes.len();
    if !is_sealed_size(part.size) {
        return Err(ProblemKind::ObjectRefused);
    }
    if length > PART_SIZE_BYTES_MAX {
        return Err(ProblemKind::TooLarge);
    }
    let end = part.offset.checked_add(length as u64);
    if !length.is_multiple_of(SEALED_CHUNK_SIZE_BYTES) || end.is_none_or(|end| end > part.size) {
        return Err(ProblemKind::Malformed);
    }
    let (now, directory) = (shared.clock.now(), shared.directory());
    let key = |org: &_, kid: &str| directory.directory.key::<PassKey>(org, Some(kid), now);
    let pass = part.pass.as_deref();
    let pass = pass.map(|p| verify_pass(p, &shared.config.hub, PassUse::Deposit, now, &key));
    Ok(Checked {
        address,
        id,
        pass: pass.transpose()?,
        part,
    })
}

fn put_part(
    tx: &mut Tx<'_>,
    depositor: &Depositor,
    item: &Checked,
    limits: &Limits,
) -> Result<Result<Put, Refused>, StoreError> {
    let Some(row) = tx.db.address(&item.address)? else {
        return Ok(Err(ProblemKind::NotFound.into()));
    };
    let by = depositor.id();
    let named = (&item.part.deposit_id, &item.id);
    if let Some(taken) = stand(tx, &item.address, &by, named)? {
        return Ok(Ok(Put::Done(Box::new(taken))));
    }
    let pass = match admits(depositor, &item.asked(), &row)? {
        Ok(pass) => pass,
        Err(kind) => return Ok(Err(kind.into())),
    };
    let known = tx.db.upload(&item.address, &by, &item.part.deposit_id)?;
    let upload = match known {
        Some(known) if known.id != item.id || known.size != item.part.size => {
            return Ok(Err(ProblemKind::DepositIdReused.into()));
        }
        // Begun before the address was frozen: it waits until it is open again.
        Some(_) if row.frozen && !item.part.reserved => return Ok(Err(ProblemKind::Frozen.into())),
        Some(known) => known,
        None => match begin(tx, (&row, pass), &by, item, limits)? {
            Ok(begun) => begun,
            Err(refused) => return Ok(Err(refused)),
        },
    };
    let next = item.part.offset == upload.received && !item.part.bytes.is_empty();
    if !next {
        return Ok(Ok(Put::Going(upload.received)));
    }
    let received = tx.db.append_part(&upload, &item.part.bytes, tx.now)?;
    if received < upload.size {
        return Ok(Ok(Put::Going(received)));
    }
    finish(tx, &upload, &by, item)
}

/// Begins an upload: its pass and its bytes are counted now, whatever becomes of it.
fn begin(
    tx: &Tx<'_>,
    (row, pass): (&AddressRow, Option<&Pass>),
    by: &[u8],
    item: &Checked,
    limits: &Limits,
) -> Result<Result<ObjectRow, Refused>, StoreError> {
    if tx.db.unfinished_uploads(&item.address, by)? >= UPLOADS_MAX {
        return Ok(Err(ProblemKind::RateLimited.into()));
    }
    if let Err(refused) = count(tx, &item.asked(), row, pass, limits.reserved_a_day)? {
        return Ok(Err(refused));
    }
    let bytes = row.bytes + item.part.size;
    tx.db.set_address_fill(&item.address, row.next_pos, bytes)?;
    let new = NewUpload {
        address: &item.address,
        depositor: by,
        deposit_id: &item.part.deposit_id,
        id: &item.id,
        size: item.part.size,
        now: tx.now,
    };
    tx.db.begin_upload(&new).map(Ok)
}

/// All bytes are there: they are the object's, or nothing of them is kept.
fn finish(
    tx: &mut Tx<'_>,
    upload: &ObjectRow,
    by: &[u8],
    item: &Checked,
) -> Result<Result<Put, Refused>, StoreError> {
    if tx.db.hash_parts(upload)? != item.id {
        remove(tx, upload)?;
        return Ok(Err(ProblemKind::ObjectRefused.into()));
    }
    let row = tx.db.address(&item.address)?.ok_or(StoreError::Damaged)?;
    let leaf = crate::deposit::NewLeaf {
        leaf_type: LeafType::Object,
        address: &item.address,
        body: &[],
        hash: item.id,
        commit: OBJECT_COMMIT,
    };
    let taken = crate::deposit::append(tx, &row, &leaf)?;
    tx.db.finish_upload(upload, row.next_pos)?;
    let id = &item.part.deposit_id;
    tx.db.insert_deposit(&item.address, by, id, row.next_pos)?;
    tx.db
        .set_address_fill(&item.address, row.next_pos + 1, row.bytes)?;
    Ok(Ok(Put::Done(Box::new(taken))))
}

/// Removes uploads that nobody went on with, and objects that their owner passed by and never read: no
/// message of hers refers to them. Their place and its opening stay, so that it is known for what it is.
pub(crate) fn expire(tx: &mut Tx<'_>, limits: &Limits) -> Result<(), StoreError> {
    let unfinished = tx.now.plus_s(-limits.unfinished_s);
    let unread = tx.now.plus_s(-limits.unread_s);
    for ended in tx.db.ended_objects(unfinished, unread, ENDED_MAX)? {
        remove(tx, &ended)?;
    }
    Ok(())
}

fn remove(tx: &mut Tx<'_>, object: &ObjectRow) -> Result<(), StoreError> {
    tx.db.remove_object(object)?;
    tx.set_erased();
    if let Some(row) = tx.db.address(&object.address)? {
        let bytes = row.bytes.saturating_sub(object.size);
        tx.db
            .set_address_fill(&object.address, row.next_pos, bytes)?;
    }
    Ok(())
}

/// Bytes of an object from `offset`, as many as one answer holds, or as there is room for. Whoever reads it
/// to its end keeps it.
///
/// # Errors
/// [`ProblemKind::NotFound`]; [`ProblemKind::Gone`] if it expired; [`ProblemKind::Malformed`] for an offset
/// beyond its end; [`ProblemKind::Internal`].
pub(crate) async fn read(
    shared: &Arc<Shared>,
    address: AddressId,
    id: Sha256Hash,
    offset: u64,
) -> Result<Bytes, ProblemKind> {
    let reading = Arc::clone(shared);
    let read = move |db: &dyn HubStore| {
        let Some(object) = db.object(&address, &id)? else {
            let places = db.object_places(&address, &id)?;
            return Ok(Err(if places.is_empty() {
                ProblemKind::NotFound
            } else {
                ProblemKind::Gone
            }));
        };
        if offset >= object.size {
            return Ok(Err(ProblemKind::Malformed));
        }
        let room = reading.answer_room(PART_SIZE_BYTES_MAX);
        let limit = match room {
            Some(_) => PART_SIZE_BYTES_MAX,
            None => SEALED_CHUNK_SIZE_BYTES,
        };
        let bytes = db.object_bytes(&object, offset, limit)?;
        Ok(Ok((object, bytes, room)))
    };
    let (object, bytes, room) = shared.read(read).await??;
    if !object.kept && offset + bytes.len() as u64 == object.size {
        let keep = move |tx: &mut Tx<'_>| tx.db.keep_object(&object);
        // A hub that is held or stops has not noted it: the next reading does.
        let _ = shared.write(keep, |(), _| ()).await;
    }
    Ok(sent(bytes, room))
}

/// Notes that the owner of an address has fetched beyond `pos`: from now on her unread objects there
/// have an end.
pub(crate) async fn pass(shared: &Shared, address: AddressId, pos: u64) {
    let limits = Limits::of(shared);
    let work = move |tx: &mut Tx<'_>| {
        tx.db.pass_objects(&address, pos, tx.now)?;
        expire(tx, &limits)
    };
    // Not noted now, noted at the next fetch.
    let _ = shared.write(work, |(), _| ()).await;
}
