//! The core: a deterministic, synchronous state machine without I/O, clock or randomness. It holds what is open and nothing else.
//!
//! Each thing that can happen is a method (`create_task`, `stop_task`, `connect_node`, `report`, ...) that changes the state and notes down
//! in the [`Outcome`] which rows have changed and what is to be done once they are committed. [`Core::place`] is called once per
//! batch and hands out what can start. Nothing here scans all tasks: every event costs the logarithm of what is open.
//!
//! The core is a cache. Whenever its batch could not be committed it is thrown away and built anew from the store
//! ([`Core::load`]), by the same path as at every start.

pub mod build;
pub mod derive;
mod derived;
mod drain;
mod generate;
mod load;
mod node;
mod nodes;
mod origin;
mod outcome;
mod overview;
mod placement;
mod preparing;
mod progress;
mod queue;
pub mod record;
mod reopen;
mod reserve;
pub mod result;
pub mod retry;
pub mod schedule;
pub mod service;
mod shape;
mod sources;
pub mod standing;
mod targets;
mod task;
mod tasks;
mod time;
mod timers;
mod why;
pub mod work;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Weak};
use std::time::Duration;

use chrono::{DateTime, Utc};
use lp_protocol::plan::{Ordinal, Plan};
use lp_protocol::views;
use lp_protocol::{AttemptKey, NodeId, TaskId, VersionId, WorkId};

use drain::Draining;
pub use drain::{NodeRefusal, removed};
use node::Node;
pub use outcome::{AssignOrder, ConnectionId, Effect, Outcome};
pub use overview::{Counters, HeldAction, NodeOverview, Overview};
use queue::{Place, Queue};
use record::{AttemptId, AttemptRecord, TaskSeq};
pub use reopen::Finished;
use schedule::Schedules;
use service::Services;
pub use shape::Shape;
pub use sources::{AppSource, SourceKey, Sources};
use task::{State, Task};
pub use tasks::{NewTaskRequest, TaskRefusal};
pub use time::Now;
use timers::Timers;
pub use why::{Reasons, WhyAsked};

/// What an operator may set.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How often a node shows that it lives.
    pub heartbeat: Duration,
    /// A node silent for this long loses its attempts.
    pub lost_after: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { heartbeat: Duration::from_secs(5), lost_after: Duration::from_secs(60) }
    }
}

pub struct Core {
    settings: Settings,
    /// Boxed: nodes of the tree are half empty where keys only grow.
    tasks: BTreeMap<TaskSeq, Box<Task>>,
    by_id: HashMap<TaskId, TaskSeq>,
    /// Attempts whose end is not recorded.
    live: BTreeMap<AttemptId, AttemptRecord>,
    nodes: BTreeMap<NodeId, Node>,
    connections: BTreeMap<ConnectionId, NodeId>,
    shapes: HashMap<VersionId, Weak<Shape>>,
    drains: BTreeMap<NodeId, Draining>,
    /// The `target_env` of tasks that are opened next.
    offered_targets: HashMap<TaskSeq, Box<str>>,
    /// How many of the tasks have begun.
    begun_tasks: u64,
    queue: Queue,
    timers: Timers,
    schedules: Schedules,
    services: Services,
    next_seq: TaskSeq,
    last_create_at: DateTime<Utc>,
    works: BTreeMap<WorkId, Box<work::Work>>,
    /// Inputs the engine is to put together.
    derived: Vec<work::DerivedInput>,
    /// Something may be placed that could not be before.
    unsettled: bool,
    rebalance_set: bool,
    builds: build::Builds,
    outcome: Outcome,
    pub counters: Counters,
    /// Somebody listens to events of attempts.
    pub watched: bool,
}

impl Core {
    /// Hands over what has come together since the last call.
    pub fn take_outcome(&mut self) -> Outcome {
        std::mem::take(&mut self.outcome)
    }

    /// What has come together so far and is not taken yet.
    pub fn changes(&self) -> &record::Changes {
        &self.outcome.changes
    }

    /// When [`Core::fire_timers`] has something to do next, on the monotonic clock.
    pub fn next_due(&self) -> Option<Duration> {
        self.timers.next_due()
    }

    /// The sequence number of an open task.
    pub fn find_open(&self, task_id: TaskId) -> Option<TaskSeq> {
        self.by_id.get(&task_id).copied()
    }

    /// The shape of a version, shared by all its open tasks.
    fn shape(&mut self, version_id: VersionId, plan: &Arc<Plan>) -> Arc<Shape> {
        if let Some(shape) = self.shapes.get(&version_id).and_then(Weak::upgrade) {
            return shape;
        }
        self.shapes.retain(|_, shape| shape.strong_count() > 0);
        let shape = Arc::new(Shape::new(plan.clone()));
        self.shapes.insert(version_id, Arc::downgrade(&shape));
        shape
    }

    /// Notes that a task's record has changed; the row is taken as it is at the end of the batch.
    fn touch(&mut self, seq: TaskSeq) {
        let Some(task) = self.tasks.get(&seq) else { return };
        let changes = &mut self.outcome.changes;
        match changes.new_tasks.binary_search_by_key(&seq, |new| new.record.seq) {
            Ok(index) => changes.new_tasks[index].record = task.record.clone(),
            Err(_) => {
                changes.tasks.insert(seq, task.record.clone());
            }
        }
    }

    /// Notes that an attempt has changed.
    fn touch_attempt(&mut self, record: AttemptRecord) {
        if let Some(key) = self.key(record.id).filter(|_| self.watched) {
            self.outcome.effects.push(Effect::Publish(views::Event::Attempt {
                task_id: key.task_id,
                action: key.action,
                attempt: key.attempt,
                stage: record.stage,
                status: record.status,
            }));
        }
        self.outcome.changes.attempts.insert(record.id, record);
    }

    /// The name nodes know an attempt by. None where its task is not open any more.
    fn key(&self, id: AttemptId) -> Option<AttemptKey> {
        let task = self.tasks.get(&id.task)?;
        let action = task.plan(id.action)?.name.clone();
        Some(AttemptKey { task_id: task.record.task_id, action, attempt: id.number })
    }

    fn resolve(&self, key: &AttemptKey) -> Option<AttemptId> {
        let seq = *self.by_id.get(&key.task_id)?;
        let action = self.tasks.get(&seq)?.shape.ordinal(&key.action)?;
        Some(AttemptId { task: seq, action, number: key.attempt })
    }

    fn place_of(task: &Task, action: Ordinal) -> Place {
        Place {
            priority: std::cmp::Reverse(task.priority(action)),
            begins_task: !task.begun,
            task: task.record.seq,
            action,
        }
    }

    /// Puts an action in the queue and marks it so.
    fn enqueue(&mut self, seq: TaskSeq, action: Ordinal) {
        let Some(task) = self.tasks.get_mut(&seq) else { return };
        let place = Self::place_of(task, action);
        let Some(class) = task.class(action).cloned() else { return };
        task.set_state(action, State::Queued);
        self.queue.insert(&class, place);
        self.unsettled = true;
    }

    /// Takes an action out of the queue; its state is the caller's to set.
    fn dequeue(&mut self, seq: TaskSeq, action: Ordinal) {
        let Some(task) = self.tasks.get(&seq) else { return };
        if let Some(class) = task.class(action) {
            self.queue.remove(class, &Self::place_of(task, action));
        }
    }
}
