//! The simulated cluster: a core, a store in memory, nodes, and whatever may go wrong between them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use lp_protocol::frames::AttemptEvent;
use lp_protocol::plan::Plan;
use lp_protocol::{AppId, AttemptKey, Exit, NodeId, TaskId};
use uuid::Uuid;

use super::fake_node::{FakeNode, ToNode};
use super::model::Model;
use super::plans;
use super::random::Random;
use super::work_model::derive_inputs;
use crate::core::record::{SUCCESS_EVENT, StopRequest, TaskRecord};
use crate::core::{AssignOrder, ConnectionId, Core, Effect, NewTaskRequest, Now, Settings};

pub(super) struct Cluster {
    pub(super) random: Random,
    pub(super) model: Model,
    pub(super) core: Core,
    pub(super) nodes: Vec<FakeNode>,
    /// Tasks whose creation was acknowledged.
    pub(super) created: Vec<TaskId>,
    /// How often each attempt's program was started.
    started: BTreeMap<AttemptKey, u32>,
    mono: Duration,
    wall: DateTime<Utc>,
    connections: u64,
    ids: u64,
}

impl Cluster {
    pub(super) fn new(seed: u64, nodes: usize) -> Self {
        let wall = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let mut random = Random::new(seed);
        let now = Now { wall, mono: Duration::ZERO };
        let nodes = (0..nodes)
            .map(|index| {
                FakeNode::new(NodeId(Uuid::from_u64_pair(1, index as u64)), 2 + random.below(3) as u32)
            })
            .collect();
        let model = Model::default();
        Self {
            core: Core::load(now, Settings::default(), model.load()),
            random,
            model,
            nodes,
            created: Vec::new(),
            started: BTreeMap::new(),
            mono: Duration::ZERO,
            wall,
            connections: 0,
            ids: 0,
        }
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    pub(super) fn now(&self) -> Now {
        Now { wall: self.wall, mono: self.mono }
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.mono += time;
        self.wall += time;
    }

    /// The wall clock is set; the monotonic one knows nothing of it.
    pub(super) fn step_clock(&mut self, by: TimeDelta) {
        self.wall += by;
    }

    pub(super) fn create(&mut self, plan: Arc<Plan>, priority: i32) -> TaskId {
        self.ids += 1;
        let version_id = self.ids as i64;
        let task_id = TaskId(Uuid::from_u64_pair(2, self.ids));
        self.model.plans.insert(version_id, plan.clone());
        let request = NewTaskRequest {
            task_id,
            name: "task".to_owned(),
            app_id: AppId(Uuid::from_u64_pair(3, 1)),
            version_id,
            plan,
            origin: None,
            priority,
            input: None,
            key: None,
            fingerprint: None,
        };
        self.core.create_task(self.now(), request);
        task_id
    }

    pub(super) fn stop(&mut self, task_id: TaskId) {
        let stop = StopRequest { signal: 15, grace: None };
        let _finished_ones_are_refused = self.core.stop_task(self.now(), task_id, stop, "test");
    }

    pub(super) fn rerun(&mut self, record: TaskRecord) {
        let version = self.random.one_in(2).then(|| {
            self.ids += 1;
            let (version_id, plan) = (self.ids as i64, plans::draw(&mut self.random));
            self.model.plans.insert(version_id, plan.clone());
            (version_id, plan)
        });
        let task = self.model.finished(record);
        let _open_ones_are_refused = self.core.rerun_task(self.now(), task, version, "test");
    }

    pub(super) fn recover(&mut self, record: TaskRecord) {
        let task = self.model.finished(record);
        let names: Vec<String> = task.plan.actions.iter().map(|action| action.name.clone()).collect();
        let from = if self.random.one_in(2) {
            Vec::new()
        } else {
            vec![names[self.random.below(names.len())].clone()]
        };
        let _others_are_refused = self.core.recover_task(self.now(), task, from, "test");
    }

    pub(super) fn connect(&mut self, index: usize) {
        self.disconnect(index);
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        let node = &mut self.nodes[index];
        node.connection = Some(connection);
        let (id, hello, now) = (node.id, node.hello(), self.now());
        self.core.connect_node(now, id, connection, hello);
    }

    pub(super) fn disconnect(&mut self, index: usize) {
        if let Some(connection) = self.nodes[index].disconnect() {
            self.core.disconnect_node(self.now(), connection);
        }
    }

    pub(super) fn drain(&mut self, index: usize, patience: Option<Duration>) {
        self.core.drain_node(self.now(), self.nodes[index].id, patience);
    }

    pub(super) fn undrain(&mut self, index: usize) {
        self.core.undrain_node(self.nodes[index].id);
    }

    /// Frames of a node reach the manager.
    pub(super) fn deliver_to_manager(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        let Some(connection) = node.connection else { return };
        let frames = node.to_manager.drain(..).collect();
        self.core.take_frames(self.now(), connection, frames);
    }

    pub(super) fn deliver_to_node(&mut self, index: usize) {
        let now = self.now();
        let acked = self.nodes[index].receive(now);
        for report in acked {
            if let AttemptEvent::Finished(_) = report.event {
                let task = self.model.tasks.values().find(|task| task.task_id == report.attempt.task_id);
                let Some(task) = task else { continue };
                let plan = self.model.plan_of(task);
                let action = plan.actions.iter().position(|action| action.name == report.attempt.action);
                let recorded = self.model.attempts.values().any(|attempt| {
                    let same_action = match &attempt.name {
                        Some(name) => **name == *report.attempt.action,
                        None => action.is_none_or(|action| attempt.id.action == action as u32),
                    };
                    attempt.id.task == task.seq
                        && same_action
                        && attempt.id.number == report.attempt.attempt
                        && !attempt.stage.is_open()
                });
                assert!(recorded, "an acknowledged end is never lost: {report:?}");
            }
        }
    }

    pub(super) fn act(&mut self, index: usize) {
        let now = self.now();
        if let Some(order) = self.nodes[index].act(now, &mut self.random) {
            self.check_start(index, &order);
        }
    }

    fn check_start(&mut self, index: usize, order: &AssignOrder) {
        let count = self.started.entry(order.key.clone()).or_default();
        *count += 1;
        assert_eq!(*count, 1, "an attempt's program is started once: {:?}", order.key);
        if !self.model.tasks.contains_key(&order.id.task) {
            // its task was deleted while a node that was given up still had it
            return;
        }
        assert!(self.model.attempts.contains_key(&order.id), "what starts was committed before");
        assert!(self.model.conditions_hold(order.id), "nothing starts before its conditions hold: {order:?}");
        for (other, node) in self.nodes.iter().enumerate() {
            let overlapping = node.running().filter(|running| {
                (other, running.id) != (index, order.id)
                    && (running.id.task, running.id.action) == (order.id.task, order.id.action)
            });
            for running in overlapping {
                let older = running.id.min(order.id);
                let exit = &self.model.attempts[&older].exit;
                assert!(
                    matches!(exit, Some(Exit::Lost { .. })),
                    "an attempt overlaps another only after a loss: {exit:?}"
                );
            }
        }
        let node = &self.nodes[index];
        let is_stopped = self.model.tasks[&order.id.task].stop.is_some() && order.id.action < SUCCESS_EVENT;
        assert!(
            !is_stopped || !node.has_heard_all(),
            "nothing of a stopped task starts on a node that could know"
        );
        let is_drained = self.model.drains.contains_key(&node.id);
        assert!(!is_drained || !node.has_heard_all(), "nothing starts on a drained node that could know");
        let slots: u32 =
            node.running().map(|order| order.shape.action(order.action).unwrap().resources.slots).sum();
        assert!(slots <= node.capacity.slots);
    }

    /// One turn of the engine's loop.
    pub(super) fn turn(&mut self) {
        let now = self.now();
        let sources = self.model.standing.sources(&self.core.wanted_sources(now));
        self.core.fire_timers(now, &sources);
        self.derive_inputs();
        self.core.withdraw_builds();
        self.core.place(now);
        let outcome = self.core.take_outcome();
        self.model.commit(&outcome.changes);
        self.created.extend(outcome.changes.new_tasks.iter().map(|task| task.record.task_id));
        for effect in outcome.effects {
            match effect {
                Effect::Send { connection, frame } => self.send(connection, ToNode::Frame(frame)),
                Effect::Assign { connection, order } => self.send(connection, ToNode::Assign(order)),
                Effect::Close { connection, .. } => {
                    if let Some(node) = self.nodes.iter_mut().find(|node| node.connection == Some(connection))
                    {
                        node.disconnect();
                    }
                }
                Effect::Finished { task_id } => assert!(!self.model.task(task_id).stage.is_open()),
                Effect::Publish(_) => {}
            }
        }
    }

    fn derive_inputs(&mut self) {
        let (now, random) = (self.now(), &mut self.random);
        derive_inputs(&mut self.core, now, &self.model, || random.one_in(20));
    }

    /// So many version numbers that nothing else has; they follow the one returned.
    pub(super) fn next_versions(&mut self, count: u64) -> i64 {
        self.ids += count;
        (self.ids - count) as i64
    }

    fn send(&mut self, connection: ConnectionId, frame: ToNode) {
        if let Some(node) = self.nodes.iter_mut().find(|node| node.connection == Some(connection)) {
            node.to_node.push_back(frame);
        }
    }

    /// The manager dies, or cannot commit: what is not committed has not happened.
    pub(super) fn restart_manager(&mut self, death: Death) {
        if death == Death::AfterCommit {
            self.derive_inputs();
            self.core.place(self.now());
            let outcome = self.core.take_outcome();
            self.model.commit(&outcome.changes);
        }
        for node in &mut self.nodes {
            node.disconnect();
        }
        self.core = Core::load(self.now(), Settings::default(), self.model.load());
    }

    /// The rows tell the same state that the core has come to.
    pub(super) fn check_reload(&self) {
        let mut reloaded = Core::load(self.now(), Settings::default(), self.model.load());
        let repairs = reloaded.take_outcome();
        assert!(repairs.changes.is_empty(), "the rows are settled: {:?}", repairs.changes);
        compare(&self.core.describe(), &reloaded.describe());
        reloaded.check_sanity();
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Death {
    BeforeCommit,
    /// Committed, but nobody was told.
    AfterCommit,
}

/// Fails with the lines that differ and the text they stand in.
fn compare(live: &str, reloaded: &str) {
    let differing: Vec<String> = live
        .lines()
        .zip(reloaded.lines())
        .filter(|(a, b)| a != b)
        .map(|(a, b)| format!("- {a}\n+ {b}"))
        .collect();
    assert!(live == reloaded, "live (-) and reloaded (+) differ:\n{}\nin:\n{live}", differing.join("\n"));
}
