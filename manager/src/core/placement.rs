//! The placement pass: gives what is queued to nodes with room, once per batch.
//!
//! The order is the queue's over all lines; a line whose first finds no node is left alone for the rest of the pass, because the others
//! in it want the same, and a node is kept for it where that is needed ([`super::reserve`]). Among the nodes that suit, the one with the smallest share of its slots taken is chosen. Plain actions (one slot,
//! nothing else) may also be sent ahead to wait on a node whose actions are short, so that it need not idle for a round trip between two
//! of them; if another node gets room in the meantime they are asked back.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use lp_protocol::frames::{ManagerFrame, Usage};
use lp_protocol::plan::Ordinal;
use lp_protocol::{AttemptKey, NodeId, Stage};

use super::queue::Place;
use super::record::{AttemptId, AttemptRecord, TaskSeq};
use super::reserve::Kept;
use super::shape::Class;
use super::task::State;
use super::timers::Timer;
use super::{AssignOrder, Core, Effect, Now};

/// How long an attempt may wait on a crowded node before it is asked back for one with room. Above [`super::node`]'s waiting time of
/// 50 ms and the 40 ms a node may hold back its word that an attempt has started.
const REBALANCE_AFTER: Duration = Duration::from_millis(150);

impl Core {
    /// Places whatever can be. Does nothing where nothing has changed since the last pass that could matter.
    pub fn place(&mut self, now: Now) {
        if !std::mem::take(&mut self.unsettled) {
            return;
        }
        let mut heads: BinaryHeap<Reverse<(Place, Arc<Class>)>> =
            self.queue.heads().map(|(place, class)| Reverse((place, class.clone()))).collect();
        let mut kept = Kept::default();
        while let Some(Reverse((place, class))) = heads.pop() {
            // a task's first assignment moves its other actions forward: the head may not be the head any more
            match self.queue.head(&class) {
                Some(head) if head == place => {}
                Some(head) => {
                    heads.push(Reverse((head, class)));
                    continue;
                }
                None => continue,
            }
            let Some(node_id) = self.choose_node(&class, &kept) else {
                self.keep_for(&class, &mut kept);
                continue;
            };
            self.assign(now, node_id, place.task, place.action);
            if let Some(next) = self.queue.head(&class) {
                heads.push(Reverse((next, class)));
            }
        }
        self.watch_balance(now);
    }

    fn choose_node(&self, class: &Class, kept: &Kept) -> Option<NodeId> {
        let mut best: Option<(bool, f64, NodeId)> = None;
        for (node_id, node) in &self.nodes {
            if node.connection.is_none() || self.is_draining(*node_id) || kept.keeps(*node_id, class) {
                continue;
            }
            let waits = !node.has_room(class);
            if waits && !node.may_wait(class) || !node.suits(class, *node_id) {
                continue;
            }
            let candidate = (waits, node.crowding(), *node_id);
            if best.is_none_or(|best| (candidate.0, candidate.1) < (best.0, best.1)) {
                best = Some(candidate);
            }
        }
        best.map(|(_, _, node_id)| node_id)
    }

    fn assign(&mut self, now: Now, node_id: NodeId, seq: TaskSeq, ordinal: Ordinal) {
        self.dequeue(seq, ordinal);
        if let Some(task) = self.tasks.get_mut(&seq) {
            task.set_state(ordinal, State::Live);
        }
        self.begin_task(seq);
        let Some(task) = self.tasks.get_mut(&seq) else { return };
        let Some(action) = task.action_mut(ordinal) else { return };
        action.attempts += 1;
        let id = AttemptId { task: seq, action: ordinal, number: action.attempts };
        let record = AttemptRecord {
            id,
            run: task.record.run,
            counts_in: task.record.run,
            name: None,
            node_id,
            stage: Stage::Pending,
            status: None,
            exit: None,
            assign_at: now.wall,
            start_at: None,
            end_at: None,
            log_bytes: 0,
            usage: Usage::default(),
            preparing: Box::default(),
        };
        let class = task.class(ordinal).cloned();
        if let (Some(node), Some(class)) = (self.nodes.get_mut(&node_id), class) {
            node.add(id, &class.resources);
        }
        self.live.insert(id, record.clone());
        self.counters.attempts_assigned += 1;
        self.touch_attempt(record);
        if let Some(connection) = self.nodes.get(&node_id).and_then(|node| node.connection) {
            self.assign_again(connection, node_id, id);
        }
    }

    /// Sends a live attempt to its node.
    pub(super) fn assign_again(&mut self, connection: super::ConnectionId, node_id: NodeId, id: AttemptId) {
        let Some(task) = self.tasks.get(&id.task) else { return };
        let Some(plan) = task.plan(id.action) else { return };
        let order = AssignOrder {
            id,
            run: task.record.run,
            key: AttemptKey { task_id: task.record.task_id, action: plan.name.clone(), attempt: id.number },
            node_id,
            task_name: task.record.name.clone(),
            task_create_at: task.record.create_at,
            version_id: task.record.version_id,
            shape: task.shape.clone(),
            action: id.action,
            priority: task.priority(id.action),
            health: self.service_health(&task.record, id.action),
        };
        self.outcome.effects.push(Effect::Assign { connection, order });
    }

    /// With its first attempt a task's other queued actions go before those that would begin another task.
    fn begin_task(&mut self, seq: TaskSeq) {
        let Some(task) = self.tasks.get(&seq) else { return };
        if task.begun {
            return;
        }
        let queued: Vec<Ordinal> = task
            .all_actions()
            .filter(|(_, action)| action.state == State::Queued)
            .map(|(ordinal, _)| ordinal)
            .collect();
        for &ordinal in &queued {
            self.dequeue(seq, ordinal);
        }
        if let Some(task) = self.tasks.get_mut(&seq) {
            task.begun = true;
            self.begun_tasks += 1;
        }
        for ordinal in queued {
            self.enqueue(seq, ordinal);
        }
    }

    /// Sets a timer where attempts wait on one node while another has room for them.
    fn watch_balance(&mut self, now: Now) {
        if self.rebalance_set || self.nodes.len() < 2 {
            return;
        }
        let crowded = self.open_nodes().any(super::Node::is_overbooked);
        let roomy = self.open_nodes().any(|node| node.in_use.slots < node.facts.capacity.slots);
        if crowded && roomy {
            self.rebalance_set = true;
            self.timers.set(now.mono + REBALANCE_AFTER, Timer::Rebalance);
        }
    }

    /// The nodes that may be given something: connected, and not drained, from which all is asked back anyway.
    pub(super) fn open_nodes(&self) -> impl Iterator<Item = &super::Node> {
        let open = |(node_id, node): &(&NodeId, &super::Node)| {
            node.connection.is_some() && !self.is_draining(**node_id)
        };
        self.nodes.iter().filter(open).map(|(_, node)| node)
    }

    /// Asks crowded nodes for the newest of what waits there, as many as others have room for.
    pub(super) fn rebalance(&mut self) {
        self.rebalance_set = false;
        let mut room: u32 =
            self.open_nodes().map(|node| node.facts.capacity.slots.saturating_sub(node.in_use.slots)).sum();
        let mut recalls = Vec::new();
        for node in self.open_nodes().filter(|node| node.is_overbooked()) {
            let excess = node.in_use.slots - node.facts.capacity.slots;
            let waiting = node.attempts.iter().rev().filter(|id| {
                let is_unstarted = self.live.get(id).is_some_and(|record| record.stage == Stage::Pending);
                let class = self.tasks.get(&id.task).and_then(|task| task.class(id.action));
                is_unstarted && class.is_some_and(|class| class.is_plain())
            });
            let asked: Vec<AttemptKey> =
                waiting.take(excess.min(room) as usize).filter_map(|id| self.key(*id)).collect();
            room -= asked.len() as u32;
            if let (Some(connection), false) = (node.connection, asked.is_empty()) {
                recalls.push((connection, asked));
            }
        }
        for (connection, attempts) in recalls {
            self.outcome.effects.push(Effect::Send { connection, frame: ManagerFrame::Recall { attempts } });
        }
        // looked at again after the answers have been placed
        self.unsettled = true;
    }
}
