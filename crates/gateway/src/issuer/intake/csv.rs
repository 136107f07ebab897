//! Rows of a CSV file (RFC 4180, with the mapping's delimiter).

use super::{
    IntakeError, Read1,
    decode::{Source, TooLong},
    mapping::{Cells, Fault, Mapping, Row},
};
use std::{io::Read, sync::Arc, sync::atomic::Ordering};

/// The rows of one file.
pub(super) struct Rows<R: Read> {
    reader: csv::Reader<Source<R>>,
    header: Arc<[String]>,
    too_long: TooLong,
    encoding: String,
}

impl<R: Read> Rows<R> {
    /// Reads the header and checks that it has the mapping's columns.
    pub(super) fn open(source: Source<R>, mapping: &Mapping) -> Result<Self, IntakeError> {
        let too_long = source.too_long();
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(mapping.delimiter().unwrap_or(b','))
            .terminator(csv::Terminator::Any(b'\n'))
            .flexible(true)
            .has_headers(true)
            .from_reader(source);
        let header = reader.headers().map_err(|error| failed(error, &too_long))?;
        let header: Arc<[String]> = header.iter().map(str::to_owned).collect();
        let encoding = mapping.encoding().name().to_owned();
        if header.iter().all(String::is_empty) {
            return Err(IntakeError::Empty);
        }
        if header.iter().any(|name| name.contains('\u{fffd}')) {
            return Err(IntakeError::Encoding { encoding });
        }
        for column in mapping.columns() {
            match header.iter().filter(|name| *name == column).count() {
                0 => {
                    return Err(IntakeError::ColumnMissing {
                        column: column.to_owned(),
                    });
                }
                1 => {}
                _ => {
                    return Err(IntakeError::ColumnTwice {
                        column: column.to_owned(),
                    });
                }
            }
        }
        Ok(Self {
            reader,
            header,
            too_long,
            encoding,
        })
    }

    /// The line where a row begins. The reader's own position is where the row before it ended, so
    /// blank lines between would make it say too little.
    fn line_of(&self, record: &csv::StringRecord) -> u64 {
        let breaks = |cell: &str| cell.bytes().filter(|b| *b == b'\n').count() as u64;
        let lines = record.iter().map(breaks).sum::<u64>() + 1;
        let counted = self.reader.position().line().saturating_sub(lines);
        counted.max(record.position().map_or(0, csv::Position::line))
    }

    fn row(&self, record: &csv::StringRecord) -> Read1 {
        let line = self.line_of(record);
        let bad = record.iter().position(|cell| cell.contains('\u{fffd}'));
        if let Some(at) = bad {
            let column = self.header.get(at).cloned();
            let reason = format!("is not written in {}", self.encoding);
            return Err((line, Fault { column, reason }));
        }
        let (cells, columns) = (record.len(), self.header.len());
        if cells != columns {
            let mut reason = format!("has {cells} cells where the header has {columns}");
            if record.iter().any(|cell| cell.contains('\n')) {
                reason.push_str(": it runs over several lines, as after an unclosed quote");
            }
            return Err((line, Fault::row(reason)));
        }
        Ok(Row {
            line,
            cells: Cells::Csv {
                header: Arc::clone(&self.header),
                cells: record.iter().map(str::to_owned).collect(),
            },
        })
    }
}

impl<R: Read> Iterator for Rows<R> {
    type Item = Result<Read1, IntakeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut record = csv::StringRecord::new();
        loop {
            match self.reader.read_record(&mut record) {
                Ok(false) => return None,
                Ok(true) if record.len() == 1 && record.iter().all(str::is_empty) => {}
                Ok(true) => return Some(Ok(self.row(&record))),
                Err(error) => return Some(Err(failed(error, &self.too_long))),
            }
        }
    }
}

fn failed(error: csv::Error, too_long: &TooLong) -> IntakeError {
    match too_long.load(Ordering::Relaxed) {
        0 => IntakeError::Read(match error.into_kind() {
            csv::ErrorKind::Io(error) => error,
            _ => std::io::Error::from(std::io::ErrorKind::InvalidData),
        }),
        line => IntakeError::RowTooLong { line },
    }
}
