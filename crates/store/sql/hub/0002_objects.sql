-- Attachment objects (docs/spec/attachments.md). A place of kind 1 is an object: its bytes are not in
-- the row but in parts, which come one after the other.
ALTER TABLE place ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;

-- One row for each object that is there or on its way; pos is NULL until it is whole.
CREATE TABLE object (
    parts INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    address BLOB NOT NULL,
    depositor BLOB NOT NULL,
    deposit_id BLOB NOT NULL,
    id BLOB NOT NULL,
    size INTEGER NOT NULL,
    received INTEGER NOT NULL,
    touched INTEGER NOT NULL,
    pos INTEGER,
    -- When its owner fetched what lies behind it, and (kept = 1) whether she read it to its end.
    passed INTEGER,
    kept INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX object_deposit ON object (address, depositor, deposit_id);
CREATE INDEX object_place ON object (address, pos);
CREATE INDEX object_unfinished ON object (touched) WHERE pos IS NULL;
CREATE INDEX object_unread ON object (passed) WHERE passed IS NOT NULL AND kept = 0;

CREATE TABLE object_part (
    parts INTEGER NOT NULL,
    start INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (parts, start)
) STRICT;
