//! Records of schedules and of their instants, in the shape in which they are kept.

use std::time::Duration;

use chrono::{DateTime, Utc};
pub use lp_protocol::views::Catchup;
use lp_protocol::{AppId, ScheduleId, Source, TaskId, WorkId, WorkflowId};
pub use lp_protocol::{InstantState, Overlap};
use uuid::Uuid;

/// What a schedule makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A task of an application's active version.
    App(AppId),
    /// A work of a workflow.
    Workflow(WorkflowId),
}

impl Target {
    /// Its kind and its id.
    pub fn parts(self) -> (Source, Uuid) {
        match self {
            Target::App(id) => (Source::Application, id.0),
            Target::Workflow(id) => (Source::Workflow, id.0),
        }
    }

    pub fn from_parts(source: Source, id: Uuid) -> Self {
        match source {
            Source::Application => Target::App(AppId(id)),
            Source::Workflow => Target::Workflow(WorkflowId(id)),
        }
    }
}

/// Which times a schedule names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Times {
    Cron(Box<str>),
    Daily(Daily),
}

/// LitePipeline's form: one time of the day, on all days or some. None is its -1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Daily {
    /// None: 0.
    pub hour: Option<u8>,
    /// None: 0.
    pub minute: Option<u8>,
    /// 1-31; wins over the day of the week.
    pub day_of_month: Option<u8>,
    /// 1-7, Monday to Sunday.
    pub day_of_week: Option<u8>,
}

impl Times {
    /// The same as a cron expression.
    pub fn cron(&self) -> String {
        match self {
            Times::Cron(cron) => cron.to_string(),
            Times::Daily(Daily { hour, minute, day_of_month, day_of_week }) => {
                let (hour, minute) = (hour.unwrap_or(0), minute.unwrap_or(0));
                match (day_of_month, day_of_week) {
                    (Some(day), _) => format!("{minute} {hour} {day} * *"),
                    (None, Some(day)) => format!("{minute} {hour} * * {day}"),
                    (None, None) => format!("{minute} {hour} * * *"),
                }
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ScheduleRecord {
    pub schedule_id: ScheduleId,
    pub name: Box<str>,
    pub target: Target,
    pub times: Times,
    /// IANA name.
    pub tz: Box<str>,
    /// No instant before, and none after.
    pub start_at: Option<DateTime<Utc>>,
    pub end_at: Option<DateTime<Utc>>,
    pub catchup: Catchup,
    pub overlap: Overlap,
    /// An instant fires up to this much later.
    pub jitter: Duration,
    pub enable: bool,
    /// Every instant up to here is decided.
    pub decided_through: DateTime<Utc>,
    /// The latest instant of the calendar that fired: nothing up to here ever fires again.
    pub fired_through: Option<DateTime<Utc>>,
    /// The latest instant somebody asked for.
    pub triggered_through: Option<DateTime<Utc>>,
    pub create_at: DateTime<Utc>,
    pub update_at: DateTime<Utc>,
}

/// One instant of one schedule; there is one row for it, whatever happens.
#[derive(Clone, Debug, PartialEq)]
pub struct InstantRecord {
    pub schedule_id: ScheduleId,
    pub instant: DateTime<Utc>,
    /// Somebody asked for it; the calendar did not.
    pub manual: bool,
    pub state: InstantState,
    /// When it was fired or skipped.
    pub decide_at: Option<DateTime<Utc>>,
    /// Why it was skipped, or waits.
    pub reason: Option<Box<str>>,
    /// What it made: a task, or a work.
    pub task_id: Option<TaskId>,
    pub work_id: Option<WorkId>,
}
