//! Base45: bytes in the letters that a QR code writes in eleven bits for two.
//!
//! Source: RFC 9285.

const ALPHABET: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

/// Two bytes become three characters, a last one two.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(2) * 3);
    for group in bytes.chunks(2) {
        let mut rest = group.iter().fold(0, |n, byte| n << 8 | usize::from(*byte));
        for _ in 0..=group.len() {
            text.extend(ALPHABET.get(rest % 45).map(|c| char::from(*c)));
            rest /= 45;
        }
    }
    text
}

/// The bytes of a text; nothing if it is not what [`encode`] writes, down to the last character.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 3 * 2 + 1);
    for group in text.as_bytes().chunks(3) {
        let mut number = 0;
        for c in group.iter().rev() {
            number = number * 45 + ALPHABET.iter().position(|a| a == c)?;
        }
        match group.len() {
            3 => bytes.extend(u16::try_from(number).ok()?.to_be_bytes()),
            2 => bytes.push(u8::try_from(number).ok()?),
            _ => return None,
        }
    }
    Some(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc() {
        for (bytes, text) in [
            ("AB", "BB8"),
            ("Hello!!", "%69 VD92EX0"),
            ("base-45", "UJCLQE7W581"),
            ("ietf!", "QED8WEX0"),
        ] {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text).unwrap(), bytes.as_bytes());
        }
        assert_eq!(decode("FGW").unwrap(), [0xff, 0xff]);
    }

    #[test]
    fn what_no_bytes_become_is_refused() {
        for text in ["GGW", ":::", "V5", "::", "A", "BB8A", "bb8", "B_8", "BÉ8"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    #[test]
    fn every_byte_at_every_place_comes_back() {
        for byte in 0..=u8::MAX {
            for bytes in [&[byte][..], &[byte, 0], &[0, byte], &[7, 7, byte]] {
                assert_eq!(decode(&encode(bytes)).unwrap(), bytes);
            }
        }
    }
}
