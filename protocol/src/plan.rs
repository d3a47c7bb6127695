//! The plan: what one application version does, whatever front end it was written for.
//!
//! `manifest` compiles LitePipeline's `configuration.json` to it; other front ends will too. A plan is valid by
//! construction: names are unique and safe, conditions name actions of the plan, there is no cycle. The manager's core runs plans and
//! knows of no manifest. Stored as JSON with the version, so a field added later needs a default.

use std::collections::{BTreeMap, BTreeSet};
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
    /// Digests of the application's files that environments are built from.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub locks: crate::env::Locks,
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
    /// What is run beside its program to see whether it still does its work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<crate::health::Health>,
    /// Where another action of the task has made it at run time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated: Option<Generation>,
}

/// Where an action that was made at run time comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Generation {
    /// The action that has made it.
    pub by: Ordinal,
    /// The action that waits for it, on top of its own condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Ordinal>,
    /// Its maker runs again and has not made it again so far: it is history.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retired: bool,
}

impl Plan {
    /// Adds the actions a task has made at run time, in the order of their ordinals; each is waited for by the one it is made for.
    pub fn add_generated(&mut self, actions: impl IntoIterator<Item = ActionPlan>) {
        for action in actions {
            let ordinal = self.actions.len() as Ordinal;
            let to = action
                .generated
                .filter(|generation| !generation.retired)
                .and_then(|generation| generation.to);
            self.actions.push(action);
            if let Some(target) = to.and_then(|to| self.actions.get_mut(to as usize)) {
                target.condition.push(ordinal);
            }
        }
    }

    /// Makes history of actions that were made at run time. Those they were made for wait for them no more; a condition that names
    /// one stays, and waits for it to be made again.
    pub fn retire_all(&mut self, ordinals: &BTreeSet<Ordinal>) {
        for ordinal in ordinals {
            let action = self.actions.get_mut(*ordinal as usize);
            let Some(generation) = action.and_then(|action| action.generated.as_mut()) else { continue };
            generation.retired = true;
            if let Some(target) = generation.to.and_then(|to| self.actions.get_mut(to as usize))
                && let Some(edge) = target.condition.iter().rposition(|parent| parent == ordinal)
            {
                target.condition.remove(edge);
            }
        }
    }
}

impl ActionPlan {
    pub fn is_retired(&self) -> bool {
        self.generated.is_some_and(|generation| generation.retired)
    }
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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EnvRef {
    /// A separately uploaded venv by its id, 32 hexadecimal digits with or without dashes.
    Venv(crate::VenvId),
    /// A separately uploaded venv by name, `name` or `name@version`; used where no path of the app has that name.
    Named(String),
    /// A path inside the app: a directory with `bin/activate`, or `<path>.tar.gz` to be unpacked there.
    Path(String),
    /// To be built from a lock of the app, once, and then shared by all nodes that it suits.
    Built(crate::env::EnvRecipe),
}

pub use crate::docker::DockerSpec;

/// Which nodes may run the action; every part that is given must match.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
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
    /// By the label's key; all must hold.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, LabelRule>,
}

pub use crate::labels::LabelRule;

impl TargetEnv {
    /// These conditions where they are given, else those of `base`; labels one by one.
    pub fn laid_over(self, base: &TargetEnv) -> TargetEnv {
        let mut labels = base.labels.clone();
        labels.extend(self.labels);
        TargetEnv {
            platform: self.platform.or_else(|| base.platform.clone()),
            docker_support: self.docker_support.or(base.docker_support),
            node_id: self.node_id.or(base.node_id),
            node_ip: self.node_ip.or_else(|| base.node_ip.clone()),
            labels,
        }
    }
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

impl Resources {
    /// Tells whether these wants could ever be met by `capacity`.
    pub fn fits_in(&self, capacity: &Resources) -> bool {
        self.lacks_in(capacity).is_none()
    }

    /// Tells whether these wants can be met by what `in_use` leaves of `capacity`. What is not wanted does not matter,
    /// however much of it is taken.
    pub fn fits_beside(&self, in_use: &Resources, capacity: &Resources) -> bool {
        let fits = |want: u64, used: u64, has: u64| want == 0 || used.saturating_add(want) <= has;
        fits(self.slots.into(), in_use.slots.into(), capacity.slots.into())
            && fits(self.cpu_millis, in_use.cpu_millis, capacity.cpu_millis)
            && fits(self.memory_bytes, in_use.memory_bytes, capacity.memory_bytes)
            && fits(self.gpus, in_use.gpus, capacity.gpus)
            && self.named.iter().all(|(name, want)| {
                let of = |resources: &Resources| resources.named.get(name).copied().unwrap_or(0);
                fits(*want, of(in_use), of(capacity))
            })
    }

    /// The first resource of which more is wanted than `capacity` has: its name, the want, and what is there.
    pub fn lacks_in(&self, capacity: &Resources) -> Option<(String, u64, u64)> {
        let own = [
            ("slots", u64::from(self.slots), u64::from(capacity.slots)),
            ("cpus (thousandths)", self.cpu_millis, capacity.cpu_millis),
            ("memory (bytes)", self.memory_bytes, capacity.memory_bytes),
            ("gpus", self.gpus, capacity.gpus),
        ];
        let named = self
            .named
            .iter()
            .map(|(name, want)| (name.as_str(), *want, capacity.named.get(name).copied().unwrap_or(0)));
        own.into_iter()
            .chain(named)
            .find(|(_, want, has)| want > has)
            .map(|(name, want, has)| (name.to_owned(), want, has))
    }

    pub fn add(&mut self, other: &Resources) {
        self.slots = self.slots.saturating_add(other.slots);
        self.cpu_millis = self.cpu_millis.saturating_add(other.cpu_millis);
        self.memory_bytes = self.memory_bytes.saturating_add(other.memory_bytes);
        self.gpus = self.gpus.saturating_add(other.gpus);
        for (name, amount) in &other.named {
            let sum = self.named.entry(name.clone()).or_insert(0);
            *sum = sum.saturating_add(*amount);
        }
    }

    pub fn subtract(&mut self, other: &Resources) {
        self.slots = self.slots.saturating_sub(other.slots);
        self.cpu_millis = self.cpu_millis.saturating_sub(other.cpu_millis);
        self.memory_bytes = self.memory_bytes.saturating_sub(other.memory_bytes);
        self.gpus = self.gpus.saturating_sub(other.gpus);
        for (name, amount) in &other.named {
            if let Some(sum) = self.named.get_mut(name) {
                *sum = sum.saturating_sub(*amount);
                if *sum == 0 {
                    self.named.remove(name);
                }
            }
        }
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
    Unhealthy,
    OutOfMemory,
}
