//! All leaves of a hub's deposit log, as anybody may read them.

use denizen_api::Transport;
use denizen_tlog::{
    Checkpoint, Hash, NoteVerifier, RightEdge, TILE_WIDTH, TilePath, decode_bundle, hash_leaf,
    open_checkpoint,
};

/// The leaves that a signed checkpoint covers.
#[derive(Debug, Clone)]
pub struct Leaves {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// Hashes of the leaves.
    pub hashes: Vec<Hash>,
}

impl Leaves {
    /// Reads them over HTTP, as far as `known` does not have them: full bundles below a size that was
    /// checked before are not asked for again.
    ///
    /// # Errors
    /// What does not fit, in words.
    pub async fn read<T: Transport>(
        wire: &T,
        url: &str,
        log: &NoteVerifier,
        known: &[Hash],
    ) -> Result<Self, String> {
        let note = get(wire, &format!("{url}/log/deposits/checkpoint")).await?;
        let note = String::from_utf8(note).map_err(|_| "a checkpoint that is no text")?;
        let checkpoint = open_checkpoint(&note, log).map_err(|e| format!("a checkpoint: {e}"))?;
        let size = usize::try_from(checkpoint.size).unwrap();
        let kept = known.len().min(size) / TILE_WIDTH * TILE_WIDTH;
        let mut hashes = known[..kept].to_vec();
        while hashes.len() < size {
            let path = TilePath {
                level: None,
                index: (hashes.len() / TILE_WIDTH) as u64,
                width: (size - hashes.len()).min(TILE_WIDTH),
            };
            let bundle = get(wire, &format!("{url}/log/deposits/{path}")).await?;
            let entries = decode_bundle(&bundle).map_err(|_| "a bundle that is none")?;
            if entries.len() != path.width {
                return Err(format!("a bundle of {} entries: {path}", entries.len()));
            }
            hashes.extend(entries.into_iter().map(hash_leaf));
        }
        Ok(Self { checkpoint, hashes })
    }

    /// Roots of these sizes, in ascending order.
    #[must_use]
    pub fn roots(&self, sizes: &[u64]) -> Vec<Hash> {
        let mut edge = RightEdge::default();
        let root = |size: &u64| {
            let from = usize::try_from(edge.size()).unwrap();
            let to = usize::try_from(*size).unwrap();
            let _tiles = edge.append(&self.hashes[from..to]);
            edge.root()
        };
        sizes.iter().map(root).collect()
    }
}

async fn get<T: Transport>(wire: &T, url: &str) -> Result<Vec<u8>, String> {
    let request = http::Request::get(url).body(Vec::new()).unwrap();
    let answer = wire.send(request).await;
    let answer = answer.map_err(|_| format!("no answer to {url}"))?;
    if answer.status().is_success() {
        Ok(answer.into_body())
    } else {
        Err(format!("{} for {url}", answer.status()))
    }
}
