-- What belongs to an issued record names it by a number, in the order of issuing, and what became of a
-- letter is found by the letter's number: what is new lies together. Under hashes, which lie anywhere,
-- every record changed a page of its own in nine trees (docs/decisions/0027-numbers.md).

-- The hash of a kept copy is written once. A row stays when its record is forgotten: its status does.
CREATE TABLE issued (
    number INTEGER PRIMARY KEY,
    kept BLOB NOT NULL UNIQUE
) STRICT;
INSERT INTO issued (kept) SELECT kept FROM record ORDER BY rowid;
INSERT OR IGNORE INTO issued (kept)
    SELECT kept FROM status_entry WHERE kept <> zeroblob(32)
    UNION SELECT kept FROM row_taken WHERE kept IS NOT NULL
    UNION SELECT kept FROM record_sent;

CREATE TABLE record_numbered (
    number INTEGER PRIMARY KEY,
    address BLOB NOT NULL,
    body BLOB NOT NULL
) STRICT;
INSERT INTO record_numbered (number, address, body)
    SELECT number, address, body FROM issued JOIN record USING (kept) ORDER BY number;
DROP TABLE record;
ALTER TABLE record_numbered RENAME TO record;
CREATE INDEX record_by_address ON record (address);

-- `number` is NULL where the record that has the index is not known.
CREATE TABLE status_entry_numbered (
    list INTEGER NOT NULL,
    idx INTEGER NOT NULL,
    number INTEGER,
    status INTEGER NOT NULL,
    contested INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (list, idx)
) STRICT, WITHOUT ROWID;
INSERT INTO status_entry_numbered (list, idx, number, status, contested)
    SELECT list, idx, number, status, contested FROM status_entry LEFT JOIN issued USING (kept);
DROP TABLE status_entry;
ALTER TABLE status_entry_numbered RENAME TO status_entry;
CREATE INDEX status_entry_by_number ON status_entry (number) WHERE number IS NOT NULL;

CREATE TABLE row_taken_numbered (
    row_key BLOB NOT NULL PRIMARY KEY,
    content BLOB NOT NULL,
    run INTEGER,
    number INTEGER,
    returned INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
INSERT INTO row_taken_numbered (row_key, content, run, number, returned)
    SELECT row_key, content, run, number, returned FROM row_taken LEFT JOIN issued USING (kept);
DROP TABLE row_taken;
ALTER TABLE row_taken_numbered RENAME TO row_taken;
CREATE INDEX row_taken_by_run ON row_taken (run);
CREATE INDEX row_taken_by_number ON row_taken (number) WHERE number IS NOT NULL;

-- `letter` is the letter's number in the outbox, where numbers are not used again; of one that was
-- settled before it was written down, one below zero. An object is no letter.
CREATE TABLE sent_numbered (
    id INTEGER PRIMARY KEY,
    letter INTEGER,
    deposit_id BLOB NOT NULL,
    address BLOB NOT NULL,
    envelope_hash BLOB NOT NULL,
    outcome TEXT NOT NULL,
    proof TEXT,
    nonce_a BLOB
) STRICT;
INSERT INTO sent_numbered (id, letter, deposit_id, address, envelope_hash, outcome, proof, nonce_a)
    SELECT rowid, -rowid, deposit_id, address, envelope_hash, outcome, proof, nonce_a FROM sent
    ORDER BY rowid;

CREATE TABLE record_sent_numbered (
    number INTEGER PRIMARY KEY,
    letter INTEGER NOT NULL
) STRICT;
INSERT INTO record_sent_numbered (number, letter)
    SELECT number, COALESCE(outbox.id, -sent.rowid)
    FROM issued JOIN record_sent USING (kept)
    LEFT JOIN outbox ON outbox.deposit_id = record_sent.deposit_id
    LEFT JOIN sent ON sent.deposit_id = record_sent.deposit_id
    WHERE COALESCE(outbox.id, sent.rowid) IS NOT NULL
    ORDER BY number;
DROP TABLE record_sent;
ALTER TABLE record_sent_numbered RENAME TO record_sent;
CREATE INDEX record_sent_by_letter ON record_sent (letter);
DROP TABLE sent;
ALTER TABLE sent_numbered RENAME TO sent;
CREATE UNIQUE INDEX sent_by_letter ON sent (letter) WHERE letter IS NOT NULL;
