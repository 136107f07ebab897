//! What every subcommand is given: the catalogue, the clock, randomness.

use crate::{
    catalogue,
    runtime::{SystemClock, SystemRng},
};
use denizen_model::{Clock as _, UnixTime, catalogue::Catalogue};
use std::{path::Path, sync::Arc};

/// The real world, as subcommands see it.
pub(crate) struct Shell {
    /// Kinds, services and texts.
    pub(crate) catalogue: Arc<Catalogue>,
    /// The machine's clock.
    pub(crate) clock: SystemClock,
}

impl Shell {
    /// With the catalogue of a folder, or the one that the program carries.
    pub(crate) fn new(folder: Option<&Path>) -> anyhow::Result<Self> {
        let catalogue = match folder {
            Some(folder) => catalogue::read(folder)?,
            None => catalogue::embedded()?,
        };
        Ok(Self {
            catalogue: Arc::new(catalogue),
            clock: SystemClock,
        })
    }

    /// The time.
    pub(crate) fn now(&self) -> UnixTime {
        self.clock.now()
    }

    /// A source of randomness.
    pub(crate) fn rng(&self) -> SystemRng {
        SystemRng::default()
    }
}
