-- Files of applications, disputes and notes, and those that the office sends (docs/spec/attachments.md).

-- Objects that the hub has shown in the inbox: only one of these is asked for.
CREATE TABLE inbox_object (
    id BLOB NOT NULL PRIMARY KEY,
    pos INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What came of them so far, in the order in which it came: ciphertext.
CREATE TABLE inbox_object_part (
    id BLOB NOT NULL,
    start INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (id, start)
) STRICT;

-- `owner` is a case, a dispute or a note. `body` says what it is, `content` is NULL if it never came;
-- both are encrypted, of a case under the case's own key.
CREATE TABLE file (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    body BLOB NOT NULL,
    content BLOB
) STRICT;
CREATE INDEX file_by_owner ON file (owner);

-- Sealed objects on their way: each goes before the envelope that refers to it.
CREATE TABLE outbox_object (
    deposit_id BLOB NOT NULL PRIMARY KEY,
    letter BLOB NOT NULL,
    id BLOB NOT NULL,
    bytes BLOB NOT NULL
) STRICT;
CREATE INDEX outbox_object_by_letter ON outbox_object (letter);
