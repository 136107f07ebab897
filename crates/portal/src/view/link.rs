//! Links and invitations.

use super::day;
use denizen_holder::{Holder, InvitationPreview, LinkState};
use denizen_model::statement::Quality;
use serde::Serialize;
use tsify::Tsify;

/// A link in the list.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct LinkRow {
    /// Its number.
    pub index: u32,
    /// The organisation.
    pub name: String,
    /// Why.
    pub purpose: String,
    /// `opening`, `accepted`, `code-ready`, `confirmed`, `refused`, `moved`, `closed`.
    pub state: String,
    /// The six digits, while the clerk waits for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The organisation's code, if it refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// Only status changes and answers get in.
    pub frozen: bool,
    /// What it may send, in her language.
    pub sends: Vec<String>,
    /// Where it answers.
    pub hub_url: String,
    /// Records that came by it.
    pub records: usize,
}

/// A kind that an organisation would send.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct Sends {
    /// In her language.
    pub title: String,
    /// `authority`, `claim`; none if it is not admitted for it.
    pub quality: Option<String>,
}

/// An invitation, before she accepts it.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct InvitationPage {
    /// Who asks.
    pub name: String,
    /// In the directory since that day.
    pub since: String,
    /// Why.
    pub purpose: String,
    /// What it will send.
    pub sends: Vec<Sends>,
    /// Services that it will ask papers for, in her language.
    pub asks: Vec<String>,
    /// Good until.
    pub expires: String,
    /// A clerk will ask for six digits.
    pub confirmed_by_code: bool,
    /// Where it answers.
    pub hub_url: String,
    /// Another hub than hers.
    pub foreign_hub: bool,
}

/// The name of a link's organisation.
pub(super) fn org_name(holder: &Holder, link: u32) -> String {
    let link = holder.profile().link(link);
    link.map(|l| holder.name_of(&l.org)).unwrap_or_default()
}

/// All links.
pub(crate) fn link_rows(holder: &Holder) -> Vec<LinkRow> {
    let words = holder.words();
    let links = holder.profile().links.iter();
    let records = &holder.profile().records;
    links
        .map(|l| LinkRow {
            index: l.index,
            name: holder.name_of(&l.org),
            purpose: l.purpose.clone(),
            state: state_name(l.state).to_owned(),
            code: holder
                .code(l.index)
                .filter(|_| l.state == LinkState::CodeReady),
            refusal: l.refusal.clone(),
            frozen: l.frozen,
            sends: l.allowed_kinds.iter().map(|v| words.kind(v)).collect(),
            hub_url: l.hub_url.clone(),
            records: records.iter().filter(|r| r.link == l.index).count(),
        })
        .collect()
}

/// What an invitation says.
pub(crate) fn invitation_page(holder: &Holder, preview: &InvitationPreview) -> InvitationPage {
    let words = holder.words();
    let invitation = preview.invitation();
    let sends = preview.sends.iter().map(|(vct, quality)| Sends {
        title: words.kind(vct),
        quality: quality.map(|q| quality_name(q).to_owned()),
    });
    let asks = invitation.asks.iter();
    InvitationPage {
        name: preview.name.clone(),
        since: day(preview.since),
        purpose: invitation.purpose.clone(),
        sends: sends.collect(),
        asks: asks.map(|s| super::service::title(holder, s)).collect(),
        expires: day(invitation.expires),
        confirmed_by_code: invitation.case_reference.is_some(),
        hub_url: invitation.hub_url.clone(),
        foreign_hub: invitation.hub != holder.profile().hub,
    }
}

fn quality_name(quality: Quality) -> &'static str {
    match quality {
        Quality::Authority => "authority",
        Quality::Claim => "claim",
    }
}

fn state_name(state: LinkState) -> &'static str {
    match state {
        LinkState::Opening => "opening",
        LinkState::Accepted => "accepted",
        LinkState::CodeReady => "code-ready",
        LinkState::Confirmed => "confirmed",
        LinkState::Refused => "refused",
        LinkState::Moved => "moved",
        LinkState::Closed => "closed",
    }
}
