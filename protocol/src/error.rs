//! The public error: a stable code, a sentence, often a hint, and the id of the request it answers.
//!
//! One table ties a code to the HTTP status the manager answers with and the exit code the client ends with, so both sides
//! and the documentation cannot drift apart.

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:literal, $exit:literal;)+) => {
        /// What went wrong, in a word that never changes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum ErrorCode { $($(#[$doc])* $name,)+ }

        impl ErrorCode {
            pub const ALL: &[ErrorCode] = &[$(ErrorCode::$name,)+];

            /// The word in `code`.
            pub fn as_str(self) -> &'static str {
                match self { $(ErrorCode::$name => $text,)+ }
            }

            /// The HTTP status of an answer with this code.
            pub fn http_status(self) -> u16 {
                match self { $(ErrorCode::$name => $status,)+ }
            }

            /// The exit code of an `lp` command that ends with it.
            pub fn exit_code(self) -> u8 {
                match self { $(ErrorCode::$name => $exit,)+ }
            }
        }
    };
}

codes! {
    /// The request is not of the form the route wants: not JSON, a field of the wrong kind, an unknown field.
    InvalidRequest = "invalid_request", 400, 5;
    /// No token, or one that is not known.
    Unauthenticated = "unauthenticated", 401, 4;
    /// The token may not do this.
    Forbidden = "forbidden", 403, 4;
    /// No such route or object.
    NotFound = "not_found", 404, 3;
    /// The route exists, the method does not.
    MethodNotAllowed = "method_not_allowed", 405, 5;
    /// More than one object fits the name or the prefix.
    Ambiguous = "ambiguous", 409, 5;
    /// The object's present state forbids it: a name taken, a task still running, a key used with another request.
    Conflict = "conflict", 409, 5;
    /// Was there once and is deliberately gone: an expired workspace, an evicted log.
    Gone = "gone", 410, 3;
    /// The body is over the limit.
    TooLarge = "too_large", 413, 5;
    /// The body has an encoding or a type the route does not take.
    UnsupportedMediaType = "unsupported_media_type", 415, 5;
    /// The archive is damaged, hostile or of an unknown format.
    InvalidArchive = "invalid_archive", 422, 5;
    /// The manifest breaks a rule; the message names the action and the rule.
    InvalidManifest = "invalid_manifest", 422, 5;
    /// Too many requests; try again later.
    TooManyRequests = "too_many_requests", 429, 6;
    /// The manager's fault; the request id leads to the log line.
    Internal = "internal", 500, 1;
    /// The manager cannot do it now (disk full, database away, starting, stand-by): nothing was changed, try again.
    Unavailable = "unavailable", 503, 7;
    /// The node that holds the thing is not connected.
    NodeUnreachable = "node_unreachable", 503, 7;
    /// It took longer than the request allowed.
    TimedOut = "timed_out", 504, 6;
}

/// The body of every answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error, utoipa::ToSchema)]
#[error("{message}")]
pub struct ApiError {
    pub code: ErrorCode,
    /// One sentence that names the thing.
    pub message: String,
    /// What to do about it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Also in the `x-request-id` header and in the manager's log.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub request_id: String,
}

impl ApiError {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, request_id: String::new() }
    }

    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub fn not_found(what: &str, name: impl std::fmt::Display) -> Self {
        Self::new(ErrorCode::NotFound, format!("there is no {what} `{name}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_on_the_wire_is_the_word_in_the_table() {
        for code in ErrorCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }
}
