//! What the core holds, in figures.

use lp_protocol::frames::NodeLoad;
use lp_protocol::plan::{EnvRef, Resources};
use lp_protocol::views::{NodeAttempt, NodeState};
use lp_protocol::{NodeId, VersionId};

use super::{Core, Now};

/// A moment's view of what the core holds in memory.
#[derive(Clone, Debug, Default)]
pub struct Overview {
    /// False while standing by or reloading.
    pub leading: bool,
    pub tasks_pending: u64,
    pub tasks_running: u64,
    pub actions_queued: u64,
    pub actions_running: u64,
    pub nodes: Vec<NodeOverview>,
    /// Counters since the start of this process.
    pub counters: Counters,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    pub tasks_created: u64,
    pub tasks_finished: u64,
    pub attempts_assigned: u64,
    pub attempts_finished: u64,
    pub attempts_lost: u64,
    pub reports_ignored: u64,
    pub builds_begun: u64,
    pub builds_done: u64,
    pub builds_failed: u64,
    /// Nodes that were given an environment another one had built.
    pub builds_shared: u64,
    pub commits: u64,
    pub commit_rows: u64,
    pub commit_failures: u64,
    pub commit_seconds: f64,
}

#[derive(Clone, Debug)]
pub struct NodeOverview {
    pub node_id: NodeId,
    pub state: NodeState,
    pub seconds_since_heard: f64,
    pub capacity: Resources,
    pub in_use: Resources,
    pub load: NodeLoad,
    pub attempts: Vec<NodeAttempt>,
}

/// An action of which a node holds an attempt: what entitles it to the packages of that version and environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldAction {
    pub version_id: VersionId,
    pub env: Option<EnvRef>,
}

impl Core {
    /// Figures and nodes as they are now; costs what the nodes hold, not what is queued.
    pub fn overview(&self, now: Now) -> Overview {
        let nodes = self.nodes.iter().map(|(node_id, node)| NodeOverview {
            node_id: *node_id,
            state: node.state(),
            seconds_since_heard: now.mono.saturating_sub(node.heard).as_secs_f64(),
            capacity: node.facts.capacity.clone(),
            in_use: node.in_use.clone(),
            load: node.load.clone(),
            attempts: node
                .attempts
                .iter()
                .filter_map(|id| {
                    Some(NodeAttempt { attempt: self.key(*id)?, stage: self.live.get(id)?.stage })
                })
                .collect(),
        });
        Overview {
            leading: true,
            tasks_pending: self.tasks.len() as u64 - self.begun_tasks,
            tasks_running: self.begun_tasks,
            actions_queued: self.queue.len() as u64,
            actions_running: self.live.len() as u64,
            nodes: nodes.collect(),
            counters: self.counters,
        }
    }
}
