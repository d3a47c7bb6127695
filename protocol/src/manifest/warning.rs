//! What a manifest says that the compiler did not act on, without being wrong for it.

use std::fmt;

use super::error::Place;
use super::names::shown;

/// Most warnings kept with a version; a manifest of nothing but unknown keys must not become a list of as many.
const MAX_WARNINGS: usize = 100;

/// Shows as one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// A key that means nothing here; `key` is the whole path within the place (`retry.dealy`).
    UnknownKey { place: Place, key: String, nearest: Option<&'static str> },
    /// A key of an ordinary action in an event action.
    NoEffect { place: Place, key: &'static str },
    /// One action named twice in a condition; it counts once.
    RepeatedCondition { place: Place, name: String },
    /// A named resource that looks like one of the built-in ones.
    ResourceLooksLike { place: Place, key: String, nearest: &'static str },
    /// `retry` says how, but not how often.
    RetryWithoutAttempts { place: Place },
    /// There were more.
    LeftOut { count: usize },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKey { place, key, nearest } => {
                write!(f, "{}the unknown key `{}` is ignored", place.prefix(), shown(key))?;
                match nearest {
                    Some(nearest) => write!(f, "; did you mean `{nearest}`?"),
                    None => Ok(()),
                }
            }
            Self::NoEffect { place, key } => {
                write!(f, "{}`{key}` has no effect on an event action", place.prefix())
            }
            Self::RepeatedCondition { place, name } => {
                write!(f, "{}`condition` names `{}` more than once", place.prefix(), shown(name))
            }
            Self::ResourceLooksLike { place, key, nearest } => write!(
                f,
                "{}`resources.{}` is taken for a resource of the nodes' own; did you mean `{nearest}`?",
                place.prefix(),
                shown(key)
            ),
            Self::RetryWithoutAttempts { place } => {
                write!(f, "{}`retry` has no effect without `retry.attempts`", place.prefix())
            }
            Self::LeftOut { count } => write!(f, "{count} more warnings are left out"),
        }
    }
}

/// The warnings so far.
#[derive(Debug, Default)]
pub(crate) struct Warnings {
    kept: Vec<Warning>,
    left_out: usize,
}

impl Warnings {
    pub(crate) fn push(&mut self, warning: Warning) {
        if self.has_room() {
            self.kept.push(warning);
        } else {
            self.left_out += 1;
        }
    }

    /// False once further warnings are only counted: their "did you mean" need not be looked for.
    pub(super) fn has_room(&self) -> bool {
        self.kept.len() < MAX_WARNINGS
    }

    /// How many there were, also of those that are not kept.
    pub(crate) fn count(&self) -> usize {
        self.kept.len() + self.left_out
    }

    pub(crate) fn into_list(mut self) -> Vec<Warning> {
        if self.left_out > 0 {
            self.kept.push(Warning::LeftOut { count: self.left_out });
        }
        self.kept
    }
}
