//! Bending: a good input becomes a bad one, from a seed.

use rand_core::Rng;

/// Values that parsers stumble over.
const AWKWARD: [u8; 6] = [0, 0xff, 0x7f, 0x80, b'"', b'\n'];

/// What is put in: a CBOR array that claims to be long, and JSON that is deep.
const LONG_ARRAY: &[u8] = &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff];
const DEEP: &[u8] = b"[[[[[[[[{\"a\":";

/// Bends a sample one to four times.
pub fn bend(sample: &[u8], rng: &mut impl Rng) -> Vec<u8> {
    let mut bytes = sample.to_vec();
    for _ in 0..=below(rng, 3) {
        let len = bytes.len();
        let (a, b) = (below(rng, len), below(rng, len));
        let (from, to) = (a.min(b), a.max(b));
        let near = to.min(from + 40);
        match below(rng, 8) {
            0 => bytes.truncate(from),
            1 => {
                if let Some(byte) = bytes.get_mut(from) {
                    *byte ^= 1 << below(rng, 7);
                }
            }
            2 => {
                let awkward = AWKWARD.get(below(rng, AWKWARD.len() - 1));
                if let (Some(byte), Some(awkward)) = (bytes.get_mut(from), awkward) {
                    *byte = *awkward;
                }
            }
            3 => drop(bytes.drain(from..near)),
            4 => {
                let part = bytes.get(from..near).unwrap_or_default().to_vec();
                drop(bytes.splice(from..from, part));
            }
            5 => drop(bytes.splice(from..from, LONG_ARRAY.iter().copied())),
            6 => drop(bytes.splice(from..from, rng.next_u64().to_be_bytes())),
            7 => drop(bytes.splice(from..from, DEEP.repeat(20))),
            _ => bytes.extend_from_slice(sample.get(from..).unwrap_or_default()),
        }
    }
    bytes
}

/// A number from 0 to `max`.
fn below(rng: &mut impl Rng, max: usize) -> usize {
    usize::try_from(rng.next_u64() % (max as u64 + 1)).unwrap_or(0)
}
