//! What people and offices do after the first record: any call on a client or a gateway, and time.

use super::Play;
use crate::{Persona, Rng, catalogue, play::OfficeKind};
use denizen_gateway::{DisputeSummary, Gateway};
use denizen_holder::Holder;
use denizen_model::{HubId, UnixTime};
use denizen_recovery::Kit;
use denizen_seal::RootSecret;

/// With what a person disputes.
pub type With<'a> = (UnixTime, &'a mut dyn rand_core::CryptoRng);

impl Play {
    /// Somebody with these offices open and linked, their files taken in.
    pub async fn settled(seed: u64, persona: Persona, offices: &[OfficeKind]) -> Self {
        let mut play = Self::with(seed, offices).await;
        play.arrive(persona).await;
        for office in offices {
            if office.files.is_empty() {
                play.link_open(persona.name, office).await;
            } else {
                play.link(persona.name, office).await;
                play.fill(office).await;
            }
        }
        play
    }

    /// A person does something with her client; everybody syncs.
    pub async fn person<R>(
        &mut self,
        person: &str,
        act: impl FnOnce(&mut Holder, With<'_>) -> R,
    ) -> R {
        let now = self.world.now();
        let holder = &mut self.people.get_mut(person).unwrap().holder;
        let done = act(holder, (now, &mut self.world.rng));
        self.settle().await;
        done
    }

    /// An office does something at its gateway; everybody syncs.
    pub async fn at_office<R>(
        &mut self,
        office: &str,
        act: impl FnOnce(&mut Gateway, UnixTime, &mut Rng) -> R,
    ) -> R {
        let now = self.world.now();
        let gateway = self.gateways.get_mut(office).unwrap();
        let done = act(gateway, now, &mut self.world.rng);
        self.settle().await;
        done
    }

    /// Time passes, and everybody syncs: changes of status are published on the hour and pulled after.
    pub async fn hours(&mut self, hours: i64) {
        for _ in 0..2 {
            self.world.clock.advance_s(hours * 3600 / 2);
            self.settle().await;
        }
        self.settle().await;
    }

    /// The disputes of an office.
    pub fn disputes(&mut self, office: &str) -> Vec<DisputeSummary> {
        self.gateway(office).disputes().unwrap()
    }

    /// A person moves a link to a fresh address. Gives the new link's index.
    pub async fn move_link(&mut self, person: &str, link: u32) -> u32 {
        let holder = &mut self.people.get_mut(person).unwrap().holder;
        let moved = holder.move_link(link, "", &mut self.world.rng).unwrap();
        self.settle().await;
        moved
    }

    /// A second device with the same profile, set up from the kit, beside the first one.
    pub async fn join(&mut self, person: &str, device: &'static str) {
        let now = self.world.now();
        let player = &self.people[person];
        let (kit, persona) = (player.holder.kit().to_text(), player.persona);
        let kit = Kit::parse(&kit).unwrap();
        let hub = (HubId::parse(&kit.hub).unwrap(), kit.hub_url.as_str());
        let root = RootSecret::from_bytes(*kit.root);
        let words = (persona.language, catalogue());
        let (wire, rng) = (&self.world.wire, &mut self.world.rng);
        let holder = Holder::join(root, hub, words, wire, now, rng)
            .await
            .unwrap();
        let player = super::Player {
            holder,
            persona,
            events: Vec::new(),
        };
        self.people.insert(device, player);
        self.settle().await;
    }
}
