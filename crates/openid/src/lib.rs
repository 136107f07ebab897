//! DCQL queries and their matching; OpenID4VP and OpenID4VCI messages come later.
