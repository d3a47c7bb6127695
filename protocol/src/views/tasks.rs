//! Tasks, their actions and attempts, and why they wait.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::frames::Usage;
use crate::{AppId, Exit, NodeId, ScheduleId, ServiceId, Stage, Status, TaskId, VersionId, WorkId};

/// Body of `POST /tasks`.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTask {
    pub app_id: AppId,
    /// Default: `run <application name>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_name: Option<String>,
    /// A JSON object; default `{}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    pub input_data: Option<Box<RawValue>>,
    /// Higher goes first; added to the actions' own.
    #[serde(default)]
    pub priority: i32,
    /// Idempotency key: a second creation with the same key answers with the first one's task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Query of `POST /tasks/batch`; the body is NDJSON, one input object a line, and each line makes a task. The answer is NDJSON,
/// a [`Created`] for each line in the same order, sent as they are committed; a broken line ends it with an
/// `{"error": ...}` line that names the line's number, and the lines before it stay.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct CreateTasks {
    pub app_id: AppId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_name: Option<String>,
    #[serde(default)]
    pub priority: i32,
    /// Idempotency key of the whole request; line n has the key `<key>/<n>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Created {
    pub task_id: TaskId,
    /// False where the idempotency key was known and no task was made.
    pub created: bool,
}

/// Query of `GET /tasks`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ListTasks {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_id: Option<AppId>,
    /// Tasks of this work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_id: Option<WorkId>,
    /// Tasks this schedule has made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_id: Option<ScheduleId>,
    /// Tasks this service has made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_id: Option<ServiceId>,
    /// A glob over the task's name: `*` and `?`. Where it begins with one of them, a page looks at so many tasks at most: it may hold fewer than
    /// asked for, even none, and still name a next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Created at or after this time (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// Beginning of a task id, at least 4 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_prefix: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A task as it stands in a list.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TaskView {
    pub task_id: TaskId,
    pub task_name: String,
    pub app_id: AppId,
    pub app_name: String,
    pub version_id: VersionId,
    /// The number of this version within the application.
    #[serde(default)]
    pub version: u32,
    /// The work it is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_id: Option<WorkId>,
    /// The schedule that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_id: Option<ScheduleId>,
    /// The service it is the running part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_id: Option<ServiceId>,
    pub stage: Stage,
    pub status: Option<Status>,
    pub priority: i32,
    pub create_at: DateTime<Utc>,
    /// When the first program started.
    pub start_at: Option<DateTime<Utc>>,
    pub end_at: Option<DateTime<Utc>>,
    /// In one sentence: why it failed, or was stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A task with all that happened to it.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TaskInfo {
    #[serde(flatten)]
    pub task: TaskView,
    #[schema(value_type = Object)]
    pub input_data: Box<RawValue>,
    /// In the order of the manifest; event actions last.
    pub actions: Vec<ActionView>,
    /// What was done to it since its creation, first to last.
    #[serde(default)]
    pub history: Vec<DeedView>,
    /// By action name, what each finished action left: LitePipeline's `result`.
    pub result: BTreeMap<String, ActionResult>,
    /// What the task as a whole has left: the data of its `output_action`, of the one action nothing waits for, or of all of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub output: Option<Box<RawValue>>,
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ActionView {
    pub name: String,
    /// Names of the actions it waits for.
    pub condition: Vec<String>,
    /// The action that has made it at run time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated_by: Option<String>,
    pub stage: Stage,
    pub status: Option<Status>,
    /// Every attempt of it, first to last.
    pub attempts: Vec<AttemptView>,
    /// When the next attempt is due, while it waits for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AttemptView {
    pub attempt: u32,
    /// 1 for the task's first run, one more with each rerun.
    pub run: u32,
    pub stage: Stage,
    pub status: Option<Status>,
    pub exit: Option<Exit>,
    pub node_id: NodeId,
    pub node_name: String,
    /// When the manager gave it to the node.
    pub assign_at: DateTime<Utc>,
    pub start_at: Option<DateTime<Utc>>,
    pub end_at: Option<DateTime<Utc>>,
    pub log_bytes: u64,
    pub usage: Usage,
    /// What its node did before the program could start: packages fetched, an environment built, an image pulled. Empty where all was there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub preparing: Vec<crate::preparing::PreparingStep>,
}

/// One entry of a task's `result`, as in LitePipeline.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ActionResult {
    pub name: String,
    pub stage: Stage,
    pub status: Option<Status>,
    pub node_id: NodeId,
    pub start_at: Option<DateTime<Utc>>,
    pub end_at: Option<DateTime<Utc>>,
    pub returncode: Option<i32>,
    /// What it left in `output.data`; `{}` if it left none.
    #[schema(value_type = Object)]
    pub result: Box<RawValue>,
}

/// Query of `GET /tasks/{task_id}/wait`: answers with the [`TaskView`] as soon as the task is finished, or as it then is after `timeout` seconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct WaitTask {
    /// Seconds, at most 60; default 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<f64>,
}

/// Body of `POST /tasks/{task_id}/stop`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StopTask {
    /// First signal, 15 or 9 (also -15, -9 as in LitePipeline); default 15.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// Seconds until SIGKILL; default each action's own grace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace: Option<f64>,
}

/// Body of `POST /tasks/{task_id}/rerun`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RerunTask {
    /// Run the version it had, not the one that is active now.
    #[serde(default)]
    pub same_version: bool,
}

/// Body of `POST /tasks/{task_id}/recover`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecoverTask {
    /// Actions to run again even if they have succeeded, with all that follows from them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<String>,
}

/// Query of `DELETE /tasks/{task_id}`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::IntoParams, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteTask {
    /// Stop it first (SIGKILL) where it is not finished.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
}

/// Body of `POST /tasks/bulk`: the same deed for all tasks that pass the filter.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkTasks {
    #[serde(rename = "do")]
    pub deed: BulkDeed,
    /// The fields of the query of `GET /tasks`; `cursor` is where an earlier call has ended.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub filter: ListTasks,
    /// Where the filter is empty: yes, every task.
    #[serde(default)]
    pub all: bool,
    /// Only count them.
    #[serde(default)]
    pub dry_run: bool,
}

/// What is done to each.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BulkDeed {
    Stop(StopTask),
    Rerun(RerunTask),
    Recover(RecoverTask),
    Delete(DeleteTask),
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BulkTasksDone {
    /// How many pass the filter, of those the deed is for.
    pub matched: u64,
    pub done: u64,
    pub failed: u64,
    /// The first of those that failed.
    pub failures: Vec<BulkFailure>,
    /// There are more: call again with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BulkFailure {
    pub task_id: TaskId,
    pub message: String,
}

/// Something that was done to a task.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DeedView {
    pub at: DateTime<Utc>,
    /// Who did it: the name of a token.
    pub by: String,
    /// `stop`, `rerun` or `recover`.
    pub deed: String,
    /// The run that began with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u32>,
    /// The version that is run since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<VersionId>,
    /// The number of this version within the application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// The actions it was recovered from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<String>,
    /// The signal it was stopped with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
}

/// Answer of `GET /tasks/{task_id}/why`: what the task waits for, from the code that decides.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Why {
    pub task_id: TaskId,
    pub stage: Stage,
    pub status: Option<Status>,
    /// The whole answer in one sentence.
    pub summary: String,
    /// One entry for each action that is not finished, or that failed.
    pub actions: Vec<WhyAction>,
    /// Actions beyond these, where no more were asked for.
    #[serde(default, skip_serializing_if = "is_none_of_them")]
    pub more: u64,
    /// What the program that made the task fail said last, where the manager has its output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_output: Option<LastOutput>,
}

fn is_none_of_them(count: &u64) -> bool {
    *count == 0
}

/// The last line of an attempt's output that is not blank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LastOutput {
    pub action: String,
    pub attempt: u32,
    /// Its number, counted from 1; absent where the output is long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Without colours and control characters, 300 characters at the most.
    pub text: String,
}

/// Query of `GET /tasks/{task_id}/why`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ExplainTask {
    /// At most so many actions; default: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// This action too, however many are before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WhyAction {
    pub name: String,
    /// A sentence: `waits for "first", which runs on node a`, `no node has platform "arm64" (2 nodes: x86_64)`.
    pub reason: String,
    /// What could be done about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// One event of `GET /events` (server-sent events, the JSON in `data:`): something about a task has changed and is committed.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    Task {
        task_id: TaskId,
        stage: Stage,
        status: Option<Status>,
    },
    Attempt {
        task_id: TaskId,
        action: String,
        attempt: u32,
        stage: Stage,
        status: Option<Status>,
    },
    Node {
        node_id: NodeId,
        state: super::NodeState,
    },
    Work {
        work_id: WorkId,
        stage: Stage,
        status: Option<Status>,
    },
    /// The reader was too slow and has missed events: load anew what it shows.
    Missed,
}
