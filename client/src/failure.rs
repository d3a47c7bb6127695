//! Why a command ends with another exit code than 0, and how it is told: what and why in one line, then what to do next.

use std::error::Error as _;
use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use lp_protocol::{ErrorCode, client};

use crate::output::text::visible;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Manager(#[from] client::Error),
    /// The manager's refusal, with a better hint than its own.
    #[error("{source}")]
    Hinted { source: client::Error, hint: String },
    /// The command cannot be carried out as it was given.
    #[error("{what}")]
    Usage { what: String, hint: Option<String> },
    /// What was given is well formed and still not acceptable.
    #[error("{what}")]
    Invalid { what: String, hint: Option<String> },
    #[error("{what}")]
    NotFound { what: String, hint: Option<String> },
    #[error("{what}")]
    TimedOut { what: String, hint: Option<String> },
    #[error("no manager is known")]
    NoManager,
    #[error("cannot {what} {}", path.display())]
    File { what: &'static str, path: PathBuf, source: io::Error },
    #[error("cannot write the output")]
    Output(#[source] io::Error),
    #[error("cannot {0}")]
    Pack(#[from] lp_package::PackError),
    /// A part of the platform is not let in by another.
    #[error("{what}")]
    Refused { what: String, hint: Option<String> },
    /// A part of the platform could not be started or ended by itself.
    #[error("{what}")]
    Part { what: String, hint: Option<String> },
    /// The result itself is a failure, and it has been shown.
    #[error("")]
    Shown,
    /// Several of the things a command was given failed; each has been told. The code is that of the first.
    #[error("")]
    Told(u8),
}

impl Failure {
    pub(crate) fn usage(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Failure::Usage { what: what.into(), hint: Some(hint.into()) }
    }

    pub(crate) fn invalid(what: impl Into<String>) -> Self {
        Failure::Invalid { what: what.into(), hint: None }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Failure::Manager(error) | Failure::Hinted { source: error, .. } => error.exit_code(),
            Failure::Usage { .. } => 2,
            Failure::NotFound { .. } => 3,
            Failure::Refused { .. } => 4,
            Failure::Invalid { .. } | Failure::Pack(_) => 5,
            Failure::TimedOut { .. } => 6,
            Failure::NoManager => 7,
            Failure::File { .. } | Failure::Part { .. } | Failure::Output(_) | Failure::Shown => 1,
            Failure::Told(code) => *code,
        }
    }

    /// Nobody reads the output any more (`lp logs | head`): no failure to talk about.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Nothing is left to be said.
    pub(crate) fn is_silent(&self) -> bool {
        matches!(self, Failure::Shown | Failure::Told(_))
    }

    /// The sentence after `error: `, causes included; control characters in names from elsewhere are made visible.
    pub(crate) fn sentence(&self) -> String {
        let mut text = self.to_string();
        let mut cause = match self {
            // their text is the manager's sentence already
            Failure::Manager(error) | Failure::Hinted { source: error, .. } => match error {
                client::Error::Api { .. } => None,
                // between the two are the names of the library's layers
                client::Error::Unreachable { source, .. } => Some(deepest(source)),
                client::Error::Timeout { .. }
                | client::Error::Protocol { .. }
                | client::Error::Source(_)
                | client::Error::Address(_)
                | client::Error::Token
                | client::Error::Setup(_) => error.source(),
            },
            _ => self.source(),
        };
        let mut last = text.clone();
        while let Some(error) = cause {
            let next = error.to_string();
            // libraries repeat their cause in their own text
            if !last.contains(&next) {
                let _ = write!(text, ": {next}");
            }
            last = next;
            cause = error.source();
        }
        visible(&text).into_owned()
    }

    /// What to do next, where that is known. `origin` says where the manager's address came from.
    pub(crate) fn hint(&self, origin: Option<&str>) -> Option<String> {
        match self {
            Failure::Manager(error) => hint_of(error, origin),
            Failure::Hinted { hint, .. } => Some(hint.clone()),
            Failure::Usage { hint, .. }
            | Failure::Invalid { hint, .. }
            | Failure::NotFound { hint, .. }
            | Failure::TimedOut { hint, .. }
            | Failure::Refused { hint, .. }
            | Failure::Part { hint, .. } => hint.clone(),
            Failure::NoManager => Some(
                "start one with `lp up`, or name one with --manager URL, LP_MANAGER or LP_CONTEXT".to_owned(),
            ),
            Failure::Pack(error) => error.hint().map(str::to_owned),
            Failure::File { .. } | Failure::Output(_) | Failure::Shown | Failure::Told(_) => None,
        }
    }

    /// The id under which the manager's log tells more.
    pub(crate) fn request_id(&self) -> Option<&str> {
        match self {
            Failure::Manager(client::Error::Api { error, .. })
            | Failure::Hinted { source: client::Error::Api { error, .. }, .. } => {
                Some(error.request_id.as_str()).filter(|id| !id.is_empty())
            }
            _ => None,
        }
    }

    /// The manager's own fault, which only its log explains.
    pub(crate) fn is_internal(&self) -> bool {
        matches!(self, Failure::Manager(error) if error.code() == Some(ErrorCode::Internal))
    }
}

fn deepest(error: &dyn std::error::Error) -> &dyn std::error::Error {
    let mut deepest = error;
    while let Some(cause) = deepest.source() {
        deepest = cause;
    }
    deepest
}

fn hint_of(error: &client::Error, origin: Option<&str>) -> Option<String> {
    match error {
        client::Error::Api { error, .. } => match (&error.hint, error.code) {
            (Some(hint), _) => Some(visible(hint).into_owned()),
            (None, ErrorCode::Unauthenticated) => {
                Some("give a token with LP_TOKEN, or name a client.json with LP_CONTEXT".to_owned())
            }
            (None, ErrorCode::Internal) => Some("the manager's log has more under the request id".to_owned()),
            (None, _) => None,
        },
        client::Error::Unreachable { .. } | client::Error::Timeout { .. } => Some(match origin {
            Some(origin) => {
                format!("the address is from {origin}; is it running? `lp up` starts one on this machine")
            }
            None => "is it running? `lp up` starts one on this machine".to_owned(),
        }),
        client::Error::Protocol { .. } => Some("is something else listening at this address?".to_owned()),
        client::Error::Source(_)
        | client::Error::Address(_)
        | client::Error::Token
        | client::Error::Setup(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lp_protocol::ApiError;

    fn api(code: ErrorCode, message: &str) -> Failure {
        Failure::Manager(client::Error::Api {
            error: ApiError::new(code, message),
            status: code.http_status(),
        })
    }

    #[test]
    fn each_kind_of_failure_has_its_exit_code() {
        let file = || io::Error::other("x");
        for (failure, code) in [
            (api(ErrorCode::NotFound, "x"), 3),
            (api(ErrorCode::Unauthenticated, "x"), 4),
            (api(ErrorCode::Conflict, "x"), 5),
            (api(ErrorCode::TimedOut, "x"), 6),
            (api(ErrorCode::Unavailable, "x"), 7),
            (Failure::usage("x", "y"), 2),
            (Failure::invalid("x"), 5),
            (Failure::NoManager, 7),
            (Failure::Shown, 1),
            (Failure::File { what: "read", path: "x".into(), source: file() }, 1),
            (Failure::Told(3), 3),
        ] {
            assert_eq!(failure.exit_code(), code, "{failure:?}");
        }
    }

    #[test]
    fn a_sentence_names_the_cause_once() {
        let failure = Failure::File {
            what: "read",
            path: "a.zip".into(),
            source: io::Error::from(io::ErrorKind::NotFound),
        };

        assert_eq!(failure.sentence(), "cannot read a.zip: entity not found");
    }

    #[test]
    fn the_managers_words_cannot_drive_the_terminal() {
        let failure = api(ErrorCode::NotFound, "there is no app `\x1b[2Jx`");

        assert!(!failure.sentence().contains('\x1b'));
    }
}
