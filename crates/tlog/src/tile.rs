//! Tiles of height 8. Source: c2sp.org/tlog-tiles.

use crate::tree::{Hash, empty_root, hash_children, perfect_root};
use std::{borrow::Cow, collections::BTreeMap, fmt, sync::OnceLock};

/// Levels of the tree in one tile.
pub const TILE_HEIGHT: u32 = 8;
/// Hashes in a full tile.
pub const TILE_WIDTH: usize = 256;
/// Largest entry of a bundle: its length is 16 bits.
pub const ENTRY_SIZE_BYTES_MAX: usize = 65_535;

/// A tile that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TileError {
    /// Not there, or narrower than asked for.
    #[error("a tile of the log is missing or too narrow")]
    Missing,
    /// Bytes that are no tile or bundle, or an entry that is too long for one.
    #[error("bytes are no tile or entry bundle")]
    Malformed,
}

/// Where hashes come from when proofs are made.
pub trait TileReader {
    /// The first `width` hashes (at least) of the tile at `level` and `index`.
    ///
    /// # Errors
    /// [`TileError::Missing`].
    fn tile(&self, level: u32, index: u64, width: usize) -> Result<Cow<'_, [Hash]>, TileError>;

    /// The hash over `1 << height` of those hashes, from the one at `at` on. Whoever makes several proofs
    /// from one tile keeps a [`TileTree`] and overrides this.
    ///
    /// # Errors
    /// [`TileError::Missing`].
    fn node(
        &self,
        (level, index, width): (u32, u64, usize),
        at: usize,
        height: u32,
    ) -> Result<Hash, TileError> {
        let tile = self.tile(level, index, width)?;
        let hashes = tile.get(at..at + (1 << height)).ok_or(TileError::Missing)?;
        Ok(perfect_root(hashes))
    }
}

/// A tile's hashes and the nodes above them, each computed once.
#[derive(Debug)]
pub struct TileTree {
    hashes: Vec<Hash>,
    /// The node at a height above 0 is at `(256 >> height) + (first hash >> height)`.
    nodes: Vec<OnceLock<Hash>>,
}

impl TileTree {
    /// The tree over at most 256 hashes.
    #[must_use]
    pub fn new(hashes: Vec<Hash>) -> Self {
        let nodes = vec![OnceLock::new(); TILE_WIDTH];
        Self { hashes, nodes }
    }

    /// The hashes.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// The hash over `1 << height` hashes from `at` on, a multiple of that; none where they are not there.
    #[must_use]
    pub fn node(&self, at: usize, height: u32) -> Option<Hash> {
        let count = 1_usize.checked_shl(height)?;
        if at % count != 0 || at.checked_add(count)? > self.hashes.len() {
            return None;
        }
        if height == 0 {
            return self.hashes.get(at).copied();
        }
        let node = self.nodes.get((TILE_WIDTH >> height) + (at >> height))?;
        if let Some(known) = node.get() {
            return Some(*known);
        }
        let half = count / 2;
        let hash = hash_children(
            &self.node(at, height - 1)?,
            &self.node(at + half, height - 1)?,
        );
        Some(*node.get_or_init(|| hash))
    }
}

/// One tile as written: its place and its hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    /// Tile level: 0 holds leaf hashes.
    pub level: u32,
    /// Index within the level.
    pub index: u64,
    /// 1 to 256 hashes.
    pub hashes: Vec<Hash>,
}

impl Tile {
    /// The tile's bytes: its hashes one after the other.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.hashes.concat()
    }

    /// Reads a tile's hashes.
    ///
    /// # Errors
    /// [`TileError::Malformed`] unless it is 1 to 256 whole hashes.
    pub fn decode_hashes(bytes: &[u8]) -> Result<Vec<Hash>, TileError> {
        let hashes: Option<Vec<Hash>> = bytes.chunks(32).map(|hash| hash.try_into().ok()).collect();
        let hashes = hashes.ok_or(TileError::Malformed)?;
        if hashes.is_empty() || hashes.len() > TILE_WIDTH {
            return Err(TileError::Malformed);
        }
        Ok(hashes)
    }
}

/// The path of a tile or bundle below a log's prefix, as `tile/0/x001/067.p/8` or
/// `tile/entries/x001/067`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TilePath {
    /// Level of a hash tile; none for an entry bundle.
    pub level: Option<u32>,
    /// Index.
    pub index: u64,
    /// Width: 256 for a full one.
    pub width: usize,
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            Some(level) => write!(f, "tile/{level}/")?,
            None => f.write_str("tile/entries/")?,
        }
        let mut groups = vec![format!("{:03}", self.index % 1000)];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(format!("x{:03}", rest % 1000));
            rest /= 1000;
        }
        groups.reverse();
        f.write_str(&groups.join("/"))?;
        if self.width < TILE_WIDTH {
            write!(f, ".p/{}", self.width)
        } else {
            Ok(())
        }
    }
}

impl TilePath {
    /// Reads a path; `None` unless it is written as [`TilePath`] writes it.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let (kind, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let level = match kind {
            "entries" => None,
            level => Some(level.parse().ok().filter(|l| *l < 8)?),
        };
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => (index, width.parse().ok()?),
            None => (rest, TILE_WIDTH),
        };
        let mut number: u64 = 0;
        for group in index.split('/') {
            let digits = group.strip_prefix('x').unwrap_or(group);
            number = number
                .checked_mul(1000)?
                .checked_add(digits.parse().ok()?)?;
        }
        let this = Self {
            level,
            index: number,
            width,
        };
        ((1..=TILE_WIDTH).contains(&width) && this.to_string() == path).then_some(this)
    }
}

/// Encodes an entry bundle: each entry after its length as 16 bits, big-endian.
///
/// # Errors
/// [`TileError::Malformed`] for an entry over [`ENTRY_SIZE_BYTES_MAX`].
pub fn encode_bundle<'a>(
    entries: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<u8>, TileError> {
    let mut bytes = Vec::new();
    for entry in entries {
        let len = u16::try_from(entry.len()).map_err(|_| TileError::Malformed)?;
        bytes.extend_from_slice(&len.to_be_bytes());
        bytes.extend_from_slice(entry);
    }
    Ok(bytes)
}

/// Reads an entry bundle.
///
/// # Errors
/// [`TileError::Malformed`] for a cut bundle or more than 256 entries.
pub fn decode_bundle(mut bytes: &[u8]) -> Result<Vec<&[u8]>, TileError> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let (len, rest) = bytes.split_first_chunk::<2>().ok_or(TileError::Malformed)?;
        let len = usize::from(u16::from_be_bytes(*len));
        let (entry, rest) = rest.split_at_checked(len).ok_or(TileError::Malformed)?;
        entries.push(entry);
        bytes = rest;
        if entries.len() > TILE_WIDTH {
            return Err(TileError::Malformed);
        }
    }
    Ok(entries)
}

/// The right edge of a log: the partial tile of each level. From it the sequencer grows the log and
/// knows its root without reading anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RightEdge {
    size: u64,
    levels: Vec<Vec<Hash>>,
}

impl RightEdge {
    /// Rebuilds the edge of a log of `size` leaves from its stored tiles.
    ///
    /// # Errors
    /// [`TileError::Missing`] if a tile is not there. The caller compares [`RightEdge::root`] with
    /// the signed checkpoint before it signs anything new (R23).
    pub fn load(tiles: &impl TileReader, size: u64) -> Result<Self, TileError> {
        let mut levels = Vec::new();
        let mut covered = size;
        while covered > 0 {
            let width = usize::try_from(covered % TILE_WIDTH as u64).unwrap_or(0);
            let index = covered / TILE_WIDTH as u64;
            let level = u32::try_from(levels.len()).map_err(|_| TileError::Missing)?;
            levels.push(if width == 0 {
                Vec::new()
            } else {
                let tile = tiles.tile(level, index, width)?;
                tile.get(..width).ok_or(TileError::Missing)?.to_vec()
            });
            covered = index;
        }
        Ok(Self { size, levels })
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends leaf hashes and gives every tile that changed: full ones and the new partial ones.
    #[must_use]
    pub fn append(&mut self, leaves: &[Hash]) -> Vec<Tile> {
        let mut full = Vec::new();
        for leaf in leaves {
            self.push(0, *leaf, &mut full);
            self.size += 1;
        }
        let mut tiles = full;
        let mut covered = self.size;
        for (level, hashes) in (0u32..).zip(&self.levels) {
            let index = covered / TILE_WIDTH as u64;
            // A partial tile above level 0 changes only when a tile below it filled up.
            let below_filled = level == 0
                || tiles
                    .iter()
                    .any(|t| t.level + 1 == level && t.hashes.len() == TILE_WIDTH);
            if !hashes.is_empty() && below_filled {
                tiles.push(Tile {
                    level,
                    index,
                    hashes: hashes.clone(),
                });
            }
            covered = index;
        }
        tiles
    }

    fn push(&mut self, level: usize, hash: Hash, full: &mut Vec<Tile>) {
        if self.levels.len() <= level {
            self.levels.push(Vec::new());
        }
        let Some(hashes) = self.levels.get_mut(level) else {
            return;
        };
        hashes.push(hash);
        if hashes.len() == TILE_WIDTH {
            let hashes = std::mem::take(hashes);
            let root = perfect_root(&hashes);
            let number = u32::try_from(level).unwrap_or(u32::MAX);
            let index = self.size >> (TILE_HEIGHT * (number + 1));
            full.push(Tile {
                level: number,
                index,
                hashes,
            });
            self.push(level + 1, root, full);
        }
    }

    /// The root over all leaves.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = Vec::new();
        for hashes in self.levels.iter().rev() {
            let mut rest = hashes.as_slice();
            for bit in (0..TILE_HEIGHT).rev() {
                if hashes.len() & (1 << bit) != 0 {
                    let (left, right) = rest.split_at(1 << bit);
                    peaks.push(perfect_root(left));
                    rest = right;
                }
            }
        }
        let fold = |right: Hash, left: &Hash| hash_children(left, &right);
        match peaks.split_last() {
            None => empty_root(),
            Some((last, rest)) => rest.iter().rev().fold(*last, fold),
        }
    }
}

/// A log's tiles in memory: for clients that hold a whole small log, and for tests.
#[derive(Debug, Clone, Default)]
pub struct MemoryTiles {
    edge: RightEdge,
    tiles: BTreeMap<(u32, u64), Vec<Hash>>,
}

impl MemoryTiles {
    /// Appends leaf hashes and gives the new root.
    pub fn append(&mut self, leaves: &[Hash]) -> Hash {
        for tile in self.edge.append(leaves) {
            self.tiles.insert((tile.level, tile.index), tile.hashes);
        }
        self.edge.root()
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.edge.size()
    }

    /// The root over all leaves.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.edge.root()
    }
}

impl TileReader for MemoryTiles {
    fn tile(&self, level: u32, index: u64, width: usize) -> Result<Cow<'_, [Hash]>, TileError> {
        let tile = self.tiles.get(&(level, index)).filter(|t| t.len() >= width);
        tile.map(|t| Cow::Borrowed(t.as_slice()))
            .ok_or(TileError::Missing)
    }
}
