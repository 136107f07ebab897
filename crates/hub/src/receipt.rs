//! Receipts: a C2SP tlog-proof whose `extra` is the leaf's opening.

use denizen_model::{
    Nonce,
    deposit::{LeafOpening, Receipt},
};
use denizen_store::{StoreError, hub::StoredTiles};
use denizen_tlog::{UnverifiedProof, prove_inclusion};

use crate::log::Published;

/// The receipt of leaf `index` under a published checkpoint that covers it.
///
/// # Errors
/// [`StoreError::Damaged`] if the tiles do not reach.
pub(crate) fn receipt(
    opening: &LeafOpening,
    nonce_a: Nonce,
    index: u64,
    published: &Published,
    tiles: &StoredTiles<'_>,
) -> Result<Receipt, StoreError> {
    let hashes = prove_inclusion(tiles, index, published.size).map_err(|_| StoreError::Damaged)?;
    let extra = opening.encode();
    let proof = UnverifiedProof::format(Some(&extra), index, &hashes, &published.checkpoint);
    Ok(Receipt { proof, nonce_a })
}
