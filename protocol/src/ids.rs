//! Typed ids: a node's id can never be passed where a task's is wanted.
//!
//! All are random UUIDs (v4), as LitePipeline's were: the first eight characters tell two of them apart, which a
//! time-ordered id would not give, and so people can type a prefix. Order and paging come from sequence numbers, never from ids.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The text is not a UUID.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
#[error("`{0}` is not an id")]
pub struct NotAnId(pub String);

macro_rules! typed_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String, format = Uuid)]
        pub struct $name(pub Uuid);

        impl $name {
            /// Makes a new random id.
            pub fn random() -> Self {
                Self(Uuid::new_v4())
            }

            /// The eight characters shown where space is short.
            pub fn short(&self) -> String {
                let mut text = self.to_string();
                text.truncate(8);
                text
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.as_hyphenated(), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.as_hyphenated())
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                Uuid::try_parse(text).map(Self).map_err(|_| NotAnId(text.to_owned()))
            }
        }
    )+};
}

typed_ids! {
    /// An application: a name, a description and its uploaded versions.
    AppId,
    /// A venv: an environment package kept apart from the applications that use it.
    VenvId,
    /// One run of an application with input data.
    TaskId,
    /// A DAG of applications.
    WorkflowId,
    /// One run of a workflow.
    WorkId,
    /// Makes tasks or works by the calendar.
    ScheduleId,
    /// Keeps one task of an application running.
    ServiceId,
    /// A package on its way in, in pieces.
    UploadId,
    /// A worker machine.
    NodeId,
    /// An API token (its secret is never stored, only a hash).
    TokenId,
}

/// Number of an uploaded version of an app or a venv; unique over all of them and growing with time.
pub type VersionId = i64;

/// The sha256 of a stored package, 64 lower-case hexadecimal digits. Checked where it enters.
pub type DigestHex = String;

/// Names one execution of one action on one node; the number is the fence (DESIGN 4): what reports for a lower one is ignored.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AttemptKey {
    pub task_id: TaskId,
    /// Name of the action within its task.
    pub action: String,
    /// 1, 2, ... within the task's action; never used twice.
    pub attempt: u32,
}

impl fmt::Display for AttemptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.task_id, self.action, self.attempt)
    }
}
