//! Workspaces: the directories of attempts, on their nodes.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{NodeId, TaskId};

/// One workspace of `GET /tasks/{task_id}/workspaces`.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WorkspaceView {
    pub task_id: TaskId,
    pub action: String,
    pub attempt: u32,
    pub node_id: NodeId,
    pub node_name: String,
    /// False while its node is away: it can be listed, not read.
    pub reachable: bool,
}

/// The files of one workspace.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WorkspaceListing {
    pub files: Vec<WorkspaceFile>,
    /// True where there were more files than are listed (10,000).
    #[serde(default)]
    pub truncated: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WorkspaceFile {
    /// Relative to the workspace, `/` between the parts.
    pub path: String,
    /// `file`, `dir` or `symlink`.
    pub kind: String,
    pub size_bytes: u64,
    pub modify_at: Option<DateTime<Utc>>,
}

/// Query of the log route.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ReadLog {
    /// Byte to start at; default 0.
    #[serde(default)]
    pub offset: u64,
    /// Only the last so many bytes (wins over `offset`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tail_bytes: Option<u64>,
    /// Go on until the attempt has ended.
    #[serde(default)]
    pub follow: bool,
}
