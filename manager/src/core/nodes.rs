//! Nodes come, speak, fall silent and come back.

use std::collections::BTreeSet;
use std::time::Duration;

use lp_protocol::frames::{Hello, ManagerFrame, NodeFrame, Report, Welcome};
use lp_protocol::views::{self, NodeState};
use lp_protocol::{AttemptKey, NodeId};

use super::node::Node;
use super::progress;
use super::record::{AttemptId, StopRequest};
use super::timers::Timer;
use super::{ConnectionId, Core, Effect, HeldAction, Now};

impl Core {
    /// A node has said hello on a new connection: agrees with it on what it holds, and sends what it lacks.
    pub fn connect_node(&mut self, now: Now, node_id: NodeId, connection: ConnectionId, hello: Hello) {
        let node = self.node(now, node_id);
        let previous = node.connection.replace(connection);
        node.heard = now.mono;
        node.facts = hello.node;
        let attempts: Vec<AttemptId> = node.attempts.iter().copied().collect();
        if let Some(previous) = previous {
            self.connections.remove(&previous);
            self.close_connection(previous, "the node has connected anew");
        }
        self.connections.insert(connection, node_id);
        let held: BTreeSet<AttemptId> = hello.held.iter().filter_map(|key| self.resolve(key)).collect();
        self.welcome(node_id, connection, hello.held);
        self.welcome_builds(now, node_id, &hello.building);
        if self.is_draining(node_id) {
            let missing: Vec<AttemptId> = attempts.iter().copied().filter(|id| !held.contains(id)).collect();
            self.welcome_drained(now, node_id, &missing);
        }
        for id in attempts {
            if !held.contains(&id) && self.live.contains_key(&id) {
                self.assign_again(connection, node_id, id);
            }
            if let Some(stop) = self.pending_stop(id) {
                self.send_stop(id, stop);
            }
        }
        self.publish_node(node_id, NodeState::Connected);
        self.unsettled = true;
    }

    fn welcome(&mut self, node_id: NodeId, connection: ConnectionId, held: Vec<AttemptKey>) {
        let go_on = held
            .into_iter()
            .filter(|key| {
                let live = self.resolve(key).and_then(|id| self.live.get(&id));
                live.is_some_and(|record| record.node_id == node_id)
            })
            .collect();
        let welcome = Welcome {
            node_id,
            heartbeat: self.settings.heartbeat,
            lost_after: self.settings.lost_after,
            go_on,
            // not kept: a report that is sent twice is recognised by its attempt
            acked: 0,
        };
        self.outcome.effects.push(Effect::Send { connection, frame: ManagerFrame::Welcome(welcome) });
    }

    /// The stop that holds for an attempt, if there is one.
    fn pending_stop(&self, id: AttemptId) -> Option<StopRequest> {
        let is_stopping =
            self.live.get(&id).is_some_and(|record| record.stage == lp_protocol::Stage::Stopping);
        let stop = self.tasks.get(&id.task)?.record.stop;
        let event = id.action >= super::record::SUCCESS_EVENT;
        stop.filter(|_| !event).or_else(|| is_stopping.then_some(StopRequest { signal: 15, grace: None }))
    }

    /// Takes frames of a connection, in order. Those of a stale connection are dropped unread.
    pub fn take_frames(&mut self, now: Now, connection: ConnectionId, frames: Vec<NodeFrame>) -> bool {
        let Some(&node_id) = self.connections.get(&connection) else { return false };
        for frame in frames {
            let Some(node) = self.nodes.get_mut(&node_id) else { return false };
            node.heard = now.mono;
            match frame {
                NodeFrame::Heartbeat { load } => {
                    node.load = load;
                    self.outcome.effects.push(Effect::Send { connection, frame: ManagerFrame::HeartbeatAck });
                }
                NodeFrame::Reports { reports } => self.take_reports(now, node_id, connection, reports),
                NodeFrame::Preparing { attempt, steps } => self.attempt_prepares(node_id, &attempt, steps),
                NodeFrame::Hello(_) => self.close_connection(connection, "a second hello on one connection"),
                NodeFrame::Envs { wishes } => self.take_wishes(now, node_id, wishes),
                NodeFrame::EnvsDropped { keys } => self.drop_wishes(now, node_id, &keys),
                // the link's own business, handled before they come here
                NodeFrame::WorkspacesDeleted { .. }
                | NodeFrame::StreamFailed { .. }
                | NodeFrame::Packages(_) => {}
            }
        }
        true
    }

    fn take_reports(&mut self, now: Now, node_id: NodeId, connection: ConnectionId, reports: Vec<Report>) {
        let Some(through) = reports.iter().map(|report| report.seq).max() else { return };
        for Report { seq: _, attempt, event } in reports {
            match self.resolve(&attempt) {
                Some(id) => self.take_event(now, node_id, id, event),
                None => self.counters.reports_ignored += 1,
            }
        }
        self.outcome.effects.push(Effect::Send { connection, frame: ManagerFrame::Ack { through } });
    }

    /// The connection is closed. The node keeps its attempts until it has been silent for too long.
    pub fn disconnect_node(&mut self, now: Now, connection: ConnectionId) {
        let Some(node_id) = self.connections.remove(&connection) else { return };
        let Some(node) = self.nodes.get_mut(&node_id) else { return };
        node.connection = None;
        node.heard = now.mono;
        let is_idle = node.attempts.is_empty();
        self.leave_builds(node_id);
        if is_idle && !self.has_leases(node_id) {
            self.remove_node(node_id);
        }
        self.publish_node(node_id, NodeState::Disconnected);
    }

    /// What the attempts with a node are of.
    pub fn node_actions(&self, node_id: NodeId) -> impl Iterator<Item = HeldAction> + '_ {
        let attempts = self.nodes.get(&node_id).into_iter().flat_map(|node| node.attempts.iter());
        attempts.filter_map(|id| {
            let task = self.tasks.get(&id.task)?;
            let env = task.plan(id.action)?.env.clone();
            Some(HeldAction { version_id: task.record.version_id, env })
        })
    }

    pub(super) fn check_silence(&mut self, now: Now, node_id: NodeId) {
        let Some(node) = self.nodes.get_mut(&node_id) else { return };
        let due = node.heard + self.settings.lost_after;
        if due > now.mono {
            node.silence_check = due;
            self.timers.set(due, Timer::NodeSilent(node_id));
            return;
        }
        let connection = node.connection.take();
        let attempts: Vec<AttemptId> = node.attempts.iter().copied().collect();
        if let Some(connection) = connection {
            self.connections.remove(&connection);
            self.close_connection(connection, "the node was not heard for too long");
        }
        let name = self.nodes.get(&node_id).map(|node| node.facts.name.clone()).unwrap_or_default();
        let reason = format!("node {name} was not heard for {}", spoken(self.settings.lost_after));
        for id in attempts {
            self.attempt_finished(now, id, progress::lost(now, reason.trim()));
        }
        self.remove_node(node_id);
        self.lose_builds(now, node_id);
        self.publish_node(node_id, NodeState::Lost);
    }

    pub(super) fn remove_node(&mut self, node_id: NodeId) {
        if let Some(node) = self.nodes.remove(&node_id) {
            self.timers.cancel(node.silence_check, Timer::NodeSilent(node_id));
        }
    }

    /// The node's entry; a new one is watched for silence from now on.
    pub(super) fn node(&mut self, now: Now, node_id: NodeId) -> &mut Node {
        let timers = &mut self.timers;
        let due = now.mono + self.settings.lost_after;
        self.nodes.entry(node_id).or_insert_with(|| {
            timers.set(due, Timer::NodeSilent(node_id));
            Node::new(now.mono, due)
        })
    }

    fn close_connection(&mut self, connection: ConnectionId, reason: &'static str) {
        self.outcome.effects.push(Effect::Close { connection, reason });
    }

    fn publish_node(&mut self, node_id: NodeId, state: NodeState) {
        self.outcome.effects.push(Effect::Publish(views::Event::Node { node_id, state }));
    }
}

fn spoken(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}
