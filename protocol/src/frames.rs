//! What manager and node say to each other over the node's one WebSocket.
//!
//! Each message is a JSON array of frames, so that both sides send whatever has gathered in one write. The node's reports
//! carry sequence numbers and stay in its outbox until [`ManagerFrame::Ack`] names them, which the manager sends only after commit.
//! Bulk bytes (logs, workspaces, packages) never travel here: the manager asks with [`ManagerFrame::OpenStream`] and the node answers with an
//! HTTP request of its own, so a slow download cannot delay an assignment.
//!
//! A frame is an object with one key, its name (`{"assign": {...}}`), or the bare name where it carries nothing: an inner tag would
//! make serde buffer the frame, and a buffered [`RawValue`] cannot be read back.
//!
//! A field added later needs `#[serde(default)]`; unknown fields are ignored and unknown frames are logged and skipped, so that a node
//! and a manager one version apart understand one another.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::env::{EnvAnswer, EnvWish};
use crate::plan::{Command, DockerSpec, Resources};
use crate::preparing::PreparingStep;
use crate::{AttemptKey, DigestHex, Exit, NodeId};

/// Version of this vocabulary; a peer with another one is refused with a sentence that says which side to upgrade.
pub const LINK_VERSION: u32 = 1;

/// Largest WebSocket message either side accepts, 256 MiB: an assignment carries its `input.data`, a finish its `output.data`.
pub const MAX_MESSAGE_BYTES: usize = 256 << 20;

/// Largest `output.data` a node reports, 16 MiB; beyond that the attempt fails with [`Exit::BadOutput`].
pub const MAX_OUTPUT_BYTES: u64 = 16 << 20;

/// Largest `input.data` the manager assembles, 64 MiB.
pub const MAX_INPUT_BYTES: usize = 64 << 20;

/// Output of a program up to this size, 8 KiB, rides in the finish report; more is shipped in segments.
pub const INLINE_LOG_BYTES: u64 = 8 << 10;

/// Where in a log the first byte of a stream stands, on the node's request and on the manager's answer to a reader.
pub const OFFSET_HEADER: &str = "x-offset";

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "frames are short-lived, and a hello is one of a connection")]
pub enum NodeFrame {
    /// Always the first frame of a connection.
    Hello(Hello),
    Reports {
        reports: Vec<Report>,
    },
    /// Proof of life, every `heartbeat` of the welcome; answered with [`ManagerFrame::HeartbeatAck`].
    Heartbeat {
        load: NodeLoad,
    },
    /// Environments this node needs. Repeated on every new connection; answered by [`ManagerFrame::Envs`].
    Envs {
        wishes: Vec<EnvWish>,
    },
    /// Nobody here waits for these environments any more, or builds them; by key.
    EnvsDropped {
        keys: Vec<DigestHex>,
    },
    /// What is being prepared for an attempt, all its steps so far. Told when it takes long and may be lost; the report of the attempt's
    /// start or end says it again.
    Preparing {
        attempt: AttemptKey,
        steps: Vec<PreparingStep>,
    },
    /// The workspaces of these attempts are gone.
    WorkspacesDeleted {
        attempts: Vec<AttemptKey>,
    },
    /// The node cannot serve a stream it was asked for.
    StreamFailed {
        stream_id: u64,
        error: crate::ApiError,
    },
    /// What the node has in its cache: all of it first, then what has changed, with whatever is sent next.
    Packages(PackageNews),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hello {
    pub link_version: u32,
    pub node: NodeFacts,
    /// Every attempt the node has accepted and whose end the manager has not acknowledged. Reports about them
    /// follow in [`NodeFrame::Reports`], oldest first.
    pub held: Vec<AttemptKey>,
    /// Environments it is building, by key, with the number of the build.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub building: BTreeMap<DigestHex, u32>,
}

/// What has changed in a node's cache. The manager keeps it as long as the node is connected, in memory only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageNews {
    /// What was told before is forgotten.
    #[serde(default)]
    pub whole: bool,
    #[serde(default)]
    pub held: Vec<HeldPackage>,
    /// No longer there.
    #[serde(default)]
    pub gone: Vec<PackageKey>,
    /// What the cache takes on disk, and may take.
    #[serde(default)]
    pub used_bytes: u64,
    #[serde(default)]
    pub limit_bytes: u64,
}

/// Packages a node tells of at most, the latest used ones.
pub const MAX_TOLD_PACKAGES: usize = 10_000;

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PackageKey {
    pub kind: PackageKind,
    pub digest: DigestHex,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PackageKind {
    App,
    Venv,
}

/// A package that a node has unpacked, or has failed to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldPackage {
    #[serde(flatten)]
    pub key: PackageKey,
    /// On the node's disk; 0 where there is a fault.
    #[serde(default)]
    pub bytes: u64,
    /// The Python that a venv was adapted to, as `3.11 in /usr/bin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// Why it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// What a node says about itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NodeFacts {
    pub name: String,
    /// `uname -m`.
    pub platform: String,
    pub hostname: String,
    /// The address other programs reach this machine at, as far as the node knows.
    pub ip: String,
    pub version: String,
    pub data_path: String,
    pub docker_support: bool,
    pub capacity: Resources,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Its GPUs, each by the name it is given out under.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gpus: Vec<String>,
    /// How programs are kept apart from one another, from the node and from more than they asked for.
    #[serde(default)]
    pub isolation: Box<crate::isolation::Isolation>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NodeLoad {
    /// Attempts whose program runs now.
    pub running: u32,
    /// Attempts accepted and not yet started.
    pub waiting: u32,
    pub disk_free_bytes: u64,
    pub disk_total_bytes: u64,
    pub memory_available_bytes: u64,
    /// Load average of the last minute.
    pub load1: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Grows by one with each report of this node, across its restarts.
    pub seq: u64,
    pub attempt: AttemptKey,
    pub event: AttemptEvent,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptEvent {
    /// The program runs. Left out where the end is reported in the same moment.
    Started {
        start_at: DateTime<Utc>,
        /// What was prepared before; empty where all was there.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        preparing: Vec<PreparingStep>,
    },
    Finished(Box<Finish>),
    /// Answer to a recall: it had not started and never will here.
    Returned,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Finish {
    pub exit: Exit,
    /// None where no program was started.
    pub start_at: Option<DateTime<Utc>>,
    pub end_at: DateTime<Utc>,
    /// The bytes of `output.data`, which are a JSON object; only after exit code 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Box<RawValue>>,
    /// Length of the attempt's stdout.data.
    pub log_bytes: u64,
    /// All of it in base64 if it has at most [`INLINE_LOG_BYTES`]; otherwise it follows in segments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// When it was written: [`crate::marks::Marks`] in base64. None where nothing was, or the program ran too shortly for it to matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_times: Option<String>,
    #[serde(default)]
    pub usage: Usage,
    /// What was prepared before it started, or until it was ended; empty where all was there, or the start has told it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub preparing: Vec<PreparingStep>,
}

/// What the attempt's processes used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Usage {
    pub cpu_seconds: f64,
    /// The most memory: of all its processes together where they are in a cgroup, else of the largest one.
    pub max_rss_bytes: u64,
    /// Read from and written to disks.
    #[serde(default)]
    pub read_bytes: u64,
    #[serde(default)]
    pub written_bytes: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ManagerFrame {
    /// Answers [`NodeFrame::Hello`]. Held attempts that are not in `go_on` are to be stopped and forgotten without a report.
    Welcome(Welcome),
    Assign {
        assignments: Vec<Assignment>,
    },
    /// Stop these attempts; each ends with a finish report ([`Exit::Stopped`]), at once where it had not started.
    Stop {
        stops: Vec<Stop>,
    },
    /// Hand these back with [`AttemptEvent::Returned`] if they have not started; otherwise do nothing.
    Recall {
        attempts: Vec<AttemptKey>,
    },
    /// Reports up to and including this number are committed.
    Ack {
        through: u64,
    },
    HeartbeatAck,
    /// Answers to wishes, by key.
    Envs {
        answers: BTreeMap<DigestHex, EnvAnswer>,
    },
    DeleteWorkspaces {
        attempts: Vec<AttemptKey>,
    },
    /// Answer with `POST /node/v1/streams/{stream_id}`, the bytes as its body.
    OpenStream {
        stream_id: u64,
        what: StreamRequest,
    },
    /// Nobody reads it any more.
    CloseStream {
        stream_id: u64,
    },
    /// The manager will not talk to this node; the sentence says why. The connection is closed after it.
    Refused {
        error: crate::ApiError,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Welcome {
    pub node_id: NodeId,
    #[serde(with = "crate::units::seconds")]
    pub heartbeat: Duration,
    /// After this long without a sign of life the manager gives the node's attempts to others.
    #[serde(with = "crate::units::seconds")]
    pub lost_after: Duration,
    /// Held attempts that stay this node's; for the others the manager has recorded an end or a newer attempt.
    pub go_on: Vec<AttemptKey>,
    /// Highest committed report of this node, so a repeated one is not sent again.
    pub acked: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stop {
    pub attempt: AttemptKey,
    /// First signal; 9 leaves no grace.
    pub signal: i32,
    #[serde(with = "crate::units::seconds")]
    pub grace: Duration,
}

/// All a node needs to run one attempt.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Assignment {
    pub attempt: AttemptKey,
    pub task_name: String,
    pub task_create_at: DateTime<Utc>,
    /// Order among the attempts waiting on the node: higher first, then as they came.
    #[serde(default)]
    pub priority: i32,
    pub app: PackageRef,
    pub command: Command,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<AssignedEnv>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docker: Option<DockerSpec>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environ: BTreeMap<String, String>,
    #[serde(default)]
    pub resources: Resources,
    #[serde(default, with = "crate::units::seconds_opt", skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    #[serde(with = "crate::units::seconds")]
    pub grace: Duration,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exclusive: bool,
    /// What is run beside the program to see whether it still does its work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<crate::health::Health>,
    /// A JSON object: the task's input, then the outputs of the conditions under their names, then `action_info`. The node adds
    /// `task_id`, `workspace` and its own address and writes `input.data`.
    pub input: Box<RawValue>,
}

/// A package in the blob store.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PackageRef {
    pub digest: DigestHex,
    pub size_bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssignedEnv {
    /// A separately uploaded venv.
    Package(PackageRef),
    /// A path inside the app.
    Path(String),
    /// Built from a lock of the app; the node asks for it by a wish.
    Built(crate::env::EnvRecipe),
}

/// What the manager wants a node to send.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum StreamRequest {
    /// The attempt's stdout.data from `offset`, or only its last `tail_bytes` where that is given; with `follow` the stream goes on until the
    /// attempt has ended and all is sent. The node's request carries the header [`OFFSET_HEADER`]: where in the file its first byte stands.
    Log {
        attempt: AttemptKey,
        offset: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tail_bytes: Option<u64>,
        follow: bool,
    },
    /// The marks of an attempt's stdout.data so far, as [`crate::marks::Marks`] are written.
    LogTimes { attempt: AttemptKey },
    /// A JSON [`crate::views::WorkspaceListing`].
    WorkspaceFiles { attempt: AttemptKey },
    /// One file of the workspace, as it is.
    WorkspaceFile { attempt: AttemptKey, path: String },
    /// The log of an environment's build that is under way, what there is of it.
    BuildLog { key: DigestHex },
    /// The whole workspace as tar.gz with the root directory `<task_id>.<action>/`.
    Workspace { attempt: AttemptKey },
}

/// Body of `POST /node/v1/join`, authorised by a join token.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct JoinRequest {
    pub name: String,
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Joined {
    pub node_id: NodeId,
    /// Sent as `Authorization: Bearer` from now on; the manager keeps only its hash.
    pub credential: String,
}

#[cfg(test)]
mod tests;
