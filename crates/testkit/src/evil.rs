//! A hub's own hand: what an operator who lies can sign with all its keys.

use crate::{House, START};
use denizen_api::receipt::HubTrust;
use denizen_model::{
    AddressId, Nonce, Sha256Hash, UnixTime,
    deposit::{LeafOpening, LeafType, Receipt, address_commitment},
};
use denizen_tlog::{
    Checkpoint, MemoryTiles, NoteSigner, UnverifiedProof, hash_leaf, prove_inclusion,
    sign_checkpoint,
};

/// A log that is signed by a hub's key and holds whatever is wanted: good receipts for anything.
pub struct EvilLog {
    signer: NoteSigner,
    /// What a client trusts of that hub.
    pub trust: HubTrust,
}

impl EvilLog {
    /// The hand of this hub's operator.
    #[must_use]
    pub fn of(house: &House, trust: HubTrust) -> Self {
        let (origin, seed) = (&house.config.origins.deposits, house.keys.log.danger_seed());
        Self {
            signer: NoteSigner::new(origin, &seed).unwrap(),
            trust,
        }
    }

    /// A receipt that verifies: for these bytes at this address and place, with this commitment.
    #[must_use]
    pub fn receipt(
        &self,
        to: &AddressId,
        commit: &Sha256Hash,
        envelope: &[u8],
        pos: u64,
    ) -> Receipt {
        make_receipt(&self.signer, to, (commit, envelope), pos, START)
    }
}

/// A receipt that verifies under a hub's log key, for whatever is wanted: for a commitment and bytes at
/// an address and place, at a time.
#[must_use]
pub fn make_receipt(
    signer: &NoteSigner,
    to: &AddressId,
    (commit, envelope): (&Sha256Hash, &[u8]),
    pos: u64,
    time: UnixTime,
) -> Receipt {
    let nonce_a = Nonce::new([8; 32]);
    let opening = LeafOpening {
        leaf_type: LeafType::Envelope,
        addr_c: address_commitment(to, &nonce_a),
        pos,
        time,
        envelope_hash: Sha256Hash::of(envelope),
        commit: *commit,
        nonce: Nonce::new([9; 32]),
    };
    let mut log = MemoryTiles::default();
    log.append(&[[1; 32], hash_leaf(opening.leaf().as_bytes())]);
    let checkpoint = Checkpoint {
        origin: signer.verifier().name().to_owned(),
        size: 2,
        root: log.root(),
    };
    let hashes = prove_inclusion(&log, 1, 2).unwrap();
    let note = sign_checkpoint(&checkpoint, signer);
    let proof = UnverifiedProof::format(Some(&opening.encode()), 1, &hashes, &note);
    Receipt { proof, nonce_a }
}
