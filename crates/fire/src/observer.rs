//! What must hold through every fault (R23), checked from outside: somebody who has kept every
//! acknowledgement and every checkpoint, over all restarts.

use crate::Leaves;
use denizen_api::{
    HubClient, Transport,
    client::{ClientError, RequestSigner},
    receipt::{HubTrust, ReceiptFor, verify, verify_delivery},
    wire::{DepositItem, DepositOutcome, Fetched},
};
use denizen_model::{
    AddressId, SecretKeyFor, Sha256Hash, UnixTime,
    deposit::LeafOpening,
    envelope::{Envelope, SUITE_1},
    key::Auth,
    message::To,
};
use denizen_tlog::{Hash, NoteVerifier, UnverifiedProof, open_checkpoint};
use std::collections::{BTreeMap, BTreeSet};

/// Deposits in one request of a check.
const BATCH: usize = 256;

/// Words of a break that nobody but the observer would find.
const GOOD: &str = "a good receipt";

/// An invariant that does not hold, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken(pub String);

impl Broken {
    /// Whether nobody but an observer who forgets nothing would find it: two trees of one size, or other
    /// bytes under a good receipt. No disk can bring that about, only the program.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.0.contains("two roots") || self.0.contains(GOOD)
    }
}

impl From<String> for Broken {
    fn from(words: String) -> Self {
        Self(words)
    }
}

/// What a deposit's leaf is, for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    pos: u64,
    index: u64,
    opening: LeafOpening,
}

#[derive(Debug, Clone)]
struct Known {
    item: DepositItem,
    /// None until it was acknowledged.
    place: Option<Place>,
    erased: Erased,
}

impl Known {
    fn is_other(&self, envelope: &[u8]) -> bool {
        self.erased == Erased::Done || self.item.envelope != envelope
    }
}

/// What its owner did with a deposit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Erased {
    Not,
    /// Asked for, without an answer: it may be there or not.
    Asked,
    /// Acknowledged.
    Done,
}

/// Somebody who forgets nothing.
#[derive(Debug, Clone, Default)]
pub struct Observer {
    deposits: BTreeMap<u64, Known>,
    /// Root of every size that was ever signed.
    roots: BTreeMap<u64, Hash>,
    /// All leaves of the largest tree that was read.
    leaves: Vec<Hash>,
    size: u64,
    /// Receipts of every deposit are verified in a check, and not of some.
    pub thorough: bool,
    checks: u64,
}

fn broken<T>(words: impl Into<String>) -> Result<T, Broken> {
    Err(Broken(words.into()))
}

impl Observer {
    /// An observer that verifies every receipt at every check.
    #[must_use]
    pub fn thorough() -> Self {
        Self {
            thorough: true,
            ..Self::default()
        }
    }

    /// A deposit that is on its way: it may be there later, or not.
    pub fn sent(&mut self, number: u64, item: &DepositItem) {
        let known = || Known {
            item: item.clone(),
            place: None,
            erased: Erased::Not,
        };
        self.deposits.entry(number).or_insert_with(known);
    }

    /// How many deposits were acknowledged.
    #[must_use]
    pub fn acknowledged(&self) -> usize {
        let deposits = self.deposits.values();
        deposits.filter(|known| known.place.is_some()).count()
    }

    /// How many deposits never had an answer.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.deposits.len() - self.acknowledged()
    }

    /// An answer to a deposit: it counts for ever.
    ///
    /// # Errors
    /// [`Broken`] if it has another place than before.
    pub fn answered(
        &mut self,
        number: u64,
        item: &DepositItem,
        outcome: &DepositOutcome,
        trust: Option<&HubTrust>,
    ) -> Result<(), Broken> {
        self.sent(number, item);
        let known = self.deposits.get(&number).unwrap();
        let place = match outcome {
            DepositOutcome::Gone { index } => {
                let same = known.place.as_ref().is_some_and(|p| p.index == *index);
                return if known.erased != Erased::Not && same {
                    Ok(())
                } else {
                    broken(format!("deposit {number} is gone, and nobody erased it"))
                };
            }
            DepositOutcome::Refused(why) => {
                return broken(format!("deposit {number} is refused: {why}"));
            }
            DepositOutcome::Stored {
                pos,
                index,
                receipt,
            } => {
                let proof = UnverifiedProof::parse(&receipt.proof)
                    .map_err(|_| Broken("a receipt that is none".into()))?;
                let opening = proof.danger_extra().and_then(LeafOpening::parse).unwrap();
                if let Some(trust) = trust {
                    self.check_receipt(number, outcome, trust)?;
                }
                Place {
                    pos: *pos,
                    index: *index,
                    opening,
                }
            }
        };
        let known = self.deposits.get_mut(&number).unwrap();
        if known.erased == Erased::Done {
            return broken(format!("deposit {number} was erased, and is there again"));
        }
        if known.place.as_ref().is_some_and(|before| *before != place) {
            return broken(format!("deposit {number} has moved, or lost its time"));
        }
        known.place = Some(place);
        Ok(())
    }

    /// The owner asks to erase a deposit: from now on it may be gone.
    pub fn erasing(&mut self, number: u64) {
        self.deposits.get_mut(&number).unwrap().erased = Erased::Asked;
    }

    /// The hub said that it is erased.
    pub fn erased(&mut self, number: u64) {
        self.deposits.get_mut(&number).unwrap().erased = Erased::Done;
    }

    /// A receipt verifies, and its checkpoint is one of the log's.
    fn check_receipt(
        &mut self,
        number: u64,
        outcome: &DepositOutcome,
        trust: &HubTrust,
    ) -> Result<(), Broken> {
        let DepositOutcome::Stored { receipt, index, .. } = outcome else {
            return Ok(());
        };
        let envelope = &self.deposits[&number].item.envelope;
        let parsed = Envelope::parse(envelope).unwrap();
        let of = ReceiptFor {
            address: &parsed.header().to,
            envelope_hash: &Sha256Hash::of(envelope),
            commit: &parsed.header().commit,
        };
        let verified = verify(receipt, of, trust)
            .map_err(|e| Broken(format!("receipt of deposit {number}: {e}")))?;
        if verified.index != *index {
            return broken(format!("receipt of deposit {number} has another index"));
        }
        self.saw(verified.checkpoint.size, verified.checkpoint.root)
    }

    /// A checkpoint that was signed.
    ///
    /// # Errors
    /// [`Broken`] if another one of its size was.
    pub fn saw_note(&mut self, note: &str, trust: &HubTrust) -> Result<(), Broken> {
        let checkpoint = open_checkpoint(note, &trust.deposits)
            .map_err(|e| Broken(format!("a checkpoint: {e}")))?;
        self.saw(checkpoint.size, checkpoint.root)
    }

    fn saw(&mut self, size: u64, root: Hash) -> Result<(), Broken> {
        if *self.roots.entry(size).or_insert(root) == root {
            Ok(())
        } else {
            broken(format!("two roots of size {size}"))
        }
    }

    /// Reads the whole log and every address, and sends again what was acknowledged: all that R23 says.
    ///
    /// # Errors
    /// The first that is [`Broken`].
    pub async fn check<T: Transport>(&mut self, hub: Seen<'_, T>) -> Result<(), Broken> {
        self.checks += 1;
        let wire = hub.client.transport();
        self.check_log(wire, hub.url, &hub.trust.deposits).await?;
        self.check_again(&hub).await?;
        for auth in hub.addresses {
            self.check_address(&hub, auth).await?;
        }
        self.check_places()
    }

    /// The log is as large as it ever was, and every root that was signed is one of its.
    ///
    /// # Errors
    /// [`Broken`].
    pub async fn check_log<T: Transport>(
        &mut self,
        wire: &T,
        url: &str,
        log: &NoteVerifier,
    ) -> Result<(), Broken> {
        let known: &[Hash] = if self.thorough { &[] } else { &self.leaves };
        let leaves = Leaves::read(wire, url, log, known).await?;
        if leaves.checkpoint.size < self.size {
            return broken(format!(
                "the log went back from {} to {}",
                self.size, leaves.checkpoint.size
            ));
        }
        self.saw(leaves.checkpoint.size, leaves.checkpoint.root)?;
        let beyond = |(size, _): (&u64, &Hash)| *size > leaves.checkpoint.size;
        if self.roots.last_key_value().is_some_and(beyond) {
            return broken("a larger tree was signed than there is");
        }
        let signed = usize::try_from(self.size).unwrap();
        if leaves.hashes[..signed] != self.leaves[..signed] {
            return broken("a leaf of a signed tree is another now");
        }
        let sizes: Vec<u64> = self.roots.keys().copied().collect();
        for (size, root) in sizes.iter().zip(leaves.roots(&sizes)) {
            if self.roots[size] != root {
                return broken(format!(
                    "the root of size {size} is not the one that was signed"
                ));
            }
        }
        self.size = leaves.checkpoint.size;
        self.leaves = leaves.hashes;
        Ok(())
    }

    /// What was acknowledged keeps leaf, index and time when it is sent again.
    async fn check_again<T: Transport>(&mut self, hub: &Seen<'_, T>) -> Result<(), Broken> {
        let acknowledged = |(_, known): &(&u64, &Known)| known.place.is_some();
        let again: Vec<(u64, DepositItem)> = self
            .deposits
            .iter()
            .filter(acknowledged)
            .map(|(number, known)| (*number, known.item.clone()))
            .collect();
        for batch in again.chunks(BATCH) {
            let items: Vec<_> = batch.iter().map(|(_, item)| item.clone()).collect();
            let outcomes = hub.client.deposit(&items, hub.signer, hub.now).await;
            let outcomes = outcomes.map_err(|e| failed("deposits again", e))?;
            for ((number, item), outcome) in batch.iter().zip(&outcomes) {
                let some = self.thorough || (number + self.checks).is_multiple_of(17);
                self.answered(*number, item, outcome, some.then_some(hub.trust))?;
            }
        }
        Ok(())
    }

    /// An address has each of its deposits once, with its bytes, at its place.
    async fn check_address<T: Transport>(
        &mut self,
        hub: &Seen<'_, T>,
        auth: &SecretKeyFor<Auth>,
    ) -> Result<(), Broken> {
        let id = AddressId::of(&auth.public_for());
        let to = To {
            hub: *hub.client.hub(),
            address: id,
            suite: SUITE_1,
        };
        let places: BTreeMap<u64, u64> = self
            .deposits
            .iter()
            .filter(|(_, k)| Envelope::parse(&k.item.envelope).unwrap().header().to == id)
            .filter_map(|(number, k)| Some((k.place.as_ref()?.pos, *number)))
            .collect();
        let (mut after, mut next, mut seen) = (None, 0, BTreeSet::new());
        loop {
            let page = hub.client.fetch(auth, after, 0, hub.now).await;
            let page = page.map_err(|e| failed("an address", e))?;
            if page.items.is_empty() {
                break;
            }
            for fetched in &page.items {
                let pos = fetched.pos();
                if pos != next {
                    return broken(format!("place {next} of an address is not there"));
                }
                next += 1;
                let number = places.get(&pos);
                let known = number.map(|number| &self.deposits[number]);
                match fetched {
                    Fetched::Envelope {
                        envelope, receipt, ..
                    } => {
                        if known.is_some_and(|k| k.is_other(envelope)) {
                            let proven = verify_delivery(envelope, receipt, pos, &to, hub.trust);
                            let with = if proven.is_ok() {
                                GOOD
                            } else {
                                "a bad receipt"
                            };
                            return broken(format!("place {pos} has other bytes, with {with}"));
                        }
                        if !seen.insert(Sha256Hash::of(envelope)) {
                            return broken(format!("place {pos} has what another place has"));
                        }
                        if self.thorough || (pos + self.checks).is_multiple_of(17) {
                            verify_delivery(envelope, receipt, pos, &to, hub.trust)
                                .map_err(|e| Broken(format!("place {pos}: {e}")))?;
                        }
                    }
                    Fetched::Tombstone { .. } if known.is_none_or(|k| k.erased != Erased::Not) => {}
                    _ => return broken(format!("place {pos} is something else")),
                }
            }
            after = page.items.last().map(Fetched::pos);
        }
        match places.last_key_value() {
            Some((last, _)) if *last >= next => broken(format!("place {last} is not there")),
            _ => Ok(()),
        }
    }

    /// No two deposits have one leaf, and time never goes back with the index.
    fn check_places(&self) -> Result<(), Broken> {
        let places = self.deposits.values().filter_map(|k| k.place.as_ref());
        let mut by_index: BTreeMap<u64, UnixTime> = BTreeMap::new();
        for place in places {
            if by_index.insert(place.index, place.opening.time).is_some() {
                return broken(format!("two deposits at index {}", place.index));
            }
            let leaf = denizen_tlog::hash_leaf(place.opening.leaf().as_bytes());
            let at = usize::try_from(place.index).unwrap();
            if self.leaves.get(at).is_some_and(|is| *is != leaf) {
                return broken(format!("leaf {at} is of something else"));
            }
        }
        let times: Vec<_> = by_index.values().collect();
        if times.is_sorted() {
            Ok(())
        } else {
            broken("time goes back")
        }
    }
}

fn failed(what: &str, error: ClientError) -> Broken {
    Broken(format!("{what}: {error}"))
}

/// A hub as an observer asks it.
pub struct Seen<'a, T> {
    /// A client of it.
    pub client: &'a HubClient<T>,
    /// Its base URL.
    pub url: &'a str,
    /// Its keys.
    pub trust: &'a HubTrust,
    /// Signs deposits that are sent again.
    pub signer: RequestSigner<'a>,
    /// Addresses whose places are read.
    pub addresses: &'a [&'a SecretKeyFor<Auth>],
    /// The time of requests.
    pub now: UnixTime,
}
