-- Everything that belongs to an address has it in its key (docs/decisions/0004-storage.md).

CREATE TABLE address (
    address BLOB NOT NULL PRIMARY KEY,
    auth BLOB NOT NULL,
    salt BLOB,
    accepts TEXT NOT NULL,
    version INTEGER NOT NULL,
    frozen INTEGER NOT NULL,
    closed INTEGER NOT NULL,
    registration BLOB NOT NULL,
    next_pos INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    quota INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row for each place of an address: an envelope, or (body NULL) its tombstone.
CREATE TABLE place (
    address BLOB NOT NULL,
    pos INTEGER NOT NULL,
    leaf_index INTEGER NOT NULL,
    time INTEGER NOT NULL,
    body BLOB,
    hash BLOB,
    commitment BLOB,
    nonce BLOB,
    nonce_a BLOB,
    PRIMARY KEY (address, pos)
) STRICT;

CREATE TABLE deposit (
    address BLOB NOT NULL,
    depositor BLOB NOT NULL,
    deposit_id BLOB NOT NULL,
    pos INTEGER NOT NULL,
    hash BLOB,
    PRIMARY KEY (address, depositor, deposit_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE pass_use (
    bind BLOB NOT NULL,
    period INTEGER NOT NULL,
    uses INTEGER NOT NULL,
    PRIMARY KEY (bind, period)
) STRICT, WITHOUT ROWID;

CREATE TABLE tile (
    log INTEGER NOT NULL,
    level INTEGER NOT NULL,
    tile_index INTEGER NOT NULL,
    hashes BLOB NOT NULL,
    PRIMARY KEY (log, level, tile_index)
) STRICT, WITHOUT ROWID;

CREATE TABLE bundle (
    log INTEGER NOT NULL,
    bundle_index INTEGER NOT NULL,
    entries BLOB NOT NULL,
    PRIMARY KEY (log, bundle_index)
) STRICT;

-- The sequencer's row: changed by compare-and-swap on its size.
CREATE TABLE log_head (
    log INTEGER NOT NULL PRIMARY KEY,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    time INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE wrapped_root (
    locator BLOB NOT NULL PRIMARY KEY,
    owner BLOB NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE status_list (
    org BLOB NOT NULL,
    list TEXT NOT NULL,
    token TEXT NOT NULL,
    PRIMARY KEY (org, list)
) STRICT;
