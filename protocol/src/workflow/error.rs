//! Why a workflow is refused: one variant per rule, each a sentence that names the place.

use std::borrow::Cow;

use super::{MAX_APPLICATIONS, MAX_BYTES};
use crate::manifest::error::{and_more, arrows, did_you_mean};
use crate::manifest::names::shown;
use crate::manifest::{self, Place, Warning};
use crate::{ApiError, ErrorCode};

/// Refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The text is no JSON, or a value is missing or of the wrong kind: worded as for a manifest.
    #[error(transparent)]
    Value(#[from] manifest::Error),
    #[error("it has {bytes} bytes, the limit is {MAX_BYTES}")]
    TooLarge { bytes: usize },
    #[error("not YAML: {what}")]
    Yaml { what: String },
    /// YAML that JSON cannot say.
    #[error("{what}, which has no counterpart in JSON")]
    NotJson { what: String },

    #[error("the workflow must be an object, found {found}")]
    NotAnObject { found: &'static str },
    #[error("`applications` must have at least one application")]
    NoApplications,
    #[error("`applications` has {count} applications, the limit is {MAX_APPLICATIONS}")]
    TooManyApplications { count: usize },
    #[error("application {nth}: the name `{}` {rule}", shown(name))]
    UnsafeName { nth: usize, name: String, rule: Cow<'static, str> },
    #[error("application {nth}: the name `{name}` is reserved for the event application `{name}`")]
    ReservedName { nth: usize, name: String },
    #[error("application {nth}: the name `{}` is already taken by application {taken_by}", shown(name))]
    DuplicateName { nth: usize, name: String, taken_by: usize },
    #[error(
        "application `{}`: `condition` names the unknown application `{}`{}",
        shown(application),
        shown(name),
        did_you_mean(nearest)
    )]
    UnknownCondition { application: String, name: String, nearest: Option<String> },
    #[error("the application `{}` waits for itself: {}", path.first().map(|name| shown(name)).unwrap_or_default(), arrows(path))]
    Cycle {
        /// Each waits for the next, the last for the first.
        path: Vec<String>,
    },
    #[error("{}`app_id` and `app` are both given", place.prefix())]
    TwoApps { place: Place },
    /// A warning, and the caller asked for none.
    #[error("not allowed in strict mode: {first}{}", and_more(*more))]
    Strict { first: Warning, more: usize },
}

impl Error {
    /// What to do about it, where the message does not already say it.
    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoApplications | Self::NotAnObject { .. } | Self::Value(manifest::Error::Empty) => Some(
                "the smallest workflow is {\"applications\": [{\"name\": \"a\", \"app\": \"NAME OR ID OF AN APPLICATION\"}]}",
            ),
            Self::ReservedName { .. } => Some("choose another name, or move it under `event_applications`"),
            Self::Cycle { .. } => Some("take one of these names out of a `condition`"),
            Self::TwoApps { .. } => Some("`app` takes a name or an id; leave out the other"),
            Self::Strict { .. } => Some("correct it, or leave out --strict"),
            Self::Yaml { .. } => Some("it is JSON or YAML; JSON begins with `{`"),
            Self::Value(_)
            | Self::TooLarge { .. }
            | Self::NotJson { .. }
            | Self::TooManyApplications { .. }
            | Self::UnsafeName { .. }
            | Self::DuplicateName { .. }
            | Self::UnknownCondition { .. } => None,
        }
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let answer = Self::new(ErrorCode::InvalidManifest, format!("the workflow cannot be used: {error}"));
        match error.hint() {
            Some(hint) => answer.with_hint(hint),
            None => answer,
        }
    }
}
