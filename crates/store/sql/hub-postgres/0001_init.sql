-- A hub's rows in PostgreSQL. Everything that belongs to an address has it in every key, so that the
-- rows can be spread by address (docs/operate/postgresql.md); the other tables stay on one node.

CREATE TABLE address (
    address bytea NOT NULL PRIMARY KEY,
    auth bytea NOT NULL,
    salt bytea,
    accepts text NOT NULL,
    version bigint NOT NULL,
    frozen boolean NOT NULL,
    closed boolean NOT NULL,
    registration bytea NOT NULL,
    next_pos bigint NOT NULL,
    bytes bigint NOT NULL,
    quota bigint NOT NULL
) WITH (fillfactor = 70);

-- One row for each place of an address: an envelope (kind 0), an object (kind 1), or (body NULL) the
-- tombstone of either.
CREATE TABLE place (
    address bytea NOT NULL,
    pos bigint NOT NULL,
    leaf_index bigint NOT NULL,
    time bigint NOT NULL,
    body bytea,
    hash bytea,
    commitment bytea,
    nonce bytea,
    nonce_a bytea,
    kind bigint NOT NULL,
    PRIMARY KEY (address, pos)
);

CREATE TABLE deposit (
    address bytea NOT NULL,
    depositor bytea NOT NULL,
    deposit_id bytea NOT NULL,
    pos bigint NOT NULL,
    hash bytea,
    PRIMARY KEY (address, depositor, deposit_id)
);

-- Numbers of objects, never given twice.
CREATE SEQUENCE object_parts;

-- One row for each object that is there or on its way; pos is NULL until it is whole.
CREATE TABLE object (
    address bytea NOT NULL,
    parts bigint NOT NULL,
    depositor bytea NOT NULL,
    deposit_id bytea NOT NULL,
    id bytea NOT NULL,
    size bigint NOT NULL,
    received bigint NOT NULL,
    touched bigint NOT NULL,
    pos bigint,
    -- When its owner fetched what lies behind it, and (kept) whether she read it to its end.
    passed bigint,
    kept boolean NOT NULL,
    PRIMARY KEY (address, parts)
);

CREATE UNIQUE INDEX object_deposit ON object (address, depositor, deposit_id);
CREATE INDEX object_place ON object (address, pos);
CREATE INDEX object_unfinished ON object (touched) WHERE pos IS NULL;
CREATE INDEX object_unread ON object (passed) WHERE passed IS NOT NULL AND NOT kept;

CREATE TABLE object_part (
    address bytea NOT NULL,
    parts bigint NOT NULL,
    start bigint NOT NULL,
    bytes bytea NOT NULL,
    PRIMARY KEY (address, parts, start)
);

-- What is sealed does not get smaller: nobody tries.
ALTER TABLE place ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE object_part ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- Erased rows are cleared away soon, however large the table is.
ALTER TABLE place SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 100,
    toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 100);
ALTER TABLE object_part SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 100,
    toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 100);

CREATE TABLE pass_use (
    bind bytea NOT NULL,
    period bigint NOT NULL,
    uses bigint NOT NULL,
    PRIMARY KEY (bind, period)
);

CREATE TABLE tile (
    log bigint NOT NULL,
    level bigint NOT NULL,
    tile_index bigint NOT NULL,
    hashes bytea NOT NULL,
    PRIMARY KEY (log, level, tile_index)
);

CREATE TABLE bundle (
    log bigint NOT NULL,
    bundle_index bigint NOT NULL,
    entries bytea NOT NULL,
    PRIMARY KEY (log, bundle_index)
);

ALTER TABLE tile ALTER COLUMN hashes SET STORAGE EXTERNAL;
ALTER TABLE bundle ALTER COLUMN entries SET STORAGE EXTERNAL;

-- The sequencer's row: changed by compare-and-swap on its size.
CREATE TABLE log_head (
    log bigint NOT NULL PRIMARY KEY,
    size bigint NOT NULL,
    root bytea NOT NULL,
    time bigint NOT NULL
);

CREATE TABLE wrapped_root (
    locator bytea NOT NULL PRIMARY KEY,
    owner bytea NOT NULL,
    body bytea NOT NULL
);

CREATE TABLE status_list (
    org bytea NOT NULL,
    list text COLLATE "C" NOT NULL,
    token text NOT NULL,
    PRIMARY KEY (org, list)
);

-- Has a row while rows of another database are on their way into this one.
CREATE TABLE moving (
    name text COLLATE "C" NOT NULL PRIMARY KEY
);
