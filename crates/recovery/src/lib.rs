//! Wrapped roots and the printed kit: they give back 32 bytes and know nothing of envelopes.
