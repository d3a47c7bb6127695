//! The record of a service, in the shape in which it is kept.

use std::time::Duration;

use chrono::{DateTime, Utc};
use lp_protocol::health::Health;
use lp_protocol::{AppId, ServiceId, TaskId, VersionId};

#[derive(Clone, Debug, PartialEq)]
pub struct ServiceRecord {
    pub service_id: ServiceId,
    pub name: Box<str>,
    pub description: Box<str>,
    pub app_id: AppId,
    /// What its task runs, or ran last.
    pub version_id: VersionId,
    /// Every task takes the version that is active then.
    pub follow_active: bool,
    /// What its task is stopped with.
    pub signal: i32,
    /// None: each action's own.
    pub grace: Option<Duration>,
    pub backoff: Backoff,
    /// For those actions of its tasks that have none of their own.
    pub health: Option<Health>,
    pub enable: bool,
    /// Tasks it has made; numbers the next one.
    pub tasks: i64,
    /// Times its task has ended by itself and was followed by another.
    pub restarts: u64,
    /// Those since it last ran for long enough.
    pub failures: u32,
    /// Its task is stopped in order to be followed by another at once.
    pub replacing: bool,
    /// It has ended too often, and is not started again until somebody says so.
    pub given_up: bool,
    /// When the next task is due, while it waits for that.
    pub retry_at: Option<DateTime<Utc>>,
    /// The latest task.
    pub task_id: Option<TaskId>,
    /// How the task before ended, or why there is none.
    pub reason: Option<Box<str>>,
    pub create_at: DateTime<Utc>,
    pub update_at: DateTime<Utc>,
}

/// When a service that has ended is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Before the first restart; doubled with each further one.
    pub delay: Duration,
    pub max_delay: Duration,
    /// A task that ran this long makes the earlier ends forgotten.
    pub reset_after: Duration,
    /// Restarts without such a task before it is given up; None: for ever.
    pub max_restarts: Option<u32>,
}

impl Default for Backoff {
    /// A second at first, as systemd's and Docker's are of that order; five minutes at most, as in Kubernetes; ten minutes are quiet, as there.
    fn default() -> Self {
        Self {
            delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(300),
            reset_after: Duration::from_secs(600),
            max_restarts: None,
        }
    }
}

impl Backoff {
    /// The wait before the restart with this number, from 1.
    pub fn wait(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        self.delay.saturating_mul(1 << doublings).min(self.max_delay)
    }
}
