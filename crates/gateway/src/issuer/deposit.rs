//! Deposit: envelopes into the outbox, and batches of it to the hub, each until it is answered.

use super::seal::Envelope;
use crate::{Gateway, GatewayError, Trust, sync::SyncReport};
use denizen_api::{
    HubClient, ProblemKind, Transport,
    client::{ClientError, RequestSigner},
    receipt::{ReceiptFor, verify},
    wire::{DepositItem, DepositOutcome},
};
use denizen_model::{Sha256Hash, UnixTime, deposit::Receipt, envelope};
use denizen_store::{
    StoreError,
    gateway::{Effect, GatewayStore, OutboxRow, SentRow},
};

/// Envelopes in one request: with the largest size class 16 MiB of body hold 62.
const BATCH: usize = 48;

/// After this a frozen address is tried again, in seconds.
const PARK_S: i64 = 3600;

/// Stores an envelope before its first attempt. A reserved one is taken by a frozen address too.
pub(crate) fn enqueue(
    store: &GatewayStore,
    envelope: Envelope,
    reserved: bool,
    effect: Option<Effect>,
) -> Result<(), StoreError> {
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
) -> Result<(), GatewayError> {
    loop {
        let rows = gateway.store.outgoing(BATCH, now)?;
        if rows.is_empty() {
            return Ok(());
        }
        let items: Vec<_> = rows.iter().map(item).collect();
        let keyid = gateway.deposit_keyid();
        let signer = RequestSigner::organisation(&gateway.keys.deposit, &keyid);
        let outcomes = client.deposit(&items, signer, now).await?;
        let mut settled = Vec::with_capacity(rows.len());
        let (mut later, mut frozen) = (None, Vec::new());
        for (row, outcome) in rows.iter().zip(outcomes) {
            match settle(row, outcome, gateway.trust()?)? {
                Ok(sent) => settled.push((row, sent)),
                // The person has frozen the address: it waits, and goes once she opens it.
                Err(ProblemKind::Frozen) => frozen.push(row),
                Err(kind) => later = Some(kind),
            }
        }
        let count = gateway.tx(|g| {
            g.park_all(&frozen, now)?;
            g.settle_all(&settled, now)
        })?;
        report.sent += count.0;
        report.refused += count.1;
        if let Some(kind) = later {
            return Err(ClientError::Problem(kind).into());
        }
    }
}

fn item(row: &OutboxRow) -> DepositItem {
    DepositItem {
        deposit_id: row.deposit_id,
        envelope: row.envelope.clone(),
        pass: None,
        reserved: row.reserved,
    }
}

/// What an outcome means: settled for good, or (inner error) to be sent again.
fn settle(
    row: &OutboxRow,
    outcome: DepositOutcome,
    trust: &Trust,
) -> Result<Result<SentRow, ProblemKind>, GatewayError> {
    let envelope_hash = Sha256Hash::of(&row.envelope);
    let (outcome, receipt) = match outcome {
        DepositOutcome::Stored { receipt, .. } => {
            check_receipt(row, &envelope_hash, &receipt, trust)?;
            ("stored".to_owned(), Some(receipt))
        }
        DepositOutcome::Gone { .. } => ("gone".to_owned(), None),
        DepositOutcome::Refused(kind) => match ProblemKind::parse(&kind) {
            Some(
                kind @ (ProblemKind::Busy
                | ProblemKind::RateLimited
                | ProblemKind::Internal
                | ProblemKind::Frozen),
            ) => {
                return Ok(Err(kind));
            }
            Some(kind) => (kind.name().to_owned(), None),
            None => ("unknown-problem".to_owned(), None),
        },
    };
    Ok(Ok(SentRow {
        address: row.address,
        envelope_hash,
        outcome,
        receipt,
    }))
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
    /// Lets what goes to frozen addresses wait, so that nothing is lost and nothing holds up others.
    fn park_all(&self, frozen: &[&OutboxRow], now: UnixTime) -> Result<(), GatewayError> {
        for row in frozen {
            let until = now.plus_s(PARK_S);
            if self.store.park(&row.address, row.reserved, until)? {
                self.store.add_alarm(now, "deposit-frozen")?;
            }
        }
        Ok(())
    }

    /// Keeps receipts and refusals, and makes effective what waited for them. A refusal that the hub
    /// has logged (closed) counts as told: a status may change although she cannot be
    /// reached. Gives how many were stored and how many refused.
    fn settle_all(
        &self,
        settled: &[(&OutboxRow, SentRow)],
        now: UnixTime,
    ) -> Result<(u64, u64), GatewayError> {
        let mut count = (0, 0);
        for (row, sent) in settled {
            if !self.store.settle(&row.deposit_id, sent)? {
                continue;
            }
            if let Some(effect) = row.effect {
                self.store.set_effect(&effect)?;
            }
            if sent.receipt.is_some() || sent.outcome == "gone" {
                count.0 += 1;
            } else {
                count.1 += 1;
                self.store
                    .add_alarm(now, &format!("deposit-{}", sent.outcome))?;
            }
        }
        Ok(count)
    }
}
