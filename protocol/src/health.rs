//! The health command of an action: what is run beside its program to see whether it still does its work.
//!
//! The JSON form is the same in a manifest, a plan, a frame, a row and an answer, so that what was read can be given again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::plan::Command;

/// Ten runs a second are enough for anybody, and bound what they cost.
pub const MIN_INTERVAL: Duration = Duration::from_millis(100);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = HealthCheck)]
pub struct Health {
    /// A string is run as `main` is, a list of strings as written.
    #[serde(with = "as_written")]
    #[schema(value_type = serde_json::Value)]
    pub command: Command,
    /// Seconds between two runs of it, and before the first.
    #[serde(default = "default_interval", with = "crate::units::seconds")]
    #[schema(value_type = f64)]
    pub interval: Duration,
    /// A run that takes longer is killed and has failed.
    #[serde(default = "default_timeout", with = "crate::units::seconds")]
    #[schema(value_type = f64)]
    pub timeout: Duration,
    /// So many failed runs in a row end the program.
    #[serde(default = "default_failures")]
    pub failures: u32,
    /// Seconds after the start in which failed runs do not count.
    #[serde(default = "default_grace", with = "crate::units::seconds")]
    #[schema(value_type = f64)]
    pub grace: Duration,
}

impl Health {
    /// Every ten seconds, at most five, three times in a row and not in the first ten: of the order of Docker's and Kubernetes' defaults.
    pub fn new(command: Command) -> Self {
        Self {
            command,
            interval: default_interval(),
            timeout: default_timeout(),
            failures: default_failures(),
            grace: default_grace(),
        }
    }
}

fn default_interval() -> Duration {
    Duration::from_secs(10)
}

fn default_timeout() -> Duration {
    Duration::from_secs(5)
}

fn default_failures() -> u32 {
    3
}

fn default_grace() -> Duration {
    Duration::from_secs(10)
}

/// A command as a manifest has it: a string or a list of strings.
mod as_written {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::plan::Command;

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Line(String),
        Words(Vec<String>),
    }

    pub(super) fn serialize<S: Serializer>(command: &Command, serializer: S) -> Result<S::Ok, S::Error> {
        match command {
            Command::Line(line) => line.serialize(serializer),
            Command::Words(words) => words.serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Command, D::Error> {
        Ok(match Written::deserialize(deserializer)? {
            Written::Line(line) => Command::Line(line),
            Written::Words(words) => Command::Words(words),
        })
    }
}
