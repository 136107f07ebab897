//! News: notes and decisions that she has not looked at yet. What she has looked at, this device alone
//! knows: on another one it is new.

use crate::{
    Holder,
    profile::{Application, NoteEntry},
};
use denizen_model::{MessageId, message::ApplicationState};

impl Holder {
    /// Notes that she has not read, newest first.
    pub fn unread_notes(&self) -> impl Iterator<Item = &NoteEntry> {
        let notes = self.profile.notes.iter().rev();
        notes.filter(|n| self.is_new_to_her(n.id.map(|id| id.to_text())))
    }

    /// Applications with a decision or a refusal that she has not looked at, newest first.
    pub fn unread_decisions(&self) -> impl Iterator<Item = &Application> {
        let applications = self.profile.applications.iter().rev();
        applications.filter(|a| self.is_new_to_her(decided(a)))
    }

    fn is_new_to_her(&self, name: Option<String>) -> bool {
        name.is_some_and(|name| !self.profile.looked_at.contains(&name))
    }

    /// She has read all notes that are here.
    pub fn notes_read(&mut self) {
        let ids = self.profile.notes.iter().filter_map(|n| n.id);
        let names = ids.map(|id| id.to_text());
        self.profile.looked_at.extend(names);
    }

    /// She has looked at an application as it stands now.
    pub fn application_read(&mut self, id: &MessageId) {
        let mut applications = self.profile.applications.iter();
        let name = applications.find(|a| a.id == *id).and_then(decided);
        self.profile.looked_at.extend(name);
    }
}

/// Names what an office decided; none while it has not.
fn decided(application: &Application) -> Option<String> {
    let last = application
        .events
        .last()
        .filter(|_| !application.withdrawn)?;
    let over = [ApplicationState::Decided, ApplicationState::Refused];
    over.contains(&last.state)
        .then(|| format!("{} {}", application.id.to_text(), application.events.len()))
}
