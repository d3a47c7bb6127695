//! Nodes that are to be left in peace, and nodes that go for good.
//!
//! A drained node gets nothing new, and what it has not started is taken back; what runs may end, or, where a deadline was given, is stopped then
//! and runs again elsewhere without that counting as a try. The drain is a row, so that neither a restart of the manager nor one of the node
//! ends it.

use std::collections::BTreeMap;
use std::time::Duration;

use lp_protocol::frames::ManagerFrame;
use lp_protocol::views::NodeState;
use lp_protocol::{ApiError, AttemptKey, ErrorCode, Exit, NodeId, Stage};

use super::progress::{self, unstarted};
use super::record::{AttemptId, AttemptRecord, Drain, StopRequest, Unwanted};
use super::timers::Timer;
use super::{Core, Effect, Now};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Draining {
    pub(super) drain: Drain,
    /// When the deadline's timer is due, on the monotonic clock; None where there is none or it has passed.
    pub(super) due: Option<Duration>,
    /// The deadline has passed.
    pub(super) is_over: bool,
}

/// Why a node is not removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeRefusal {
    /// Connected, and work may still be given to it.
    Connected,
    /// So many attempts are still with it.
    Holds { attempts: usize },
}

impl Core {
    /// Begins a drain, or changes the deadline of one.
    pub fn drain_node(&mut self, now: Now, node_id: NodeId, patience: Option<Duration>) -> Drain {
        let since = self.drains.get(&node_id).map_or(now.wall, |draining| draining.drain.since);
        self.cancel_deadline(node_id);
        let drain = Drain { since, deadline: patience.map(|patience| now.wall + patience) };
        let due = patience.map(|patience| now.mono + patience);
        if let Some(due) = due {
            self.timers.set(due, Timer::DrainDeadline(node_id));
        }
        self.drains.insert(node_id, Draining { drain, due, is_over: false });
        self.outcome.changes.drains.insert(node_id, Some(drain));
        self.recall_unstarted(node_id);
        self.publish_drain(node_id);
        drain
    }

    /// Ends a drain; nothing happens where there is none.
    pub fn undrain_node(&mut self, node_id: NodeId) {
        self.cancel_deadline(node_id);
        if self.drains.remove(&node_id).is_some() {
            self.outcome.changes.drains.insert(node_id, None);
            self.unsettled = true;
            self.publish_drain(node_id);
        }
    }

    /// Lets go of a node for good. With `force` also of one that works: what it runs is given to others.
    ///
    /// # Errors
    /// [`NodeRefusal`], without `force`.
    pub fn expel_node(&mut self, now: Now, node_id: NodeId, force: bool) -> Result<(), NodeRefusal> {
        let mut attempts = Vec::new();
        if let Some(node) = self.nodes.get_mut(&node_id) {
            if !force && node.connection.is_some() && !self.drains.contains_key(&node_id) {
                return Err(NodeRefusal::Connected);
            }
            if !force && !node.attempts.is_empty() {
                return Err(NodeRefusal::Holds { attempts: node.attempts.len() });
            }
            attempts.extend(node.attempts.iter().copied());
            if let Some(connection) = node.connection.take() {
                self.connections.remove(&connection);
                let frame = ManagerFrame::Refused { error: removed() };
                self.outcome.effects.push(Effect::Send { connection, frame });
                self.outcome.effects.push(Effect::Close { connection, reason: "the node was removed" });
            }
        }
        for id in attempts {
            self.attempt_finished(now, id, progress::lost(now, "its node was removed"));
        }
        self.cancel_deadline(node_id);
        self.drains.remove(&node_id);
        self.outcome.changes.drains.remove(&node_id);
        self.outcome.changes.removed_nodes.push(node_id);
        self.remove_node(node_id);
        self.lose_builds(now, node_id);
        self.outcome
            .effects
            .push(Effect::Publish(lp_protocol::views::Event::Node { node_id, state: NodeState::Lost }));
        Ok(())
    }

    /// Notes that these workspaces are to go. Their nodes are told by the link, now or when they are back.
    pub fn give_up_workspaces(&mut self, unwanted: Vec<Unwanted>) {
        self.outcome.changes.unwanted.extend(unwanted);
    }

    pub(super) fn is_draining(&self, node_id: NodeId) -> bool {
        self.drains.contains_key(&node_id)
    }

    pub(super) fn load_drains(&mut self, now: Now, drains: BTreeMap<NodeId, Drain>) {
        for (node_id, drain) in drains {
            let rest = drain.deadline.map(|deadline| {
                let whole = (deadline - drain.since).to_std().unwrap_or_default();
                // a clock set back while the manager was down must not make the wait longer than it is
                (deadline - now.wall).to_std().unwrap_or_default().min(whole)
            });
            let due = rest.map(|rest| now.mono + rest);
            if let Some(due) = due {
                self.timers.set(due, Timer::DrainDeadline(node_id));
            }
            let is_over = rest.is_some_and(|rest| rest.is_zero());
            self.drains.insert(node_id, Draining { drain, due, is_over });
        }
    }

    /// A drained node has connected: what it does not hold will not start there, and what it holds unstarted is asked for again.
    pub(super) fn welcome_drained(&mut self, now: Now, node_id: NodeId, missing: &[AttemptId]) {
        for id in missing {
            self.attempt_finished(now, *id, unstarted(now, Exit::Returned));
        }
        self.recall_unstarted(node_id);
    }

    /// The time a drained node was given is over: what it runs is stopped.
    pub(super) fn end_drain(&mut self, node_id: NodeId) {
        let Some(draining) = self.drains.get_mut(&node_id) else { return };
        (draining.due, draining.is_over) = (None, true);
        let Some(node) = self.nodes.get(&node_id) else { return };
        let running = node.attempts.iter().copied().filter(|id| {
            // one that is being stopped already needs no second word
            self.live.get(id).is_some_and(|record| record.stage != Stage::Stopping)
        });
        for id in running.collect::<Vec<_>>() {
            self.send_stop(id, StopRequest { signal: 15, grace: None });
        }
    }

    /// A stop by a drain is not the task's, and not the program's fault.
    pub(super) fn judge_stop(&self, record: &AttemptRecord, exit: Exit) -> Exit {
        let is_tasks_own = self.tasks.get(&record.id.task).is_some_and(|task| task.record.stop.is_some());
        let is_over = self.drains.get(&record.node_id).is_some_and(|draining| draining.is_over);
        match exit {
            Exit::Stopped { .. } if is_over && !is_tasks_own => Exit::Drained,
            exit => exit,
        }
    }

    fn recall_unstarted(&mut self, node_id: NodeId) {
        let Some(node) = self.nodes.get(&node_id) else { return };
        let Some(connection) = node.connection else { return };
        let unstarted = node
            .attempts
            .iter()
            .filter(|id| self.live.get(id).is_some_and(|record| record.stage == Stage::Pending));
        let attempts: Vec<AttemptKey> = unstarted.filter_map(|id| self.key(*id)).collect();
        if !attempts.is_empty() {
            self.outcome.effects.push(Effect::Send { connection, frame: ManagerFrame::Recall { attempts } });
        }
    }

    fn cancel_deadline(&mut self, node_id: NodeId) {
        if let Some(due) = self.drains.get(&node_id).and_then(|draining| draining.due) {
            self.timers.cancel(due, Timer::DrainDeadline(node_id));
        }
    }

    /// Lists look again: the state is the same word, what stands beside it is not.
    fn publish_drain(&mut self, node_id: NodeId) {
        let state = self.nodes.get(&node_id).map_or(NodeState::Disconnected, super::Node::state);
        self.outcome.effects.push(Effect::Publish(lp_protocol::views::Event::Node { node_id, state }));
    }
}

/// What a removed node is told, here and when it calls again.
pub fn removed() -> ApiError {
    ApiError::new(ErrorCode::Unauthenticated, "this node was removed from the manager")
        .with_hint("To join it anew: `lp node token` on the manager's side makes a token.")
}
