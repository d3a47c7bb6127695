//! What is known of an environment beside its versions: who uses it, which nodes hold it, what is wrong with it.

use serde::{Deserialize, Serialize};

use crate::{AppId, DigestHex, NodeId, TaskId, VenvId};

/// Who uses a venv.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct VenvUsers {
    /// Applications whose active version names it.
    pub apps: Vec<VenvApp>,
    /// Tasks that are not finished and whose actions name it.
    pub open_tasks: u64,
    /// The latest of these; only in the answer for a single venv.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<VenvTask>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct VenvApp {
    pub app_id: AppId,
    pub name: String,
    /// Those of its actions that run in it.
    pub actions: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct VenvTask {
    pub task_id: TaskId,
    pub name: String,
}

/// A node that has unpacked a package, or has failed to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct HolderView {
    pub node_id: NodeId,
    pub name: String,
    /// On the node's disk; 0 where there is a fault.
    pub bytes: u64,
    /// The Python that a venv was adapted to, as `3.11 in /usr/bin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// Why the node could not make use of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// A node's cache of packages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CacheView {
    pub packages: u64,
    pub used_bytes: u64,
    pub limit_bytes: u64,
}

/// Answer of `GET /venvs/{venv}/doctor`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct VenvReport {
    pub venv_id: VenvId,
    pub name: String,
    /// The version that was checked.
    pub version: u32,
    pub digest: DigestHex,
    /// Of the archive.
    pub size_bytes: u64,
    /// `a venv`, `a conda environment`, `programs`, ...
    pub form: String,
    /// `3.11`, where it is for Python.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// What its programs and libraries run on, as `uname -m` says it; empty: anywhere.
    pub platforms: Vec<String>,
    /// Python packages in it.
    pub packages: u64,
    pub files: u64,
    pub unpacked_bytes: u64,
    pub users: VenvUsers,
    pub nodes: Vec<HolderView>,
    /// What is wrong, the worst first; empty: nothing.
    pub findings: Vec<VenvFinding>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct VenvFinding {
    pub severity: FindingSeverity,
    pub text: String,
    /// What to do.
    pub hint: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingSeverity {
    /// Actions fail.
    Error,
    /// Actions may fail.
    Warning,
}

impl FindingSeverity {
    pub fn as_str(self) -> &'static str {
        match self {
            FindingSeverity::Error => "error",
            FindingSeverity::Warning => "warning",
        }
    }
}
