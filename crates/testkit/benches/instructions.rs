//! `cargo xtask bench instructions`: how many instructions the functions take through which every record
//! goes. Valgrind counts them, so a busy machine changes nothing, and a number that grew is a regression.
//! The counts that are accepted lie beside this file; the command compares (`crates/xtask/src/instructions.rs`).
//!
//! Each is called once as the product calls it, by the native implementation of its cryptography, after a
//! call that is not counted: what a process does once is not in the numbers.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a measurement, not product code"
)]

#[path = "instructions/made.rs"]
mod made;

use denizen_api::{receipt::verify_proof, signature::UnverifiedSignature};
use denizen_credential::{KeyBindingPolicy, UnverifiedPresentation, issue};
use denizen_gateway::check_file;
use denizen_holder::{Holder, Packed};
use denizen_model::{
    deposit::sign_head,
    jose::{BadSignature, VERIFIER},
};
use denizen_seal::SEALER;
use denizen_testkit::{START, catalogue};
use denizen_tlog::{UnverifiedProof, prove_inclusion, sign_checkpoint};
use gungraun::{
    Callgrind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};
use std::hint::black_box;

// Signs a credential of 15 claims (ES256).
#[library_benchmark]
#[bench::of_15_claims(made::issuing())]
fn issue_credential(mut of: made::Issuing) -> String {
    let made::Issuing {
        claims,
        rules,
        registered,
        key,
        rng,
    } = &mut of;
    black_box(issue(claims, rules, registered, "k", key, rng))
}

// Reads and checks it, all disclosed.
#[library_benchmark]
#[bench::of_15_claims(made::credential())]
fn verify_credential(of: (String, denizen_model::jose::PublicKey)) -> usize {
    let presentation = UnverifiedPresentation::parse(&of.0).unwrap();
    let verified = presentation.verify(VERIFIER, &of.1, KeyBindingPolicy::NotRequired);
    black_box(verified.unwrap().credential().claims().len())
}

// Checks a bare Ed25519 signature of 1,500 bytes.
#[library_benchmark]
#[bench::of_1500_bytes(made::ed25519())]
fn verify_ed25519(of: made::Bare) -> Result<(), BadSignature> {
    black_box(VERIFIER.verify(&of.public, &of.message, &of.signature))
}

// Reads and checks the signature of a deposit of 64 KiB, as a hub does.
#[library_benchmark]
#[bench::of_64_kib(made::request())]
fn verify_request(of: made::Request) -> bool {
    let signature = UnverifiedSignature::parse(of.headers.clone(), &of.hub).unwrap();
    let covered = of.covered();
    let good = signature.verify(&covered, VERIFIER, &of.key, &of.hub, START);
    black_box(good.is_ok())
}

// Signs a log's checkpoint.
#[library_benchmark]
#[bench::of_a_log(made::checkpoint())]
fn sign_log(of: made::Log) -> String {
    black_box(sign_checkpoint(&of.checkpoint, &of.signer))
}

// Signs the head of an address.
#[library_benchmark]
#[bench::of_an_address(made::head())]
fn sign_address(of: made::OfHead) -> Vec<u8> {
    black_box(sign_head(&of.head, &of.key, "head-1").into_bytes())
}

// Seals an envelope of 4 KiB (X-Wing).
#[library_benchmark]
#[bench::of_4_kib(made::sealing())]
fn seal_envelope(mut of: made::Sealing) -> usize {
    let sealed = SEALER.seal(&of.public, &of.header, &of.message, &mut of.rng);
    black_box(sealed.unwrap().ct().len())
}

// Opens it: with a key that was used before, and with one that is not yet expanded.
#[library_benchmark]
#[bench::of_4_kib(made::sealed(true))]
#[bench::with_a_fresh_key(made::sealed(false))]
fn open_envelope(of: made::Sealed) -> usize {
    black_box(SEALER.open(&of.key, &of.envelope).unwrap().len())
}

// Checks a record's claims against the schema of its kind.
#[library_benchmark]
#[bench::of_a_travel_document(made::claims())]
fn check_claims(of: made::Claims) -> bool {
    black_box(of.kind.check(&of.claims).is_ok())
}

// Makes the proof of a leaf in a log of 100,000, and the text of its receipt.
#[library_benchmark]
#[bench::in_100_000_leaves(made::leaf())]
fn make_receipt(of: made::Leaf) -> usize {
    let hashes = prove_inclusion(&of.log, of.index, of.size).unwrap();
    let text = UnverifiedProof::format(Some(&of.extra), of.index, &hashes, &of.checkpoint);
    black_box(text.len())
}

// Verifies it up to the hub's signature; and one more under the same checkpoint.
#[library_benchmark]
#[bench::alone(made::proven(false))]
#[bench::under_a_known_checkpoint(made::proven(true))]
fn verify_receipt(of: made::Proven) -> u64 {
    black_box(verify_proof(&of.proof, &of.trust).unwrap().index)
}

// Reads 64 rows of an office's file through its mapping, and judges them.
#[library_benchmark]
#[bench::of_64_rows(made::rows())]
fn read_csv(of: made::Rows) -> u64 {
    let report = check_file(of.file.as_slice(), &of.mapping, &catalogue(), START);
    black_box(report.unwrap().good)
}

// Packs a person's records into new pages.
#[library_benchmark]
#[bench::of_a_person(made::person())]
fn pack_pages(mut of: made::Holding) -> Packed {
    black_box(of.holder.pack(&mut of.rng))
}

// Opens them again.
#[library_benchmark]
#[bench::of_a_person(made::packed())]
fn open_pages(of: made::OnDisk) -> Holder {
    let opened = Holder::open_packed(of.root, &of.head, &of.pages, catalogue(), of.now);
    black_box(opened.unwrap())
}

library_benchmark_group!(
    name = hot;
    benchmarks =
        issue_credential,
        verify_credential,
        verify_ed25519,
        verify_request,
        sign_log,
        sign_address,
        seal_envelope,
        open_envelope,
        check_claims,
        make_receipt,
        verify_receipt,
        read_csv,
        pack_pages,
        open_pages
);

main!(
    config = LibraryBenchmarkConfig::default()
        .tool(Callgrind::with_args(["--cache-sim=no"]));
    library_benchmark_groups = hot
);
