//! The operator: deposit, log, receipt, fetch, directory, status, erase.
