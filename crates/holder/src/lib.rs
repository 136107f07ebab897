//! The person: open, select, present, apply, follow, export, recover.
