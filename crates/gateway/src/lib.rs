//! The organisation: intake, validate, sign, seal, deposit, inbox, verify, decide.
