//! One person, one office, one hub: where most attacks happen.

use crate::{HubHand, KIND, Paper, address_in, record_of};
use denizen_api::wire::{DepositOutcome, DirectoryAnswer, FetchAnswer, Fetched};
use denizen_holder::{Holder, HolderError, SyncReport};
use denizen_model::{
    AddressId, CopyRef, MessageId, Nonce, Sha256Hash,
    envelope::{Envelope, Header, SUITE_1},
    message::{Attachment, Body, Chain, From, LinkAccept, Message, Text, To},
};
use denizen_seal::{AddressIndex, KemPublic};
use denizen_testkit::{
    Desk, World, catalogue,
    office::{deposit_of, header_of, seal},
};
use http::Method;

/// A person with a confirmed link to one office, which may issue [`KIND`], and nothing else.
pub struct Scene {
    /// The world.
    pub world: World,
    /// The office.
    pub desk: Desk,
    /// Her client.
    pub holder: Holder,
    /// What she accepted the link with.
    pub accept: LinkAccept,
}

impl Scene {
    /// The scene of a seed.
    pub async fn make(seed: u64) -> Self {
        let mut world = World::make(seed).await;
        let mut desk = Desk::open(&mut world, "Office").await;
        admit(&world, &desk, &[KIND]).await;
        let (id, url) = (world.house().id, world.house().url.clone());
        let mut holder = Holder::make(id, &url, "en", catalogue(), &mut world.rng);
        let now = world.now();
        holder.begin(&world.wire, now).await.unwrap();
        let text = desk.invite(&mut world, |i| i.sends = vec![KIND.to_owned()]);
        let preview = holder.preview_invitation(&text, &world.wire, now).await;
        let link = holder.accept_invitation(preview.unwrap(), &mut world.rng);
        link.unwrap();
        holder
            .sync(&world.wire, 0, now, &mut world.rng)
            .await
            .unwrap();
        holder.send(&world.wire, now).await.unwrap();
        desk.confirm(&mut world).await;
        let accept = desk.read_inbox(&world).await.into_iter().find_map(|m| {
            if let Body::LinkAccept(accept) = m.body {
                Some(*accept)
            } else {
                None
            }
        });
        let mut scene = Self {
            world,
            desk,
            holder,
            accept: accept.unwrap(),
        };
        scene.settle().await;
        assert_eq!(scene.alarms(), Vec::<String>::new());
        scene
    }

    /// Her client syncs once and sends.
    ///
    /// # Errors
    /// As [`Holder::sync`].
    pub async fn sync(&mut self) -> Result<SyncReport, HolderError> {
        let now = self.world.now();
        let (wire, rng) = (&self.world.wire, &mut self.world.rng);
        let report = self.holder.sync(wire, 0, now, rng).await?;
        self.holder.send(wire, now).await?;
        Ok(report)
    }

    /// Her client syncs until nothing is on its way.
    pub async fn settle(&mut self) {
        for _ in 0..3 {
            self.sync().await.unwrap();
        }
    }

    /// Codes of her alarms.
    #[must_use]
    pub fn alarms(&self) -> Vec<String> {
        let alarms = self.holder.profile().alarms.iter();
        alarms.map(|a| a.code.clone()).collect()
    }

    /// The first alarm, as an outcome; none if nobody was told.
    #[must_use]
    pub fn told(&self) -> Option<crate::Outcome> {
        self.alarms().first().map(|code| crate::stopped(code))
    }

    /// The notes that she was shown.
    #[must_use]
    pub fn notes(&self) -> Vec<&str> {
        let notes = self.holder.profile().notes.iter();
        notes.map(|n| n.text.as_str()).collect()
    }

    /// The address of her link.
    #[must_use]
    pub fn link(&self) -> AddressId {
        self.desk.keys.as_ref().unwrap().address
    }

    /// Her link's address as messages name it.
    #[must_use]
    pub fn to(&self) -> To {
        To {
            hub: self.world.house().id,
            address: self.link(),
            suite: SUITE_1,
        }
    }

    /// Her link's `kem`.
    #[must_use]
    pub fn kem(&self) -> KemPublic {
        KemPublic::from_bytes(&self.desk.keys.as_ref().unwrap().kem.0).unwrap()
    }

    /// A message of the office, first of a fresh chain; nobody has signed it.
    pub fn message(&mut self, body: Body, attachments: Vec<Attachment>) -> Message {
        let rng = &mut self.world.rng;
        let (id, chain, salt) = (MessageId::make(rng), MessageId::make(rng), Nonce::make(rng));
        Message {
            id,
            thid: None,
            from: From::Org(self.desk.office.id),
            to: self.to(),
            created_time: self.world.now(),
            expires_time: None,
            chain: Chain {
                id: chain,
                seq: 0,
                prev: None,
                follows: Vec::new(),
            },
            seen: Vec::new(),
            body,
            commit_salt: attachments.is_empty().then_some(salt),
            attachments,
        }
    }

    /// A note, as [`Scene::message`].
    pub fn note(&mut self, text: &str) -> Message {
        let text = text.to_owned();
        self.message(Body::Note(Text { text }), Vec::new())
    }

    /// Signs a message as the office.
    #[must_use]
    pub fn sign(&self, message: &Message) -> Vec<u8> {
        self.desk.office.sign(message)
    }

    /// Seals signed bytes to her link's key, under the header that belongs to `message`.
    pub fn seal(&mut self, signed: &[u8], message: &Message) -> Envelope {
        let (kem, header) = (self.kem(), header_of(message));
        seal(signed, &header, &kem, &mut self.world.rng)
    }

    /// The office deposits an envelope.
    pub async fn deposit(&mut self, envelope: &Envelope) {
        let item = deposit_of(envelope, &mut self.world.rng);
        let outcomes = self.world.deposit(&self.desk.office, &[item]).await;
        assert!(matches!(
            outcomes.unwrap()[0],
            DepositOutcome::Stored { .. }
        ));
    }

    /// The office sends a message.
    pub async fn send(&mut self, body: Body, attachments: Vec<Attachment>) {
        let message = self.message(body, attachments);
        let signed = self.sign(&message);
        let envelope = self.seal(&signed, &message);
        self.deposit(&envelope).await;
    }

    /// What the hub really holds of her link, or (index 0) of her own address.
    pub async fn held(&self, index: u32) -> Vec<Fetched> {
        let auth = self.holder.danger_root().derive_auth(AddressIndex(index));
        let client = self.world.client();
        let answer = client.fetch(&auth, None, 0, self.world.now()).await;
        answer.unwrap().items
    }

    /// The same, but with places, receipts and a head that leave out what `keep` does not want, as if
    /// it had never been: the rest moves up.
    pub async fn hub_leaves_out(&self, index: u32, keep: impl Fn(&Fetched) -> bool) {
        let address = self.address(index);
        let hand = HubHand::of(&self.world);
        let held = self.held(index).await;
        let kept = held.iter().filter(|item| keep(item)).zip(0..);
        let items = kept.map(|(item, pos)| hand.moved_to(item, &address, pos));
        self.hub_shows(index, items.collect()).await;
    }

    /// From now on this is all that lies at an address of hers, by a head that agrees.
    pub async fn hub_shows(&self, index: u32, items: Vec<Fetched>) {
        let hand = HubHand::of(&self.world);
        self.lie_in_fetch(&self.address(index), move |answer, after| {
            let news = |item: &&Fetched| after.is_none_or(|after| item.pos() > after);
            answer.items = items.iter().filter(news).cloned().collect();
            let end = items.last().map(Fetched::pos);
            hand.sign_head(answer, |head| head.pos_max = end);
        });
    }

    /// From now on her link has one envelope more, which only the hub put there.
    pub async fn hub_adds(&self, envelope: &Envelope) {
        let hand = HubHand::of(&self.world);
        let mut items = self.held(1).await;
        let pos = items.len() as u64;
        items.push(hand.place(&self.link(), &envelope.encode(), pos));
        self.hub_shows(1, items).await;
    }

    /// An address of hers.
    #[must_use]
    pub fn address(&self, index: u32) -> AddressId {
        let auth = self.holder.danger_root().derive_auth(AddressIndex(index));
        AddressId::of(&auth.public_for())
    }

    /// The first record that was refused, by its code.
    #[must_use]
    pub fn refused(&self) -> Option<crate::Outcome> {
        let refused = self.holder.profile().refused.first();
        refused.map(|r| crate::stopped(&r.code))
    }

    /// A paper of the office, bound to her link's key.
    #[must_use]
    pub fn paper(&self) -> Paper {
        let office = &self.desk.office;
        let cnf = self.desk.keys.as_ref().unwrap().cnf.key();
        Paper::example("person", office.id, &office.issuer, cnf, self.world.now())
    }

    /// The office sends a record of these copies.
    pub async fn send_record(&mut self, texts: &[(Option<CopyRef>, String)]) {
        let (body, attachments) = record_of(texts, &mut self.world.rng);
        self.send(body, attachments).await;
    }

    /// A profile that is restored from her kit alone, under whatever lie is told.
    ///
    /// # Errors
    /// As [`Holder::restore`].
    pub async fn restored(&mut self) -> Result<Holder, HolderError> {
        let (root, now) = (self.holder.danger_root().clone(), self.world.now());
        let (hub, url) = (self.world.house().id, self.world.house().url.clone());
        let (wire, rng) = (&self.world.wire, &mut self.world.rng);
        Holder::restore(root, (hub, &url), ("en", catalogue()), wire, now, rng).await
    }

    /// From now on every fetch of an address is answered by this lie, which is told where it begins.
    pub fn lie_in_fetch(
        &self,
        address: &AddressId,
        lie: impl Fn(&mut FetchAnswer, Option<u64>) + Send + 'static,
    ) {
        let address = *address;
        self.world.wire.lie(move |exchange| {
            let after = address_in(exchange, &address)?;
            let mut answer = FetchAnswer::decode(&exchange.answer)?;
            lie(&mut answer, after);
            Some(answer.encode())
        });
    }

    /// From now on this is the directory.
    pub fn lie_in_directory(&self, answer: &DirectoryAnswer) {
        let answer = answer.encode();
        self.world.wire.lie(move |exchange| {
            let asked = exchange.method == Method::GET && exchange.path() == "/v1/directory";
            asked.then(|| answer.clone())
        });
    }

    /// The entries of the hub's directory.
    pub async fn entries(&self) -> Vec<Vec<u8>> {
        self.world.client().directory().await.unwrap().entries
    }
}

/// The operator admits an office again, for these kinds.
pub async fn admit(world: &World, desk: &Desk, kinds: &[&str]) {
    let admission = world
        .house()
        .admission(&desk.office.statement, kinds, world.now());
    let hub = world.house().hub();
    hub.append_entries(vec![admission]).await.unwrap();
}

/// The same ciphertext under a header with another commitment.
#[must_use]
pub fn reseal(envelope: &Envelope, commit: Sha256Hash) -> Envelope {
    let header = Header {
        commit,
        ..envelope.header().clone()
    };
    let (enc, ct) = (envelope.enc().to_vec(), envelope.ct().to_vec());
    Envelope::new(header.encode(), enc, ct).unwrap()
}
