//! Who can get in.

use super::day;
use denizen_holder::{Device, Holder, Way, WayKind};
use serde::Serialize;
use tsify::Tsify;

/// Something that opens the profile on a device.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct WayRow {
    /// Names it.
    pub id: String,
    /// `passphrase`, `passkey`.
    pub kind: String,
    /// What she calls it; may be empty.
    pub name: String,
    /// The Monday of the week in which it was made.
    pub added: String,
    /// The Monday of the week in which it was last used.
    pub used: String,
    /// It opens the profile on every device to which the passkey comes.
    pub everywhere: bool,
}

/// A device that has the profile.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct DeviceRow {
    /// Names it.
    pub id: String,
    /// What she calls it; may be empty.
    pub name: String,
    /// It is this browser.
    pub here: bool,
    /// The Monday of the week in which it got the profile.
    pub added: String,
    /// The Monday of the week in which it was last used.
    pub used: String,
    /// What opens the profile there.
    pub ways: Vec<WayRow>,
}

/// How far a profile has come that takes over an earlier one.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct MovingPage {
    /// Links that stand at new addresses.
    pub moved: usize,
    /// Organisations that have not answered yet.
    pub waiting: Vec<String>,
}

/// Who can get in.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct WaysPage {
    /// This browser first.
    pub devices: Vec<DeviceRow>,
    /// New keys are on their way.
    pub moving: Option<MovingPage>,
}

/// Devices with what opens the profile there; `earlier` is the profile whose links this one takes over.
pub(crate) fn ways_page(holder: &Holder, earlier: Option<&Holder>) -> WaysPage {
    let here = holder.device().map(|d| d.id);
    let devices = holder.devices().into_iter();
    WaysPage {
        devices: devices.map(|d| device_row(d, Some(d.id) == here)).collect(),
        moving: earlier.map(|old| moving_page(holder, old)),
    }
}

fn device_row(device: &Device, here: bool) -> DeviceRow {
    DeviceRow {
        id: device.id.to_text(),
        name: device.name.clone(),
        here,
        added: day(device.added),
        used: day(device.used),
        ways: device.ways.iter().map(way_row).collect(),
    }
}

fn way_row(way: &Way) -> WayRow {
    let kind = match way.kind {
        WayKind::Passphrase => "passphrase",
        WayKind::Passkey => "passkey",
    };
    WayRow {
        id: way.id.to_text(),
        kind: kind.to_owned(),
        name: way.name.clone(),
        added: day(way.added),
        used: day(way.used),
        everywhere: way.locator.is_some(),
    }
}

fn moving_page(holder: &Holder, old: &Holder) -> MovingPage {
    let waiting = holder.not_taken_over(old).into_iter();
    let org = |index| old.org_of(index).map(|org| old.name_of(&org));
    MovingPage {
        moved: holder.taken_over(old).len(),
        waiting: waiting.filter_map(org).collect(),
    }
}
