//! Only verified evidence is decided on.

use denizen_gateway::{
    Officer, Verdict,
    issuer::Draft,
    verifier::decide::{DecideError, decide},
};
use denizen_model::UnixTime;

type Step = denizen_model::message::ApplicationSubmit;

fn step(it: &Step, verdict: &Verdict, by: Officer<'_>) -> Result<Vec<Draft>, DecideError> {
    decide(it, verdict, by, UnixTime(0))
}

fn main() {
    let _ = step;
}
