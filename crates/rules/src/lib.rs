//! Constraints on disclosed values: expiry and thresholds, the same for client and gateway.
