-- Disputes, returned records, notes, runs of intake, and addresses that take nothing for a time.

-- Which run took a row, and the kept copy that came of it.
ALTER TABLE row_taken ADD COLUMN run INTEGER;
ALTER TABLE row_taken ADD COLUMN kept BLOB;
-- Its person returned it as not about her: the same row is not taken again, a corrected one is.
ALTER TABLE row_taken ADD COLUMN returned INTEGER NOT NULL DEFAULT 0;
CREATE INDEX row_taken_by_run ON row_taken (run);
CREATE INDEX row_taken_by_kept ON row_taken (kept);
ALTER TABLE row_waiting ADD COLUMN row_key BLOB;
CREATE INDEX row_waiting_by_row ON row_waiting (row_key);

-- A disputed record is contested beside its status: the stronger shows in the list.
ALTER TABLE status_entry ADD COLUMN contested INTEGER NOT NULL DEFAULT 0;

-- Something came for a case that an officer has not seen.
ALTER TABLE case_file ADD COLUMN flagged INTEGER NOT NULL DEFAULT 0;

CREATE INDEX record_by_address ON record (address);

-- Envelopes to such an address wait until then; `reserved` ones wait apart from the others.
CREATE TABLE parked (
    address BLOB NOT NULL,
    reserved INTEGER NOT NULL,
    until INTEGER NOT NULL,
    -- After how many refusals; 0 if the office itself holds them.
    tries INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (address, reserved)
) STRICT, WITHOUT ROWID;

-- `number` is what the desk calls it; `body` goes when its retention ends.
CREATE TABLE dispute (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    thread BLOB NOT NULL,
    address BLOB NOT NULL,
    kind INTEGER NOT NULL,
    state INTEGER NOT NULL,
    received INTEGER NOT NULL,
    due INTEGER NOT NULL,
    kept BLOB NOT NULL,
    retain_until INTEGER,
    body BLOB,
    UNIQUE (address, thread)
) STRICT;
CREATE INDEX dispute_by_kept ON dispute (kept);

CREATE TABLE note (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    address BLOB NOT NULL,
    at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX note_by_address ON note (address);

CREATE TABLE run (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    undone INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
