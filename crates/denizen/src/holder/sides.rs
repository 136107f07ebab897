//! What is said beside a record: by her, by an authority, by the document that came after.

use super::{Open, show};
use crate::visible::in_line;
use denizen_holder::{RecordView, Renewals};
use denizen_model::{message::DisputeState, statement::Quality};

/// That it was issued under a document which was replaced since.
pub(super) fn renewed(at: &Open<'_>, view: &RecordView, renewals: &Renewals) {
    if let Some(renewal) = renewals.of(view) {
        let slots = [("old", renewal.old.as_str()), ("new", &renewal.new)];
        at.say.indented("cli-renewed", &slots);
    }
}

/// The mark of a claim of a private body, and what she says to it.
pub(super) fn claim(at: &Open<'_>, view: &RecordView) {
    if view.quality != Some(Quality::Claim) {
        return;
    }
    let reply = at.holder.reply_of(&view.kept);
    match at.holder.confirmed_by(view, at.now()) {
        Some(org) => {
            let org = at.holder.name_of(&org);
            at.say.indented("cli-confirmed-by", &[("org", &org)]);
        }
        None => {
            at.say.indented("cli-claim", &[]);
            if reply.is_none() {
                at.say.indented("cli-reply-right", &[]);
            }
        }
    }
    if let Some(reply) = reply {
        at.say.indented("cli-reply-yours", &[("text", &reply.text)]);
    }
}

/// What she says to a disputed record, beside what is recorded (D13).
pub(super) fn as_i_say(at: &Open<'_>, view: &RecordView) {
    let Some(said) = at.holder.as_i_say(&view.kept) else {
        return;
    };
    let say = &at.say;
    say.line("cli-as-recorded", &[]);
    for claim in &said.claims {
        match &claim.recorded {
            Some(value) => {
                let line = at.holder.words().claim(&view.vct, &claim.path, value);
                show::claim(say, &line, 2);
            }
            None => say.indented("cli-not-recorded", &[("claim", &claim.path.join(" / "))]),
        }
    }
    let date = say.date(said.sent);
    say.line("cli-as-i-say", &[("date", &date)]);
    say.plain(&format!("    {}", in_line(&said.text)));
    if said.papers > 0 {
        say.indented(
            "cli-as-i-say-papers",
            &[("count", &said.papers.to_string())],
        );
    }
    match (&said.answer, said.due) {
        (Some((state, text)), _) => {
            let key = match state {
                DisputeState::Upheld => "cli-dispute-upheld",
                _ => "cli-dispute-rejected",
            };
            say.line(key, &[]);
            if !text.is_empty() {
                say.plain(&format!("    {}", in_line(text)));
            }
        }
        (None, Some(due)) => say.line("cli-dispute-received", &[("date", &due.to_string())]),
        (None, None) => {}
    }
}
