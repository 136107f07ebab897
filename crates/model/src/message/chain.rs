//! Chains of messages on both sides: the sender's own, and the heads that a recipient has seen.

use super::Chain;
use crate::{MessageId, Sha256Hash};
use denizen_guard::{Check, holds};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A chain of messages as its sender keeps it. Specified in `docs/spec/message.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutChain {
    id: MessageId,
    seq: u64,
    head: Option<Sha256Hash>,
    #[serde(default)]
    follows: Vec<Sha256Hash>,
}

impl OutChain {
    /// A new chain that follows the heads of earlier ones.
    #[must_use]
    pub fn make(follows: Vec<Sha256Hash>, rng: &mut dyn rand_core::CryptoRng) -> Self {
        let mut rng = rng;
        Self {
            id: MessageId::make(&mut rng),
            seq: 0,
            head: None,
            follows,
        }
    }

    /// The place of the next message; only the first names what the chain follows.
    #[must_use]
    pub fn next_place(&self) -> Chain {
        let follows = if self.seq == 0 {
            self.follows.clone()
        } else {
            Vec::new()
        };
        Chain {
            id: self.id,
            seq: self.seq,
            prev: self.head,
            follows,
        }
    }

    /// Hash of the newest message.
    #[must_use]
    pub fn head(&self) -> Option<Sha256Hash> {
        self.head
    }

    /// Moves on after a message with this hash.
    pub fn advance(&mut self, hash: Sha256Hash) {
        self.seq += 1;
        self.head = Some(hash);
    }
}

/// Heads of the other side's chains: by the chain's id, number and hash of its newest message.
pub type Heads = BTreeMap<String, (u64, Sha256Hash)>;

/// Takes a message's place into the heads; `false` if it does not follow the newest one, so that one
/// before it is missing or it came late. A late one never moves a head back.
pub fn take_place(heads: &mut Heads, chain: &Chain, hash: Sha256Hash) -> bool {
    let id = chain.id.to_text();
    let head = heads.get(&id).copied();
    let follows = match head {
        None => chain.seq == 0 && chain.prev.is_none(),
        Some((seq, head)) => seq.checked_add(1) == Some(chain.seq) && chain.prev == Some(head),
    };
    if head.is_none_or(|(seq, _)| chain.seq > seq) {
        heads.insert(id, (chain.seq, hash));
    }
    holds(Check::ChainGap, follows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(seq: u64, prev: Option<u8>) -> Chain {
        Chain {
            id: MessageId::new([1; 16]),
            seq,
            prev: prev.map(|b| Sha256Hash::new([b; 32])),
            follows: Vec::new(),
        }
    }

    #[test]
    fn a_gap_is_told_once_and_a_late_message_moves_no_head_back() {
        let mut heads = Heads::new();
        let mut take = |seq, prev, hash| {
            take_place(&mut heads, &place(seq, prev), Sha256Hash::new([hash; 32]))
        };
        assert!(take(0, None, 10) && take(1, Some(10), 11));
        assert!(!take(3, Some(12), 13), "one is missing");
        assert!(!take(2, Some(11), 12), "it came late");
        assert!(take(4, Some(13), 14), "the head stayed where it was");
        assert!(!take(5, Some(9), 15), "another one came before it");
        assert!(!take(u64::MAX, None, 16) && !take(u64::MAX, None, 17));
    }
}
