//! Nodes, the whole cluster, and what this manager is.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::frames::{NodeFacts, NodeLoad};
use crate::plan::Resources;
use crate::{AttemptKey, NodeId, Stage};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    Connected,
    /// Away, and its attempts still count as its own.
    Disconnected,
    /// Away for longer than `lost_after`; its attempts were given up.
    Lost,
}

impl NodeState {
    pub fn as_str(self) -> &'static str {
        match self {
            NodeState::Connected => "connected",
            NodeState::Disconnected => "disconnected",
            NodeState::Lost => "lost",
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NodeView {
    pub node_id: NodeId,
    pub name: String,
    pub state: NodeState,
    pub create_at: DateTime<Utc>,
    pub seen_at: Option<DateTime<Utc>>,
    pub facts: NodeFacts,
    pub load: NodeLoad,
    /// What its live attempts occupy.
    pub in_use: Resources,
    /// It gets nothing new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<DrainView>,
    /// Of packages; while it is connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<super::CacheView>,
    /// Only in the answer for a single node, or where the list was asked for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<NodeAttempt>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DrainView {
    pub since: DateTime<Utc>,
    /// What still runs then is stopped and runs elsewhere; null: it may take its time.
    pub deadline: Option<DateTime<Utc>>,
    /// Nothing is with it any more: it can be switched off or removed.
    pub drained: bool,
}

/// Body of `POST /nodes/{node}/drain`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DrainNode {
    /// Seconds after which what still runs there is stopped and runs elsewhere; left out: it may take its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<f64>,
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NodeAttempt {
    pub attempt: AttemptKey,
    pub stage: Stage,
}

/// Answer of `GET /status`.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ClusterStatus {
    pub version: String,
    /// `leader` or `standby`.
    pub role: String,
    pub database: String,
    pub start_at: DateTime<Utc>,
    pub tasks_pending: u64,
    pub tasks_running: u64,
    /// Actions that could start now if a node had room.
    pub actions_queued: u64,
    pub actions_running: u64,
    pub slots: u64,
    pub slots_in_use: u64,
    pub nodes_connected: u64,
    pub nodes: u64,
}

/// Answer of `GET /whoami`.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WhoAmI {
    /// Of the token the request came with.
    pub token_id: String,
    pub name: String,
    /// What it may do: `administrator`, everything; `reader`, see and not change.
    pub role: String,
    /// When the token expires; null: it does not.
    #[serde(default)]
    pub expire_at: Option<DateTime<Utc>>,
}

/// Answer of `GET /health` (no token needed; 200 or 503).
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Health {
    pub status: String,
    pub version: String,
    /// What is wrong, where something is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Body of `POST /join-tokens`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateJoinToken {
    /// Seconds it is good for; default one day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<f64>,
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct JoinToken {
    /// Shown this once; the manager keeps only its hash. Any number of nodes may join with it while it is good.
    pub token: String,
    pub expire_at: DateTime<Utc>,
}
