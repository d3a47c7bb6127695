//! What a cluster has been doing lately: an hour at a time, for the day.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ScheduleId;

/// Answer of `GET /activity`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Activity {
    /// The last 24 hours, the oldest first; the last one is the present hour, which is not over.
    pub hours: Vec<ActivityHour>,
    /// When the task was made that waits longest for its first start; absent where none waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_waiting: Option<DateTime<Utc>>,
    /// Enabled schedules whose latest instant was skipped, the latest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<SkippedInstant>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SkippedInstant {
    pub schedule_id: ScheduleId,
    pub schedule_name: String,
    pub instant: DateTime<Utc>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ActivityHour {
    /// When it began.
    pub at: DateTime<Utc>,
    /// Tasks that ended in it; absent where that is not known: long ago, and too many to count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<u64>,
    /// Of these, how many failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<u64>,
    /// Most tasks that waited at a time; absent for the time before this manager led.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<u64>,
    /// Most slots that were busy at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots_in_use: Option<u64>,
}
