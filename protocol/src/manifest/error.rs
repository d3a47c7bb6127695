//! Why a manifest is refused: one variant per rule, each a sentence that names the place.

use std::borrow::Cow;
use std::fmt;

use super::json::MAX_DEPTH;
use super::names::shown;
use super::warning::Warning;
use super::{MANIFEST_NAME, MAX_ACTIONS, MAX_BYTES};
use crate::{ApiError, ErrorCode};

/// Where in the text; both count from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Which part of the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The outermost object.
    Manifest,
    /// An action whose name is not known, by its position from 1.
    Nth(usize),
    Action(String),
    /// `success` or `fail`.
    Event(&'static str),
    /// An application of a workflow, by its position from 1.
    NthApplication(usize),
    Application(String),
    EventApplication(&'static str),
}

impl Place {
    /// What a message begins with: "action `a`: ", or nothing for the manifest itself.
    pub(crate) fn prefix(&self) -> String {
        match self {
            Self::Manifest => String::new(),
            Self::Nth(position) => format!("action {position}: "),
            Self::Action(name) => format!("action `{}`: ", shown(name)),
            Self::Event(event) => format!("event action `{event}`: "),
            Self::NthApplication(position) => format!("application {position}: "),
            Self::Application(name) => format!("application `{}`: ", shown(name)),
            Self::EventApplication(event) => format!("event application `{event}`: "),
        }
    }
}

/// Refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    #[error("it has {bytes} bytes, the limit is {MAX_BYTES}")]
    TooLarge { bytes: usize },
    #[error("it is empty")]
    Empty,
    #[error("{at}: not UTF-8 text")]
    NotUtf8 { at: Position },
    #[error("{at}: {what}")]
    Syntax { at: Position, what: String },
    #[error("{at}: lists and objects are nested deeper than {MAX_DEPTH} levels")]
    TooDeep { at: Position },
    #[error("{at}: the key `{}` stands twice in one object", shown(key))]
    DuplicateKey { at: Position, key: String },

    #[error("the manifest must be an object, found {found}")]
    NotAnObject { found: &'static str },
    #[error("{}`{key}` is missing", place.prefix())]
    Missing { place: Place, key: Cow<'static, str> },
    /// A value of the wrong kind, or of the right kind and out of its range.
    #[error("{}`{}` must be {wanted}, found {found}", place.prefix(), shown(key))]
    Wrong { place: Place, key: Cow<'static, str>, wanted: Cow<'static, str>, found: Cow<'static, str> },
    /// A text that breaks a rule of its own.
    #[error("{}`{}` {rule}", place.prefix(), shown(key))]
    Rule { place: Place, key: Cow<'static, str>, rule: Cow<'static, str> },
    #[error("`actions` must have at least one action")]
    NoActions,
    #[error("`actions` has {count} actions, the limit is {MAX_ACTIONS}")]
    TooManyActions { count: usize },

    #[error("action {nth}: the name `{}` {rule}", shown(name))]
    UnsafeName { nth: usize, name: String, rule: Cow<'static, str> },
    #[error("action {nth}: the name `{name}` is reserved for the event action `{name}`")]
    ReservedName { nth: usize, name: String },
    #[error("action {nth}: the name `{}` is already taken by action {taken_by}", shown(name))]
    DuplicateName { nth: usize, name: String, taken_by: usize },

    #[error(
        "action `{}`: `condition` names the unknown action `{}`{}",
        shown(action),
        shown(name),
        did_you_mean(nearest)
    )]
    UnknownCondition { action: String, name: String, nearest: Option<String> },
    #[error("the action `{}` waits for itself: {}", path.first().map(|name| shown(name)).unwrap_or_default(), arrows(path))]
    Cycle {
        /// Each waits for the next, the last for the first.
        path: Vec<String>,
    },
    #[error("`output_action` names the unknown action `{}`{}", shown(name), did_you_mean(nearest))]
    UnknownOutput { name: String, nearest: Option<String> },

    /// Not a mere warning: LitePipeline's scheduler finds no node for such an action, ever.
    #[error("{}`target_env` has the unknown key `{}`{}", place.prefix(), shown(key), did_you_mean(nearest))]
    UnknownTarget { place: Place, key: String, nearest: Option<String> },
    /// In a task's input.
    #[error("`target_env` names the unknown action `{}`{}", shown(name), did_you_mean(nearest))]
    UnknownTargeted { name: String, nearest: Option<String> },
    #[error("{}`env` is `{path}`, but the app has neither `{path}.tar.gz` nor `{path}/bin/activate`", place.prefix(), path = shown(path))]
    NoSuchEnv { place: Place, path: String },
    /// A warning, and the caller asked for none.
    #[error("not allowed in strict mode: {first}{}", and_more(*more))]
    Strict { first: Warning, more: usize },
}

pub(crate) fn did_you_mean(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|name| format!("; did you mean `{}`?", shown(name))).unwrap_or_default()
}

pub(crate) fn and_more(more: usize) -> String {
    if more == 0 { String::new() } else { format!(" (and {more} more)") }
}

/// Writes a cycle as `a -> b -> a`; a long one without its middle.
pub(crate) fn arrows(path: &[String]) -> String {
    const ENDS: usize = 8;
    let mut names: Vec<String> = path.iter().chain(path.first()).map(|name| shown(name)).collect();
    if names.len() > 2 * ENDS + 1 {
        let left_out = names.len() - 2 * ENDS;
        names.splice(ENDS..ENDS + left_out, [format!("({left_out} more)")]);
    }
    names.join(" -> ")
}

impl Error {
    /// What to do about it, where the message does not already say it.
    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Empty | Self::NoActions | Self::NotAnObject { .. } => {
                Some("the smallest manifest is {\"actions\": [{\"name\": \"a\", \"main\": \"python a.py\"}]}")
            }
            Self::Syntax { .. } => Some("it is JSON; comments and trailing commas are allowed"),
            Self::ReservedName { .. } => Some("choose another name, or move it under `event_actions`"),
            Self::Cycle { .. } => Some("take one of these names out of a `condition`"),
            Self::TooManyActions { .. } => {
                Some("let an action make the others while it runs, in its output.data")
            }
            Self::UnknownTarget { .. } => {
                Some("known are platform, docker_support, node_id, node_ip and labels")
            }
            Self::NoSuchEnv { .. } => Some(
                "pack the venv into the app under that name, or upload it with `lp venv create` and write its id or name",
            ),
            Self::Strict { .. } => Some("correct it, or leave out --strict"),
            Self::TooLarge { .. }
            | Self::NotUtf8 { .. }
            | Self::TooDeep { .. }
            | Self::DuplicateKey { .. }
            | Self::Missing { .. }
            | Self::Wrong { .. }
            | Self::Rule { .. }
            | Self::UnsafeName { .. }
            | Self::DuplicateName { .. }
            | Self::UnknownCondition { .. }
            | Self::UnknownTargeted { .. }
            | Self::UnknownOutput { .. } => None,
        }
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let answer = Self::new(ErrorCode::InvalidManifest, format!("{MANIFEST_NAME}: {error}"));
        match error.hint() {
            Some(hint) => answer.with_hint(hint),
            None => answer,
        }
    }
}
