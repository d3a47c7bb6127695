//! Works: runs of workflows.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::WhyAction;
use crate::{AppId, ScheduleId, Stage, Status, TaskId, VersionId, WorkId, WorkflowId};

/// Body of `POST /works`.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateWork {
    pub workflow_id: WorkflowId,
    /// Default: `run` and the workflow's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A JSON object; each application gets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub input_data: Option<Box<RawValue>>,
    /// Added to the applications' own; higher goes first.
    #[serde(default)]
    pub priority: i32,
}

/// Query of `GET /works`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ListWorks {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_id: Option<WorkflowId>,
    /// Works this schedule has made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_id: Option<ScheduleId>,
    /// A glob over the work's name: `*` and `?`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Created at or after this time (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// Beginning of a work id, at least 4 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_prefix: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A work as it stands in a list.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WorkView {
    pub work_id: WorkId,
    pub name: String,
    pub workflow_id: WorkflowId,
    pub workflow_name: String,
    /// The schedule that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_id: Option<ScheduleId>,
    /// 1, and one more with each rerun or recover.
    pub run: u32,
    pub stage: Stage,
    pub status: Option<Status>,
    pub priority: i32,
    pub create_at: DateTime<Utc>,
    /// When the first program of it started.
    pub start_at: Option<DateTime<Utc>>,
    pub end_at: Option<DateTime<Utc>>,
    /// In one sentence: why it failed, or was stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A work with its applications and what they came to.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WorkInfo {
    #[serde(flatten)]
    pub work: WorkView,
    #[schema(value_type = Object)]
    pub input_data: Box<RawValue>,
    /// The workflow's definition as it was when the work was made.
    #[schema(value_type = Object)]
    pub configuration: Box<RawValue>,
    /// In the order of the workflow; event applications last.
    pub applications: Vec<WorkApplication>,
    /// By application, how its task ended and what it left: LitePipeline's `result`.
    pub result: BTreeMap<String, WorkResult>,
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WorkApplication {
    pub name: String,
    /// Names of the applications it waits for.
    pub condition: Vec<String>,
    pub app_id: AppId,
    pub app_name: String,
    /// The version it runs, chosen when the work was made.
    pub version_id: VersionId,
    /// Its number within the application; 0 where it is not known any more.
    #[serde(default)]
    pub version: u32,
    /// Absent while it waits, and where it was not started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<TaskId>,
    pub stage: Stage,
    pub status: Option<Status>,
}

/// One entry of a work's `result`, as in LitePipeline.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WorkResult {
    pub name: String,
    pub app_id: AppId,
    /// Null where it was not started.
    pub task_id: Option<TaskId>,
    pub stage: Stage,
    pub status: Option<Status>,
    /// What the application's output actions left; `{}` if they left nothing.
    #[schema(value_type = Object)]
    pub result: Box<RawValue>,
}

/// Query of `DELETE /works/{work}`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct DeleteWork {
    /// Stop it first if it is not finished.
    #[serde(default)]
    pub force: bool,
}

/// Answer of `GET /works/{work}/why`: what the work waits for, from the code that decides.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WhyWork {
    pub work_id: WorkId,
    pub stage: Stage,
    pub status: Option<Status>,
    /// The whole answer in one sentence.
    pub summary: String,
    /// One entry for each application that is not finished, or that did not succeed.
    pub applications: Vec<WhyAction>,
}
