//! What the core holds, in figures.

use lp_protocol::views::NodeAttempt;

use super::{Core, Now};
use crate::engine::{NodeOverview, Overview};

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
