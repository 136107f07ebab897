//! Deposit: a batch of envelopes from one depositor. What holds for them holds for objects too
//! ([`crate::object`]).

use crate::{
    Shared,
    log::{After, Asking, Tx},
    queue::{Class, Lane, Weight},
    receipt::receipt,
    refused::Refused,
};
use denizen_api::{
    ProblemKind,
    wire::{Accept, DepositItem, DepositOutcome},
};
use denizen_jose::{PublicKey, VERIFIER};
use denizen_model::{
    AddressId, DepositId, HubId, Nonce, OrgId, PublicKeyFor, Sha256Hash, UnixTime,
    deposit::{LeafOpening, LeafType, address_commitment},
    envelope::Envelope,
    key::Pass as PassKey,
    pass::{Bind, Pass, PassUse},
    statement::split_kid,
};
use denizen_store::{
    StoreError,
    hub::{AddressRow, LogId, NewPlace, PlaceRow, Wanted},
};

/// Who signed the request.
#[derive(Debug, Clone)]
pub(crate) enum Depositor {
    /// An admitted organisation, by one of its deposit keys.
    Org(OrgId),
    /// A link's deposit key, or an address's own `auth` key.
    Key(PublicKey),
}

impl Depositor {
    /// The class of whoever a key id names, truly or not.
    pub(crate) fn claimed_class(keyid: &str) -> Class {
        if keyid.contains('#') {
            Class::Organisation
        } else {
            Class::Key
        }
    }

    /// The lane in which this depositor's jobs wait.
    pub(crate) fn lane(&self) -> Lane {
        let class = match self {
            Self::Org(_) => Class::Organisation,
            Self::Key(_) => Class::Key,
        };
        Lane::new(class, self.id())
    }

    /// What retries are recognised by.
    pub(crate) fn id(&self) -> Vec<u8> {
        match self {
            Self::Org(org) => org.as_bytes().to_vec(),
            Self::Key(key) => key.thumbprint().to_vec(),
        }
    }
}

/// One item that is well formed; whether the address takes it is decided within the transaction.
struct Checked {
    id: DepositId,
    address: AddressId,
    body: Vec<u8>,
    hash: Sha256Hash,
    commit: Sha256Hash,
    pass: Option<Pass>,
    reserved: bool,
}

impl Checked {
    fn asked(&self) -> Asked<'_> {
        Asked {
            address: &self.address,
            size: self.body.len() as u64,
            pass: self.pass.as_ref(),
            reserved: self.reserved,
        }
    }
}

/// What is to be taken, as far as it decides who may leave it.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) address: &'a AddressId,
    pub(crate) size: u64,
    pub(crate) pass: Option<&'a Pass>,
    pub(crate) reserved: bool,
}

/// What became of one item within the transaction.
pub(crate) enum Taken {
    New {
        opening: LeafOpening,
        nonce_a: Nonce,
        index: u64,
    },
    Old(PlaceRow, AddressId),
    Refused(Refused),
}

/// What became of a batch.
pub(crate) struct Deposits {
    pub(crate) outcomes: Vec<DepositOutcome>,
    /// Seconds until another day begins, if what one allows is used up for some of them.
    pub(crate) retry_after_s: Option<u32>,
}

impl Taken {
    fn until_tomorrow_s(&self) -> Option<u32> {
        match self {
            Self::Refused(refused) if refused.for_today => refused.retry_after_s,
            _ => None,
        }
    }
}

/// Takes a batch: what fits is durable and in the published log when this returns.
///
/// # Errors
/// [`ProblemKind::Busy`] if there is no room, or if the hub stops: then nothing is known; retry with the same
/// deposit ids. [`ProblemKind::RateLimited`] if too much of this depositor waits.
pub(crate) async fn deposit(
    shared: &Shared,
    depositor: Depositor,
    items: Vec<DepositItem>,
) -> Result<Deposits, ProblemKind> {
    let (now, hub) = (shared.clock.now(), shared.config.hub);
    let directory = shared.directory();
    let key = |org: &OrgId, kid: &str| directory.directory.key::<PassKey>(org, Some(kid), now);
    let checked: Vec<_> = items
        .into_iter()
        .map(|i| check(i, &hub, now, &key))
        .collect();
    let by = depositor.id();
    let wanted = checked.iter().flatten().map(|item| Wanted {
        address: item.address,
        depositor: by.clone(),
        deposit_id: item.id,
    });
    let asking = Asking {
        lane: depositor.lane(),
        weight: Weight {
            items: checked.len(),
            bytes: checked.iter().flatten().map(|item| item.body.len()).sum(),
        },
        wanted: wanted.collect(),
    };
    let reserved_a_day = shared.config.reserved_a_day;
    let work = move |tx: &mut Tx<'_>| {
        let take = |item: Result<Checked, ProblemKind>| match item {
            Ok(item) => take(tx, &depositor, item, reserved_a_day),
            Err(kind) => Ok(Taken::Refused(kind.into())),
        };
        checked.into_iter().map(take).collect::<Result<Vec<_>, _>>()
    };
    let answer = |taken: Vec<Taken>, after: &After<'_>| {
        let retry_after_s = taken.iter().filter_map(Taken::until_tomorrow_s).max();
        let outcomes = taken.into_iter().map(|taken| outcome(taken, after));
        Ok::<_, StoreError>(Deposits {
            outcomes: outcomes.collect::<Result<Vec<_>, _>>()?,
            retry_after_s,
        })
    };
    let deposits = shared
        .write_for(asking, work, answer)
        .await
        .map_err(ProblemKind::from)?;
    let deposits = deposits.map_err(|_| ProblemKind::Internal)?;
    shared.metrics.deposits(&deposits.outcomes);
    Ok(deposits)
}

/// Everything that needs no database: the envelope's form and hub, the pass's signature and time.
fn check(
    item: DepositItem,
    hub: &HubId,
    now: UnixTime,
    pass_key: &impl Fn(&OrgId, &str) -> Option<PublicKeyFor<PassKey>>,
) -> Result<Checked, ProblemKind> {
    let envelope = Envelope::parse(&item.envelope).map_err(|_| ProblemKind::EnvelopeRefused)?;
    if envelope.header().hub != *hub {
        return Err(ProblemKind::EnvelopeRefused);
    }
    let pass = match &item.pass {
        None => None,
        Some(bytes) => Some(verify_pass(bytes, hub, PassUse::Deposit, now, pass_key)?),
    };
    Ok(Checked {
        id: item.deposit_id,
        address: envelope.header().to,
        hash: Sha256Hash::of(&item.envelope),
        commit: envelope.header().commit,
        body: item.envelope,
        pass,
        reserved: item.reserved,
    })
}

/// Verifies a pass under the key that the directory has for its organisation.
pub(crate) fn verify_pass(
    bytes: &[u8],
    hub: &HubId,
    pass_use: PassUse,
    now: UnixTime,
    key: &impl Fn(&OrgId, &str) -> Option<PublicKeyFor<PassKey>>,
) -> Result<Pass, ProblemKind> {
    let refused = ProblemKind::PassRefused;
    let (org, kid) = Pass::danger_claimed_signer(bytes).map_err(|_| refused)?;
    let (id, kid) = split_kid(&kid).ok_or(refused)?;
    if OrgId::from(id) != org {
        return Err(refused);
    }
    let key = key(&org, kid).ok_or(refused)?;
    Pass::verify(bytes, VERIFIER, &key, hub, pass_use, now).map_err(|_| refused)
}

/// Decides and writes one item within the transaction.
fn take(
    tx: &mut Tx<'_>,
    depositor: &Depositor,
    item: Checked,
    reserved_a_day: u32,
) -> Result<Taken, StoreError> {
    let Some(row) = tx.db.address(&item.address)? else {
        return Ok(Taken::Refused(ProblemKind::NotFound.into()));
    };
    let depositor_id = depositor.id();
    let named = (&item.id, &item.hash);
    if let Some(taken) = stand(tx, &item.address, &depositor_id, named)? {
        return Ok(taken);
    }
    let asked = item.asked();
    let pass = match admits(depositor, &asked, &row)? {
        Ok(pass) => pass,
        Err(kind) => return Ok(Taken::Refused(kind.into())),
    };
    if let Err(refused) = count(tx, &asked, &row, pass, reserved_a_day)? {
        return Ok(Taken::Refused(refused));
    }
    let leaf = NewLeaf {
        leaf_type: LeafType::Envelope,
        address: &item.address,
        body: &item.body,
        hash: item.hash,
        commit: item.commit,
    };
    let taken = append(tx, &row, &leaf)?;
    let by = &depositor_id;
    tx.db
        .insert_deposit(&item.address, by, &item.id, row.next_pos)?;
    let bytes = row.bytes + item.body.len() as u64;
    tx.db
        .set_address_fill(&item.address, row.next_pos + 1, bytes)?;
    Ok(taken)
}

/// What this deposit id of this depositor stands for already.
pub(crate) fn stand(
    tx: &Tx<'_>,
    address: &AddressId,
    by: &[u8],
    (id, hash): (&DepositId, &Sha256Hash),
) -> Result<Option<Taken>, StoreError> {
    let Some(pos) = tx.db.deposit(address, by, id)? else {
        return Ok(None);
    };
    let place = tx.db.place(address, pos)?.ok_or(StoreError::Damaged)?;
    // Of what was erased nothing is known any more: it is gone, whatever came.
    let known = place.body.as_ref().map(|(_, known, ..)| known);
    if known.is_some_and(|known| known != hash) {
        return Ok(Some(Taken::Refused(ProblemKind::DepositIdReused.into())));
    }
    Ok(Some(Taken::Old(place, *address)))
}

/// What takes a place.
pub(crate) struct NewLeaf<'a> {
    pub(crate) leaf_type: LeafType,
    pub(crate) address: &'a AddressId,
    pub(crate) body: &'a [u8],
    pub(crate) hash: Sha256Hash,
    pub(crate) commit: Sha256Hash,
}

/// Appends the leaf of something new and inserts its place.
pub(crate) fn append(
    tx: &mut Tx<'_>,
    row: &AddressRow,
    new: &NewLeaf<'_>,
) -> Result<Taken, StoreError> {
    let nonce = Nonce::make(&mut tx.rng);
    let nonce_a = Nonce::make(&mut tx.rng);
    let opening = LeafOpening {
        leaf_type: new.leaf_type,
        addr_c: address_commitment(new.address, &nonce_a),
        pos: row.next_pos,
        time: tx.now,
        envelope_hash: new.hash,
        commit: new.commit,
        nonce,
    };
    let index = tx.append(LogId::Deposits, opening.leaf().as_bytes().to_vec());
    let place = NewPlace {
        pos: row.next_pos,
        index,
        time: tx.now,
        leaf_type: new.leaf_type,
        body: new.body,
        hash: new.hash,
        commit: new.commit,
        nonce,
        nonce_a,
    };
    tx.db.insert_place(new.address, &place)?;
    tx.set_filled(*new.address);
    Ok(Taken::New {
        opening,
        nonce_a,
        index,
    })
}

/// Whether the address takes something from this depositor, and under which pass.
pub(crate) fn admits<'a>(
    depositor: &Depositor,
    item: &Asked<'a>,
    row: &AddressRow,
) -> Result<Result<Option<&'a Pass>, ProblemKind>, StoreError> {
    if row.closed {
        return Ok(Err(ProblemKind::Closed));
    }
    let accepts: Vec<Accept> =
        serde_json::from_str(&row.accepts).map_err(|_| StoreError::Damaged)?;
    let by_pass = |org: &OrgId| item.pass.filter(|p| p.org == *org);
    let mut admitted_by = None;
    for accept in &accepts {
        let admits = match (accept, depositor) {
            (Accept::Org(org), Depositor::Org(by)) => org == by,
            (Accept::SelfOnly(true), Depositor::Key(key)) => row.auth.as_slice() == key.as_bytes(),
            (Accept::PassBy(org), Depositor::Key(key)) => {
                let pass = by_pass(org).filter(|p| p.inbox == Some(*item.address));
                admitted_by = pass.filter(|p| match &p.bind {
                    Bind::Nonce(_) => true,
                    Bind::Key(thumbprint) => *thumbprint.as_bytes() == key.thumbprint(),
                });
                admitted_by.is_some()
            }
            _ => false,
        };
        if admits {
            return Ok(Ok(admitted_by));
        }
    }
    let kind = if item.pass.is_some() {
        ProblemKind::PassRefused
    } else {
        ProblemKind::NotAccepted
    };
    Ok(Err(kind))
}

/// Quotas, frozen addresses and uses of passes.
pub(crate) fn count(
    tx: &Tx<'_>,
    item: &Asked<'_>,
    row: &AddressRow,
    pass: Option<&Pass>,
    reserved_a_day: u32,
) -> Result<Result<(), Refused>, StoreError> {
    let day = tx.now.0.div_euclid(UnixTime::DAY_S);
    if row.frozen {
        let key = [b"reserved", item.address.as_bytes().as_slice()].concat();
        if !item.reserved || !tx.db.use_pass(&key, day, reserved_a_day)? {
            return Ok(Err(ProblemKind::Frozen.into()));
        }
    }
    if row.bytes + item.size > row.quota {
        return Ok(Err(ProblemKind::Quota.into()));
    }
    let Some(pass) = pass else { return Ok(Ok(())) };
    let today = |kind| Refused::for_today(kind, tx.now);
    let (bind, period, used_up) = match &pass.bind {
        Bind::Nonce(nonce) => {
            let used_up = [ProblemKind::Quota.into(), ProblemKind::PassUsed.into()];
            (nonce.as_bytes().as_slice(), 0, used_up)
        }
        Bind::Key(key) => {
            let used_up = [today(ProblemKind::Quota), today(ProblemKind::RateLimited)];
            (key.as_bytes().as_slice(), day, used_up)
        }
    };
    let [bytes, uses] = used_up;
    let total = [b"bytes", pass.org.as_bytes().as_slice(), bind].concat();
    if !tx.db.use_bytes((&total, period), item.size, pass.quota)? {
        return Ok(Err(bytes));
    }
    let bind = [b"deposit", pass.org.as_bytes().as_slice(), bind].concat();
    Ok(if tx.db.use_pass(&bind, period, pass.uses)? {
        Ok(())
    } else {
        Err(uses)
    })
}

pub(crate) fn outcome(taken: Taken, after: &After<'_>) -> Result<DepositOutcome, StoreError> {
    let (opening, nonce_a, index) = match taken {
        Taken::Refused(refused) => {
            return Ok(DepositOutcome::Refused(refused.kind.name().to_owned()));
        }
        Taken::New {
            opening,
            nonce_a,
            index,
        } => (opening, nonce_a, index),
        Taken::Old(place, address) => match opening_of(&place, &address) {
            None => return Ok(DepositOutcome::Gone { index: place.index }),
            Some((opening, nonce_a)) => (opening, nonce_a, place.index),
        },
    };
    let receipt = receipt(&opening, nonce_a, index, after.published, after.tiles)?;
    Ok(DepositOutcome::Stored {
        pos: opening.pos,
        index,
        receipt,
    })
}

/// The opening of a stored place's leaf; none if it was erased.
pub(crate) fn opening_of(place: &PlaceRow, address: &AddressId) -> Option<(LeafOpening, Nonce)> {
    let (_, hash, commit, nonce, nonce_a) = place.body.as_ref()?;
    let opening = LeafOpening {
        leaf_type: place.leaf_type,
        addr_c: address_commitment(address, nonce_a),
        pos: place.pos,
        time: place.time,
        envelope_hash: *hash,
        commit: *commit,
        nonce: *nonce,
    };
    Some((opening, *nonce_a))
}
