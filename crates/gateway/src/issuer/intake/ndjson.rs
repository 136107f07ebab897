//! Rows of an NDJSON file: one JSON object a line.

use super::{
    IntakeError, Read1,
    decode::{Source, TooLong},
    mapping::{Cells, Fault, Mapping, Row},
    strict::Strict,
};
use std::{
    io::{BufRead, BufReader, Read},
    sync::atomic::Ordering,
};

/// The rows of one file.
pub(super) struct Rows<R: Read> {
    reader: BufReader<Source<R>>,
    line: u64,
    too_long: TooLong,
    encoding: String,
    ended: bool,
}

impl<R: Read> Rows<R> {
    pub(super) fn open(source: Source<R>, mapping: &Mapping) -> Self {
        Self {
            too_long: source.too_long(),
            reader: BufReader::new(source),
            line: 0,
            encoding: mapping.encoding().name().to_owned(),
            ended: false,
        }
    }
}

/// One row's text: a JSON object without a member twice, or why it is none.
pub(super) fn row(line: u64, text: &str, encoding: &str) -> Read1 {
    if text.contains('\u{fffd}') {
        return Err((line, Fault::row(format!("is not written in {encoding}"))));
    }
    match serde_json::from_str::<Strict>(text) {
        Ok(Strict(value)) if value.is_object() => Ok(Row {
            line,
            cells: Cells::Json(value),
        }),
        Ok(_) => Err((line, Fault::row("is no JSON object".to_owned()))),
        Err(error) if error.is_eof() => {
            let reason = "is cut short: the JSON object does not end".to_owned();
            Err((line, Fault::row(reason)))
        }
        Err(error) if error.is_data() => {
            let reason = "has a member twice: which one counts?".to_owned();
            Err((line, Fault::row(reason)))
        }
        Err(error) => {
            let reason = format!("is no JSON: at character {}", error.column());
            Err((line, Fault::row(reason)))
        }
    }
}

impl<R: Read> Iterator for Rows<R> {
    type Item = Result<Read1, IntakeError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let mut text = Vec::new();
            match self.reader.read_until(b'\n', &mut text) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => {
                    self.ended = true;
                    return Some(Err(match self.too_long.load(Ordering::Relaxed) {
                        0 => IntakeError::Read(error),
                        line => IntakeError::RowTooLong { line },
                    }));
                }
            }
            self.line += 1;
            let text = String::from_utf8_lossy(&text);
            if !text.trim().is_empty() {
                let text = text.trim_end_matches('\n');
                return Some(Ok(row(self.line, text, &self.encoding)));
            }
        }
        None
    }
}
