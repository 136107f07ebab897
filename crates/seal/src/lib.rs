//! HPKE X-Wing sealing, key tree from the root secret, padding and shredding.
