//! Padding to size classes: u32 big-endian length, message, zeros (R9).

use denizen_guard::{Check, holds};
use denizen_model::envelope::SIZE_CLASSES_BYTES;
use zeroize::Zeroizing;

/// Why a plaintext is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PaddingError {
    /// The message fits no class: move attachments into objects or several envelopes.
    #[error("message is larger than the largest size class")]
    TooLarge,
    /// Not of a size class, a length beyond it, or padding that is not zero.
    #[error("plaintext is not padded as its size class says")]
    NotPadded,
}

/// Pads a message into the smallest class that holds it and its length.
///
/// # Errors
/// [`PaddingError::TooLarge`] over 256 KiB - 4.
pub fn pad(message: &[u8]) -> Result<Zeroizing<Vec<u8>>, PaddingError> {
    let needed = message.len() + 4;
    let class = SIZE_CLASSES_BYTES.iter().find(|class| **class >= needed);
    let class = *class.ok_or(PaddingError::TooLarge)?;
    let len = u32::try_from(message.len()).map_err(|_| PaddingError::TooLarge)?;
    let mut plaintext = Zeroizing::new(Vec::with_capacity(class));
    plaintext.extend_from_slice(&len.to_be_bytes());
    plaintext.extend_from_slice(message);
    if !holds(Check::Padding, false) {
        plaintext.resize(class, 0);
    }
    Ok(plaintext)
}

/// Takes the message out of a padded plaintext.
///
/// # Errors
/// [`PaddingError::NotPadded`].
pub fn unpad(plaintext: &[u8]) -> Result<&[u8], PaddingError> {
    let read = || {
        SIZE_CLASSES_BYTES
            .contains(&plaintext.len())
            .then_some(())?;
        let (len, rest) = plaintext.split_first_chunk::<4>()?;
        let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
        let (message, zeros) = rest.split_at_checked(len)?;
        holds(Check::PaddingForm, zeros.iter().all(|b| *b == 0)).then_some(message)
    };
    let message = read().ok_or(PaddingError::NotPadded)?;
    // One message has one class: a small message in a large class would be a covert channel.
    let smallest = SIZE_CLASSES_BYTES
        .iter()
        .find(|class| **class >= message.len() + 4);
    if holds(Check::PaddingForm, smallest == Some(&plaintext.len())) {
        Ok(message)
    } else {
        Err(PaddingError::NotPadded)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn every_length_round_trips_in_the_smallest_class() {
        for len in [0, 1, 4091, 4092, 4093, 16_380, 16_381, 262_140] {
            let padded = pad(&vec![7; len]).unwrap();
            assert_eq!(unpad(&padded).unwrap(), vec![7; len]);
        }
        assert_eq!(pad(&[0; 262_141]).unwrap_err(), PaddingError::TooLarge);
    }

    #[test]
    fn dirty_padding_long_lengths_and_wrong_classes_are_refused() {
        let mut dirty = pad(b"m").unwrap();
        *dirty.last_mut().unwrap() = 1;
        assert!(unpad(&dirty).is_err());
        let mut long = pad(b"m").unwrap();
        long[..4].copy_from_slice(&u32::MAX.to_be_bytes());
        assert!(unpad(&long).is_err());
        let mut large = pad(b"m").unwrap().to_vec();
        large.resize(SIZE_CLASSES_BYTES[1], 0);
        assert!(unpad(&large).is_err());
        assert!(unpad(&[0; 5]).is_err());
    }
}
