//! Checking receipts and heads against a hub's keys.

use denizen_guard::{Check, checked, holds};
use denizen_model::{
    AddressId, Nonce, PublicKeyFor, Sha256Hash, UnixTime,
    deposit::{HEAD_TYP, Head, LeafOpening, LeafType, Receipt, address_commitment},
    envelope::{Envelope, EnvelopeError},
    jose::{Unverified, Verifier},
    key::{Head as HeadKey, KeyPurpose, Log},
    message::To,
    object::OBJECT_COMMIT,
    statement::{Role, StatedKey, Statement},
};
use denizen_tlog::{
    Checkpoint, CheckpointError, Hash, LastCheckpoint, Level, NoteVerifier, ProofError,
    UnverifiedProof, WitnessPolicy, hash_leaf, open_checkpoint,
};

/// The keys and names under which a hub's logs are trusted, out of its verified statement.
#[derive(Debug, Clone)]
pub struct HubTrust {
    /// Verifies checkpoints of the deposit log that are signed now.
    pub deposits: NoteVerifier,
    /// Verifies checkpoints of the directory log.
    pub directory: NoteVerifier,
    /// Verifies heads.
    pub head: PublicKeyFor<HeadKey>,
    /// Independent witnesses.
    pub witnesses: WitnessPolicy,
    /// Every key that ever signed the deposit log: receipts are kept for longer than a key counts.
    kept: Vec<LogKey>,
    /// Receipts of one batch are under one checkpoint.
    last: LastCheckpoint,
}

/// A key that signs the deposit log, or did.
#[derive(Debug, Clone)]
struct LogKey {
    verifier: NoteVerifier,
    not_after: UnixTime,
    revoked_from: Option<UnixTime>,
}

impl LogKey {
    /// Whether it could sign a checkpoint over a leaf of this time. A later key could: it signs the
    /// same log. A key that had ended or was withdrawn before the leaf could not.
    fn covers(&self, leaf: UnixTime) -> bool {
        leaf <= self.not_after && self.revoked_from.is_none_or(|from| leaf < from)
    }
}

/// The newest key of a purpose that counts now and is not withdrawn.
fn key_now<P: KeyPurpose>(keys: &[StatedKey], now: UnixTime) -> Option<&StatedKey> {
    keys.iter()
        .filter(|k| k.purpose == P::NAME && k.not_before <= now && now <= k.not_after)
        .filter(|k| k.revoked_from.is_none_or(|from| now < from))
        .max_by_key(|k| k.not_before)
}

/// A statement that does not say what a hub's must.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("hub's statement names no logs or keys that count now")]
pub struct TrustError;

/// Times at which keys of a hub count, the newest first: one for each set of them.
pub(crate) fn times_of_keys(statement: &Statement) -> impl Iterator<Item = UnixTime> + '_ {
    let keys = statement.keys.iter();
    let keys = keys.filter(|k| k.purpose == Log::NAME || k.purpose == HeadKey::NAME);
    let begin: std::collections::BTreeSet<_> = keys.map(|k| k.not_before).collect();
    let all = begin.into_iter().rev();
    all.filter(|then| has_keys(statement, *then))
}

/// Whether a hub has keys that count now.
pub(crate) fn has_keys(statement: &Statement, now: UnixTime) -> bool {
    key_now::<Log>(&statement.keys, now).is_some()
        && key_now::<HeadKey>(&statement.keys, now).is_some()
}

impl HubTrust {
    /// The trust that a hub's verified statement gives at `now`; `keys` are all that its chain of
    /// statements ever stated. Heads and checkpoints count under the keys of now, a receipt under every
    /// key that could sign over its leaf: a kept proof does not die because time passes.
    ///
    /// # Errors
    /// [`TrustError`].
    pub fn of(
        statement: &Statement,
        keys: &[StatedKey],
        witnesses: WitnessPolicy,
        now: UnixTime,
    ) -> Result<Self, TrustError> {
        let origins = statement.origins.as_ref().ok_or(TrustError)?;
        let log = key_now::<Log>(&statement.keys, now).ok_or(TrustError)?;
        let head = key_now::<HeadKey>(&statement.keys, now).and_then(StatedKey::typed);
        if statement.role != Role::Hub {
            return Err(TrustError);
        }
        let verifier = |origin: &str, key: &StatedKey| {
            NoteVerifier::new(origin, key.key.as_bytes()).map_err(|_| TrustError)
        };
        let kept = keys
            .iter()
            .filter(|k| k.purpose == Log::NAME && k.not_before <= now);
        let kept = kept.map(|key| {
            Ok(LogKey {
                verifier: verifier(&origins.deposits, key)?,
                not_after: key.not_after,
                revoked_from: key.revoked_from,
            })
        });
        Ok(Self {
            deposits: verifier(&origins.deposits, log)?,
            directory: verifier(&origins.directory, log)?,
            head: head.ok_or(TrustError)?,
            witnesses,
            kept: kept.collect::<Result<_, _>>()?,
            last: LastCheckpoint::default(),
        })
    }

    /// How many checkpoints of receipts were verified, and not remembered.
    #[must_use]
    pub fn checkpoints_verified(&self) -> u64 {
        self.last.count()
    }
}

/// Why a receipt is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// Not a receipt.
    #[error("not a receipt")]
    Malformed,
    /// The log proof does not verify.
    #[error("receipt's log proof is refused")]
    Proof(#[from] ProofError),
    /// The log key had ended, or was withdrawn, before the leaf's time.
    #[error("receipt is signed by a key that did not count at its time")]
    KeyEnded,
    /// A good receipt, but of another envelope, address or commitment.
    #[error("receipt is of another envelope")]
    OtherEnvelope,
}

/// A receipt whose proof is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedReceipt {
    /// What the leaf commits to.
    pub opening: LeafOpening,
    /// The leaf's index.
    pub index: u64,
    /// Durable or witnessed.
    pub level: Level,
    /// The checkpoint that covers it.
    pub checkpoint: Checkpoint,
}

/// What a receipt should be of.
#[derive(Debug, Clone, Copy)]
pub struct ReceiptFor<'a> {
    /// The address.
    pub address: &'a AddressId,
    /// SHA-256 of the envelope.
    pub envelope_hash: &'a Sha256Hash,
    /// The envelope's commitment.
    pub commit: &'a Sha256Hash,
}

/// Checks the proof alone: something was delivered at this time, at this index.
///
/// # Errors
/// [`ReceiptError::Malformed`], [`ReceiptError::Proof`].
pub fn verify_proof(proof: &str, trust: &HubTrust) -> Result<VerifiedReceipt, ReceiptError> {
    let proof = UnverifiedProof::parse(proof)?;
    let opening = proof.danger_extra().and_then(LeafOpening::parse);
    let opening = opening.ok_or(ReceiptError::Malformed)?;
    let leaf = hash_leaf(opening.leaf().as_bytes());
    let kept = trust.kept.iter().filter(|key| key.covers(opening.time));
    let mut tried =
        kept.map(|key| proof.verify_after(&leaf, &key.verifier, &trust.witnesses, &trust.last));
    let verified = match tried.find(Result::is_ok) {
        Some(verified) => verified?,
        None => return Err(refusal(&proof, &leaf, trust)),
    };
    Ok(VerifiedReceipt {
        opening,
        index: verified.index,
        level: verified.level,
        checkpoint: verified.checkpoint,
    })
}

/// Why no kept key verifies a proof, as the key of now says it.
fn refusal(proof: &UnverifiedProof<'_>, leaf: &Hash, trust: &HubTrust) -> ReceiptError {
    let refused = proof.verify(leaf, &trust.deposits, &trust.witnesses).err();
    refused.map_or(ReceiptError::KeyEnded, ReceiptError::Proof)
}

/// Checks a receipt: its proof, and that it is of this envelope at this address.
///
/// # Errors
/// [`ReceiptError`].
pub fn verify(
    receipt: &Receipt,
    of: ReceiptFor<'_>,
    trust: &HubTrust,
) -> Result<VerifiedReceipt, ReceiptError> {
    verify_as(LeafType::Envelope, receipt, of, trust)
}

/// Checks the receipt of an attachment object: its proof, and that it is of this object at this
/// address. An envelope's receipt is refused, and so the other way round.
///
/// # Errors
/// [`ReceiptError`].
pub fn verify_object(
    receipt: &Receipt,
    address: &AddressId,
    id: &Sha256Hash,
    trust: &HubTrust,
) -> Result<VerifiedReceipt, ReceiptError> {
    let of = ReceiptFor {
        address,
        envelope_hash: id,
        commit: &OBJECT_COMMIT,
    };
    verify_as(LeafType::Object, receipt, of, trust)
}

fn verify_as(
    leaf_type: LeafType,
    receipt: &Receipt,
    of: ReceiptFor<'_>,
    trust: &HubTrust,
) -> Result<VerifiedReceipt, ReceiptError> {
    let verified = verify_proof(&receipt.proof, trust)?;
    let opening = &verified.opening;
    let same = opening.leaf_type == leaf_type
        && opening.addr_c == address_commitment(of.address, &receipt.nonce_a)
        && opening.envelope_hash == *of.envelope_hash
        && opening.commit == *of.commit;
    if holds(Check::ReceiptOf, same) {
        Ok(verified)
    } else {
        Err(ReceiptError::OtherEnvelope)
    }
}

/// Why a fetched envelope is not what the hub says lies at a place of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// Cut, lengthened or of another shape.
    #[error("envelope is refused")]
    Envelope(#[from] EnvelopeError),
    /// For another address, hub or suite than the one that was asked.
    #[error("envelope is for another address")]
    OtherAddress,
    /// Its receipt is refused.
    #[error("receipt of the envelope is refused")]
    Receipt(#[from] ReceiptError),
    /// The receipt is of another place of the address.
    #[error("receipt is of another place")]
    OtherPlace,
}

impl DeliveryError {
    /// The stable code of the alarm that a client raises.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Envelope(_) | Self::OtherAddress => "envelope-refused",
            Self::Receipt(_) | Self::OtherPlace => "receipt-refused",
        }
    }
}

/// Reads an envelope that was fetched at `pos` of `to`, and checks that its receipt proves just that
/// (R5). Whoever holds the address's key opens it next.
///
/// # Errors
/// [`DeliveryError`].
pub fn verify_delivery(
    envelope: &[u8],
    receipt: &Receipt,
    pos: u64,
    to: &To,
    trust: &HubTrust,
) -> Result<(Envelope, VerifiedReceipt), DeliveryError> {
    let parsed = Envelope::parse(envelope)?;
    let header = parsed.header();
    if (header.hub, header.to, header.suite) != (to.hub, to.address, to.suite) {
        return Err(DeliveryError::OtherAddress);
    }
    let of = ReceiptFor {
        address: &header.to,
        envelope_hash: &Sha256Hash::of(envelope),
        commit: &header.commit,
    };
    let verified = verify(receipt, of, trust)?;
    if holds(Check::ReceiptPlace, verified.opening.pos == pos) {
        Ok((parsed, verified))
    } else {
        Err(DeliveryError::OtherPlace)
    }
}

/// Checks that an object marker which was fetched at `pos` of an address is what its receipt proves.
///
/// # Errors
/// [`DeliveryError::Receipt`], [`DeliveryError::OtherPlace`].
pub fn verify_marker(
    id: &Sha256Hash,
    receipt: &Receipt,
    pos: u64,
    address: &AddressId,
    trust: &HubTrust,
) -> Result<VerifiedReceipt, DeliveryError> {
    let verified = verify_object(receipt, address, id, trust)?;
    if holds(Check::ReceiptPlace, verified.opening.pos == pos) {
        Ok(verified)
    } else {
        Err(DeliveryError::OtherPlace)
    }
}

/// Why a head is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeadError {
    /// Not signed by the hub's head key, or not understood.
    #[error("head of the address is not signed by its hub")]
    Signature,
    /// Of another address, or naming another checkpoint than the one beside it.
    #[error("head is of another address or checkpoint")]
    OtherAddress,
    /// The checkpoint is not the log's.
    #[error("checkpoint beside the head is refused")]
    Checkpoint(#[from] CheckpointError),
}

/// Checks the signed head of an address and the checkpoint beside it.
///
/// # Errors
/// [`HeadError`].
pub fn verify_head(
    head: &[u8],
    checkpoint: &str,
    address: &AddressId,
    trust: &HubTrust,
    verifier: &dyn Verifier,
) -> Result<(Head, Checkpoint), HeadError> {
    let object = Unverified::parse(head).map_err(|_| HeadError::Signature)?;
    let payload = object.danger_payload();
    let signed = object.verify(verifier, trust.head.key(), HEAD_TYP);
    checked(Check::HeadSignature, signed.map(drop)).map_err(|_| HeadError::Signature)?;
    let head: Head = serde_json::from_slice(payload).map_err(|_| HeadError::Signature)?;
    if head.address != *address || head.checkpoint_hash != Sha256Hash::of(checkpoint.as_bytes()) {
        return Err(HeadError::OtherAddress);
    }
    Ok((head, open_checkpoint(checkpoint, &trust.deposits)?))
}

/// Whether a receipt and a signed head of the same address together prove that the hub withholds: the
/// head's checkpoint covers the receipt's leaf, and yet the head ends below its position. Anybody who
/// is shown both, and the address's nonce, can check it.
#[must_use]
pub fn proves_withholding(
    receipt: &VerifiedReceipt,
    nonce_a: &Nonce,
    head: &Head,
    checkpoint: &Checkpoint,
) -> bool {
    receipt.opening.addr_c == address_commitment(&head.address, nonce_a)
        && receipt.index < checkpoint.size
        && head.pos_max.is_none_or(|max| receipt.opening.pos > max)
}
