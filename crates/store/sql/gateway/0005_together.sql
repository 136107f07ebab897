-- Records of one address share envelopes: several may go in one.
CREATE TABLE record_sent_together (
    kept BLOB NOT NULL PRIMARY KEY,
    deposit_id BLOB NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO record_sent_together (kept, deposit_id) SELECT kept, deposit_id FROM record_sent;
DROP TABLE record_sent;
ALTER TABLE record_sent_together RENAME TO record_sent;
CREATE INDEX record_sent_by_deposit ON record_sent (deposit_id);
