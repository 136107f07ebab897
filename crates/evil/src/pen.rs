//! What a person can write with her own keys, besides what her client does.

use denizen_api::{
    client::{RequestSigner, own_keyid},
    wire::{DepositItem, DepositOutcome},
};
use denizen_holder::Holder;
use denizen_model::{
    AddressId, DepositId, MessageId, Nonce, OrgId,
    envelope::SUITE_1,
    message::{Body, Chain, From, HubAddress, Message, To, holder_kid},
    statement::Inbox,
};
use denizen_seal::{AddressIndex, AddressKeys, KemPublic};
use denizen_testkit::{
    World,
    office::{header_of, seal},
};

/// The keys of one link of a person, and the inbox that it writes to.
pub struct Pen {
    /// Keys of the link.
    pub keys: AddressKeys,
    /// Her pass for that inbox.
    pub pass: Vec<u8>,
    inbox: Inbox,
}

impl Pen {
    /// The pen of a person's link with an office.
    pub async fn of(world: &World, holder: &Holder, link: u32) -> Self {
        let link = holder.profile().link(link).unwrap();
        let (index, salt) = (AddressIndex(link.index), Some(&link.salt));
        Self {
            keys: holder.danger_root().derive_address(index, salt),
            pass: link.deposit_pass.0.clone(),
            inbox: inbox_of(world, &link.org).await,
        }
    }

    /// A message to the office, first of a fresh chain, in the name of any address.
    pub fn message(&self, world: &mut World, from: AddressId, body: Body) -> Message {
        let (hub, now) = (world.house().id, world.now());
        let rng = &mut world.rng;
        let (id, chain, salt) = (MessageId::make(rng), MessageId::make(rng), Nonce::make(rng));
        Message {
            id,
            thid: None,
            from: From::Holder(HubAddress { hub, address: from }),
            to: To {
                hub,
                address: self.inbox.address,
                suite: SUITE_1,
            },
            created_time: now,
            expires_time: None,
            chain: Chain {
                id: chain,
                seq: 0,
                prev: None,
                follows: Vec::new(),
            },
            seen: Vec::new(),
            body,
            commit_salt: Some(salt),
            attachments: Vec::new(),
        }
    }

    /// Signs with this pen, under the key id that belongs to the message's sender.
    #[must_use]
    pub fn sign(&self, message: &Message) -> Vec<u8> {
        let From::Holder(from) = &message.from else {
            panic!("a person writes");
        };
        let kid = holder_kid(&from.address);
        message.sign(self.keys.sign.signer(), &kid).into_bytes()
    }

    /// Signs as [`Pen::sign`] does, seals and deposits.
    pub async fn send(&self, world: &mut World, message: &Message) -> DepositOutcome {
        let signed = self.sign(message);
        let kem = KemPublic::from_bytes(&self.inbox.kem.0).unwrap();
        let envelope = seal(&signed, &header_of(message), &kem, &mut world.rng);
        let item = DepositItem {
            deposit_id: DepositId::make(&mut world.rng),
            envelope: envelope.encode(),
            pass: Some(self.pass.clone()),
            reserved: false,
        };
        let keyid = own_keyid(self.keys.deposit.signer());
        let signer = RequestSigner::link(&self.keys.deposit, &keyid);
        let sent = world.client().deposit(&[item], signer, world.now()).await;
        sent.unwrap().remove(0)
    }
}

async fn inbox_of(world: &World, org: &OrgId) -> Inbox {
    let directory = world.directory(0).await.directory;
    let org = directory.organisation(org).unwrap();
    org.statement.inbox.clone().unwrap()
}
