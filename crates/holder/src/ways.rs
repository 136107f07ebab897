//! Who can get in: the devices that have this profile, and what opens it on each. She keeps the list in
//! address 0, where the hub reads nothing; when something was last used is said by the week.
//!
//! A device that is ended forgets the profile when it next hears of it. One that somebody took does not
//! obey: whoever has the root has it. Against that only a new root helps ([`Holder::renewed`]).
//! Specified in `docs/spec/state.md`; why: `docs/decisions/0011-who-can-get-in.md`.

use crate::{Holder, holder::HolderError, link::make_id, state::Part};
use denizen_api::{HubClient, ProblemKind, Transport, client::ClientError, wire::WrappedRoot};
use denizen_model::{HubId, MessageId, Nonce, UnixTime, catalogue::Catalogue, id::Bytes};
use denizen_recovery::{derive_locator, open_stored, seal_stored, unwrap_prf, wrap_prf};
use denizen_seal::RootSecret;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};
use zeroize::Zeroizing;

/// Longest name of a device or way, in characters.
const NAME_CHARS_MAX: usize = 60;
const DAY_S: i64 = 24 * 60 * 60;
/// 1 January 1970 was a Thursday; weeks begin on Monday.
const THURSDAY: i64 = 3;

/// 32 bytes that a passkey gives to whoever it has verified.
pub type PrfOutput = Zeroizing<[u8; 32]>;

/// What opens a profile on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WayKind {
    /// A passphrase, with that device's secret.
    Passphrase,
    /// A passkey.
    Passkey,
}

/// One of the things that open a profile on a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// Random.
    pub id: MessageId,
    /// What it is.
    pub kind: WayKind,
    /// What she calls it; may be empty.
    #[serde(default)]
    pub name: String,
    /// The week in which it was made: its Monday.
    pub added: UnixTime,
    /// The week in which it was last used.
    pub used: UnixTime,
    /// Where at the hub the root lies that this passkey opens on any device; none if it opens this
    /// device alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locator: Option<Nonce>,
}

/// A device that has the profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Random.
    pub id: MessageId,
    /// What she calls it; may be empty.
    #[serde(default)]
    pub name: String,
    /// The week in which it got the profile: its Monday.
    pub added: UnixTime,
    /// The week in which it was last used.
    pub used: UnixTime,
    /// What opens the profile there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ways: Vec<Way>,
}

/// The Monday of a moment's week: no finer time is written down.
fn week_of(at: UnixTime) -> UnixTime {
    let days = at.0.div_euclid(DAY_S);
    UnixTime((days - (days + THURSDAY).rem_euclid(7)) * DAY_S)
}

/// A name as it is kept: one line, not too long.
fn name_of(text: &str) -> String {
    let plain = text.chars().filter(|c| !c.is_control());
    let plain: String = plain.take(NAME_CHARS_MAX).collect();
    plain.trim().to_owned()
}

impl Holder {
    /// Devices that have the profile: this one first, then the one that was used last.
    #[must_use]
    pub fn devices(&self) -> Vec<&Device> {
        let mut all: Vec<&Device> = self.profile.devices.iter().collect();
        all.sort_by_key(|d| (Some(d.id) != self.profile.device, -d.used.0));
        all
    }

    /// This device, once it has an entry.
    #[must_use]
    pub fn device(&self) -> Option<&Device> {
        let own = self.profile.device?;
        self.profile.devices.iter().find(|d| d.id == own)
    }

    /// Whether another device has ended this one.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        let own = self.profile.device;
        own.is_some_and(|id| self.profile.ended.contains(&id.to_text()))
    }

    /// Whether a way of this device still counts; another device may have ended it.
    #[must_use]
    pub fn way(&self, id: &MessageId) -> Option<&Way> {
        self.device()?.ways.iter().find(|w| w.id == *id)
    }

    /// Changes this device's entry; writes it to address 0 if anything in it is another.
    fn change_device(
        &mut self,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
        change: impl FnOnce(&mut Device),
    ) -> Result<(), HolderError> {
        let known = self.device().cloned();
        let mut device = known.clone().unwrap_or_else(|| Device {
            id: make_id(rng),
            name: String::new(),
            added: week_of(now),
            used: week_of(now),
            ways: Vec::new(),
        });
        change(&mut device);
        device.used = device.used.max(week_of(now));
        if known.as_ref() == Some(&device) {
            return Ok(());
        }
        self.queue_state(&Part::Device(Box::new(device.clone())), now, rng)?;
        self.profile.device = Some(device.id);
        self.take_device_part(device);
        Ok(())
    }

    /// Says that this device has the profile, and that it is in use this week.
    pub(crate) fn tell_device(
        &mut self,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        self.change_device(now, rng, |_| ())
    }

    /// Gives this device a name.
    ///
    /// # Errors
    /// None now.
    pub fn name_device(
        &mut self,
        name: &str,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        self.change_device(now, rng, |device| device.name = name_of(name))
    }

    /// Writes down a new way into this device. A device has one passphrase: a new one takes the place of
    /// the one before.
    ///
    /// # Errors
    /// None now.
    pub fn add_way(
        &mut self,
        (kind, name): (WayKind, &str),
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<MessageId, HolderError> {
        let way = Way {
            id: make_id(rng),
            kind,
            name: name_of(name),
            added: week_of(now),
            used: week_of(now),
            locator: None,
        };
        let id = way.id;
        self.change_device(now, rng, |device| {
            let replaced = |w: &Way| kind == WayKind::Passphrase && w.kind == kind;
            device.ways.retain(|w| !replaced(w));
            device.ways.push(way);
        })?;
        Ok(id)
    }

    /// Notes that a way of this device was used. Nothing is written twice in a week.
    ///
    /// # Errors
    /// None now.
    pub fn use_way(
        &mut self,
        id: &MessageId,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        self.change_way(id, now, rng, |way| way.used = way.used.max(week_of(now)))
    }

    fn change_way(
        &mut self,
        id: &MessageId,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
        change: impl FnOnce(&mut Way),
    ) -> Result<(), HolderError> {
        self.change_device(now, rng, |device| {
            if let Some(way) = device.ways.iter_mut().find(|w| w.id == *id) {
                change(way);
            }
        })
    }

    /// Writes down that a passkey's root will lie at the hub: the caller keeps the profile, then calls
    /// [`Holder::leave_root`].
    ///
    /// # Errors
    /// None now.
    pub fn plan_root(
        &mut self,
        id: &MessageId,
        prf: &PrfOutput,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        let locator = Nonce::new(derive_locator(prf, self.profile.hub.as_bytes()));
        self.change_way(id, now, rng, |way| way.locator = Some(locator))
    }

    /// Leaves the root at the hub, where this passkey alone finds and opens it, on any device to which
    /// the passkey comes. The hub has nothing to guess at: a PRF output is 256 random bits (R16).
    ///
    /// # Errors
    /// [`HolderError::Client`]: then it is not there, and not listed.
    pub async fn leave_root<T: Transport>(
        &mut self,
        id: &MessageId,
        prf: &PrfOutput,
        transport: &T,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        let mut rng = rng;
        let locator = Nonce::new(derive_locator(prf, self.profile.hub.as_bytes()));
        let owner = self.root.derive_device(&locator);
        let wrapped = wrap_prf(self.root.danger_bytes(), prf, &mut rng);
        let body = WrappedRoot {
            wrapped: Bytes(seal_stored(&wrapped, prf.as_slice(), &mut rng)),
            owner: owner.public_for(),
        };
        let hub = HubClient::new(transport, self.profile.hub, &self.profile.hub_url);
        let mut left = hub.put_root(&locator, &body).await;
        if left == Err(ClientError::Problem(ProblemKind::Conflict)) {
            // One of an earlier try, under another salt: roots are never overwritten (R3).
            hub.delete_root(&locator, &owner, now).await?;
            left = hub.put_root(&locator, &body).await;
        }
        if left.is_err() {
            // The answer may have been lost: nothing stays there that is not listed here.
            let _ = hub.delete_root(&locator, &owner, now).await;
            self.change_way(id, now, rng, |way| way.locator = None)?;
        }
        Ok(left?)
    }

    /// Takes the profile to a device on which nothing of it is, with a passkey that opens one at the hub;
    /// gives also the way that was written down for it.
    ///
    /// # Errors
    /// [`HolderError::PasskeyUnknown`]; [`HolderError`] of [`Holder::join`].
    pub async fn take_passkey<T: Transport>(
        prf: &PrfOutput,
        (hub, hub_url): (HubId, &str),
        words: (&str, Arc<Catalogue>),
        transport: &T,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(Self, MessageId), HolderError> {
        let locator = Nonce::new(derive_locator(prf, hub.as_bytes()));
        let stored = match HubClient::new(transport, hub, hub_url).root(&locator).await {
            Err(ClientError::Problem(ProblemKind::NotFound)) => {
                return Err(HolderError::PasskeyUnknown);
            }
            stored => stored?.wrapped,
        };
        let wrapped = open_stored(&stored.0, prf.as_slice());
        let root = wrapped.and_then(|wrapped| unwrap_prf(&wrapped, prf).ok());
        let root = RootSecret::from_bytes(*root.ok_or(HolderError::PasskeyUnknown)?);
        let mut holder = Self::join(root, (hub, hub_url), words, transport, now, rng).await?;
        let ways = holder.profile.devices.iter().flat_map(|d| &d.ways);
        let mut known = ways.filter(|w| w.locator == Some(locator));
        let name = known.next().map(|w| w.name.clone()).unwrap_or_default();
        let id = holder.add_way((WayKind::Passkey, &name), now, rng)?;
        holder.change_way(&id, now, rng, |way| way.locator = Some(locator))?;
        Ok((holder, id))
    }

    /// Ends a way: the caller deletes what this device keeps for it. A root that lies at the hub for it
    /// is deleted there first, and the passkey ends on every device.
    ///
    /// # Errors
    /// [`HolderError::LastWay`] if nothing else opened the profile here (D7);
    /// [`HolderError::Client`]: nothing has changed.
    pub async fn end_way<T: Transport>(
        &mut self,
        id: &MessageId,
        transport: &T,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        let ways: Vec<&Way> = self.profile.devices.iter().flat_map(|d| &d.ways).collect();
        let locator = ways.iter().find(|w| w.id == *id).and_then(|w| w.locator);
        let ended: BTreeSet<MessageId> = ways
            .iter()
            .filter(|w| w.id == *id || (locator.is_some() && w.locator == locator))
            .map(|w| w.id)
            .collect();
        let here = self.device().map(|d| d.ways.as_slice()).unwrap_or_default();
        let touched = here.iter().any(|w| ended.contains(&w.id));
        if touched && here.iter().all(|w| ended.contains(&w.id)) {
            return Err(HolderError::LastWay);
        }
        self.end(
            ended.into_iter().collect(),
            locator.into_iter().collect(),
            transport,
            now,
            rng,
        )
        .await
    }

    /// Ends another device: it forgets the profile when it next hears of it. Roots that its passkeys open
    /// at the hub are deleted there first.
    ///
    /// # Errors
    /// [`HolderError::NotOpen`] for this device or an unknown one; [`HolderError::Client`]: nothing has
    /// changed.
    pub async fn end_device<T: Transport>(
        &mut self,
        id: &MessageId,
        transport: &T,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        let other = |d: &&Device| d.id == *id && self.profile.device != Some(*id);
        let device = self.profile.devices.iter().find(other);
        let device = device.ok_or(HolderError::NotOpen)?;
        let locators = device.ways.iter().filter_map(|w| w.locator).collect();
        self.end(vec![*id], locators, transport, now, rng).await
    }

    async fn end<T: Transport>(
        &mut self,
        ids: Vec<MessageId>,
        locators: Vec<Nonce>,
        transport: &T,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        for locator in &locators {
            self.delete_root(locator, transport, now).await?;
        }
        self.queue_state(
            &Part::Ended {
                ids: ids.clone(),
                locators: locators.clone(),
            },
            now,
            rng,
        )?;
        self.take_ended(&ids, &locators);
        Ok(())
    }

    /// Deletes a root at the hub; one that is not there is as good.
    pub(crate) async fn delete_root<T: Transport>(
        &self,
        locator: &Nonce,
        transport: &T,
        now: UnixTime,
    ) -> Result<(), HolderError> {
        let hub = HubClient::new(transport, self.profile.hub, &self.profile.hub_url);
        let owner = self.root.derive_device(locator);
        match hub.delete_root(locator, &owner, now).await {
            Ok(()) | Err(ClientError::Problem(ProblemKind::NotFound)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends all devices of a profile whose links go to another root ([`Holder::take_over`]).
    ///
    /// # Errors
    /// None now.
    pub fn end_devices(
        &mut self,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        let ids = self.profile.devices.iter().map(|d| d.id).collect();
        let locators = Vec::new();
        self.queue_state(&Part::Ended { ids, locators }, now, rng)
    }

    /// Takes in a device's entry: the newest counts, an end is for good.
    pub(crate) fn take_device_part(&mut self, mut device: Device) {
        let ended = |id: &MessageId| self.profile.ended.contains(&id.to_text());
        if ended(&device.id) {
            return;
        }
        device.ways.retain(|w| !ended(&w.id));
        let mut all = self.profile.devices.iter_mut();
        match all.find(|d| d.id == device.id) {
            Some(known) => *known = device,
            None => self.profile.devices.push(device),
        }
    }

    /// Takes in that devices and ways ended, and that roots are no more at the hub.
    pub(crate) fn take_ended(&mut self, ids: &[MessageId], locators: &[Nonce]) {
        let profile = &mut self.profile;
        profile.ended.extend(ids.iter().map(MessageId::to_text));
        profile.devices.retain(|d| !ids.contains(&d.id));
        for device in &mut profile.devices {
            device.ways.retain(|w| !ids.contains(&w.id));
            for way in &mut device.ways {
                way.locator = way.locator.filter(|l| !locators.contains(l));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_time_is_finer_than_a_week() {
        // 2026-11-23 was a Monday.
        let monday = UnixTime(1_795_392_000);
        assert_eq!(monday.date().to_string(), "2026-11-23");
        for s in [0, 1, DAY_S, 7 * DAY_S - 1] {
            assert_eq!(week_of(UnixTime(monday.0 + s)), monday);
        }
        assert_eq!(
            week_of(UnixTime(monday.0 - 1)).date().to_string(),
            "2026-11-16"
        );
        assert_eq!(week_of(UnixTime(-1)).date().to_string(), "1969-12-29");
    }

    #[test]
    fn a_name_is_one_short_line() {
        assert_eq!(name_of("  Phone\nof\tmine "), "Phoneofmine");
        assert_eq!(name_of(&"ё".repeat(99)).chars().count(), NAME_CHARS_MAX);
    }
}
