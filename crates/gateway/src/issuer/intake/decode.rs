//! The bytes of a file as UTF-8 text: its encoding decoded, line ends made `\n`, the last
//! row ended too, rows of bounded size. What is not in the encoding becomes U+FFFD, which no row may contain.

use encoding_rs::{Decoder, Encoding};
use std::{
    io::{self, Read},
    sync::Arc,
    sync::atomic::{AtomicU64, Ordering},
};

use super::ROW_SIZE_BYTES_MAX;

const CHUNK_BYTES: usize = 16 * 1024;

/// A reader of UTF-8.
pub(super) struct Source<R> {
    input: R,
    decoder: Decoder,
    raw: Vec<u8>,
    raw_at: usize,
    ended: bool,
    text: Vec<u8>,
    text_at: usize,
    rows: RowWatch,
}

/// The line of a row that did not end in time; 0 for none. Shared, since the CSV reader owns the
/// source.
pub(super) type TooLong = Arc<AtomicU64>;

impl<R: Read> Source<R> {
    pub(super) fn new(input: R, encoding: &'static Encoding, delimiter: Option<u8>) -> Self {
        Self {
            input,
            decoder: encoding.new_decoder(),
            raw: Vec::new(),
            raw_at: 0,
            ended: false,
            text: Vec::new(),
            text_at: 0,
            rows: RowWatch::new(delimiter),
        }
    }

    pub(super) fn too_long(&self) -> TooLong {
        Arc::clone(&self.rows.too_long)
    }

    /// Decodes the next chunk into `text`.
    fn fill(&mut self) -> io::Result<()> {
        self.text.clear();
        self.text_at = 0;
        while self.text.is_empty() {
            if self.raw_at == self.raw.len() {
                if self.ended {
                    if self.rows.end() {
                        self.text.push(b'\n');
                    }
                    return Ok(());
                }
                self.raw.resize(CHUNK_BYTES, 0);
                let read = self.input.read(&mut self.raw)?;
                self.raw.truncate(read);
                self.raw_at = 0;
                self.ended = read == 0;
            }
            let mut out = vec![0; CHUNK_BYTES];
            let raw = self.raw.get(self.raw_at..).unwrap_or_default();
            let (_, read, written, _) = self.decoder.decode_to_utf8(raw, &mut out, self.ended);
            self.raw_at += read;
            out.truncate(written);
            self.rows.pass(&out, &mut self.text)?;
        }
        Ok(())
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.text_at == self.text.len() {
            self.fill()?;
        }
        let rest = self.text.get(self.text_at..).unwrap_or_default();
        let count = rest.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.text_at += count;
        Ok(count)
    }
}

/// Follows where rows begin and end, so that an unclosed quote cannot swallow a file.
struct RowWatch {
    delimiter: Option<u8>,
    size: usize,
    line: u64,
    row_line: u64,
    quoted: bool,
    at_cell_start: bool,
    carriage: bool,
    too_long: TooLong,
}

impl RowWatch {
    fn new(delimiter: Option<u8>) -> Self {
        Self {
            delimiter,
            size: 0,
            line: 1,
            row_line: 1,
            quoted: false,
            at_cell_start: true,
            carriage: false,
            too_long: Arc::default(),
        }
    }

    /// Copies text, `\r\n` as `\n`.
    fn pass(&mut self, text: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        for byte in text {
            if self.carriage && *byte != b'\n' {
                out.push(b'\r');
            }
            self.carriage = *byte == b'\r';
            if !self.carriage {
                out.push(*byte);
                self.watch(*byte)?;
            }
        }
        Ok(())
    }

    /// Whether the last row lacks its end; said once.
    fn end(&mut self) -> bool {
        std::mem::take(&mut self.size) > 0
    }

    fn watch(&mut self, byte: u8) -> io::Result<()> {
        if byte == b'\n' {
            self.line += 1;
        }
        if byte == b'\n' && !self.quoted {
            self.size = 0;
            self.row_line = self.line;
            self.at_cell_start = true;
            return Ok(());
        }
        self.size += 1;
        if self.size > ROW_SIZE_BYTES_MAX {
            self.too_long.store(self.row_line, Ordering::Relaxed);
            return Err(io::Error::from(io::ErrorKind::InvalidData));
        }
        let Some(delimiter) = self.delimiter else {
            return Ok(());
        };
        // A quote opens a cell only at its start; a doubled one closes and opens again.
        if byte == b'"' && (self.quoted || self.at_cell_start) {
            self.quoted = !self.quoted;
            self.at_cell_start = !self.quoted;
        } else {
            self.at_cell_start = byte == delimiter && !self.quoted;
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails loudly")]
mod tests {
    use super::*;

    fn read(label: &str, bytes: &[u8]) -> io::Result<String> {
        let encoding = Encoding::for_label(label.as_bytes()).unwrap();
        let mut text = String::new();
        Source::new(bytes, encoding, Some(b';')).read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn marks_and_line_ends_are_made_one_and_what_is_not_in_the_encoding_is_marked() {
        assert_eq!(
            read("utf-8", b"\xef\xbb\xbfa;b\r\nc\r\n").unwrap(),
            "a;b\nc\n"
        );
        assert_eq!(read("utf-8", b"a\rb\n").unwrap(), "a\rb\n");
        assert_eq!(read("windows-1251", b"\xc0\n").unwrap(), "А\n");
        assert_eq!(read("utf-8", b"\xc0\n").unwrap(), "\u{fffd}\n");
        assert_eq!(read("utf-8", b"").unwrap(), "");
        assert_eq!(read("utf-8", b"a;b\nc").unwrap(), "a;b\nc\n");
        let utf16: Vec<u8> = "\u{feff}é\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(read("utf-8", &utf16).unwrap(), "é\n");
    }

    #[test]
    fn a_long_file_of_short_rows_passes_and_a_row_without_end_does_not() {
        let row = "\"a \"\"quoted\"\" cell\nof two lines\";5\" long\n";
        let text = row.repeat(ROW_SIZE_BYTES_MAX / 20);
        assert_eq!(read("utf-8", text.as_bytes()).unwrap(), text);
        let endless = format!("a;b\n\"{}", "c;d\n".repeat(ROW_SIZE_BYTES_MAX / 3));
        assert!(read("utf-8", endless.as_bytes()).is_err());
    }
}
