//! `gateway helper`: a person's helper asks at the desk for the state of one case.

use super::{GatewayFolder, open};
use crate::{holder::read_helper_file, shell::Shell};
use denizen_gateway::HelperAnswer;
use denizen_model::mandate::ASK_TYP;
use std::path::PathBuf;

/// Arguments of `gateway helper`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    folder: GatewayFolder,
    /// The case reference, as in the queue
    case: String,
    /// The file that the helper shows
    file: PathBuf,
}

/// Checks the question, without a network, and says where the case stands.
pub(super) fn run(shell: &Shell, arguments: &Arguments) -> anyhow::Result<()> {
    let ask = read_helper_file(&arguments.file, ASK_TYP)?;
    let mut gateway = open(shell, &arguments.folder.dir)?;
    let (now, mut rng) = (shell.now(), shell.rng());
    let answer = gateway.answer_helper(&arguments.case, &ask, now, &mut rng)?;
    print_answer(&answer);
    Ok(())
}

fn print_answer(answer: &HelperAnswer) {
    let summary = &answer.summary;
    println!("{} may be told, until {}:", answer.helper, answer.until);
    let state = if answer.is_decided() {
        "decided: the applicant has the decision"
    } else {
        summary.state.name()
    };
    println!(
        "  {}  {}  {state}  filed {}  due {}",
        summary.case_reference,
        summary.service,
        summary.filed_at.date(),
        summary.due.date()
    );
    println!("Say nothing else of it. The applicant is told of this question.");
}
