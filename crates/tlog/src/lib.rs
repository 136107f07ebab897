//! C2SP transparency log formats: signed note, checkpoint, tile, inclusion and consistency proof, tlog-proof, cosignature.
