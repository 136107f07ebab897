//! The hand of a hub's operator: all that can be signed with the hub's keys.

use denizen_api::wire::{DirectoryAnswer, FetchAnswer, Fetched};
use denizen_hub::HubKeys;
use denizen_jose::Unverified;
use denizen_model::{
    AddressId, HubId, KeyPurpose, SecretKeyFor, Sha256Hash,
    deposit::{Head, LeafOpening, Receipt, sign_head},
    envelope::Envelope,
    jose::base64url_decode,
    statement::{Origins, Statement, full_kid},
};
use denizen_testkit::{Exchange, START, World, make_receipt};
use denizen_tlog::{
    Checkpoint, MemoryTiles, NoteSigner, UnverifiedProof, hash_leaf, sign_checkpoint,
};
use serde_json::Value;
use std::{fs, path::Path};

/// An operator who lies, with all keys of a hub but the operator's offline one.
pub struct HubHand {
    hub: HubId,
    keys: HubKeys,
    origins: Origins,
}

impl HubHand {
    /// The hand of the first hub's operator.
    #[must_use]
    pub fn of(world: &World) -> Self {
        let house = world.house();
        Self {
            hub: house.id,
            keys: house.keys.clone(),
            origins: house.config.origins.clone(),
        }
    }

    /// The hand of whoever has a hub's folder, as `denizen hub init` makes it.
    #[must_use]
    pub fn of_folder(folder: &Path) -> Self {
        let statement = fs::read(folder.join("statement")).unwrap();
        let object = Unverified::parse(&statement).unwrap();
        let claimed: Statement = serde_json::from_slice(object.danger_payload()).unwrap();
        Self {
            hub: Sha256Hash::of(&statement).into(),
            keys: HubKeys {
                log: key_in(&folder.join("keys/log.key")),
                head: key_in(&folder.join("keys/head.key")),
            },
            origins: claimed.origins.unwrap(),
        }
    }

    /// Signs the head of an answer anew after `change`.
    pub fn sign_head(&self, answer: &mut FetchAnswer, change: impl FnOnce(&mut Head)) {
        let mut head = head_of(answer);
        change(&mut head);
        let kid = full_kid(&self.hub.into(), "head-1");
        answer.head = sign_head(&head, &self.keys.head, &kid).into_bytes();
    }

    /// One place of an address with these bytes, and a receipt that is good for just them.
    #[must_use]
    pub fn place(&self, to: &AddressId, envelope: &[u8], pos: u64) -> Fetched {
        Fetched::Envelope {
            pos,
            envelope: envelope.to_vec(),
            receipt: self.receipt(to, envelope, pos),
        }
    }

    /// The same envelope at another place, delivered when it was, with a receipt for that.
    #[must_use]
    pub fn moved_to(&self, item: &Fetched, to: &AddressId, pos: u64) -> Fetched {
        let Fetched::Envelope {
            envelope, receipt, ..
        } = item
        else {
            panic!("no envelope: {item:?}");
        };
        let proof = UnverifiedProof::parse(&receipt.proof).unwrap();
        let opening = LeafOpening::parse(proof.danger_extra().unwrap()).unwrap();
        let of = (&opening.commit, envelope.as_slice());
        Fetched::Envelope {
            pos,
            envelope: envelope.clone(),
            receipt: make_receipt(&self.log_of_deposits(), to, of, pos, opening.time),
        }
    }

    /// The answer without its first place, as if that had never been: the rest moves up, and a signed
    /// head counts as many.
    pub fn leave_out_first(&self, answer: &mut FetchAnswer) {
        let to = head_of(answer).address;
        let first = answer.items.remove(0).pos();
        let left = answer.items.iter().zip(first..);
        let left = left.map(|(item, pos)| self.moved_to(item, &to, pos));
        answer.items = left.collect();
        self.sign_head(answer, |head| {
            head.pos_max = head.pos_max.map(|pos| pos - 1)
        });
    }

    /// A receipt of one envelope at one place, shown beside another.
    #[must_use]
    pub fn receipt(&self, to: &AddressId, of: &[u8], pos: u64) -> Receipt {
        let commit = Envelope::parse(of).unwrap().header().commit;
        make_receipt(&self.log_of_deposits(), to, (&commit, of), pos, START)
    }

    fn log_of_deposits(&self) -> NoteSigner {
        NoteSigner::new(&self.origins.deposits, &self.keys.log.danger_seed()).unwrap()
    }

    /// Another state of the deposit log, signed: as large as the one of `answer`, with another root.
    pub fn fork_log(&self, answer: &mut FetchAnswer, size: u64) {
        let checkpoint = Checkpoint {
            origin: self.origins.deposits.clone(),
            size,
            root: [7; 32],
        };
        answer.checkpoint = sign_checkpoint(&checkpoint, &self.log_of_deposits());
        let hash = Sha256Hash::of(answer.checkpoint.as_bytes());
        self.sign_head(answer, |head| head.checkpoint_hash = hash);
    }

    /// A directory of any entries under a good checkpoint.
    #[must_use]
    pub fn directory(&self, entries: Vec<Vec<u8>>) -> DirectoryAnswer {
        let signer = NoteSigner::new(&self.origins.directory, &self.keys.log.danger_seed());
        let mut log = MemoryTiles::default();
        for entry in &entries {
            log.append(&[hash_leaf(entry)]);
        }
        let checkpoint = Checkpoint {
            origin: self.origins.directory.clone(),
            size: entries.len() as u64,
            root: log.root(),
        };
        DirectoryAnswer {
            checkpoint: sign_checkpoint(&checkpoint, &signer.unwrap()),
            entries,
        }
    }
}

/// The head of an answer, unverified.
#[must_use]
pub fn head_of(answer: &FetchAnswer) -> Head {
    let object = Unverified::parse(&answer.head).unwrap();
    serde_json::from_slice(object.danger_payload()).unwrap()
}

/// The key of a file that `denizen` wrote.
fn key_in<P: KeyPurpose>(file: &Path) -> SecretKeyFor<P> {
    let written: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let seed = base64url_decode(written["seed"].as_str().unwrap()).unwrap();
    SecretKeyFor::from_seed(&seed.try_into().unwrap()).unwrap()
}

/// Where a fetch of this address's envelopes begins, if an exchange is one.
#[must_use]
pub fn address_in(exchange: &Exchange, address: &AddressId) -> Option<Option<u64>> {
    let (path, query) = exchange.path().split_once('?')?;
    let mine = path == format!("/v1/addresses/{}/envelopes", address.to_text());
    let after = query
        .split('&')
        .find_map(|part| part.strip_prefix("after="));
    mine.then(|| after.map(|after| after.parse().unwrap()))
}
