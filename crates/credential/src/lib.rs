//! SD-JWT, SD-JWT VC, key binding, type metadata and token status list.
