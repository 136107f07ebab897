//! A record's claims are read, and changed by nobody after validation.

use denizen_gateway::issuer::validate::Record;

fn claims(record: &Record) -> usize {
    record.claims.len()
}

fn main() {
    let _ = claims;
}
