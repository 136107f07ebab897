//! Addresses: register, read back, change who may deposit.

use crate::{
    Shared,
    deposit::verify_pass,
    log::{Asking, Tx},
    queue::{Class, Lane, Weight},
};
use denizen_api::{
    ProblemKind,
    wire::{Accept, AddressState, ChangeAccepts, RegisterAddress},
};
use denizen_guard::{Check, holds};
use denizen_model::{
    AddressId, Sha256Hash,
    key::Pass as PassKey,
    pass::{Bind, Pass, PassUse},
};
use denizen_store::{StoreError, hub::AddressRow};

/// Registers an address. A byte-identical registration is answered like the first.
///
/// # Errors
/// [`ProblemKind::Conflict`], [`ProblemKind::PassRefused`], [`ProblemKind::PassUsed`],
/// [`ProblemKind::NotAdmitted`], [`ProblemKind::RateLimited`], [`ProblemKind::Malformed`], [`ProblemKind::Busy`].
pub(crate) async fn register(
    shared: &Shared,
    body: RegisterAddress,
    registration: Sha256Hash,
) -> Result<AddressState, ProblemKind> {
    let pass = match &body.pass {
        None => None,
        Some(bytes) => {
            let (now, directory) = (shared.clock.now(), shared.directory());
            let key = |org: &_, kid: &str| directory.directory.key::<PassKey>(org, Some(kid), now);
            Some(verify_pass(
                &bytes.0,
                &shared.config.hub,
                PassUse::Register,
                now,
                &key,
            )?)
        }
    };
    let quota = allowed(&body, pass.as_ref(), shared.config.self_quota_bytes)?;
    let row = AddressRow {
        auth: body.auth.key().as_bytes().to_vec(),
        salt: body.salt,
        accepts: json(&body.accepts),
        version: 0,
        frozen: false,
        closed: false,
        registration: registration.as_bytes().to_vec(),
        next_pos: 0,
        bytes: 0,
        quota,
    };
    let id = AddressId::of(&body.auth);
    let a_minute = shared.config.self_addresses_a_minute;
    let work = move |tx: &mut Tx<'_>| insert(tx, &id, row, pass.as_ref(), a_minute);
    let inserted = shared
        .write(work, |made, _| made)
        .await
        .map_err(ProblemKind::from)?;
    state(&inserted?)
}

/// Whether the registration asks for what its pass (or, for address 0, nobody) allows.
fn allowed(
    body: &RegisterAddress,
    pass: Option<&Pass>,
    self_quota: u64,
) -> Result<u64, ProblemKind> {
    match (body.accepts.as_slice(), pass, &body.salt) {
        _ if body.v != 1 => Err(ProblemKind::Malformed),
        ([Accept::SelfOnly(true)], None, None) => Ok(self_quota),
        ([Accept::Org(org) | Accept::PassBy(org)], Some(pass), Some(_)) if pass.org == *org => {
            let fits = i64::try_from(pass.quota).is_ok();
            fits.then_some(pass.quota).ok_or(ProblemKind::PassRefused)
        }
        (_, None, _) => Err(ProblemKind::PassRefused),
        _ => Err(ProblemKind::PassRefused),
    }
}

fn insert(
    tx: &Tx<'_>,
    id: &AddressId,
    row: AddressRow,
    pass: Option<&Pass>,
    self_a_minute: u32,
) -> Result<Result<AddressRow, ProblemKind>, StoreError> {
    if let Some(old) = tx.db.address(id)? {
        let same = old.registration == row.registration && !old.closed;
        return Ok(if same {
            Ok(old)
        } else {
            Err(ProblemKind::Conflict)
        });
    }
    if pass.is_some_and(|p| !tx.directory.is_active(&p.org, tx.now)) {
        return Ok(Err(ProblemKind::NotAdmitted));
    }
    let (bind, period, uses, refusal) = match pass {
        Some(pass) => {
            let bind = match &pass.bind {
                Bind::Nonce(nonce) => nonce.as_bytes().as_slice(),
                Bind::Key(_) => return Ok(Err(ProblemKind::PassRefused)),
            };
            let bind = [b"register", pass.org.as_bytes().as_slice(), bind].concat();
            (bind, 0, pass.uses, ProblemKind::PassUsed)
        }
        // One counter for everybody: a limit by sender would need to know who it is.
        None => (
            b"self".to_vec(),
            tx.now.0.div_euclid(60),
            self_a_minute,
            ProblemKind::RateLimited,
        ),
    };
    if !tx.db.use_pass(&bind, period, uses)? {
        return Ok(Err(refusal));
    }
    tx.db.insert_address(id, &row)?;
    Ok(Ok(row))
}

/// The state of an address, for its owner.
///
/// # Errors
/// [`ProblemKind::NotFound`], [`ProblemKind::Closed`], [`ProblemKind::Busy`],
/// [`ProblemKind::Internal`].
pub(crate) async fn read(shared: &Shared, id: AddressId) -> Result<AddressState, ProblemKind> {
    let row = shared.read(move |db| db.address(&id)).await?;
    let row = row.ok_or(ProblemKind::NotFound)?;
    if row.closed {
        Err(ProblemKind::Closed)
    } else {
        state(&row)
    }
}

/// Changes who may deposit. A change that is asked for again is answered like the first time.
///
/// # Errors
/// [`ProblemKind::Conflict`] for another version, [`ProblemKind::PassRefused`] for accepting
/// somebody new, [`ProblemKind::Busy`].
pub(crate) async fn change(
    shared: &Shared,
    id: AddressId,
    change: ChangeAccepts,
) -> Result<AddressState, ProblemKind> {
    let old = read(shared, id).await?;
    // Only the next version can be stored, and only the present one can be a repetition.
    if change.version > old.version.saturating_add(1) {
        return Err(ProblemKind::Conflict);
    }
    // Narrowing and freezing are the owner's; a new depositor needs a new address.
    let narrower = change.accepts.iter().all(|a| old.accepts.contains(a));
    if !holds(Check::AcceptsNarrow, narrower) {
        return Err(ProblemKind::PassRefused);
    }
    let accepts = json(&change.accepts);
    let asked = change.clone();
    let work = move |tx: &mut Tx<'_>| {
        tx.db
            .change_accepts(&id, change.version, &accepts, change.frozen)
    };
    // Nobody who registers addresses holds up who freezes hers.
    let asking = Asking {
        lane: Lane::new(Class::Other, id.as_bytes().to_vec()),
        weight: Weight::default(),
        wanted: Vec::new(),
    };
    let changed = shared.write_for(asking, work, |changed, _| changed).await;
    let changed = changed.map_err(ProblemKind::from)?;
    let state = read(shared, id).await?;
    let same = state.version == asked.version
        && state.accepts == asked.accepts
        && state.frozen == asked.frozen;
    if changed || same {
        Ok(state)
    } else {
        Err(ProblemKind::Conflict)
    }
}

fn json(accepts: &[Accept]) -> String {
    serde_json::to_string(accepts).expect("a list of ids is JSON")
}

fn state(row: &AddressRow) -> Result<AddressState, ProblemKind> {
    Ok(AddressState {
        salt: row.salt,
        accepts: serde_json::from_str(&row.accepts).map_err(|_| ProblemKind::Internal)?,
        version: row.version,
        frozen: row.frozen,
    })
}
