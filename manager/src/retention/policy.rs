//! What is kept.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use lp_protocol::views::GarbageName;

use crate::config::Config;

/// None: all of it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) keep_tasks: Option<Duration>,
    pub(crate) keep_tasks_count: Option<u64>,
    pub(crate) keep_logs: Option<Duration>,
    pub(crate) keep_logs_size: Option<u64>,
    pub(crate) keep_workspaces: Option<Duration>,
    pub(crate) keep_versions: Option<u32>,
    pub(crate) keep_builds: Option<Duration>,
    /// Age at which an archive nobody refers to goes.
    pub(crate) keep_orphans: Duration,
}

impl Policy {
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            keep_tasks: config.keep_tasks,
            keep_tasks_count: config.keep_tasks_count,
            keep_logs: config.keep_logs,
            keep_logs_size: config.keep_logs_size,
            keep_workspaces: config.keep_workspaces,
            keep_versions: config.keep_versions,
            keep_builds: config.keep_builds,
            keep_orphans: config.keep_orphans,
        }
    }

    /// What is kept of a kind, for people.
    pub(crate) fn rule(&self, kind: GarbageName) -> String {
        let age = |keep: Option<Duration>| keep.map(|keep| format!("younger than {}", words(keep)));
        let rules: Vec<String> = match kind {
            GarbageName::Tasks => {
                let count = self.keep_tasks_count.map(|count| format!("the latest {count}"));
                age(self.keep_tasks).into_iter().chain(count).collect()
            }
            GarbageName::Logs => {
                let size = self.keep_logs_size.map(|bytes| format!("the latest {bytes} bytes"));
                age(self.keep_logs).into_iter().chain(size).collect()
            }
            GarbageName::Workspaces => age(self.keep_workspaces).into_iter().collect(),
            GarbageName::Packages => {
                vec![format!("in use, or younger than {}", words(self.keep_orphans))]
            }
            GarbageName::Builds => {
                let used = self.keep_builds.map(|keep| format!("used within {}", words(keep)));
                used.into_iter().collect()
            }
            GarbageName::Versions => {
                let latest = self.keep_versions.map(|count| format!("in use, or among the latest {count}"));
                latest.into_iter().collect()
            }
        };
        if rules.is_empty() { "all".to_owned() } else { rules.join(", and of these ") }
    }
}

/// What lies so long before now; None before all that can have happened.
pub(super) fn ago(now: DateTime<Utc>, age: Duration) -> Option<DateTime<Utc>> {
    TimeDelta::from_std(age).ok().and_then(|age| now.checked_sub_signed(age))
}

fn words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    for (unit, length) in [("d", 86_400), ("h", 3600), ("m", 60)] {
        if seconds >= length && seconds.is_multiple_of(length) {
            return format!("{}{unit}", seconds / length);
        }
    }
    format!("{seconds}s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_are_said_in_words() {
        let policy = Policy {
            keep_tasks: Some(Duration::from_secs(90 * 86_400)),
            keep_tasks_count: Some(1000),
            keep_workspaces: Some(Duration::from_secs(36 * 3600)),
            keep_orphans: Duration::from_secs(90),
            ..Policy::default()
        };

        for (kind, rule) in [
            (GarbageName::Tasks, "younger than 90d, and of these the latest 1000"),
            (GarbageName::Logs, "all"),
            (GarbageName::Workspaces, "younger than 36h"),
            (GarbageName::Packages, "in use, or younger than 90s"),
            (GarbageName::Versions, "all"),
        ] {
            assert_eq!(policy.rule(kind), rule);
        }
    }
}
