//! What is remembered of a work, in the shape in which it is kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use lp_protocol::plan::{Ordinal, Plan};
use lp_protocol::{AppId, ScheduleId, Stage, Status, TaskId, VersionId, WorkId, WorkflowId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::super::record::{FAIL_EVENT, SUCCESS_EVENT, StopRequest, TaskSeq};

/// A work without its copy of the workflow. All of it is written with every change.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkRecord {
    pub work_id: WorkId,
    pub workflow_id: WorkflowId,
    /// The schedule that made it.
    pub schedule_id: Option<ScheduleId>,
    pub name: Box<str>,
    pub priority: i32,
    /// 1, and one more with each rerun or recover.
    pub run: u32,
    /// Tasks of the work below this number belong to what was before the latest rerun.
    pub since: TaskSeq,
    /// The same for event applications, which run anew after a recover as well.
    pub event_since: TaskSeq,
    pub stage: Stage,
    pub status: Option<Status>,
    /// Why it failed or was stopped, in a sentence.
    pub reason: Option<Box<str>>,
    pub create_at: DateTime<Utc>,
    /// When the first program of it started.
    pub start_at: Option<DateTime<Utc>>,
    pub end_at: Option<DateTime<Utc>>,
    pub stop: Option<StopRequest>,
}

/// The copy of the workflow that a work is made of, each application at one version. Stored as JSON, so a field added later needs a
/// default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkPlan {
    pub applications: Vec<WorkApp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_success: Option<WorkApp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_fail: Option<WorkApp>,
    #[serde(default)]
    pub fail_fast: bool,
}

/// An application of a work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkApp {
    /// The name of its task; `success` and `fail` for the event applications.
    pub name: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub condition: Vec<Ordinal>,
    pub app_id: AppId,
    pub version_id: VersionId,
    /// Added to the work's own.
    #[serde(default)]
    pub priority: i32,
}

impl WorkPlan {
    /// The application at an ordinal, event applications included.
    pub fn app(&self, ordinal: Ordinal) -> Option<&WorkApp> {
        match ordinal {
            SUCCESS_EVENT => self.on_success.as_ref(),
            FAIL_EVENT => self.on_fail.as_ref(),
            _ => self.applications.get(ordinal as usize),
        }
    }

    /// Every application with its ordinal, the event applications last.
    pub fn apps(&self) -> impl Iterator<Item = (Ordinal, &WorkApp)> {
        let events = [(SUCCESS_EVENT, &self.on_success), (FAIL_EVENT, &self.on_fail)];
        let events = events.into_iter().filter_map(|(ordinal, app)| Some((ordinal, app.as_ref()?)));
        (0..).zip(&self.applications).chain(events)
    }

    pub fn versions(&self) -> impl Iterator<Item = VersionId> + '_ {
        self.apps().map(|(_, app)| app.version_id)
    }
}

/// A workflow as it is now, its applications resolved to versions: what a work is made of.
#[derive(Clone, Debug)]
pub struct WorkSource {
    pub workflow_id: WorkflowId,
    pub plan: Arc<WorkPlan>,
    /// The definition as it was written.
    pub configuration: Box<RawValue>,
    /// The definition's own input objects, by the name of the application.
    pub inputs: BTreeMap<String, Box<RawValue>>,
    /// Of every version in the plan.
    pub plans: BTreeMap<VersionId, Arc<Plan>>,
}

/// What is inserted once and never changes, besides the record.
#[derive(Clone, Debug)]
pub struct NewWork {
    pub record: WorkRecord,
    pub source: Arc<WorkSource>,
    /// A JSON object; None is `{}`.
    pub input: Option<Box<RawValue>>,
}

/// A task of a work, as far as the work cares.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkTask {
    pub seq: TaskSeq,
    pub task_id: TaskId,
    /// Names the application.
    pub name: Box<str>,
    pub run: u32,
    pub stage: Stage,
    pub status: Option<Status>,
}

/// A work that is not finished, as it is loaded.
#[derive(Clone, Debug)]
pub struct OpenWork {
    pub record: WorkRecord,
    pub plan: Arc<WorkPlan>,
    /// From `since` on, ascending.
    pub tasks: Vec<WorkTask>,
}
