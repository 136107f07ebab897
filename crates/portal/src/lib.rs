//! The browser face of a person's profile: conversions only.
