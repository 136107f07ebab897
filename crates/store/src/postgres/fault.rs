//! What failed at a server, without its words: they may hold keys of rows.

use std::error::Error as _;

/// What failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServerFault {
    /// The server refused a statement.
    #[error("it refused a statement, SQLSTATE {0}")]
    Refused(String),
    /// The connection cannot be made, or was lost.
    #[error("the connection failed: {0}")]
    Connection(String),
    /// The server does not let this user in.
    #[error("it does not let this user in: look at the user, the password file and pg_hba.conf")]
    NotLetIn,
    /// Something was written outside a transaction, or after a statement of it had failed.
    #[error("the transaction cannot go on")]
    NoTransaction,
    /// A commit that a test lets fail.
    #[error("a test let it fail")]
    Injected,
    /// This machine gave no thread or connection.
    #[error("this machine gave no thread for it")]
    NoThread,
}

impl ServerFault {
    /// The SQLSTATE of a refused statement.
    pub(crate) fn state(&self) -> &str {
        match self {
            Self::Refused(state) => state,
            _ => "",
        }
    }
}

impl From<tokio_postgres::Error> for ServerFault {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.code().map(tokio_postgres::error::SqlState::code) {
            // Class 28: invalid authorisation.
            Some(state) if state.starts_with("28") => return Self::NotLetIn,
            Some(state) => return Self::Refused(state.to_owned()),
            None => {}
        }
        // The error's own words are fixed; of what caused it only the system's are said.
        let cause = error
            .source()
            .and_then(|e| e.downcast_ref::<std::io::Error>());
        Self::Connection(match cause {
            Some(cause) => format!("{error} ({})", cause.kind()),
            None => error.to_string(),
        })
    }
}
