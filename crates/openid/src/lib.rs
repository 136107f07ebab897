//! DCQL: what a verifier asks for, what of hers answers it, and whether an answer is what was
//! asked. Source: OpenID4VP 1.0 sections 6 and 7.
//!
//! Scope: queries for `dc+sd-jwt` credentials: parsing, matching by the holder, checking again by
//! the verifier (R20).
//!
//! Not in scope: `trusted_authorities` (a service names its issuers beside the query), other
//! formats, and the messages of OpenID4VP and OpenID4VCI. No I/O, clock or randomness. Whether a
//! credential is good is `denizen-credential`'s; a match says nothing about that.
//!
//! # Example
//!
//! ```
//! use denizen_openid::{Candidate, Query, ValueMatching, match_query};
//! use serde_json::json;
//!
//! let query = br#"{"credentials": [{"id": "permit", "format": "dc+sd-jwt",
//!     "meta": {"vct_values": ["urn:denizen:kind:work-permit:1"]},
//!     "claims": [{"path": ["may_work"]}]}]}"#;
//! let query = Query::parse(query, ValueMatching::Refused).expect("a query");
//! let claims = json!({"may_work": true, "occupation": "cook"});
//! let hers = [Candidate {
//!     id: "kept-1",
//!     vct: "urn:denizen:kind:work-permit:1",
//!     claims: claims.as_object().expect("an object"),
//! }];
//! let matches = match_query(&query, &hers);
//! assert!(matches.satisfied);
//! assert_eq!(matches.credentials[0].candidates[0].disclose.len(), 1);
//! ```

mod matching;
mod pointer;
mod query;
mod response;

pub use matching::{Candidate, CandidateMatch, CredentialMatches, Matches, SetMatch, match_query};
pub use pointer::{ClaimPointer, PointerError, PointerItem};
pub use query::{
    ClaimQuery, CredentialQuery, CredentialSetQuery, Query, QueryError, ValueMatching,
};
pub use response::{Presented, ResponseError, check_response};

/// The one credential format that is asked for and answered.
pub const FORMAT: &str = "dc+sd-jwt";
/// Largest query that is read, in bytes.
pub const QUERY_SIZE_BYTES_MAX: usize = 64 * 1024;
/// Most entries of any one array in a query: credentials, claims, sets, options, values.
pub const ENTRIES_MAX: usize = 256;
/// Longest claims path pointer, in components.
pub const POINTER_LENGTH_MAX: usize = denizen_credential::DEPTH_MAX;
/// Most places that one pointer may select in one credential.
pub const SELECTED_MAX: usize = 4096;
