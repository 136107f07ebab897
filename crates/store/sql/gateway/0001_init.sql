-- A gateway finds its own things by address, case reference and queue, never by an attribute of a
-- person (docs/rules.md, R29). Every body is encrypted (R27); a case reference of the office is
-- stored as a keyed hash, since an office may put anything into it.

CREATE TABLE setting (
    name TEXT NOT NULL PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE invitation (
    nonce BLOB NOT NULL PRIMARY KEY,
    uses_left INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE link (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    address BLOB NOT NULL UNIQUE,
    case_key BLOB,
    state INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX link_by_case ON link (case_key, id);

-- Ids of messages that came, so that a second one is dropped or an alarm.
CREATE TABLE taken (
    sender BLOB NOT NULL,
    message BLOB NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (sender, message)
) STRICT, WITHOUT ROWID;

-- Messages of types that this release does not act on.
CREATE TABLE unread (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    address BLOB NOT NULL,
    body BLOB NOT NULL
) STRICT;

-- Places of the inbox whose envelopes the hub shall erase: their papers are no longer needed, or
-- were refused.
CREATE TABLE erasure (
    pos INTEGER NOT NULL PRIMARY KEY
) STRICT;

-- Rows of the office's files that were taken: keyed hashes of their identity and of their content.
CREATE TABLE row_taken (
    row_key BLOB NOT NULL PRIMARY KEY,
    content BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Rows whose case reference has no confirmed link yet.
CREATE TABLE row_waiting (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    case_key BLOB NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX row_waiting_by_case ON row_waiting (case_key, id);

-- Issued records, for further one-time copies.
CREATE TABLE record (
    kept BLOB NOT NULL PRIMARY KEY,
    address BLOB NOT NULL,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE status_entry (
    list INTEGER NOT NULL,
    idx INTEGER NOT NULL,
    kept BLOB NOT NULL,
    status INTEGER NOT NULL,
    PRIMARY KEY (list, idx)
) STRICT, WITHOUT ROWID;
CREATE INDEX status_entry_by_kept ON status_entry (kept);

-- Sealed envelopes on their way, sent unchanged until answered. `effect_*`: a change of status that
-- shows in the list only once the message about it is settled.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    deposit_id BLOB NOT NULL UNIQUE,
    address BLOB NOT NULL,
    envelope BLOB NOT NULL,
    reserved INTEGER NOT NULL,
    effect_kept BLOB,
    effect_status INTEGER,
    -- After how many refusals it waits, and until when.
    tries INTEGER NOT NULL DEFAULT 0,
    until INTEGER NOT NULL DEFAULT 0
) STRICT;

-- What became of each deposit, with its receipt.
CREATE TABLE sent (
    deposit_id BLOB NOT NULL PRIMARY KEY,
    address BLOB NOT NULL,
    envelope_hash BLOB NOT NULL,
    outcome TEXT NOT NULL,
    proof TEXT,
    nonce_a BLOB
) STRICT;

-- `wrapped_key` opens `body`; both go when retention ends. Each sender draws its own threads: two may
-- draw the same.
CREATE TABLE case_file (
    case_reference TEXT NOT NULL PRIMARY KEY,
    thread BLOB NOT NULL,
    address BLOB NOT NULL,
    state INTEGER NOT NULL,
    service TEXT NOT NULL,
    filed INTEGER NOT NULL,
    due INTEGER NOT NULL,
    retain_until INTEGER,
    wrapped_key BLOB,
    body BLOB,
    UNIQUE (address, thread)
) STRICT;

CREATE TABLE alarm (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    code TEXT NOT NULL
) STRICT;
