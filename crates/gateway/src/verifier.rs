//! The verifier's side, one file a step: verify gives evidence, decide gives drafts out of it.

pub(crate) mod acting;
pub mod decide;
mod named;
mod refusal;
pub mod verify;
