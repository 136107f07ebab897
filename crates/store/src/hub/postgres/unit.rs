//! What a write transaction has read, and what it has collected to be sent together.

use super::{address, column, number, whole};
use crate::{
    ServerFault, StoreError,
    hub::{AddressRow, LogId, NewPlace, Wanted},
    postgres::{Session, Value},
    signed,
};
use denizen_model::{AddressId, DepositId, deposit::LeafType};
use denizen_tlog::Tile;
use std::{
    collections::{BTreeMap, HashMap},
    mem::take,
};
use tokio_postgres::Row;

/// Bytes of bodies that are collected before they are sent.
const BODIES_SIZE_BYTES_MAX: usize = 8 << 20;

/// Address, depositor, deposit id.
pub(super) type DepositKey = (AddressId, Vec<u8>, DepositId);

/// A new place with its numbers as the server takes them.
pub(super) struct NewRow {
    address: AddressId,
    numbers: [i64; 4],
    body: Vec<u8>,
    hashes: [[u8; 32]; 4],
}

impl NewRow {
    pub(super) fn of(address: &AddressId, new: &NewPlace<'_>) -> Result<Self, StoreError> {
        let kind = match new.leaf_type {
            LeafType::Envelope => 0,
            LeafType::Object => 1,
        };
        Ok(Self {
            address: *address,
            numbers: [signed(new.pos)?, signed(new.index)?, new.time.0, kind],
            body: new.body.to_vec(),
            hashes: [
                *new.hash.as_bytes(),
                *new.commit.as_bytes(),
                *new.nonce.as_bytes(),
                *new.nonce_a.as_bytes(),
            ],
        })
    }
}

/// One transaction's.
#[derive(Default)]
pub(super) struct Unit {
    addresses: HashMap<AddressId, Option<AddressRow>>,
    deposits: HashMap<DepositKey, Option<u64>>,
    places: Vec<NewRow>,
    bodies_size_bytes: usize,
    new_deposits: Vec<(DepositKey, i64)>,
    fills: BTreeMap<AddressId, (i64, i64)>,
    tiles: BTreeMap<(i64, i64, i64), Vec<u8>>,
    bundles: BTreeMap<(i64, i64), Vec<u8>>,
}

/// Addresses and deposits that were asked for.
pub(super) struct Found {
    addresses: Vec<Row>,
    deposits: Vec<Row>,
}

/// Asks for the deposits and their addresses, in one round trip.
pub(super) fn find(session: &Session, wanted: &[Wanted]) -> Result<Found, StoreError> {
    let addresses = format!(
        "SELECT {} FROM address WHERE address = ANY($1)",
        address::COLUMNS
    );
    let deposits = "SELECT d.address, d.depositor, d.deposit_id, d.pos FROM deposit AS d \
                    JOIN unnest($1::bytea[], $2::bytea[], $3::bytea[]) \
                    AS w (address, depositor, deposit_id) ON d.address = w.address \
                    AND d.depositor = w.depositor AND d.deposit_id = w.deposit_id";
    let at: Vec<&[u8]> = wanted
        .iter()
        .map(|w| w.address.as_bytes().as_slice())
        .collect();
    let by: Vec<&[u8]> = wanted.iter().map(|w| w.depositor.as_slice()).collect();
    let id: Vec<&[u8]> = wanted
        .iter()
        .map(|w| w.deposit_id.as_bytes().as_slice())
        .collect();
    session.ask(async |client| {
        let first = client.prepare_cached(&addresses).await?;
        let second = client.prepare_cached(deposits).await?;
        let (of_addresses, of_deposits): ([Value<'_>; 1], [Value<'_>; 3]) =
            ([&at], [&at, &by, &id]);
        let (addresses, deposits) = tokio::try_join!(
            client.query(&first, &of_addresses),
            client.query(&second, &of_deposits)
        )?;
        Ok(Found {
            addresses,
            deposits,
        })
    })
}

impl Unit {
    /// Keeps what was found, and that the rest is not there.
    pub(super) fn keep(&mut self, wanted: &[Wanted], found: &Found) -> Result<(), StoreError> {
        for wanted in wanted {
            let key = (wanted.address, wanted.depositor.clone(), wanted.deposit_id);
            self.deposits.insert(key, None);
            self.addresses.insert(wanted.address, None);
        }
        for row in &found.addresses {
            let id = AddressId::new(whole(row, 10)?);
            self.addresses.insert(id, Some(address::address(row)?));
        }
        for row in &found.deposits {
            let (address, id) = (whole(row, 0)?, whole(row, 2)?);
            let key = (AddressId::new(address), column(row, 1)?, DepositId::new(id));
            self.deposits.insert(key, Some(number(row, 3)?));
        }
        Ok(())
    }

    /// An address as the transaction sees it, if it is known: there or not.
    pub(super) fn address(&self, id: &AddressId) -> Option<Option<AddressRow>> {
        self.addresses.get(id).cloned()
    }

    pub(super) fn keep_address(&mut self, id: AddressId, row: Option<AddressRow>) {
        self.addresses.insert(id, row);
    }

    /// Forgets what was read of an address: its rows were changed otherwise.
    pub(super) fn forget(&mut self, id: &AddressId) {
        self.addresses.remove(id);
        self.deposits.retain(|(address, ..), _| address != id);
    }

    /// The fill of an address, as the server takes it and as it is read.
    pub(super) fn fill(&mut self, id: &AddressId, sent: (i64, i64), read: (u64, u64)) {
        if let Some(Some(row)) = self.addresses.get_mut(id) {
            (row.next_pos, row.bytes) = read;
        }
        self.fills.insert(*id, sent);
    }

    pub(super) fn deposit(&self, key: &DepositKey) -> Option<Option<u64>> {
        self.deposits.get(key).copied()
    }

    pub(super) fn insert_deposit(&mut self, key: DepositKey, pos: u64) {
        self.deposits.insert(key.clone(), Some(pos));
        self.new_deposits.push((key, pos.cast_signed()));
    }

    /// Adds a place; says whether it is time to send.
    pub(super) fn insert_place(&mut self, row: NewRow) -> bool {
        self.bodies_size_bytes += row.body.len();
        self.places.push(row);
        self.bodies_size_bytes >= BODIES_SIZE_BYTES_MAX
    }

    pub(super) fn put_tile(&mut self, log: LogId, index: i64, tile: &Tile) {
        let key = (log as i64, i64::from(tile.level), index);
        self.tiles.insert(key, tile.encode());
    }

    pub(super) fn append_bundle(&mut self, log: LogId, index: i64, entries: &[u8]) {
        let bundle = self.bundles.entry((log as i64, index)).or_default();
        bundle.extend_from_slice(entries);
    }

    pub(super) fn has_new(&self) -> bool {
        !(self.places.is_empty()
            && self.new_deposits.is_empty()
            && self.fills.is_empty()
            && self.tiles.is_empty()
            && self.bundles.is_empty())
    }

    /// Sends everything that was collected: each table's rows as one set, all sets in one round trip,
    /// grouped by address.
    pub(super) fn send(&mut self, session: &Session) -> Result<(), StoreError> {
        let mut places = take(&mut self.places);
        let mut deposits = take(&mut self.new_deposits);
        places.sort_by_key(|row| row.address);
        deposits.sort_by(|(one, ..), (other, ..)| one.cmp(other));
        self.bodies_size_bytes = 0;
        let sets = [
            Set::places(&places),
            Set::deposits(&deposits),
            Set::fills(&take(&mut self.fills)),
            Set::tiles(&take(&mut self.tiles)),
            Set::bundles(&take(&mut self.bundles)),
        ];
        send(session, &sets)
    }
}

/// Rows of one table, column by column, and the statement that writes them. It returns a row for each.
struct Set<'a> {
    sql: &'static str,
    rows: usize,
    numbers: Vec<Vec<i64>>,
    bytes: Vec<Vec<&'a [u8]>>,
    /// Bytes that are the set's own.
    owned: Vec<Vec<Vec<u8>>>,
}

const PLACES: &str = "INSERT INTO place (pos, leaf_index, time, kind, address, body, hash, \
                      commitment, nonce, nonce_a) SELECT * FROM unnest($1::bigint[], \
                      $2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bytea[], \
                      $7::bytea[], $8::bytea[], $9::bytea[], $10::bytea[]) RETURNING pos";

const DEPOSITS: &str = "INSERT INTO deposit (pos, address, depositor, deposit_id) \
                        SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], \
                        $4::bytea[]) RETURNING pos";

const FILLS: &str = "UPDATE address AS a SET next_pos = f.next_pos, bytes = f.bytes \
                     FROM unnest($1::bigint[], $2::bigint[], $3::bytea[]) \
                     AS f (next_pos, bytes, address) WHERE a.address = f.address \
                     RETURNING a.next_pos";

const TILES: &str = "INSERT INTO tile (log, level, tile_index, hashes) SELECT * FROM \
                     unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[]) \
                     ON CONFLICT (log, level, tile_index) DO UPDATE SET hashes = excluded.hashes \
                     RETURNING log";

const BUNDLES: &str = "INSERT INTO bundle (log, bundle_index, entries) SELECT * FROM \
                       unnest($1::bigint[], $2::bigint[], $3::bytea[]) \
                       ON CONFLICT (log, bundle_index) \
                       DO UPDATE SET entries = bundle.entries || excluded.entries RETURNING log";

impl<'a> Set<'a> {
    fn places(rows: &'a [NewRow]) -> Self {
        let number = |at: usize| {
            rows.iter()
                .filter_map(|r| r.numbers.get(at).copied())
                .collect()
        };
        let hash = |at: usize| {
            let hashes = rows.iter().filter_map(|r| r.hashes.get(at));
            hashes.map(<[u8; 32]>::as_slice).collect()
        };
        let mut bytes: Vec<Vec<&[u8]>> = vec![
            rows.iter()
                .map(|r| r.address.as_bytes().as_slice())
                .collect(),
            rows.iter().map(|r| r.body.as_slice()).collect(),
        ];
        bytes.extend((0..4).map(hash));
        Self {
            sql: PLACES,
            rows: rows.len(),
            numbers: (0..4).map(number).collect(),
            bytes,
            owned: Vec::new(),
        }
    }

    fn deposits(rows: &'a [(DepositKey, i64)]) -> Self {
        Self {
            sql: DEPOSITS,
            rows: rows.len(),
            numbers: vec![rows.iter().map(|(_, pos)| *pos).collect()],
            bytes: vec![
                rows.iter()
                    .map(|((at, ..), ..)| at.as_bytes().as_slice())
                    .collect(),
                rows.iter().map(|((_, by, _), ..)| by.as_slice()).collect(),
                rows.iter()
                    .map(|((.., id), ..)| id.as_bytes().as_slice())
                    .collect(),
            ],
            owned: Vec::new(),
        }
    }

    fn fills(rows: &BTreeMap<AddressId, (i64, i64)>) -> Self {
        Self {
            sql: FILLS,
            rows: rows.len(),
            numbers: vec![
                rows.values().map(|(pos, _)| *pos).collect(),
                rows.values().map(|(_, bytes)| *bytes).collect(),
            ],
            bytes: Vec::new(),
            owned: vec![rows.keys().map(|id| id.as_bytes().to_vec()).collect()],
        }
    }

    fn tiles(rows: &BTreeMap<(i64, i64, i64), Vec<u8>>) -> Self {
        Self {
            sql: TILES,
            rows: rows.len(),
            numbers: vec![
                rows.keys().map(|(log, ..)| *log).collect(),
                rows.keys().map(|(_, level, _)| *level).collect(),
                rows.keys().map(|(.., index)| *index).collect(),
            ],
            bytes: Vec::new(),
            owned: vec![rows.values().cloned().collect()],
        }
    }

    fn bundles(rows: &BTreeMap<(i64, i64), Vec<u8>>) -> Self {
        Self {
            sql: BUNDLES,
            rows: rows.len(),
            numbers: vec![
                rows.keys().map(|(log, _)| *log).collect(),
                rows.keys().map(|(_, index)| *index).collect(),
            ],
            bytes: Vec::new(),
            owned: vec![rows.values().cloned().collect()],
        }
    }

    fn values(&self) -> Vec<Value<'_>> {
        let numbers = self.numbers.iter().map(|column| column as Value<'_>);
        let bytes = self.bytes.iter().map(|column| column as Value<'_>);
        let owned = self.owned.iter().map(|column| column as Value<'_>);
        numbers.chain(bytes).chain(owned).collect()
    }
}

/// Sends all sets at once and waits for all answers.
fn send(session: &Session, sets: &[Set<'_>; 5]) -> Result<(), StoreError> {
    let [places, deposits, fills, tiles, bundles] = sets;
    let written = session.ask(async |client| {
        // A set without rows is not sent.
        let write = async |set: &Set<'_>| {
            if set.rows == 0 {
                return Ok(0);
            }
            let statement = client.prepare_cached(set.sql).await?;
            Ok(client.query(&statement, &set.values()).await?.len())
        };
        tokio::try_join!(
            write(places),
            write(deposits),
            write(fills),
            write(tiles),
            write(bundles)
        )
    })?;
    let asked = (
        places.rows,
        deposits.rows,
        fills.rows,
        tiles.rows,
        bundles.rows,
    );
    // An address whose fill is set is there.
    if written == asked {
        Ok(())
    } else {
        Err(ServerFault::NoTransaction.into())
    }
}
