//! An invitation for a QR code: the same CBOR, deflated, in the alphabet of which a code takes the most.

use crate::base45;
use miniz_oxide::{
    deflate::core::{
        CompressorOxide, TDEFLFlush, TDEFLStatus, compress_to_output,
        create_comp_flags_from_zip_params,
    },
    inflate::{
        TINFLStatus,
        core::{
            DecompressorOxide, decompress, inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
        },
    },
};

/// What the form for a QR code begins with.
pub const INVITATION_QR_PREFIX: &str = "DENIZEN:INVITE:";

/// Largest invitation, in bytes of CBOR, that is written or read in this form.
pub const INVITATION_QR_SIZE_BYTES_MAX: usize = 16 << 10;

/// Characters of this alphabet that the largest code holds (version 40, level L).
const QR_CHARACTERS_MAX: usize = 4296;

/// What reader and writer know before the first byte: texts that invitations have in common. Another
/// dictionary needs another prefix.
const DICTIONARY: &[u8] = concat!(
    r#"{"alg":"Ed25519","b64":false,"crit":["b64"],"kid":"#,
    r##""#message-1","typ":"denizen-invitation+json"}"##,
    r#"{"v":1,"nonce":"","org":"","hub":"","hub_url":"https://","#,
    r#""identity":{"kty":"OKP","crv":"Ed25519","x":""},"statement":"","purpose":"","#,
    r#""sends":["urn:denizen:kind::1","urn:denizen:kind::1"],"asks":["urn:denizen:service:"],"#,
    r#""case_reference":"","open":false,"expires":18}X@"#,
    r##"#pass-1","typ":"denizen-pass+json"}"##,
    r#"{"v":1,"use":"register","org":"","hub":"","bind":{"nonce":""},"#,
    r#""uses":1,"not_before":18,"not_after":18,"quota":268435456}X@"#,
    r#"{"v":1,"use":"deposit","org":"","hub":"","inbox":"","bind":{"nonce":""},"#,
    r#""uses":4,"not_before":18,"not_after":18,"quota":1048576}X@"#,
)
.as_bytes();

/// The form for a QR code; nothing if no code is large enough.
pub(super) fn write(bytes: &[u8]) -> Option<String> {
    if bytes.len() > INVITATION_QR_SIZE_BYTES_MAX {
        return None;
    }
    let text = [INVITATION_QR_PREFIX, &base45::encode(&deflate(bytes)?)].concat();
    (text.len() <= QR_CHARACTERS_MAX).then_some(text)
}

/// The bytes of what follows the prefix. The alphabet has no small letters, so those are read as capitals.
pub(super) fn read(text: &str) -> Option<Vec<u8>> {
    inflate(&base45::decode(&text.to_ascii_uppercase())?)
}

/// Source: RFC 1951; the dictionary as in RFC 1950 section 2.2, without that format's head and checksum.
fn deflate(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut compressor = CompressorOxide::new(create_comp_flags_from_zip_params(10, 0, 0));
    // The dictionary goes before, up to a boundary of bytes; what is written of it is left out.
    compress_to_output(&mut compressor, DICTIONARY, TDEFLFlush::Sync, |_| true);
    let mut out = Vec::with_capacity(bytes.len() / 2);
    let (status, _) = compress_to_output(&mut compressor, bytes, TDEFLFlush::Finish, |part| {
        out.extend_from_slice(part);
        true
    });
    (status == TDEFLStatus::Done).then_some(out)
}

fn inflate(packed: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = DICTIONARY.to_vec();
    bytes.resize(DICTIONARY.len() + INVITATION_QR_SIZE_BYTES_MAX, 0);
    let (status, read, written) = decompress(
        &mut Box::<DecompressorOxide>::default(),
        packed,
        &mut bytes,
        DICTIONARY.len(),
        TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
    );
    if status != TINFLStatus::Done || read != packed.len() {
        return None;
    }
    bytes.truncate(DICTIONARY.len() + written);
    Some(bytes.split_off(DICTIONARY.len()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn packed(text: &str) -> &str {
        text.strip_prefix(INVITATION_QR_PREFIX).unwrap()
    }

    /// As long as one is, and of each byte.
    fn bytes() -> Vec<u8> {
        let texts = DICTIONARY.iter().copied().rev();
        texts.chain(0..=u8::MAX).collect()
    }

    #[test]
    fn bytes_come_back_and_no_character_needs_another_mode() {
        let text = write(&bytes()).unwrap();
        assert!(
            text.bytes()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || b" $%*+-./:".contains(&c))
        );
        assert_eq!(read(packed(&text)).unwrap(), bytes());
        assert_eq!(read(&packed(&text).to_lowercase()).unwrap(), bytes());
    }

    #[test]
    fn what_invitations_have_in_common_costs_next_to_nothing() {
        let few = deflate(DICTIONARY).unwrap();
        assert!(few.len() < 32, "{}", few.len());
    }

    #[test]
    fn a_text_cut_anywhere_is_refused() {
        let text = write(&bytes()).unwrap();
        let packed = packed(&text);
        for end in 0..packed.len() {
            assert_eq!(read(&packed[..end]), None, "{end}");
        }
    }

    #[test]
    fn bytes_after_the_last_block_are_refused() {
        let mut more = deflate(&bytes()).unwrap();
        assert!(inflate(&more).is_some());
        more.push(0);
        assert_eq!(inflate(&more), None);
        let again = deflate(&bytes()).unwrap();
        assert_eq!(inflate(&[&again[..], &again[..]].concat()), None);
    }

    #[test]
    fn more_than_the_limit_is_neither_written_nor_read() {
        let most = vec![b'0'; INVITATION_QR_SIZE_BYTES_MAX];
        let text = write(&most).unwrap();
        assert_eq!(read(packed(&text)).unwrap(), most);
        let more = vec![b'0'; INVITATION_QR_SIZE_BYTES_MAX + 1];
        assert_eq!(write(&more), None);
        assert_eq!(inflate(&deflate(&more).unwrap()), None);
        let bomb = deflate(&vec![0; 8 << 20]).unwrap();
        assert_eq!(inflate(&bomb), None);
    }

    #[test]
    fn what_no_code_holds_is_not_written() {
        // As good as random: hashes.
        let hashes = (0_u32..100).map(|n| crate::Sha256Hash::of(&n.to_be_bytes()));
        let noise: Vec<u8> = hashes.flat_map(|h| *h.as_bytes()).collect();
        assert!(write(&noise[..2800]).unwrap().len() > 4200);
        assert_eq!(write(&noise), None);
    }
}
