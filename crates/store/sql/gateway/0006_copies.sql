-- Keys that a person sent ahead for one-time copies, encrypted: apart from the link, which is read and
-- written with every letter. A link from before has them in its own body until it is written next.
CREATE TABLE link_copies (
    address BLOB NOT NULL PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;
