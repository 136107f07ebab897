//! The portal that a hub serves.

use super::{config::Portal, folder::Operator};
use denizen_hub::{About, Bundle};

/// The bundle to serve; none if there is none.
pub(super) fn bundle(operator: &Operator, portal: &Portal) -> anyhow::Result<Option<Bundle>> {
    let statement = &operator.statement;
    let name = statement
        .names
        .get("en")
        .or(statement.names.values().next());
    let about = About {
        hub_id: operator.id.to_text(),
        hub_url: statement.url.clone().unwrap_or_default(),
        name: name.cloned().unwrap_or_default(),
        synthetic: portal.synthetic,
        through: Vec::new(),
    };
    crate::portal::bundle(portal.folder.as_deref(), &about)
}
