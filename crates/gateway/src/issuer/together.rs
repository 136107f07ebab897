//! Together: the records of one transaction are signed and sealed on all processors, and those of one
//! link share envelopes. What needs the database stays outside: status indexes and her keys are drawn
//! before, rows are written after.

use super::{
    deposit::enqueue,
    seal::{Envelope, Place, SealError, Sender, letters_together, seal_letter},
    sign::{Bindings, IssuerKey, sign},
    validate::Record,
};
use crate::{
    Gateway, GatewayError,
    issue::{RecordBody, list_of},
    keys::ISSUER_KID,
    link::Link,
    vault::{Vault, context},
};
use denizen_credential::StatusRef;
use denizen_model::{Sha256Hash, UnixTime, statement::full_kid};
use denizen_store::gateway::RecordRow;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use rayon::iter::{
    IndexedParallelIterator as _, IntoParallelRefMutIterator as _, ParallelIterator as _,
};

/// Records on their way to one link.
pub(crate) struct Parcel {
    pub(crate) link: Link,
    records: Vec<Prepared>,
}

impl Parcel {
    pub(crate) fn to(link: Link) -> Self {
        Self {
            link,
            records: Vec::new(),
        }
    }
}

/// A record with what its copies are bound to.
struct Prepared {
    record: Record,
    bindings: Bindings,
    /// The older record in whose place it comes.
    replaces: Option<Sha256Hash>,
    /// The row of the office's file that it came of.
    row_key: Option<Sha256Hash>,
}

/// What came of a prepared record.
struct Issued {
    kept: Sha256Hash,
    row: RecordRow,
    indexes: Vec<StatusRef>,
    replaces: Option<Sha256Hash>,
    row_key: Option<Sha256Hash>,
}

/// A parcel signed and sealed.
struct Pressed {
    records: Vec<Issued>,
    /// Each with the kept copies' hashes of its records.
    envelopes: Vec<(Vec<Sha256Hash>, Envelope)>,
}

/// All that signing and sealing need; shared by threads.
struct Press<'a> {
    issuer: IssuerKey<'a>,
    sender: Sender<'a>,
    vault: &'a Vault,
    now: UnixTime,
}

impl Press<'_> {
    fn press(&self, parcel: &mut Parcel, rng: &mut ChaCha20Rng) -> Result<Pressed, GatewayError> {
        let to = parcel.link.holder()?;
        let (mut records, mut credentials) = (Vec::new(), Vec::new());
        for prepared in parcel.records.drain(..) {
            let of_copies = prepared.bindings.copies.iter().map(|c| &c.status);
            let of_kept = prepared.bindings.kept.as_ref().ok().map(|k| &k.status);
            let indexes = of_copies.chain(of_kept).cloned().collect();
            let record = &prepared.record;
            let credential = sign(record, self.issuer, prepared.bindings, self.now, rng);
            let kept = *credential.kept_hash();
            let body = RecordBody::of(&credential, record);
            let body = self
                .vault
                .seal(&context("record", kept.as_bytes()), &body, rng);
            let address = parcel.link.address;
            records.push(Issued {
                kept,
                row: RecordRow { address, body },
                indexes,
                replaces: prepared.replaces,
                row_key: prepared.row_key,
            });
            credentials.push(credential);
        }
        let (seen, chain) = parcel.link.place(false, rng);
        let (thid, seen) = (None, seen.as_slice());
        let mut place = Place { chain, seen, thid };
        let letters = letters_together(credentials).into_iter();
        let envelopes = letters.map(|letter| {
            let kept = letter.kept();
            let envelope = seal_letter(letter, self.sender, &to, &mut place, self.now, rng)?;
            Ok((kept, envelope))
        });
        let envelopes = envelopes.collect::<Result<Vec<_>, SealError>>()?;
        Ok(Pressed { records, envelopes })
    }
}

impl Gateway {
    /// Puts a record into a parcel: draws status indexes and her keys.
    pub(crate) fn prepare(
        &self,
        parcel: &mut Parcel,
        (record, row_key): (Record, Option<Sha256Hash>),
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        // The older document may be in this parcel: it is issued before the one that names it.
        if record.names_older() && !parcel.records.is_empty() {
            self.send_parcels(std::slice::from_mut(parcel), now, rng)?;
        }
        let replaces = self.replaced_by(&parcel.link, &record)?;
        let bindings = self.draw_bindings(&mut parcel.link, &record, rng)?;
        parcel.records.push(Prepared {
            record: record.replacing(replaces),
            bindings,
            replaces,
            row_key,
        });
        Ok(())
    }

    /// Signs and seals what is in parcels, on all processors, stores it for sending and saves the links.
    pub(crate) fn send_parcels(
        &self,
        parcels: &mut [Parcel],
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let kid = full_kid(&self.config.org.into(), ISSUER_KID);
        let press = Press {
            issuer: IssuerKey {
                org: &self.config.org,
                kid: &kid,
                key: &self.keys.issuer,
            },
            sender: self.sender(),
            vault: &self.vault,
            now,
        };
        // Each parcel has randomness of its own, so that no order of threads shows in what is made.
        let mut draw = || {
            let mut seed = [0; 32];
            rng.fill_bytes(&mut seed);
            ChaCha20Rng::from_seed(seed)
        };
        let mut rngs: Vec<_> = parcels.iter().map(|_| draw()).collect();
        let pressed = parcels.par_iter_mut().zip(rngs.par_iter_mut());
        let pressed = pressed.map(|(parcel, rng)| press.press(parcel, rng));
        let pressed: Vec<Pressed> = pressed.collect::<Result<_, _>>()?;
        for (parcel, pressed) in parcels.iter_mut().zip(pressed) {
            self.keep_pressed(&mut parcel.link, pressed, now, rng)?;
        }
        Ok(())
    }

    fn keep_pressed(
        &self,
        link: &mut Link,
        pressed: Pressed,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        for (kept, envelope) in pressed.envelopes {
            let letter = enqueue(&self.store, envelope, false, None)?;
            self.records_go_in(&kept, letter)?;
        }
        for issued in pressed.records {
            for status in &issued.indexes {
                let (list, idx) = (list_of(status), status.idx);
                self.store.bind_status_index(list, idx, &issued.kept)?;
            }
            self.store.put_record(&issued.kept, &issued.row)?;
            if let Some(row_key) = &issued.row_key {
                self.store.bind_row(row_key, &issued.kept)?;
            }
            if let Some(old) = &issued.replaces {
                self.end_replaced(link, old, now, rng)?;
            }
        }
        self.save_link(link, rng)
    }
}
