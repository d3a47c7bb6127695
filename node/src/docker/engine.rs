//! The engine: reaching it, and its words.

use bollard::Docker;
use bollard::errors::Error;

/// A connection whose version both sides know.
///
/// # Errors
/// Nobody listens there, or it is no engine.
pub(super) async fn connect(host: &str) -> Result<Docker, Error> {
    Docker::connect_with_host(host)?.negotiate_version().await
}

/// What the engine says, in its own words; otherwise why nothing came from it.
pub(super) fn words(error: &Error) -> String {
    match error {
        Error::DockerResponseServerError { message, .. } => message.trim().to_owned(),
        Error::DockerStreamError { error } => error.trim().to_owned(),
        Error::RequestTimeoutError => "it does not answer".to_owned(),
        other => crate::link::chain(other),
    }
}

/// The engine has answered, and the answer is no.
pub(super) fn is_answer(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { .. } | Error::DockerStreamError { .. })
}

pub(super) fn has_status(error: &Error, wanted: u16) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code, .. } if *status_code == wanted)
}
