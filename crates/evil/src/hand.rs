//! The hand of a hub's operator: all that can be signed with the hub's keys.

use denizen_api::{
    receipt::HubTrust,
    wire::{DirectoryAnswer, FetchAnswer, Fetched},
};
use denizen_hub::HubKeys;
use denizen_jose::Unverified;
use denizen_model::{
    AddressId, HubId, Sha256Hash,
    deposit::{Head, Receipt, sign_head},
    envelope::Envelope,
    statement::{Origins, full_kid},
};
use denizen_testkit::{EvilLog, Exchange, World};
use denizen_tlog::{Checkpoint, MemoryTiles, NoteSigner, hash_leaf, sign_checkpoint};

/// An operator who lies, with all keys of the first hub of a world.
pub struct HubHand {
    hub: HubId,
    keys: HubKeys,
    origins: Origins,
    log: EvilLog,
}

impl HubHand {
    /// The hand of the first hub's operator.
    pub async fn of(world: &World) -> Self {
        let house = world.house();
        let trust = world.directory(0).await.trust;
        Self {
            hub: house.id,
            keys: house.keys.clone(),
            origins: house.config.origins.clone(),
            log: EvilLog::of(house, trust),
        }
    }

    /// What its clients trust.
    #[must_use]
    pub fn trust(&self) -> &HubTrust {
        &self.log.trust
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

    /// A receipt of one envelope at one place, shown beside another.
    #[must_use]
    pub fn receipt(&self, to: &AddressId, of: &[u8], pos: u64) -> Receipt {
        let commit = Envelope::parse(of).unwrap().header().commit;
        self.log.receipt(to, &commit, of, pos)
    }

    /// Another state of the deposit log, signed: as large as the one of `answer`, with another root.
    pub fn fork_log(&self, answer: &mut FetchAnswer, size: u64) {
        let seed = self.keys.log.danger_seed();
        let signer = NoteSigner::new(&self.origins.deposits, &seed).unwrap();
        let checkpoint = Checkpoint {
            origin: self.origins.deposits.clone(),
            size,
            root: [7; 32],
        };
        answer.checkpoint = sign_checkpoint(&checkpoint, &signer);
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

/// The same envelope at another place, with a receipt for that.
#[must_use]
pub fn moved_to(hand: &HubHand, item: &Fetched, to: &AddressId, pos: u64) -> Fetched {
    match item {
        Fetched::Envelope { envelope, .. } => hand.place(to, envelope, pos),
        other => panic!("no envelope: {other:?}"),
    }
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
