//! The plan: what one application version does, whatever front end it was written for.
//!
//! `manifest` compiles LitePipeline's `configuration.json` to it; other front ends will too. A plan is valid by
//! construction: names are unique and safe, conditions name actions of the plan, there is no cycle. The manager's core runs plans and
//! knows of no manifest. Stored as JSON with the version, so a field added later needs a default.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Position of an action in its plan; conditions refer to actions by it.
pub type Ordinal = u32;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Plan {
    /// The vertices, in the order of the manifest.
    pub actions: Vec<ActionPlan>,
    /// Runs once after the task has ended with success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_success: Option<ActionPlan>,
    /// Runs once after the task has ended in any other way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_fail: Option<ActionPlan>,
    /// The action whose output is the task's result (matters where a task is a part of a work).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_action: Option<Ordinal>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ActionPlan {
    pub name: String,
    /// The actions that must have succeeded before this one starts; their outputs are handed to it under their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub condition: Vec<Ordinal>,
    pub command: Command,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<EnvRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docker: Option<DockerSpec>,
    #[serde(default)]
    pub target: TargetEnv,
    #[serde(default)]
    pub retry: Retry,
    /// Longest run of one attempt; the node then stops it. None: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    #[serde(with = "crate::units::seconds_opt")]
    pub timeout: Option<Duration>,
    /// Time between SIGTERM and SIGKILL when the action is stopped.
    #[serde(default = "default_grace", with = "crate::units::seconds")]
    #[schema(value_type = f64)]
    pub grace: Duration,
    #[serde(default)]
    pub resources: Resources,
    /// Added to the task's own; higher goes first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub priority: i32,
    /// Variables added to the program's environment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environ: BTreeMap<String, String>,
    /// Its node stops it before the manager may give it to another one (DESIGN 4).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exclusive: bool,
}

/// Ten seconds: what Docker and Nomad users know as the time a program has to clean up after SIGTERM.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(10);

fn default_grace() -> Duration {
    DEFAULT_GRACE
}

fn is_zero(number: &i32) -> bool {
    *number == 0
}

/// What is started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// LitePipeline's form: workspace path and `--nodaemon` are appended; a shell is used only where the line needs one.
    Line(String),
    /// Run exactly as written, without a shell; `{workspace}` is replaced.
    Words(Vec<String>),
}

/// Where an action's environment comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EnvRef {
    /// A separately uploaded venv by its id, 32 hexadecimal digits with or without dashes.
    Venv(crate::VenvId),
    /// A separately uploaded venv by name, `name` or `name@version`; used where no path of the app has that name.
    Named(String),
    /// A path inside the app: a directory with `bin/activate`, or `<path>.tar.gz` to be unpacked there.
    Path(String),
}

/// A container to run the action in, as LitePipeline's `docker`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DockerSpec {
    pub name: String,
    pub tag: String,
    #[serde(default)]
    #[schema(value_type = Object)]
    pub args: serde_json::Map<String, serde_json::Value>,
}

/// Which nodes may run the action; every part that is given must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TargetEnv {
    /// Machine name as in `uname -m`, compared without case (`x86_64`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docker_support: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_id: Option<crate::NodeId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_ip: Option<String>,
}

/// What an attempt occupies on its node while it runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Resources {
    /// Places in the node's row of slots.
    #[serde(default = "one_slot")]
    pub slots: u32,
    /// Thousandths of a processor.
    #[serde(default, skip_serializing_if = "is_zero_u64")]
    pub cpu_millis: u64,
    #[serde(default, skip_serializing_if = "is_zero_u64")]
    pub memory_bytes: u64,
    #[serde(default, skip_serializing_if = "is_zero_u64")]
    pub gpus: u64,
    /// Whatever the nodes' configuration counts: licences, tape drives.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub named: BTreeMap<String, u64>,
}

impl Default for Resources {
    fn default() -> Self {
        Self { slots: one_slot(), cpu_millis: 0, memory_bytes: 0, gpus: 0, named: BTreeMap::new() }
    }
}

fn one_slot() -> u32 {
    1
}

fn is_zero_u64(number: &u64) -> bool {
    *number == 0
}

/// How a failed attempt is followed by another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Retry {
    /// Attempts in all; 1 means no retry.
    pub attempts: u32,
    /// Wait before the second attempt.
    #[serde(with = "crate::units::seconds")]
    #[schema(value_type = f64)]
    pub delay: Duration,
    /// The wait grows by this factor with each attempt; at least 1.
    pub backoff: f64,
    /// Upper limit of the wait.
    #[serde(with = "crate::units::seconds")]
    #[schema(value_type = f64)]
    pub max_delay: Duration,
    /// Share of the wait, 0 to 1, that is drawn by lot, so that many do not come back at once.
    pub jitter: f64,
    /// Which ends are tried again; empty: every failure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_exit: Vec<RetryOn>,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 1,
            delay: Duration::from_secs(1),
            backoff: 2.0,
            max_delay: Duration::from_secs(3600),
            jitter: 0.1,
            on_exit: Vec::new(),
        }
    }
}

/// A kind of end that `retry.on_exit` lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RetryOn {
    Code(i32),
    Signal,
    TimedOut,
    NotStarted,
    Lost,
}
