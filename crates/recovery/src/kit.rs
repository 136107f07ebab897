//! The kit: the root itself on paper, as 24 BIP 39 words, with the hub where address 0 lies.

use bip39::{Language, Mnemonic};
use zeroize::Zeroizing;

/// What is printed, and typed in to restore.
pub struct Kit {
    /// The root secret's 32 bytes.
    pub root: Zeroizing<[u8; 32]>,
    /// Hub id, as text.
    pub hub: String,
    /// Where the hub answered when the kit was printed.
    pub hub_url: String,
}

/// Why a kit's text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KitError {
    /// Not 24 words.
    #[error("the kit has 24 words, and {0} were given")]
    Count(usize),
    /// A word that is on no kit.
    #[error("word {0} is not on any kit: compare it with the paper")]
    Word(usize),
    /// All words exist, but they do not belong together.
    #[error("the words do not belong together: one is wrong or two are exchanged")]
    Checksum,
    /// The line with the hub is missing.
    #[error("the kit's line with the hub is missing")]
    Hub,
}

impl Kit {
    /// The kit's text: the words in rows of six, and the hub.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let mnemonic = Mnemonic::from_entropy_in(Language::English, self.root.as_ref())
            .expect("32 bytes are 24 words");
        let words: Vec<&str> = mnemonic.words().collect();
        let mut text = Zeroizing::new(String::new());
        for (row, words) in words.chunks(6).enumerate() {
            text.push_str(&format!("{:>2}  {}\n", row * 6 + 1, words.join(" ")));
        }
        text.push_str(&format!("hub {} {}\n", self.hub, self.hub_url));
        text
    }

    /// Reads a kit as typed or scanned: numbers, case, spaces and line breaks do not matter.
    ///
    /// # Errors
    /// [`KitError`]; a wrong word is named by its place.
    pub fn parse(text: &str) -> Result<Self, KitError> {
        // The list has a word `hub` too: the line with the hub begins at the last one that two more follow.
        let tokens: Vec<&str> = text.split_whitespace().collect();
        let is_line = |at: &usize| {
            let named = tokens
                .get(*at)
                .is_some_and(|t| t.eq_ignore_ascii_case("hub"));
            named && at + 2 < tokens.len()
        };
        let line = (0..tokens.len()).rev().find(is_line).ok_or(KitError::Hub)?;
        let (words, hub) = tokens.split_at(line);
        let mut hub = hub.iter().skip(1).copied();
        let (id, url) = hub.next().zip(hub.next()).ok_or(KitError::Hub)?;
        let words: Vec<String> = words
            .iter()
            .filter(|w| w.parse::<u32>().is_err())
            .map(|w| w.to_lowercase())
            .collect();
        let known = |word: &String| Language::English.find_word(word).is_some();
        if let Some(at) = words.iter().position(|w| !known(w)) {
            return Err(KitError::Word(at + 1));
        }
        if words.len() != 24 {
            return Err(KitError::Count(words.len()));
        }
        let mnemonic = Mnemonic::parse_in_normalized(Language::English, &words.join(" "))
            .map_err(|_| KitError::Checksum)?;
        let (entropy, len) = mnemonic.to_entropy_array();
        let root = entropy.get(..len).and_then(|e| e.try_into().ok());
        Ok(Self {
            root: Zeroizing::new(root.ok_or(KitError::Checksum)?),
            hub: id.to_owned(),
            hub_url: url.to_owned(),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn kit() -> String {
        let kit = Kit {
            root: Zeroizing::new([7; 32]),
            hub: "HUB".into(),
            hub_url: "u".into(),
        };
        kit.to_text().to_string()
    }

    #[test]
    fn a_printed_kit_is_read_however_it_is_typed() {
        for text in [
            kit(),
            kit().replace('\n', " "),
            kit().replace("hub", "\n\nhub"),
        ] {
            let read = Kit::parse(&text).unwrap();
            assert_eq!((*read.root, read.hub.as_str()), ([7; 32], "HUB"));
        }
        let (words, hub) = kit()
            .split_once("hub")
            .map(|(w, h)| (w.to_uppercase(), h.to_owned()))
            .unwrap();
        assert_eq!(
            *Kit::parse(&format!("{words}hub{hub}")).unwrap().root,
            [7; 32]
        );
    }

    #[test]
    fn a_kit_whose_words_name_the_hub_is_read_as_any_other() {
        // The word is on the list: about one kit in eighty-five has it.
        let roots = (0u32..4096).map(|n| {
            let mut root = [0; 32];
            root[..4].copy_from_slice(&n.to_be_bytes());
            root[28..].copy_from_slice(&n.wrapping_mul(0x9e37_79b9).to_be_bytes());
            root
        });
        let mut seen = 0;
        for root in roots {
            let kit = Kit {
                root: Zeroizing::new(root),
                hub: "HUB".into(),
                hub_url: "u".into(),
            };
            let text = kit.to_text();
            let words = text.lines().filter(|l| !l.starts_with("hub "));
            let named = words.flat_map(str::split_whitespace).any(|w| w == "hub");
            seen += u32::from(named);
            let read = Kit::parse(&text).unwrap();
            assert_eq!((*read.root, read.hub.as_str()), (root, "HUB"));
            assert_eq!(*Kit::parse(&text.replace('\n', " ")).unwrap().root, root);
        }
        assert!(seen > 0, "no kit with the word was tried");
    }

    #[test]
    fn a_wrong_word_is_named_and_missing_or_exchanged_ones_are_refused() {
        let text = kit();
        let third = text.split_whitespace().nth(3).unwrap().to_owned();
        let wrong = |e: Result<Kit, KitError>| e.err().unwrap();
        assert_eq!(
            wrong(Kit::parse(&text.replacen(&third, "denizen", 1))),
            KitError::Word(3)
        );
        assert_eq!(
            wrong(Kit::parse(&text.replacen(&third, "", 1))),
            KitError::Count(23)
        );
        assert_eq!(
            wrong(Kit::parse(&text.replacen(&third, "zoo", 1))),
            KitError::Checksum
        );
        assert_eq!(wrong(Kit::parse("abandon")), KitError::Hub);
    }
}
