//! What can go wrong between a client and its manager, by what a caller may do about it.

use std::io;

use crate::{ApiError, ErrorCode};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The manager answered, and the answer is no.
    #[error("{error}")]
    Api {
        #[source]
        error: ApiError,
        status: u16,
    },
    /// No answer: nothing listens there, the name is unknown, or the connection broke on the way. What was asked for may have been done.
    #[error("cannot reach the manager at {url}")]
    Unreachable { url: String, source: reqwest::Error },
    #[error("the manager at {url} did not answer in time")]
    Timeout { url: String },
    /// There was an answer, and it is not one of a manager.
    #[error("{url} does not answer like a manager: {what}")]
    Protocol { url: String, what: String, status: u16 },
    /// The bytes that were to be sent could not be read.
    #[error("cannot read what is to be uploaded")]
    Source(#[source] io::Error),
    #[error("`{0}` is not the address of a manager; write for example http://127.0.0.1:8000")]
    Address(String),
    #[error("the token has characters that no token has")]
    Token,
    /// The HTTP client itself could not be made (no certificate store, for example).
    #[error("cannot set up the HTTP client")]
    Setup(#[source] reqwest::Error),
}

impl Error {
    pub(super) fn api(error: ApiError) -> Self {
        let status = error.code.http_status();
        Error::Api { error, status }
    }

    /// Sorts a failure of the HTTP library; `url` is shown to people and has no secrets in it.
    pub(super) fn from_reqwest(url: &str, source: reqwest::Error) -> Self {
        let url = url.to_owned();
        if source.is_timeout() && !source.is_connect() {
            Error::Timeout { url }
        } else if source.is_builder() {
            Error::Setup(source.without_url())
        } else {
            Error::Unreachable { url, source: source.without_url() }
        }
    }

    /// The exit code of an `lp` command that ends with it.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Api { error, .. } => error.code.exit_code(),
            Error::Unreachable { .. } => 7,
            Error::Timeout { .. } => 6,
            Error::Protocol { status: 502..=504, .. } => 7,
            Error::Protocol { .. } | Error::Source(_) | Error::Setup(_) => 1,
            Error::Address(_) | Error::Token => 2,
        }
    }

    /// The manager's code, where the manager answered.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Error::Api { error, .. } => Some(error.code),
            Error::Unreachable { .. }
            | Error::Timeout { .. }
            | Error::Protocol { .. }
            | Error::Source(_)
            | Error::Address(_)
            | Error::Token
            | Error::Setup(_) => None,
        }
    }

    /// True where the same read may succeed a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            Error::Unreachable { .. } | Error::Timeout { .. } => true,
            Error::Protocol { status, .. } => (502..=504).contains(status),
            Error::Api { error, .. } => matches!(
                error.code,
                ErrorCode::Unavailable
                    | ErrorCode::NodeUnreachable
                    | ErrorCode::TooManyRequests
                    | ErrorCode::TimedOut
            ),
            Error::Source(_) | Error::Address(_) | Error::Token | Error::Setup(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_of_a_refusal_is_that_of_its_code() {
        for code in ErrorCode::ALL {
            assert_eq!(Error::api(ApiError::new(*code, "x")).exit_code(), code.exit_code());
        }
    }

    #[test]
    fn a_broken_gateway_counts_as_unreachable() {
        let gateway = |status| Error::Protocol { url: String::new(), what: String::new(), status };

        assert_eq!((gateway(502).exit_code(), gateway(200).exit_code()), (7, 1));
        assert!(gateway(503).is_transient() && !gateway(200).is_transient());
    }
}
