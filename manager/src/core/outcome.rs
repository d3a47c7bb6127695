//! What a batch of events comes to: rows to commit, and what to do once they are.

use chrono::{DateTime, Utc};
use lp_protocol::frames::ManagerFrame;
use lp_protocol::health::Health;
use lp_protocol::plan::Ordinal;
use lp_protocol::views;
use lp_protocol::{AttemptKey, NodeId, TaskId, VersionId};
use std::sync::Arc;

use super::record::{AttemptId, Changes};
use super::shape::Shape;

/// Names one connection of one node; a later connection of the same node makes it stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

#[derive(Debug, Default)]
pub struct Outcome {
    pub changes: Changes,
    /// In order; released only after the commit.
    pub effects: Vec<Effect>,
}

#[derive(Debug)]
pub enum Effect {
    Send {
        connection: ConnectionId,
        frame: ManagerFrame,
    },
    /// Send the node this attempt; the engine adds what the core does not hold (input, packages).
    Assign {
        connection: ConnectionId,
        order: AssignOrder,
    },
    /// The node is not heard any more, or sends what it must not.
    Close {
        connection: ConnectionId,
        reason: &'static str,
    },
    /// Whoever waits for the task may go on.
    Finished {
        task_id: TaskId,
    },
    Publish(views::Event),
}

/// An assignment without its payloads.
#[derive(Clone, Debug)]
pub struct AssignOrder {
    pub id: AttemptId,
    pub run: u32,
    pub key: AttemptKey,
    pub node_id: NodeId,
    pub task_name: Box<str>,
    pub task_create_at: DateTime<Utc>,
    pub version_id: VersionId,
    pub shape: Arc<Shape>,
    pub action: Ordinal,
    pub priority: i64,
    /// Of the service whose task it is, where the action has none of its own.
    pub health: Option<Health>,
}
