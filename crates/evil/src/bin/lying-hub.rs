//! A hub's answer goes in, the lie comes out: for the browser tests' relay, which stands before a hub.
//! What is signed is signed with the hub's own keys, from its folder.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a lie that cannot be told is a failed test"
)]

use denizen_api::wire::{DirectoryAnswer, FetchAnswer};
use denizen_evil::{HubHand, newest_of, next_statement, rewritten};
use denizen_model::SecretKeyFor;
use std::{
    io::{Read as _, Write as _, stdin, stdout},
    path::Path,
};

/// Of whoever lies.
const SEED: [u8; 32] = [9; 32];

fn main() {
    let mut given = Vec::new();
    stdin().read_to_end(&mut given).unwrap();
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let lie = match words.as_slice() {
        ["leave-out-first", folder] => leave_out_first(Path::new(folder), &given),
        ["state-other-keys", folder, org] => state_other_keys(Path::new(folder), org, &given),
        ["rewrite-invitation"] => rewrite_invitation(&given),
        _ => panic!("leave-out-first FOLDER | state-other-keys FOLDER ORG | rewrite-invitation"),
    };
    stdout().write_all(&lie).unwrap();
}

/// A fetch without its first envelope: places, receipts and head agree without it. With nothing behind
/// that one nobody could know, and the answer stays.
fn leave_out_first(folder: &Path, answer: &[u8]) -> Vec<u8> {
    let mut answer = FetchAnswer::decode(answer).unwrap();
    if answer.items.len() < 2 {
        return answer.encode();
    }
    HubHand::of_folder(folder).leave_out_first(&mut answer);
    answer.encode()
}

/// A directory in which an organisation has another identity key, under a good checkpoint.
fn state_other_keys(folder: &Path, org: &str, answer: &[u8]) -> Vec<u8> {
    let mut entries = DirectoryAnswer::decode(answer).unwrap().entries;
    let (id, prev) = newest_of(&entries, org).unwrap();
    let own = SecretKeyFor::from_seed(&SEED).unwrap();
    let forged = next_statement(id, &own, prev, |s| s.identity = own.public_for());
    entries.push(forged);
    HubHand::of_folder(folder).directory(entries).encode()
}

/// An invitation that somebody on its way changed, who has not the organisation's key.
fn rewrite_invitation(text: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(text).unwrap();
    let stranger = SecretKeyFor::from_seed(&SEED).unwrap();
    let changed = rewritten(text, &stranger, |i| i.purpose.push('!'));
    changed.into_bytes()
}
