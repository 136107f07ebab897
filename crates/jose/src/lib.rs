//! JWS signing and verification behind one trait each: ES256 and Ed25519, compact and unencoded-payload forms.
