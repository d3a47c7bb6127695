//! What a page answers with when it cannot be shown: a sentence, what to try, and the request id that leads to the manager's log.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use lp_protocol::ErrorCode;
use lp_protocol::client;

use crate::parts::visible;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) status: StatusCode,
    pub(crate) title: &'static str,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    pub(crate) request_id: Option<String>,
}

impl Failure {
    pub(crate) fn new(status: StatusCode, title: &'static str, message: impl Into<String>) -> Self {
        Self { status, title, message: message.into(), hint: None, request_id: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn no_page() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not found", "There is no such page.")
    }

    pub(crate) fn starting() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Starting", "The viewer is starting.")
    }

    pub(crate) fn no_method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "Not possible",
            "This page cannot be asked for in this way.",
        )
    }

    /// The manager does not know the session's token any more.
    pub(crate) fn is_signed_out(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
    }

    /// In one line, for the script.
    pub(crate) fn line(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{} {hint}", self.message),
            None => self.message.clone(),
        }
    }
}

impl From<client::Error> for Failure {
    fn from(error: client::Error) -> Self {
        match error {
            client::Error::Api { error, .. } => {
                let status = StatusCode::from_u16(error.code.http_status());
                let mut failure = Self::new(
                    status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
                    title_of(error.code),
                    sentence(&visible(&error.message)),
                );
                failure.hint = error.hint.map(|hint| sentence(&visible(&hint)));
                failure.request_id = Some(error.request_id).filter(|id| !id.is_empty());
                failure
            }
            client::Error::Unreachable { .. } | client::Error::Timeout { .. } => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "The manager does not answer",
                sentence(&error.to_string()),
            )
            .hint("Start it with `lp up` or `lp manager`, or give its address in the viewer's configuration. Nothing is lost meanwhile."),
            client::Error::Protocol { .. }
            | client::Error::Source(_)
            | client::Error::Address(_)
            | client::Error::Token
            | client::Error::Setup(_) => {
                Self::new(StatusCode::BAD_GATEWAY, "The manager's answer makes no sense", sentence(&error.to_string()))
                    .hint("Check that manager and viewer are of the same version.")
            }
        }
    }
}

fn title_of(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::NotFound => "Not found",
        ErrorCode::Gone => "Gone",
        ErrorCode::Unauthenticated => "Signed out",
        ErrorCode::Forbidden => "Not allowed",
        ErrorCode::Conflict | ErrorCode::Ambiguous => "Not possible now",
        ErrorCode::Unavailable | ErrorCode::TooManyRequests | ErrorCode::TimedOut => "Try again in a moment",
        ErrorCode::NodeUnreachable => "The node does not answer",
        ErrorCode::Internal => "The manager made a mistake",
        ErrorCode::InvalidRequest
        | ErrorCode::MethodNotAllowed
        | ErrorCode::TooLarge
        | ErrorCode::UnsupportedMediaType
        | ErrorCode::InvalidArchive
        | ErrorCode::InvalidManifest => "Not accepted",
    }
}

/// Errors are lowercase fragments; on a page they stand alone.
pub(crate) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return String::new() };
    let end = if text.ends_with(['.', '!', '?', '…']) { "" } else { "." };
    format!("{}{}{end}", first.to_uppercase(), chars.as_str())
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The guard turns it into a page; this is what is left where there is none.
impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response =
            HttpResponse::build(self.status).content_type("text/plain; charset=utf-8").body(self.line());
        crate::guard::harden(response.headers_mut());
        response
    }
}

#[cfg(test)]
mod tests {
    use lp_protocol::ApiError;

    use super::*;

    #[test]
    fn a_refusal_of_the_manager_keeps_its_words_hint_and_id() {
        let mut error = ApiError::not_found("task", "x").with_hint("list them with `lp task list`");
        error.request_id = "r1".to_owned();

        let failure = Failure::from(client::Error::Api { status: 404, error });

        assert_eq!((failure.status.as_u16(), failure.title), (404, "Not found"));
        assert_eq!(failure.line(), "There is no task `x`. List them with `lp task list`.");
        assert_eq!(failure.request_id.as_deref(), Some("r1"));
    }
}
