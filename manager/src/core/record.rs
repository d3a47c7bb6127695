//! Records: what the core remembers of open work, in the shape in which it is kept.
//!
//! The store turns them into rows and rows into them; the core never sees a row. Payloads (inputs, outputs, log
//! ends) only pass through on their way to the store and are not kept in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use lp_protocol::frames::Usage;
use lp_protocol::plan::{ActionPlan, Ordinal, Plan};
use lp_protocol::{
    AppId, AttemptKey, DigestHex, Exit, NodeId, PreparingStep, ScheduleId, ServiceId, Stage, Status, TaskId,
    VersionId, WorkId,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::build::record::BuildRecord;
use super::standing::{Standing, StandingChanges};
use super::work::{NewWork, OpenWork, WorkRecord};

/// Position of a task in the order of creation: the key of its rows, the order of the queue and of every list.
pub type TaskSeq = i64;

/// What made a task, where it was not a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Work(WorkId),
    Schedule(ScheduleId),
    Service(ServiceId),
}

/// A task without its payloads. All of it is written with every change.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskRecord {
    pub seq: TaskSeq,
    pub task_id: TaskId,
    pub name: Box<str>,
    pub app_id: AppId,
    pub version_id: VersionId,
    pub origin: Option<Origin>,
    pub priority: i32,
    /// 1, and one more with each rerun; attempts of earlier runs are history.
    pub run: u32,
    pub stage: Stage,
    pub status: Option<Status>,
    /// Why it failed or was stopped, in a sentence.
    pub reason: Option<Box<str>>,
    pub create_at: DateTime<Utc>,
    pub start_at: Option<DateTime<Utc>>,
    pub end_at: Option<DateTime<Utc>>,
    pub stop: Option<StopRequest>,
}

/// A stop that was asked for and holds for the rest of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StopRequest {
    /// First signal.
    pub signal: i32,
    /// None: each action's own.
    pub grace: Option<Duration>,
}

/// What is inserted once and never changes, besides the record.
#[derive(Clone, Debug)]
pub struct NewTask {
    pub record: TaskRecord,
    /// A JSON object; None is `{}`.
    pub input: Option<Box<RawValue>>,
    /// Idempotency key, unique over all tasks.
    pub key: Option<Box<str>>,
    /// Digest of what the request with the key asked for.
    pub fingerprint: Option<Box<str>>,
}

/// Identifies an attempt among the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId {
    pub task: TaskSeq,
    /// Position in the plan's actions; [`SUCCESS_EVENT`] and [`FAIL_EVENT`] for the event actions.
    pub action: Ordinal,
    pub number: u32,
}

/// Ordinals of the event actions, above any ordinal of a plan (a manifest has at most 10,000 actions).
pub const SUCCESS_EVENT: Ordinal = 1 << 30;
pub const FAIL_EVENT: Ordinal = SUCCESS_EVENT + 1;

#[derive(Clone, Debug, PartialEq)]
pub struct AttemptRecord {
    pub id: AttemptId,
    /// The run it was made in.
    pub run: u32,
    /// The latest run its success counts in: a recovered task keeps what has succeeded.
    pub counts_in: u32,
    /// Its action's name, where the task has taken another version since. Else the plan has it.
    pub name: Option<Box<str>>,
    pub node_id: NodeId,
    pub stage: Stage,
    pub status: Option<Status>,
    pub exit: Option<Exit>,
    pub assign_at: DateTime<Utc>,
    pub start_at: Option<DateTime<Utc>>,
    pub end_at: Option<DateTime<Utc>>,
    pub log_bytes: u64,
    pub usage: Usage,
    /// What its node did before its program could start.
    pub preparing: Box<[PreparingStep]>,
}

/// An action that was made at run time.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionRecord {
    /// Its condition does not name those that are made for it.
    pub plan: ActionPlan,
    /// What only it gets, a JSON object.
    pub input: Option<Input>,
}

/// JSON that is compared as it was written.
#[derive(Clone, Debug)]
pub struct Input(pub Box<RawValue>);

impl PartialEq for Input {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

/// Something that was done to a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Deed {
    pub task: TaskSeq,
    pub at: DateTime<Utc>,
    /// Who did it: the name of a token.
    pub by: Box<str>,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    Stop {
        signal: i32,
    },
    /// The run that began, and the version it runs.
    Rerun {
        run: u32,
        version_id: VersionId,
    },
    /// The run that began, and the actions it began from, where some were named.
    Recover {
        run: u32,
        from: Vec<String>,
    },
}

/// What a finished attempt left, written with its record and then dropped.
#[derive(Clone, Debug, Default)]
pub struct AttemptPayload {
    /// The JSON object of `output.data`.
    pub output: Option<Box<RawValue>>,
    /// The whole log where it is small.
    pub log: Option<Vec<u8>>,
    /// When the log was written, as [`lp_protocol::marks::Marks`] are written.
    pub log_times: Option<Vec<u8>>,
}

/// A node's wish of its owner to be left in peace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drain {
    pub since: DateTime<Utc>,
    /// What still runs then is stopped and runs elsewhere.
    pub deadline: Option<DateTime<Utc>>,
}

/// A workspace that is to go: the order stands until its node says that it is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwanted {
    pub node_id: NodeId,
    pub id: AttemptId,
    pub key: AttemptKey,
}

/// The end of what the tools of a build have said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildLog {
    /// Of the build.
    pub number: u32,
    pub text: String,
}

/// All that one batch changes; one transaction writes it. Each row appears once, as it is after the batch.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Inserts.
    pub new_tasks: Vec<NewTask>,
    /// Updates of tasks that were there before the batch.
    pub tasks: BTreeMap<TaskSeq, TaskRecord>,
    /// Inserts or updates.
    pub attempts: BTreeMap<AttemptId, AttemptRecord>,
    /// For attempts that are in `attempts`.
    pub payloads: BTreeMap<AttemptId, AttemptPayload>,
    pub new_works: Vec<NewWork>,
    /// Updates of works that were there before the batch.
    pub works: BTreeMap<WorkId, WorkRecord>,
    /// Works that go; their tasks are in `deleted`.
    pub deleted_works: Vec<WorkId>,
    /// Inserts or updates of actions that were made at run time.
    pub actions: BTreeMap<(TaskSeq, Ordinal), ActionRecord>,
    /// Tasks whose actions made at run time go: they run another version now.
    pub without_actions: Vec<TaskSeq>,
    /// What was done to tasks, and by whom.
    pub deeds: Vec<Deed>,
    /// Tasks that go, with their attempts, inputs and logs.
    pub deleted: Vec<TaskSeq>,
    /// Of schedules and services.
    pub standing: StandingChanges,
    /// The `target_env` of tasks in `new_tasks` that have one, as it was given.
    pub targets: BTreeMap<TaskSeq, Box<str>>,
    /// Nodes whose drain begins or changes; None: it ends.
    pub drains: BTreeMap<NodeId, Option<Drain>>,
    /// Nodes that go, with their drains and the deletions they owe.
    pub removed_nodes: Vec<NodeId>,
    /// Workspaces their nodes are to delete.
    pub unwanted: Vec<Unwanted>,
    /// Inserts or updates.
    pub builds: BTreeMap<DigestHex, BuildRecord>,
    /// Logs of builds that have ended; each takes the place of the one before.
    pub build_logs: BTreeMap<DigestHex, BuildLog>,
    pub deleted_builds: Vec<DigestHex>,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        self.new_tasks.is_empty()
            && self.tasks.is_empty()
            && self.attempts.is_empty()
            && self.actions.is_empty()
            && self.without_actions.is_empty()
            && self.deeds.is_empty()
            && self.deleted.is_empty()
            && self.standing.is_empty()
            && self.new_works.is_empty()
            && self.works.is_empty()
            && self.deleted_works.is_empty()
            && self.targets.is_empty()
            && self.drains.is_empty()
            && self.removed_nodes.is_empty()
            && self.unwanted.is_empty()
            && self.builds.is_empty()
            && self.build_logs.is_empty()
            && self.deleted_builds.is_empty()
    }

    /// Number of rows written.
    pub fn len(&self) -> usize {
        self.new_tasks.len()
            + self.tasks.len()
            + self.attempts.len()
            + self.actions.len()
            + self.deeds.len()
            + self.deleted.len()
            + self.standing.len()
            + self.new_works.len()
            + self.works.len()
            + self.deleted_works.len()
            + self.drains.len()
            + self.removed_nodes.len()
            + self.unwanted.len()
            + self.builds.len()
            + self.build_logs.len()
            + self.deleted_builds.len()
    }
}

/// The open part of the database: what the core is built from.
#[derive(Clone, Debug, Default)]
pub struct Open {
    /// Ascending by `seq`.
    pub tasks: Vec<TaskRecord>,
    /// Every attempt of every run of these tasks, ascending by id.
    pub attempts: Vec<AttemptRecord>,
    /// Actions these tasks have made at run time, ascending by task and ordinal, without gaps.
    pub actions: Vec<(TaskSeq, ActionPlan)>,
    /// The works that are not finished.
    pub works: Vec<OpenWork>,
    /// The plans of the versions these tasks and works are pinned to.
    pub plans: BTreeMap<VersionId, Arc<Plan>>,
    /// One more than the highest `seq` ever given out.
    pub next_seq: TaskSeq,
    pub standing: Standing,
    /// The `target_env` of those of these tasks that have one.
    pub targets: BTreeMap<TaskSeq, Box<str>>,
    /// Nodes that are drained.
    pub drains: BTreeMap<NodeId, Drain>,
    /// Builds that nodes have the lease of.
    pub builds: Vec<BuildRecord>,
    /// Rows that cannot be read, in words: left out, logged, and no reason not to start.
    pub corrupt: Vec<String>,
}
