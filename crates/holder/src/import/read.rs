//! The files of an export, each checked on its own.

use super::{Found, LeftOut, Parts, directories};
use crate::{
    export::{
        EarlierFile, RecordFile, check_record_file, check_sent_file, check_status_file, under,
    },
    profile::{Copy, EarlierRecord, HeldRecord},
};
use denizen_model::{Sha256Hash, UnixTime};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// Reads what is good; the reason of what is not.
pub(super) fn parts(files: &BTreeMap<String, Vec<u8>>, at: UnixTime) -> (Parts, Vec<LeftOut>) {
    let (directories, mut left_out) = directories(files, at);
    let mut parts = Parts::default();
    for (name, bytes) in under(files, "records/") {
        match check_record_file(name, bytes, &directories) {
            Ok((file, verified)) => {
                let record = held(name, file, &mut left_out);
                parts.records.extend(record.map(|record| Found {
                    file: name.clone(),
                    record,
                    bound_to: verified.bound_to,
                }));
            }
            Err(error) => left_out.push(error.into()),
        }
    }
    for (name, bytes) in under(files, "earlier/") {
        let Some(file) = read::<EarlierFile>(name, bytes, &mut left_out) else {
            continue;
        };
        let record = serde_json::to_vec(&file.record).unwrap_or_default();
        match check_record_file(name, &record, &directories) {
            Ok((record, _)) => {
                let record = held(name, record, &mut left_out);
                parts.earlier.extend(record.map(|record| EarlierRecord {
                    owner: file.owner,
                    made: file.made.min(at),
                    record,
                }));
            }
            Err(error) => left_out.push(error.into()),
        }
    }
    for (name, bytes) in under(files, "sent/") {
        match check_sent_file(name, bytes, &directories) {
            Ok(sent) => parts.sent.push(sent),
            Err(error) => left_out.push(error.into()),
        }
    }
    for (name, bytes) in under(files, "statuses/") {
        match check_status_file(name, bytes, &directories) {
            Ok(status) => parts.statuses.push(status),
            Err(error) => left_out.push(error.into()),
        }
    }
    for (name, bytes) in under(files, "applications/") {
        parts.applications.extend(read(name, bytes, &mut left_out));
    }
    single(files, &mut parts, &mut left_out);
    parts.directories = directories;
    (parts, left_out)
}

/// The files of which there is one.
fn single(files: &BTreeMap<String, Vec<u8>>, parts: &mut Parts, left_out: &mut Vec<LeftOut>) {
    fn take<T: DeserializeOwned + Default>(
        files: &BTreeMap<String, Vec<u8>>,
        name: &str,
        left_out: &mut Vec<LeftOut>,
    ) -> T {
        let bytes = files.get(name);
        bytes
            .and_then(|bytes| read(name, bytes, left_out))
            .unwrap_or_default()
    }
    parts.disputes = take(files, "disputes.json", left_out);
    parts.erasures = take(files, "erasures.json", left_out);
    parts.notices = take(files, "notices.json", left_out);
    parts.notes = take(files, "notes.json", left_out);
    parts.returned = take(files, "returned.json", left_out);
    parts.refused = take(files, "refused.json", left_out);
    parts.replies = take(files, "replies.json", left_out);
    parts.spent = take(files, "spent.json", left_out);
}

fn read<T: DeserializeOwned>(name: &str, bytes: &[u8], left_out: &mut Vec<LeftOut>) -> Option<T> {
    let read = serde_json::from_slice(bytes).ok();
    if read.is_none() {
        left_out.push(LeftOut::Malformed(name.to_owned()));
    }
    read
}

/// A record as a profile keeps it.
fn held(name: &str, file: RecordFile, left_out: &mut Vec<LeftOut>) -> Option<HeldRecord> {
    let kept_hash = Sha256Hash::of(file.kept.as_bytes());
    let whole = file.held.filter(|h| h.refs.len() == file.copies.len());
    let Some(held) = whole else {
        left_out.push(LeftOut::Malformed(name.to_owned()));
        return None;
    };
    let copies = held.refs.iter().zip(file.copies);
    let copies = copies.map(|(copy_ref, text)| Copy {
        copy_ref: *copy_ref,
        text,
    });
    Some(HeldRecord {
        record: held.record,
        link: held.link,
        issuer: file.issuer,
        vct: file.vct,
        kept: file.kept,
        kept_hash,
        copies: copies.collect(),
        sensitivity: held.sensitivity,
        notice: held.notice,
        legal_basis: held.legal_basis,
        received: file.received,
        delivery: file.delivery,
        supersedes: held.supersedes,
        changes: held.changes,
        changed_at: held.changed_at,
        hub: Some(file.hub),
    })
}
