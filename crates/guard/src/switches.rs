//! The switches of a test build: one bit a check, for the whole process, since a hub writes on a
//! thread of its own. Whoever uses them runs one attack at a time.

use crate::Check;
use std::sync::atomic::{AtomicU64, Ordering};

const WORDS: usize = 2;
const _: () = assert!(Check::ALL.len() <= WORDS * 64);

static OFF: [AtomicU64; WORDS] = [AtomicU64::new(0), AtomicU64::new(0)];

/// Checks that are off until this is dropped.
#[must_use]
#[derive(Debug)]
pub struct SwitchedOff([u64; WORDS]);

/// Switches checks off, for the whole process.
pub fn danger_switch_off(checks: &[Check]) -> SwitchedOff {
    let mut bits = [0; WORDS];
    for (at, word) in bits.iter_mut().enumerate() {
        let mine = checks.iter().map(|c| *c as usize).filter(|c| c / 64 == at);
        *word = mine.fold(0, |bits, c| bits | 1 << (c % 64));
    }
    let before = |(word, bits): (&AtomicU64, u64)| word.fetch_or(bits, Ordering::SeqCst);
    let mut all = OFF.iter().zip(bits).map(before);
    SwitchedOff([all.next().unwrap_or(0), all.next().unwrap_or(0)])
}

impl Drop for SwitchedOff {
    fn drop(&mut self) {
        for (word, before) in OFF.iter().zip(self.0) {
            word.store(before, Ordering::SeqCst);
        }
    }
}

pub(crate) fn is_off(check: Check) -> bool {
    let at = check as usize;
    let word = OFF.get(at / 64).map_or(0, |w| w.load(Ordering::SeqCst));
    word & 1 << (at % 64) != 0
}
