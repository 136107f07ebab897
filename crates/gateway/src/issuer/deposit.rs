//! Deposit: envelopes into the outbox, and batches of it to the hub, each until it is answered.

use super::seal::Envelope;
use crate::{Alarm, Gateway, GatewayError, Trust, sync::SyncReport};
use denizen_api::{
    HubClient, ProblemKind, Transport,
    client::{ClientError, RequestSigner, Upload},
    receipt::{ReceiptFor, verify, verify_object},
    wire::{DepositItem, DepositOutcome},
};
use denizen_model::{Sha256Hash, UnixTime, deposit::Receipt, envelope};
use denizen_store::{
    StoreError,
    gateway::{Effect, GatewayStore, LetterId, OutboxRow, OutgoingObject, Pause, SentRow},
};
use std::collections::BTreeSet;

/// Envelopes in one request, at most, and bytes of them after which no further one is taken. A request is
/// one commit at the hub and one here, whatever is in it.
const BATCH: (usize, usize) = (256, 4 << 20);

/// What the hub does not take now is tried again after an hour, then less and less often.
const PAUSE: Pause = Pause {
    first_s: 3600,
    most_s: UnixTime::DAY_S,
};

/// Stores an envelope before its first attempt, and gives its number. A reserved one is taken by a frozen address too.
pub(crate) fn enqueue(
    store: &GatewayStore,
    envelope: Envelope,
    reserved: bool,
    effect: Option<Effect>,
) -> Result<LetterId, StoreError> {
    for (deposit_id, object) in envelope.objects() {
        let object = OutgoingObject {
            deposit_id: *deposit_id,
            id: object.id,
            bytes: object.bytes.clone(),
        };
        store.add_outgoing_object(envelope.deposit_id(), &object)?;
    }
    store.add_outgoing(&OutboxRow {
        deposit_id: *envelope.deposit_id(),
        address: *envelope.address(),
        envelope: envelope.bytes().to_vec(),
        reserved,
        effect,
    })
}

/// Sends what waits, oldest first, until nothing is left. After no answer, or a hub that is busy, the
/// rest stays and goes unchanged with the next call.
pub(crate) async fn flush<T: Transport>(
    gateway: &mut Gateway,
    client: &HubClient<&T>,
    report: &mut SyncReport,
    now: UnixTime,
    rng: &mut dyn rand_core::CryptoRng,
) -> Result<(), GatewayError> {
    loop {
        let rows = gateway.store.outgoing(BATCH, now)?;
        if rows.is_empty() {
            return Ok(());
        }
        // What a letter refers to is there before it is.
        let (mut ready, mut outcomes) = (Vec::new(), Vec::new());
        for row in &rows {
            match put_objects(gateway, client, row, now).await? {
                None => ready.push(row),
                Some(kind) => outcomes.push((row, DepositOutcome::Refused(kind.name().to_owned()))),
            }
        }
        let items: Vec<_> = ready.iter().map(|row| item(row)).collect();
        let keyid = gateway.deposit_keyid();
        let signer = RequestSigner::organisation(&gateway.keys.deposit, &keyid);
        let deposited = client.deposit(&items, signer, now).await?;
        outcomes.extend(ready.into_iter().zip(deposited));
        let mut settled = Vec::with_capacity(rows.len());
        let (mut later, mut refused) = (None, Vec::new());
        for (row, outcome) in outcomes {
            match settle(row, outcome, gateway.trust()?)? {
                Settled::Told(sent) => settled.push((row, sent)),
                Settled::Refused(name) => refused.push((row, name)),
                Settled::Later(kind) => later = Some(kind),
            }
        }
        let count = gateway.tx(|g| {
            g.postpone_all(&refused, now)?;
            g.settle_all(&settled, now, rng)
        })?;
        report.sent += count.0;
        report.refused += count.1;
        if let Some(kind) = later {
            return Err(ClientError::Problem(kind).into());
        }
    }
}

/// Uploads the objects of a letter, each from where an earlier attempt stopped. Gives why the hub does not
/// take one: the letter waits as if that had been said of it.
async fn put_objects<T: Transport>(
    gateway: &mut Gateway,
    client: &HubClient<&T>,
    row: &OutboxRow,
    now: UnixTime,
) -> Result<Option<ProblemKind>, GatewayError> {
    for object in gateway.store.outgoing_objects(&row.deposit_id)? {
        let upload = Upload {
            to: &row.address,
            id: &object.id,
            deposit_id: object.deposit_id,
            pass: None,
            reserved: row.reserved,
            bytes: &object.bytes,
        };
        let keyid = gateway.deposit_keyid();
        let signer = RequestSigner::organisation(&gateway.keys.deposit, &keyid);
        let (outcome, receipt) = match client.put_object(&upload, signer, now).await {
            Ok(DepositOutcome::Stored { receipt, .. }) => ("stored", Some(receipt)),
            Ok(DepositOutcome::Gone { .. }) => ("gone", None),
            Ok(DepositOutcome::Refused(_)) => return Ok(Some(ProblemKind::Internal)),
            Err(ClientError::Problem(kind)) => return Ok(Some(kind)),
            Err(error) => return Err(error.into()),
        };
        if let Some(receipt) = &receipt {
            let trust = gateway.trust()?.hub();
            verify_object(receipt, &row.address, &object.id, trust)
                .map_err(|_| GatewayError::ReceiptRefused)?;
        }
        let sent = SentRow {
            address: row.address,
            envelope_hash: object.id,
            outcome: outcome.to_owned(),
            receipt,
        };
        gateway.tx(|g| {
            g.store
                .settle_object(&object.deposit_id, &sent)
                .map_err(GatewayError::from)
        })?;
    }
    Ok(None)
}

fn item(row: &OutboxRow) -> DepositItem {
    DepositItem {
        deposit_id: row.deposit_id,
        envelope: row.envelope.clone(),
        pass: None,
        reserved: row.reserved,
    }
}

/// What an outcome means.
enum Settled {
    /// She has it, or nobody can reach her at this address any more.
    Told(SentRow),
    /// The hub does not take it, for what is named here: it waits, for this may change.
    Refused(&'static str),
    /// The hub takes nothing now.
    Later(ProblemKind),
}

fn settle(
    row: &OutboxRow,
    outcome: DepositOutcome,
    trust: &Trust,
) -> Result<Settled, GatewayError> {
    let envelope_hash = Sha256Hash::of(&row.envelope);
    let (outcome, receipt) = match outcome {
        DepositOutcome::Stored { receipt, .. } => {
            check_receipt(row, &envelope_hash, &receipt, trust)?;
            ("stored".to_owned(), Some(receipt))
        }
        DepositOutcome::Gone { .. } => ("gone".to_owned(), None),
        DepositOutcome::Refused(kind) => match ProblemKind::parse(&kind) {
            Some(kind @ (ProblemKind::Busy | ProblemKind::RateLimited | ProblemKind::Internal)) => {
                return Ok(Settled::Later(kind));
            }
            Some(kind @ (ProblemKind::Closed | ProblemKind::Gone | ProblemKind::NotFound)) => {
                (kind.name().to_owned(), None)
            }
            Some(kind) => return Ok(Settled::Refused(kind.name())),
            None => return Ok(Settled::Refused("unknown-problem")),
        },
    };
    Ok(Settled::Told(SentRow {
        address: row.address,
        envelope_hash,
        outcome,
        receipt,
    }))
}

/// Whether a refusal is of the address, and so of all that goes there.
fn is_of_the_address(refusal: &str) -> bool {
    use ProblemKind::{Frozen, NotAccepted, NotAdmitted, Quota};
    [Frozen, NotAccepted, NotAdmitted, Quota]
        .iter()
        .any(|k| k.name() == refusal)
}

fn check_receipt(
    row: &OutboxRow,
    envelope_hash: &Sha256Hash,
    receipt: &Receipt,
    trust: &Trust,
) -> Result<(), GatewayError> {
    let parsed = envelope::Envelope::parse(&row.envelope);
    let commit = parsed
        .map_err(|_| GatewayError::Damaged("database"))?
        .header()
        .commit;
    let of = ReceiptFor {
        address: &row.address,
        envelope_hash,
        commit: &commit,
    };
    verify(receipt, of, trust.hub())
        .map(drop)
        .map_err(|_| GatewayError::ReceiptRefused)
}

impl Gateway {
    /// Lets what was refused wait, so that nothing is lost and nothing holds up others. She has not
    /// been told: what waits for that goes on waiting.
    fn postpone_all(
        &self,
        refused: &[(&OutboxRow, &'static str)],
        now: UnixTime,
    ) -> Result<(), GatewayError> {
        let (mut parked, mut codes) = (BTreeSet::new(), BTreeSet::new());
        for (row, refusal) in refused {
            let first = if !is_of_the_address(refusal) {
                self.store.postpone(&row.deposit_id, PAUSE, now)?
            } else if parked.insert((row.address, row.reserved)) {
                self.store
                    .park_for(&row.address, row.reserved, PAUSE, now)?
            } else {
                false
            };
            if first && codes.insert(*refusal) {
                self.raise(Alarm::of_deposit(refusal), now)?;
            }
        }
        Ok(())
    }

    /// Keeps receipts, and makes effective what waited for them. That an address is gone counts as
    /// told: a status may change although she cannot be reached. Gives how many were stored and how
    /// many were not.
    fn settle_all(
        &self,
        settled: &[(&OutboxRow, SentRow)],
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(u64, u64), GatewayError> {
        let mut count = (0, 0);
        for (row, sent) in settled {
            let Some(letter) = self.store.settle(&row.deposit_id, sent)? else {
                continue;
            };
            if let Some(effect) = row.effect {
                self.store.set_effect(&effect)?;
            }
            let delivered = sent.receipt.is_some() || sent.outcome == "gone";
            for record in self.store.records_in(letter)? {
                self.tell_record(record, delivered, now, rng)?;
            }
            if delivered {
                count.0 += 1;
                self.store.unpark_ended(&row.address, row.reserved, now)?;
            } else {
                count.1 += 1;
                self.raise(Alarm::of_deposit(&sent.outcome), now)?;
            }
        }
        Ok(count)
    }
}
