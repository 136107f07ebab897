-- What an organisation's own systems may do over REST, what they are told, and which of two databases
-- of one organisation counts.

-- Of a token only a hash is kept. `handle` is the part of it that is no secret.
CREATE TABLE token (
    label TEXT NOT NULL PRIMARY KEY,
    handle BLOB NOT NULL UNIQUE,
    hash BLOB NOT NULL,
    role TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    revoked INTEGER
) STRICT, WITHOUT ROWID;

-- Who did what when: never a body. `subject` is a case reference or a number, encrypted; `outcome` is
-- the HTTP status of the answer, 0 until it is known.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    token TEXT NOT NULL,
    role TEXT NOT NULL,
    operation TEXT NOT NULL,
    subject BLOB,
    outcome INTEGER NOT NULL
) STRICT;

-- Records that came one by one. `name` is what the client calls it, `key` a keyed hash of its
-- idempotency key, `asked` a keyed hash of all that was asked under it.
CREATE TABLE record_asked (
    name BLOB NOT NULL PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    asked BLOB NOT NULL,
    row_key BLOB NOT NULL,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX record_asked_by_row ON record_asked (row_key);

-- The first envelope of an issued record, so that its delivery can be told.
CREATE TABLE record_sent (
    kept BLOB NOT NULL PRIMARY KEY,
    deposit_id BLOB NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;

-- Names of invitations, since their nonce is nothing for a path or a log.
CREATE TABLE invitation_name (
    name BLOB NOT NULL PRIMARY KEY,
    nonce BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- What happened, for the organisation's own systems: a kind, and encrypted ids and references.
CREATE TABLE event (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT;

-- Where events are told. `body` is URL and secret, encrypted. `kinds` is empty for all.
CREATE TABLE hook (
    label TEXT NOT NULL PRIMARY KEY,
    kinds TEXT NOT NULL,
    body BLOB NOT NULL,
    failing_since INTEGER,
    disabled INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE hook_due (
    hook TEXT NOT NULL,
    event INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (hook, event)
) STRICT, WITHOUT ROWID;
CREATE INDEX hook_due_by_time ON hook_due (until);

-- `generation` is the version of the inbox's registration at the hub under which this database works;
-- a restored one takes the next, and the one before it stops. `copied` is when this was a backup.
CREATE TABLE lineage (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    generation INTEGER,
    copied INTEGER,
    held INTEGER
) STRICT;
INSERT INTO lineage (id) VALUES (1);
