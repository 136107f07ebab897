-- Every fetch asks for an address's tombstones: without this it would read all its places.
CREATE INDEX place_tombstone ON place (address, pos, leaf_index) WHERE body IS NULL;
