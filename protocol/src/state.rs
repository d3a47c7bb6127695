//! Stages, statuses and ways to end: one word per thing, the same in rows, frames, answers and pages.

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            pub const ALL: &[$name] = &[$($name::$variant,)+];

            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                $name::ALL.iter().copied().find(|word| word.as_str() == text).ok_or_else(|| UnknownWord {
                    word: text.to_owned(),
                    known: $name::ALL.iter().map(|word| word.as_str()).collect::<Vec<_>>().join(", "),
                })
            }
        }
    };
}

/// The word is not one of the list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is not one of {known}")]
pub struct UnknownWord {
    pub word: String,
    pub known: String,
}

words! {
    /// How far a task, an action or an attempt has come.
    Stage {
        Pending = "pending",
        Running = "running",
        /// A stop was asked for and something still runs.
        Stopping = "stopping",
        Finished = "finished",
    }
}

impl Stage {
    /// The stages of what the manager still has work with.
    pub const OPEN: &[Stage] = &[Stage::Pending, Stage::Running, Stage::Stopping];

    pub fn is_open(self) -> bool {
        self != Stage::Finished
    }
}

words! {
    /// How something finished. Tasks end as `success`, `fail` or `kill`; the others are for actions and for what later issues add.
    Status {
        Success = "success",
        /// The program ended otherwise than with code 0, was never started, timed out or was lost: see `exit`.
        Fail = "fail",
        /// Stopped on request.
        Kill = "kill",
        /// Did not start any more because the task was stopped.
        Cancel = "cancel",
        Terminate = "terminate",
        Error = "error",
        /// Did not start because an action it waits for, or another one of the task, failed.
        Skipped = "skipped",
    }
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Exit {
    /// The program ended by itself.
    Code { code: i32 },
    /// A signal nobody of us sent ended it.
    Signal { signal: i32 },
    /// It ran longer than its `timeout` and was stopped.
    TimedOut,
    /// It was stopped on request; how the program then ended, as LitePipeline's returncode (negative: signal).
    Stopped { returncode: i32 },
    /// There was no program to wait for; the reason names what is missing.
    NotStarted { reason: String },
    /// It ended with code 0 but what it left in `output.data` cannot be used.
    BadOutput { reason: String },
    /// Its health command failed too often in a row, and it was stopped.
    Unhealthy { reason: String },
    /// It used more memory than its limit allows and was killed; the most it was seen to use.
    OutOfMemory { limit_bytes: u64, peak_bytes: u64 },
    /// Nobody knows how it ended.
    Lost { reason: String },
    /// The node gave it back before it had started; it does not count as a try.
    Returned,
    /// Its node was drained and its time there was over; it runs again elsewhere and this does not count as a try.
    Drained,
}

impl Exit {
    pub fn is_success(&self) -> bool {
        *self == Exit::Code { code: 0 }
    }

    /// LitePipeline's `returncode`: the code, or the negative signal; None where no program ended.
    pub fn returncode(&self) -> Option<i32> {
        match self {
            Exit::Code { code } => Some(*code),
            Exit::Signal { signal } => Some(-signal),
            Exit::Stopped { returncode } => Some(*returncode),
            Exit::BadOutput { .. } => Some(0),
            Exit::TimedOut
            | Exit::NotStarted { .. }
            | Exit::Unhealthy { .. }
            | Exit::OutOfMemory { .. }
            | Exit::Lost { .. }
            | Exit::Returned
            | Exit::Drained => None,
        }
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Exit::Code { code } => write!(f, "exit code {code}"),
            Exit::Signal { signal } => write!(f, "killed by signal {signal}"),
            Exit::TimedOut => f.write_str("timed out"),
            Exit::Stopped { .. } => f.write_str("stopped on request"),
            Exit::NotStarted { reason } => write!(f, "not started: {reason}"),
            Exit::BadOutput { reason } => write!(f, "bad output.data: {reason}"),
            Exit::Unhealthy { reason } => write!(f, "unhealthy: {reason}"),
            Exit::OutOfMemory { limit_bytes, peak_bytes } => {
                let (limit, peak) =
                    (crate::units::shown_size(*limit_bytes), crate::units::shown_size(*peak_bytes));
                write!(f, "out of memory: killed at its limit of {limit} (peak {peak})")
            }
            Exit::Lost { reason } => write!(f, "lost: {reason}"),
            Exit::Returned => f.write_str("handed back unstarted"),
            Exit::Drained => f.write_str("stopped because its node was drained"),
        }
    }
}

words! {
    /// What a schedule runs.
    Source {
        Application = "application",
        Workflow = "workflow",
    }
}

words! {
    /// What happens when an instant comes and what an earlier one started is not finished.
    Overlap {
        /// It fires all the same.
        Allow = "allow",
        Skip = "skip",
        /// It waits for the end of the earlier ones.
        Queue = "queue",
        /// The earlier ones are stopped, and it fires when they have ended.
        Kill = "kill",
    }
}

words! {
    /// What came of an instant.
    InstantState {
        /// It has come, and waits for the end of what earlier ones started.
        Waiting = "waiting",
        Fired = "fired",
        Skipped = "skipped",
    }
}
